"""The model card: what you should know before you use a registered model, as Markdown (Mitchell et al. 2019)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import jinja2

from sentiment.evaluation.abstention import binomial_interval
from sentiment.evaluation.behaviour import left_out_note
from sentiment.evaluation.metrics import metric_rows, tabulate_metrics
from sentiment.evaluation.result import Result
from sentiment.reporting.pages import markdown_table, plain

GUARANTEED, GUARANTEED_OF_MORE = (0.9, 0.95, 0.97, 0.99), (0.6, 0.7, 0.8, 0.9, 0.95)
"""Levels of `sentiment score --sure` that the card shows, where the model guarantees them: of two labels, and of more.
"""


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
    """The card, as Markdown that MLflow shows, from the template model_card.md."""
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["plain"] = plain
    template = environment.from_string(files(__package__).joinpath("model_card.md").read_text("utf-8"))
    accuracy, reviews = float(result.metrics["accuracy"]), len(result.labels)
    names = result.label_names if result.is_ordered else ()
    levels = GUARANTEED_OF_MORE if names else GUARANTEED
    slices = [
        [name, f"{size:,}", _share(share), _interval(share, size)]
        for name, size, share in result.slices.itertuples(index=False, name=None)
        if size
    ]
    behaviour = {
        file: [
            [
                row["capability"],
                row["type"],
                f"{row['cases']:,}",
                _share(row["failure_rate"]) if row["cases"] else "n/a",
            ]
            for row in rows.to_dict("records")
        ]
        for file, rows in result.behaviour.groupby("file")
    }
    fairness = [
        [row["group"], f"{row['pairs']:,}", _share(row["moved"]), f"{row['move_95']:.3f}"]
        for row in result.fairness.to_dict("records")
    ]
    card = template.render(
        result=result,
        origin=origin,
        names=names,
        splits={"unlabelled": None, **origin.summary["splits"]},
        accuracy=_share(accuracy, 2),
        interval=_interval(accuracy, reviews, 2),
        metrics=metric_rows(tabulate_metrics({result.name: [result.metrics]})),
        guarantees=[[f"{100 * c.level:g} %", *c.cells] for c in result.guarantees if c.level in levels],
        slices=slices,
        left_out=left_out_note(result.left_out),
        behaviour=behaviour,
        fairness=fairness,
        table=lambda headers, rows: markdown_table(headers, [list(map(plain, row)) for row in rows]),
        share=_share,
    )
    return f"{card.rstrip()}\n"


def _share(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f} %"


def _interval(share: float, reviews: int, digits: int = 1) -> str:
    low, high = binomial_interval(round(share * reviews), reviews)
    return f"{_share(low, digits)} to {_share(high, digits)}"
