"""The campaign of faults: kills, hostile inputs, tampered models, damaged folders, full disks, servers that die.

    python -m tests.campaign.faults inputs stages --count 100

tries the next hundred cases of two parts; without names, all parts have their turn. A case follows from its number and
the seed. What was tried is kept in the workshop's folder, so you may run a campaign in pieces, and at the end you see a
row for each part that you have begun.
"""

import argparse
import json
import signal
import time
from pathlib import Path
from typing import Any

from tests.campaign.cases import Part, Workshop, read_json_lines
from tests.campaign.inputs import HostileInputs, ModelAddresses
from tests.campaign.kills import PipelineKills, ScoreKills
from tests.campaign.surroundings import DyingServers, FullDisks, ReadOnlyFolders
from tests.campaign.tampering import DamagedStages, TamperedClassifiers

ALL: tuple[type[Part], ...] = (
    HostileInputs, TamperedClassifiers, DamagedStages, ModelAddresses, ScoreKills, PipelineKills, FullDisks,
    ReadOnlyFolders, DyingServers,
)  # fmt: skip
PARTS: dict[str, type[Part]] = {part.name: part for part in ALL}


def run(part: Part, numbers: list[int], record: Path, deadline: float) -> None:
    """Try cases until the time is over, and keep what became of each."""
    for number in numbers:
        if time.monotonic() > deadline:
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
        if case.wrong:
            print(f"{part.name} {number}, {case.kind}: {case.wrong}", flush=True)


def tried(record: Path, part: str) -> dict[int, dict[str, Any]]:
    """What became of the cases of a part when each was last tried, by number."""
    return {case["number"]: case for case in read_json_lines(record) if case["part"] == part}


def numbers_to_try(record: Path, part: type[Part], *, again: bool) -> list[int]:
    """The cases of a part that nobody has tried; or those that failed when they were last tried."""
    known = tried(record, part.name)
    if again:
        return sorted(number for number, case in known.items() if case["wrong"])
    return [number for number in range(part.count) if number not in known]


def summary(record: Path) -> str:
    """A table in Markdown with a row for each part that was tried."""
    rows = [
        "| part | cases | tried | exit 0 | exit 2 | fail | largest process, MiB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, part in PARTS.items():
        if not (cases := tried(record, name).values()):
            continue
        ended = [sum(case["code"] == code for case in cases) for code in (0, 2)]
        failing, peak = sum(bool(case["wrong"]) for case in cases), max(case["peak"] for case in cases)
        figures = [part.count, len(cases), *ended, failing, peak >> 20]
        rows.append(f"| {name} | {' | '.join(f'{figure:,}' for figure in figures)} |")
    return "\n".join(rows)


def main() -> None:
    """Try the next cases of some parts, and show what became of all that was tried."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; none: all")
    parser.add_argument("--count", type=int, default=10_000, help="cases of each part to try now")
    parser.add_argument("--only", type=int, help="number of the one case to try, again or not")
    parser.add_argument("--again", action="store_true", help="try those that failed when last tried")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no case after so many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workshop", type=Path, default=Path(".faults"), help="folder for the cases and the record")
    options = parser.parse_args()
    if unknown := {*options.parts} - {*PARTS}:
        parser.error(f"no part {min(unknown)}: choose from {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that prepared processes and servers end, too
    deadline = time.monotonic() + 60 * options.minutes
    workshop = Workshop(options.workshop)
    record = workshop.folder / f"record-{options.seed}.jsonl"
    try:
        for name in options.parts or PARTS:
            numbers = numbers_to_try(record, PARTS[name], again=options.again)[: options.count]
            part = PARTS[name](workshop, options.seed)
            try:
                run(part, numbers if options.only is None else [options.only], record, deadline)
            finally:
                part.close()
    finally:
        workshop.close()
    print(summary(record))


if __name__ == "__main__":
    main()
