"""Comparison: what trained models did on one test split, how sure their differences are, and where they disagree."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from sentiment.evaluation.metrics import Table, metric_intervals, tabulate_metrics
from sentiment.evaluation.result import Result, names_of_labels, slice_accuracy, true_label_probability
from sentiment.evaluation.significance import (
    Difference,
    accuracy_with_interval,
    compare_accuracy,
    correct_for_number,
    mcnemar,
)

RIGHT, WRONG = "newly right", "newly wrong"

VERDICT_RULE = (
    "Interval and p-value are of one t test of the difference in test accuracy. A verdict takes a side when its "
    "p-value, corrected for the number of verdicts (Holm 1979), is below 0.05."
)


@dataclass(frozen=True)
class Flips:
    """The test reviews on which two models give different verdicts.

    Attributes:
        model, baseline: their names.
        table: a row per flip, by how far the probability of its label moved: `flip` (RIGHT or WRONG), `label`,
            `baseline_probability`, `model_probability`, `text`; of more than two labels also `baseline_label` and
            `model_label`, what the models call it.
        p_value: of McNemar's exact test.
        is_ordered: whether there are more than two labels, and the probabilities of the table are those of the true
            one; else they are P(positive).
    """

    model: str
    baseline: str
    table: pd.DataFrame
    p_value: float
    is_ordered: bool = False

    @classmethod
    def between(cls, model: str, predictions: pd.DataFrame, baseline: str, others: pd.DataFrame) -> "Flips":
        """The flips between the predictions of two models on the same test reviews, in the same order.

        Args:
            predictions, others: of model and baseline, as a Result has them.
        """
        is_ordered = len(names_of_labels(predictions)) > 2
        now, before = (
            true_label_probability(table) if is_ordered else table["positive_probability"].to_numpy()
            for table in (predictions, others)
        )
        right = (predictions["label"] == predictions["predicted_label"]).to_numpy()
        was_right = (others["label"] == others["predicted_label"]).to_numpy()
        table = pd.DataFrame(
            {
                "flip": np.where(right, RIGHT, WRONG),
                "label": predictions["label"],
                "baseline_probability": before,
                "model_probability": now,
                "text": predictions["text"],
            }
        )
        if is_ordered:
            verdicts = others["predicted_label"].to_numpy(), predictions["predicted_label"].to_numpy()
            table = table.assign(baseline_label=verdicts[0], model_label=verdicts[1])
        table = table[right != was_right]
        moved = (table["model_probability"] - table["baseline_probability"]).abs()
        table = table.loc[moved.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)
        return cls(model, baseline, table, mcnemar(right, was_right), is_ordered)

    def select(self, kind: str) -> pd.DataFrame:
        """The rows of RIGHT or WRONG."""
        return self.table[self.table["flip"] == kind]

    @property
    def counts(self) -> str:
        """The number of flips in words, such as `212 newly right, 180 newly wrong, McNemar's exact p 0.1201`."""
        right, wrong = len(self.select(RIGHT)), len(self.select(WRONG))
        return f"{right:,} {RIGHT}, {wrong:,} {WRONG}, McNemar's exact p {format_p(self.p_value)}"


@dataclass(frozen=True)
class Comparison:
    """Models on the same test reviews, in the same order.

    Attributes:
        results: model -> one result per seed.
        baseline: the model that the others are compared with.
        reference: a second one that all are compared with, the linear model; None where it is not among the results.
    """

    results: Mapping[str, Sequence[Result]]
    baseline: str
    reference: str | None = None

    @property
    def any_result(self) -> Result:
        """Test reviews, labels and behavioural cases are the same for all."""
        return next(iter(self.results.values()))[0]

    @cached_property
    def correct(self) -> dict[str, np.ndarray]:
        """Model -> bool (seeds, N): whether each test review was judged rightly."""
        return {model: np.stack([result.correct for result in seeds]) for model, seeds in self.results.items()}

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """The metrics of all models, as `tabulate_metrics` gives them."""
        return tabulate_metrics({model: [r.metrics for r in seeds] for model, seeds in self.results.items()})

    @cached_property
    def differences(self) -> list[Difference]:
        """Every model against the baseline; then every other model, the baseline too, against the reference.

        Their p-values are corrected for their number.
        """
        pairs = pairs_to_compare(list(self.results), self.baseline, self.reference)
        return correct_for_number(
            [compare_accuracy(model, self.correct[model], other, self.correct[other]) for model, other in pairs]
        )

    @cached_property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """Metric -> both ends of its 95 % interval, for one model with one seed; else the intervals of differences
        say more."""
        if len(self.results) > 1 or len(self.correct[self.baseline]) > 1:
            return {}
        result = self.any_result
        return metric_intervals(result.labels, result.probabilities, result.metrics.get("threshold", 0.5))

    @cached_property
    def warnings(self) -> dict[str, str]:
        """Each model that is not significantly better than the majority class -> a sentence that says so."""
        labels, names = self.any_result.labels, self.any_result.label_names
        found = {m: no_better_than_majority(m, correct, labels, names) for m, correct in self.correct.items()}
        return {model: f"{sentence} them" for model, sentence in found.items() if sentence}

    @cached_property
    def accuracies(self) -> dict[str, tuple[float, float, float]]:
        """Model -> mean accuracy and the ends of its 95 % interval, by the t test of the differences."""
        return {model: accuracy_with_interval(correct) for model, correct in self.correct.items()}

    @cached_property
    def flips(self) -> list[Flips]:
        """What the first seeds of the models of each difference judge otherwise, in the same order."""
        first = {model: seeds[0].predictions for model, seeds in self.results.items()}
        return [
            Flips.between(pair.model, first[pair.model], pair.baseline, first[pair.baseline])
            for pair in self.differences
        ]

    @property
    def scope(self) -> str:
        """What the intervals cover, and what a verdict and its p-value speak of, as sentences."""
        rule = f" {VERDICT_RULE}" if self.differences else ""
        if any(len(seeds) > 1 for seeds in self.results.values()):
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
        columns: dict[str, pd.Series] = {}
        for model, correct in self.correct.items():
            table = slice_accuracy(texts, correct.mean(axis=0)).set_index("slice")
            columns |= {"reviews": table["reviews"], model: table["accuracy"]}
        return pd.DataFrame(columns)

    @cached_property
    def behaviour(self) -> pd.DataFrame:
        """(file, capability, type) by model, the number of `cases` first: failure rate, the mean over seeds."""
        return self._means_over_seeds(lambda r: r.behaviour, ["file", "capability", "type"], "cases", "failure_rate")

    @cached_property
    def fairness(self) -> pd.DataFrame:
        """Group of words by model, the number of `pairs` first: the share of `moved` pairs, the mean over seeds."""
        return self._means_over_seeds(lambda result: result.fairness, ["group"], "pairs", "moved")

    def _means_over_seeds(
        self, table: Callable[[Result], pd.DataFrame], index: list[str], counted: str, share: str
    ) -> pd.DataFrame:
        """Rows of a table of every result by model: a column that is the same for all, then the means of a share."""
        columns = {counted: table(self.any_result).set_index(index)[counted]}
        for model, seeds in self.results.items():
            shares = pd.concat([table(result).set_index(index)[share] for result in seeds], axis=1)
            columns[model] = shares.mean(axis=1)
        return pd.DataFrame(columns)


def pairs_to_compare(models: Sequence[str], baseline: str, reference: str | None) -> list[tuple[str, str]]:
    """Every model with the baseline; then every other model, the baseline too, with the reference, if there is one."""
    others = [model for model in models if model != baseline]
    pairs = [(model, baseline) for model in others]
    if reference in others:
        pairs += [(model, reference) for model in models if model != reference]
        pairs.remove((reference, baseline))  # the same pair the other way round
    return pairs


def no_better_than_majority(model: str, correct: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> str:
    """What to say where a model is not significantly better than one label for all reviews; "" where it is better.

    Args:
        model: its name.
        correct: bool (runs, N): whether each run of the model judged each review rightly.
        labels: (N,), the numbers of their names; of several that are as many the best is the one label.
        names: of the labels, the worst first.

    Returns:
        A sentence up to the words for the reviews, such as `... which is right for 60.0 % of`.
    """
    counts = np.bincount(labels, minlength=len(names))
    majority = int(np.flatnonzero(counts == counts.max())[-1])
    if compare_accuracy(model, correct, names[majority], (labels == majority)[None]).low > 0:
        return ""
    return (
        f"{model} is not significantly better than calling every review {names[majority]}, which is right for "
        f"{100 * counts[majority] / len(labels):.1f} % of"
    )


def difference_rows(differences: Sequence[Difference]) -> Table:
    """Headers and rows of the verdicts, as people read them; the p-value is the one that the verdict obeys."""
    rows = [[difference.verdict, format_p(difference.corrected_p_value)] for difference in differences]
    return ["verdict on test accuracy", "p of its t test (Holm)"], rows


def flip_rows(flips: Sequence[Flips]) -> Table:
    """Headers and rows of the counts of several pairs."""
    return ["test reviews judged otherwise", RIGHT, WRONG, "McNemar's exact p"], [
        [
            f"{pair.model} against {pair.baseline}",
            *(f"{len(pair.select(kind)):,}" for kind in (RIGHT, WRONG)),
            format_p(pair.p_value),
        ]
        for pair in flips
    ]


def format_p(p_value: float) -> str:
    """A p-value as people read it."""
    return "< 0.0001" if p_value < 1e-4 else f"{p_value:.4f}"
