"""`run-pipeline --folds`: every row is tested on once, and the last training learns from all."""

import json
import shutil
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow.entities import Run

from sentiment.classifier import SentimentClassifier
from sentiment.evaluation.abstention import Abstention, choose_abstention
from sentiment.evaluation.drift import PROBABILITY
from sentiment.evaluation.validation_profile import ValidationProfile
from tests.conftest import SMALL, Invoke

pytestmark = pytest.mark.usefixtures("uncompiled")

TWO_POSITIVE_REVIEWS = "text,label\n" + "".join(f"review {number},{int(number < 2)}\n" for number in range(12))
FOUR_REVIEWS = "text,label\ngood,1\nbad,0\nfine,1\npoor,0\n"


@pytest.mark.usefixtures("mlflow_store")
def test_every_row_is_tested_on_once_and_the_last_training_learns_from_all(
    invoke: Invoke, reviews_csv: Path, tmp_path: Path
) -> None:
    table = pd.read_csv(reviews_csv).groupby("label").sample(45, random_state=0)
    pd.concat([table, table.head(4)]).to_csv(tmp_path / "mine.csv", index=False)  # with four copies
    options = "--models lstm --folds 2 --epochs 2 --promote".split()
    command = ["run-pipeline", "--data", "mine.csv", *SMALL, *options]
    result = invoke(*command)
    assert result.exit_code == 0, result.output
    assert "94 rows in 2 folds: mean and its 95 % interval (Nadeau & Bengio 2003)" in result.output
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    found = mlflow.MlflowClient(uri).search_runs(
        [*(e.experiment_id for e in mlflow.MlflowClient(uri).search_experiments())]
    )
    names = {run.info.run_name: run for run in found}
    for model in ("LSTM", "NB-LR"):
        assert {f"{model}, fold {number} of 2" for number in (1, 2)} | {f"{model}, all rows"} <= set(names)
    parent = names["LSTM on table"].data.metrics
    accuracies = [names[f"LSTM, fold {number} of 2"].data.metrics["test_accuracy"] for number in (1, 2)]
    assert parent["lstm_test_accuracy_mean"] == pytest.approx(sum(accuracies) / 2)
    assert parent["lstm_test_accuracy_low"] < parent["lstm_test_accuracy_mean"] < parent["lstm_test_accuracy_high"]

    tested = [pd.read_parquet(path)["text"].tolist() for path in tmp_path.glob(".sentiment/load/*/test.parquet")]
    assert sorted(text for texts in tested for text in texts) == sorted([*table["text"], *table.head(4)["text"]])
    assert sum(len(set(texts) & set(table["text"])) for texts in tested) == table["text"].nunique()  # copies together
    stages = [json.loads(path.read_text()) for path in tmp_path.glob(".sentiment/train/*/stage.json")]
    [last] = [stage for stage in stages if stage["found_by_folds"] is not None]
    assert last["found_by_folds"]["epochs"] in (1, 2)
    assert 0 < last["found_by_folds"]["profile"]["unknown_share"] < 1
    assert "registered  mine version 1 (champion), as you asked with --promote" in result.output
    for model, folder in (("LSTM", "train"), ("NB-LR", "linear-model")):
        kept = [
            SentimentClassifier.load(path).unknown_share for path in tmp_path.glob(f".sentiment/{folder}/*/classifier")
        ]
        assert len(kept) == 3 and None not in kept, model
    folds = [names[f"NB-LR, fold {number} of 2"] for number in (1, 2)]
    assert_thresholds_are_an_estimate_by_the_folds(invoke, folds, tmp_path)
    assert invoke(*command[:-1]).output.count("as registered before") == 1


def assert_thresholds_are_an_estimate_by_the_folds(invoke: Invoke, runs: list[Run], folder: Path) -> None:
    """The models of the folds have judged 94 rows, each one that its training has not seen."""
    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    files = [client.download_artifacts(run.info.run_id, "predictions.parquet") for run in runs]
    predictions = pd.concat(map(pd.read_parquet, files))
    labels = (predictions["label"] == "positive").to_numpy(int)
    probabilities = predictions["positive_probability"].to_numpy()
    [classifier] = [
        path.parent / "classifier"
        for path in folder.glob(".sentiment/linear-model/*/stage.json")
        if json.loads(path.read_text())["found_by_folds"]
    ]
    loaded = SentimentClassifier.load(classifier)
    profile = ValidationProfile.load(classifier, loaded)
    assert profile is not None
    assert (profile.is_estimate, profile.reviews) == (True, len(predictions))
    expected = [choose_abstention(labels, probabilities, level, loaded.threshold_) for level in profile.levels]
    assert list(profile.abstentions) == [abstention for abstention in expected if abstention]
    assert profile.features[PROBABILITY].mean == pytest.approx(probabilities.mean())

    copied = shutil.copytree(classifier, folder / "copied")
    profile.model_copy(update={"abstentions": (Abstention(0.9, 0.5, 0.5),)}).save(copied)
    (folder / "in.csv").write_text("text\ngood\nbad\n")
    options = ["score", "in.csv", "out.csv", "--model", copied, "--sure"]
    result = invoke(*options, "0.97")
    assert "cannot be estimated, as the 94 reviews in the folds of this classifier" in result.output.replace("\n", " ")
    result = invoke(*options, "0.9")
    assert result.exit_code == 0, result.output
    assert "answered at an estimated 90.0%" in result.output
    assert "promised" not in result.output
    assert "drift" in result.output


@pytest.mark.parametrize(
    ("options", "content", "says"),
    [
        ("--folds 3", TWO_POSITIVE_REVIEWS, "cannot be cut into 3 folds"),
        ("--folds 2 --seeds 0,1", FOUR_REVIEWS, "trains every model 3 times already: give one seed"),
        ("--folds 2 --source demo", FOUR_REVIEWS, "--folds is for --source table"),
        ("--folds 2 --output x.html", FOUR_REVIEWS, "leave out --output"),
        ("--folds 2", "text,label,split\na,1,train\nb,0,test\n", "sets rows aside for test or validation"),
    ],
)
def test_what_cannot_be_cross_validated_is_refused(
    invoke: Invoke, tmp_path: Path, options: str, content: str, says: str
) -> None:
    (tmp_path / "mine.csv").write_text(content)
    result = invoke("run-pipeline", "--source", "table", "--data", "mine.csv", *options.split())
    assert (result.exit_code, says in " ".join(result.output.split())) == (2, True), result.output
