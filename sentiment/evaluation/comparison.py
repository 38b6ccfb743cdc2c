"""Result and Comparison: what trained models did on one test split, and how sure their differences are."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from sentiment.data.corpus import LABEL_NAMES, Reviews, predicted_labels
from sentiment.evaluation.abstention import Abstention, AbstentionCheck, check_abstention
from sentiment.evaluation.behaviour import measure_behaviour
from sentiment.evaluation.flips import Flips
from sentiment.evaluation.metrics import evaluate_predictions, metric_intervals, tabulate_metrics
from sentiment.evaluation.significance import (
    Difference,
    accuracy_with_interval,
    compare_accuracy,
    correct_for_number,
)
from sentiment.evaluation.slices import slice_accuracy

if TYPE_CHECKING:
    from sentiment.classifier import Classifier

MAJORITY = "the majority class"
"""What gives every review the label that most of them have, as verdicts call it."""

SHARES = tuple(
    "accuracy majority_accuracy balanced_accuracy macro_f1 precision recall f1 roc_auc average_precision".split()
)
"""Metrics shown as per cent; those of FRACTIONS are shown as they are, counts as whole numbers."""

FRACTIONS = ("log_loss", "brier_score", "expected_calibration_error", "threshold")

NAMES = {"f1": "F1", "macro_f1": "macro-F1", "roc_auc": "ROC AUC", "brier_score": "Brier score"}
"""Metrics whose name is more than their words."""

VERDICT_RULE = (
    "Interval and p-value are of one t test of the difference in test accuracy. A verdict takes a side when its "
    "p-value, corrected for the number of verdicts (Holm 1979), is below 0.05."
)


@dataclass(frozen=True)
class Result:
    """One trained model on the test split.

    Attributes:
        name: of this model and seed, such as `LSTM, seed 1`.
        predictions: a row per test review: text, label, predicted_label, positive_probability.
        metrics: as `evaluate_predictions` gives, and the costs of the model.
        behaviour: as `measure_behaviour` gives.
        history: per epoch; empty for a model without epochs.
        promises: what each promised accuracy was worth; none where no accuracy can be promised.
    """

    name: str
    predictions: pd.DataFrame
    metrics: Mapping[str, float]
    behaviour: pd.DataFrame
    history: dict[str, list[float]] = field(default_factory=dict)
    promises: Sequence[AbstentionCheck] = ()

    @classmethod
    def of(
        cls,
        classifier: "Classifier",
        reviews: Reviews,
        name: str,
        abstentions: Sequence[Abstention] = (),
        seen: Collection[str] = (),
    ) -> Self:
        """What a classifier does on labelled reviews, which it should not have learned from.

        Args:
            reviews: N of them, of both classes.
            name: of the model.
            abstentions: promised accuracies to check.
            seen: sentences that training may have seen, which no behavioural test then uses.
        """
        threshold, labels = classifier.threshold, reviews.labels
        started = time.perf_counter()
        probabilities = classifier.positive_probability(reviews.texts)  # (N,)
        seconds = time.perf_counter() - started
        predictions = pd.DataFrame(
            {
                "text": pd.Series(list(reviews.texts), dtype="string"),
                "label": [LABEL_NAMES[label] for label in labels],
                "predicted_label": predicted_labels(probabilities, threshold),
                "positive_probability": probabilities,
            }
        )
        metrics = evaluate_predictions(labels, probabilities, threshold)
        metrics |= {"parameters": classifier.parameters, "scored_per_second": len(reviews) / seconds}
        behaviour = measure_behaviour(classifier.positive_probability, threshold, seen=seen)
        promises = [check_abstention(abstention, labels, probabilities) for abstention in abstentions]
        return cls(name, predictions, metrics, behaviour, promises=promises)

    @property
    def left_out(self) -> int:
        """Behavioural cases that were left out."""
        return int(self.behaviour["left_out"].sum())

    @property
    def correct(self) -> np.ndarray:
        """Whether each test review was judged rightly: bool (N,)."""
        return (self.predictions["label"] == self.predictions["predicted_label"]).to_numpy()

    @property
    def labels(self) -> np.ndarray:
        """int8 (N,): 1 positive, 0 negative."""
        return (self.predictions["label"] == LABEL_NAMES[1]).to_numpy(np.int8)

    @property
    def probabilities(self) -> np.ndarray:
        """P(positive), (N,)."""
        return self.predictions["positive_probability"].to_numpy()


@dataclass(frozen=True)
class Comparison:
    """Models on the same test reviews, in the same order.

    Attributes:
        results: model -> one result per seed.
        baseline: the model that the others are held against.
        reference: a second one that all are held against, the linear model; None where it is not among the results.
    """

    results: Mapping[str, Sequence[Result]]
    baseline: str
    reference: str | None = None

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """As `tabulate_metrics` gives."""
        return tabulate_metrics({model: [r.metrics for r in of_seeds] for model, of_seeds in self.results.items()})

    @cached_property
    def differences(self) -> list[Difference]:
        """Every model against the baseline; then every other model, the baseline too, against the reference.

        Their p-values are corrected for their number.
        """
        correct = {model: np.stack([r.correct for r in of_seeds]) for model, of_seeds in self.results.items()}
        pairs = pairs_to_compare(list(self.results), self.baseline, self.reference)
        return correct_for_number(
            [compare_accuracy(model, correct[model], other, correct[other]) for model, other in pairs]
        )

    @cached_property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """Metric -> both ends of its 95 % interval, of one model with one seed alone; else they are of differences."""
        if len(self.results) > 1 or len(next(iter(self.results.values()))) > 1:
            return {}
        result = self.any_result
        return metric_intervals(result.labels, result.probabilities, result.metrics["threshold"])

    @cached_property
    def no_better_than_majority(self) -> list[str]:
        """The models that are not significantly better than the majority class."""
        labels = self.any_result.labels
        return [
            model
            for model, of_seeds in self.results.items()
            if not compare_with_majority(model, np.stack([r.correct for r in of_seeds]), labels).low > 0
        ]

    @property
    def warnings(self) -> list[str]:
        """A sentence on every model that is not significantly better than the majority class."""
        name, share = LABEL_NAMES[majority_label(self.any_result.labels)], self.any_result.metrics["majority_accuracy"]
        return [
            f"{model} is not significantly better than calling every review {name}, which is right for "
            f"{100 * share:.1f} % of them"
            for model in self.no_better_than_majority
        ]

    @cached_property
    def accuracies(self) -> dict[str, tuple[float, float, float]]:
        """Of every model: the mean accuracy and the ends of its 95 % interval, by the t test of the differences."""
        return {
            model: accuracy_with_interval(np.stack([result.correct for result in of_seeds]))
            for model, of_seeds in self.results.items()
        }

    @cached_property
    def flips(self) -> list[Flips]:
        """What the first seeds of the models of each difference judge otherwise, in the same order."""
        first = {model: of_seeds[0].predictions for model, of_seeds in self.results.items()}
        return [
            Flips.between(pair.model, first[pair.model], pair.baseline, first[pair.baseline])
            for pair in self.differences
        ]

    @property
    def scope(self) -> str:
        """What the intervals cover, and what a verdict and its p-value speak of, as sentences."""
        rule = f" {VERDICT_RULE}" if self.differences else ""
        if any(len(of_seeds) > 1 for of_seeds in self.results.values()):
            return (
                "The intervals cover the choice of test reviews and, of a model with several seeds, that of seeds. "
                f"A model with one seed stands for that run alone.{rule}"
            )
        return (
            "Each model was trained with one seed: the intervals cover the choice of test reviews, "
            f"not what another seed would give.{rule}"
        )

    @cached_property
    def slices(self) -> pd.DataFrame:
        """Slice by model, its number of `reviews` first: accuracy, the mean over seeds."""
        texts = self.any_result.predictions["text"].tolist()
        columns = {}
        for model, of_seeds in self.results.items():
            table = slice_accuracy(texts, np.mean([r.correct for r in of_seeds], axis=0)).set_index("slice")
            columns["reviews"] = table["reviews"]
            columns[model] = table["accuracy"]
        return pd.DataFrame(columns)

    @cached_property
    def behaviour(self) -> pd.DataFrame:
        """(capability, type) by model, the number of `cases` first: failure rate, the mean over seeds."""
        index = ["capability", "type"]
        columns = {"cases": self.any_result.behaviour.set_index(index)["cases"]}
        for model, of_seeds in self.results.items():
            rates = pd.concat([r.behaviour.set_index(index)["failure_rate"] for r in of_seeds], axis=1)
            columns[model] = rates.mean(axis=1)
        return pd.DataFrame(columns)

    @property
    def any_result(self) -> Result:
        """Test reviews, labels and behavioural cases are the same for all."""
        return next(iter(self.results.values()))[0]


def pairs_to_compare(models: Sequence[str], baseline: str, reference: str | None) -> list[tuple[str, str]]:
    """Every model with the baseline; then every other model, the baseline too, with the reference, if there is one."""
    others = [model for model in models if model != baseline]
    pairs = [(model, baseline) for model in others]
    if reference in others:
        pairs += [(model, reference) for model in models if model != reference]
        pairs.remove((reference, baseline))  # the same pair the other way round
    return pairs


def majority_label(labels: np.ndarray) -> int:
    """The label that most reviews have, 1 or 0; positive where both are as many."""
    return int(2 * np.sum(labels) >= len(labels))


def compare_with_majority(model: str, correct: np.ndarray, labels: np.ndarray) -> Difference:
    """A model against the majority class, which gives every review the label that most of them have.

    Args:
        correct: bool (runs, N): whether each run of the model judged each review rightly.
        labels: (N,), 1 positive, 0 negative.
    """
    return compare_accuracy(model, correct, MAJORITY, (labels == majority_label(labels))[None])


def metric_rows(
    metrics: pd.DataFrame, intervals: Mapping[str, tuple[float, float]] | None = None
) -> tuple[list[str], list[list[str]]]:
    """Headers and rows of what `tabulate_metrics` gives, as people read them: mean ± standard deviation.

    Args:
        intervals: of the metrics of one model alone, for a column of their own.
    """
    models = [str(column) for column in metrics if not str(column).endswith(" std")]
    rows = []
    for name, values in metrics.to_dict(orient="index").items():
        metric = str(name)
        cells = [figure(metric, values[model], values.get(f"{model} std")) for model in models]
        if intervals:
            low, high = (figure(metric, end) for end in intervals.get(metric, (np.nan, np.nan)))
            cells.append(f"{low.removesuffix(' %')} to {high}" if metric in intervals else "")
        rows.append([metric_title(metric), *cells])
    return ["test metric", *models, *(["95 % interval"] if intervals else [])], rows


def difference_rows(differences: Sequence[Difference]) -> tuple[list[str], list[list[str]]]:
    """Column heads and rows of the verdicts, as people read them; the p-value is the one that the verdict obeys."""
    return ["verdict on test accuracy", "p of its t test (Holm)"], [
        [
            difference.verdict,
            "< 0.0001" if difference.corrected_p_value < 1e-4 else f"{difference.corrected_p_value:.4f}",
        ]
        for difference in differences
    ]


def metric_title(metric: str) -> str:
    """A metric as people know it."""
    return NAMES.get(metric, metric.replace("_", " "))


def figure(metric: str, mean: float, deviation: float | None = None) -> str:
    """The value of a metric as people read it: a share as per cent, perhaps with a standard deviation."""
    if np.isnan(mean):
        return "n/a"
    scale, digits, unit = (100, 2, " %") if metric in SHARES else (1, 4 if metric in FRACTIONS else 0, "")
    spread = "" if deviation is None else f" ± {scale * deviation:,.{digits}f}"
    return f"{scale * mean:,.{digits}f}{spread}{unit}"
