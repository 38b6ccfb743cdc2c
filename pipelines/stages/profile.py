"""save_with_profile: a trained classifier and what its validation reviews tell, in one folder."""

from pathlib import Path

from sentiment.classifier import Classifier
from sentiment.data.corpus import Reviews
from sentiment.evaluation.validation_profile import ValidationProfile

PROFILE_CODE = tuple(
    f"evaluation/{module}.py" for module in ("abstention", "drift", "review_sample", "validation_profile")
)
"""Modules of `sentiment` that a profile comes from."""


def save_with_profile(classifier: Classifier, folder: Path, validation: Reviews) -> None:
    """Write all that `load_classifier` and `ValidationProfile.load` read.

    Args:
        validation: reviews that did not train the classifier.
    """
    classifier.save(folder)
    ValidationProfile.of(classifier, validation, classifier.positive_probability(validation.texts)).save(folder)
