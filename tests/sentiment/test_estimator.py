"""SentimentClassifier as an estimator: what scikit-learn's users expect of it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV, ShuffleSplit, cross_val_score
from sklearn.pipeline import Pipeline

from sentiment import SentimentClassifier
from sentiment.errors import InputError
from tests.boxed import LEARNED, tiny_classifier
from tests.conftest import SMALL, Invoke, PipelineRun

TEXTS = [f"{opinion} {noun}" for opinion in ("a fine", "what a great", "a dull", "such an awful")
         for noun in ("film", "story", "plot", "cast", "film indeed", "story, really")] * 4  # fmt: skip
LABELS = (["good"] * 12 + ["bad"] * 12) * 4
NETWORK: dict[str, Any] = {
    "preset": "textbook",
    "num_words": 40,
    "maxlen": 8,
    "embedding_dim": 4,
    "units": 4,
    "epochs": 1,
}


@pytest.mark.parametrize(
    "labels",
    [
        ["pos", "neg"], [1, 0], [True, False], [1.0, 0.0], ["positive", "negative"],
    ],
    ids=str,
)  # fmt: skip
def test_labels_come_back_as_they_came(labels: list[Any]) -> None:
    given = [labels[label == "bad"] for label in LABELS]
    classifier = SentimentClassifier(preset="linear").fit(TEXTS, given)
    assert classifier.classes_.tolist() == sorted(labels)
    assert classifier.predict(TEXTS).tolist() == given
    probabilities = classifier.predict_proba(TEXTS)
    assert probabilities.shape == (96, 2)
    assert classifier.classes_[probabilities.argmax(axis=1)].tolist() == given
    assert (classifier.positive_class_, classifier.score(TEXTS, given)) == (labels[0], 1.0)


def test_the_second_of_unknown_labels_is_positive_and_you_are_told() -> None:
    with pytest.warns(UserWarning, match="P\\(positive\\) is that of 'good'"):
        classifier = SentimentClassifier(preset="linear").fit(TEXTS, LABELS)
    assert (classifier.classes_.tolist(), classifier.predict(["a fine film"]).tolist()) == (["bad", "good"], ["good"])


@pytest.mark.filterwarnings("ignore:Neither")
@pytest.mark.parametrize(
    "reviews",
    [TEXTS, np.array(TEXTS), pd.Series(TEXTS, name="x"), pd.DataFrame({"id": 1, "review": TEXTS})],
    ids=["list", "array", "Series", "DataFrame"],
)
def test_reviews_may_be_lists_arrays_series_and_frames(reviews: Any) -> None:
    classifier = SentimentClassifier(preset="linear").fit(reviews, np.array(LABELS))
    assert classifier.score(reviews, LABELS) == 1.0


@pytest.mark.filterwarnings("ignore:Neither")
def test_it_works_in_the_tools_of_scikit_learn() -> None:
    linear, network = SentimentClassifier(preset="linear"), SentimentClassifier(**NETWORK)
    assert cross_val_score(linear, TEXTS, LABELS, cv=3).tolist() == [1.0, 1.0, 1.0]
    grid = [{"preset": ["linear"], "num_words": [20, 40]}, {"preset": ["textbook"], "units": [2]}]
    search = GridSearchCV(network, grid, cv=ShuffleSplit(1, random_state=0)).fit(TEXTS, LABELS)
    assert (search.best_params_["preset"], len(search.cv_results_["params"])) == ("linear", 3)
    calibrated = CalibratedClassifierCV(linear, cv=3).fit(TEXTS, LABELS)
    assert calibrated.predict(["what a great story"]).tolist() == ["good"]
    pipeline = Pipeline([("classifier", linear)]).set_params(classifier__seed=1).fit(TEXTS, LABELS)
    assert (pipeline.score(TEXTS, LABELS), pipeline["classifier"].seed) == (1.0, 1)


def test_settings_are_kept_untouched_for_clones() -> None:
    classifier = SentimentClassifier(**NETWORK, cell="gru", clipnorm=2)
    assert clone(classifier).get_params() == classifier.get_params()
    assert classifier.set_params(units=3, seed=2).get_params()["units"] == 3
    assert repr(clone(classifier)).startswith("SentimentClassifier(preset='textbook', seed=2, cell='gru'")
    with pytest.raises(InputError, match="has no setting unit"):
        classifier.set_params(unit=3)


def test_every_setting_of_a_recipe_is_a_setting_of_the_classifier() -> None:
    from sentiment.training.recipe_config import RecipeConfig

    settings = RecipeConfig.settings().keys() - {"start_from"}
    assert settings == SentimentClassifier().get_params().keys() - {"preset", "seed", "cell", "labels", "start"}


@pytest.mark.filterwarnings("ignore:Neither")
@pytest.mark.parametrize(
    ("settings", "reviews", "labels", "says"),
    [
        ({}, TEXTS[:2], [1], "2 reviews and 1 labels"),
        ({}, ["a", None], [1, 0], "1 of 2 reviews are missing or blank, the first at index 1"),
        ({}, ["a", "b"], [1, None], "1 of 2 labels are missing"),
        ({}, ["a", "b"], [1, 1], "needs reviews of two labels, and these have one: 1"),
        ({}, ["a", "b", "c"], [1, 2, 3], "needs 5 reviews to learn from, .* 1 \\(1\\), 2 \\(1\\), 3 \\(1\\)"),
        ({}, TEXTS[:3], ["a", "b", "c"], "nobody gives that of a, b, c: name them in `labels`"),
        ({}, TEXTS[:3], ["Bad", "bad", "fine"], "differ in case and blanks only"),
        ({"labels": ["bad", "Bad "]}, TEXTS[:3], ["bad", "bad", "fine"], "labels names 'bad' more than once"),
        ({"labels": ["bad"]}, TEXTS[:3], ["bad", "bad", "fine"], "names one label alone"),
        ({"labels": range(60)}, TEXTS[:3], [0, 1, 2], "names 60 labels, and a classifier takes at most 20"),
        ({"labels": [1, 2]}, TEXTS[:5], [1, 2, 3, 3, 3], "`labels` leaves out 3 of 5 reviews"),
        ({"labels": [1, 2, 7]}, TEXTS[:3], [1, 2, 3], "No review has the label 7"),
        ({}, TEXTS[10:13], LABELS[10:13], "cannot be cut into training and validation"),
        ({"preset": "nothing"}, TEXTS, LABELS, "no preset nothing: choose demo"),
        ({"cell": "rnn"}, TEXTS, LABELS, "no cell rnn: choose lstm, simple_rnn, gru, or preset='linear'"),
        ({"units": 0}, TEXTS, LABELS, "units is 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_named(
    settings: dict[str, Any], reviews: list[Any], labels: list[Any], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        SentimentClassifier(**settings).fit(reviews, labels)


def test_validation_and_unlabelled_reviews_may_be_given() -> None:
    validation = (["a fine film", "a dull film"], [1, 0])
    labels = [int(label == "good") for label in LABELS]
    classifier = SentimentClassifier(**{**NETWORK, "pseudo_label_epochs": 1}).fit(
        TEXTS, labels, unlabelled=["a fine cast", "an awful cast"], validation=validation
    )
    assert classifier.profile_ is not None
    assert classifier.profile_.reviews == 2
    assert classifier.learned is not None
    assert classifier.learned.holds(["An awful cast", "a dull film", "unseen"]).tolist() == [True, True, False]


def test_progress_is_shown_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    SentimentClassifier(**NETWORK).fit(TEXTS, [int(label == "good") for label in LABELS], verbose=1)
    assert "LSTM epoch 1/1: loss" in capsys.readouterr().out


def test_what_fit_has_learned_is_saved_with_labels_and_profile_and_fit_prints_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fitted = SentimentClassifier(**NETWORK, threshold="accuracy").fit(TEXTS, [label == "good" for label in LABELS])
    assert capsys.readouterr().out == ""
    fitted.save(tmp_path / "saved")
    loaded = SentimentClassifier.load(tmp_path / "saved")
    assert loaded.predict(TEXTS).tolist() == fitted.predict(TEXTS).tolist()
    assert loaded.predict(TEXTS).dtype == bool
    assert loaded.profile_ is not None
    assert fitted.profile_ is not None
    assert (loaded.threshold_, loaded.profile_.features) == (fitted.threshold_, fitted.profile_.features)


def test_fit_and_the_pipeline_train_the_same_classifier(small_run: PipelineRun, invoke: Invoke, tmp_path: Path) -> None:
    """One recipe stands behind both, so the same reviews, settings and seed give the same weights to the last bit."""
    [train] = small_run.folder.glob(".sentiment/load/*/train.parquet")
    table = pd.read_parquet(train)
    options = dict(zip(SMALL[::2], SMALL[1::2], strict=True))
    settings = {name[2:].replace("-", "_"): json.loads(value) for name, value in options.items()
                if name not in ("--preset", "--source")}  # fmt: skip
    fitted = SentimentClassifier(preset="textbook", **settings).fit(table["text"], table["label"])
    assert fitted.digest() == SentimentClassifier.load(small_run.classifier).digest()
    linear = SentimentClassifier(preset="linear").fit(table["text"], table["label"])
    [folder] = small_run.folder.glob(".sentiment/linear-model/*/classifier")
    assert linear.digest() == SentimentClassifier.load(folder).digest()


def test_a_classifier_starts_from_a_trained_one(tmp_path: Path) -> None:
    start = tiny_classifier()
    start.save(tmp_path / "start", small=True)
    texts = [f"a {word} film {number}" for number in range(30) for word in ("good", "bad")]
    labels = ["pos", "neg"] * 30
    tuned = SentimentClassifier(start=tmp_path / "start", epochs=2).fit(texts, labels)
    assert tuned.recurrent_model.vocabulary.words[:4] == start.recurrent_model.vocabulary.words
    assert tuned.recurrent_model.network.dropout == (0.2, 0.1)
    assert tuned.learned is not None
    assert tuned.learned.holds([*texts, *LEARNED]).all()
    assert clone(tuned).get_params() == tuned.get_params()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"start": "nowhere"}, "There is no folder nowhere: name imdb or a folder"),
        ({"units": 9}, r"units 9 \(the start has 5\)"),
        ({"cell": "gru"}, r"cell gru \(the start is a lstm\)"),
        ({"word_vectors": True}, "leave out word_vectors"),
    ],
)
def test_a_start_with_other_settings_is_refused(tmp_path: Path, settings: dict[str, Any], says: str) -> None:
    tiny_classifier().save(tmp_path / "start")
    with pytest.raises(InputError, match=says):
        SentimentClassifier(**{"start": tmp_path / "start", **settings}).fit(["good", "bad"] * 5, [1, 0] * 5)
