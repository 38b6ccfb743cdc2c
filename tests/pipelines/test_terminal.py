"""Commands on a real pseudo-terminal: bars come and go, and nothing is cut."""

import sys
from pathlib import Path

import pytest

from tests.conftest import SMALL, command_in
from tests.terminal import Recording, record

CUT = "…"


def on_terminal(folder: Path, columns: int, *arguments: str) -> Recording:
    command = [sys.executable, "-m", "pipelines.cli", *arguments]
    return record(command, columns=columns, folder=folder, environment=command_in(folder).environment)


def test_a_training_draws_bars_erases_them_and_cuts_nothing(reviews_csv: Path, tmp_path: Path) -> None:
    options = [*SMALL, "--models", "lstm", "--epochs", "2", "--no-linear-model"]
    recording = on_terminal(tmp_path, 80, "evaluate", "--data", str(reviews_csv), *options)
    lines = recording.lines()
    assert recording.exit_code == 0, "\n".join(lines)
    assert recording.ever_showed("compiling the first step")
    assert recording.ever_showed("loss 0.")
    assert not recording.ever_showed(CUT)
    assert not [line for line in lines if "━" in line or "compiling" in line]
    epochs = [line for line in lines if line.lstrip().startswith("LSTM epoch ")]
    assert [line[:17] for line in epochs] == ["  LSTM epoch 1/2:", "  LSTM epoch 2/2:"]
    head = next(number for number, line in enumerate(lines) if line.split()[:2] == ["split", "reviews"])
    assert [line.split()[0] for line in lines[head + 2 : head + 4]] == ["train", "test"]


@pytest.mark.parametrize(
    ("columns", "arguments"),
    [(80, "--help"), (80, "run-pipeline --help"), (120, "score --help"), (80, "describe --preset textbook -q")],
)
def test_help_and_layers_are_whole(tmp_path: Path, columns: int, arguments: str) -> None:
    recording = on_terminal(tmp_path, columns, *arguments.split())
    lines = recording.lines()
    assert recording.exit_code == 0
    assert not [line for line in lines if CUT in line or len(line) > columns]
    if arguments.startswith("describe"):
        assert next(line for line in lines if line) == "LSTM"  # and no log of TensorFlow
    if arguments == "--help":
        panels = [line.split()[1] for line in lines if line.startswith("╭")]
        assert panels == ["Options", "Train", "Improve", "Use", "Understand"]
