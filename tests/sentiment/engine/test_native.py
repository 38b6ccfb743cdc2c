"""The scoring core: the Python tokenizer's tokens, real reviews, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.data.sequences import SequenceConfig, pad_texts
from sentiment.data.sources import find_files, load_corpus
from sentiment.data.sources.config import SourceConfig
from sentiment.data.tokenizer import Tokenizer
from sentiment.data.vocabulary import Vocabulary
from sentiment.engine import native
from sentiment.engine.network import Network, RecurrentLayer
from sentiment.training.models import ModelConfig, build_model
from tests import parity
from tests.sentiment.engine.networks import MAXLEN, VOCABULARY, WIDTHS, small_engine, small_network
from tests.symbols import SYMBOLS

pytestmark = pytest.mark.skipif(not native.available(), reason="installed without a C compiler")


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
        core = native.NativeNetwork(Network.from_keras(network), vocabulary, sequences, width=width)
        found = core.positive_probability(texts)
        assert found.tolist() == core.encoded_probability(encoded).tolist()
        assert np.abs(found - expected).max() <= parity.of_probability(network)


MARKUP = [*SYMBOLS, "br", "BR", "<br />", "<br>", "<br\x1f>", "<i>", "&#39;", "&lt;", "\u597d", *"&</> \t!\0É\u0338"]
TEXTS = st.text() | st.lists(st.sampled_from([*VOCABULARY.words, *MARKUP])).map("".join)
"""Any Unicode, and many texts with what the tokenizer treats in a way of its own."""


@given(TEXTS, st.sampled_from(["pre", "post"]))
def test_the_core_reads_any_text_as_the_python_tokenizer(text: str, truncating: str) -> None:
    network = small_engine(truncating=truncating)
    expected = VOCABULARY.encode(text, MAXLEN, network.sequences.truncating)
    if network.reads(text):
        assert network.encode(text).tolist() == expected.tolist()
    assert network.positive_probability([text]).tolist() == network.encoded_probability([expected]).tolist()


@given(
    TEXTS.map(lambda text: text.encode("ascii", "ignore").decode()),
    st.sampled_from(["pre", "post"]),
    st.builds(Tokenizer, st.sampled_from(["", "!?."]), st.booleans()),
)
def test_tokenizer_and_line_breaks_are_data(text: str, truncating: str, tokenizer: Tokenizer) -> None:
    vocabulary = Vocabulary(["!", "a", "br", "so", "good", "aa", "iii", "extraordiinarily"], 40, tokenizer)
    network = network_with(vocabulary, truncating)
    if network.reads(text):
        assert network.encode(text).tolist() == vocabulary.encode(text, MAXLEN, network.sequences.truncating).tolist()


def test_the_core_reads_line_breaks_itself_and_leaves_other_markup_to_python() -> None:
    network = small_engine()
    assert network.reads("Bad.<br /><br />Very<br>bad!")
    assert not any(map(network.reads, ("so <i>bad</i>", "don&#39;t", "caf\u00e9")))


def test_a_tokenizer_that_the_core_cannot_follow_is_told() -> None:
    """One that keeps <, so that not every text can be read from its end."""
    assert native.character_classes(str.split) is None


def network_with(vocabulary: Vocabulary, truncating: str) -> native.NativeNetwork:
    sequences = SequenceConfig.model_validate({"maxlen": MAXLEN, "truncating": truncating})
    return native.NativeNetwork(small_network("gru"), vocabulary, sequences)


def test_a_table_that_would_fill_the_memory_is_not_made() -> None:
    """A small file may ask for a large table: many words with vectors of one number, and many units."""
    units, words = 1_024, 100_000
    layer = RecurrentLayer(
        np.zeros((1, 4, 1, units), np.float32), np.zeros((1, 4, units, units), np.float32),
        np.zeros((1, 1, 4, units), np.float32),
    )  # fmt: skip
    dense = np.zeros(units, np.float32), np.zeros(1, np.float32)
    network = Network("lstm", "last", True, np.zeros((words, 1), np.float32), (layer,), dense)
    with pytest.raises(ValueError, match="table"):
        native.NativeNetwork(network, Vocabulary(["a"], words), SequenceConfig(maxlen=MAXLEN))


def test_what_does_not_fit_is_refused() -> None:
    network = small_engine()
    for wrong in ([40], [-1], [], [1] * (MAXLEN + 1)):
        with pytest.raises(ValueError, match="indices"):
            network.encoded_probability([np.array([1], np.int32), np.array(wrong, np.int32)])
    with pytest.raises(ValueError, match="ASCII"):
        network.encode("é")
    with pytest.raises(ValueError, match="twice"):
        network_with(Vocabulary(["a", "b", "a"], 40), "pre")
