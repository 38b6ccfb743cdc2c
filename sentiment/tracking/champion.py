"""Who becomes champion: the models that one command registers, the candidate among them, and its contests.

The candidate is the model with the lowest validation loss; no test review has a part in that. It replaces the champion
only if it is better on the same test reviews beyond chance, those left out that one of the two has learned from. A
candidate that is not significantly better than one label for every review never becomes champion, unless the user asks
for it.

Both models reach the same test split again and again, whenever a model is trained anew; so a champion of many contests
owes a little of its lead to these very reviews. The interval bounds the chance of one contest, not of all together.
"""

import contextlib
import functools
import io
import math
from collections.abc import Sequence
from dataclasses import replace

import mlflow
import numpy as np
import pandas as pd

from sentiment.data.fingerprints import fingerprints
from sentiment.evaluation.comparison import Flips, no_better_than_majority
from sentiment.evaluation.result import Result
from sentiment.evaluation.significance import Difference, compare_accuracy
from sentiment.saved_classifier import scoring_bytes
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
from sentiment.tracking.runs import read_predictions, tracked_metrics
from sentiment.tracking.store import STORE_ERRORS, reason_of, store_errors_explained, store_lock

CLASSIFIER_TAG, SPLIT_TAG, LOSS_TAG, MODEL_TAG = "sentiment.classifier", "test_split", "validation_loss", "model"
TESTED_TAG, ON_FOLDS = "sentiment.tested", "on folds"
"""Marks a version whose predictions come from other trainings, none of which had learned from what it judged."""

ABOUT_MODEL = (
    "Classifiers of reviews, registered by `sentiment run-pipeline`: raw text in, `predicted_label` and the "
    "probability of its labels out. The alias `champion` names the version that `sentiment score`, `predict` and "
    "`explain` use; `challenger` the last one that could not replace it. The tags of a version hold its model, its "
    "test metrics and what was decided on it."
)
"""What the UI shows of a registered model."""

FEWEST_REVIEWS = 2
"""That a comparison takes."""

ROUNDS = 10
"""Most corrections after other processes on one server."""

LONGEST_DESCRIPTION = 5_000
"""Characters that the databases of MLflow keep of a description."""


def best_of(models: Sequence[Result]) -> Result:
    """The model with the lowest validation loss, the first of several; a NaN is the highest.

    Every seed cuts its own validation reviews, so their losses also differ by those reviews. That costs a little of
    the choice, but favours nothing on the test split.
    """
    losses = [model.validation_loss for model in models]
    return models[int(np.argmin(np.nan_to_num(losses, nan=np.inf)))]


def register(
    name: str,
    candidates: Sequence[Result],
    others: Sequence[Result] = (),
    *,
    promote: bool = False,
    on_folds: bool = False,
) -> list[Version]:
    """Register models as versions under a name, and decide whether the best candidate becomes champion.

    A classifier that is registered already, from this run or another, stays the version that it is.

    A SQLite store is locked meanwhile, so decisions are made one after the other. A server cannot be locked: the
    decision is read again after it was made. The last of several processes then sees the candidates of all, and ends
    with the one that all of them would choose.

    Args:
        candidates: models that a run has logged, with their `model_id`, `card` and `classifier_folder`.
        others: become versions too, but none of them is decided on.
        promote: whether the best candidate becomes champion whatever it is worth.
        on_folds: whether the predictions are of trainings on folds, none of which had learned from what it judged.

    Returns:
        The version of each candidate and of each other model, in this order. That of the best candidate has a reason,
        and perhaps rival and flips.

    Raises:
        InputError: a logged model cannot be loaded and scored, or the store cannot be used. Nothing is registered then.
    """
    models, best = [*candidates, *others], best_of(candidates)
    classifiers = [load_logged_classifier(model.model_id) for model in models]
    identities = [f"{classifier.digest()}:{classifier.threshold_!r}" for classifier in classifiers]
    with store_errors_explained(), store_lock():
        numbers = [
            _registered(name, model, identity, is_candidate=model is best, on_folds=on_folds)
            for model, identity in zip(models, identities, strict=True)
        ]
        number = numbers[models.index(best)]
        decision = _Decision(name, number, best)
        decision.make(promote=promote)
        known = {version.number: version for version in versions(name)}
    reason = decision.reason
    if len(set(numbers[: len(candidates)])) > 1:
        reason += f"; {best.name}, has the lowest validation loss, {best.validation_loss:.4f}"
    known[number] = replace(known[number], reason=reason, rival=decision.rival, flips=decision.flips)
    return [known[number] for number in numbers]


def _registered(name: str, model: Result, identity: str, *, is_candidate: bool, on_folds: bool) -> int:
    """The number of the version that a classifier has or gets."""
    client = mlflow.MlflowClient()
    before = next((found for found in versions(name) if found.tags.get(CLASSIFIER_TAG) == identity), None)
    if before is not None:
        if is_candidate and CANDIDATE_TAG not in before.tags:  # of other seeds it was not the best
            client.set_model_version_tag(name, str(before.number), CANDIDATE_TAG, "true")
        return before.number
    metrics, loss = tracked_metrics(model.metrics), model.validation_loss
    tags = {
        CLASSIFIER_TAG: identity,
        SPLIT_TAG: model.reviews.digest(),
        MODEL_TAG: model.name,
        **({} if math.isnan(loss) else {LOSS_TAG: f"{loss:.6f}"}),
        **{metric: f"{metrics[metric]:.6f}" for metric in (*METRICS, SPEED) if metric in metrics},
        REVIEWS: str(len(model.predictions)),
        SIZE: str(scoring_bytes(model.classifier_folder)),
        **({CANDIDATE_TAG: "true"} if is_candidate else {}),
        **({TESTED_TAG: ON_FOLDS} if on_folds else {}),
    }
    with contextlib.redirect_stderr(io.StringIO()):  # where MLflow prints its progress
        number = int(mlflow.register_model(f"models:/{model.model_id}", name, tags=tags).version)
    client.update_model_version(name, str(number), description_of(model.card))
    if not client.get_registered_model(name).description:
        client.update_registered_model(name, ABOUT_MODEL)
    return number


def description_of(card: str) -> str:
    """As much of a card as the description of a version holds, in whole lines."""
    if len(card) <= LONGEST_DESCRIPTION:
        return card
    rest = "\n\nThe run of this version has the whole card."
    return card[: card.rindex("\n", 0, LONGEST_DESCRIPTION - len(rest))] + rest


class _NoContestError(Exception):
    """Two versions cannot be compared, for the reason that the message gives."""


class _Decision:
    """Whether a candidate becomes the champion of a model.

    Attributes:
        reason: why the candidate is what it is, to follow a comma.
        rival: the version that it was compared with; None where there was no such contest.
        flips: what it judges otherwise than the rival; None as `rival` is.
    """

    def __init__(self, name: str, number: int, candidate: Result) -> None:
        self._name, self._number, self._candidate = name, number, candidate
        self._read_predictions = functools.cache(read_predictions)
        self._load_classifier = functools.cache(load_run_classifier)
        self.reason = "as registered before"
        self.rival: Version | None = None
        self.flips: Flips | None = None

    def make(self, *, promote: bool) -> None:
        """Set the aliases, and the tag that holds the reason; `promote` makes the candidate champion uncontested."""
        client, known = mlflow.MlflowClient(), versions(self._name)
        own = next(version for version in known if version.number == self._number)
        if promote:
            self.reason = "as you asked with --promote"
            make_champion(own)
        elif DECISION_TAG in own.tags and champion_of(known) is not None:
            return
        else:
            winner = self._decide(known)
            if _number(winner) != self._number:
                client.set_registered_model_alias(self._name, CHALLENGER, str(self._number))
        client.set_model_version_tag(self._name, str(self._number), DECISION_TAG, self.reason)

    def _decide(self, known: list[Version]) -> Version | None:
        """Make the last to hold the field champion: the version that wins, or None.

        Others may decide at the same time on a server, so look again until nothing is left to correct.
        """
        base = champion_of(known)
        settled = {version.number for version in known if DECISION_TAG in version.tags} - {self._number}
        winner = base
        for _ in range(ROUNDS):
            winner = self._winner(base, known, settled)
            if winner is not None and _number(winner) != _number(champion_of(known)):
                make_champion(winner)
            seen = len(known)
            known = versions(self._name)
            champion = champion_of(known)
            if (_number(champion), len(known)) == (_number(winner), seen):
                break
            if champion is not None and champion.number in settled:
                base = champion  # decided by hand meanwhile
        return winner

    def _winner(self, base: Version | None, known: Sequence[Version], settled: set[int]) -> Version | None:
        """The last to hold the field: the champion against every undecided candidate, in the order of registration.

        None where there is no champion, and no candidate is better than the majority class.

        Every process that decides at the same time goes through the same contests in the same order.
        """
        winner = base
        for contender in sorted(known, key=lambda version: version.number):
            is_undecided = CANDIDATE_TAG in contender.tags and contender.number not in settled
            if not (is_undecided or contender.number == self._number) or contender.number == _number(winner):
                continue
            try:
                wins, reason = self._contest(contender, winner)
            except _NoContestError as error:
                wins, reason = False, str(error)
            if contender.number == self._number:
                self.reason = f"as {reason}"
            elif wins and _number(winner) == self._number:
                self.reason = f"as version {contender.number}, registered at the same time, is better: {reason}"
            winner = contender if wins else winner
        return winner

    def _contest(self, contender: Version, holder: Version | None) -> tuple[bool, str]:
        """Whether a version beats the one that holds the field, and why, in words that follow `as`."""
        if holder is None:
            poor = _poor(self._result(contender, f"version {contender.number}"))
            return not poor, poor or "there was none"
        title = f"version {holder.number}{', the champion,' if CHAMPION in holder.aliases else ''}"
        sides = ((contender, f"version {contender.number}"), (holder, title))
        whole = [self._result(version, name) for version, name in sides]
        names = [", ".join(result.label_names) for result in whole]
        if names[0] != names[1]:
            raise _NoContestError(
                f"{title} tells {names[1]} apart, and not {names[0]}; --promote makes it champion all the same, and "
                "--register gives it a name of its own"
            )
        learned = np.union1d(*(self._learned(version, name) for version, name in sides))
        unseen = [result.predictions[~np.isin(fingerprints(result.reviews.texts), learned)] for result in whole]
        own, other = (replace(result, predictions=table) for result, table in zip(whole, unseen, strict=True))
        if len(own.predictions) < FEWEST_REVIEWS:
            raise _NoContestError(
                f"it or {title} has learned from every test review, so nothing is left to compare them on"
            )
        if own.reviews.digest() != other.reviews.digest():
            raise _NoContestError(f"{title} was tested on other reviews")
        models = (f"version {contender.number}", f"version {holder.number}")
        difference = compare_accuracy(models[0], own.correct[None], models[1], other.correct[None])
        flips = Flips.between(models[0], own.predictions, models[1], other.predictions)
        if contender.number == self._number:
            self.rival, self.flips = holder, flips
        left_out = max(len(result.predictions) for result in whole) - difference.reviews
        without = f"; {left_out:,} others are left out, as one of the two has learned from them" if left_out else ""
        poor = _poor(whole[0]) if difference.low > 0 else ""
        return difference.low > 0 and not poor, poor or f"{_verdict(difference, title)}; {flips.counts}{without}"

    def _result(self, version: Version, title: str) -> Result:
        """The predictions of a version on the test split."""
        if version.number == self._number:
            return self._candidate
        try:
            return Result(title, self._read_predictions(version.run_id), {}, pd.DataFrame())
        except (*STORE_ERRORS, OSError, ValueError) as error:
            raise _NoContestError(f"the predictions of {title} cannot be read ({reason_of(error)})") from error

    def _learned(self, version: Version, title: str) -> np.ndarray:
        """The fingerprints of the texts that do not count, as the version has learned from them."""
        try:
            classifier = self._load_classifier(version.run_id)
        except STORE_ERRORS:
            classifier = None
        if classifier is None or classifier.learned is None:
            raise _NoContestError(f"nothing says which texts {title} has learned from")
        is_on_folds = version.tags.get(TESTED_TAG) == ON_FOLDS
        return classifier.learned.start if is_on_folds else classifier.learned.everything


def _number(version: Version | None) -> int | None:
    return None if version is None else version.number


def _poor(result: Result) -> str:
    """Why a model cannot be champion whose verdicts are no better than one label for all; "" where they are better."""
    poor = no_better_than_majority("it", result.correct[None], result.labels, result.label_names)
    return poor and f"{poor} the {len(result.labels):,} test reviews; --promote makes it champion all the same"


def _verdict(difference: Difference, champion: str) -> str:
    value, low, high = (100 * share for share in (difference.value, difference.low, difference.high))
    reviews = f"on the same {difference.reviews:,} test reviews"
    if low > 0:
        return f"it beats {champion} {reviews} by {value:.1f} points, 95 % interval {low:.1f} to {high:.1f}"
    verb = "loses to" if high < 0 else "does not clearly beat"
    return f"it {verb} {champion} {reviews}: {value:+.1f} points, 95 % interval {low:.1f} to {high:.1f}"
