"""What the commands tell of words that a model does not know, or does not read because a review is too long."""

from sentiment.classifier import Classifier
from sentiment.evaluation.drift import ReviewSample

UNUSUAL = 2.0
"""So many times the share of the validation reviews is worth a warning."""


def unknown_words_warning(expected: float | None, words: int, known: int) -> str | None:
    """A sentence for a text with unusually many unknown words; None where they are not many, or all of them.

    Args:
        expected: share of unknown words in the validation reviews, if it was kept.
    """
    if not known or expected is None or (share := 1 - known / words) <= UNUSUAL * expected:
        return None
    return (
        f"{words - known} of {words} words {'is' if words - known == 1 else 'are'} unknown to the model "
        f"({share:.1%}; of its validation reviews {expected:.1%}): trust the verdict less."
    )


def unknown_share_in_words(classifier: Classifier, sample: ReviewSample) -> str:
    """The share of unknown words of what was scored, such as `5.2% (validation reviews: 2.3%)`."""
    asides = [_of_sample(sample)] if len(sample) < sample.seen else []
    if classifier.unknown_share is not None:
        asides.append(f"validation reviews: {classifier.unknown_share:.1%}")
    return f"{sample.unknown_share:.1%}" + (f" ({'; '.join(asides)})" if asides else "")


def unread_warning(unread: int, read: int, truncating: str) -> str:
    """A sentence for a text that is too long to be read in whole.

    Args:
        unread, read: words of the text.
        truncating: the side on which it is cut, pre or post.
    """
    part, left_out = ("last", "beginning") if truncating == "pre" else ("first", "end")
    return (
        f"the model reads the {part} {read:,} of {read + unread:,} words, so the {left_out} has no say in the verdict."
    )


def cut_rows_in_words(sample: ReviewSample) -> str | None:
    """How many rows are too long to be read in whole, such as `3 of 2,000 rows at random`; None where none is."""
    if not sample.cut_reviews:
        return None
    return f"{sample.cut_reviews:,}" + (f" {_of_sample(sample)}" if len(sample) < sample.seen else "")


def _of_sample(sample: ReviewSample) -> str:
    return f"of {len(sample):,} rows at random"
