"""SentimentClassifier: vocabulary, network and threshold together; text in, probability out."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sentiment import __version__
from sentiment.corpus import LABEL_NAMES
from sentiment.errors import InputError
from sentiment.sequences import SequenceConfig, pad_texts
from sentiment.vocabulary import Vocabulary

BATCH_SIZE = 256
MODEL_FILE, VOCABULARY_FILE, CLASSIFIER_FILE = "model.keras", "vocabulary.json", "classifier.json"


class SentimentClassifier:
    """A trained classifier of reviews.

    Attributes:
        vocabulary, sequences: how a text becomes indices.
        network: Keras model from int32 (batch, maxlen) to P(positive) (batch, 1).
        threshold: P(positive) from which on a review is called positive.
    """

    def __init__(self, vocabulary: Vocabulary, sequences: SequenceConfig, network: Any, threshold: float = 0.5) -> None:
        self.vocabulary = vocabulary
        self.sequences = sequences
        self.network = network
        self.threshold = threshold

    def positive_probability(self, texts: Sequence[str]) -> np.ndarray:
        """P(positive) of each text, float32 of shape (N,); it does not depend on the other texts."""
        if not len(texts):
            return np.zeros(0, np.float32)
        padded = pad_texts(texts, self.vocabulary, self.sequences)  # (N, maxlen)
        probabilities: np.ndarray = self.network.predict(padded, batch_size=BATCH_SIZE, verbose=0)  # (N, 1)
        return probabilities[:, 0]

    def predict(self, texts: Sequence[str]) -> pd.DataFrame:
        """Columns `predicted_label` (positive or negative) and `positive_probability`, a row per text."""
        probabilities = self.positive_probability(texts)
        labels = [LABEL_NAMES[int(probability >= self.threshold)] for probability in probabilities]
        return pd.DataFrame({"predicted_label": labels, "positive_probability": probabilities})

    def save(self, folder: Path) -> None:
        """Write the folder: the Keras model, vocabulary.json and classifier.json."""
        import keras
        import tensorflow as tf

        folder.mkdir(parents=True, exist_ok=True)
        self.network.save(folder / MODEL_FILE)
        self.vocabulary.save(folder / VOCABULARY_FILE)
        content = {
            "sequences": self.sequences.model_dump(),
            "threshold": self.threshold,
            "versions": {"sentiment": __version__, "keras": keras.__version__, "tensorflow": tf.__version__},
        }
        (folder / CLASSIFIER_FILE).write_text(json.dumps(content, indent=2), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> "SentimentClassifier":
        """Read what `save` wrote. Nothing is unpickled: Keras reads the network in its safe mode.

        Raises:
            InputError: the folder lacks one of the files.
        """
        missing = [name for name in (CLASSIFIER_FILE, VOCABULARY_FILE, MODEL_FILE) if not (folder / name).is_file()]
        if missing:
            raise InputError(f"{folder} is no saved classifier: {', '.join(missing)} is missing.")
        import keras

        content = json.loads((folder / CLASSIFIER_FILE).read_text("utf-8"))
        return cls(
            Vocabulary.load(folder / VOCABULARY_FILE),
            SequenceConfig(**content["sequences"]),
            keras.saving.load_model(folder / MODEL_FILE, compile=False, safe_mode=True),
            content["threshold"],
        )
