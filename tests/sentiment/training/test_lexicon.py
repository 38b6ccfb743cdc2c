import numpy as np
import pytest
from vaderSentiment import vaderSentiment

from sentiment.errors import InputError
from sentiment.training.lexicon import FADING_WORDS, Lexicon

LEXICON = Lexicon()


def test_praise_is_above_blame_whatever_the_domain_and_not_turns_it() -> None:
    texts = ["The battery is great", "The battery is not great", "The waiter was awful", "It came on Tuesday"]
    praise, turned, blame, plain = LEXICON.log_odds(texts)
    assert praise > plain > turned
    assert plain > blame
    assert praise + turned + blame + plain == pytest.approx(0, abs=1e-5)


def test_its_words_are_sorted_by_strength_and_emoji_are_among_them() -> None:
    ratings, words = LEXICON.ratings(), LEXICON.words()
    assert [abs(ratings[word]) for word in words] == sorted(map(abs, ratings.values()), reverse=True)
    assert {"great", "awful", "\U0001f620"} <= set(words)
    assert LEXICON.words(3) == words[:3]


def test_its_words_are_framed_and_scattered_among_others_the_same_for_a_seed() -> None:
    texts = LEXICON.framed(200, ["qa", "qb"], np.random.default_rng(0))
    assert texts == LEXICON.framed(200, ["qa", "qb"], np.random.default_rng(0))
    scattered = [text.split() for text in texts if {"qa", "qb"} & set(text.split())]
    assert 60 < len(scattered) < 140
    assert {sum(word not in ("qa", "qb") for word in words) for words in scattered} == {0, 1, 2}


def test_it_has_all_to_say_of_short_texts_and_nothing_of_reviews() -> None:
    short, long = FADING_WORDS
    shares = LEXICON.shortness(["word " * count for count in (1, short, (short + long) // 2, long, 500)])
    assert shares.tolist() == [1, 1, 0.5, 0, 0]


def test_a_lexicon_that_cannot_be_read_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(self: object) -> dict[str, float]:
        raise ValueError("could not convert string to float: 'x'")

    monkeypatch.setattr(vaderSentiment.SentimentIntensityAnalyzer, "make_lex_dict", read)
    with pytest.raises(InputError, match=r"vaderSentiment cannot be read: .*Install the package again.*--no-lexicon"):
        Lexicon()
