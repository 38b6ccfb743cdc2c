"""ValidationProfile: what a classifier's validation reviews tell those who score with it, kept beside the classifier.

It holds the thresholds for scores that keep a promised accuracy, and how the reviews are distributed. So scoring needs
no labels to tell when a score is not to be trusted, and no validation reviews to tell that others are unlike them.
"""

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from pydantic import Field, ValidationError

from sentiment.classifier import Classifier, damaged_classifier
from sentiment.configuration import Configuration
from sentiment.data.corpus import Reviews
from sentiment.errors import InputError
from sentiment.evaluation.abstention import Abstention, choose_abstention
from sentiment.evaluation.drift import Drift, Reference, find_drift
from sentiment.evaluation.review_sample import ReviewSample

PROFILE_FILE = "validation.json"

LEVELS = (0.8, 0.85, *(per_cent / 100 for per_cent in range(90, 100)), 0.995)
"""Accuracies that can be promised of what is answered, where the validation reviews bear them."""


class ValidationProfile(Configuration):
    """The content of validation.json."""

    classifier: str = Field(description="Digest of the classifier that the thresholds belong to.")
    threshold: float = Field(ge=0, le=1, description="Of the classifier.")
    reviews: int = Field(ge=1, description="Validation reviews.")
    levels: tuple[float, ...] = Field(LEVELS, description="Accuracies that thresholds were sought for.")
    abstentions: tuple[Abstention, ...] = Field(description="Thresholds of the levels that can be promised.")

    features: dict[str, Reference] = Field(description="What is measured of each review -> its distribution.")
    unknown_share: float = Field(ge=0, le=1, description="Of words, those that the classifier does not know.")
    unsure_share: float = Field(ge=0, le=1, description="Of verdicts, those that are unsure.")
    sha256: str = Field("", description="Checksum of all others in the file; an older file has none.")

    @classmethod
    def of(
        cls,
        classifier: Classifier,
        validation: Reviews,
        probabilities: np.ndarray,
        learned: Collection[str] | None = None,
    ) -> "ValidationProfile":
        """The profile of a classifier.

        Args:
            validation: N reviews that did not train it.
            probabilities: (N,), P(positive) of these reviews by this classifier.
            learned: words that it learned from other reviews; None for all that it knows.
        """
        sample = ReviewSample(classifier, learned)
        sample.add(validation.texts, probabilities)
        return cls(
            classifier=classifier.digest(),
            threshold=classifier.threshold,
            reviews=len(validation),
            abstentions=_abstentions(validation.labels, probabilities, classifier.threshold),
            features={feature: Reference.of(values) for feature, values in sample.measures.items()},
            unknown_share=sample.unknown_share,
            unsure_share=sample.unsure_share,
        )

    def at_threshold(self, threshold: float, labels: np.ndarray, probabilities: np.ndarray) -> "ValidationProfile":
        """The profile of the same classifier with another threshold.

        Args:
            labels: (N,), 1 positive, 0 negative, of the validation reviews.
            probabilities: (N,), P(positive).
        """
        abstentions = _abstentions(labels, probabilities, threshold)
        return self.model_copy(update={"threshold": threshold, "abstentions": abstentions})

    def drift(self, sample: ReviewSample) -> list[Drift]:
        """How far other reviews lie from the validation reviews: a Drift of every feature, the largest index first."""
        counts = {feature: self.features[feature].count(values) for feature, values in sample.measures.items()}
        return find_drift(self.features, counts)

    def save(self, folder: Path) -> None:
        """Write validation.json beside the saved classifier."""
        whole = self.model_copy(update={"sha256": self._checksum()})
        (folder / PROFILE_FILE).write_text(whole.model_dump_json(indent=2), "utf-8")

    @classmethod
    def load(cls, folder: Path, classifier: Classifier) -> "ValidationProfile | None":
        """The profile beside a saved classifier; None where an older version saved it without one.

        Raises:
            InputError: the file is damaged, or belongs to another classifier.
        """
        try:
            profile = cls.model_validate_json((folder / PROFILE_FILE).read_bytes())
            if (profile.classifier, profile.threshold) != (classifier.digest(), classifier.threshold):
                raise ValueError(f"{PROFILE_FILE} is of another classifier")
            if profile.sha256 not in ("", profile._checksum()):
                raise ValueError(f"{PROFILE_FILE} has another checksum")
        except FileNotFoundError:
            return None
        except (ValidationError, ValueError, RecursionError) as error:
            raise damaged_classifier(folder, error) from error
        return profile

    def _checksum(self) -> str:
        return hashlib.sha256(self.model_dump_json(exclude={"sha256"}).encode()).hexdigest()

    def abstention(self, level: float) -> Abstention:
        """The thresholds that keep a promised accuracy.

        Raises:
            InputError: no thresholds were sought for this level, or the validation reviews do not bear it.
        """
        for abstention in self.abstentions:
            if abstention.level == level:
                return abstention
        if level not in self.levels:
            raise InputError(f"--sure {level:g}: thresholds are kept for {_listed(self.levels)}: take one of them.")
        kept = [abstention.level for abstention in self.abstentions]
        remedy = f"it can promise {_listed(kept)}" if kept else "it can promise no level, so leave --sure out"
        raise InputError(
            f"--sure {level:g} cannot be promised, as the {self.reviews:,} validation reviews of this classifier do "
            f"not bear it: {remedy}."
        )


def _abstentions(labels: np.ndarray, probabilities: np.ndarray, threshold: float) -> tuple[Abstention, ...]:
    chosen = (choose_abstention(labels, probabilities, level, threshold) for level in LEVELS)
    return tuple(abstention for abstention in chosen if abstention is not None)


def _listed(levels: Sequence[float]) -> str:
    return ", ".join(f"{level:g}" for level in levels)
