"""save_with_profile: a trained classifier and what its validation reviews tell, in one folder."""

from pathlib import Path

from sentiment.classifier import Classifier
from sentiment.evaluation.validation_profile import ValidationProfile

PROFILE_CODE = tuple(f"evaluation/{module}.py" for module in ("abstention", "drift", "validation_profile"))
"""Modules of `sentiment` that a profile comes from."""


def save_with_profile(classifier: Classifier, folder: Path, profile: ValidationProfile) -> None:
    """Write all that `load_classifier` and `ValidationProfile.load` read.

    Args:
        classifier: gets the threshold and `unknown_share` of the profile.
    """
    classifier.threshold, classifier.unknown_share = profile.threshold, profile.unknown_share
    classifier.save(folder)
    profile.for_classifier(classifier).save(folder)
