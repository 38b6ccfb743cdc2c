"""reviews_in: the reviews in what Python holds them in, a text, a list, a Series or a DataFrame, as one Series."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sentiment.data.tables.files import DEFAULT_TEXT_COLUMNS
from sentiment.errors import InputError, shown_names

ReviewsLike = str | Sequence[str | None] | np.ndarray | pd.Series | pd.DataFrame


def reviews_in(reviews: ReviewsLike) -> pd.Series:
    """The reviews, dtype object, with the index that they have; None stands for what is missing or blank.

    Args:
        reviews: one text; a list of texts; a Series; or a DataFrame with a column `text`, or else `review`.

    Raises:
        InputError: it is none of these, lacks the column, or holds something that is no text.
    """
    if isinstance(reviews, str):
        series = pd.Series([reviews], dtype=object)
    elif isinstance(reviews, pd.DataFrame):
        series = _column(reviews)
    elif isinstance(reviews, pd.Series):
        series = reviews
    elif isinstance(reviews, Sequence | np.ndarray) and not isinstance(reviews, bytes | bytearray):
        series = pd.Series(list(reviews), dtype=object)
    else:
        raise InputError(f"Reviews are a text, a list of texts, a Series or a DataFrame, and not {_type(reviews)}.")
    return pd.Series(
        [_text(value, label) for label, value in series.items()], index=series.index, name=series.name, dtype=object
    )


def _column(frame: pd.DataFrame) -> pd.Series:
    found = next((name for name in DEFAULT_TEXT_COLUMNS if name in frame.columns), None)
    if found is None:
        raise InputError(
            f"The DataFrame has no column {' or '.join(DEFAULT_TEXT_COLUMNS)}; its columns are "
            f"{shown_names(frame.columns)}: rename one, or give the Series of one column."
        )
    column = frame[found]
    if isinstance(column, pd.DataFrame):
        raise InputError(f"The DataFrame has several columns {found}: give the Series of one.")
    return column


def _text(value: Any, label: object) -> str | None:
    if isinstance(value, str):
        return value if value and not value.isspace() else None
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    raise InputError(f"The review at index {label} is no text but {_type(value)}.")


def _type(value: object) -> str:
    return f"of type {type(value).__name__}"
