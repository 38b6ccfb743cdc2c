"""save_with_profile: a trained classifier and what its validation reviews tell, in one folder."""

from collections.abc import Collection
from pathlib import Path

from sentiment.classifier import Classifier
from sentiment.data.corpus import Reviews
from sentiment.evaluation.validation_profile import ValidationProfile

PROFILE_CODE = tuple(
    f"evaluation/{module}.py" for module in ("abstention", "drift", "review_sample", "validation_profile")
)
"""Modules of `sentiment` that a profile comes from."""


def save_with_profile(
    classifier: Classifier, folder: Path, validation: Reviews, learned: Collection[str] | None = None
) -> None:
    """Write all that `load_classifier` and `ValidationProfile.load` read.

    Args:
        classifier: gets its `unknown_share`.
        validation: reviews that did not train it.
        learned: words that it learned from other reviews; None for all that it knows.
    """
    probabilities = classifier.positive_probability(validation.texts)
    profile = ValidationProfile.of(classifier, validation, probabilities, learned)
    classifier.unknown_share = profile.unknown_share
    classifier.save(folder)
    profile.save(folder)
