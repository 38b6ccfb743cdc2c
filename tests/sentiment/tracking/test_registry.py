"""MLflow's registry on the store of a real run, and the model that it holds served over HTTP."""

import json
import shutil
import urllib.request
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import Run

from sentiment.errors import InputError
from sentiment.tracking import registry
from tests.conftest import PipelineRun, command_in
from tests.server import mlflow_server


@pytest.fixture
def store(small_run: PipelineRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the store of the small run."""
    shutil.copy(small_run.folder / "mlflow.db", tmp_path / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    return tmp_path


@pytest.fixture
def trained(store: Path) -> list[Run]:
    """Two runs that have logged a model."""
    found: list[Run] = mlflow.search_runs(experiment_names=["sentiment"], output_format="list")
    return [run for run in found if run.outputs is not None and run.outputs.model_outputs]


def metrics(accuracy: float) -> dict[str, float]:
    return dict.fromkeys(registry.METRICS, accuracy)


@pytest.mark.parametrize(
    ("accuracy", "split", "aliases", "reason"),
    [
        pytest.param(0.81, "same", "champion", "as 81.00% beats 80.00% of version 1", id="better"),
        pytest.param(0.80, "same", "challenger", "does not beat 80.00% of version 1, the champion", id="equal"),
        pytest.param(0.90, "other", "challenger", "version 1, the champion, was tested on other reviews", id="split"),
    ],
)
def test_the_champion_gives_way_only_to_a_better_one_on_the_same_reviews(
    trained: list[Run], accuracy: float, split: str, aliases: str, reason: str
) -> None:
    first, second = trained
    version, why = registry.register(first, "films", metrics=metrics(0.8), split="same")
    assert (version.aliases, why) == (("champion",), "as there was none")
    version, why = registry.register(second, "films", metrics=metrics(accuracy), split=split)
    assert (version.number, version.aliases) == (2, (aliases,))
    assert reason in why
    again, why = registry.register(second, "films", metrics=metrics(accuracy), split=split)
    assert (again, why) == (version, "as registered before")


def test_promotion_moves_the_champion_and_unknown_versions_are_named(trained: list[Run]) -> None:
    for run, accuracy in zip(trained, (0.8, 0.7), strict=True):
        registry.register(run, "films", metrics=metrics(accuracy), split="same")
    assert registry.promote("films", 2).aliases == ("champion",)
    assert [version.aliases for version in registry.versions("films")] == [("champion",), ()]
    with pytest.raises(InputError, match="films has no version 3; its versions are: 1, 2"):
        registry.promote("films", 3)
    with registry.downloaded_model("models:/films@champion") as (_, name):
        assert name == "films version 2 (champion)"


def test_a_version_that_a_later_one_has_overtaken_stays_without_alias_when_it_is_registered_again(
    trained: list[Run],
) -> None:
    for attempt in ("first", "resumed"):
        for run, accuracy in zip(trained, (0.7, 0.8), strict=True):
            registry.register(run, "films", metrics=metrics(accuracy), split="same")
        assert [version.aliases for version in registry.versions("films")] == [("champion",), ()], attempt


@pytest.mark.parametrize("uri", ["models:/films@champion", "models:/imdb-sentiment/9", "runs:/none/model"])
def test_a_model_that_is_not_there_is_named(store: Path, uri: str) -> None:
    with pytest.raises(InputError, match="cannot be had from MLflow"), registry.downloaded_model(uri):
        pass


def test_the_commands_list_and_promote_what_run_pipeline_registered(small_run: PipelineRun, store: Path) -> None:
    command = command_in(store)
    assert "registered  imdb-sentiment version 1 (champion)" in small_run.output
    [row] = [line.split() for line in command.run("models").splitlines() if "imdb-sentiment" in line]
    assert row[:3] == ["imdb-sentiment", "1", "champion"]
    assert "imdb-sentiment version 1 (champion)" in command.run("promote", "1")


def test_mlflow_serves_the_champion_over_http(small_run: PipelineRun) -> None:
    """`mlflow models serve`, asked with raw text; it says what the folder says."""
    from sentiment.classifier import SentimentClassifier

    texts = ["A moving film, and not a minute too long.", "Dull. <br /> Awful."]
    expected = SentimentClassifier.load(small_run.classifier).predict(texts).to_dict("records")
    serve = ("models", "serve", "--env-manager", "local", "--model-uri", "models:/imdb-sentiment@champion")
    environment = command_in(small_run.folder).environment
    with mlflow_server(*serve, folder=small_run.folder, environment=environment) as address:
        for payload in ({"dataframe_records": [{"text": text} for text in texts]}, {"inputs": texts}):
            request = urllib.request.Request(
                f"{address}/invocations", json.dumps(payload).encode(), {"Content-Type": "application/json"}
            )
            found = json.loads(urllib.request.urlopen(request, timeout=30).read())["predictions"]
            assert [row["predicted_label"] for row in found] == [row["predicted_label"] for row in expected]
            probabilities = [row["positive_probability"] for row in expected]
            assert [row["positive_probability"] for row in found] == pytest.approx(probabilities, abs=1e-6)
