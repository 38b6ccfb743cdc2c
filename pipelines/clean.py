"""Cleaning a working directory: the stages that the last commands neither used nor came from are removed."""

import re
import shutil
from pathlib import Path

from pipelines.console import Console
from pipelines.working_directory import STAGE_FILE, WorkingDirectory


def clean(work: WorkingDirectory, keep: int, console: Console, *, delete: bool) -> None:
    """Show the stages that are not needed by the last commands, with their sizes; remove them only with `delete`.

    MLflow's store and the reports are never touched: they lie elsewhere.

    Args:
        keep: how many of the last commands keep their stages.
    """
    stages, commands = work.stages(), list(work.uses().values())
    if not commands:
        console.say(f"{work.path} remembers no command yet, so nothing is known to be unused.")
        return
    needed = _with_inputs(set().union(*commands[-keep:]), stages)
    unused = {stage: folders for stage, folders in stages.items() if stage not in needed}
    sizes = {stage: sum(map(_size, folders)) for stage, folders in unused.items()}
    rest = sum(_size(folder) for stage in needed for folder in stages.get(stage, ()))
    kept = f"{_counted(len(stages) - len(unused), 'stage')} of the last {_counted(min(keep, len(commands)), 'command')}"
    kept += f", {_shown(rest)}, stay"
    if not unused:
        console.say(f"Nothing to clean: {kept}.")
        return
    verb = "Removed" if delete else "Not needed"
    rows = [[stage, _shown(size)] for stage, size in sorted(sizes.items(), key=lambda item: -item[1])]
    console.table(f"{verb} in {work.path}", ["stage", "size"], [*rows, ["total", _shown(sum(sizes.values()))]])
    if delete:
        for folder in (folder for folders in unused.values() for folder in folders):
            shutil.rmtree(folder)
    console.say(f"{kept}.{'' if delete else ' Nothing was removed: add --delete for that.'}")


def _with_inputs(used: set[str], stages: dict[str, list[Path]]) -> set[str]:
    """Stages and all that they came from: a stage's description holds the digests of its inputs."""
    by_digest = {stage.partition("/")[2]: stage for stage in stages}
    needed: set[str] = set()
    waiting = used & stages.keys()
    while waiting:
        stage = waiting.pop()
        needed.add(stage)
        for folder in stages[stage]:
            path = folder / STAGE_FILE
            digests = re.findall(r'"([0-9a-f]{16})"', path.read_text("utf-8")) if path.exists() else ()
            waiting |= {by_digest[digest] for digest in digests if digest in by_digest} - needed
    return needed


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _shown(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
