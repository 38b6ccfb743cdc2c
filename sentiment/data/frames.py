"""What Python holds reviews and labels in, a list, an array, a Series or a DataFrame, as one Series and one array."""

import warnings
from collections.abc import Sequence, Sized
from typing import Any

import numpy as np
import pandas as pd

from sentiment.data.corpus import Corpus, Reviews
from sentiment.data.files import DEFAULT_TEXT_COLUMNS
from sentiment.data.labels import LABELS, label_word, positive_of
from sentiment.errors import InputError, shown_names

ReviewsLike = str | Sequence[str | None] | np.ndarray | pd.Series | pd.DataFrame
LabelsLike = Sequence[Any] | np.ndarray | pd.Series


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


def labels_in(labels: LabelsLike) -> np.ndarray:
    """The labels, int8 (N,): 1 positive, 0 negative.

    Raises:
        InputError: a label is none of 1 and 0, True and False, or the names that a table may hold.
    """
    words = [label_word(label) for label in labels]
    unknown = sorted({word for word in words if word not in LABELS})
    if unknown:
        raise InputError(
            f"Found the labels {shown_names(map(repr, unknown))}; they may be 0/1, positive/negative, pos/neg or "
            "true/false."
        )
    return np.array([LABELS[word] for word in words], np.int8)


def texts_in(reviews: ReviewsLike) -> list[str]:
    """The reviews as a list.

    Raises:
        InputError: one is missing, or no text.
    """
    series = reviews_in(reviews)
    if len(missing := series.index[series.isna()]):
        raise InputError(
            f"{len(missing):,} of {len(series):,} reviews are missing or blank, the first at index {missing[0]}: drop "
            "them, or use `annotate`, which leaves them missing."
        )
    return list(series)


def label_values(labels: LabelsLike, reviews: Sized) -> np.ndarray:
    """The labels as an array (N,), one for each review.

    Raises:
        InputError: they are not as many as the reviews, or one is missing.
    """
    values = np.asarray(labels)
    if values.ndim != 1 or len(values) != len(reviews):
        raise InputError(f"There are {len(reviews):,} reviews and {values.size:,} labels: give a label for each.")
    if missing := int(pd.isna(values).sum()):
        raise InputError(
            f"{missing:,} of {len(values):,} labels are missing: drop these reviews, or give them a label."
        )
    return values.astype(str) if values.dtype == object and isinstance(values[0], str) else values


def classes_of(labels: np.ndarray) -> tuple[np.ndarray, Any]:
    """The two labels, sorted, and the one that means positive.

    Raises:
        InputError: there are not two.
    """
    classes = np.unique(labels)
    if len(classes) != 2:
        named = ", ".join(map(str, classes[:5]))
        raise InputError(f"A classifier needs reviews of two labels, and these have {len(classes):,}: {named}.")
    if not {label_word(label) for label in classes} <= LABELS.keys():
        warnings.warn(
            f"Neither {str(classes[0])!r} nor {str(classes[1])!r} is known to mean positive: P(positive) is that of "
            f"{str(classes[1])!r}.",
            stacklevel=4,
        )
    return classes, positive_of(classes)


def corpus_of(
    reviews: ReviewsLike,
    labels: LabelsLike,
    unlabelled: ReviewsLike | None,
    validation: tuple[ReviewsLike, LabelsLike] | None,
) -> tuple[Corpus, np.ndarray]:
    """The reviews that a classifier learns from, and its two labels, sorted.

    The arguments, and the errors raised, are those of `SentimentClassifier.fit`.
    """
    texts = texts_in(reviews)
    values, count = label_values(labels, texts), len(texts)
    classes, positive = classes_of(values)
    if validation is not None:
        validating = texts_in(validation[0])
        texts += validating
        values = np.concatenate([values, label_values(validation[1], validating)])
    if unknown := sorted({*map(str, values)} - {*map(str, classes)}):
        raise InputError(f"Validation has the labels {', '.join(unknown)}, which no review to learn from has.")
    corpus = Corpus(
        Reviews(texts, (values == positive).astype(np.int8)),
        Reviews([]),
        Reviews([] if unlabelled is None else texts_in(unlabelled)),
        validation=np.arange(count, len(texts)),
    )
    return corpus.checked(keep_duplicates=True, tests=False), classes


def numbers_of(labels: LabelsLike, reviews: Sized, classes: np.ndarray) -> np.ndarray:
    """The labels of N reviews, int8 (N,): 1 positive, 0 negative.

    Args:
        labels: (N,), of the two classes, or names that `labels_in` knows.

    Raises:
        InputError: reviews and labels differ in number, or a label is unknown.
    """
    values = label_values(labels, reviews)
    if {*map(str, values)} <= {*map(str, classes)}:
        is_positive: np.ndarray = values.astype(classes.dtype) == positive_of(classes)
        return is_positive.astype(np.int8)
    return labels_in(values)


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
