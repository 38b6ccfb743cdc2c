"""SentimentClassifier: vocabulary, network and threshold together; text in, probability out."""

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiment import __version__
from sentiment.data.corpus import predicted_labels
from sentiment.data.sequences import SequenceConfig
from sentiment.data.vocabulary import Vocabulary
from sentiment.errors import InputError
from sentiment.scoring.network import BATCH_SIZE, OnnxNetwork, export_onnx

if TYPE_CHECKING:
    import pandas as pd

MODEL_FILE, ONNX_FILE = "model.keras", "model.onnx"
VOCABULARY_FILE, CLASSIFIER_FILE = "vocabulary.json", "classifier.json"


class SentimentClassifier:
    """A trained classifier of reviews. It scores with ONNX Runtime, so it needs TensorFlow only for `network`.

    Attributes:
        vocabulary, sequences: how a text becomes indices.
        threshold: P(positive) from which on a review is called positive.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        sequences: SequenceConfig,
        onnx_model: bytes,
        load_network: Callable[[], Any],
        threshold: float = 0.5,
    ) -> None:
        self.vocabulary = vocabulary
        self.sequences = sequences
        self.threshold = threshold
        self._onnx_model = onnx_model
        self._onnx_network = OnnxNetwork(onnx_model)
        self._load_network = load_network

    @classmethod
    def from_network(
        cls, vocabulary: Vocabulary, sequences: SequenceConfig, network: Any, threshold: float = 0.5
    ) -> "SentimentClassifier":
        """The classifier of a trained Keras network, as `build_model` makes it."""
        return cls(vocabulary, sequences, export_onnx(network, sequences), lambda: network, threshold)

    @functools.cached_property
    def network(self) -> Any:
        """The Keras model, from int32 (batch, maxlen) to P(positive) (batch, 1), read when it is first asked for."""
        return self._load_network()

    def positive_probability(self, texts: Sequence[str], batch_size: int = BATCH_SIZE) -> np.ndarray:
        """P(positive) of each text, float32 of shape (N,); it depends neither on the other texts nor on batch_size."""
        maxlen, truncating = self.sequences.maxlen, self.sequences.truncating
        encoded = [self.vocabulary.encode(text, maxlen, truncating) for text in texts]
        return self.encoded_probability(encoded, batch_size)

    def encoded_probability(self, encoded: Sequence[np.ndarray], batch_size: int = BATCH_SIZE) -> np.ndarray:
        """P(positive) of reviews that are arrays of one to `maxlen` indices, float32 of shape (N,)."""
        return self._onnx_network.positive_probability(encoded, batch_size)

    def labels(self, probabilities: np.ndarray) -> list[str]:
        """The verdict, positive or negative, on each P(positive)."""
        return predicted_labels(probabilities, self.threshold)

    def predict(self, texts: Sequence[str]) -> "pd.DataFrame":
        """Columns `predicted_label` (positive or negative) and `positive_probability`, a row per text."""
        import pandas as pd

        probabilities = self.positive_probability(texts)
        return pd.DataFrame({"predicted_label": self.labels(probabilities), "positive_probability": probabilities})

    def digest(self) -> str:
        """SHA-256 over all that decides a probability, as 32 hexadecimal digits."""
        content = [self._onnx_model, json.dumps([self.vocabulary.words, self.sequences.model_dump()]).encode()]
        return hashlib.sha256(b"".join(content)).hexdigest()[:32]

    def save(self, folder: Path) -> None:
        """Write the folder: the network as model.keras and model.onnx, vocabulary.json and classifier.json."""
        import keras
        import onnxruntime
        import tensorflow as tf

        folder.mkdir(parents=True, exist_ok=True)
        self.network.save(folder / MODEL_FILE)
        (folder / ONNX_FILE).write_bytes(self._onnx_model)
        self.vocabulary.save(folder / VOCABULARY_FILE)
        versions = {
            "sentiment": __version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "onnxruntime": onnxruntime.__version__,
        }
        content = {"sequences": self.sequences.model_dump(), "threshold": self.threshold, "versions": versions}
        (folder / CLASSIFIER_FILE).write_text(json.dumps(content, indent=2), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> "SentimentClassifier":
        """Read what `save` wrote. Nothing is unpickled, and Keras reads its network in its safe mode.

        Raises:
            InputError: the folder lacks one of the files, or one is damaged.
        """
        names = (CLASSIFIER_FILE, VOCABULARY_FILE, ONNX_FILE, MODEL_FILE)
        missing = [name for name in names if not (folder / name).is_file()]
        if missing:
            raise InputError(f"{folder} is no saved classifier: {', '.join(missing)} is missing.")

        def load_network() -> Any:
            import keras

            import sentiment.training.pooling  # noqa: F401 - Keras then knows its layer

            return keras.saving.load_model(folder / MODEL_FILE, compile=False, safe_mode=True)

        try:
            content = json.loads((folder / CLASSIFIER_FILE).read_text("utf-8"))
            vocabulary = Vocabulary.load(folder / VOCABULARY_FILE)
            sequences, threshold = SequenceConfig(**content["sequences"]), float(content["threshold"])
            return cls(vocabulary, sequences, (folder / ONNX_FILE).read_bytes(), load_network, threshold)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"The classifier in {folder} is damaged ({error}): take another, or train one.") from error


def classifier_folder(folder: Path) -> Path:
    """Where a saved classifier lies in a folder: the folder itself, or a part of it if MLflow wrote it.

    Raises:
        InputError: there is none.
    """
    for candidate in (folder, folder / "artifacts" / "classifier"):
        if (candidate / CLASSIFIER_FILE).is_file():
            return candidate
    raise InputError(f"{folder} is no saved classifier: {CLASSIFIER_FILE} is missing.")
