"""Classifier: text in, probability out; SentimentClassifier: vocabulary, network and threshold together."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field

from sentiment import __version__
from sentiment.configuration import Configuration
from sentiment.data.corpus import Reviews, predicted_labels
from sentiment.data.fingerprints import FINGERPRINTS_FILE, Fingerprints
from sentiment.data.sequences import SequenceConfig
from sentiment.data.vocabulary import PUNCTUATION, Vocabulary
from sentiment.engine.recurrent_model import RecurrentModel
from sentiment.errors import InputError, damaged_classifier

if TYPE_CHECKING:
    import pandas as pd

    from sentiment.data.frames import ReviewsLike
    from sentiment.evaluation.result import Result

CLASSIFIER_FILE = "classifier.json"

LARGEST_DESCRIPTION = 2**16
"""Bytes of classifier.json."""


class ClassifierDescription(Configuration):
    """The content of classifier.json: `sha256` of each other file that was saved, `digest` of all other fields."""

    kind: Literal["network", "linear"]
    sequences: SequenceConfig | None = None
    threshold: float = Field(ge=0, le=1, strict=True, allow_inf_nan=False)
    unknown_share: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    versions: dict[str, str]
    sha256: dict[str, str]
    digest: str = ""

    def save(self, folder: Path) -> None:
        """Write classifier.json."""
        signed = self.model_copy(update={"digest": self._digest()})
        (folder / CLASSIFIER_FILE).write_text(signed.model_dump_json(indent=2), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read classifier.json.

        Raises:
            ValueError: it is damaged.
        """
        description = cls.model_validate_json(read_description(folder))
        if description.digest != description._digest():
            raise ValueError(f"{CLASSIFIER_FILE} is not the file that was saved")
        return description

    def _digest(self) -> str:
        return hashlib.sha256(self.model_dump_json(exclude={"digest"}).encode()).hexdigest()

    def check(self, path: Path) -> None:
        """Compare a file with its checksum.

        Raises:
            ValueError: the file is not the one that was saved.
        """
        if self.sha256.get(path.name) != sha256_of(path):
            raise ValueError(f"{path.name} is not the file that was saved")

    def learned(self, folder: Path) -> Fingerprints | None:
        """The texts that the classifier in this folder has learned from; None where nobody said.

        Raises:
            ValueError: their file is missing, or not the one that was saved.
        """
        path = folder / FINGERPRINTS_FILE
        if not path.exists():
            if FINGERPRINTS_FILE in self.sha256:
                raise ValueError(f"{path.name} is missing")
            return None
        self.check(path)
        try:
            return Fingerprints.load(folder)
        except Exception as error:  # zipfile lets errors of many kinds out of a foreign file
            raise ValueError(f"{path.name}: {error}") from error


class Classifier(ABC):
    """What every trained classifier of reviews can do.

    Attributes:
        threshold: P(positive) from which on a review is called positive.
        unknown_share: of the words of its validation reviews, those that it did not know; None where there were none.
        learned: the texts that it has learned from; None where nobody said.
    """

    threshold: float
    unknown_share: float | None
    learned: Fingerprints | None

    @abstractmethod
    def positive_probability(self, texts: Sequence[str]) -> np.ndarray:
        """P(positive) of each text, float32 of shape (N,); it does not depend on the other texts."""

    @abstractmethod
    def words(self, text: str) -> list[tuple[str, bool]]:
        """The words of a text that it reads, in their order, and whether it knows each."""

    @abstractmethod
    def count_unread(self, text: str) -> int:
        """How many words of a text it does not read because the text is too long."""

    def count_words(self, texts: Sequence[str]) -> np.ndarray:
        """Words that it reads of each text, and how many of them it knows, punctuation marks apart: int64 (N, 2)."""
        counts = []
        for text in texts:
            known = [is_known for word, is_known in self.words(text) if word not in PUNCTUATION]
            counts.append((len(known), sum(known)))
        return np.array(counts, np.int64).reshape(-1, 2)

    @property
    @abstractmethod
    def parameters(self) -> int:
        """How many numbers were learned."""

    @property
    def frees_lock(self) -> bool:
        """Whether other threads of Python go on while it scores."""
        return False

    @property
    @abstractmethod
    def engine(self) -> str:
        """Name of what scores; two engines differ in the last bits of a probability."""

    @abstractmethod
    def digest(self) -> str:
        """SHA-256 over all that decides a probability, as 32 hexadecimal digits."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write all that `load_classifier` reads into a folder."""

    def _saved_fingerprints(self, folder: Path) -> list[str]:
        """Write what it has learned from, where that is known; the names of the files that it wrote."""
        if self.learned is None:
            return []
        self.learned.save(folder)
        return [FINGERPRINTS_FILE]

    def labels(self, probabilities: np.ndarray) -> list[str]:
        """The verdict, positive or negative, on each P(positive)."""
        return predicted_labels(probabilities, self.threshold)

    def predict(self, reviews: "ReviewsLike") -> "pd.DataFrame":
        """Columns `predicted_label` (positive or negative) and `positive_probability`, a row per review.

        Args:
            reviews: one text; a list; a Series, whose index is kept; or a DataFrame with a column `text`, or else
                `review`. A missing or blank review has a missing label and probability.

        Raises:
            InputError: there is no such column, or a review is no text.
        """
        import pandas as pd

        from sentiment.data.frames import reviews_in

        series = reviews_in(reviews)
        has_text = series.notna().to_numpy(bool)
        scored = self.positive_probability(series[has_text].tolist()) if has_text.any() else np.zeros(0, np.float32)
        probabilities = np.full(len(series), np.nan, np.float32)
        probabilities[has_text] = scored
        labels = np.full(len(series), None, object)
        labels[has_text] = self.labels(scored)
        columns = {"predicted_label": pd.Series(labels, series.index, object), "positive_probability": probabilities}
        return pd.DataFrame(columns, index=series.index)

    def evaluate(
        self, reviews: "ReviewsLike", labels: "Sequence[Any] | np.ndarray | pd.Series", *, name: str = "classifier"
    ) -> "Result":
        """Test it on labelled reviews that it has not learned from.

        Args:
            reviews: N of them, as for `predict`; those that are missing or blank are left out.
            labels: (N,), of both classes: 1 and 0, True and False, or names such as positive and neg.
            name: what the result calls the classifier.

        Returns:
            Its `metrics` (accuracy, ROC AUC, log loss and others), `predictions` and `behaviour`.

        Raises:
            InputError: reviews and labels differ in number, a label is unknown, or all are of one class.
        """
        from sentiment.data.frames import labels_in, reviews_in
        from sentiment.evaluation.result import evaluate_classifier

        series, numbers = reviews_in(reviews), labels_in(labels)
        if len(series) != len(numbers):
            raise InputError(f"There are {len(series):,} reviews and {len(numbers):,} labels: give a label for each.")
        has_text = series.notna().to_numpy(bool)
        return evaluate_classifier(self, Reviews(series[has_text].tolist(), numbers[has_text]), name)


class SentimentClassifier(Classifier):
    """A trained network that classifies reviews. It scores without TensorFlow, in the project's own core or in NumPy.

    Attributes:
        model: the RecurrentModel.
        threshold, unknown_share, learned: as in Classifier.
    """

    def __init__(
        self,
        model: RecurrentModel,
        threshold: float = 0.5,
        unknown_share: float | None = None,
        learned: Fingerprints | None = None,
    ) -> None:
        self.model, self.threshold, self.unknown_share, self.learned = model, threshold, unknown_share, learned

    @classmethod
    def from_network(
        cls,
        vocabulary: Vocabulary,
        sequences: SequenceConfig,
        network: Any,
        threshold: float = 0.5,
        unknown_share: float | None = None,
    ) -> "SentimentClassifier":
        """The classifier of a trained Keras network, as `build_model` makes it."""
        return cls(RecurrentModel.from_keras(vocabulary, sequences, network), threshold, unknown_share)

    @property
    def vocabulary(self) -> Vocabulary:
        """By which a text becomes indices."""
        return self.model.vocabulary

    @property
    def sequences(self) -> SequenceConfig:
        """How reviews are cut and padded."""
        return self.model.sequences

    @property
    def network(self) -> Any:
        """The Keras model, from int32 (batch, maxlen) to P(positive) (batch, 1), read when it is first asked for."""
        return self.model.keras_network

    def positive_probability(self, texts: Sequence[str]) -> np.ndarray:
        """P(positive) of each text, float32 of shape (N,); it does not depend on the other texts."""
        return self.model.positive_probability(texts)

    def encoded_probability(self, encoded: Sequence[np.ndarray]) -> np.ndarray:
        """P(positive) of reviews that are arrays of one to `maxlen` indices, float32 of shape (N,)."""
        return self.model.encoded_probability(encoded)

    def words(self, text: str) -> list[tuple[str, bool]]:
        """The last or first `maxlen` words of a text, as `sequences` cuts, and whether the vocabulary holds each."""
        return self.model.words(text)

    def count_unread(self, text: str) -> int:
        """How many words of a text lie beyond its last or first `maxlen`, punctuation marks apart."""
        return self.model.count_unread(text)

    @property
    def engine(self) -> str:
        """Name of what scores: the core or NumPy. They differ in the last bits of a probability."""
        return self.model.engine

    @property
    def frees_lock(self) -> bool:
        """Whether other threads of Python go on while it scores."""
        return self.model.frees_lock

    @property
    def parameters(self) -> int:
        """Weights of the network, word vectors included."""
        return self.model.parameters

    def digest(self) -> str:
        """SHA-256 over all that decides a probability, as 32 hexadecimal digits."""
        return self.model.digest()

    def save(self, folder: Path) -> None:
        """Write the folder: the files of the RecurrentModel, fingerprints.npz where it is known what it learned from,
        and last classifier.json."""
        import keras
        import tensorflow as tf

        folder.mkdir(parents=True, exist_ok=True)
        files = [*self.model.save(folder), *self._saved_fingerprints(folder)]
        ClassifierDescription(
            kind="network",
            sequences=self.sequences,
            threshold=self.threshold,
            unknown_share=self.unknown_share,
            versions={
                "sentiment": __version__,
                "keras": keras.__version__,
                "tensorflow": tf.__version__,
                "numpy": np.__version__,
            },
            sha256={name: sha256_of(folder / name) for name in files},
        ).save(folder)

    @classmethod
    def load(cls, folder: Path) -> "SentimentClassifier":
        """Read what `save` wrote. Nothing is unpickled, and Keras reads its network in its safe mode.

        Raises:
            InputError: the folder lacks one of the files, or one is damaged or not what the others say.
        """
        missing = [name for name in (CLASSIFIER_FILE, *RecurrentModel.FILES) if not (folder / name).is_file()]
        if missing:
            raise InputError(f"{folder} is no saved classifier: {', '.join(missing)} is missing.")
        try:
            description = ClassifierDescription.load(folder)
            if description.sequences is None:
                raise ValueError("it says nothing of sequences")
            model = RecurrentModel.load(folder, description.sequences, description.check)
            return cls(model, description.threshold, description.unknown_share, description.learned(folder))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise damaged_classifier(folder, error) from error


def read_description(folder: Path) -> bytes:
    """The content of classifier.json.

    Raises:
        ValueError: it is larger than any that was saved.
    """
    path = folder / CLASSIFIER_FILE
    if path.stat().st_size > LARGEST_DESCRIPTION:
        raise ValueError(f"{path.name} is longer than {LARGEST_DESCRIPTION:,} bytes")
    return path.read_bytes()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_classifier(folder: Path) -> Classifier:
    """Read a saved classifier of any kind.

    Raises:
        InputError: the folder lacks one of the files, or one is damaged.
    """
    try:
        content = json.loads(read_description(folder))
        is_linear = isinstance(content, dict) and content.get("kind") == "linear"
    except (OSError, ValueError, RecursionError):
        is_linear = False  # what is wrong, the network's classifier says
    if is_linear:
        from sentiment.linear_classifier import LinearClassifier

        return LinearClassifier.load(folder)
    return SentimentClassifier.load(folder)


def classifier_folder(folder: Path) -> Path:
    """Where a saved classifier lies in a folder: the folder itself, or a part of it if MLflow wrote it.

    Raises:
        InputError: there is none.
    """
    for candidate in (folder, folder / "artifacts" / "classifier"):
        if (candidate / CLASSIFIER_FILE).is_file():
            return candidate
    raise InputError(f"{folder} is no saved classifier: {CLASSIFIER_FILE} is missing.")
