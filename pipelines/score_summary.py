"""What a scoring is asked for, and its summary: what was read, answered and rejected, how fast, and how it drifted."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from pipelines.console import Console
from pipelines.output import REJECTED_ENDING, STANDARD_STREAM
from sentiment.data.files import USUALLY_ALLOWED, ReadOptions
from sentiment.data.labels import LABEL_NAMES
from sentiment.evaluation.abstention import binomial_interval
from sentiment.evaluation.drift import LENGTH, POSITION, PROBABILITY, SHIFTED, ReviewSample, find_drift
from sentiment.evaluation.validation_profile import ValidationProfile


@dataclass(frozen=True)
class ScoreConfig:
    """What to score, with what, and how.

    The attributes are the options of `sentiment score`, which its help describes.

    Attributes:
        input: a file, folder or glob; - for standard input.
        output: the table to write; - for standard output.
        model: a folder, or a model URI of MLflow; None as for `located_classifier`.
        options: how to read INPUT where it does not say so itself.
    """

    input: str
    output: str
    model: str | None = None
    text_column: str | None = None
    threshold: float | None = None
    neutral: str | None = None
    sure: float | None = None
    drift: Path | None = None
    overwrite: bool = False
    strict: bool = False
    allow_rejected: float = USUALLY_ALLOWED
    options: ReadOptions = field(default_factory=ReadOptions)
    engine: Literal["local", "spark"] = "local"
    spark_master: str | None = None


class Scored(NamedTuple):
    """What a scoring did.

    Attributes:
        tally: rows by what became of them, as a ScoredTable has them; known: scored by an earlier attempt.
        sample: of the rows that were scored.
        lost: a sentence on the lines that could not be read, or "".
        seconds: that this attempt took, its start-up apart.
    """

    tally: Counter[str]
    sample: ReviewSample
    lost: str
    seconds: float


def show_summary(
    console: Console,
    config: ScoreConfig,
    scored: Scored,
    model: str,
    profile: ValidationProfile | None,
    usual_unknown: float | None,
    labels: Sequence[str] = LABEL_NAMES,
) -> None:
    """Show a table of what was read and written, and a line on drift; warn where much was lost or has shifted.

    Args:
        model: its name for people.
        profile: of the validation reviews; without one there is nothing to compare the rows with.
        usual_unknown: share of unknown words in the validation reviews, where it is known.
        labels: all that a verdict may be.
    """
    tally, sure = scored.tally, config.sure
    is_estimate = profile is not None and profile.is_estimate
    rows = [["rows read", f"{tally['scored'] + tally['rejected']:,}"], ["scored", f"{tally['scored']:,}"]]
    if tally["known"]:
        rows.append(["of these by an earlier attempt", f"{tally['known']:,}"])
    rows.append(["rejected", f"{tally['rejected']:,}"])
    if tally["rejected"] and config.output != STANDARD_STREAM:
        rows.append(["rejected rows are in", f"{config.output}{REJECTED_ENDING}"])
    if sure is not None:
        kind = "an estimated" if is_estimate else "a promised"
        rows.append([f"answered at {kind} {sure:.1%}", _share(tally["answered"], tally["scored"])])
    of_these = "" if sure is None else "of these "
    shown = labels[1:] if len(labels) == 2 else labels
    rows += [[of_these + label, _share(tally[f"verdict {label}"], tally["answered"])] for label in shown]
    labelled = tally["right"] + tally["wrong"]
    if labelled and not tally["other_labels"]:  # of labels that are none of its own, only `evaluate` knows the meaning
        low, high = binomial_interval(tally["right"], labelled)
        accuracy = f"{tally['right'] / labelled:.1%} of {labelled:,} labelled rows"
        rows.append(["accuracy", f"{accuracy}, 95 % interval {low:.1%} to {high:.1%}; see also `sentiment evaluate`"])
    speed = (tally["scored"] - tally["known"]) / scored.seconds
    rows += [*_words(scored.sample, usual_unknown), ["rows per second", f"{speed:,.0f}"], ["model", model]]
    console.table(f"{config.input} to {config.output}", ["", ""], rows)
    if sure is not None and is_estimate:
        console.say(
            f"            {sure:.1%} is an estimate: this model learned from every row of its table, so its thresholds "
            "come from the models of the folds."
        )
    if scored.lost:
        console.warn(scored.lost)
    if profile is not None and len(scored.sample):
        _show_drift(console, profile, scored.sample, config.drift)


def _words(sample: ReviewSample, usual_unknown: float | None) -> list[list[str]]:
    """The share of unknown words, such as `5.2% (validation reviews: 2.3%)`, and the rows that are too long."""
    drawn = f"of {len(sample):,} rows at random" if len(sample) < sample.seen else ""
    usual = "" if usual_unknown is None else f"validation reviews: {usual_unknown:.1%}"
    asides = "; ".join(filter(None, (drawn, usual)))
    rows = [["unknown words", f"{sample.unknown_share:.1%}" + f" ({asides})" * bool(asides)]]
    if sample.cut_reviews:
        rows.append(["too long to be read in whole", f"{sample.cut_reviews:,} {drawn}".rstrip()])
    return rows


def _show_drift(console: Console, profile: ValidationProfile, sample: ReviewSample, page: Path | None) -> None:
    """In one line, how the rows compare with the validation reviews; and a warning where they differ much."""
    measures = sample.measures
    drifts = find_drift(profile.features, measures)
    feature = PROBABILITY if PROBABILITY in measures else POSITION
    moved = [drift for drift in drifts if drift.grade != "stable"]
    if moved:
        shifts = [f"{drift.feature} {drift.grade} ({drift.index:.2f})" for drift in moved]
        found = f"population stability index of {', '.join(shifts)}"
    elif max(drift.chance for drift in drifts) > SHIFTED:
        found = "too few rows to tell"
    else:
        found = f"none, population stability index at most {drifts[0].index:.2f}"
    means = [
        f"{measures[LENGTH].mean():.0f} words a row ({profile.features[LENGTH].mean:.0f})",
        f"{sample.unsure_share:.1%} unsure ({profile.unsure_share:.1%})",
        f"mean {feature} {measures[feature].mean():.2f} ({profile.features[feature].mean:.2f})",
    ]
    console.say(f"drift       {found}. Rows (validation reviews): {', '.join(means)}")
    if page is not None:
        console.say(f"            {page}")
    if any(drift.grade == "strongly shifted" for drift in moved):
        remedy = f"see {page}" if page else "see how they differ with --drift FILE.html"
        console.warn(
            "These rows are unlike the reviews that the model was checked on, so neither its accuracy nor what --sure "
            f"promises need hold here: label some of them, or {remedy}."
        )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "none"
