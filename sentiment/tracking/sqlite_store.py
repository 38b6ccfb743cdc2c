"""MLflow's SQLite store without MLflow, which takes two seconds to import: its registered models, and its move.

`predict` and `score` find their model here, so they answer at once. Whatever is not plain in the tables of MLflow 3 is
left to MLflow; the functions that look for a model then return None.

MLflow keeps the absolute path of every artifact. After a move these paths lead nowhere, and in a copy they lead into
the original, so `relocate` makes a store name the files of its own folder.
"""

import os
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

CHAMPION = "champion"
"""Alias of the version that commands use where none is named."""

ARTIFACTS = "mlruns"
"""Folder beside the database where MLflow keeps artifacts by default, those of each experiment under its number."""

ELSEWHERE = ("MLFLOW_REGISTRY_URI", "MLFLOW_ENABLE_WORKSPACES", "MLFLOW_WORKSPACE")
"""Environment variables by which MLflow looks at another place, or at part of it."""

CHAMPIONS = f"SELECT name FROM registered_model_aliases WHERE alias = '{CHAMPION}' ORDER BY name"
LOCATION = """
    SELECT DISTINCT version, COALESCE(storage_location, source, '') FROM model_versions
    LEFT JOIN registered_model_aliases USING (name, version)
    WHERE name = ? AND current_stage <> 'Deleted_Internal'
"""

PATHS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Table and column of everything that MLflow finds by an absolute path."""

FOUND_BY = ("runs", "logged_models")
"""Tables whose paths end at random, so that files at the same place below another folder are the same files."""


def champions() -> list[str] | None:
    """Names of the registered models that have a champion, as `registry.champions`; None where MLflow knows better."""
    path = _database()
    if path is None:
        return None
    rows = _rows(CHAMPIONS) if path.is_file() else []
    return None if rows is None else [name for (name,) in rows]


def located_model(uri: str) -> tuple[Path, str] | None:
    """The folder of the classifier that MLflow stored on this machine, and its name for people.

    Args:
        uri: models:/NAME@ALIAS or models:/NAME/VERSION.
    """
    match = re.fullmatch(r"models:/([^/@]+)(?:@([^/@]+)|/([0-9]+))", uri)
    if match is None:
        return None
    name, alias, number = match.groups()
    rows = _rows(f"{LOCATION} AND {'alias' if alias else 'version'} = ?", name, alias or number)
    if rows is None or len(rows) != 1:
        return None
    [(version, location)] = rows
    folder = _path(location) / "artifacts" / "classifier"
    is_here = folder.is_absolute() and folder.is_dir()
    return (folder, f"{name} version {version} ({alias})" if alias else uri) if is_here else None


def relocate_store() -> str | None:
    """What `relocate` does with the store that MLflow would use."""
    path = _database()
    return relocate(path) if path is not None and path.is_file() else None


def relocate(database: Path) -> str | None:
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
            if not _moves(connection, own):
                return None
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")  # waits for others that write
            found = _moves(connection, own)  # another process may have been here first
            for moves in found.values():
                for table, column, old, new in moves:
                    connection.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (new, old))
    except (sqlite3.Error, OSError):  # what needs the store says what is wrong with it
        return None
    if not found:
        return None
    folders = " and ".join(str(_path(root).parent) for root in sorted(found))
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


def _moves(connection: sqlite3.Connection, own: Path) -> dict[str, list[tuple[str, str, str, str]]]:
    """How paths of another folder begin whose files came along -> table, column, old and new path of each to change."""
    experiments = connection.execute("SELECT experiment_id, artifact_location FROM experiments").fetchall()
    found = {}
    for root in {
        location.removesuffix(f"/{number}")
        for number, location in experiments
        if location and folder_elsewhere(location, str(number))
    }:
        here = own.as_uri() if root.startswith("file:") else str(own)
        below = [
            (table, column, old, here + old.removeprefix(root))
            for table, column in PATHS
            for (old,) in connection.execute(f"SELECT DISTINCT {column} FROM {table}")
            if old and old.startswith(f"{root}/")
        ]
        if any(_path(new).exists() for table, _, _, new in below if table in FOUND_BY):
            found[root] = [
                move
                for move in below
                if move[0] == "experiments" or _path(move[3]).exists() or not _path(move[2]).exists()
            ]
    return found


def _path(location: str) -> Path:
    """The file of a path or a file: URI, as MLflow holds both."""
    return Path(unquote(location.removeprefix("file://")) if location.startswith("file:///") else location)


def _rows(query: str, *values: str) -> list[Any] | None:
    """What the database says; None where there is none, or it cannot be read."""
    path = _database()
    if path is None:
        return None
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            return connection.execute(query, values).fetchall()
    except sqlite3.Error:
        return None


def _database() -> Path | None:
    """The database that MLflow would use or make, by the environment; None once MLflow is there to ask."""
    if "mlflow" in sys.modules or any(map(os.environ.get, ELSEWHERE)):
        return None
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        is_older = any(Path("mlruns").glob("[0-9]*/meta.yaml"))  # MLflow then stays with its store of files
        path = None if is_older else Path("mlflow.db")
    else:
        is_file = uri.startswith("sqlite:///") and "?" not in uri
        path = Path(unquote(uri.removeprefix("sqlite:///"))) if is_file else None
    return path
