"""WorkingDirectory: where stages leave their results, each in a folder named by a digest of all it came from."""

import fcntl
import hashlib
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from sentiment import __version__
from sentiment.errors import InputError

FORMAT = 4
"""Raised when a stage's folder changes its layout, so that no older one is misread."""

FORMAT_FILE, LOCK_FILE, STAGE_FILE = "working-directory.json", "lock", "stage.json"


@dataclass(frozen=True)
class Stage:
    """A finished stage.

    Attributes:
        name: such as `vocabulary`.
        digest: of its configuration and inputs, 16 hexadecimal digits.
        folder: what it wrote.
        cached: whether an earlier command wrote it.
        seconds: that it took to run.
    """

    name: str
    digest: str
    folder: Path
    cached: bool
    seconds: float

    def read_json(self, name: str) -> Any:
        """The content of a JSON file in its folder."""
        return json.loads((self.folder / name).read_text("utf-8"))


class WorkingDirectory:
    """A folder for one command at a time.

    Attributes:
        path: of the folder.

    Raises, when entered:
        InputError: the folder cannot be written, belongs to something else or to another version, or is in use.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> "WorkingDirectory":
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._check_format()
            self._lock = (self.path / LOCK_FILE).open("w")
        except OSError as error:
            raise InputError(
                f"The working directory {self.path} cannot be written ({error.strerror}): "
                "choose another with --work-dir."
            ) from error
        lock(
            self._lock,
            f"Another sentiment command is using {self.path}: wait for it, or choose another with --work-dir.",
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock.close()

    def _check_format(self) -> None:
        path = self.path / FORMAT_FILE
        remedy = "choose another with --work-dir, or delete it to start afresh"
        if not path.exists():
            if any(entry.name not in (LOCK_FILE, f"{FORMAT_FILE}.partial") for entry in self.path.iterdir()):
                raise InputError(f"{self.path} holds files but is no working directory of sentiment: {remedy}.")
            write_json(path, {"format": FORMAT, "sentiment": __version__, "id": uuid.uuid4().hex})
        try:
            content = json.loads(path.read_text("utf-8"))
            found, version = content["format"], content["sentiment"]
        except (ValueError, KeyError, TypeError):
            found, version = None, "an unknown version"
        if found != FORMAT:
            raise InputError(
                f"The working directory {self.path} was written by sentiment {version} (format {found}; "
                f"this is {__version__}, format {FORMAT}): {remedy}."
            )

    def resume_key(self, *content: str) -> str:
        """32 hexadecimal digits that all attempts at the same result in this folder share, wherever the folder is."""
        identifier = json.loads((self.path / FORMAT_FILE).read_text("utf-8"))["id"]
        return hashlib.sha256(":".join((identifier, *content)).encode()).hexdigest()[:32]

    def run_stage(self, name: str, key: Mapping[str, Any], run: Callable[[Path], None]) -> Stage:
        """The stage with this key: as found, or run now.

        Args:
            key: all that decides the result, as JSON can hold it: configuration and digests of inputs.
            run: writes the results into the folder it is given, where it finds what a killed attempt left. The
                folder gets its final name only after it returns.
        """
        content = json.dumps({"stage": name, "sentiment": __version__, **key}, sort_keys=True)
        digest = hashlib.sha256(content.encode()).hexdigest()[:16]
        folder = self.path / name / digest
        if not folder.exists():
            partial = folder.with_name(f"{digest}.partial")
            partial.mkdir(parents=True, exist_ok=True)
            started = time.perf_counter()
            run(partial)
            seconds = time.perf_counter() - started
            write_json(partial / STAGE_FILE, {"seconds": seconds, **json.loads(content)})
            partial.replace(folder)
            return Stage(name, digest, folder, cached=False, seconds=seconds)
        seconds = json.loads((folder / STAGE_FILE).read_text("utf-8"))["seconds"]
        return Stage(name, digest, folder, cached=True, seconds=seconds)


def lock(file: IO[Any], refusal: str) -> None:
    """Lock a file until it is closed.

    Raises:
        InputError: another process has locked it; the refusal says so.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InputError(refusal) from error


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file that is there whole or not at all."""
    write_file(path, json.dumps(content, indent=2, ensure_ascii=False))


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file, text as UTF-8, that is there whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
