"""Opposites: passages of reviews whose opinion words are exchanged for their opposites, under the opposite label.

A network that remembers reviews by their films and people is wrong where people edit a review until its verdict turns
(Kaushik et al. 2020). Passages in which the opinions alone are turned teach it to go by these; Wang & Culotta (2021)
make such counterfactuals by antonyms. Here the opposite of a word is a word of the other sign that stands in the same
places, as word vectors tell.
"""

from collections.abc import Mapping

import numpy as np

from sentiment.data.vocabulary import PADDING, Vocabulary

CHOICES = 5
"""Opposites of a word, one of which is drawn at random."""

WORDS = 15, 200
"""Fewest and most words of a passage, every order of magnitude alike."""

ENOUGH = 0.05
"""Share of the words of a passage that have to be turned for its verdict to be turned in full."""

LARGEST_LOG_ODDS_AGAINST = 0.15
"""How far reviews may contradict the rating of an opinion word. Words of plots are rated, too, such as "kill"."""


class Opposites:
    """The opinion words of a vocabulary, and their opposites.

    Args:
        opposites: of each word, indices (num_words, CHOICES); zeros for a word that is no opinion.
    """

    def __init__(self, opposites: np.ndarray) -> None:
        self._opposites = opposites

    @classmethod
    def fit(
        cls,
        vocabulary: Vocabulary,
        ratings: Mapping[str, float],
        vectors: np.ndarray,
        inputs: np.ndarray,
        labels: np.ndarray,
    ) -> "Opposites":
        """Find the opinion words, which are those that reviews use as they are rated, and the opposites of each.

        Args:
            ratings: word -> a positive or negative number.
            vectors: of all words of the vocabulary, (num_words, size).
            inputs: padded indices of reviews, (N, maxlen).
            labels: of the same reviews, (N,).
        """
        positive, negative = (
            np.bincount(inputs[labels == label].ravel(), minlength=vocabulary.num_words) + 1.0 for label in (1, 0)
        )
        log_odds = np.log(positive / positive.sum()) - np.log(negative / negative.sum())
        rated = np.array([vocabulary.index.get(word, PADDING) for word in ratings])
        signs = np.sign(list(ratings.values()))
        is_opinion = (rated != PADDING) & (positive + negative > 2)[rated]
        is_opinion &= log_odds[rated] * signs > -LARGEST_LOG_ODDS_AGAINST
        rated, signs = rated[is_opinion], signs[is_opinion]
        directions = vectors[rated] / np.maximum(np.linalg.norm(vectors[rated], axis=1, keepdims=True), 1e-9)
        opposites = np.zeros((vocabulary.num_words, CHOICES), np.int32)
        for sign in (-1, 1):
            ours, others = np.flatnonzero(signs == sign), np.flatnonzero(signs == -sign)
            nearest = np.argsort(-(directions[ours] @ directions[others].T), axis=1)[:, :CHOICES]
            if len(others) >= CHOICES:
                opposites[rated[ours]] = rated[others[nearest]]
        return cls(opposites)

    def nearest(self, index: int) -> np.ndarray:
        """The opposites of a word, the nearest first, int32 (CHOICES,); zeros for a word that is no opinion."""
        opposites: np.ndarray = self._opposites[index]
        return opposites

    def passages(self, inputs: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A passage of each review with its opinion words turned, and how far its verdict is turned, from 0 to 1.

        Args:
            inputs: padded indices, (N, maxlen).

        Returns:
            Indices, int32 (N, maxlen), padded on the side of the inputs, and float64 (N,).
        """
        turned, strength = np.zeros_like(inputs), np.zeros(len(inputs))
        fewest, most = np.log(WORDS)
        pads_before = bool((inputs[:, 0] == PADDING).any())
        for number, row in enumerate(inputs):
            words = row[row != PADDING]
            length = min(len(words), round(float(np.exp(generator.uniform(fewest, most)))))
            first = generator.integers(len(words) - length + 1)
            passage = words[first : first + length]
            opposites = self._opposites[passage, generator.integers(CHOICES, size=length)]
            place = slice(-length, None) if pads_before else slice(length)
            turned[number, place] = np.where(opposites, opposites, passage)
            strength[number] = min(1.0, np.count_nonzero(opposites) / (ENOUGH * length))
        return turned, strength
