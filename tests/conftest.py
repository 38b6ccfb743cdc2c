"""Reviews, the command line, and one small finished pipeline run that many tests read."""

import fcntl
import functools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import settings
from typer.testing import CliRunner, Result

from tests import reviews

if TYPE_CHECKING:
    from sentiment.classifier import SentimentClassifier

settings.register_profile("shared-machine", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("shared-machine")

SMALL = [
    *"--preset textbook --source table --num-words 2000 --maxlen 60 --embedding-dim 8 --units 8 --epochs 3".split(),
    *"--patience 3 --embedding-dropout 0.2 --batch-size 32 --learning-rate 0.01".split(),
]
"""Options of a pipeline that trains for seconds, with everything random in use. Its LSTM is hardly better than chance,
so it becomes champion only with --promote."""

Invoke = Callable[..., Result]
"""Runs the command line with these arguments."""

OWN_VARIABLES = ("MLFLOW_TRACKING_URI", "TFDS_DATA_DIR", "KERAS_HOME")
"""Variables that whoever runs the tests may have set; no command here follows them."""

PATIENCE = 1_800
"""Seconds until a command counts as one that never ends, on a machine that does much else."""


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of one run of pytest have in common."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


def once(path: Path, make: Callable[[Path], object]) -> Path:
    """What `make` writes at a path, made by the first process that asks for it."""
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = path.with_name(f"{path.name}.done")
        if not done.exists():
            make(path)
            done.touch()
    return path


@pytest.fixture(scope="session")
def archive(shared_folder: Path) -> Path:
    """The demo corpus, which is synthetic, as an archive in the layout of aclImdb."""
    return once(shared_folder / "aclImdb.tar.gz", reviews.write_demo_archive)


@pytest.fixture(scope="session")
def real_archive() -> Path:
    """The archive of real reviews that you name in the variable REVIEWS; tests that use it are marked `reviews`."""
    path = Path(os.environ["REVIEWS"]).resolve()
    assert path.is_file(), f"REVIEWS names no archive: {path}"
    return path


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of real reviews where the variable REVIEWS names none."""
    if not os.environ.get("REVIEWS"):
        of_real_reviews = [item for item in items if item.get_closest_marker("reviews")]
        config.hook.pytest_deselected(items=of_real_reviews)
        items[:] = [item for item in items if item not in of_real_reviews]


@pytest.fixture(scope="session")
def tfds_folder(archive: Path, shared_folder: Path) -> Path:
    """The archive of the demo corpus as tensorflow-datasets prepares it."""
    return once(shared_folder / "tfds", functools.partial(reviews.prepare_tfds, {"imdb_reviews": archive}))


@pytest.fixture(scope="session")
def real_tfds_folder(real_archive: Path, shared_folder: Path) -> Path:
    """The archive of real reviews as tensorflow-datasets prepares it."""
    return once(shared_folder / "real-tfds", functools.partial(reviews.prepare_tfds, {"imdb_reviews": real_archive}))


@pytest.fixture(scope="session")
def reviews_csv(archive: Path, shared_folder: Path) -> Path:
    """600 reviews of the demo corpus with the columns text and label."""

    def write(path: Path) -> None:
        from sentiment.data.sources import find_files, load_corpus
        from sentiment.data.sources.config import SourceConfig

        config = SourceConfig(source="aclimdb", data=archive)
        train = load_corpus(config, find_files(config), seed=0).train
        table = pd.DataFrame({"text": list(train.texts), "label": train.labels})
        table.groupby("label").head(300).to_csv(path, index=False)

    return once(shared_folder / "reviews.csv", write)


def _heed_interrupts() -> None:
    """Commands of a shell in the background ignore Ctrl-C, and so do their children unless they are told."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class Command:
    """The `sentiment` command as a real process."""

    folder: Path
    environment: dict[str, str]

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=_heed_interrupts,
        )

    def run(self, *arguments: str) -> str:
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, output
        return output

    def run_at_once(self, *programs: Sequence[str | Path]) -> list[str]:
        """What Python programs print that begin at the same time, each the code and its arguments.

        A program prints `ready`, and begins once it has read a line.
        """
        pipe = subprocess.PIPE
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", *program],
                cwd=self.folder, env=self.environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True,
            )
            for program in programs
        ]  # fmt: skip
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        said = []
        for process in processes:
            output, errors = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, errors
            said.append(output)
        return said


def invoked(*arguments: object) -> Result:
    """The command line in this process: one of its own would import TensorFlow for seconds."""
    from pipelines.cli import application

    return CliRunner().invoke(application(), [str(argument) for argument in arguments])


def run_in(folder: Path, *arguments: object, **environment: str) -> str:
    """What a command line that succeeds prints, in this process and in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for variable in OWN_VARIABLES:
            patch.delenv(variable, raising=False)
        for variable, value in environment.items():
            patch.setenv(variable, value)
        result = invoked(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def command_in(folder: Path, **environment: str) -> Command:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "TFDS_"))}
    inherited["PYTHONPATH"] = str(Path(__file__).parents[1])
    return Command(folder, {**inherited, **environment})


@dataclass(frozen=True)
class PipelineRun:
    """A finished run of the pipeline: where it ran and what it printed."""

    folder: Path
    output: str

    @property
    def tracking_uri(self) -> str:
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    @property
    def classifier(self) -> Path:
        """The saved LSTM."""
        [stage] = [path for path in self.folder.glob(".sentiment/train/*/stage.json")
                   if json.loads(path.read_text())["cell"] == "lstm"]  # fmt: skip
        return stage.parent / "classifier"

    @property
    def predictions(self) -> pd.DataFrame:
        """What the LSTM says of the test reviews."""
        trained = self.classifier.parent.name
        [stage] = [path for path in self.folder.glob(".sentiment/evaluate/*/stage.json")
                   if json.loads(path.read_text()).get("train") == trained]  # fmt: skip
        return pd.read_parquet(stage.parent / "predictions.parquet")

    def stage_json(self, stage: str, name: str) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob(f".sentiment/{stage}/*/{name}"))]


@pytest.fixture(scope="session")
def make_mlflow_store(shared_folder: Path) -> Callable[[Path], Path]:
    """Puts an empty MLflow store into a folder, as the first command that logs there would make it.

    MLflow takes seconds to make one, as it applies every migration that its tables ever had. It does so once here, and
    every folder gets a copy.
    """

    def make(path: Path) -> None:
        import mlflow

        from sentiment.tracking import store

        store.silence()
        mlflow.MlflowClient(f"sqlite:///{path}").search_experiments(max_results=1)

    template = once(shared_folder / "empty-mlflow.db", make)

    def copy(folder: Path) -> Path:
        path = shutil.copy(template, folder / "mlflow.db")
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE experiments SET artifact_location = ?", (str(folder / "mlruns" / "0"),))
        return Path(path)

    return copy


@pytest.fixture
def mlflow_store(make_mlflow_store: Callable[[Path], Path], tmp_path: Path) -> Path:
    """An empty MLflow store in the test's folder: a test that logs there need not wait until MLflow has made one."""
    return make_mlflow_store(tmp_path)


@pytest.fixture(scope="session")
def small_run(
    reviews_csv: Path,
    make_mlflow_store: Callable[[Path], Path],
    shared_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> PipelineRun:
    """LSTM and SimpleRNN on 600 reviews, as a user runs it: a process of its own, MLflow by its defaults.

    Every process of pytest has a copy; its store names the original's files until a command runs in its folder.
    """

    def run(folder: Path) -> None:
        folder.mkdir()
        make_mlflow_store(folder)
        output = command_in(folder).run("run-pipeline", "--data", str(reviews_csv), *SMALL, "--promote")
        (folder.parent / "small-run.txt").write_text(output)

    original = once(shared_folder / "small-run", run)
    folder = tmp_path_factory.mktemp("copy") / "small-run"
    shutil.copytree(original, folder)
    return PipelineRun(folder, (shared_folder / "small-run.txt").read_text())


@pytest.fixture(scope="session")
def demo_run(make_mlflow_store: Callable[[Path], Path], shared_folder: Path) -> PipelineRun:
    """`sentiment run-pipeline --source demo`, as a newcomer runs it: the folder is for reading alone."""

    def run(folder: Path) -> None:
        folder.mkdir()
        make_mlflow_store(folder)
        (folder.parent / "demo-run.txt").write_text(run_in(folder, "run-pipeline", "--source", "demo"))

    return PipelineRun(once(shared_folder / "demo-run", run), (shared_folder / "demo-run.txt").read_text())


@pytest.fixture(scope="session")
def small_classifiers(small_run: PipelineRun) -> "dict[str, SentimentClassifier]":
    """The classifiers of the small run by cell."""
    from sentiment.classifier import SentimentClassifier

    folders = small_run.folder.glob(".sentiment/train/*/classifier")
    return {
        classifier.recurrent_model.network.cell: classifier for classifier in map(SentimentClassifier.load, folders)
    }


@pytest.fixture(scope="module")
def uncompiled() -> Iterator[None]:
    """Keras' own time loops: compiling takes longer than a small training, and another test resumes compiled ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sentiment.training.time_loop.is_compiled", lambda: False)
        yield


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Run the command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for variable in OWN_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    return invoked
