"""The network of a trial before it is trained, the examples that it learns from, and what its training depends on."""

import threading
from typing import Any

import numpy as np

from pipelines.configuration import Trial
from pipelines.stages.context import Context, training_environment
from pipelines.stages.data import Prepared
from pipelines.stages.start import start_classifier
from sentiment.data.markup import has_line_breaks_alone, without_markup
from sentiment.data.sequences import pad_texts
from sentiment.data.vocabulary import Tokenizer, is_english, sample
from sentiment.errors import InputError
from sentiment.training.counterfactuals import Counterfactuals
from sentiment.training.models import build_model
from sentiment.training.snippets import EpochSnippets
from sentiment.training.start import grow_network
from sentiment.training.trainer import TrainingConfig

_SHARING = threading.Lock()
"""Held while a thread looks for snippets and makes them, so that others find them."""

NETWORK_CODE = ("data", "training", "engine")
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


def epoch_snippets(
    context: Context, prepared: Prepared, seed: int, learned: np.ndarray, *, with_unlabelled: bool = False
) -> EpochSnippets:
    """The reviews, and the snippets that every epoch adds to them, if the configuration asks for any.

    Networks of a seed that are trained side by side share them.

    Args:
        learned: positions in train of the reviews to learn from.
        with_unlabelled: whether the unlabelled reviews follow those of train.
    """
    with _SHARING:
        snippets = prepared.snippets.get((seed, with_unlabelled))
        if snippets is None:
            snippets = prepared.snippets[seed, with_unlabelled] = _make_snippets(
                context, prepared, seed, learned, with_unlabelled
            )
        return snippets


def _make_snippets(
    context: Context, prepared: Prepared, seed: int, learned: np.ndarray, with_unlabelled: bool
) -> EpochSnippets:
    config, train, vocabulary = context.config, prepared.corpus.train, prepared.vocabulary()
    inputs, texts = prepared.padded("train")[learned], [_readable(train.texts[position]) for position in learned]
    counterfactuals = None
    if config.training.counterfactual_share and is_english(Tokenizer().counts(sample(texts))):
        counterfactuals = Counterfactuals.fit(texts, train.labels[learned])
    elif config.training.counterfactual_share:
        context.console.say(
            "            The training reviews are not English, so the rules that turn English clauses into their "
            "opposite stay out, and random snippets of reviews take their place."
        )
    if with_unlabelled:
        inputs = np.concatenate([inputs, prepared.padded("unlabelled")])
        texts += map(_readable, prepared.corpus.unlabelled.texts)
    return EpochSnippets(
        inputs,
        texts,
        config.training,
        pad=lambda snippets: pad_texts(snippets, vocabulary, config.sequences),
        seed=seed,
        counterfactuals=counterfactuals,
    )


def _readable(text: str) -> str:
    """A review as the rules that cut it can read it: "don't" where it has `don&#39;t`."""
    return text if has_line_breaks_alone(text) else without_markup(text, line_break="\n")
