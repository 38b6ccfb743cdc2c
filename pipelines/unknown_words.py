"""What the commands tell of words that a model does not know, beside their share of its validation reviews."""

from collections.abc import Iterator, Sequence

from sentiment.classifier import Classifier
from sentiment.evaluation.review_sample import ReviewSample

UNUSUAL = 2.0
"""So many times the share of the validation reviews is worth a warning."""


def unknown_words_warnings(classifier: Classifier, texts: Sequence[str]) -> Iterator[str]:
    """A sentence for each text with no known word, or unusually many unknown ones."""
    for number, (words, known) in enumerate(classifier.count_words(texts).tolist(), 1):
        place = f"review {number}: " if len(texts) > 1 else ""
        if not known:
            what = f"none of its {words} words is known to the model" if words else "it has no word"
            yield (
                f"{place}{what}: the verdict says nothing of it. "
                "What remains is what the model says of no words at all."
            )
            continue
        share, expected = 1 - known / words, classifier.unknown_share
        if expected is not None and share > UNUSUAL * expected:
            yield (
                f"{place}{words - known} of {words} words {'is' if words - known == 1 else 'are'} unknown to the model "
                f"({share:.1%}; of its validation reviews {expected:.1%}): trust the verdict less."
            )


def unknown_share_in_words(classifier: Classifier, sample: ReviewSample) -> str:
    """The share of unknown words of what was scored, such as `5.2% (validation reviews: 2.3%)`."""
    asides = [f"of {len(sample):,} rows at random"] if len(sample) < sample.seen else []
    if classifier.unknown_share is not None:
        asides.append(f"validation reviews: {classifier.unknown_share:.1%}")
    return f"{sample.unknown_share:.1%}" + (f" ({'; '.join(asides)})" if asides else "")
