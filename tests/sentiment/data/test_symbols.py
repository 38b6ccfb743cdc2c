import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.data.symbols import EMOTICONS, SYMBOL, may_hold_symbols, with_symbols_apart
from sentiment.data.tokenizer import Tokenizer
from sentiment.data.vocabulary import Vocabulary
from tests.symbols import SYMBOLS

TOKENIZER = Tokenizer("!?.", symbols=True)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("so good😍😍!", "so good 😍 😍 !"),
        ("❤️👍🏽 ★★☆ 👩‍💻 🤷🏻‍♀️", "❤ 👍 ★ ★ ☆ 👩 💻 🤷"),
        ("🇩🇪🇫🇷 1️⃣0️⃣", "🇩🇪 🇫🇷 1 0"),
        ("great:) great!!! :-))) (great ;-)) XD xDDD", "great 🙂 great ! ! ! 🙂 great 😉 😃 😃"),
        ("bad :( :'( >:( meh :/ &lt;3 </3", "bad 🙁 😢 😠 meh 😕 ❤ 💔"),
        ("@ama: thanks @the end", "👤 thanks 👤 end"),
        ("see http://x.org/a?b=c. Www.imdb.com! me@mail.x.org", "see 🔗 . 🔗 ! 🔗"),
        ("#great", "great"),
    ],
)
def test_a_symbol_is_a_token_of_its_own(text: str, tokens: str) -> None:
    assert TOKENIZER.tokenize(text) == tokens.split()


@pytest.mark.parametrize(
    "text",
    ["http://", "(see note 8)", "10:30", "a:b", "section 3:)", "options:(a) or:(b)", "and/or", "Disc D:Deluxe", "exD",
     "XDs", "a<3", "<3.5", "<br />so<br>so", "x @ y", "5@6", "awww. www.", "e.g.:", "---", "_a_", "(I)"],
)  # fmt: skip
def test_what_looks_like_a_symbol_is_read_as_before(text: str) -> None:
    assert TOKENIZER.tokenize(text) == Tokenizer("!?.").tokenize(text)


def test_a_lengthened_word_is_known_as_the_word_without() -> None:
    vocabulary = Vocabulary(["so", "good", "iii", "sch\u00f6n", "1"], 20, TOKENIZER)
    read = vocabulary.decode(vocabulary.encode("Sooo GOOOOD, gooddd III iiii sch\u00f6\u00f6\u00f6n 111 sooon"))
    assert read == ["[START]", "so", "good", "good", "iii", "[OOV]", "sch\u00f6n", "[OOV]", "[OOV]"]
    assert Vocabulary(["so"], 20).encode("sooo").tolist() == [1, 2]


@given(st.lists(st.sampled_from(SYMBOLS) | st.text(max_size=2)).map("".join))
def test_no_text_with_a_symbol_is_taken_for_one_without(text: str) -> None:
    assert may_hold_symbols(text) or not re.search(SYMBOL, text)


def test_symbols_take_time_in_proportion_to_the_text() -> None:
    for part in (
        *"a@ a.a @ www. :) :- https:// http://! \ufe0f \U0001f60d\u200d 🇩".split(),
        "a",
        *EMOTICONS["🙂"].split(),
    ):
        text = part * 20_000 + " :)"
        assert with_symbols_apart(text)
