"""MLflow's registry on the store of a real run, and the model that it holds served over HTTP."""

import json
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import mlflow
import pytest
from scipy import stats

from sentiment.tracking import sqlite_store
from sentiment.tracking.model import copied_classifier
from sentiment.tracking.store import make_store
from tests.conftest import Invoke, PipelineRun, command_in, run_in
from tests.server import mlflow_server


@pytest.fixture
def store(small_run: PipelineRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the store of the small run."""
    shutil.copy(small_run.folder / "mlflow.db", tmp_path / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    return tmp_path


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("models:/films@champion", "cannot be read from MLflow"),
        ("models:/reviews/9", "cannot be read from MLflow"),
        ("models:/none", "cannot be read from MLflow"),
        ("runs:/none/model", "cannot be read from MLflow"),
        ("s3://bucket/model", "`pip install boto3`"),
        ("gs://bucket/model", "`pip install google-cloud-storage`"),
        ("wasbs://box@account.blob.core.windows.net/model", "`pip install azure-storage-blob`"),
        ("http://127.0.0.1:9/model", "cannot be read by http: download its folder, or give models:/NAME@ALIAS"),
        ("other://place/model", "MLflow knows no other: give a folder, models:/NAME@ALIAS"),
        ("file:///none/model", "cannot be read"),
        ("dbfs:/none/model", "cannot be read"),
        ("none", "There is no folder none"),
    ],
)
def test_a_model_that_cannot_be_had_is_named_with_the_remedy(invoke: Invoke, store: Path, uri: str, says: str) -> None:
    result = invoke("predict", "a fine film", "--model", uri)
    assert (result.exit_code, says in result.output) == (2, True), result.output
    assert "Traceback" not in result.output


def test_of_a_logged_model_the_classifier_alone_is_copied(store: Path) -> None:
    client = mlflow.MlflowClient()
    version = client.get_model_version_by_alias("reviews", "champion")
    place = client.get_logged_model(version.source.removeprefix("models:/")).artifact_location
    uris = ["models:/reviews@champion", "models:/reviews/1", version.source, f"runs:/{version.run_id}/model", place]
    for number, uri in enumerate([*uris, f"file://{place}/"]):
        folder = store / str(number)
        path = copied_classifier(uri, str(folder))
        assert {found.name for found in path.iterdir()} >= {"classifier.json", "vocabulary.json", "weights.npz"}, uri
        assert not list(folder.rglob("*.py")), uri


@pytest.mark.parametrize("model", [[], ["--model", "models:/reviews/1"]])
def test_predict_reads_a_sqlite_store_without_mlflow_and_finds_what_mlflow_finds(store: Path, model: list[str]) -> None:
    script = "import sys; from pipelines.cli import main; import atexit\n" + (
        f"atexit.register(lambda: print('mlflow' in sys.modules)); sys.argv[1:] = ['predict', 'fine', *{model}]; main()"
    )
    said = {}
    for first in ("", "import mlflow\n"):
        ended = subprocess.run([sys.executable, "-c", first + script], capture_output=True, text=True, cwd=store)
        said[ended.stdout.splitlines()[-1]] = (ended.stdout.splitlines()[:-1], ended.stderr)
    assert said["False"] == said["True"]
    assert said["False"][1].startswith("model: ")


def test_what_a_sqlite_store_does_not_show_plainly_is_left_to_mlflow(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> tuple[list[str] | None, str | None]:
        with monkeypatch.context() as patch:
            patch.delitem(sys.modules, "mlflow")
            located = sqlite_store.located_model("models:/reviews@champion")
            return sqlite_store.champions(), located and located[1]

    first = "reviews version 1 (champion)"

    client = mlflow.MlflowClient()
    client.create_registered_model("films")
    assert found() == (["reviews"], first)
    far = client.create_model_version("reviews", "s3://bucket/model")
    client.set_registered_model_alias("reviews", "champion", far.version)
    assert found() == (["reviews"], None)
    client.set_registered_model_alias("reviews", "champion", "1")
    for name, value in (("MLFLOW_REGISTRY_URI", "http://127.0.0.1:9"), ("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert found() == (None, None)
    client.delete_model_version("reviews", "1")
    assert found() == ([], None)
    (store / "mlflow.db").write_bytes(b"none")
    assert found() == (None, None)


def test_without_a_name_the_only_champion_speaks_or_that_of_imdb(invoke: Invoke, store: Path) -> None:
    result = invoke("predict", "a good film")
    assert (result.exit_code, result.stderr) == (0, "model: reviews version 1 (champion)\n")
    client = mlflow.MlflowClient(f"sqlite:///{store / 'mlflow.db'}")
    client.create_registered_model("films")
    assert invoke("predict", "a good film").stderr == "model: reviews version 1 (champion)\n"
    result = invoke("promote", "1")
    assert result.exit_code == 2
    assert "Several models are registered: films, reviews. Name one" in result.output
    client.create_registered_model("imdb-sentiment")
    version = next(version for version in client.search_model_versions() if int(version.version) == 1)
    client.create_model_version("imdb-sentiment", version.source, model_id=version.model_id)
    result = invoke("promote", "1")
    assert "imdb-sentiment version 1 (champion) is now what `sentiment score`, `predict` and" in result.output
    assert invoke("predict", "a good film").stderr == "model: imdb-sentiment version 1 (champion)\n"
    result = invoke("promote", "1", "--name", "reviews")
    assert "(champion) is now what `sentiment score --model models:/reviews@champion` uses." in result.output
    result = invoke("promote", "3", "--name", "reviews")
    assert (result.exit_code, "reviews has no version 3; its versions are: 1" in result.output) == (2, True)


def test_an_mlflow_without_models_says_how_to_train_one(invoke: Invoke) -> None:
    make_store()
    result = invoke("promote", "1")
    assert (result.exit_code, "No model is registered in MLflow" in result.output) == (2, True)


def test_the_models_command_lists_what_run_pipeline_registered_as_far_as_it_is_known(
    small_run: PipelineRun, store: Path
) -> None:
    assert "registered  reviews version 1 (champion), as you asked with --promote" in small_run.output
    promote = "reviews version 2 is the linear model, NB-LR: `sentiment promote 2 --name reviews`"
    assert promote in small_run.output
    shown = run_in(store, "models", COLUMNS="250")
    [row] = [line.strip() for line in shown.splitlines() if line.strip().startswith("reviews 1")]
    name, accuracy, _, size, speed, age = re.split(r" {2,}", row)
    assert name == "reviews 1 (champion)"
    predictions = small_run.predictions
    right, reviews = int((predictions["label"] == predictions["predicted_label"]).sum()), len(predictions)
    low, high = stats.binomtest(right, reviews).proportion_ci(0.95, "exact")
    assert accuracy == f"{100 * right / reviews:.2f} % ({100 * low:.2f}-{100 * high:.2f})"
    assert re.fullmatch(r"\d\.\d MiB", size)
    assert int(speed.replace(",", "")) > 0
    assert re.fullmatch(r"now|\d+ (minute|hour)s?", age)
    client = mlflow.MlflowClient(f"sqlite:///{store / 'mlflow.db'}")
    for tag in ("test_reviews", "size_bytes", "test_scored_per_second"):
        client.delete_model_version_tag("reviews", "1", tag)
    rows = run_in(store, "models", COLUMNS="250").splitlines()
    [row] = [line.strip() for line in rows if line.strip().startswith("reviews 1")]
    assert re.split(r" {2,}", row)[1] == accuracy.split(" (")[0]  # without what is needed for an interval


def test_the_card_of_a_model_is_in_its_run_and_describes_its_version(small_run: PipelineRun, store: Path) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{store / 'mlflow.db'}")
    version = client.get_model_version("reviews", "1")
    assert version.description.startswith("# LSTM, trained on table")
    assert (store / client.download_artifacts(version.run_id, "model_card.md", str(store))).read_text(
        "utf-8"
    ) == version.description


def test_mlflow_serves_the_champion_over_http(small_run: PipelineRun) -> None:
    """`mlflow models serve`, asked with raw text; it says what the folder says."""
    from sentiment.classifier import SentimentClassifier

    texts = ["A moving film, and not a minute too long.", "Dull. <br /> Awful."]
    expected = SentimentClassifier.load(small_run.classifier).annotate(texts).to_dict("records")
    serve = ("models", "serve", "--env-manager", "local", "--model-uri", "models:/reviews@champion")
    environment = command_in(small_run.folder).environment
    with mlflow_server(*serve, folder=small_run.folder, environment=environment) as address:

        def ask(payload: object) -> list[dict[str, Any]]:
            request = urllib.request.Request(
                f"{address}/invocations", json.dumps(payload).encode(), {"Content-Type": "application/json"}
            )
            found: list[dict[str, Any]] = json.loads(urllib.request.urlopen(request, timeout=30).read())["predictions"]
            return found

        blank = {"predicted_label": None, "positive_probability": None}
        assert ask({"dataframe_records": [{"review": None}, {"review": " "}, {"review": "good"}]})[:2] == [blank] * 2
        for payload in ({"dataframe_records": [{"text": text} for text in texts]}, {"inputs": texts}):
            found = ask(payload)
            assert [row["predicted_label"] for row in found] == [row["predicted_label"] for row in expected]
            probabilities = [row["positive_probability"] for row in expected]
            assert [row["positive_probability"] for row in found] == pytest.approx(probabilities, abs=1e-6)
