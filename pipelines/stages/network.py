"""The network of a trial before it is trained, the examples that it learns from, and what its training depends on."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pipelines.configuration import Trial
from pipelines.stages.context import Context, training_environment
from pipelines.stages.data import Prepared
from pipelines.stages.start import start_classifier
from sentiment.data.sequences import pad_texts
from sentiment.errors import InputError
from sentiment.training.counterfactuals import Counterfactuals
from sentiment.training.models import build_model
from sentiment.training.pieces import EpochPieces
from sentiment.training.start import grow_network
from sentiment.training.trainer import TrainingConfig

NETWORK_CODE = ("data", "training", "scoring")
"""Wings of `sentiment` that a trained classifier comes from."""


def build_network(context: Context, prepared: Prepared, trial: Trial) -> Any:
    """An untrained network, with the word vectors, if there are any; or the start, grown."""
    config = context.config
    if context.start is not None:
        start = start_classifier(context.start)
        return grow_network(
            start.network,
            start.vocabulary,
            prepared.vocabulary(),
            config.model,
            maxlen=config.sequences.maxlen,
            seed=trial.seed,
            texts=[*prepared.corpus.train.texts, *prepared.corpus.unlabelled.texts]
            if len(prepared.corpus.unlabelled)
            else (),
        )
    num_words = prepared.vocabulary().num_words
    network = build_model(
        trial.cell, config.model, num_words=num_words, maxlen=config.sequences.maxlen, seed=trial.seed
    )
    word_vectors = prepared.word_vectors()
    if word_vectors is not None:
        network.layers[0].set_weights([word_vectors])
    return network


def check_gpu(context: Context) -> None:
    """Where there is a GPU, refuse what cuDNN cannot do."""
    import tensorflow as tf

    config = context.config
    is_padded_before = config.model.mask_padding and config.sequences.padding == "pre"
    if is_padded_before and tf.config.list_physical_devices("GPU"):
        raise InputError("cuDNN skips padding only behind the words: on a GPU --mask-padding needs --padding post.")


def training_key(context: Context, prepared: Prepared, trial: Trial, config: TrainingConfig) -> dict[str, Any]:
    """What a trained network depends on."""
    return {
        "cell": trial.cell,
        "model": context.config.model.model_dump(),
        "training": config.model_dump(),
        "seed": trial.seed,
        "start": context.start.digest if context.start else None,
        **prepared.key,
        **training_environment(),
    }


def draw_pieces(
    context: Context,
    prepared: Prepared,
    trial: Trial,
    training: np.ndarray,
    inputs: np.ndarray,
    *,
    with_unlabelled: bool = False,
) -> Callable[[np.ndarray], EpochPieces] | None:
    """From the labels of the reviews, (N,), to the examples of every epoch; None where there are whole reviews alone.

    Args:
        training: positions in train of the reviews to learn from.
        inputs: the padded reviews, (N, maxlen).
        with_unlabelled: whether the unlabelled reviews follow those of training.
    """
    config = context.config
    if not config.training.uses_pieces:
        return None
    train, vocabulary = prepared.corpus.train, prepared.vocabulary()
    texts = [train.texts[position] for position in training]
    counterfactuals = (
        Counterfactuals.fit(texts, train.labels[training]) if config.training.counterfactual_share else None
    )
    if with_unlabelled:
        texts += prepared.corpus.unlabelled.texts

    def draw(labels: np.ndarray) -> EpochPieces:
        return EpochPieces(
            inputs,
            labels,
            texts,
            config.training,
            pad=lambda pieces: pad_texts(pieces, vocabulary, config.sequences),
            seed=trial.seed,
            counterfactuals=counterfactuals,
        )

    return draw
