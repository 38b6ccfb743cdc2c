"""What Python holds reviews and labels in, a list, an array, a Series or a DataFrame, as one Series and one array."""

import warnings
from collections.abc import Sequence, Sized
from typing import Any

import numpy as np
import pandas as pd

from sentiment.data.corpus import Corpus, Reviews
from sentiment.data.files import DEFAULT_TEXT_COLUMNS
from sentiment.data.labels import LABEL_NAMES, LABELS, given_order, known_order, label_word, positive_of
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


def order_of(labels: np.ndarray, given: Sequence[Any] | None = None) -> np.ndarray:
    """The classes of labels, from the worst to the best; of two, the negative one and the positive one.

    Args:
        labels: (N,).
        given: the order, where somebody gives it; None: found by what the labels say.

    Raises:
        InputError: there is one class alone, there are too many, two differ in case and blanks only, an order that is
            given is none, or nobody gives the order of more than two names.
    """
    classes = np.unique(labels)
    words = [label_word(label) for label in classes]
    if given is not None:
        order = given_order(given, "labels")
        if len(order) == 2 and positive_of(order) != order[1]:
            raise InputError(f"`labels` names {order[0]!r} as the worst label: name the worst first.")
        return np.array([classes[words.index(word)] for word in order if word in words])
    if len({*words}) < len(words):
        raise InputError(f"Among {shown_names(map(repr, classes))} are labels that differ in case and blanks only.")
    if len(classes) == 1:
        raise InputError(f"A classifier needs reviews of two labels, and these have one: {classes[0]}.")
    if len(classes) > 2:
        known = known_order(words)
        if known is None:
            raise InputError(
                f"A classifier of {len(classes):,} labels needs their order, and nobody gives that of "
                f"{shown_names(map(str, classes))}: name them in `labels`, the worst first."
            )
        return np.array([classes[words.index(word)] for word in known])
    if not {*words} <= LABELS.keys():
        warnings.warn(
            f"Neither {str(classes[0])!r} nor {str(classes[1])!r} is known to mean positive: P(positive) is that of "
            f"{str(classes[1])!r}.",
            stacklevel=4,
        )
    return classes if positive_of(classes) == classes[1] else classes[::-1]


def corpus_of(
    reviews: ReviewsLike,
    labels: LabelsLike,
    unlabelled: ReviewsLike | None,
    validation: tuple[ReviewsLike, LabelsLike] | None,
    order: Sequence[Any] | None = None,
) -> tuple[Corpus, np.ndarray]:
    """The reviews that a classifier learns from, and its classes, from the worst to the best.

    The arguments, and the errors raised, are those of `SentimentClassifier.fit`.
    """
    texts = texts_in(reviews)
    values = label_values(labels, texts)
    classes = order_of(values, order)
    if order is not None:
        texts, values = _in_order(texts, values, classes, order)
    count = len(texts)
    if validation is not None:
        validating = texts_in(validation[0])
        texts += validating
        values = np.concatenate([values, label_values(validation[1], validating)])
    if unknown := sorted({*map(str, values)} - {*map(str, classes)}):
        raise InputError(f"Validation has the labels {', '.join(unknown)}, which no review to learn from has.")
    corpus = Corpus(
        Reviews(texts, numbers_of(values, texts, classes)),
        Reviews([]),
        Reviews([] if unlabelled is None else texts_in(unlabelled)),
        validation=np.arange(count, len(texts)),
        label_names=names_of(classes),
        label_column=str(getattr(labels, "name", None) or "label"),
    )
    return corpus.checked(keep_duplicates=True, tests=False), classes


def names_of(classes: np.ndarray) -> tuple[str, ...]:
    """What files and pages call classes, from the worst to the best: two of them negative and positive."""
    return LABEL_NAMES if len(classes) == 2 else tuple(map(label_word, classes))


def _in_order(
    texts: list[str], values: np.ndarray, classes: np.ndarray, order: Sequence[Any]
) -> tuple[list[str], np.ndarray]:
    """The reviews whose label is in an order that somebody gives; a warning counts the others."""
    if len(classes) < len(order):
        missing = [label for label in order if label_word(label) not in {*map(label_word, classes)}]
        raise InputError(f"No review has the label {shown_names(map(repr, missing))}: leave it out of `labels`.")
    kept = np.isin(values, classes)
    if (~kept).sum() > kept.sum():
        raise InputError(
            f"`labels` leaves out {np.sum(~kept):,} of {len(kept):,} reviews, which have other labels: name those, too."
        )
    if not kept.all():
        warnings.warn(f"{np.sum(~kept):,} reviews left out, as `labels` does not name theirs.", stacklevel=4)
    return [text for text, is_kept in zip(texts, kept, strict=True) if is_kept], values[kept]


def numbers_of(labels: LabelsLike, reviews: Sized, classes: np.ndarray) -> np.ndarray:
    """The labels of N reviews, int8 (N,): the position of each among the classes; of two 1 positive, 0 negative.

    Args:
        labels: (N,), of the classes; or, where these are two, names that `labels_in` knows.
        classes: from the worst to the best.

    Raises:
        InputError: reviews and labels differ in number, or a label is unknown.
    """
    values = label_values(labels, reviews)
    if {*map(str, values)} <= {*map(str, classes)}:
        numbers: np.ndarray = np.argmax(values.astype(classes.dtype)[:, None] == classes, axis=1).astype(np.int8)
        return numbers
    if len(classes) > 2:
        return _numbers_by_word(values, classes)
    return labels_in(values)


def _numbers_by_word(values: np.ndarray, classes: np.ndarray) -> np.ndarray:
    numbers = {word: number for number, word in enumerate(map(label_word, classes))}
    words = [*map(label_word, values)]
    if unknown := sorted({*words} - numbers.keys()):
        raise InputError(f"Found the labels {shown_names(map(repr, unknown))}; they may be {shown_names(numbers)}.")
    return np.array([numbers[word] for word in words], np.int8)


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
