"""Word vectors learned from text without labels: the continuous bag of words of Mikolov et al. (2013)."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from pydantic import Field

from sentiment.configuration import Configuration
from sentiment.data.vocabulary import INDEX_FROM, PADDING, Vocabulary, tokenize
from sentiment.errors import InputError
from sentiment.files import finish

LEARNING_RATES = 0.025, 0.0001
"""Step size at the beginning and at the end, falling in a straight line; those of gensim and of the original."""

MIN_COUNT, FREQUENT = 2, 1e-4
"""Occurrences that a word needs, and the share of the text above which its occurrences are thinned out."""

SEED = 0
"""Word vectors are shared by all models and seeds of a run."""


class PretrainingConfig(Configuration):
    """What is learned before the network is trained, or what it starts from."""

    start_from: str | None = Field(
        None,
        min_length=1,
        description="Trained classifier to start from: models:/NAME@ALIAS, runs:/ID/model or a folder. Cell, shape, "
        "vocabulary and padding are its own.",
    )
    word_vectors: bool = Field(
        False, description="Start from word vectors learned from the training and the unlabelled reviews."
    )
    word_vector_epochs: int = Field(5, ge=1, description="Passes over the text to learn word vectors from.")
    word_vector_window: int = Field(8, ge=1, description="Words to each side that a word is predicted from.")
    pseudo_label_epochs: int = Field(
        0,
        ge=0,
        description="Passes over all reviews beforehand. The linear model labels the unlabelled ones; from the second "
        "pass on, its mean log-odds with the network do.",
    )
    label_softness: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Weight of the linear model's probability in a training label beside the pseudo-labels; that model "
        "has not seen the review.",
    )
    end_on_labels: bool = Field(
        True,
        description="Train on the labelled reviews alone after the pseudo-labels; without unlabelled ones, always.",
    )


def learn_word_vectors(
    texts: Iterable[str],
    vocabulary: Vocabulary,
    config: PretrainingConfig,
    *,
    size: int,
    checkpoints: Path,
    on_epoch: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Vectors for every index of the vocabulary, by gensim's continuous bag of words with negative sampling.

    One thread learns, so the same texts give the same vectors. `checkpoints` keeps every
    finished epoch: a killed training that starts again with the same arguments ends as if it had never stopped.

    Args:
        texts: reviews, labelled or not.
        size: length of a vector.
        checkpoints: a folder of this training alone; the caller removes it.
        on_epoch: called with the number of finished epochs.

    Returns:
        float32 (num_words, size). Padding has zeros; the other reserved indices, and words that occur fewer than
        MIN_COUNT times, have random numbers of the spread of the rest.

    Raises:
        InputError: no word occurs MIN_COUNT times.
    """
    from gensim.models import Word2Vec

    checkpoints.mkdir(parents=True, exist_ok=True)
    corpus, state = checkpoints / "tokens.txt", checkpoints / "state.npz"
    corpus.write_text("".join(f"{' '.join(tokenize(text))}\n" for text in texts), "utf-8")
    model = Word2Vec(
        vector_size=size,
        window=config.word_vector_window,
        min_count=MIN_COUNT,
        sample=FREQUENT,
        workers=1,
        seed=SEED,
    )
    model.build_vocab(corpus_file=str(corpus))
    if not len(model.wv):
        raise InputError(f"No word of the training reviews occurs {MIN_COUNT} times: give more, or --no-word-vectors.")
    done = 0
    if state.exists():
        with np.load(state) as kept:
            model.wv.vectors[:], model.syn1neg[:], done = kept["vectors"], kept["outputs"], int(kept["epochs"])
    rates = np.linspace(*LEARNING_RATES, config.word_vector_epochs + 1)
    for epoch in range(done, config.word_vector_epochs):
        model.random.seed([SEED, epoch])
        model.train(
            corpus_file=str(corpus),
            total_words=model.corpus_total_words,
            epochs=1,
            start_alpha=rates[epoch],
            end_alpha=rates[epoch + 1],
        )
        partial = checkpoints / "partial.npz"
        np.savez(partial, vectors=model.wv.vectors, outputs=model.syn1neg, epochs=epoch + 1)
        finish(partial, state)
        on_epoch(epoch + 1)
    shape = vocabulary.num_words, size
    vectors = np.random.default_rng(SEED).normal(0, model.wv.vectors.std(), shape).astype(np.float32)
    vectors[PADDING] = 0
    for index, word in enumerate(vocabulary.words, INDEX_FROM):
        if word in model.wv:
            vectors[index] = model.wv[word]
    return vectors
