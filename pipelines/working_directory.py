"""WorkingDirectory: where stages leave their results, each in a folder named by a digest of all it came from."""

import contextlib
import hashlib
import json
import re
import shutil
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import sentiment
from pipelines.files import PARTIAL_ENDING, write_json
from sentiment.errors import InputError
from sentiment.files import finish, lock
from sentiment.version import __version__

FORMAT = 8
"""Raised when a stage's folder changes its layout, so that no older one is misread."""

FORMAT_FILE, LOCK_FILE, STAGE_FILE, USES_FILE = "working-directory.json", "lock", "stage.json", "uses.jsonl"

CHECKPOINTS = "checkpoints"
"""Folder within a stage's folder for what only an unfinished stage needs; it goes when the stage is finished."""

OTHER_FOLDER = "choose another with --work-dir, or delete it to start afresh"
"""What to do where a folder cannot be the working directory."""

CODE_ENDINGS = (".py", ".toml", ".c", ".h")
"""Endings of the files in a subpackage that decide a result."""


@dataclass(frozen=True)
class Stage:
    """A finished stage.

    Attributes:
        name: such as `vocabulary`.
        digest: of its configuration and inputs, 16 hexadecimal digits.
        folder: what it wrote.
        cached: whether an earlier command wrote it.
        seconds: that it took to run; 0 if it is cached.
    """

    name: str
    digest: str
    folder: Path
    cached: bool
    seconds: float

    def read_json(self, name: str) -> Any:
        """The content of a JSON file in its folder."""
        return json.loads((self.folder / name).read_text("utf-8"))


class AbandonedError(Exception):
    """Raised within a stage whose result nobody wants any more: what it has written goes."""


class WorkingDirectory:
    """A folder for one command at a time.

    Attributes:
        path: of the folder.

    Raises, when entered:
        InputError: the folder cannot be written or locked, belongs to something else or to another version, or is in
            use.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._command = path, uuid.uuid4().hex
        self._stage_locks: dict[str, threading.Lock] = {}

    def __enter__(self) -> "WorkingDirectory":
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._check_is_ours()
            with contextlib.ExitStack() as stack:
                file = stack.enter_context((self.path / LOCK_FILE).open("w"))
                lock(
                    file,
                    refusal=f"Another sentiment command is using {self.path}: wait for it, or choose another with "
                    "--work-dir.",
                    elsewhere="choose a working directory on another with --work-dir",
                )
                self._read_or_make_identity()  # under the lock, or two first commands would make two
                self._unlock = stack.pop_all()
        except OSError as error:
            raise InputError(
                f"The working directory {self.path} cannot be written ({error.strerror}): "
                "choose another with --work-dir."
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._unlock.close()

    def _check_is_ours(self) -> None:
        """Refuse a folder of something else, before anything is written there."""
        names = {entry.name for entry in self.path.iterdir()}
        if FORMAT_FILE not in names and names - {LOCK_FILE, FORMAT_FILE + PARTIAL_ENDING}:
            raise InputError(f"{self.path} holds files but is no working directory of sentiment: {OTHER_FOLDER}.")

    def _read_or_make_identity(self) -> None:
        path = self.path / FORMAT_FILE
        if not path.exists():
            write_json(path, {"format": FORMAT, "sentiment": __version__, "id": uuid.uuid4().hex})
        try:
            content = json.loads(path.read_text("utf-8"))
            found, version, self._id = content["format"], content["sentiment"], str(content.get("id"))
        except (ValueError, KeyError, TypeError, RecursionError):
            found, version = None, "an unknown version"
        if found != FORMAT:
            raise InputError(
                f"The working directory {self.path} was written by sentiment {version} (format {found}; "
                f"this is {__version__}, format {FORMAT}): {OTHER_FOLDER}."
            )

    def key(self, *content: str) -> str:
        """32 hexadecimal digits for some content within this folder, the same wherever the folder is."""
        return hashlib.sha256(":".join((self._id, *content)).encode()).hexdigest()[:32]

    def run_stage(
        self, name: str, key: Mapping[str, Any], run: Callable[[Path], None], *, code: tuple[str, ...]
    ) -> Stage:
        """The stage with this key: as found, or run now.

        Args:
            key: all that decides the result, as JSON can hold it: configuration, digests of inputs, versions.
            run: writes the results into the folder that it is given, where it finds what a killed attempt left. The
                folder gets its final name only after `run` returns; its folder CHECKPOINTS goes then.
            code: subpackages of `sentiment`, or modules of them, that decide the result beside the module of `run`:
                changed code is another key.

        Raises:
            InputError: the folder of the stage is damaged.
            AbandonedError: as `run` does.
        """
        content = json.dumps({"stage": name, **key, "code": _code_digest(code, run)}, sort_keys=True)
        digest = hashlib.sha256(content.encode()).hexdigest()[:16]
        with self._stage_locks.setdefault(digest, threading.Lock()):  # of two threads that need it, one runs it
            return self._run_or_find(name, digest, content, run)

    def _run_or_find(self, name: str, digest: str, content: str, run: Callable[[Path], None]) -> Stage:
        folder = self.path / name / digest
        self._note_use(f"{name}/{digest}")
        cached, seconds = folder.exists(), 0.0
        if not cached:
            partial = folder.with_name(digest + PARTIAL_ENDING)
            partial.mkdir(parents=True, exist_ok=True)
            started = time.perf_counter()
            try:
                run(partial)
            except AbandonedError:
                shutil.rmtree(partial)
                raise
            seconds = time.perf_counter() - started
            write_json(partial / STAGE_FILE, {**json.loads(content), "files": _checksums(partial)})
            finish(partial, folder)
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
        if cached:
            _check(folder, content)
        return Stage(name, digest, folder, cached, seconds)

    def _note_use(self, stage: str) -> None:
        with (self.path / USES_FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"command": self._command, "stage": stage}) + "\n")

    def uses(self) -> dict[str, set[str]]:
        """The stages, as NAME/DIGEST, that every command has run or read, the oldest command first."""
        path = self.path / USES_FILE
        found: dict[str, set[str]] = {}
        for line in path.read_text("utf-8").splitlines() if path.exists() else ():
            with contextlib.suppress(ValueError, KeyError):  # a line that was cut by a kill
                use = json.loads(line)
                found.setdefault(use["command"], set()).add(use["stage"])
        return found

    def stages(self) -> dict[str, list[Path]]:
        """The folders of every stage, NAME/DIGEST, finished or not."""
        found: dict[str, list[Path]] = {}
        for folder in sorted(self.path.glob("*/*")):
            digest = folder.name.removesuffix(PARTIAL_ENDING)
            if folder.is_dir() and not folder.is_symlink() and re.fullmatch("[0-9a-f]{16}", digest):
                found.setdefault(f"{folder.parent.name}/{digest}", []).append(folder)
        return found


def _checksums(folder: Path) -> dict[str, str]:
    """Path below a folder -> SHA-256 of each file, but for those of checkpoints and the description of the stage."""
    checksums = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and name.parts[0] not in (CHECKPOINTS, STAGE_FILE):
            with path.open("rb") as file:
                checksums[name.as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return checksums


def _check(folder: Path, content: str) -> None:
    """Compare a finished stage with its description, and that with the key of the stage.

    Raises:
        InputError: a file is missing, new or changed.
    """
    found = _checksums(folder)
    try:
        description = json.loads((folder / STAGE_FILE).read_text("utf-8"))
        kept = description["files"]
        damaged = sorted(name for name in {*kept, *found} if kept.get(name) != found.get(name))
        if not damaged and description != {**json.loads(content), "files": found}:
            damaged = [STAGE_FILE]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        damaged = [STAGE_FILE]
    if damaged:
        raise InputError(
            f"{folder} is damaged ({', '.join(damaged[:3])}): delete this folder, and the same command makes it again."
        )


def _code_digest(subpackages: tuple[str, ...], run: Callable[[Path], None]) -> str:
    """The digest of some subpackages and modules, and of the module that a function is defined in."""
    package = Path(sentiment.__file__).parent
    module = Path(sys.modules[run.__module__].__file__ or "")
    places = [place for part in subpackages for place in (package / part, *(package / part).rglob("*"))]
    paths = [path for path in places if path.suffix in CODE_ENDINGS]
    return _digest_of([*sorted(paths), *sorted(package.glob("*.py")), module])


def digest_of_all_code() -> str:
    """The digest of all code of `sentiment` and `pipelines`, that of every stage included."""
    packages = Path(sentiment.__file__).parent, Path(__file__).parent
    places = [place for package in packages for place in sorted(package.rglob("*"))]
    return _digest_of([path for path in places if path.suffix in CODE_ENDINGS])


def _digest_of(paths: Iterable[Path]) -> str:
    hasher = hashlib.sha256()
    for path in paths:
        hasher.update(path.name.encode() + path.read_bytes())
    return hasher.hexdigest()[:16]
