"""EpochSnippets: training on snippets of reviews, so that the verdict on a sentence is learned, too.

A network that only ever saw whole reviews is sure of itself after any five words. Of a snippet that it was trained on,
P(positive) means: of the reviews that hold such a snippet, so many are positive.
"""

import bisect
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from sentiment.data.markup import has_line_breaks_alone, without_markup
from sentiment.data.vocabulary import TOKEN, Tokenizer, is_english, sample
from sentiment.training.counterfactuals import Counterfactuals, Snippet
from sentiment.training.trainer import EpochExamples, TrainingConfig

SNIPPET_WORDS = 3, 100
"""Fewest and most words of a random snippet."""

_WORD = re.compile(TOKEN)
_SENTENCE_BORDER = re.compile(r"[.!?<\n\u3002\uff01\uff1f]")

Examples = tuple[np.ndarray, np.ndarray]
"""Inputs (N, maxlen), padded indices, and labels (N,), which may be probabilities."""


class EpochSnippets:
    """The texts that an epoch trains on: all reviews, and perhaps snippets of some, which follow from (seed, epoch).

    Networks that train side by side may share one object, which draws the snippets of an epoch once.

    Args:
        inputs: the whole reviews, padded indices (N, maxlen).
        texts: of the same reviews, N.
        pad: texts to padded indices, as the inputs were made.
        counterfactuals: what turns clauses; None where its rules, which are English, do not fit. Random snippets then
            stand in the place of turned clauses.
    """

    def __init__(
        self,
        inputs: np.ndarray,
        texts: Sequence[str],
        config: TrainingConfig,
        *,
        pad: Callable[[Sequence[str]], np.ndarray],
        seed: int,
        counterfactuals: Counterfactuals | None = None,
    ) -> None:
        self.inputs, self._texts = inputs, [_readable(text) for text in texts]
        self._pad, self._seed, self._counterfactuals = pad, seed, counterfactuals
        self._cut = round(config.snippet_share * len(texts))
        self._turned = round(config.counterfactual_share * len(texts))
        self._drawing = threading.Lock()
        self._latest: tuple[int, Drawn] | None = None

    def __len__(self) -> int:
        """Examples of an epoch."""
        return len(self._texts) + self._cut + self._turned

    def labelled(self, labels: np.ndarray, first_epoch: int = 0) -> EpochExamples:
        """The examples of every epoch. A random snippet has its review's label, a counterfactual its own.

        Args:
            labels: of the whole reviews, (N,), which may be probabilities.
            first_epoch: number of the epoch that the training counts as its first.
        """
        return _LabelledSnippets(self, labels, first_epoch)

    def draw(self, epoch: int) -> "Drawn":
        """The snippets of an epoch."""
        with self._drawing:
            if self._latest is None or self._latest[0] != epoch:
                self._latest = None  # so that two epochs do not take memory at a time
                self._latest = epoch, self._draw(epoch)
            return self._latest[1]

    def _draw(self, epoch: int) -> "Drawn":
        generator = np.random.default_rng([self._seed, epoch])
        cut, turned = (generator.permutation(len(self._texts))[:count] for count in (self._cut, self._turned))
        own = np.full(len(cut) + len(turned), np.nan, np.float32)
        snippets = [random_snippet(self._texts[position], generator) for position in cut.tolist()]
        texts = [self._texts[position] for position in turned.tolist()]
        drawn: Iterable[Snippet | None] = [None] * len(texts)
        if self._counterfactuals is not None:
            drawn = self._counterfactuals.snippets(texts, generator)
        for number, snippet in enumerate(drawn):
            if snippet is None:
                snippets.append(random_snippet(texts[number], generator))
            else:
                snippets.append(snippet.text)
                own[len(cut) + number] = snippet.positive_probability
        inputs = np.concatenate([self.inputs, self._pad(snippets)]) if snippets else self.inputs
        return Drawn(inputs, np.concatenate([cut, turned]), own)


class Drawn(NamedTuple):
    """All inputs of an epoch; of its snippets, the reviews they are cut from and the labels of their own, or NaN."""

    inputs: np.ndarray
    reviews: np.ndarray
    own_labels: np.ndarray


class _LabelledSnippets(NamedTuple):
    snippets: EpochSnippets
    labels: np.ndarray
    first_epoch: int

    def __len__(self) -> int:
        return len(self.snippets)

    def __call__(self, epoch: int) -> Examples:
        inputs, reviews, own_labels = self.snippets.draw(self.first_epoch + epoch)
        snippet_labels = np.where(np.isnan(own_labels), self.labels[reviews], own_labels)
        return inputs, np.concatenate([self.labels, snippet_labels], dtype=np.float32)


def fit_counterfactuals(texts: Sequence[str], labels: np.ndarray) -> Counterfactuals | None:
    """What turns clauses of reviews into their opposite; None where they are not English, as its rules are.

    Args:
        texts: N reviews.
        labels: (N,), 1 positive, 0 negative.
    """
    readable = [_readable(text) for text in texts]
    return Counterfactuals.fit(readable, labels) if is_english(Tokenizer().counts(sample(readable))) else None


def _readable(text: str) -> str:
    """A review as the rules that cut it can read it: "don't" where it has `don&#39;t`."""
    return text if has_line_breaks_alone(text) else without_markup(text, line_break="\n")


def random_snippet(text: str, generator: np.random.Generator) -> str:
    """A contiguous snippet of a text, of 3 to 100 words, every order of magnitude alike; all of a shorter text.

    It starts with a sentence, and ends with one where one ends in the second half of its length.
    """
    firsts = [match.start() for match in _WORD.finditer(text)]
    fewest, most = SNIPPET_WORDS
    length = round(float(np.exp(generator.uniform(np.log(fewest), np.log(most)))))
    if length >= len(firsts):
        return text
    after = {bisect.bisect(firsts, match.start()) for match in _SENTENCE_BORDER.finditer(text)}
    borders = sorted(after - {0, len(firsts)})
    starts = [start for start in (0, *borders) if start + length <= len(firsts)]
    start = starts[generator.integers(len(starts))]
    ends = [end for end in borders if start + max(fewest, length / 2) <= end <= start + length]
    end = ends[-1] if ends else start + length
    last = _WORD.match(text, firsts[end - 1])
    assert last is not None
    return text[firsts[start] : last.end()]
