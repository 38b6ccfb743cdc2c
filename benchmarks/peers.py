"""The peers of `sentiment score`: functions from N texts to P(positive), (N,), each as its users would write it."""

import functools
import multiprocessing
import os
import random
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sentiment.data.markup import without_markup
from sentiment.data.tokenizer import TYPOGRAPHY

Score = Callable[[Sequence[str]], np.ndarray]
"""N texts to P(positive), (N,)."""

BATCH_SIZE = 256
"""Where it is not said to be Keras' default."""


def usual_way(model: Path, batch_size: int | None = None) -> Score:
    """As tutorials do it: Keras' tokens, pad_sequences, model.predict; None is Keras' default batch of 32."""
    import keras
    from tensorflow.keras.preprocessing.text import text_to_word_sequence

    from sentiment.classifier import SentimentClassifier
    from sentiment.data.vocabulary import OUT_OF_VOCABULARY, START
    from sentiment.saved_classifier import classifier_folder

    classifier = SentimentClassifier.load(classifier_folder(model))
    network, index, sequences = (
        classifier.keras_network,
        classifier.model_.vocabulary.index,
        classifier.recurrent_model.sequences,
    )

    def score(texts: Sequence[str]) -> np.ndarray:
        encoded = [
            [START, *(index.get(word, OUT_OF_VOCABULARY) for word in text_to_word_sequence(as_keras_reads(text)))]
            for text in texts
        ]
        padded = keras.utils.pad_sequences(
            encoded, sequences.maxlen, padding=sequences.padding, truncating=sequences.truncating
        )
        probabilities: np.ndarray = network.predict(padded, batch_size=batch_size, verbose=0)[:, 0]
        return probabilities

    return score


def as_keras_reads(text: str) -> str:
    """The text of which Keras' Tokenizer, which splits on spaces alone, makes the tokens of this project."""
    text = without_markup(text)
    if not text.isascii():
        text = "".join(TYPOGRAPHY.get(character, character) for character in unicodedata.normalize("NFC", text))
    return " ".join(text.split())


def logged_model(model: Path) -> Score:
    """The model as MLflow loads it, in one process."""
    import mlflow

    loaded = mlflow.pyfunc.load_model(str(model))

    def score(texts: Sequence[str]) -> np.ndarray:
        probabilities: np.ndarray = loaded.predict(pd.DataFrame({"text": texts}))["positive_probability"].to_numpy()
        return probabilities

    return score


def pytorch(model: Path) -> Score:
    """torch.nn.LSTM with the same weights, on this project's (faster) tokens."""
    import torch

    from sentiment.classifier import SentimentClassifier
    from sentiment.data.sequences import pad_texts
    from sentiment.saved_classifier import classifier_folder

    classifier = SentimentClassifier.load(classifier_folder(model))
    embedding, lstm, dense = (
        [layer.get_weights() for layer in classifier.keras_network.layers if layer.weights][position]
        for position in range(3)
    )
    (table,), (kernel, recurrent, bias), (head, head_bias) = embedding, lstm, dense
    layer = torch.nn.LSTM(table.shape[1], recurrent.shape[0], batch_first=True)  # gates i, f, g, o, as in Keras
    weights = {"weight_ih_l0": kernel.T, "weight_hh_l0": recurrent.T, "bias_ih_l0": bias, "bias_hh_l0": 0 * bias}
    layer.load_state_dict({name: torch.tensor(value) for name, value in weights.items()})
    vectors = torch.nn.Embedding.from_pretrained(torch.tensor(table))
    outwards, outward_bias = torch.tensor(head), torch.tensor(head_bias)

    def score(texts: Sequence[str]) -> np.ndarray:
        padded = torch.from_numpy(pad_texts(texts, classifier.model_.vocabulary, classifier.recurrent_model.sequences))
        found = []
        with torch.inference_mode():
            for batch in padded.split(BATCH_SIZE):
                _, (last, _) = layer(vectors(batch))
                found.append(torch.sigmoid(last[0] @ outwards + outward_bias)[:, 0].numpy())
        return np.concatenate(found)

    return score


FASTTEXT_SETTINGS = {"wordNgrams": 2, "dim": 10, "lr": 0.5, "epoch": 5}
"""On reviews cut from the training split, larger vectors and more passes have no more right."""

_fasttext_model: Any
"""The model of this process and of those that it forks."""


def fasttext(model: Path) -> Score:
    """What `fit_fasttext` wrote, in as many processes as there are cores."""
    import fasttext as library

    global _fasttext_model
    _fasttext_model = library.load_model(str(model))
    cores = len(os.sched_getaffinity(0))
    pool = multiprocessing.get_context("fork").Pool(cores)

    def score(texts: Sequence[str]) -> np.ndarray:
        pieces = [texts[start : start + 1_000] for start in range(0, len(texts), 1_000)]
        return np.concatenate(pool.map(_fasttext_probability, pieces, chunksize=1))

    return score


def _fasttext_probability(texts: Sequence[str]) -> np.ndarray:
    labels, shares = _fasttext_model.predict([fasttext_line(text) for text in texts])
    is_positive = np.array([label[0] == "__label__1" for label in labels])
    of_label = np.array([share[0] for share in shares])
    probabilities: np.ndarray = np.where(is_positive, of_label, 1 - of_label)
    return probabilities


def fasttext_line(text: str) -> str:
    """A review as fastText reads it: the tokens of this project, with spaces between them."""
    from sentiment.data.tokenizer import tokenize

    return " ".join(tokenize(text))


def fit_fasttext(texts: Sequence[str], labels: Sequence[int], target: Path) -> None:
    """Train fastText's classifier on words and pairs of words (Joulin et al. 2017), in an order drawn at random.

    fastText learns line after line. In the order of an archive, one class after the other, it may end at 50 %.
    """
    import fasttext as library

    lines = [f"__label__{label} {fasttext_line(text)}\n" for text, label in zip(texts, labels, strict=True)]
    random.Random(0).shuffle(lines)
    source = target.with_suffix(".txt")
    source.write_text("".join(lines), "utf-8")
    cores = len(os.sched_getaffinity(0))
    library.train_supervised(str(source), **FASTTEXT_SETTINGS, thread=cores, seed=0, verbose=0).save_model(str(target))


FASTTEXT = "fastText, pairs of words, a process a core"

PEERS: dict[str, Callable[[Path], Score]] = {
    "pandas, Keras tokens, pad_sequences, model.predict": usual_way,
    f"the same in batches of {BATCH_SIZE}": functools.partial(usual_way, batch_size=BATCH_SIZE),
    "logged pyfunc": logged_model,
    "PyTorch nn.LSTM, same weights": pytorch,
    FASTTEXT: fasttext,
}
SAME_NETWORK = [name for name in PEERS if name != FASTTEXT]
