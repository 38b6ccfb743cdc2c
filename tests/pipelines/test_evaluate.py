"""`sentiment evaluate` on a saved model and a labelled table."""

import shutil
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from sentiment.classifier import SentimentClassifier
from sentiment.errors import InputError
from tests.conftest import Invoke, PipelineRun


def test_a_saved_model_is_tested_on_a_labelled_table_without_training(
    small_run: PipelineRun, reviews_csv: Path, invoke: Invoke
) -> None:
    predictions = small_run.predictions
    [learned, *_] = (text for text in pd.read_csv(reviews_csv)["text"] if text not in set(predictions["text"]))
    stars = predictions["label"].map({"positive": "5", "negative": "1"})
    rows = pd.DataFrame({"review": predictions["text"], "stars": stars})
    others = pd.DataFrame({"review": ["so so", learned], "stars": ["3", "1"]})
    pd.concat([rows, others]).to_csv("labelled.csv", index=False)
    options = ("--data", "labelled.csv", "--label-column", "stars", "--positive", "5", "--negative", "1")
    result = invoke("evaluate", "--model", small_run.classifier, *options)
    assert result.exit_code == 0, result.output
    accuracy = f"{100 * (predictions['label'] == predictions['predicted_label']).mean():.2f} %"
    lines = {line.split("  ")[1]: line for line in result.output.splitlines() if line.startswith("  ")}
    assert accuracy in lines["accuracy"]
    assert " to " in lines["accuracy"]
    assert "1 row left out: its label is neither positive nor negative" in result.output
    assert "1 review left out, as" in result.output
    report = Path("report.html").read_text("utf-8")
    assert "Most confident mistakes" in report and "Behaviour" in report and accuracy in report
    assert not Path(".sentiment").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "name them with --data"),
        (("--data", "missing.csv"), "missing.csv does not exist"),
        (("--data", "one.csv"), "have the same label"),
        (("--data", "one.csv", "--epochs", "3"), "leave out --epochs, which is for training"),
        (("--data", "one.csv", "--label-column", "stars"), "has no column stars"),
    ],
)
def test_what_a_saved_model_cannot_be_tested_on_is_named(
    small_run: PipelineRun, invoke: Invoke, options: tuple[str, ...], says: str
) -> None:
    Path("one.csv").write_text("text,label\na fine film,1\na good film,1\n")
    result = invoke("evaluate", "--model", small_run.classifier, *options)
    assert result.exit_code == 2
    assert says in " ".join(result.output.split())


def test_a_name_without_a_champion_says_how_to_get_one(small_run: PipelineRun, invoke: Invoke, tmp_path: Path) -> None:
    shutil.copytree(small_run.folder, tmp_path, dirs_exist_ok=True)
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    mlflow.MlflowClient(store).delete_registered_model_alias("reviews", "champion")
    result = invoke("predict", "A fine film.", "--model", "models:/reviews@champion")
    assert result.exit_code == 2
    assert "No version of reviews is its champion" in result.stderr
    assert "`sentiment promote VERSION --name reviews`" in " ".join(result.stderr.split())


def test_a_model_that_is_neither_a_cell_nor_saved_is_named(invoke: Invoke) -> None:
    result = invoke("evaluate", "--model", "gpt", "--data", "reviews.csv")
    assert result.exit_code == 2
    assert "There is no folder gpt" in result.output


@pytest.mark.parametrize("labels", [(1, 0), (True, False), ("pos", "neg"), ("Positive", "negative")])
def test_python_takes_labels_as_numbers_booleans_and_names(
    small_classifiers: dict[str, SentimentClassifier], labels: tuple[object, ...]
) -> None:
    result = small_classifiers["lstm"].evaluate(["A fine film.", "A dull film."], labels)
    assert result.predictions["label"].tolist() == ["positive", "negative"]
    assert result.metrics["accuracy"] == result.correct.mean()


def test_python_names_labels_that_it_does_not_know(small_classifiers: dict[str, SentimentClassifier]) -> None:
    with pytest.raises(InputError, match="Found the labels '3'"):
        small_classifiers["lstm"].evaluate(["so so", "a fine film"], [3, 1])
    with pytest.raises(InputError, match="2 reviews and 1 labels"):
        small_classifiers["lstm"].evaluate(["so so", "a fine film"], [1])
