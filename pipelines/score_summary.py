"""The summary of a scoring: what was read, written, answered and rejected, and how fast."""

import time
from dataclasses import dataclass, field

from pipelines.console import Console
from pipelines.output import REJECTED_ENDING, STANDARD_STREAM


@dataclass
class Tally:
    """Rows written so far: scored, of these with a verdict, positive, scored by an earlier attempt; and rejected."""

    scored: int = 0
    answered: int = 0
    positive: int = 0
    known: int = 0
    rejected: int = 0
    started: float = field(default_factory=time.perf_counter)

    @property
    def rows_per_second(self) -> float:
        """Speed of this attempt, its start-up apart."""
        return (self.scored - self.known) / (time.perf_counter() - self.started)


def show_summary(console: Console, tally: Tally, files: tuple[str, str], model: str, sure: float | None = None) -> None:
    """What was read and written, and how fast.

    Args:
        files: INPUT and OUTPUT.
        sure: the accuracy that is promised of the verdicts.
    """
    of_verdicts = "positive" if sure is None else "of these positive"
    rows = [
        ["rows read", f"{tally.scored + tally.rejected:,}"],
        ["scored", f"{tally.scored:,}"],
        ["rejected", f"{tally.rejected:,}"],
        [of_verdicts, _share(tally.positive, tally.answered)],
        ["rows per second", f"{tally.rows_per_second:,.0f}"],
        ["model", model],
    ]
    if sure is not None:
        rows.insert(-3, [f"answered at a promised {sure:.1%}", _share(tally.answered, tally.scored)])
    if tally.known:
        rows.insert(2, ["of these by an earlier attempt", f"{tally.known:,}"])
    if tally.rejected and files[1] != STANDARD_STREAM:
        rows.insert(3 + bool(tally.known), ["rejected rows are in", f"{files[1]}{REJECTED_ENDING}"])
    console.table(" to ".join(files), ["", ""], rows)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "none"
