import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

from sentiment.data.sequences import SequenceConfig
from sentiment.data.tokenizer import Tokenizer
from sentiment.data.vocabulary import Vocabulary
from sentiment.engine.network import Network
from sentiment.engine.recurrent_model import RecurrentModel, engine_here
from sentiment.errors import InputError
from sentiment.training.models import ModelConfig, build_model
from tests.sentiment.engine.networks import MAXLEN, NUM_WORDS, VOCABULARY, random_texts, small_network

SEQUENCES = SequenceConfig(maxlen=MAXLEN)


def model_of(network: Network) -> RecurrentModel:
    return RecurrentModel(VOCABULARY, SEQUENCES, network)


def test_without_the_core_numpy_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = random_texts(50)
    expected = model_of(small_network()).positive_probability(texts)
    monkeypatch.setitem(sys.modules, "sentiment.engine._native", None)
    model = model_of(small_network())
    assert (model.engine, engine_here()) == ("NumPy", "NumPy")
    assert model.positive_probability(texts) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("has_core", [True, False])
def test_weights_that_are_too_large_for_a_probability_are_refused(
    monkeypatch: pytest.MonkeyPatch, has_core: bool
) -> None:
    if not has_core:
        monkeypatch.setitem(sys.modules, "sentiment.engine._native", None)
    network = small_network("simple_rnn")
    [layer] = network.layers
    endless = dataclasses.replace(
        layer, kernel=np.full_like(layer.kernel, 3e38), recurrent_kernel=np.full_like(layer.recurrent_kernel, -3e38)
    )
    large = dataclasses.replace(network, embedding=np.full_like(network.embedding, 3e38), layers=(endless,))
    with pytest.raises(InputError, match="no probabilities"):
        model_of(large).encoded_probability([np.array([4, 5], np.int32)])


def test_a_network_that_does_not_fit_its_vocabulary_is_refused() -> None:
    with pytest.raises(InputError, match="has 40 words, its vocabulary 50"):
        RecurrentModel(Vocabulary(["a"], 50), SEQUENCES, small_network())


def test_a_saved_model_is_the_same(tmp_path: Path) -> None:
    keras_network = build_model("lstm", ModelConfig(units=3, embedding_dim=4), num_words=NUM_WORDS, maxlen=MAXLEN)
    model = RecurrentModel.from_keras(VOCABULARY, SEQUENCES, keras_network)
    assert sorted(model.save(tmp_path)) == sorted(path.name for path in tmp_path.iterdir())
    loaded = RecurrentModel.load(tmp_path, SEQUENCES)
    texts = random_texts(50)
    assert loaded.positive_probability(texts).tolist() == model.positive_probability(texts).tolist()
    assert loaded.digest() == model.digest()
    assert loaded.parameters == model.parameters == keras_network.count_params()


def test_a_small_model_is_a_quarter_as_large_and_says_nearly_the_same(tmp_path: Path) -> None:
    model = model_of(small_network())
    assert sorted(model.save(tmp_path, small=True)) == sorted(path.name for path in tmp_path.iterdir())
    loaded = RecurrentModel.load(tmp_path, SEQUENCES)
    rounding = np.abs(loaded.network.embedding - model.network.embedding).max(axis=1)
    assert (rounding <= np.abs(model.network.embedding).max(axis=1) / 253).all()
    texts = random_texts(50)
    assert loaded.positive_probability(texts) == pytest.approx(model.positive_probability(texts), abs=1e-3)
    assert loaded.digest() != model.digest()


def test_what_decides_a_probability_decides_the_digest() -> None:
    others = [
        RecurrentModel(VOCABULARY, SEQUENCES, small_network("gru")),
        RecurrentModel(Vocabulary(["other"], NUM_WORDS), SEQUENCES, small_network()),
        RecurrentModel(VOCABULARY, SequenceConfig(maxlen=30), small_network()),
    ]
    digests = {model.digest() for model in (model_of(small_network()), *others)}
    assert len(digests) == 4


def test_an_emoticon_and_a_lengthened_word_are_words_that_it_knows() -> None:
    vocabulary = Vocabulary(["so", "🙁"], NUM_WORDS, Tokenizer(symbols=True))
    model = RecurrentModel(vocabulary, SEQUENCES, small_network())
    assert model.words("Sooo :( www") == [("sooo", True), ("🙁", True), ("www", False)]
