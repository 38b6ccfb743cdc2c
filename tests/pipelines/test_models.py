"""Under which name a table registers."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.models import registered_name
from sentiment.data.sources.config import SourceConfig

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


@pytest.mark.parametrize(("source", "name"), [("imdb", "imdb-sentiment"), ("demo", "demo-sentiment")])
def test_imdb_and_the_demo_have_names_of_their_own(source: str, name: str) -> None:
    assert registered_name(SourceConfig.model_validate({"source": source})) == name
