"""EpochSnippets: training on snippets of reviews, so that the verdict on a sentence is learned, too.

A network that only ever saw whole reviews is sure of itself after any five words. Of a snippet that it was trained on,
P(positive) means: of the reviews that hold such a snippet, so many are positive.
"""

import bisect
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from sentiment.data.labels import log_odds
from sentiment.data.markup import has_line_breaks_alone, without_markup
from sentiment.data.tokenizer import TOKEN
from sentiment.training.counterfactuals import Counterfactuals, Snippet
from sentiment.training.lexicon import Lexicon
from sentiment.training.linear_model import LinearModel
from sentiment.training.opposites import Opposites
from sentiment.training.people import People
from sentiment.training.trainer import EpochExamples, TrainingConfig

SNIPPET_WORDS = 3, 100
"""Fewest and most words of a random snippet."""

FRAMED_SHARE = 1 / 6
"""Share of the random snippets that are words of the lexicon in a frame."""

LARGEST_LOG_ODDS = 1.5
"""What the label of its review says of a short snippet at most, as a sentence is not as sure as a review is."""

PASSAGE_FACTOR = 1.67
"""How much more the label of its review says of a passage, most of which are longer."""

LINEAR_SHARE, LARGEST_LINEAR = 0.3, 4.0
"""Part of the linear model's log-odds of a short snippet that is added, 0 in the mean; and the most that counts."""

_WORD = re.compile(TOKEN)
_SENTENCE_BORDER = re.compile(r"[.!?<\n\u3002\uff01\uff1f]")

Examples = tuple[np.ndarray, np.ndarray]
"""Inputs (N, maxlen), padded indices, and labels (N,), which may be probabilities, or (N, K - 1) of ordered classes."""


class EpochSnippets:
    """The texts that an epoch trains on: all reviews, and perhaps snippets of some, which follow from (seed, epoch).

    Networks that train side by side may share one object, which draws the snippets of an epoch once.

    Args:
        inputs: the whole reviews, padded indices (N, maxlen).
        texts: of the same reviews, N.
        pad: texts to padded indices, as the inputs were made.
        counterfactuals: what turns clauses; None where its rules, which are English, do not fit. Random snippets then
            stand in the place of turned clauses.
        lexicon: what adds to the labels of random snippets; a few of its own words take the place of some.
        words: of the vocabulary, which stand beside those of the lexicon.
        linear_model: says, beside the lexicon, what reviews think of a snippet.
        opposites: what turns passages of reviews.
        people: the words for people that are exchanged.
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
        lexicon: Lexicon | None = None,
        words: Sequence[str] = (),
        linear_model: LinearModel | None = None,
        opposites: Opposites | None = None,
        people: People | None = None,
    ) -> None:
        self.inputs, self._texts = inputs, [readable(text) for text in texts]
        self._pad, self._seed, self._counterfactuals = pad, seed, counterfactuals
        self._lexicon, self._words, self._linear_model = lexicon, words, linear_model
        self._opposites, self._people = opposites, people
        self._cut = round(config.snippet_share * len(texts))
        self._turned = round(config.counterfactual_share * len(texts))
        self._opposed = round(config.opposite_share * len(texts)) if opposites is not None else 0
        self._drawing = threading.Lock()
        self._latest: tuple[int, Drawn] | None = None

    def __len__(self) -> int:
        """Examples of an epoch."""
        return len(self._texts) + self._cut + self._turned + self._opposed

    def labelled(self, labels: np.ndarray, first_epoch: int = 0) -> EpochExamples:
        """The examples of every epoch, the snippets with labels as `SnippetLabels` has them.

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
        from scipy.special import logit

        generator = np.random.default_rng([self._seed, epoch])
        cut, turned = (generator.permutation(len(self._texts))[:count] for count in (self._cut, self._turned))
        snippets = [random_snippet(self._texts[position], generator) for position in cut.tolist()]
        labels = SnippetLabels.from_reviews(np.concatenate([cut, turned]))
        texts = [self._texts[position] for position in turned.tolist()]
        drawn: Iterable[Snippet | None] = [None] * len(texts)
        if self._counterfactuals is not None:
            drawn = self._counterfactuals.snippets(texts, generator)
        for number, snippet in enumerate(drawn):
            if snippet is None:
                snippets.append(random_snippet(texts[number], generator))
            else:
                snippets.append(snippet.text)
                labels.set(len(cut) + number, 0.0, logit(snippet.positive_probability), 1.0)
        if self._lexicon is not None:
            self._ask_lexicon(self._lexicon, snippets, labels, generator)
        parts = [self.inputs, self._pad(snippets)] if snippets else [self.inputs]
        if self._opposites is not None:
            chosen = generator.permutation(len(self._texts))[: self._opposed]
            passages, turned_share = self._opposites.passages(self.inputs[chosen], generator)
            parts.append(passages)
            factor = PASSAGE_FACTOR * (1 - 2 * turned_share)
            labels = labels.joined(SnippetLabels(chosen, factor, np.zeros(len(chosen)), np.ones(len(chosen))))
        inputs = np.concatenate(parts)
        if self._people is not None:
            self._people.exchange(inputs, generator)
        return Drawn(inputs, labels)

    def _ask_lexicon(
        self, lexicon: Lexicon, snippets: list[str], labels: "SnippetLabels", generator: np.random.Generator
    ) -> None:
        """Put some of its words in the place of the first snippets, and add what it says of all random ones.

        The linear model adds what reviews say of them.
        """
        framed = lexicon.framed(round(FRAMED_SHARE * self._cut), self._words, generator)
        snippets[: len(framed)] = framed
        asked = np.flatnonzero(labels.share == 0)
        texts = [snippets[number] for number in asked.tolist()]
        added = lexicon.log_odds(texts)
        if self._linear_model is not None:
            read = self._linear_model.score(texts[len(framed) :]).clip(-LARGEST_LINEAR, LARGEST_LINEAR)
            added[len(framed) :] += LINEAR_SHARE * (read - read.mean())
        labels.set(asked, 1.0, added, lexicon.shortness(texts))
        labels.factor[: len(framed)] = 0.0


class SnippetLabels(NamedTuple):
    """What decides the labels of S snippets, each (S,). The reviews' own labels change from one teacher to the next.

    The log-odds of a snippet are `factor` times those of its review, cut at LARGEST_LOG_ODDS, and `added`. Its label is
    the mean of that probability, with the weight `share`, and of the label of its review.

    Attributes:
        reviews: that the snippets are cut from.
    """

    reviews: np.ndarray
    factor: np.ndarray
    added: np.ndarray
    share: np.ndarray

    @classmethod
    def from_reviews(cls, reviews: np.ndarray) -> "SnippetLabels":
        """Labels that are those of the reviews."""
        count = len(reviews)
        return cls(reviews, np.ones(count), np.zeros(count), np.zeros(count))

    def set(self, numbers: Any, factor: Any, added: Any, share: Any) -> None:
        """Change what decides the labels of some snippets."""
        self.factor[numbers], self.added[numbers], self.share[numbers] = factor, added, share

    def joined(self, others: "SnippetLabels") -> "SnippetLabels":
        """These, and behind them the others."""
        return SnippetLabels(*map(np.concatenate, zip(self, others, strict=True)))

    def given(self, review_labels: np.ndarray) -> np.ndarray:
        """The labels of the snippets, (S,) or (S, K - 1), by those of all reviews, (N,) or (N, K - 1)."""
        from scipy.special import expit, logit

        labels = review_labels[self.reviews]
        if labels.ndim == 2:
            return self._given_ordered(labels)
        found = self.factor * np.clip(logit(labels), -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS) + self.added
        given: np.ndarray = (1 - self.share) * labels + self.share * expit(found)
        return given

    def _given_ordered(self, labels: np.ndarray) -> np.ndarray:
        """The same of K ordered classes, (S, K - 1): the log-odds of a snippet move along the score as a whole.

        A score of 0 stands for the shares of the classes among all reviews, and a turned score changes its sign.
        """
        from scipy.special import expit

        if not len(labels):
            return labels
        cuts = -log_odds(labels.mean(axis=0))
        scores = np.clip((log_odds(labels) + cuts).mean(axis=1), -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS)
        found = expit((self.factor * scores + self.added)[:, None] - cuts)
        share = self.share[:, None]
        given: np.ndarray = (1 - share) * labels + share * found
        return given


class Drawn(NamedTuple):
    """All inputs of an epoch, and what decides the labels of its snippets."""

    inputs: np.ndarray
    labels: SnippetLabels


class _LabelledSnippets(NamedTuple):
    snippets: EpochSnippets
    labels: np.ndarray
    first_epoch: int

    def __len__(self) -> int:
        return len(self.snippets)

    def __call__(self, epoch: int) -> Examples:
        inputs, snippet_labels = self.snippets.draw(self.first_epoch + epoch)
        return inputs, np.concatenate([self.labels, snippet_labels.given(self.labels)], dtype=np.float32)


def fit_counterfactuals(texts: Sequence[str], labels: np.ndarray) -> Counterfactuals:
    """What turns clauses of reviews, which are English, into their opposite.

    Args:
        texts: N reviews.
        labels: (N,), 1 positive, 0 negative.
    """
    return Counterfactuals.fit(map(readable, texts), labels)


def readable(text: str) -> str:
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
