"""What one does with a trained classifier of ordered labels, and the neutral band of one with two."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import onnxruntime
import pandas as pd
import pytest

import sentiment
from pipelines.output import KeptScores
from sentiment.classifier import SentimentClassifier
from sentiment.data.labels import verdict_probabilities
from sentiment.data.sequences import pad_texts
from sentiment.evaluation.abstention import Abstention
from sentiment.tracking.model import log_classifier
from sentiment.tracking.runs import tracked_run
from tests.conftest import Invoke, command_in
from tests.ordered import with_cut_points
from tests.sentiment.test_ordered_labels import STARS, TEXTS

COLUMNS = ["predicted_label", *(f"probability_{stars}" for stars in range(1, 6)), "expected_stars"]
READERS: dict[str, Callable[..., pd.DataFrame]] = {
    "csv": pd.read_csv,
    "parquet": pd.read_parquet,
    "jsonl": lambda path: pd.DataFrame(map(json.loads, Path(path).read_text().splitlines())),
}
REVIEWS = ["A masterpiece.", "Great food, awful service.", "Dull and far too long."]


@pytest.fixture(scope="module")
def classifiers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Kind of model -> a folder of a classifier of stars."""
    folder = tmp_path_factory.mktemp("stars")
    network, linear = (
        with_cut_points(sentiment.load(), (-2.5, -0.8, 0.8, 2.5)),
        SentimentClassifier(preset="linear").fit(TEXTS, pd.Series(STARS, name="stars")),
    )
    network.label_column_ = "stars"
    for name, classifier in (("network", network), ("linear", linear)):
        classifier.save(folder / name)
    return {name: folder / name for name in ("network", "linear")}


def test_predict_prints_the_label_its_probability_and_the_expected_number(
    invoke: Invoke, classifiers: dict[str, Path]
) -> None:
    [expected] = sentiment.load(classifiers["network"]).annotate(REVIEWS[0]).to_dict("records")
    result = invoke("predict", REVIEWS[0], "--model", classifiers["network"])
    label = expected["predicted_label"]
    probability, mean = expected[f"probability_{label}"], expected["expected_stars"]
    assert result.stdout == f"{label}  {probability:.4f}  expected {mean:.1f}  {REVIEWS[0]}\n"
    found = json.loads(invoke("predict", REVIEWS[0], "--json", "--model", classifiers["network"]).stdout)
    assert {name: found[name] for name in COLUMNS} == expected


@pytest.mark.parametrize("kind", ["network", "linear"])
def test_tables_of_every_format_have_what_annotate_gives(
    invoke: Invoke, classifiers: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    table = pd.DataFrame({"stars": STARS[:60], "text": TEXTS[:60]})
    table.to_csv("in.csv", index=False)
    expected = sentiment.load(classifiers[kind]).annotate(table["text"])
    for ending, read in READERS.items():
        result = invoke("score", "in.csv", f"out.{ending}", "--model", classifiers[kind])
        assert result.exit_code == 0, result.output
        found = read(f"out.{ending}")
        assert [*found.columns] == ["stars", "text", *COLUMNS]
        assert found["predicted_label"].astype(str).tolist() == expected["predicted_label"].tolist()
        assert np.array_equal(found[COLUMNS[1:]].astype(np.float32), expected[COLUMNS[1:]])
    share = np.mean(expected["predicted_label"].astype(int) == table["stars"])
    said = " ".join(result.output.split())
    assert f"accuracy {share:.1%} of 60 labelled rows" in said
    assert f" 5 {(expected['predicted_label'] == '5').mean():.1%} " in said
    result = invoke("score", "out.csv", "again.csv", "--model", classifiers[kind])
    assert (result.exit_code, "already has a column expected_stars" in result.output) == (2, True), result.output


def test_rows_whose_verdict_would_not_keep_the_promise_get_none(
    invoke: Invoke, classifiers: dict[str, Path], tmp_path: Path
) -> None:
    profile = sentiment.load(classifiers["linear"]).profile_
    assert profile is not None
    folder = shutil.copytree(classifiers["linear"], tmp_path / "sure")
    profile.model_copy(update={"abstentions": (Abstention(0.9, 0.0, 0.6),)}).save(folder)
    pd.DataFrame({"text": TEXTS}).to_csv("in.csv", index=False)
    result = invoke("score", "in.csv", "out.csv", "--model", folder, "--sure", "0.9")
    assert result.exit_code == 0, result.output
    found = pd.read_csv("out.csv")
    answered = verdict_probabilities(found[COLUMNS[1:-1]].to_numpy()) >= 0.6
    assert 0 < answered.sum() < len(found)
    assert np.array_equal(found["predicted_label"].notna(), answered)


@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")
def test_spark_writes_the_bytes_of_one_machine(classifiers: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    pd.DataFrame({"text": TEXTS[:40]}).to_csv(tmp_path / "in" / "a.csv", index=False)
    arguments = ["--model", str(classifiers["network"])]
    command_in(tmp_path).run("score", "in", "local.jsonl", *arguments)
    output = command_in(tmp_path).run("score", "in", "spark.jsonl", *arguments, "--engine", "spark")
    assert "40" in output
    assert (tmp_path / "spark.jsonl" / "part-00000.jsonl").read_bytes() == (tmp_path / "local.jsonl").read_bytes()


def test_kept_scores_have_a_column_for_each_cut(tmp_path: Path) -> None:
    scores = np.arange(8, dtype=np.float32).reshape(2, 4)
    KeptScores(tmp_path, 4).add(["a", "b"], scores)
    found = KeptScores(tmp_path, 4).take(["a", "b"])
    assert found is not None
    assert np.array_equal(found, scores)


def test_an_explanation_shows_the_score_among_its_cut_points(invoke: Invoke, classifiers: dict[str, Path]) -> None:
    result = invoke("explain", REVIEWS[1], "--model", classifiers["network"], "--output", "why.json")
    assert result.exit_code == 0, result.output
    found = json.loads(Path("why.json").read_text())
    [expected] = sentiment.load(classifiers["network"]).annotate(REVIEWS[1]).to_dict("records")
    assert {name: found[name] for name in COLUMNS} == expected
    assert (
        found["running_verdict"][-1]
        == found["expected_position"]
        == pytest.approx((expected["expected_stars"] - 1) / 4)
    )
    assert sum(found["integrated_gradients"]) == pytest.approx(
        found["expected_position"] - found["baseline_position"], abs=0.01
    )
    said = " ".join(result.output.split())
    assert f"The score is {found['score']:+.2f}, among the cut points -2.50, -0.80, +0.80, +2.50" in said
    assert "in points of the way from 1 to 5" in said
    result = invoke("explain", TEXTS[0], "--model", classifiers["linear"])
    assert f"The verdict is {STARS[0]}, expected" in result.output


def test_an_exported_network_gives_the_cumulative_probabilities(invoke: Invoke, classifiers: dict[str, Path]) -> None:
    assert invoke("export", "--onnx", "stars.onnx", "--model", classifiers["network"]).exit_code == 0
    classifier = sentiment.load(classifiers["network"])
    padded = pad_texts(REVIEWS, classifier.model_.vocabulary, classifier.recurrent_model.sequences)
    [found] = onnxruntime.InferenceSession(Path("stars.onnx")).run(["cumulative_probability"], {"tokens": padded})
    assert np.abs(found - classifier.cumulative_probability(REVIEWS)).max() <= 1e-5


def test_mlflow_gives_the_columns_of_a_logged_classifier(
    classifiers: dict[str, Path], mlflow_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(mlflow_store.parent)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{mlflow_store}")
    with tracked_run("stars", experiment="stars", resume_key="stars", tags={}) as run:
        model_id = log_classifier(run, classifiers["linear"])
    logged = mlflow.pyfunc.load_model(f"models:/{model_id}")
    assert logged.metadata.get_output_schema().input_names() == COLUMNS
    texts = pd.DataFrame({"text": TEXTS[:3]})
    assert logged.predict(texts).equals(sentiment.load(classifiers["linear"]).annotate(texts))


def test_a_neutral_band_holds_its_lower_end_and_not_its_upper_one(invoke: Invoke, tmp_path: Path) -> None:
    classifier = sentiment.load()
    probabilities = classifier.positive_probability(REVIEWS).astype(float)
    lower, upper = sorted(probabilities)[:2]
    expected = np.where(probabilities == lower, "neutral", "positive").tolist()
    assert classifier.annotate(REVIEWS, neutral=(lower, upper))["predicted_label"].tolist() == expected
    band = f"{lower!r},{upper!r}".replace("np.float64(", "").replace(")", "")
    result = invoke("predict", *REVIEWS, "--model", "imdb", "--neutral", band)
    assert [line.split("  ")[0] for line in result.stdout.splitlines()] == expected
    pd.DataFrame({"text": REVIEWS, "label": ["pos", "pos", "neutral"]}).to_csv("in.csv", index=False)
    result = invoke("score", "in.csv", "out.csv", "--model", "imdb", "--neutral", band)
    assert pd.read_csv("out.csv")["predicted_label"].tolist() == expected
    assert "neutral 33.3%" in " ".join(result.output.split())
    assert "accuracy 100.0% of 3 labelled rows" in " ".join(result.output.split())


def test_a_classifier_may_have_a_band_of_its_own(invoke: Invoke, tmp_path: Path) -> None:
    classifier = sentiment.load()
    assert classifier.neutral_ is not None
    own, given = (classifier.annotate(REVIEWS, neutral=band) for band in ("auto", classifier.neutral_))
    assert own.equals(given)
    classifier.neutral_ = None
    classifier.save(tmp_path / "without")
    result = invoke("predict", "fine", "--model", tmp_path / "without", "--neutral", "auto")
    assert (result.exit_code, "has no neutral band of its own: give both ends" in result.output) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("predict fine --neutral 0.3", "The neutral band is 0.3: give both ends"),
        ("predict fine --neutral a,b", "The neutral band is a,b: give both ends"),
        ("predict fine --neutral 0.7,0.3", "the lower one first"),
        ("predict fine --neutral 0.3,1.5", "from 0 to 1"),
        ("predict fine --neutral 0.3,nan", "from 0 to 1"),
        ("predict fine --neutral auto --threshold 0.4", "give either the band or a threshold"),
        ("predict fine --neutral auto --model STARS", "are for two labels, and this classifier has 1, 2, 3, 4, 5"),
        ("predict fine --threshold 0.4 --model STARS", "are for two labels, and this classifier has 1, 2, 3, 4, 5"),
        ("score in.csv out.csv --neutral auto --sure 0.9", "give either of them"),
    ],
)
def test_a_band_that_cannot_be_used_is_refused(
    invoke: Invoke, classifiers: dict[str, Path], arguments: str, says: str
) -> None:
    Path("in.csv").write_text("text\nfine\n")
    given = [str(classifiers["network"]) if word == "STARS" else word for word in arguments.split()]
    result = invoke(*given, *([] if "STARS" in arguments else ["--model", "imdb"]))
    assert (result.exit_code, says in " ".join(result.output.split())) == (2, True), result.output
    assert not Path("out.csv").exists()
