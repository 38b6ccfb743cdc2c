from functools import partial
from pathlib import Path

import numpy as np
import pytest

from sentiment.data.sequences import SequenceConfig, pad_texts
from sentiment.data.vocabulary import INDEX_FROM, Vocabulary
from sentiment.engine.network import Network
from sentiment.engine.recurrent_model import RecurrentModel
from sentiment.training.models import ModelConfig, build_model, shape_of
from sentiment.training.pseudo_labels import linear_opinion
from sentiment.training.start import choose_fine_tuning, grow_network, induce_vectors
from sentiment.training.trainer import SameExamples, TrainingConfig, fit

pytestmark = pytest.mark.usefixtures("uncompiled")

CONFIGS = [
    ModelConfig(embedding_dim=4, units=3),
    ModelConfig(embedding_dim=4, units=3, layers=2, bidirectional=True, pooling="max", mask_padding=True),
    ModelConfig(embedding_dim=4, units=3, pooling="mean", dropout=0.2),
    ModelConfig(embedding_dim=4, units=3, pooling="max_mean", embedding_dropout=0.1, dropout=0.2, mask_padding=True),
]
TEXTS = ["a fine film", "a dull film", "fine fine film", "dull dull film"] * 6
LABELS = np.array([1, 0, 1, 0] * 6, np.int8)
KNOWN = Vocabulary.fit(TEXTS, 12)


@pytest.mark.parametrize(("cell", "config"), zip(["lstm", "simple_rnn", "gru", "lstm"], CONFIGS, strict=True))
def test_the_shape_of_a_network_is_what_it_was_built_from(cell: str, config: ModelConfig) -> None:
    assert shape_of(Network.from_keras(build_model(cell, config, num_words=9, maxlen=5))) == (cell, config)


def test_a_grown_network_says_the_same_until_it_is_trained() -> None:
    """A new word has the vector of words out of vocabulary, as which the network read it before."""
    vocabulary = KNOWN.grown(["zombie zombie film vampire"], min_count=2)
    assert vocabulary.words == (*KNOWN.words, "zombie")
    network = build_model("lstm", CONFIGS[3], num_words=KNOWN.num_words, maxlen=6, seed=3)
    sequences = SequenceConfig(maxlen=6, padding="post")
    start = RecurrentModel.from_keras(KNOWN, sequences, network)
    grown = grow_network(start, vocabulary, CONFIGS[3], maxlen=6, seed=0)
    texts = ["a fine zombie film", "a dull vampire"]
    before, after = (
        model.predict(pad_texts(texts, words, sequences), verbose=0)
        for model, words in ((network, KNOWN), (grown, vocabulary))
    )
    assert np.array_equal(before, after)


def test_a_new_word_gets_the_vector_that_its_contexts_speak_for() -> None:
    """Words stand beside words of their own group, whose vectors are alike; so a new word of a group is like them."""
    generator = np.random.default_rng(0)
    groups = [[f"{letter}{number}" for number in range(12)] for letter in "ab"]
    texts = [" ".join(generator.choice(groups[number % 2], 12)) for number in range(400)]
    texts += [" ".join(["newcomer", *generator.choice(groups[1], 6)]) for _ in range(10)]
    known = Vocabulary.fit(texts[:400], 28)
    vocabulary = known.grown(texts, min_count=5)
    vectors = generator.normal(0, 0.1, (vocabulary.num_words, 3)).astype(np.float32)
    for word in known.words:
        vectors[known.index[word]] += [1, 0, 0] if word.startswith("a") else [0, 1, 0]
    first_new = INDEX_FROM + len(known.words)
    found = induce_vectors(texts, vocabulary, vectors, first_new)
    assert np.array_equal(found[:first_new], vectors[:first_new])
    assert found[vocabulary.index["newcomer"]] == pytest.approx([0, 1, 0], abs=0.35)


@pytest.mark.parametrize("penalty", [10.0, 0.0])
def test_the_penalty_keeps_the_weights_near_the_start(penalty: float, tmp_path: Path) -> None:
    inputs = pad_texts(TEXTS, KNOWN, SequenceConfig(maxlen=6))
    network = build_model("simple_rnn", CONFIGS[0], num_words=KNOWN.num_words, maxlen=6)
    start = network.get_weights()
    config = TrainingConfig(epochs=20, patience=20, batch_size=8, learning_rate=0.05)
    examples = SameExamples(inputs, LABELS)
    fit(network, examples, None, config, seed=0, checkpoints=tmp_path / "fit", start_penalty=penalty)
    moved = max(float(np.abs(now - before).max()) for now, before in zip(network.get_weights(), start, strict=True))
    assert (moved < 2 / 10) == bool(penalty)


def test_fine_tuning_is_chosen_by_the_folds_and_leaves_the_start_as_it_was(tmp_path: Path) -> None:
    examples = pad_texts(TEXTS, KNOWN, SequenceConfig(maxlen=6)), LABELS
    network = build_model("simple_rnn", CONFIGS[0], num_words=KNOWN.num_words, maxlen=6)
    start = network.get_weights()
    folds = [(np.arange(12), np.arange(12, 24)), (np.arange(12, 24), np.arange(12))]
    config = TrainingConfig(epochs=4, patience=4, batch_size=8, learning_rate=0.03)
    done: list[int] = []
    opinion = partial(linear_opinion, TEXTS, LABELS, 2)
    found = choose_fine_tuning(
        network,
        examples,
        folds,
        opinion,
        config,
        seed=0,
        checkpoints=tmp_path,
        on_training=lambda now, of: done.append(now),
    )
    assert done == list(range(1, 9))
    assert all(np.array_equal(now, before) for now, before in zip(network.get_weights(), start, strict=True))
    assert [way.loss for way in found.found] == sorted(way.loss for way in found.found)
    best = found.best  # the shortest way, as nothing is known
    assert (best.config.learning_rate, best.start_penalty) == (0.03, 0.0)
    again = choose_fine_tuning(network, examples, folds, opinion, config, seed=0, checkpoints=tmp_path)
    assert again == found  # from what the first attempt finished
