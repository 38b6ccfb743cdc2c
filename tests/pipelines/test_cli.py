"""The command line: what it prints, and what it says of input that it cannot use."""

import errno
import importlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer

from pipelines.commands.exit_codes import errors_to_exit_codes, refusal
from pipelines.commands.training import BEYOND_THE_DEFAULT
from pipelines.console import Console
from sentiment.classifier import SentimentClassifier
from sentiment.training.linear_model import LinearModel
from sentiment.version import __version__
from tests.conftest import SMALL, Invoke, PipelineRun, command_in, run_in

FOUR_REVIEWS = "text,label\ngood,1\nbad,0\nfine,1\npoor,0\n"


@pytest.mark.parametrize(
    ("arguments", "content", "says"),
    [
        pytest.param("", None, "reviews.csv does not exist", id="missing file"),
        pytest.param("--text-column body", FOUR_REVIEWS, "its columns are text, label", id="wrong column"),
        pytest.param("", "text,label\ngood,1\nfine,1\ngreat,1\nnice,1\n", "has only positive reviews", id="one class"),
        pytest.param("", "text,label,split\na,1,train\nb,1,train\nc,1,test\nd,0,test\n",
                     "train split has only positive reviews (2)", id="one class in train"),
        pytest.param("", "text,label,split\na,1,test\nb,0,test\n", "train split has no reviews", id="empty split"),
        pytest.param("", "text,label\n", "holds no review that can be used", id="no reviews"),
        pytest.param("", "text,label\ngood,1\nbad,perhaps\n", "found 'perhaps', first in row 2", id="unknown label"),
        pytest.param("--num-words 4", FOUR_REVIEWS, "num_words is 4", id="num_words"),
        pytest.param("--maxlen 1", FOUR_REVIEWS, "maxlen is 1", id="maxlen"),
        pytest.param("--padding middle", FOUR_REVIEWS, "padding is 'middle'", id="padding"),
        pytest.param("--models lstm,transformer", FOUR_REVIEWS, "models is 'transformer'", id="unknown model"),
        pytest.param("--seeds 0,one", FOUR_REVIEWS, "seeds is 'one'", id="seed"),
        pytest.param("--seeds 1,2,1", FOUR_REVIEWS, "each may stand there once", id="repeated seed"),
        pytest.param("--seeds 1 --repeats 2", FOUR_REVIEWS, "give one of them", id="seeds and repeats"),
        pytest.param("--positive 4,5", FOUR_REVIEWS, "give the values of both", id="positive alone"),
        pytest.param("--positive 4 --negative 2", FOUR_REVIEWS, "neither positive nor negative (4, first row 1)",
                     id="no row of these values"),
        pytest.param("", "text,label\ngood,5\nbad,1\n", "such as --positive 4,5 --negative 1,2", id="stars"),
        pytest.param("--threshold 0.7", FOUR_REVIEWS, "threshold is '0.7'", id="threshold"),
        pytest.param("--preset none", FOUR_REVIEWS, "choose demo, fine-tune, linear, standard, ", id="unknown preset"),
        pytest.param("--work-dir /proc/none", FOUR_REVIEWS, "/proc/none cannot be written", id="unwritable"),
    ],
)  # fmt: skip
def test_bad_input_ends_with_exit_code_2_and_a_remedy(
    invoke: Invoke, tmp_path: Path, arguments: str, content: str | bytes | None, says: str
) -> None:
    if content is not None:
        (tmp_path / "reviews.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    result = invoke("run-pipeline", "--source", "table", "--data", "reviews.csv", *arguments.split())
    assert (result.exit_code, says in result.output) == (2, True), result.output
    assert "Traceback" not in result.output
    assert not list(tmp_path.glob(".sentiment/load/*[!l]/stage.json"))  # nothing that looks finished
    assert not (tmp_path / "mlflow.db").exists()


def test_too_few_reviews_of_a_class_to_validate_on_are_named(invoke: Invoke, tmp_path: Path) -> None:
    rows = ["a,1,train", "b,0,train", "c,0,train", "d,1,test", "e,0,test"]
    (tmp_path / "few.csv").write_text("\n".join(["text,label,split", *rows]))
    result = invoke("train", "--source", "table", "--data", "few.csv")
    assert result.exit_code == 2
    assert "3 reviews with 1 distinct texts of the rarest class cannot" in result.output


def test_one_message_says_which_lines_of_a_preset_to_delete_and_what_it_may_have(
    invoke: Invoke, tmp_path: Path
) -> None:
    (tmp_path / "my.toml").write_text("[training]\nepoch = 3\nentropy_weight = 0.0\n")
    result = invoke("load", "--preset", "my.toml", "--source", "demo")
    assert result.exit_code == 2
    assert "unknown keys training.epoch, training.entropy_weight in preset my.toml" in result.output
    assert "delete their lines" in result.output
    assert "known in training are validation_share, batch_size, epochs, patience" in result.output


@pytest.mark.parametrize("arguments", ["--source imdb --data half-prepared", "--source keras"])
def test_without_data_or_network_the_message_shows_the_ways_out(tmp_path: Path, arguments: str) -> None:
    """Loopback stands in for the network that is not there: nothing answers at that proxy."""
    incomplete = tmp_path / "half-prepared" / "imdb_reviews" / "plain_text" / "incomplete.ABC_1.0.0"
    incomplete.mkdir(parents=True)
    (incomplete / "dataset_info.json").write_text("{}")
    nowhere = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    process = command_in(tmp_path, KERAS_HOME=str(tmp_path / "keras"), **nowhere).start("load", *arguments.split())
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2, output
    assert all(part in output for part in ("could not be downloaded from", "--data", "--source demo"))
    assert "Traceback" not in output


def test_a_working_directory_of_another_version_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "working-directory.json").write_text('{"format": 0, "sentiment": "0.0.1"}')
    result = invoke("load", "--source", "demo", "--work-dir", "old")
    assert (result.exit_code, "was written by sentiment 0.0.1" in result.output) == (2, True)


def on_full_disk(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """What Python does; a limit on the size of files stands in for the disk."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=command_in(folder).environment,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )


def test_a_full_disk_leaves_nothing_half_written_and_the_next_try_goes_on(tmp_path: Path) -> None:
    limited = on_full_disk(tmp_path, "-m", "pipelines.cli", "load", "--source", "demo")
    assert limited.returncode == 2, limited.stderr
    assert "could not be written" in limited.stderr
    assert "Make room" in limited.stderr
    assert not list(tmp_path.glob(".sentiment/load/*/stage.json"))
    assert "6,000" in run_in(tmp_path, "load", "--source", "demo")


def test_an_mlflow_server_that_does_not_answer_is_named(
    invoke: Invoke, reviews_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    result = invoke("run-pipeline", "--data", reviews_csv, *SMALL)
    assert (result.exit_code, "MLflow at http://127.0.0.1:9 cannot be used" in result.output) == (2, True)


def test_help_shows_the_options_of_what_a_command_reads_with_their_defaults_and_no_others(invoke: Invoke) -> None:
    output = " ".join(invoke("run-pipeline", "--help").output.split())
    for part in ("--num-words", "standard: 30000", "--maxlen", "--learning-rate", "One of imdb, keras", "--work-dir"):
        assert part in output
    output = invoke("vocabulary", "--help").output
    assert all(option in output for option in ("--source", "--data", "--num-words", "--seeds", "--preset"))
    assert not any(option in output for option in ("--maxlen", "--units", "--epochs", "--models", "--threshold"))


def test_the_version_tells_what_scores(invoke: Invoke) -> None:
    assert invoke("--version").output.startswith(f"sentiment {__version__}, scoring in ")


def test_help_imports_nothing_that_takes_long() -> None:
    slow = ("tensorflow", "mlflow", "keras", "pandas", "optuna", "sklearn", "scipy", "matplotlib")
    called = "from pipelines.cli import application; application()"
    code = f"import sys; {called}; print([name for name in {slow} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_what_a_default_run_is_told_has_the_figures_at_the_top_of_the_presets() -> None:
    presets = [
        resources.files("sentiment.presets").joinpath(f"{name}.toml").read_text() for name in ("strong", "standard")
    ]
    assert re.findall(r"\d\d\.\d %", BEYOND_THE_DEFAULT) == [
        found for preset in presets for found in re.findall(r"LSTM (\d\d\.\d %)", preset)
    ]


def test_a_preset_without_names_has_a_vocabulary_without_them(invoke: Invoke, tmp_path: Path) -> None:
    films = [
        f"I saw {name} in {kind} film {number}."
        for number in range(10)
        for name, kind in (("Maria", "fine"), ("Boris", "dull"))
    ]
    pd.DataFrame({"text": films, "label": [1, 0] * 10}).to_csv(tmp_path / "films.csv", index=False)
    result = invoke("vocabulary", "--preset", "standard", "--source", "table", "--data", tmp_path / "films.csv")
    assert result.exit_code == 0, result.output
    [path] = tmp_path.glob(".sentiment/vocabulary/*/vocabulary.json")
    words = json.loads(path.read_text())["words"]
    assert {"fine", "dull", "."} <= set(words)
    assert not {"maria", "boris"} & set(words)


def test_describe_prints_layers_with_their_parameters(invoke: Invoke) -> None:
    output = invoke("describe", "--embedding-dim", "8", "--units", "3", "--num-words", "100").output
    assert [line.split()[-1] for line in output.splitlines() if line.split()[:1] in (["lstm_1"], ["simple_rnn_1"])] == [
        "288",  # in both directions
        "72",
    ]


def test_stage_commands_follow_one_another_without_repeating_options(invoke: Invoke, reviews_csv: Path) -> None:
    first = invoke("load", "--preset", "textbook", "--source", "table", "--data", reviews_csv)
    assert first.exit_code == 0, first.output
    assert "600" not in first.output.splitlines()[0]
    vocabulary = invoke("vocabulary", "--num-words", "500")
    assert "cached in" in vocabulary.output  # load
    assert "wrote" in vocabulary.output
    padded = invoke("pad", "--maxlen", "60")
    assert padded.exit_code == 0, padded.output
    assert padded.output.count("cached in") == 2
    described = json.loads(Path(".sentiment/configuration.json").read_text())
    assert (described["vocabulary"]["num_words"], described["sequences"]["maxlen"]) == (500, 60)
    evaluated = invoke("evaluate", *"--model gru --epochs 1 --embedding-dim 8 --units 8".split())
    assert evaluated.exit_code == 0, evaluated.output
    assert "GRU" in evaluated.output
    assert not Path("mlflow.db").exists()


def test_a_damaged_configuration_in_the_working_directory_is_named(invoke: Invoke, tmp_path: Path) -> None:
    assert invoke("load", "--source", "demo").exit_code == 0
    for content, says in (
        (b"", "configuration.json is damaged"),
        (b'{"models": ["lstm"', "configuration.json is damaged"),
        (b"[" * 200_000, "configuration.json is damaged"),
        (b"\xff\xfe", "configuration.json is damaged"),
        (b"[]", "it holds no object"),
        (b'{"vocabulary": 5}', "vocabulary is 5: input should be a valid dictionary"),
        (b'{"models": 5}', "models is 5"),
        (b'{"surprise": 5}', "unknown key surprise in the working directory's configuration.json"),
    ):
        (tmp_path / ".sentiment" / "configuration.json").write_bytes(content)
        result = invoke("vocabulary", "--num-words", "500")
        assert (result.exit_code, says in result.output) == (2, True), result.output
        assert "Traceback" not in result.output


def test_a_full_disk_names_itself_where_an_array_is_written(tmp_path: Path) -> None:
    """NumPy's own error has no number."""
    code = (
        "import numpy; from pathlib import Path; from pipelines.files import save_array\n"
        "try:\n    save_array(Path('padded.npy'), numpy.zeros(1_000_000))\n"
        "except OSError as error:\n    print(error.errno)"
    )
    done = on_full_disk(tmp_path, "-c", code)
    assert done.stdout == f"{errno.EFBIG}\n", done.stderr


def test_a_full_disk_is_named_where_a_folder_is_copied() -> None:
    """`shutil.copytree` gathers its errors into one without a number."""
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert "could not be written: no space left on device" in str(
        refusal(shutil.Error([("folder", "copy", str(full))]))
    )


def test_quiet_prints_the_result_alone(invoke: Invoke, small_run: PipelineRun, reviews_csv: Path) -> None:
    shutil.copytree(small_run.folder / ".sentiment", ".sentiment")
    output = invoke("evaluate", "--model", "simple_rnn", "--data", reviews_csv, *SMALL, "--quiet").output
    assert output.lstrip().startswith("Test split of table")


def test_what_the_system_does_not_permit_ends_with_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended, errors_to_exit_codes(Console()):
        os.link(tmp_path, tmp_path / "copy")  # a folder takes no hard link: EPERM
    said = " ".join(capsys.readouterr().err.split())
    assert (ended.value.exit_code, "operation not permitted" in said) == (2, True), said


def test_a_package_that_an_installation_for_scoring_lacks_ends_with_exit_code_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(typer.Exit) as ended, errors_to_exit_codes(Console()):
        importlib.import_module("tensorflow")
    said = " ".join(capsys.readouterr().err.split())
    assert (ended.value.exit_code, "this needs tensorflow" in said, "`pip install .`" in said) == (2, True, True), said
    with pytest.raises(ModuleNotFoundError), errors_to_exit_codes(Console()):
        importlib.import_module("sentiment.nowhere")


@pytest.mark.parametrize("arguments", [["--help"], ["load", "--source", "demo"]], ids=["help", "a command"])
def test_a_terminal_that_refuses_what_is_printed_ends_the_command_without_a_traceback(
    tmp_path: Path, arguments: list[str]
) -> None:
    """A standard output that is open for reading alone stands in for it."""
    (tmp_path / "unwritable").touch()
    with (tmp_path / "unwritable").open() as refusing:
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", *arguments],
            cwd=tmp_path,
            env=command_in(tmp_path).environment,
            stdout=refusing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "could not be read or written: bad file descriptor" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_what_the_encoding_of_a_terminal_lacks_is_shown_as_an_escape(tmp_path: Path, encoding: str) -> None:
    model = LinearModel.fit(["a fine film", "a dull film"] * 10, np.array([1, 0] * 10))
    SentimentClassifier.from_model(model).save(tmp_path / "model")
    environment = {**command_in(tmp_path).environment, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "pipelines.cli", "predict", "--model", "model", "a fine film \U0001f600"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=True)
    shown = done.stdout.decode(encoding)
    assert ("\\U0001f600" in shown) == (encoding != "utf-8")
    as_json = subprocess.run([*command, "--json"], env=environment, cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(as_json.stdout.decode(encoding))["text"] == "a fine film \U0001f600"


def test_a_text_that_looks_like_an_option_or_is_missing_gets_the_remedy(invoke: Invoke) -> None:
    result = invoke("predict", "-1/10 would not buy")
    assert result.exit_code == 2
    assert "put -- before it" in " ".join(result.output.replace("│", " ").split())
    result = invoke("predict")
    assert (result.exit_code, "give - to read them from standard input" in result.output) == (2, True)
