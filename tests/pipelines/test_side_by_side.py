import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SMALL, Invoke


@pytest.fixture
def train(
    invoke: Invoke, tmp_path: Path, reviews_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """Runs `sentiment train` on so many cores; gives the losses of each cell."""

    def run(work_dir: str, cores: int, *options: str) -> dict[str, Any]:
        monkeypatch.setattr("pipelines.stages.side_by_side.available_cores", lambda: cores)
        result = invoke("train", *SMALL, "--data", reviews_csv, "--work-dir", work_dir, *options)
        assert result.exit_code == 0, result.output
        losses = {}
        for stage in (tmp_path / work_dir).glob("train/*/stage.json"):
            history = json.loads((stage.parent / "history.json").read_text())
            losses[json.loads(stage.read_text())["cell"]] = history["loss"], history["val_loss"]
        return losses

    return run


def test_networks_trained_side_by_side_are_those_trained_one_after_the_other(
    train: Callable[..., dict[str, Any]],
) -> None:
    together = train("together", 2)
    assert set(together) == {"lstm", "simple_rnn"}
    assert together == train("alone", 1)
