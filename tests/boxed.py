"""A tiny classifier in the place of the one that comes with the package."""

from pathlib import Path

import numpy as np

from sentiment.classifier import SentimentClassifier
from sentiment.data.fingerprints import Fingerprints
from sentiment.data.sequences import SequenceConfig
from sentiment.data.vocabulary import Vocabulary
from sentiment.engine.network import Network, RecurrentLayer
from sentiment.engine.recurrent_model import RecurrentModel

LEARNED = ["a good film", "a bad film"]


def tiny_classifier() -> SentimentClassifier:
    """An LSTM of random weights, made without TensorFlow."""
    vocabulary = Vocabulary(["film", "good", "bad", "a"], 8)
    generator = np.random.default_rng(0)
    shapes = (8, 6), (1, 4, 6, 5), (1, 4, 5, 5), (1, 1, 4, 5), (5,), (1,)
    embedding, *layer, kernel, bias = (generator.normal(size=shape).astype(np.float32) for shape in shapes)
    network = Network("lstm", "last", True, embedding, (RecurrentLayer(*layer),), (kernel, bias), (0.2, 0.1))
    model = RecurrentModel(vocabulary, SequenceConfig(maxlen=20, padding="post"), network)
    return SentimentClassifier.from_model(model, learned=Fingerprints.of(LEARNED))


def write_pretrained(folder: Path) -> Path:
    """A folder of pretrained classifiers that holds a tiny `imdb`."""
    tiny_classifier().save(folder / "imdb", small=True)
    return folder
