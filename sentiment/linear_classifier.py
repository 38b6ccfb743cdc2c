"""LinearClassifier: the linear model with its threshold; text in, probability out, as with SentimentClassifier."""

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from sentiment import __version__
from sentiment.classifier import (
    CLASSIFIER_FILE,
    Classifier,
    ClassifierDescription,
    sha256_of,
)
from sentiment.data.fingerprints import Fingerprints
from sentiment.errors import InputError, damaged_classifier
from sentiment.training.linear_model import ARRAYS_FILE, CONFIG_FILE, VOCABULARY_FILE, LinearModel

FILES = (ARRAYS_FILE, CONFIG_FILE, VOCABULARY_FILE)


class LinearClassifier(Classifier):
    """A fitted linear model that scores by the same commands as a network.

    Attributes:
        model: the LinearModel.
        threshold, unknown_share, learned: as in Classifier.
    """

    def __init__(
        self,
        model: LinearModel,
        threshold: float = 0.5,
        unknown_share: float | None = None,
        learned: Fingerprints | None = None,
    ) -> None:
        self.model, self.threshold, self.unknown_share, self.learned = model, threshold, unknown_share, learned

    @property
    def parameters(self) -> int:
        """Weights of the regression, the intercept included."""
        return self.model.parameters

    @property
    def engine(self) -> str:
        """NumPy."""
        return "NumPy"

    def positive_probability(self, texts: Sequence[str]) -> np.ndarray:
        """P(positive) of each text, float32 of shape (N,); it does not depend on the other texts."""
        return self.model.positive_probability(texts).astype(np.float32)

    def words(self, text: str) -> list[tuple[str, bool]]:
        """All words of a text, and whether each has a weight of its own."""
        return [(token, token in self.model.known_words) for token in self.model.vocabulary.tokens(text)]

    def count_unread(self, text: str) -> int:
        """None: it reads texts of any length."""
        return 0

    def digest(self) -> str:
        """SHA-256 over all that decides a probability, as 32 hexadecimal digits."""
        return hashlib.sha256(self.model.to_bytes()).hexdigest()[:32]

    def save(self, folder: Path) -> None:
        """Write the folder: the files of the LinearModel, fingerprints.npz where it is known what it learned from, and
        last classifier.json."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder)
        fingerprints = self._saved_fingerprints(folder)
        ClassifierDescription(
            kind="linear",
            threshold=self.threshold,
            unknown_share=self.unknown_share,
            versions={"sentiment": __version__, "numpy": version("numpy"), "scipy": version("scipy")},
            sha256={name: sha256_of(folder / name) for name in (*FILES, *fingerprints)},
        ).save(folder)

    @classmethod
    def load(cls, folder: Path) -> "LinearClassifier":
        """Read what `save` wrote; nothing is unpickled.

        Raises:
            InputError: the folder lacks one of the files, or one is damaged.
        """
        missing = [name for name in (CLASSIFIER_FILE, *FILES) if not (folder / name).is_file()]
        if missing:
            raise InputError(f"{folder} is no saved linear classifier: {', '.join(missing)} is missing.")
        try:
            description = ClassifierDescription.load(folder)
            for name in FILES:
                description.check(folder / name)
            learned = description.learned(folder)
            return cls(LinearModel.load(folder), description.threshold, description.unknown_share, learned)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise damaged_classifier(folder, error) from error
