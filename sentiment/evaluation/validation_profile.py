"""ValidationProfile: what is known of a classifier from its validation reviews, kept beside the classifier.

It holds the thresholds that keep a guaranteed accuracy, and how the reviews are distributed. So scoring needs no labels
to say which verdicts to trust, and no validation reviews to notice that others are unlike them. A classifier that
learned from all reviews has none for validation; the folds of its cross-validation stand in.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import Field

from sentiment.configuration import Configuration
from sentiment.errors import InputError, damaged_classifier
from sentiment.evaluation import TextClassifier, TextModel
from sentiment.evaluation.abstention import Abstention, choose_abstention
from sentiment.evaluation.drift import Reference, ReviewSample

PROFILE_FILE = "validation.json"

LEVELS = (0.8, 0.85, *(per_cent / 100 for per_cent in range(90, 100)), 0.995)
"""Accuracies that can be guaranteed for the answers, where the validation reviews bear them."""

LEVELS_OF_MORE = (0.5, 0.6, 0.7, *LEVELS)
"""Those of more than two labels, which are harder to tell apart."""


class ValidationProfile(Configuration):
    """The content of validation.json."""

    classifier: str = Field(description="Digest of the classifier that the thresholds belong to.")
    threshold: float = Field(ge=0, le=1, description="Of the classifier.")
    reviews: int = Field(ge=1, description="Validation reviews.")
    choices: int = Field(1, ge=1, description="Candidates that validation reviews chose this classifier among.")
    is_estimate: bool = Field(False, description="Whether classifiers of folds gave the verdicts, not this one.")
    levels: tuple[float, ...] = Field(LEVELS, description="Accuracies that thresholds were sought for.")
    abstentions: tuple[Abstention, ...] = Field(description="Thresholds of the levels that can be guaranteed.")

    features: dict[str, Reference] = Field(description="What is measured of each review -> its distribution.")
    unknown_share: float = Field(ge=0, le=1, description="Of words, those that the classifier does not know.")
    unsure_share: float = Field(ge=0, le=1, description="Of verdicts, those that are unsure.")
    sha256: str = Field("", description="Checksum of all others.")

    @classmethod
    def from_samples(
        cls,
        samples: Sequence[ReviewSample],
        labels: np.ndarray,
        probabilities: np.ndarray,
        threshold: float,
        choices: int = 1,
        *,
        is_estimate: bool = False,
    ) -> "ValidationProfile":
        """A profile that has no classifier yet; `for_classifier` gives it one.

        Args:
            samples: of the validation reviews; for an estimate one for each fold, as the classifier reads it that left
                it out.
            labels, probabilities: of the reviews of all samples, which did not train the model, as `choose_abstention`
                takes them.
            threshold, choices: of the classifier that it is for; as `choose_abstention` takes them.
            is_estimate: the classifier that it is for learns from all reviews, those of the folds too.
        """
        measures = [sample.measures for sample in samples]
        levels = LEVELS if probabilities.ndim == 1 else LEVELS_OF_MORE
        sizes = [len(sample) for sample in samples]
        return cls(
            classifier="",
            threshold=threshold,
            reviews=len(labels),
            choices=choices,
            is_estimate=is_estimate,
            levels=levels,
            abstentions=_abstentions(labels, probabilities, levels, threshold, choices),
            features={
                feature: Reference.fit(np.concatenate([measured[feature] for measured in measures]))
                for feature in measures[0]
            },
            unknown_share=np.average([sample.unknown_share for sample in samples], weights=sizes),
            unsure_share=np.average([sample.unsure_share for sample in samples], weights=sizes),
        )

    def for_classifier(self, model: TextModel) -> "ValidationProfile":
        """The same profile, as that of a model."""
        return self.model_copy(update={"classifier": model.digest()})

    def with_thresholds(
        self, threshold: float, choices: int, labels: np.ndarray, probabilities: np.ndarray
    ) -> "ValidationProfile":
        """The profile of the same classifier with another threshold, or as one of several that are chosen among.

        Args:
            choices: as `choose_abstention` takes them.
            labels, probabilities: of the validation reviews, as `choose_abstention` takes them.
        """
        abstentions = _abstentions(labels, probabilities, self.levels, threshold, choices)
        return self.model_copy(update={"threshold": threshold, "choices": choices, "abstentions": abstentions})

    def save(self, folder: Path) -> None:
        """Write validation.json beside the saved classifier."""
        whole = type(self)(**dict(self))  # as it will be read: a threshold of 1 is 1.0
        signed = whole.model_copy(update={"sha256": whole._checksum()})
        (folder / PROFILE_FILE).write_text(signed.model_dump_json(indent=2), "utf-8")

    @classmethod
    def load(cls, folder: Path, classifier: TextClassifier) -> "ValidationProfile | None":
        """The profile beside a saved classifier; None where it was saved without one.

        Raises:
            InputError: the file is damaged, or belongs to another classifier.
        """
        try:
            profile = cls.model_validate_json((folder / PROFILE_FILE).read_bytes())
            if (profile.classifier, profile.threshold) != (classifier.digest(), classifier.threshold_):
                raise ValueError(f"{PROFILE_FILE} is of another classifier")
            if profile.sha256 != profile._checksum():
                raise ValueError(f"{PROFILE_FILE} has another checksum")
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError) as error:
            raise damaged_classifier(folder, error) from error
        return profile

    def _checksum(self) -> str:
        return hashlib.sha256(self.model_dump_json(exclude={"sha256"}).encode()).hexdigest()

    def abstention(self, level: float) -> Abstention:
        """The thresholds that keep a guaranteed accuracy.

        Raises:
            InputError: no thresholds were sought for this level, or the validation reviews do not bear it.
        """
        for abstention in self.abstentions:
            if abstention.level == level:
                return abstention
        if level not in self.levels:
            raise InputError(f"--sure {level:g}: thresholds are kept for {_listed(self.levels)}: take one of them.")
        kept = [abstention.level for abstention in self.abstentions]
        verb = "estimate" if self.is_estimate else "promise"
        remedy = f"it can {verb} {_listed(kept)}" if kept else f"it can {verb} no level, so leave --sure out"
        reviews = "reviews in the folds" if self.is_estimate else "validation reviews"
        among = f", which chose it among {self.choices:,}," if self.choices > 1 else ""
        raise InputError(
            f"--sure {level:g} cannot be {verb}d, as the {self.reviews:,} {reviews} of this classifier{among} do not "
            f"bear it: {remedy}."
        )


def _abstentions(
    labels: np.ndarray, probabilities: np.ndarray, levels: Sequence[float], threshold: float, choices: int
) -> tuple[Abstention, ...]:
    chosen = (choose_abstention(labels, probabilities, level, threshold, choices) for level in levels)
    return tuple(abstention for abstention in chosen if abstention is not None)


def _listed(levels: Sequence[float]) -> str:
    return ", ".join(f"{level:g}" for level in levels)
