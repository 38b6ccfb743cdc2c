"""Under which name a table registers, and which model commands use."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.models import default_model, registered_name
from sentiment.data.sources.config import SourceConfig
from tests.boxed import write_pretrained
from tests.conftest import Invoke

PATHS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("reviews.csv", "reviews"),
        ("data/My shop's reviews.2024.csv.gz", "My-shop-s-reviews"),
        ("shop/*.parquet", "shop"),
        ("shop/part-*.csv", "part"),
        ("shop/", "shop"),
        ("/data/imdb-sentiment.csv", "imdb-sentiment-table"),
        ("/", "table"),
    ],
)
def test_a_table_registers_under_the_name_of_its_file(data: str, name: str) -> None:
    assert registered_name(SourceConfig(source="table", data=Path(data))) == name


@given(PATHS)
def test_every_path_gives_a_name_that_a_model_uri_can_hold(path: str) -> None:
    name = registered_name(SourceConfig(source="table", data=Path("/data") / path))
    assert name
    assert not set("/:@'\" ") & set(name)
    assert name not in ("imdb-sentiment", "demo-sentiment")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ({"source": "imdb"}, "imdb-sentiment"),
        ({"source": "demo"}, "demo-sentiment"),
        ({"source": "aclimdb", "labels": ("ratings",)}, "imdb-ratings"),
        ({"source": "tfds", "dataset": "glue/sst2"}, "glue-sst2"),
    ],
)
def test_other_sources_have_names_of_their_own(source: dict[str, object], name: str) -> None:
    assert registered_name(SourceConfig.model_validate(source)) == name


@pytest.mark.parametrize(
    ("champions", "model"),
    [
        (None, "imdb"),
        ([], "imdb"),
        (["demo-sentiment"], "imdb"),
        (["demo-sentiment", "reviews"], "models:/reviews@champion"),
        (["films", "reviews"], "imdb"),
        (["films", "imdb-sentiment"], "models:/imdb-sentiment@champion"),
    ],
)
def test_your_champion_goes_before_the_classifier_in_the_box(
    champions: list[str] | None, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "mlflow", raising=False)  # its store is read without it
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if champions is not None:
        with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection, connection:
            connection.execute("CREATE TABLE registered_model_aliases (name TEXT, alias TEXT, version INTEGER)")
            rows = [(name, "champion", 1) for name in champions]
            connection.executemany("INSERT INTO registered_model_aliases VALUES (?, ?, ?)", rows)
    assert default_model() == model
    assert "mlflow" not in sys.modules


def test_a_command_says_that_it_uses_the_classifier_in_the_box(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sentiment.saved_classifier.PRETRAINED", write_pretrained(tmp_path / "pretrained"))
    for arguments in (["predict", "a good film"], ["predict", "a good film", "--model", "imdb"]):
        result = invoke(*arguments)
        assert (result.exit_code, result.stderr) == (0, "model: imdb, which comes with sentiment\n"), result.output
