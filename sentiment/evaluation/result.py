"""Result: one evaluated model, from the evaluation to report, registry and card."""

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from sentiment.data.corpus import Reviews
from sentiment.data.labels import LABEL_NAMES, expected_position, label_probabilities
from sentiment.data.tokenizer import tokenize
from sentiment.evaluation import TextClassifier
from sentiment.evaluation.abstention import Abstention, GuaranteeCheck
from sentiment.evaluation.behaviour import REPORTED, measure_behaviour
from sentiment.evaluation.fairness import measure_fairness
from sentiment.evaluation.metrics import evaluate_predictions

METRICS_FILE, HISTORY_FILE, PREDICTIONS_FILE = "metrics.json", "history.json", "predictions.parquet"
SLICES_FILE, MISTAKES_FILE, GUARANTEES_FILE = "slices.csv", "confident_mistakes.csv", "promises.csv"
BEHAVIOUR_FILE, FAIRNESS_FILE = "behaviour.csv", "fairness.csv"

TABLE_FILES = (PREDICTIONS_FILE, SLICES_FILE, MISTAKES_FILE, BEHAVIOUR_FILE, FAIRNESS_FILE, GUARANTEES_FILE)
"""What MLflow keeps as artifacts; it keeps metrics and history as metrics."""

NEGATIONS = frozenset("not no never neither nor none nobody nothing nowhere without cannot hardly barely".split())
"""Tokens that negate, beside those that end with n't."""

MISTAKES = 50

OF_LABEL = "probability_"
"""How the columns of predictions begin that hold the probability of a label, where there are more than two."""


@dataclass(frozen=True)
class Result:
    """One trained model on the test split.

    Attributes:
        name: of this model and seed, such as `LSTM, seed 1`.
        predictions: a row per test review: text, label, predicted_label, and positive_probability, or of more than two
            labels probability_LABEL of each, the worst first.
        metrics: as `evaluate_predictions` gives, and the costs of the model.
        behaviour: as `measure_behaviour` gives, of all files that are reported.
        history: metric -> its value after each epoch; empty for a model without epochs.
        guarantees: what each guaranteed accuracy was worth; none where no accuracy can be guaranteed.
        fairness: as `measure_fairness` gives; empty where it is not measured, as of a cross-validation.
        folder, digest: where it is kept, and what tells it from any other; missing for one that is not kept.
        classifier_folder: where the classifier is saved.
        model_id, card: of the logged model, once a run has logged it; its model card as Markdown.
    """

    name: str
    predictions: pd.DataFrame
    metrics: Mapping[str, float]
    behaviour: pd.DataFrame
    history: dict[str, list[float]] = field(default_factory=dict)
    guarantees: Sequence[GuaranteeCheck] = ()
    fairness: pd.DataFrame = field(default_factory=pd.DataFrame)
    folder: Path | None = None
    digest: str = ""
    classifier_folder: Path = Path()
    model_id: str = ""
    card: str = ""

    @property
    def tables(self) -> list[Path]:
        """The files of its folder that MLflow keeps as artifacts."""
        return [] if self.folder is None else [self.folder / name for name in TABLE_FILES]

    @property
    def correct(self) -> np.ndarray:
        """Whether each test review was judged rightly: bool (N,)."""
        return (self.predictions["label"] == self.predictions["predicted_label"]).to_numpy()

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels, the worst first."""
        return names_of_labels(self.predictions)

    @property
    def is_ordered(self) -> bool:
        """Whether there are more than two labels."""
        return len(self.label_names) > 2

    @property
    def labels(self) -> np.ndarray:
        """int8 (N,): 1 positive, 0 negative; of more than two labels their numbers, from 0, the worst."""
        return label_numbers_in(self.predictions)

    @property
    def reviews(self) -> Reviews:
        """The test reviews with their labels."""
        return Reviews(self.predictions["text"].tolist(), self.labels)

    @property
    def probabilities(self) -> np.ndarray:
        """P(positive), (N,); of more than two labels that of each, (N, K)."""
        return probabilities_in(self.predictions)

    @property
    def confusion_matrix(self) -> pd.DataFrame:
        """How many test reviews of each label (rows) got each verdict (columns), the worst first."""
        names = list(self.label_names)
        counts = pd.crosstab(self.predictions["label"], self.predictions["predicted_label"])
        return counts.reindex(index=names, columns=names, fill_value=0)

    @property
    def validation_loss(self) -> float:
        """The loss of the epoch whose weights were kept, in nats; NaN without epochs or validation reviews.

        That is the lowest; or the last, where a teacher changed from epoch to epoch, as the last has the best of them.
        """
        losses = np.array(self.history.get("val_loss", []), float)
        if "teacher_val_loss" in self.history:
            return float(losses[-1])
        finite = losses[np.isfinite(losses)]
        return float(finite.min()) if len(finite) else np.nan

    @property
    def left_out(self) -> int:
        """Behavioural cases that were left out."""
        return int(self.behaviour["left_out"].sum())

    @cached_property
    def slices(self) -> pd.DataFrame:
        """The accuracy of each slice, as `slice_accuracy` gives it."""
        return slice_accuracy(self.predictions["text"].tolist(), self.correct)

    def save(self, folder: Path) -> None:
        """Write metrics and history, and the files of TABLE_FILES, into a folder."""
        for name, content in ((METRICS_FILE, self.metrics), (HISTORY_FILE, self.history)):
            (folder / name).write_text(json.dumps(dict(content), indent=2, ensure_ascii=False), "utf-8")
        self.predictions.to_parquet(folder / PREDICTIONS_FILE, index=False)
        self.slices.to_csv(folder / SLICES_FILE, index=False)
        confident_mistakes(self.predictions).to_csv(folder / MISTAKES_FILE, index=False)
        self.behaviour.to_csv(folder / BEHAVIOUR_FILE, index=False)
        self.fairness.to_csv(folder / FAIRNESS_FILE, index=False)
        columns = list(GuaranteeCheck.__dataclass_fields__)
        checks = pd.DataFrame([asdict(check) for check in self.guarantees], columns=columns)
        checks.to_csv(folder / GUARANTEES_FILE, index=False)

    @classmethod
    def load(
        cls,
        folder: Path,
        name: str,
        metrics: Mapping[str, float] | None = None,
        history: dict[str, list[float]] | None = None,
    ) -> "Result":
        """Read what `save` wrote.

        Args:
            metrics, history: in place of the files of these names, which a run of MLflow does not hold.
        """
        checks = pd.read_csv(folder / GUARANTEES_FILE).astype({"level": float})
        return cls(
            name,
            pd.read_parquet(folder / PREDICTIONS_FILE),
            json.loads((folder / METRICS_FILE).read_bytes()) if metrics is None else metrics,
            pd.read_csv(folder / BEHAVIOUR_FILE, keep_default_na=False, na_values={"failure_rate": [""]}),
            json.loads((folder / HISTORY_FILE).read_bytes()) if history is None else history,
            [GuaranteeCheck(*row) for row in checks.itertuples(index=False, name=None)],
            pd.read_csv(folder / FAIRNESS_FILE),
            folder,
        )


def names_of_labels(predictions: pd.DataFrame) -> tuple[str, ...]:
    """The labels that predictions tell apart, the worst first."""
    return tuple(column.removeprefix(OF_LABEL) for column in _columns_of_labels(predictions)) or LABEL_NAMES


def _columns_of_labels(predictions: pd.DataFrame) -> list[str]:
    return [column for column in map(str, predictions) if column.startswith(OF_LABEL)]


def label_numbers_in(predictions: pd.DataFrame) -> np.ndarray:
    """The numbers of the labels of predictions, from 0, the worst: int8 (N,)."""
    return pd.Categorical(predictions["label"], names_of_labels(predictions)).codes.astype(np.int8)


def probabilities_in(predictions: pd.DataFrame) -> np.ndarray:
    """P(positive) of predictions, (N,); of more than two labels the probability of each, (N, K)."""
    return predictions[_columns_of_labels(predictions) or "positive_probability"].to_numpy()


def true_label_probability(predictions: pd.DataFrame) -> np.ndarray:
    """The probability that predictions give the true label of each review, (N,)."""
    labels, probabilities = label_numbers_in(predictions), probabilities_in(predictions)
    if probabilities.ndim == 1:
        return np.where(labels == 1, probabilities, 1 - probabilities)
    of_label: np.ndarray = probabilities[np.arange(len(labels)), labels]
    return of_label


def evaluate_classifier(
    classifier: TextClassifier,
    reviews: Reviews,
    name: str,
    abstentions: Sequence[Abstention] = (),
    seen: Collection[str] = (),
) -> Result:
    """What a classifier does on labelled reviews, which it should not have learned from.

    Args:
        reviews: N of them, of two classes at least.
        name: of the model.
        abstentions: guaranteed accuracies to check.
        seen: sentences that training may have seen, which no behavioural test then uses.
    """
    threshold, labels = classifier.threshold_, reviews.labels
    started = time.perf_counter()
    cumulative = classifier.cumulative_probability(reviews.texts)
    seconds = time.perf_counter() - started
    probabilities, names = label_probabilities(cumulative), classifier.label_names  # (N,) or (N, K)
    columns = {"positive_probability": probabilities}
    if probabilities.ndim == 2:
        columns = {f"{OF_LABEL}{name}": column for name, column in zip(names, probabilities.T, strict=True)}
    predictions = pd.DataFrame(
        {
            "text": pd.Series(list(reviews.texts), dtype="string"),
            "label": [names[label] for label in labels],
            "predicted_label": classifier.rule().verdicts(cumulative),
            **columns,
        }
    )

    def position(texts: Sequence[str]) -> np.ndarray:
        return expected_position(label_probabilities(classifier.cumulative_probability(texts)))

    costs = {"parameters": classifier.parameters, "scored_per_second": len(reviews) / seconds}
    return Result(
        name,
        predictions,
        evaluate_predictions(labels, probabilities, threshold) | costs,
        pd.concat(
            [measure_behaviour(position, threshold, file, seen) for file in REPORTED],
            ignore_index=True,
        ),
        fairness=measure_fairness(position),
        guarantees=[abstention.check(labels, probabilities) for abstention in abstentions],
    )


def slice_reviews(texts: Sequence[str]) -> dict[str, np.ndarray]:
    """The slices: quartiles of length in tokens, and whether a negation occurs.

    Args:
        texts: N reviews.

    Returns:
        Name -> bool (N,): which reviews are in it. The quartiles leave no review out and share none; reviews of one
        length stay together, so a quartile may hold more than a quarter, or be missing.
    """
    tokens = [tokenize(text) for text in texts]
    lengths = np.array(list(map(len, tokens)))
    quartile = np.searchsorted(np.quantile(lengths, [0.25, 0.5, 0.75]), lengths)  # (N,), 0 to 3
    slices = {}
    for number in np.unique(quartile):
        members = quartile == number
        shortest, longest = lengths[members].min(), lengths[members].max()
        slices[f"length quartile {number + 1}: {shortest:,} to {longest:,} tokens"] = members
    negated = np.array([any(t in NEGATIONS or t.endswith("n't") for t in review) for review in tokens], bool)
    return slices | {"with a negation": negated, "without negation": ~negated}


def slice_accuracy(texts: Sequence[str], correct: np.ndarray) -> pd.DataFrame:
    """Columns `slice`, `reviews`, `accuracy` (NaN of an empty slice).

    Args:
        texts: N reviews.
        correct: (N,), whether each was judged rightly, or how often.
    """
    rows = [
        (name, int(members.sum()), correct[members].mean() if members.any() else np.nan)
        for name, members in slice_reviews(texts).items()
    ]
    return pd.DataFrame(rows, columns=["slice", "reviews", "accuracy"])


def confident_mistakes(predictions: pd.DataFrame) -> pd.DataFrame:
    """The wrongly judged reviews whose true label is least probable, at most 50, the surest mistakes first.

    Args:
        predictions: as a Result has them.

    Returns:
        Columns label, predicted_label, positive_probability and text; of more than two labels label_probability, that
        of the true label, in place of positive_probability.
    """
    probability = "positive_probability" if "positive_probability" in predictions else "label_probability"
    judged = predictions.assign(label_probability=true_label_probability(predictions))
    wrong = judged[judged["label"] != judged["predicted_label"]].sort_values("label_probability", kind="stable")
    return wrong[["label", "predicted_label", probability, "text"]].head(MISTAKES).reset_index(drop=True)
