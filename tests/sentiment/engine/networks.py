"""Networks and reviews for the tests of the engines."""

from functools import cache
from typing import Any

import numpy as np

from sentiment.data.sequences import SequenceConfig
from sentiment.data.vocabulary import Vocabulary
from sentiment.engine import native
from sentiment.engine.cells import CellName
from sentiment.engine.native import NativeNetwork
from sentiment.engine.network import Network
from sentiment.engine.numpy_network import NumpyNetwork
from sentiment.training.models import ModelConfig, build_model

MAXLEN, NUM_WORDS = 40, 40
WORDS = "a the film i it's good bad not nothing extraordinarily longest-ing café über br <br /> ! ... 10/10".split()
VOCABULARY = Vocabulary(
    ["a", "film", "it's", "good", "extraordinarily", "unextraordinarily", "café", "br", "b"], NUM_WORDS
)
WIDTHS = [width for width in (4, 8, 16) if native.available() and width <= native.core().widest()]

Engine = NativeNetwork | NumpyNetwork
ENGINES: list[type[Engine]] = [NumpyNetwork, *([NativeNetwork] if native.available() else [])]


def random_texts(count: int) -> list[str]:
    """Reviews of every length up to twice MAXLEN."""
    generator = np.random.default_rng(count)
    return [" ".join(generator.choice(WORDS, n % (2 * MAXLEN))).title() for n in range(count)]


def telling(network: Any) -> Any:
    """A Keras network whose weights are large enough to tell reviews apart."""
    generator = np.random.default_rng(0)
    embedding, *others = network.get_weights()
    network.set_weights([embedding * 20, *(weights + generator.normal(0, 0.1, weights.shape) for weights in others)])
    return network


@cache
def small_network(cell: CellName = "lstm", layers: int = 1) -> Network:
    """With vectors of 8 and 7 units; in both directions where it has several layers."""
    config = ModelConfig(embedding_dim=8, units=7, layers=layers, bidirectional=layers > 1)
    return Network.from_keras(build_model(cell, config, num_words=NUM_WORDS, maxlen=MAXLEN))


@cache
def engine_of(kind: Any, cell: CellName, layers: int, truncating: str) -> Any:
    sequences = SequenceConfig.model_validate({"maxlen": MAXLEN, "truncating": truncating})
    return kind(small_network(cell, layers), VOCABULARY, sequences)


def small_engine(kind: Any = NativeNetwork, cell: CellName = "lstm", layers: int = 1, truncating: str = "pre") -> Any:
    """A small network, ready to score."""
    return engine_of(kind, cell, layers, truncating)
