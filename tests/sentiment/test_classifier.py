import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.classifier import SentimentClassifier
from sentiment.data.vocabulary import OUT_OF_VOCABULARY
from sentiment.errors import InputError
from sentiment.saved_classifier import ClassifierDescription
from tests.conftest import PipelineRun
from tests.tampering import sign_again


@pytest.fixture(scope="module")
def classifier(small_run: PipelineRun) -> SentimentClassifier:
    return SentimentClassifier.load(small_run.classifier)


@settings(max_examples=15)
@given(st.lists(st.text(), min_size=1, max_size=8), st.integers(0, 7))
def test_a_probability_does_not_depend_on_the_other_reviews(
    classifier: SentimentClassifier, texts: list[str], position: int
) -> None:
    position %= len(texts)
    together = classifier.positive_probability([*texts, *["a film"] * 300])[position]
    alone = classifier.positive_probability([texts[position]])[0]
    assert together == pytest.approx(alone, abs=1e-6)


def test_a_saved_classifier_predicts_the_same(classifier: SentimentClassifier, tmp_path: Path) -> None:
    classifier.save(tmp_path / "saved")
    texts = ["not at all good", "", "🎬 très bien", "bad " * 500]
    loaded = SentimentClassifier.load(tmp_path / "saved")
    expected = pytest.approx(classifier.positive_probability(texts), abs=1e-6)
    assert loaded.positive_probability(texts) == expected


def test_labels_follow_the_threshold(classifier: SentimentClassifier) -> None:
    probabilities = np.array([0.2, 0.5, 0.8], np.float32)
    assert classifier.rule().verdicts(probabilities) == ["negative", "positive", "positive"]


def test_a_folder_without_a_classifier_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no saved classifier: classifier\.json is missing"):
        SentimentClassifier.load(tmp_path)


@pytest.fixture
def copied(small_run: PipelineRun, tmp_path: Path) -> Path:
    """A classifier's folder to tamper with."""
    return shutil.copytree(small_run.classifier, tmp_path / "classifier")


@pytest.mark.parametrize("name", ["vocabulary.json", "weights.npz", "fingerprints.npz"])
def test_a_file_with_one_other_bit_is_refused(copied: Path, name: str) -> None:
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"is damaged \({name} is not the file that was saved\)"):
        SentimentClassifier.load(copied)


def test_a_saved_classifier_knows_the_texts_that_it_has_learned_from(small_run: PipelineRun) -> None:
    [linear] = small_run.folder.glob(".sentiment/linear-model/*/classifier")
    [train] = small_run.folder.glob(".sentiment/load/*/train.parquet")
    for folder in (small_run.classifier, linear):
        learned = SentimentClassifier.load(folder).learned
        assert learned is not None
        assert learned.holds(pd.read_parquet(train)["text"].tolist()).all(), folder
        assert not learned.holds(small_run.predictions["text"].tolist()).any(), folder


def test_a_classifier_whose_fingerprints_are_gone_is_refused(copied: Path) -> None:
    (copied / "fingerprints.npz").unlink()
    with pytest.raises(InputError, match=r"is damaged \(fingerprints\.npz is missing"):
        SentimentClassifier.load(copied)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"threshold": float("nan")}, "threshold"),
        ({"threshold": 5}, "threshold"),
        ({"threshold": -1}, "threshold"),
        ({"threshold": True}, "threshold"),
        ({"sequences": {"maxlen": 10**9, "padding": "pre", "truncating": "pre"}}, "maxlen"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_description_with_an_impossible_value_is_refused(copied: Path, change: dict[str, Any], says: str) -> None:
    path = copied / "classifier.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(InputError, match=rf"is damaged \(.*{says}"):
        SentimentClassifier.load(copied)


@pytest.mark.parametrize("name", sorted(ClassifierDescription.model_fields.keys() - {"digest"}))
def test_a_value_that_a_flipped_bit_changed_is_refused(copied: Path, name: str) -> None:
    path = copied / "classifier.json"
    description = ClassifierDescription.model_validate_json(path.read_bytes())
    others = {
        "kind": "linear",
        "sequences": description.sequences and description.sequences.model_copy(update={"truncating": "post"}),
        "threshold": 0.625,
        "unknown_share": 0.625,
        "classes": ("bad", "good"),
        "neutral": (0.25, 0.75),
        "label_column": "stars",
    }
    changed = description.model_copy(update={name: others.get(name, {"weights.npz": "0"})})
    path.write_text(changed.model_dump_json())
    with pytest.raises(InputError, match=r"is damaged \(.*not the file that was saved"):
        SentimentClassifier.load(copied)


def test_a_description_of_brackets_alone_is_refused(copied: Path) -> None:
    (copied / "classifier.json").write_text("[" * 200_000)
    with pytest.raises(InputError, match="is damaged"):
        SentimentClassifier.load(copied)


def test_a_vocabulary_with_words_that_the_network_lacks_is_refused(copied: Path) -> None:
    content = json.loads((copied / "vocabulary.json").read_text())
    (copied / "vocabulary.json").write_text(json.dumps({**content, "num_words": 3_000}))
    sign_again(copied)
    with pytest.raises(InputError, match="has 2,000 words, its vocabulary 3,000"):
        SentimentClassifier.load(copied)


@pytest.mark.parametrize("field", ["sha256", "digest"])
def test_a_classifier_without_its_checksums_is_refused(copied: Path, field: str) -> None:
    path = copied / "classifier.json"
    content = json.loads(path.read_text())
    del content[field]
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="is damaged"):
        SentimentClassifier.load(copied)


def test_the_words_of_a_text_are_those_that_the_network_reads(classifier: SentimentClassifier) -> None:
    text = "Good film, zyzzyva! " + "the " * 70 + "plot zyzzyva"
    words = classifier.model_.words(text)
    encoded = classifier.model_.vocabulary.encode(text, classifier.recurrent_model.sequences.maxlen)
    assert [word for word, _ in words][-3:] == ["the", "plot", "zyzzyva"]
    assert [is_known for _, is_known in words] == (encoded != OUT_OF_VOCABULARY).tolist()
    assert classifier.model_.words("Good, zyzzyva") == [("good", True), ("zyzzyva", False)]


def test_punctuation_marks_are_no_words_to_be_counted(classifier: SentimentClassifier) -> None:
    assert classifier.count_words(["A good film!", "zyzzyva, qwer.", "?!"]).tolist() == [[3, 3], [2, 0], [0, 0]]
