"""The scoring core beside Keras, the Python tokenizer and itself."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.data.sequences import SequenceConfig, pad_texts
from sentiment.data.sources import SourceConfig, find_files, load_corpus
from sentiment.data.vocabulary import Tokenizer, Vocabulary
from sentiment.engine import native
from sentiment.engine.network import Network, RecurrentLayer
from sentiment.errors import InputError
from sentiment.training.cells import CELLS, CellName
from sentiment.training.models import ModelConfig, build_model
from tests import parity

pytestmark = pytest.mark.skipif(not native.available(), reason="installed without a C compiler")

MAXLEN = 40
WIDTHS = [width for width in (4, 8, 16) if native.available() and width <= native.core().widest()]
WORDS = "a the film i it's good bad not nothing extraordinarily longest-ing café über br <br /> ! ... 10/10".split()
VOCABULARY = Vocabulary(["a", "film", "it's", "good", "extraordinarily", "unextraordinarily", "café", "br", "b"], 40)


def random_texts(count: int) -> list[str]:
    generator = np.random.default_rng(count)
    return [" ".join(generator.choice(WORDS, n % (2 * MAXLEN))).title() for n in range(count)]


@pytest.mark.parametrize(("padding", "truncating"), [("pre", "pre"), ("post", "post")])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_the_core_gives_what_keras_gives(
    cell: CellName, layers: int, bidirectional: bool, padding: str, truncating: str
) -> None:
    config = ModelConfig(embedding_dim=5, units=18, layers=layers, bidirectional=bidirectional)
    assert_same_function(cell, config, padding, truncating)


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("mask_padding", [False, True])
@pytest.mark.parametrize("pooling", ["last", "max", "mean", "max_mean"])
@pytest.mark.parametrize(("cell", "bidirectional"), [("lstm", True), ("gru", False)])
def test_pooling_and_masks_are_those_of_keras(
    cell: CellName, bidirectional: bool, pooling: str, mask_padding: bool, padding: str
) -> None:
    options = {"pooling": pooling, "bidirectional": bidirectional, "mask_padding": mask_padding}
    config = ModelConfig.model_validate({"embedding_dim": 8, "units": 7, **options})
    assert_same_function(cell, config, padding, "pre")


def assert_same_function(cell: CellName, config: ModelConfig, padding: str, truncating: str) -> None:
    """Keras and the core, with each instruction set, on texts of each length, with weights that tell them apart."""
    sequences = SequenceConfig.model_validate({"maxlen": MAXLEN, "padding": padding, "truncating": truncating})
    network = build_model(cell, config, num_words=VOCABULARY.num_words, maxlen=MAXLEN, seed=5)
    generator = np.random.default_rng(0)
    embedding, *others = network.get_weights()
    network.set_weights([embedding * 20, *(weights + generator.normal(0, 0.1, weights.shape) for weights in others)])
    texts = random_texts(150)
    expected = network.predict(pad_texts(texts, VOCABULARY, sequences), batch_size=150, verbose=0)[:, 0]
    assert np.std(expected) > 0.01
    for width in WIDTHS:
        core = native.NativeNetwork(Network.of_keras(network, sequences), VOCABULARY, sequences, width=width)
        assert np.abs(core.positive_probability(texts) - expected).max() <= parity.of_probability(network)


@pytest.mark.reviews
def test_real_reviews_are_read_as_in_python_and_get_the_probabilities_of_keras(real_archive: Path) -> None:
    source = SourceConfig(source="aclimdb", data=real_archive)
    texts = list(load_corpus(source, find_files(source), seed=0).test.texts)
    sequences, vocabulary = SequenceConfig(maxlen=120), Vocabulary.fit(texts, 5_000)
    config = ModelConfig(embedding_dim=16, units=16, bidirectional=True, pooling="max_mean", mask_padding=True)
    network = build_model("lstm", config, num_words=5_000, maxlen=120, seed=5)
    network.set_weights([2 * weights for weights in network.get_weights()])
    encoded = [vocabulary.encode(text, 120, sequences.truncating) for text in texts]
    expected = network.predict(pad_texts(texts, vocabulary, sequences), batch_size=500, verbose=0)[:, 0]
    for width in WIDTHS:
        core = native.NativeNetwork(Network.of_keras(network, sequences), vocabulary, sequences, width=width)
        found = core.positive_probability(texts)
        assert found.tolist() == core.encoded_probability(encoded).tolist()
        assert np.abs(found - expected).max() <= parity.of_probability(network)


@pytest.mark.parametrize("cell", CELLS)
def test_large_inputs_saturate_the_gates_as_in_keras(cell: CellName) -> None:
    sequences = SequenceConfig(maxlen=MAXLEN)
    network = build_model(cell, ModelConfig(embedding_dim=4, units=3, pooling="mean"), num_words=40, maxlen=MAXLEN)
    embedding, *others = network.get_weights()
    network.set_weights([embedding * 1e6, *others])
    texts = random_texts(80)
    expected = network.predict(pad_texts(texts, VOCABULARY, sequences), verbose=0)[:, 0]
    core = native.NativeNetwork(Network.of_keras(network, sequences), VOCABULARY, sequences)
    assert np.abs(core.positive_probability(texts) - expected).max() <= parity.of_probability(network)


@cache
def small_network(cell: CellName = "lstm", layers: int = 1, **sequence_options: Any) -> native.NativeNetwork:
    sequences = SequenceConfig(**{"maxlen": MAXLEN, **sequence_options})
    config = ModelConfig(embedding_dim=8, units=7, layers=layers, bidirectional=layers > 1)
    network = build_model(cell, config, num_words=VOCABULARY.num_words, maxlen=MAXLEN)
    return native.NativeNetwork(Network.of_keras(network, sequences), VOCABULARY, sequences)


@settings(max_examples=30)
@given(
    st.sampled_from([(cell, layers) for cell in sorted(CELLS) for layers in (1, 2)]),
    st.lists(st.integers(1, MAXLEN), min_size=1, max_size=60),
)
def test_a_probability_depends_on_its_review_alone(kind: tuple[CellName, int], lengths: list[int]) -> None:
    """Neither on the reviews beside it, nor on their order, nor on threads: to the last bit."""
    generator = np.random.default_rng(sum(lengths))
    encoded = [generator.integers(0, 40, length, dtype=np.int32) for length in lengths]
    network = small_network(*kind)
    expected = network.encoded_probability(encoded).tolist()
    order = np.argsort(generator.random(len(encoded)))
    assert network.encoded_probability([encoded[i] for i in order]).tolist() == [expected[i] for i in order]
    with ThreadPoolExecutor(3) as threads:
        found = threads.map(network.encoded_probability, [[review] for review in encoded])
    assert [float(probability[0]) for probability in found] == expected


def test_more_reviews_than_a_batch_holds_keep_their_order() -> None:
    texts = random_texts(1_300)
    network = small_network()
    alone = [float(network.positive_probability([text])[0]) for text in texts[::100]]
    assert network.positive_probability(texts)[::100].tolist() == alone
    assert network.positive_probability([]).shape == (0,)


MARKUP = ["br", "BR", "<br />", "<br>", "<br\x1f>", "<i>", "&#39;", "&lt;", "\u597d", *"&</> \t!\0É\u0338"]
TEXTS = st.text() | st.lists(st.sampled_from([*VOCABULARY.words, *MARKUP])).map("".join)
"""Any Unicode, and many texts with what the tokenizer treats in a way of its own."""


@given(TEXTS, st.sampled_from(["pre", "post"]))
def test_the_core_reads_any_text_as_the_python_tokenizer(text: str, truncating: str) -> None:
    network = small_network(truncating=truncating)
    expected = VOCABULARY.encode(text, MAXLEN, network.sequences.truncating)
    if network.reads(text):
        assert network.encode(text).tolist() == expected.tolist()
    assert network.positive_probability([text]).tolist() == network.encoded_probability([expected]).tolist()


@given(
    TEXTS.map(lambda text: text.encode("ascii", "ignore").decode()),
    st.sampled_from(["pre", "post"]),
    st.sampled_from([Tokenizer(), Tokenizer("!?.")]),
)
def test_punctuation_tokens_and_line_breaks_are_data(text: str, truncating: str, tokenizer: Tokenizer) -> None:
    vocabulary = Vocabulary(["!", "a", "br"], 40, tokenizer)
    network = network_with(vocabulary, truncating)
    if network.reads(text):
        assert network.encode(text).tolist() == vocabulary.encode(text, MAXLEN, network.sequences.truncating).tolist()


def test_the_core_reads_line_breaks_itself_and_leaves_other_markup_to_python() -> None:
    network = small_network()
    assert network.reads("Bad.<br /><br />Very<br>bad!")
    assert not any(map(network.reads, ("so <i>bad</i>", "don&#39;t", "caf\u00e9")))


def test_a_tokenizer_that_the_core_cannot_follow_is_told() -> None:
    """One that keeps <, so that not every text can be read from its end."""
    assert native.character_classes(str.split) is None


def network_with(vocabulary: Vocabulary, truncating: str) -> native.NativeNetwork:
    sequences = SequenceConfig.model_validate({"maxlen": MAXLEN, "truncating": truncating})
    return native.NativeNetwork(gru(), vocabulary, sequences)


@cache
def gru() -> Network:
    network = build_model("gru", ModelConfig(embedding_dim=4, units=3), num_words=40, maxlen=MAXLEN)
    return Network.of_keras(network, SequenceConfig(maxlen=MAXLEN))


def test_weights_that_are_too_large_for_a_probability_are_refused() -> None:
    [layer] = gru().layers
    alternating = np.resize(np.array([3e38, -3e38], np.float32), layer.kernel.shape)
    embedding = np.full_like(gru().embedding, 3e38)
    large = dataclasses.replace(gru(), embedding=embedding, layers=(dataclasses.replace(layer, kernel=alternating),))
    network = native.NativeNetwork(large, VOCABULARY, SequenceConfig(maxlen=MAXLEN))
    with pytest.raises(InputError, match="no probabilities"):
        network.encoded_probability([np.array([4], np.int32)])


def test_a_table_that_would_fill_the_memory_is_not_made() -> None:
    """A small file may ask for a large table: many words with vectors of one number, and many units."""
    units, words = 1_024, 100_000
    layer = RecurrentLayer(
        np.zeros((1, 4 * units, 1), np.float32), np.zeros((1, 4 * units, units), np.float32),
        np.zeros((1, 8 * units), np.float32),
    )  # fmt: skip
    dense = np.zeros((units, 1), np.float32), np.zeros(1, np.float32)
    network = Network("LSTM", np.zeros((words, 1), np.float32), (layer,), (), dense, MAXLEN, "")
    with pytest.raises(ValueError, match="table"):
        native.NativeNetwork(network, Vocabulary(["a"], words), SequenceConfig(maxlen=MAXLEN))


def test_what_does_not_fit_is_refused() -> None:
    network = small_network()
    for wrong in ([40], [-1], [], [1] * (MAXLEN + 1)):
        with pytest.raises(ValueError, match="indices"):
            network.encoded_probability([np.array([1], np.int32), np.array(wrong, np.int32)])
    with pytest.raises(ValueError, match="ASCII"):
        network.encode("é")
    with pytest.raises(ValueError, match="twice"):
        network_with(Vocabulary(["a", "b", "a"], 40), "pre")
