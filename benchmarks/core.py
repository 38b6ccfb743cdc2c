"""One review of 200 tokens in the scoring core and in NumPy, one thread each: CPU time, taken in turns.

    python -m benchmarks.core [--rounds 7]

Networks have random weights, reviews have random words by Zipf's law; the time depends on neither. Prints the median
over the rounds, in microseconds of CPU time per review: of reviews that are indices already, and of texts.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from sentiment.data.sequences import SequenceConfig
from sentiment.data.vocabulary import Vocabulary
from sentiment.engine.native import NativeNetwork
from sentiment.engine.network import Network
from sentiment.engine.numpy_network import NumpyNetwork
from sentiment.training.models import ModelConfig, build_model

TOKENS, REVIEWS = 200, 2_000
NETWORKS = {
    "LSTM 64, vectors of 64, 10,000 words": (10_000, ModelConfig(embedding_dim=64, units=64)),
    "two directions of 64, vectors of 128, 30,000 words": (
        30_000,
        ModelConfig(embedding_dim=128, units=64, bidirectional=True, pooling="max_mean", mask_padding=True),
    ),
}


def microseconds(run: Callable[[], object]) -> float:
    """CPU time of a call, per review."""
    started = time.process_time()
    run()
    return (time.process_time() - started) / REVIEWS * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    generator = np.random.default_rng(0)
    sequences = SequenceConfig(maxlen=TOKENS)
    for name, (num_words, config) in NETWORKS.items():
        vocabulary = Vocabulary([f"w{number}" for number in range(num_words)], num_words)
        network = Network.from_keras(build_model("lstm", config, num_words=num_words, maxlen=TOKENS))
        engines: dict[str, NativeNetwork | NumpyNetwork] = {}
        print(name)
        for engine_name, engine_type in (("core", NativeNetwork), ("NumPy", NumpyNetwork)):
            started = time.process_time()
            engines[engine_name] = engine_type(network, vocabulary, sequences)
            print(f"  {engine_name} loads in {1e3 * (time.process_time() - started):.0f} ms")
        encoded = [(generator.zipf(1.2, TOKENS) % (num_words - 4) + 4).astype(np.int32) for _ in range(REVIEWS)]
        texts = [" ".join(vocabulary.decode(indices)) for indices in encoded]
        found: dict[str, list[float]] = {}
        for _ in range(rounds):
            for engine_name, engine in engines.items():
                for kind, run in (
                    ("indices", partial(engine.encoded_probability, encoded)),
                    ("texts", partial(engine.positive_probability, texts)),
                ):
                    found.setdefault(f"{engine_name}, {kind}", []).append(microseconds(run))
        for label, times in found.items():
            print(f"  {label}: {statistics.median(times):.0f} (least {min(times):.0f})")


if __name__ == "__main__":
    main()
