"""Lexicon: what a lexicon of opinion words says of short texts, so that a network knows more than its own reviews do.

Reviews of films teach films: "good" is near even odds there, "hate" is what villains do, and a battery occurs in none.
VADER (Hutto & Gilbert 2014) rates 7,500 words, emoticons and emoji by what people think of them anywhere, and knows
negation and degree. Its ratings are added to the labels of snippets, so one network learns both.
"""

import tomllib
from collections.abc import Sequence
from importlib import resources

import numpy as np

from sentiment.data.vocabulary import Vocabulary
from sentiment.errors import InputError

FADING_WORDS = 40, 80
"""Up to how many words a text is short, and from how many on it is a review, to which the lexicon adds nothing."""

WEIGHT = 3.5
"""Log-odds that a compound rating of 1 adds, -1 takes away."""

MOST_FRAMED = 5_000
"""Words that are put into frames, those of the clearest ratings."""

LEAST_RATING = 1.0
"""Size of the rating, which goes to 4, from which on a word is put into frames and into the vocabulary."""


class Lexicon:
    """VADER's lexicon, and the frames that its words are learned in.

    Raises:
        InputError: the lexicon cannot be read.
    """

    def __init__(self) -> None:
        try:
            from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

            self._vader = SentimentIntensityAnalyzer()
        except Exception as error:  # what its reader lets out of a damaged file
            raise InputError(
                f"The lexicon of vaderSentiment cannot be read: {error}. Install the package again, or train without "
                "it by --no-lexicon."
            ) from error
        path = resources.files("sentiment.training").joinpath("lexicon.toml")
        content = tomllib.loads(path.read_text("utf-8"))
        self._frames: list[str] = content["frames"]
        self._things: list[str] = content["things"]
        self._vader.emojis.update(content["emoji"])

    def words(self, count: int | None = None) -> list[str]:
        """Its words and emoji with a clear rating, the strongest first, at most `count` of them."""
        ratings = self.ratings()
        return sorted(ratings, key=lambda word: (-abs(ratings[word]), word))[:count]

    def ratings(self) -> dict[str, float]:
        """Its words and emoji with a clear rating, from -4 to 4."""
        words = {word: rating for word, rating in self._vader.lexicon.items() if word.isalpha() and len(word) > 2}
        emoji = {character: 4 * self._vader.polarity_scores(character)["compound"] for character in self._vader.emojis}
        ratings = words | {character: rating for character, rating in emoji.items() if len(character) == 1}
        return {word: rating for word, rating in ratings.items() if abs(rating) >= LEAST_RATING}

    def ratings_in(self, vocabulary: Vocabulary) -> np.ndarray:
        """The rating of every index of a vocabulary, float32 (num_words,); 0 for words without a clear one."""
        ratings = np.zeros(vocabulary.num_words, np.float32)
        for word, rating in self.ratings().items():
            if word in vocabulary.index:
                ratings[vocabulary.index[word]] = rating
        return ratings

    def framed(self, count: int, others: Sequence[str], generator: np.random.Generator) -> list[str]:
        """So many texts of its words: one half in frames such as "The service was ...", the other among random words.

        Args:
            others: words of all kinds, that say nothing together.
        """
        words = self.words(MOST_FRAMED)
        return [
            self._framed(words, generator) if generator.random() < 0.5 else _scattered(words, others, generator)
            for _ in range(count)
        ]

    def _framed(self, words: Sequence[str], generator: np.random.Generator) -> str:
        thing = str(generator.choice(self._things))
        return str(generator.choice(self._frames)).format(word=words[int(generator.integers(len(words)))], thing=thing)

    def log_odds(self, texts: Sequence[str]) -> np.ndarray:
        """What it adds to the log-odds of short texts, float32 (N,), around 0 in the mean of them."""
        compounds = np.array([self._vader.polarity_scores(text)["compound"] for text in texts], np.float32)
        return WEIGHT * (compounds - compounds.mean()) if len(compounds) else compounds

    def shortness(self, texts: Sequence[str]) -> np.ndarray:
        """How much it has to say in the label of each text, float32 (N,): all for a short one, nothing for a review."""
        short, long = FADING_WORDS
        words = np.array([len(text.split()) for text in texts], np.float32)
        return np.clip((long - words) / (long - short), 0, 1)


def _scattered(words: Sequence[str], others: Sequence[str], generator: np.random.Generator) -> str:
    """Up to two of the words among two to twelve others, so that words without an opinion are learned to have none."""
    text = [others[number] for number in generator.integers(len(others), size=generator.integers(2, 13))]
    for _ in range(generator.integers(3)):
        text.insert(int(generator.integers(len(text) + 1)), words[int(generator.integers(len(words)))])
    return " ".join(text)
