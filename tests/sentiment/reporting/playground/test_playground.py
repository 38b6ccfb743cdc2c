"""The modules of the playground in Node, held against Python: tokens, verdicts, and what each word decides."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.classifier import SentimentClassifier
from sentiment.data.labels import expected_position, label_probabilities
from sentiment.data.sequences import SequenceConfig
from sentiment.data.sources import find_files, load_corpus
from sentiment.data.sources.config import SourceConfig
from sentiment.data.tokenizer import Tokenizer
from sentiment.data.vocabulary import Vocabulary
from sentiment.engine.cells import CellName
from sentiment.engine.recurrent_model import RecurrentModel
from sentiment.reporting.playground.page import joined_script, page_data
from sentiment.training.models import ModelConfig, build_model
from tests import parity
from tests.ordered import with_cut_points
from tests.symbols import SYMBOLS

ANSWERS = Path(__file__).parent / "answers.mjs"
NODE = shutil.which("node")
LOSS = {"float16": 1e-3, "int8": 0.02}
"""Largest change of a probability by how the word vectors are kept."""

MARKS = Tokenizer("!?.")
"""Keeps some punctuation marks as tokens."""

pytestmark = pytest.mark.skipif(NODE is None, reason="Node is not installed")

Ask = Callable[..., list[dict[str, Any]]]

REVIEW = "This film was not good, but the actors were wonderful: I LOVED them. Unheardof <br /> it's 10/10! " * 2

TRAPS = [
    "", " ", "...", "\u03a3", "\u039f\u0394\u039f\u03a3 \u039f\u0394\u039f\u03a3. \u039f\u0394\u039f\u03a3'\u0391",
    "a.\u03a3 b\u03a3\u00adc", "\u0130stanbul I\u0307", "caf\u00e9 cafe\u0301", "\ufb01lm \u1e9e \u01c5",
    "a\u0085b\x1cc\x1fd\ufeffe\u200bf", "<br />one<BR/>two<br\u2003/>three<br >four<b\u00adr>",
    "\u201cgood\u201d\u2014bad\u2026", "\u1100\u1161\u11a8", "\U0001d15e \U0001f600 \U00010400",
    "q\u0323\u0307 q\u0307\u0323", "\u2126\u212a\u212b", "\u0345\u0391\u03a3\u0345", "don't DON\u2019T",
    "constructor __proto__ toString", "<script>alert(1)</script>", "\u0f71\u0f72\u0f74 \u0958", "\x00a\x00",
    "don&#39;t &amp;#39;", "caf&eacute; e&#769; &nbsp;&lt;br/&gt;", "&#55357;&#x110000;&#0;&#128512", "&nosuch; &am",
    "<i>a</I> <a href='b c'>d</a> <3 <grin> <\u017fpan> <p\u0338>", "&", "<", ">", "<p", " =", "#39;", "amp;", "lt;",
    "\u5f88\u597d\uff01\u304b\u3099a\u0e14\u0e35 \u17d2\U00020000\u03a3\u0e31a",
    *SYMBOLS, "\r\nx\r", "\u1c89 \ua7cb \u0897a\u0301", "\u2028line\u2029end",
]  # fmt: skip


@contextmanager
def asked(classifier: SentimentClassifier, folder: Path, *, exact: bool = True) -> Iterator[Ask]:
    """A function that asks the page's modules about texts."""
    content, weights = page_data(classifier, exact=exact)
    (folder / "data.json").write_text(json.dumps(content), "utf-8")
    (folder / "weights.txt").write_text(weights, "ascii")
    assert NODE is not None
    process = subprocess.Popen(
        [NODE, str(ANSWERS), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )

    def ask(texts: Sequence[str], *, details: bool = False) -> list[dict[str, Any]]:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps({"texts": list(texts), "details": details}) + "\n")
        process.stdin.flush()
        answer: list[dict[str, Any]] = json.loads(process.stdout.readline())
        return answer

    yield ask
    process.communicate()
    assert process.returncode == 0


def make_classifier(
    cell: CellName,
    model: ModelConfig,
    sequences: SequenceConfig,
    scale: float = 0.35,
    tokenizer: Tokenizer = MARKS,
) -> SentimentClassifier:
    """Untrained, with weights that are large enough for words to matter."""
    texts = [REVIEW.replace("Unheardof", ""), *TRAPS]
    words = sorted({word for text in texts for word in tokenizer.tokenize(text)})
    vocabulary = Vocabulary(words, 120, tokenizer)
    network = build_model(cell, model, num_words=120, maxlen=sequences.maxlen, seed=3)
    generator = np.random.default_rng(5)
    network.set_weights([scale * generator.normal(size=array.shape) for array in network.get_weights()])
    return SentimentClassifier.from_model(RecurrentModel.from_keras(vocabulary, sequences, network))


@pytest.fixture(scope="module")
def classifier() -> SentimentClassifier:
    return make_classifier("lstm", ModelConfig(embedding_dim=6, units=5), SequenceConfig(maxlen=20))


def agree(classifier: SentimentClassifier, ask: Ask, texts: Sequence[str]) -> None:
    """Tokens, indices and verdicts are those of Python, and every token stands where Python finds it."""
    answers, cumulative = ask(texts), classifier.cumulative_probability(texts)
    expected, bound = (
        expected_position(label_probabilities(cumulative)),
        parity.of_probability(classifier.keras_network),
    )
    assert [answer["label"] for answer in answers] == classifier.rule().verdicts(cumulative)
    maxlen, truncating = classifier.recurrent_model.sequences.maxlen, classifier.recurrent_model.sequences.truncating
    vocabulary = classifier.model_.vocabulary
    for text, answer, probability in zip(texts, answers, expected, strict=True):
        assert answer["tokens"] == vocabulary.tokenizer.tokenize(text)
        assert answer["indices"] == vocabulary.encode(text, maxlen, truncating).tolist()
        assert abs(answer["probability"] - probability) <= bound
        units = np.cumsum([0, *(len(character.encode("utf-16-le")) // 2 for character in text)])
        places = [(int(units[first]), int(units[last])) for first, last in vocabulary.tokenizer.spans(text)]
        assert all(
            start < last and first < end for (start, end), (first, last) in zip(answer["spans"], places, strict=True)
        )


@pytest.mark.parametrize(
    "tokenizer",
    [Tokenizer(), Tokenizer("!?.,;:"), Tokenizer("!?.", symbols=True)],
    ids=["words", "punctuation", "symbols"],
)
def test_any_text_is_read_as_python_reads_it(tokenizer: Tokenizer, tmp_path: Path) -> None:
    """300 texts of any characters for each tokenizer, many made of those that languages treat differently."""
    model = ModelConfig(embedding_dim=6, units=5)
    classifier = make_classifier("lstm", model, SequenceConfig(maxlen=20), tokenizer=tokenizer)
    difficult = st.sampled_from(sorted({character for text in TRAPS for character in text}))
    text = st.one_of(
        st.text(max_size=40), st.text(difficult, max_size=12), st.lists(st.sampled_from(TRAPS), max_size=4).map("".join)
    )
    with asked(classifier, tmp_path) as ask:
        agree(classifier, ask, TRAPS)

        @settings(max_examples=6)
        @given(st.lists(text, min_size=50, max_size=50))
        def fifty_at_once(texts: list[str]) -> None:
            agree(classifier, ask, texts)

        fifty_at_once()


def test_every_character_is_lower_cased_and_split_as_in_python(classifier: SentimentClassifier, tmp_path: Path) -> None:
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    texts = ["a\u03a3".join(characters[first : first + 2048]) for first in range(0, len(characters), 2048)]
    with asked(classifier, tmp_path) as ask:
        for first in range(0, len(texts), 64):
            together = texts[first : first + 64]
            tokens = [classifier.model_.vocabulary.tokenizer.tokenize(text) for text in together]
            assert [answer["tokens"] for answer in ask(together)] == tokens


CASES = {
    "the textbook's": ("lstm", ModelConfig(embedding_dim=6, units=5), SequenceConfig(maxlen=30)),
    "stacked, padding after": (
        "gru",
        ModelConfig(embedding_dim=4, units=5, layers=2, pooling="mean"),
        SequenceConfig(maxlen=60, padding="post"),
    ),
    "the strong one's": (
        "lstm",
        ModelConfig(embedding_dim=6, units=5, bidirectional=True, pooling="max_mean", mask_padding=True),
        SequenceConfig(maxlen=60, padding="post"),
    ),
    "stacked in both directions": (
        "lstm",
        ModelConfig(embedding_dim=4, units=3, bidirectional=True, layers=2, pooling="max"),
        SequenceConfig(maxlen=45, truncating="post"),
    ),
    "both directions, last state": (
        "gru",
        ModelConfig(embedding_dim=4, units=3, bidirectional=True, mask_padding=True),
        SequenceConfig(maxlen=30),
    ),
    "SimpleRNN without padding": (
        "simple_rnn",
        ModelConfig(embedding_dim=6, units=5, layers=2, pooling="max_mean", mask_padding=True),
        SequenceConfig(maxlen=30),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("cut_points", [(), (-0.6, 0.1, 0.5)], ids=["two labels", "four labels"])
def test_every_kind_of_network_is_explained_as_in_python(
    name: str, cut_points: tuple[float, ...], tmp_path: Path
) -> None:
    """Verdict after each word, occlusion, integrated gradients, gates and states."""
    classifier = make_classifier(*CASES[name])
    if cut_points:
        classifier = with_cut_points(classifier, cut_points)
    texts = [REVIEW, "wonderful", "not good but it's wonderful"]
    with asked(classifier, tmp_path) as ask:
        agree(classifier, ask, [*texts, *TRAPS])
        bound = parity.of_probability(classifier.keras_network)
        for text, answer in zip(texts, ask(texts, details=True), strict=True):
            expected = classifier.explain(text)
            for values in ("running_verdict", "occlusion", "integrated_gradients", "baseline_probability"):
                assert np.allclose(answer[values], getattr(expected, values), atol=bound), values
            assert [layer["name"] for layer in answer["layers"]] == [layer.name for layer in expected.layers]
            for layer, trace in zip(answer["layers"], expected.layers, strict=True):
                for value, array in trace.values.items():
                    assert np.allclose(layer["values"][value], array, atol=parity.STATE)


def same_verdicts(texts: list[str], folder: Path) -> None:
    """The page and Python agree on texts, with a network that reads 200 words in both directions."""
    model = ModelConfig(embedding_dim=16, units=16, bidirectional=True, pooling="max_mean", mask_padding=True)
    vocabulary = Vocabulary.fit(texts, 5000)
    sequences = SequenceConfig(maxlen=200)
    network = build_model("lstm", model, num_words=5000, maxlen=200, seed=3)
    network.set_weights([2 * array for array in network.get_weights()])
    classifier = SentimentClassifier.from_model(RecurrentModel.from_keras(vocabulary, sequences, network))
    with asked(classifier, folder) as ask:
        agree(classifier, ask, texts)


def test_long_reviews_get_the_verdicts_of_python(tmp_path: Path) -> None:
    same_verdicts(list(load_corpus(SourceConfig(source="demo"), [], seed=0).train.texts)[:100], tmp_path)


@pytest.mark.reviews
def test_a_thousand_real_reviews_get_the_verdicts_of_python(real_archive: Path, tmp_path: Path) -> None:
    source = SourceConfig(source="aclimdb", data=real_archive)
    same_verdicts(list(load_corpus(source, find_files(source), seed=0).train.texts)[:1000], tmp_path)


@pytest.mark.parametrize(("kind", "embedding_dim", "scale"), [("float16", 6, 0.35), ("int8", 20_000, 0.03)])
def test_compact_word_vectors_change_a_verdict_little(
    kind: str, embedding_dim: int, scale: float, tmp_path: Path
) -> None:
    model = ModelConfig(embedding_dim=embedding_dim, units=5)
    classifier = make_classifier("lstm", model, SequenceConfig(maxlen=20), scale)
    assert page_data(classifier)[0]["arrays"][0]["format"] == kind
    with asked(classifier, tmp_path, exact=False) as ask:
        found = [answer["probability"] for answer in ask([REVIEW, *TRAPS])]
    assert np.abs(found - classifier.positive_probability([REVIEW, *TRAPS])).max() <= LOSS[kind]


def test_the_modules_join_into_one_script_that_node_can_parse(tmp_path: Path) -> None:
    script = joined_script()
    assert "import " not in script and "\nexport " not in script
    (tmp_path / "page.mjs").write_text(script, "utf-8")
    subprocess.run([str(NODE), "--check", str(tmp_path / "page.mjs")], check=True)
