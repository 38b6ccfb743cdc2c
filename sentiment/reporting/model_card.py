"""The model card: what you should know before you use a registered model, as Markdown (Mitchell et al. 2019)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentiment.evaluation.abstention import binomial_interval
from sentiment.evaluation.behaviour import left_out_note
from sentiment.evaluation.metrics import metric_rows, tabulate_metrics
from sentiment.evaluation.result import Result
from sentiment.reporting.pages import markdown_table, plain

LIMITS = (
    "Two classes and no neutral one: every review is called positive or negative.",
    "It knows the language of its training reviews alone.",
    "It knows the subject of its training reviews. On other subjects, label a few hundred reviews and test first.",
    "The metrics come from one training on one test split. The interval covers the choice of test reviews alone.",
)

LICENCE = (
    "The code is under the Apache License 2.0. The reviews stay under the terms of their source; ask there whether a "
    "model of them may be passed on."
)
SYNTHETIC_LICENCE = "The code is under the Apache License 2.0, and so are the reviews, which it writes itself."

GUARANTEED = (0.9, 0.95, 0.97, 0.99)
"""Levels of `sentiment score --sure` that the card shows, where the model guarantees them."""


@dataclass(frozen=True)
class Origin:
    """What a model was trained on, and what it costs.

    Attributes:
        source: name of the source of reviews.
        note: the warning that the reviews are synthetic, or "".
        summary: of the corpus, as `Corpus.summary` gives it, with its `notes`.
        validation: how many reviews of train were set aside for validation, and by what, in words.
        uses_unlabelled: whether the model learned anything from unlabelled reviews.
        lessons: in words, what it learned from beside the labels of train, a line each.
        size: bytes of all that scores.
        seed: of the training.
    """

    source: str
    note: str
    summary: Mapping[str, Any]
    validation: str
    uses_unlabelled: bool
    lessons: Sequence[str]
    size: int
    seed: int


def render_model_card(result: Result, origin: Origin) -> str:
    """The card, as Markdown that MLflow shows."""
    accuracy = float(result.metrics["accuracy"])
    reviews = len(result.labels)
    low, high = (_share(end, 2) for end in binomial_interval(round(accuracy * reviews), reviews))
    parts = [
        f"# {plain(result.name)}, trained on {plain(origin.source)}",
        *([f"**{origin.note}**"] if origin.note else []),
        "It says of a review whether it is positive or negative, with a probability.",
        f"Test accuracy **{_share(accuracy, 2)}** (95 % interval {low} to {high}) on {reviews:,} reviews.",
        "## Reviews",
        _listed(_reviews(origin)),
        "## Metrics on the test split",
        _table(*metric_rows(tabulate_metrics({result.name: [result.metrics]}))),
        *_guarantees(result),
        "## Slices",
        _table(["slice", "reviews", "accuracy", "95 % interval"], _slices(result)),
        "## What it fails",
        " ".join(
            filter(None, ["Cases from templates (CheckList, Ribeiro et al. 2020).", left_out_note(result.left_out)])
        ),
        _table(["capability", "type", "cases", "failures"], _behaviour(result)),
        "## Limits",
        _listed(LIMITS),
        "## Size and speed",
        _listed(
            [
                f"{result.metrics['parameters']:,.0f} weights; {origin.size / 2**20:.1f} MiB to score with",
                f"{result.metrics['scored_per_second']:,.0f} reviews a second, when it was evaluated",
                f"{result.metrics['training_seconds']:,.0f} seconds of training",
            ]
        ),
        "## Licence",
        SYNTHETIC_LICENCE if origin.note else LICENCE,
    ]
    return "\n\n".join(parts) + "\n"


def _reviews(origin: Origin) -> list[str]:
    splits, lines = origin.summary["splits"], []
    for name in ("train", "test"):
        positive = _share(splits[name]["positive"] / splits[name]["reviews"])
        lines.append(f"{name}: {splits[name]['reviews']:,} reviews, {positive} positive")
    if "unlabelled" in splits:
        unused = "" if origin.uses_unlabelled else ", which this model did not learn from"
        lines.append(f"unlabelled: {splits['unlabelled']['reviews']:,} reviews{unused}")
    lines.append(origin.validation)
    lines += [plain(note) for note in origin.summary["notes"]]
    lines.append(f"exact duplicates within train: {origin.summary['duplicates_within_train']:,}")
    return [*lines, *map(plain, origin.lessons)]


def _guarantees(result: Result) -> list[str]:
    rows = [[f"{100 * check.level:g} %", *check.cells] for check in result.guarantees if check.level in GUARANTEED]
    if not rows:
        return []
    headers = ["promised", "found", "95 % interval", "answered", "kept"]
    return ["## Verdicts at a promised accuracy (`sentiment score --sure`)", _table(headers, rows)]


def _slices(result: Result) -> list[list[str]]:
    rows = []
    for row in result.slices.to_dict("records"):
        if not row["reviews"]:
            continue
        low, high = binomial_interval(round(row["accuracy"] * row["reviews"]), row["reviews"])
        rows.append([row["slice"], f"{row['reviews']:,}", _share(row["accuracy"]), f"{_share(low)} to {_share(high)}"])
    return rows


def _behaviour(result: Result) -> list[list[str]]:
    return [
        [row["capability"], row["type"], f"{row['cases']:,}", _share(row["failure_rate"]) if row["cases"] else "n/a"]
        for row in result.behaviour.to_dict("records")
    ]


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return markdown_table(headers, [[plain(cell) for cell in row] for row in rows])


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _share(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f} %"
