"""Making the classifier in the box."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.pretrained import write_pretrained
from sentiment.classifier import SentimentClassifier
from sentiment.errors import InputError
from sentiment.evaluation.drift import ReviewSample
from sentiment.evaluation.validation_profile import ValidationProfile
from tests.boxed import tiny_classifier


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A validated classifier."""
    classifier, texts = tiny_classifier(), ["a good film", "a bad film"] * 40
    sample, probabilities = ReviewSample(classifier.model_), classifier.positive_probability(texts)
    sample.add(texts, probabilities)
    classifier.profile_ = ValidationProfile.from_samples([sample], np.array([1, 0] * 40), probabilities, 0.5)
    classifier.save(tmp_path / "trained")
    return tmp_path / "trained"


def test_the_box_gets_a_small_classifier_and_the_same_bytes_again(trained: Path, tmp_path: Path) -> None:
    box = tmp_path / "box"
    box.mkdir()
    (box / "model_card.md").write_text("# The card")
    write_pretrained(trained, box)
    first = {path.name: path.read_bytes() for path in box.iterdir()}
    assert first["model_card.md"] == b"# The card"
    write_pretrained(trained, box)
    assert {path.name: path.read_bytes() for path in box.iterdir()} == first
    boxed, original = SentimentClassifier.load(box), SentimentClassifier.load(trained)
    assert boxed.profile_ is not None
    assert boxed.learned is not None
    assert original.profile_ is not None
    assert boxed.learned.digest() == (original.learned and original.learned.digest())
    assert boxed.profile_.classifier == boxed.digest()
    assert boxed.profile_.abstentions == original.profile_.abstentions
    assert np.load(box / "weights.npz")["embedding"].dtype == np.int8


@pytest.mark.parametrize(
    ("change", "says"), [({"learned": None}, "does not say which texts"), ({"profile_": None}, "was never validated")]
)
def test_a_classifier_that_lacks_something_stays_out_of_the_box(
    trained: Path, tmp_path: Path, change: dict[str, None], says: str
) -> None:
    classifier = SentimentClassifier.load(trained)
    vars(classifier).update(change)
    classifier.save(tmp_path / "lacking")
    with pytest.raises(InputError, match=says):
        write_pretrained(tmp_path / "lacking", tmp_path / "box")
    assert not (tmp_path / "box").exists()
