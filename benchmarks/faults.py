"""The campaign of faults: kills, hostile inputs, tampered models, damaged folders, full disks, servers that die.

    python -m benchmarks.faults --part inputs --count 100

tries the next hundred cases of a part; what was tried is kept in the workshop's folder, so a campaign may run in
pieces. `--report` writes benchmarks/FAULTS.md from it. A case follows from its number and the seed.
"""

import argparse
import json
import signal
import textwrap
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fault_cases import Part, Workshop, read_json_lines
from benchmarks.fault_inputs import HostileInputs, ModelAddresses
from benchmarks.fault_kills import PipelineKills, ScoreKills
from benchmarks.fault_surroundings import DyingServers, FullDisks, ReadOnlyFolders
from benchmarks.fault_tampering import DamagedStages, TamperedClassifiers, TamperedKeras

ALL: tuple[type[Part], ...] = (
    HostileInputs, TamperedClassifiers, TamperedKeras, DamagedStages, ModelAddresses, ScoreKills, PipelineKills,
    FullDisks, ReadOnlyFolders, DyingServers,
)  # fmt: skip
PARTS: dict[str, type[Part]] = {part.name: part for part in ALL}
PARTS_HEAD = "## The parts"
"""What stands in the results before it is written by hand."""

RESULTS = Path(__file__).with_name("FAULTS.md")


@dataclass
class Class:
    """What was tried of one kind, case by case, and how many failed at first and fail now."""

    tried: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    failing: set[int] = field(default_factory=set)
    ends: dict[int, Any] = field(default_factory=dict)
    peak: int = 0

    def add(self, case: dict[str, Any]) -> None:
        """Take a case, tried once more or for the first time."""
        number = case["number"]
        self.tried.add(number)
        self.ends[number] = case["code"]
        self.peak = max(self.peak, case["peak"])
        (self.failing.add if case["wrong"] else self.failing.discard)(number)
        if case["wrong"]:
            self.failed.add(number)

    def ended_with(self, code: int) -> int:
        """How many cases ended with an exit code, when last tried."""
        return sum(end == code for end in self.ends.values())


def run(part: Part, numbers: list[int], record: Path, seconds: float) -> None:
    """Try cases until the time is over, and keep what became of each."""
    started = time.monotonic()
    tried = failures = 0
    for number in numbers:
        if time.monotonic() - started > seconds:
            break
        case = part.try_case(number)
        if case is None:
            break
        line = {
            "part": part.name, "number": number, "kind": case.kind, "code": case.outcome.code,
            "peak": case.outcome.peak, "seconds": round(case.outcome.seconds, 2), "wrong": case.wrong,
        }  # fmt: skip
        with record.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        tried += 1
        if case.wrong:
            failures += 1
            print(f"{part.name} {number}, {case.kind}: {case.wrong}", flush=True)
    print(f"{part.name}: {tried} tried in {time.monotonic() - started:.0f} s, {failures} failed", flush=True)


def classes_of(record: Path, part: str) -> dict[str, Class]:
    """What was tried of a part, by kind."""
    classes: dict[str, Class] = defaultdict(Class)
    for case in read_json_lines(record):
        if case["part"] == part:
            classes[str(case["kind"])].add(case)
    return classes


def numbers_to_try(record: Path, part: type[Part], count: int, *, again: bool) -> list[int]:
    """The next cases of a part; or those that failed when they were last tried."""
    classes = classes_of(record, part.name).values()
    if again:
        return sorted(number for kind in classes for number in kind.failing)[:count]
    tried = {number for kind in classes for number in kind.tried}
    return [number for number in range(part.count) if number not in tried][:count]


def report(record: Path, seed: int) -> str:
    """The table of all parts."""
    lines = []
    for name, part in PARTS.items():
        classes = sorted(classes_of(record, name).items())
        tried, failed, failing = (
            sum(len(getattr(kind, what)) for _, kind in classes) for what in ("tried", "failed", "failing")
        )
        about = textwrap.fill(" ".join((part.__doc__ or "").split()), 120)
        lines += [
            f"### {name}", "", about, "",
            f"`python -m benchmarks.faults --part {name} --seed {seed}`: "
            f"{tried:,} of {part.count:,} cases tried, {failed} failed at first, {failing} fail now.", "",
        ]  # fmt: skip
        if classes:
            lines += [
                "| Case | Tried | Exit 0 | Exit 2 | Failed at first | Failed now | Peak memory of a process, MiB |",
                "|---|---:|---:|---:|---:|---:|---:|",
                *(
                    f"| {title} | {len(kind.tried):,} | {kind.ended_with(0):,} | {kind.ended_with(2):,} "
                    f"| {len(kind.failed)} | {len(kind.failing)} | {kind.peak / 2**20:,.0f} |"
                    for title, kind in classes
                ),
                "",
            ]
    return "\n".join(lines)


def main() -> None:
    """Try the next cases of a part, or write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--count", type=int, default=10_000, help="cases to try now")
    parser.add_argument("--only", type=int, help="number of the one case to try, again or not")
    parser.add_argument("--again", action="store_true", help="try those that failed when last tried")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no case after so many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workshop", type=Path, default=Path(".faults"), help="folder for the cases and the record")
    parser.add_argument("--report", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that prepared processes and servers end, too
    workshop = Workshop(options.workshop)
    record = workshop.folder / f"record-{options.seed}.jsonl"
    if options.part:
        kind = PARTS[options.part]
        part = kind(workshop, options.seed)
        numbers = [options.only] if options.only is not None else numbers_to_try(
            record, kind, options.count, again=options.again
        )  # fmt: skip
        try:
            run(part, numbers, record, 60 * options.minutes)
        finally:
            part.close()
            workshop.close()
    if options.report:
        head = RESULTS.read_text("utf-8").split(f"\n{PARTS_HEAD}\n")[0]
        RESULTS.write_text(f"{head.rstrip()}\n\n{PARTS_HEAD}\n\n{report(record, options.seed)}", "utf-8")
    print(report(record, options.seed) if not options.part else "")


if __name__ == "__main__":
    main()
