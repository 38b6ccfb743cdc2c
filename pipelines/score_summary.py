"""The summary of a scoring: what was read, written, answered and rejected, and how fast."""

from pathlib import Path

from pipelines.console import Console
from pipelines.output import REJECTED_ENDING, STANDARD_STREAM
from sentiment.batch.scored_table import Tally
from sentiment.evaluation.abstention import binomial_interval
from sentiment.evaluation.drift import LENGTH, PROBABILITY, SHIFTED, ReviewSample
from sentiment.evaluation.validation_profile import ValidationProfile


def show_summary(
    console: Console,
    tally: Tally,
    unknown: str,
    cut: str | None,
    files: tuple[str, str],
    model: str,
    sure: float | None = None,
    *,
    is_estimate: bool = False,
    lost: str = "",
) -> None:
    """What was read and written, and how fast.

    Args:
        unknown: share of unknown words, in words.
        cut: how many rows are too long to be read in whole, in words; None where none is.
        files: INPUT and OUTPUT.
        model: its name for people.
        sure: the accuracy that is promised of the verdicts.
        is_estimate: it is an estimate by the folds of a cross-validation, and no promise.
        lost: a sentence on the lines that could not be read, or "".
    """
    rows = [["rows read", f"{tally.scored + tally.rejected:,}"], ["scored", f"{tally.scored:,}"]]
    if tally.known:
        rows.append(["of these by an earlier attempt", f"{tally.known:,}"])
    rows.append(["rejected", f"{tally.rejected:,}"])
    if tally.rejected and files[1] != STANDARD_STREAM:
        rows.append(["rejected rows are in", f"{files[1]}{REJECTED_ENDING}"])
    if sure is not None:
        kind = "an estimated" if is_estimate else "a promised"
        rows.append([f"answered at {kind} {sure:.1%}", _share(tally.answered, tally.scored)])
    rows += [
        ["positive" if sure is None else "of these positive", _share(tally.positive, tally.answered)],
        *_accuracy(tally),
        ["unknown words", unknown],
        *([["too long to be read in whole", cut]] if cut else []),
        ["rows per second", f"{tally.rows_per_second:,.0f}"],
        ["model", model],
    ]
    console.table(" to ".join(files), ["", ""], rows)
    if sure is not None and is_estimate:
        console.say(
            f"            {sure:.1%} is an estimate: this model learned from every row of its table, so its thresholds "
            "come from the models of the folds."
        )
    if lost:
        console.warn(lost)


def _accuracy(tally: Tally) -> list[list[str]]:
    """How many verdicts are those of the label column, where it says positive or negative for every row that it labels.

    Of other labels, such as stars, only `evaluate` knows what they mean.
    """
    if not tally.labelled or tally.other_labels:
        return []
    low, high = binomial_interval(tally.right, tally.labelled)
    share = f"{tally.right / tally.labelled:.1%} of {tally.labelled:,} labelled rows"
    return [["accuracy", f"{share}, 95 % interval {low:.1%} to {high:.1%}; `sentiment evaluate` tells more"]]


def show_drift(console: Console, profile: ValidationProfile, sample: ReviewSample, page: Path | None) -> None:
    """In one line, how the rows compare with the validation reviews; and a warning where they differ much.

    Args:
        page: that shows more, or None.
    """
    if not len(sample):
        return
    drifts, measures = profile.drift(sample), sample.measures
    moved = [drift for drift in drifts if drift.grade != "stable"]
    if moved:
        shifts = [f"{drift.feature} {drift.grade} ({drift.index:.2f})" for drift in moved]
        found = f"population stability index of {', '.join(shifts)}"
    elif max(drift.chance for drift in drifts) > SHIFTED:
        found = "too few rows to tell"
    else:
        found = f"none, population stability index at most {drifts[0].index:.2f}"
    beside = [
        f"{measures[LENGTH].mean():.0f} words a row ({profile.features[LENGTH].mean:.0f})",
        f"{sample.unsure_share:.1%} unsure ({profile.unsure_share:.1%})",
        f"mean P(positive) {measures[PROBABILITY].mean():.2f} ({profile.features[PROBABILITY].mean:.2f})",
    ]
    console.say(f"drift       {found}. Rows (validation reviews): {', '.join(beside)}")
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
