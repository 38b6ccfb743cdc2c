import json
import string
from pathlib import Path
from typing import Literal

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras.src.datasets import imdb

from sentiment.data.markup import without_markup
from sentiment.data.sources import find_files, load_corpus
from sentiment.data.sources.config import SourceConfig
from sentiment.data.tokenizer import PUNCTUATION, TYPOGRAPHY, Tokenizer, tokenize
from sentiment.data.vocabulary import INDEX_FROM, OUT_OF_VOCABULARY, START, Vocabulary, learned_words
from sentiment.errors import InputError
from tests.symbols import SYMBOLS

words = st.text(string.ascii_lowercase + "'", min_size=1, max_size=6)
texts = st.lists(words, min_size=1, max_size=20).map(" ".join)
MARKUP = (
    "&amp; &amp;#39;t &#39; &#x2019 &eacute; e&#769; &lt;br/&gt; &lt; &#; &am p; amp; & # 39; &#55357; &#99999999; "
    "&constructor; <i> </B> <a href='x y'> <a href=\"<p>\"> <a <br /> = <3 < b <grin> <\u017fpan> <p\u0338>"
).split(" ")
"""Pieces that may join to other markup."""
odd_pieces = st.sampled_from(
    [*"<br />|<BR>|<br| />|...|e\u0301|\u0338|\u0130|\u03a3|\u0e31|\u597d".split("|"), *MARKUP, *TYPOGRAPHY]
) | st.sampled_from(SYMBOLS)
odd_texts = st.lists(texts | st.text(max_size=4) | odd_pieces, max_size=12).map("".join)
tokenizers = st.builds(Tokenizer, st.sampled_from(["", "!?.", PUNCTUATION]), st.booleans())


@given(st.lists(texts, min_size=1, max_size=5))
def test_decoding_an_encoded_text_gives_its_tokens_back(corpus: list[str]) -> None:
    vocabulary = Vocabulary.fit(corpus, num_words=1_000)
    for text in corpus:
        assert vocabulary.decode(vocabulary.encode(text)) == ["[START]", *tokenize(text)]


@given(st.lists(st.text(), max_size=5), st.text(), st.integers(5, 30))
def test_any_unicode_text_encodes_to_indices_below_num_words(corpus: list[str], text: str, num_words: int) -> None:
    vocabulary = Vocabulary.fit(corpus, num_words)
    indices = vocabulary.encode(text)
    assert indices[0] == START
    assert len(indices) == len(tokenize(text)) + 1
    assert all(i == OUT_OF_VOCABULARY or INDEX_FROM <= i < num_words for i in indices[1:])


@given(texts | odd_texts, st.integers(2, 9), st.sampled_from(["pre", "post"]), st.sampled_from(["", "!?."]))
def test_a_cut_review_has_the_indices_that_pad_sequences_keeps(
    text: str, maxlen: int, truncating: Literal["pre", "post"], punctuation_tokens: str
) -> None:
    vocabulary = Vocabulary.fit([text], num_words=12, punctuation_tokens=punctuation_tokens)
    [kept] = keras.utils.pad_sequences([vocabulary.encode(text)], maxlen=maxlen, padding="post", truncating=truncating)
    assert vocabulary.encode(text, maxlen, truncating).tolist() == [index for index in kept.tolist() if index]


def test_words_stand_by_falling_frequency_and_ties_alphabetically() -> None:
    assert Vocabulary.fit(["b a c", "c"], num_words=10).words == ("c", "a", "b")


def test_every_filter_of_keras_separates_tokens() -> None:
    for character in '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n':
        assert tokenize(f"Don't{character}STOP") == ["don't", "stop"]


@given(odd_texts, st.integers(1, 5), st.sampled_from(["first", "last"]), tokenizers)
def test_the_end_of_a_text_has_the_tokens_that_the_whole_has_there(
    text: str, count: int, end: Literal["first", "last"], tokenizer: Tokenizer
) -> None:
    tokens = tokenizer.tokenize(text)
    assert tokenizer.tokenize_end(text, count, end) == (tokens[:count] if end == "first" else tokens[-count:])


@given(odd_texts, tokenizers)
def test_the_place_of_a_token_holds_that_token(text: str, tokenizer: Tokenizer) -> None:
    tokens, spans = tokenizer.tokenize(text), tokenizer.spans(text)
    assert len(spans) == len(tokens)
    assert spans == sorted(spans)
    # In context a capital sigma at the end of a word is lower-cased to another letter than alone.
    same = str.maketrans("\u03c2", "\u03c3")
    for token, (first, last) in zip(tokens, spans, strict=True):
        assert token.translate(same) in [found.translate(same) for found in tokenizer.tokenize(text[first:last])]


@pytest.mark.parametrize(
    ("typographic", "plain"),
    [
        ("It isn\u2019t", "It isn't"),
        ("\u201cgood\u201d, \xabgood\xbb, \x93good\x94", '"good", "good", "good"'),
        ("film\u2014dull\u2013long\x96", "film-dull-long-"),
        ("well\u2026bad\x85", "well...bad..."),
        ("cafe\u0301 A\u030angstro\u0308m", "caf\xe9 \xc5ngstr\xf6m"),
        ("good.<br /><br />Bad<BR>end", "good. Bad end"),
        ("un\xadlike\u200bly", "unlike ly"),
    ],
)
@pytest.mark.parametrize("punctuation_tokens", ["", "!?."])
def test_typographic_text_has_the_tokens_of_plain_text(typographic: str, plain: str, punctuation_tokens: str) -> None:
    tokenizer = Tokenizer(punctuation_tokens)
    assert tokenizer.tokenize(typographic) == tokenizer.tokenize(plain)


def test_kept_punctuation_marks_are_tokens_of_their_own() -> None:
    assert Tokenizer("!?.").tokenize("Bad, no? Well...!") == ["bad", "no", "?", "well", ".", ".", ".", "!"]


def test_a_vocabulary_without_names_has_no_word_that_is_capitalized_within_sentences() -> None:
    texts = [
        "Maria says I'm fond of Paris. Films about Paris have charm<br />Charm is what O\u2019Brien and Maria have.",
        "A GREAT dvd! Great fun on DVD, and Maria is a great O'Brien. I said so. You said I lied.",
    ]
    kept, every = (set(Vocabulary.fit(texts, 99, names=names).words) for names in (False, True))
    assert every - kept == {"maria", "paris", "o'brien"}


def test_num_words_leaves_room_for_a_word_beside_the_reserved_indices() -> None:
    with pytest.raises(InputError, match="num_words is 4"):
        Vocabulary.fit(["a"], num_words=4)


def test_a_saved_vocabulary_is_read_back_with_its_tokenizer(tmp_path: Path) -> None:
    for symbols in (False, True):
        vocabulary = Vocabulary.fit(["\u00e7a va! \U0001f3ac", "va!"], 8, "!?.", symbols=symbols)
        vocabulary.save(tmp_path / "v.json")
        assert Vocabulary.load(tmp_path / "v.json").tokenizer == vocabulary.tokenizer
        assert Vocabulary.load(tmp_path / "v.json").encode("va ! \u00e7a \U0001f3ac").tolist() == [1, 5, 4, 6, 7]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"words": ["a", "b", "a"]}, "it has a word twice"),
        ({"words": [str(number) for number in range(7)]}, "it has 7 words, more than its num_words of 10 allows"),
        ({"words": ["a", 1]}, "words.1"),
        ({"words": "ab"}, "words"),
        ({"num_words": 10**12}, "num_words"),
        ({"num_words": True}, "num_words"),
        ({"tokenizer": {"punctuation_tokens": "abc"}}, "punctuation_tokens"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_vocabulary_that_was_tampered_with_is_refused(tmp_path: Path, change: dict[str, object], says: str) -> None:
    path = tmp_path / "vocabulary.json"
    path.write_text(
        json.dumps({"num_words": 10, "tokenizer": {"punctuation_tokens": ""}, "words": ["a", "b"], **change})
    )
    with pytest.raises(ValueError, match=says):
        Vocabulary.load(path)


def test_a_vocabulary_of_ten_million_words_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.json"
    with path.open("wb") as file:
        file.truncate(80_000_000)  # ten million of the shortest words
    with pytest.raises(ValueError, match="takes 80,000,000 bytes, of 67,108,864 at most"):
        Vocabulary.load(path)


@given(corpus=st.lists(texts, min_size=2, max_size=6), num_words=st.integers(5, 40), seed=st.integers(0, 2**16))
def test_indices_are_those_of_keras_load_data(
    tmp_path_factory: pytest.TempPathFactory, corpus: list[str], num_words: int, seed: int
) -> None:
    """Keras' own loader reads an npz made here, with only its download replaced; our keras source reads the same."""
    folder = tmp_path_factory.mktemp("keras")
    everything = Vocabulary.fit(corpus, num_words=10_000)
    rank = {word: position for position, word in enumerate(everything.words, 1)}
    sequences = np.array([None, *([rank[word] for word in tokenize(text)] for text in corpus)], dtype=object)[1:]
    labels = np.arange(len(corpus)) % 2
    np.savez(folder / "imdb.npz", x_train=sequences, y_train=labels, x_test=sequences, y_test=labels)
    (folder / "imdb_word_index.json").write_text(json.dumps(rank))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imdb, "get_file", lambda *_, **__: str(folder / "imdb.npz"))
        (expected, expected_labels), _ = keras.datasets.imdb.load_data(
            num_words=num_words, start_char=1, oov_char=2, index_from=3, seed=seed
        )
    config = SourceConfig(source="keras", data=folder, keep_duplicates=True)
    ours = load_corpus(config, find_files(config), seed=0).train
    vocabulary = Vocabulary(everything.words, num_words)
    encoded = [vocabulary.encode(text).tolist() for text in ours.texts]
    assert sorted(zip(encoded, ours.labels.tolist(), strict=True)) == sorted(
        zip((list(sequence) for sequence in expected), expected_labels.tolist(), strict=True)
    )


@pytest.mark.parametrize(
    ("from_the_web", "seen"),
    [
        ("I don&#39;t, I don&rsquo;t, I don&#x27;t, I don&amp;#39;t", "I don't, I don't, I don't, I don't"),
        ("caf&eacute;&nbsp;noir &hellip; &#128512;", "caf\u00e9 noir \u2026 \U0001f600"),
        ("<p>so <i>not</i> <b>good</b></p>", "so not good"),
        ("see<a href='http://x.org/a b'>here</a><BR/>&lt;br /&gt;there", "see here there"),
        ("AT&T &c; &nosuch; &#; &copyright", "AT T c nosuch # copyright"),
        ("<3 and a < b, c > d <sigh> <i think so>", "3 and a b c d sigh i think so"),
    ],
)
def test_html_is_read_as_a_browser_shows_it(from_the_web: str, seen: str) -> None:
    assert tokenize(from_the_web) == tokenize(seen)


def test_markup_takes_time_in_proportion_to_the_text() -> None:
    """Patterns of entities and tags go over no part of a hostile text twice."""
    for part in ("<a ", "&amp;", "&#0", "<a =", "<br", "&lt;a ", "<p \t"):
        text = part * 20_000
        assert len(without_markup(text)) <= len(text)


def test_names_are_left_out_where_capitals_mean_names_alone() -> None:
    english = ["I saw it with Maria in the end, and Maria was not bored."] * 40
    french = ["Hier je suis parti avec Maria et nous avons bien mang\u00e9 dans le jardin."] * 40
    german = ["Gestern hat Maria mit viel Gl\u00fcck und Spa\u00df den Film gesehen."] * 40
    assert Tokenizer().names(english) == Tokenizer().names(french) == {"maria"}
    assert Tokenizer().names(german) == frozenset()
    assert Tokenizer().capitals_mean_names(["\u597d", "", "Gut, Gut"])


def test_scripts_without_blanks_are_split_by_character() -> None:
    assert tokenize("\u5f88\u597d\uff01 Film\u3002\u304b\u306a \uc88b\uc544\uc694 \u0e14\u0e35") == [
        *"\u5f88\u597d", "film", *"\u304b\u306a", "\uc88b\uc544\uc694", *"\u0e14\u0e35",
    ]  # fmt: skip


def test_a_word_that_only_a_validation_review_holds_is_not_learned() -> None:
    vocabulary = Vocabulary.fit(["fine film.", "dull film."], 100, ".")
    assert learned_words(vocabulary, [np.array([[0, *vocabulary.encode("fine film. rare")]])]) == {"fine", "film", "."}
    assert learned_words(vocabulary, []) == frozenset()


def test_words_to_keep_are_in_the_vocabulary_however_seldom_texts_use_them() -> None:
    vocabulary = Vocabulary.fit(["good good film film film", "good plot"], 8, kept=["superb", "plot"])
    assert vocabulary.words == ("film", "good", "plot", "superb")
    assert Vocabulary.fit(["good good film film film"], 6, kept=["superb"]).words == ("film", "superb")
