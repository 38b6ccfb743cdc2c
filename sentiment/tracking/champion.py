"""Who becomes champion: the versions that one command registers, the candidate among them, and the decision.

The candidate is the training with the lowest validation loss; no test review has a part in that. It replaces the
champion only if it is better on the same test reviews beyond chance, those left out that one of the two has learned
from. A candidate that is not significantly better than one label for every review never becomes champion, unless the
user asks for it.

Both models reach the same test split again and again, whenever a model is trained anew; so a champion of many contests
owes a little of its lead to these very reviews. The interval bounds the chance of one contest, not of all together.
"""

import contextlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import mlflow
import numpy as np
import pandas as pd

from sentiment.data.corpus import LABEL_NAMES, Reviews
from sentiment.data.fingerprints import Fingerprints, are_among
from sentiment.evaluation.comparison import Flips, compare_with_majority, majority_label
from sentiment.evaluation.significance import Difference, compare_accuracy
from sentiment.tracking.model import load_logged_classifier, load_run_classifier
from sentiment.tracking.registry import (
    CANDIDATE_TAG,
    CHALLENGER,
    CHAMPION,
    DECISION_TAG,
    METRICS,
    REVIEWS,
    SIZE,
    SPEED,
    Version,
    champion_of,
    make_champion,
    versions,
)
from sentiment.tracking.runs import read_predictions
from sentiment.tracking.store import STORE_ERRORS, reason_of, store_errors_explained, store_lock

CLASSIFIER_TAG, SPLIT_TAG, LOSS_TAG, MODEL_TAG = "sentiment.classifier", "test_split", "validation_loss", "model"
TESTED_TAG, ON_FOLDS = "sentiment.tested", "on folds"
"""Marks a version whose predictions come from other trainings, none of which had learned from what it judged."""

ABOUT_MODEL = (
    "Classifiers of reviews, registered by `sentiment run-pipeline`: raw text in, `predicted_label` and "
    "`positive_probability` out. The alias `champion` names the version that `sentiment score`, `predict` and "
    "`explain` use; `challenger` the last one that could not replace it. The tags of a version tell its model, its "
    "test metrics and what was decided on it."
)
"""What the UI shows of a registered model."""

FEWEST_REVIEWS = 2
"""That a comparison takes."""

ROUNDS = 10
"""Most corrections after other processes on one server."""


LONGEST_DESCRIPTION = 5_000
"""Characters that the databases of MLflow keep of a description."""


@dataclass(frozen=True)
class Training:
    """One training of a run, as it was logged.

    Attributes:
        title: of the training, such as `LSTM, seed 1`.
        model_id: of its logged model.
        metrics: METRICS, and perhaps others.
        predictions: a row per test review: text, label, predicted_label, positive_probability.
        validation_loss: of the weights that were kept.
        size: bytes of what scores.
        card: its description, as Markdown.
        on_folds: whether the predictions are of trainings on folds, none of which had learned from what it judged.
    """

    title: str
    model_id: str
    metrics: Mapping[str, float]
    predictions: pd.DataFrame
    validation_loss: float
    size: int = 0
    card: str = ""
    on_folds: bool = False


@dataclass(frozen=True)
class Registration:
    """What became of the trainings of one command.

    Attributes:
        candidate: the version that could become champion.
        others: the versions of the other trainings.
        reason: why the candidate is what it is, to follow a comma.
        rival: the version that the candidate was held against; None where there was no such contest.
        flips: what the candidate judges otherwise than the rival; None as `rival` is.
        kept: the versions of the models that are no candidates.
    """

    candidate: Version
    others: tuple[Version, ...]
    reason: str
    rival: Version | None = None
    flips: Flips | None = None
    kept: tuple[Version, ...] = ()


def candidate_of(trainings: Sequence[Training]) -> Training:
    """The training with the lowest validation loss, the first of several; a NaN is the highest.

    Every seed cuts its own validation reviews, so their losses also differ by those reviews. That costs a little of
    the choice, but favours nothing on the test split.
    """
    return min(trainings, key=lambda training: _loss(training.validation_loss))


def register(
    name: str, trainings: Sequence[Training], kept: Sequence[Training] = (), *, promote: bool = False
) -> Registration:
    """Register trainings as versions of a model, and decide on their candidate.

    Those of `kept` become versions too, but none of them is the candidate. With `promote` the candidate becomes
    champion whatever it is worth.

    A classifier that is registered already, from this run or another, stays the version that it is.

    A SQLite store is locked meanwhile, so decisions are made one after the other. A server cannot be locked: the
    decision is read again after it was made. The last of several processes then sees the candidates of all, and ends
    with the one that all of them would choose.

    Raises:
        InputError: a logged model cannot be loaded and scored, or the store cannot be used. Nothing is registered then.
    """
    every = [*trainings, *kept]
    identities = [_identity(training) for training in every]
    chosen = candidate_of(trainings)
    with store_errors_explained(), store_lock() as locked:
        numbers = [
            _registered(name, training, identity, is_candidate=training is chosen)
            for training, identity in zip(every, identities, strict=True)
        ]
        number = numbers[next(at for at, training in enumerate(every) if training is chosen)]
        contests = _Decision(name, number, chosen.predictions, promote=promote)
        decision = contests.make(again=not locked)
        known = {version.number: version for version in versions(name)}
    numbers_of_others = dict.fromkeys(numbers[: len(trainings)])
    others = tuple(known[other] for other in numbers_of_others if other != number)
    if others:
        decision += f"; {chosen.title}, has the lowest validation loss, {chosen.validation_loss:.4f}"
    kept_versions = tuple(known[other] for other in numbers[len(trainings) :])
    return Registration(known[number], others, decision, contests.rival, contests.flips, kept_versions)


def _loss(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _identity(training: Training) -> str:
    """Digest of the classifier that MLflow holds, and its threshold."""
    classifier = load_logged_classifier(training.model_id)
    return f"{classifier.digest()}:{classifier.threshold!r}"


def _registered(name: str, training: Training, identity: str, *, is_candidate: bool) -> int:
    """The number of the version that a classifier has or gets."""
    client = mlflow.MlflowClient()
    before = next((found for found in versions(name) if found.tags.get(CLASSIFIER_TAG) == identity), None)
    if before is not None:
        if is_candidate and CANDIDATE_TAG not in before.tags:  # of other seeds it was not the best
            client.set_model_version_tag(name, str(before.number), CANDIDATE_TAG, "true")
        return before.number
    tags = {
        CLASSIFIER_TAG: identity,
        SPLIT_TAG: _reviews(training.predictions).digest(),
        MODEL_TAG: training.title,
        **({} if math.isnan(training.validation_loss) else {LOSS_TAG: _rounded(training.validation_loss)}),
        **{metric: _rounded(training.metrics[metric]) for metric in (*METRICS, SPEED) if metric in training.metrics},
        REVIEWS: str(len(training.predictions)),
        SIZE: str(training.size),
        **({CANDIDATE_TAG: "true"} if is_candidate else {}),
        **({TESTED_TAG: ON_FOLDS} if training.on_folds else {}),
    }
    with contextlib.redirect_stderr(io.StringIO()):  # where MLflow prints its progress
        number = int(mlflow.register_model(f"models:/{training.model_id}", name, tags=tags).version)
    client.update_model_version(name, str(number), description_of(training.card))
    if not client.get_registered_model(name).description:
        client.update_registered_model(name, ABOUT_MODEL)
    return number


def description_of(card: str) -> str:
    """As much of a card as the description of a version holds, in whole lines."""
    if len(card) <= LONGEST_DESCRIPTION:
        return card
    rest = "\n\nThe run of this version has the whole card."
    return card[: card.rindex("\n", 0, LONGEST_DESCRIPTION - len(rest))] + rest


def _rounded(value: float) -> str:
    return f"{value:.6f}"


def _reviews(predictions: pd.DataFrame) -> Reviews:
    labels = (predictions["label"] == LABEL_NAMES[1]).to_numpy("int8")
    return Reviews(predictions["text"].tolist(), labels)


class _Decision:
    """Whether a candidate becomes the champion of a model.

    Attributes:
        rival, flips: as in Registration.
    """

    def __init__(self, name: str, number: int, predictions: pd.DataFrame, *, promote: bool) -> None:
        self._name, self._number, self._promote = name, number, promote
        self._predictions = {number: predictions}
        self._learned: dict[int, Fingerprints | None] = {}
        self._reason = "as registered before"
        self.rival: Version | None = None
        self.flips: Flips | None = None

    def make(self, *, again: bool) -> str:
        """Set the aliases, and say why.

        Args:
            again: others may decide at the same time, so look again until nothing is left to correct.
        """
        known = versions(self._name)
        own = next(version for version in known if version.number == self._number)
        base = champion_of(known)
        if self._promote:
            return self._promoted(own)
        if DECISION_TAG in own.tags and base is not None:
            return self._reason
        settled = {version.number for version in known if DECISION_TAG in version.tags} - {self._number}
        for _ in range(ROUNDS if again else 1):
            winner = self._winner(base, known, settled)
            if winner is not None and winner.number != getattr(champion_of(known), "number", None):
                make_champion(winner)
            if not again:
                break
            seen = {version.number for version in known}
            known = versions(self._name)
            champion = champion_of(known)
            is_settled = (champion and champion.number) == (winner and winner.number)
            if is_settled and seen == {v.number for v in known}:
                break
            if champion is not None and champion.number in settled:
                base = champion  # decided by hand meanwhile
        client = mlflow.MlflowClient()
        if winner is None or winner.number != self._number:
            client.set_registered_model_alias(self._name, CHALLENGER, str(self._number))
        client.set_model_version_tag(self._name, str(self._number), DECISION_TAG, self._reason)
        return self._reason

    def _promoted(self, own: Version) -> str:
        """Make the candidate champion, as the user asked."""
        self._reason = "as you asked with --promote"
        make_champion(own)
        mlflow.MlflowClient().set_model_version_tag(self._name, str(self._number), DECISION_TAG, self._reason)
        return self._reason

    def _winner(self, base: Version | None, known: Sequence[Version], settled: set[int]) -> Version | None:
        """The last to hold the field: the champion against every undecided candidate, in the order of registration.

        None where there is no champion, and no candidate is better than the majority class.

        Every process that decides at the same time goes through the same contests in the same order.
        """
        contenders = sorted(
            (
                version
                for version in known
                if version.number == self._number or (CANDIDATE_TAG in version.tags and version.number not in settled)
            ),
            key=lambda version: version.number,
        )
        winner = base
        for contender in contenders:
            if winner is not None and contender.number == winner.number:
                continue
            wins, reason = self._contest(contender, winner)
            if contender.number == self._number:
                self._reason = f"as {reason}"
            elif winner is not None and winner.number == self._number and wins:
                self._reason = f"as version {contender.number}, registered at the same time, is better: {reason}"
            winner = contender if wins else winner
        return winner

    def _contest(self, contender: Version, holder: Version | None) -> tuple[bool, str]:
        """Whether a version beats the one that holds the field, and why, in words that follow `as`."""
        if holder is None:
            try:
                poor = _no_better_than_majority(self._of(contender))
            except (*STORE_ERRORS, OSError, ValueError) as error:
                return False, f"the predictions of version {contender.number} cannot be read ({reason_of(error)})"
            return poor is None, poor or "there was none"
        called = f"version {holder.number}{', the champion,' if CHAMPION in holder.aliases else ''}"
        predictions, learned = [], []
        for version, title in ((contender, f"version {contender.number}"), (holder, called)):
            try:
                predictions.append(self._of(version))
                found = self._learned_by(version)
            except (*STORE_ERRORS, OSError, ValueError) as error:
                return False, f"the predictions of {title} cannot be read ({reason_of(error)})"
            if found is None:
                return False, f"nothing says which texts {title} has learned from"
            learned.append(found.start if version.tags.get(TESTED_TAG) == ON_FOLDS else found.everything)
        seen = np.union1d(*learned)
        own, others = (table[~are_among(table["text"].tolist(), seen)] for table in predictions)
        if len(own) < FEWEST_REVIEWS:
            return False, f"it or {called} has learned from every test review, so nothing is left to compare them on"
        if _reviews(own).digest() != _reviews(others).digest():
            return False, f"{called} was tested on other reviews"
        difference = compare_accuracy(
            f"version {contender.number}", _correct(own), f"version {holder.number}", _correct(others)
        )
        flips = Flips.between(difference.model, own, difference.baseline, others)
        if contender.number == self._number:
            self.rival, self.flips = holder, flips
        left_out = max(map(len, predictions)) - len(own)
        without = f"; {left_out:,} others are left out, as one of the two has learned from them" if left_out else ""
        poor = _no_better_than_majority(predictions[0]) if difference.low > 0 else None
        wins = difference.low > 0 and poor is None
        return wins, poor or f"{_verdict(difference, called)}; {flips.counts}{without}"

    def _of(self, version: Version) -> pd.DataFrame:
        if version.number not in self._predictions:
            self._predictions[version.number] = read_predictions(version.run_id)
        return self._predictions[version.number]

    def _learned_by(self, version: Version) -> Fingerprints | None:
        if version.number not in self._learned:
            classifier = load_run_classifier(version.run_id)
            self._learned[version.number] = None if classifier is None else classifier.learned
        return self._learned[version.number]


def _no_better_than_majority(predictions: pd.DataFrame) -> str | None:
    """Why a model cannot be champion whose verdicts are no better than one label for all; None where they are."""
    labels = _reviews(predictions).labels
    if compare_with_majority("it", _correct(predictions), labels).low > 0:
        return None
    name, share = LABEL_NAMES[majority_label(labels)], max(labels.mean(), 1 - labels.mean())
    return (
        f"it is not significantly better than calling every review {name}, which is right for {100 * share:.1f} % of "
        f"the {len(labels):,} test reviews; --promote makes it champion all the same"
    )


def _correct(predictions: pd.DataFrame) -> np.ndarray:
    return (predictions["label"] == predictions["predicted_label"]).to_numpy(bool)[None]  # (1, N)


def _verdict(difference: Difference, champion: str) -> str:
    value, low, high = (100 * share for share in (difference.value, difference.low, difference.high))
    on = f"on the same {difference.reviews:,} test reviews"
    if low > 0:
        return f"it beats {champion} {on} by {value:.1f} points, 95 % interval {low:.1f} to {high:.1f}"
    verb = "loses to" if high < 0 else "does not clearly beat"
    return f"it {verb} {champion} {on}: {value:+.1f} points, 95 % interval {low:.1f} to {high:.1f}"
