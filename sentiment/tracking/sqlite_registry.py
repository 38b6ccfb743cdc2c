"""The models of a SQLite registry of MLflow, found without MLflow: importing it takes two seconds.

It reads the tables that MLflow 3 makes. Whatever is not plain here is left to MLflow; the functions then return None.
"""

import os
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from sentiment.tracking import moved_store

CHAMPION = "champion"
"""Alias of the version that speaks for a model."""

ELSEWHERE = ("MLFLOW_REGISTRY_URI", "MLFLOW_ENABLE_WORKSPACES", "MLFLOW_WORKSPACE")
"""Environment variables by which MLflow looks at another place, or at part of it."""

NAMES = """
    SELECT name FROM registered_models WHERE name NOT IN
    (SELECT name FROM registered_model_tags WHERE key = 'mlflow.prompt.is_prompt' AND value = 'true')
"""
LOCATION = """
    SELECT DISTINCT version, COALESCE(storage_location, source, '') FROM model_versions
    LEFT JOIN registered_model_aliases USING (name, version)
    WHERE name = ? AND current_stage <> 'Deleted_Internal'
"""


def default_name(preferred: str) -> str | None:
    """The registered model that `registry.default_name` finds, where it finds one."""
    names = [name for (name,) in _rows(NAMES)]
    return names[0] if len(names) == 1 else preferred if preferred in names else None


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
    if len(rows) != 1:
        return None
    [(version, location)] = rows
    place = unquote(location.removeprefix("file://")) if location.startswith("file:///") else location
    folder = Path(place, "artifacts", "classifier")
    is_here = folder.is_absolute() and folder.is_dir()
    return (folder, f"{name} version {version} ({alias})" if alias else uri) if is_here else None


def adopt_store() -> str | None:
    """What `moved_store.adopt` does with the store that MLflow would read."""
    path = _database()
    return None if path is None else moved_store.adopt(path)


def _rows(query: str, *values: str) -> list[Any]:
    path = _database()
    if path is None:
        return []
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            return connection.execute(query, values).fetchall()
    except sqlite3.Error:
        return []


def _database() -> Path | None:
    """The database that MLflow would read, by the environment; None once MLflow is there to ask."""
    if "mlflow" in sys.modules or any(map(os.environ.get, ELSEWHERE)):
        return None
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        is_older = any(Path("mlruns").glob("[0-9]*/meta.yaml"))  # MLflow then stays with its store of files
        path = None if is_older else Path("mlflow.db")
    else:
        is_file = uri.startswith("sqlite:///") and "?" not in uri
        path = Path(unquote(uri.removeprefix("sqlite:///"))) if is_file else None
    return path if path and path.is_file() else None
