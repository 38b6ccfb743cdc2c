"""MLflow's SQLite store in a folder that was moved or copied: it comes to name the files of its own folder.

MLflow keeps the absolute path of every artifact. After a move these paths lead nowhere, and in a copy they lead into
the original. Nothing here imports MLflow, which takes two seconds.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import unquote

from sentiment.errors import InputError
from sentiment.files import lock

ARTIFACTS = "mlruns"
"""Folder beside the database where MLflow keeps artifacts by default, those of each experiment under its number."""

PATHS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Table and column of everything that MLflow finds by an absolute path."""

FOUND_BY = PATHS[1:3]
"""Those whose last parts are random, so that files at the same place below another folder are the same files."""


@contextmanager
def database_lock(database: Path) -> Iterator[None]:
    """One process at a time: holds a lock on the file .NAME.lock beside the database NAME.

    Raises:
        OSError: the lock file cannot be written.
        InputError: it cannot be locked.
    """
    with database.with_name(f".{database.name}.lock").open("w") as file:
        lock(file, elsewhere="set MLFLOW_TRACKING_URI to a database on another, or to a server")
        yield


def adopt(database: Path) -> str | None:
    """Let a store in the current folder name the artifacts in that folder, where a move or copy has brought them.

    Paths change only where MLflow chose them, in the `mlruns` of another folder, and only if files of a run lie at the
    same place in the `mlruns` of this folder. Artifact locations of your own, servers and buckets stay as they are, and
    so does the path of files that lie in the other folder alone. All paths change in one transaction.

    Returns:
        What was done, as a sentence; None where there was nothing to do, or where the database cannot be written.
    """
    own = Path.cwd() / ARTIFACTS
    if database.absolute().parent != own.parent or not own.is_dir():
        return None
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            if not _moved_from(connection, own):
                return None
        with database_lock(database), closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            roots = _moved_from(connection, own)  # another process may have been here first
            for root in roots:
                _replace(connection, root, own)
    except (sqlite3.Error, OSError, InputError):  # what needs the store says what is wrong with it
        return None
    if not roots:
        return None
    folders = " and ".join(str(_path(root).parent) for root in roots)
    return f"the MLflow store {database} was made in {folders}; it now names the files in {own}"


def folder_elsewhere(location: str, experiment_id: str) -> Path | None:
    """The `mlruns` of another folder, where MLflow chose it for the artifacts of an experiment; else None."""
    root = location.removesuffix(f"/{experiment_id}")
    own = Path.cwd() / ARTIFACTS
    if root == location or not root.startswith(("/", "file:///")) or not root.endswith(f"/{ARTIFACTS}"):
        return None
    folder = _path(root)
    is_own = folder == own or (folder.exists() and own.exists() and folder.samefile(own))
    return None if is_own else folder


def _moved_from(connection: sqlite3.Connection, own: Path) -> list[str]:
    """The beginnings of paths that are to be replaced by the path of `own`."""
    experiments = connection.execute("SELECT experiment_id, artifact_location FROM experiments").fetchall()
    roots = {
        location.removesuffix(f"/{number}")
        for number, location in experiments
        if location and folder_elsewhere(location, str(number))
    }
    return sorted(root for root in roots if _files_came_along(connection, root, own))


def _files_came_along(connection: sqlite3.Connection, root: str, own: Path) -> bool:
    return any(
        _path(_moved(path, root, own)).exists()
        for table, column in FOUND_BY
        for _, path in _paths_below(connection, table, column, root)
    )


def _replace(connection: sqlite3.Connection, root: str, own: Path) -> None:
    for table, column in PATHS:
        for row, path in _paths_below(connection, table, column, root):
            moved = _moved(path, root, own)
            if table == "experiments" or _path(moved).exists() or not _path(path).exists():
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (moved, row))


def _paths_below(connection: sqlite3.Connection, table: str, column: str, root: str) -> list[tuple[int, str]]:
    """The row and path of everything below a folder."""
    query = f"SELECT rowid, {column} FROM {table} WHERE substr({column}, 1, ?) = ?"
    return connection.execute(query, (len(root) + 1, f"{root}/")).fetchall()


def _moved(path: str, root: str, own: Path) -> str:
    return (own.as_uri() if root.startswith("file:") else str(own)) + path.removeprefix(root)


def _path(location: str) -> Path:
    """The file of a path or a file: URI, as MLflow holds both."""
    return Path(unquote(location.removeprefix("file://")) if location.startswith("file:///") else location)
