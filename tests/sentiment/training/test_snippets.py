import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.data.sequences import SequenceConfig, pad_texts
from sentiment.data.tokenizer import tokenize
from sentiment.data.vocabulary import Vocabulary
from sentiment.training.counterfactuals import Counterfactuals, written_by_rule
from sentiment.training.lexicon import Lexicon
from sentiment.training.opposites import CHOICES, Opposites
from sentiment.training.snippets import SNIPPET_WORDS, EpochSnippets, Examples, random_snippet
from sentiment.training.trainer import TrainingConfig

POLARITY = {"good": 1.0, "bad": -1.0, "to recommend": 1.5}
COUNTERFACTUALS = Counterfactuals(POLARITY)
REVIEWS = [
    "The story is good. We saw it in Paris with Maria, who was tired.",
    "The music was bad, and it was long. I would recommend something else instead.",
    "Two people walk from Texas to London. They meet a man with a dog there.",
] * 10


def turned(text: str, attempts: int = 400) -> dict[str, float]:
    """What the rule may make of a text -> P(positive), rounded."""
    snippets = (COUNTERFACTUALS.turn(text, np.random.default_rng(seed)) for seed in range(attempts))
    return {snippet.text: round(snippet.positive_probability, 2) for snippet in snippets if snippet is not None}


def epoch_snippets(
    config: TrainingConfig, seed: int = 5, counterfactuals: Counterfactuals | None = COUNTERFACTUALS
) -> EpochSnippets:
    vocabulary = Vocabulary.fit(REVIEWS, 100)
    pad = functools.partial(pad_texts, vocabulary=vocabulary, config=SequenceConfig(maxlen=20))
    return EpochSnippets(pad(REVIEWS), REVIEWS, config, pad=pad, seed=seed, counterfactuals=counterfactuals)


def examples(epoch: int, config: TrainingConfig, seed: int = 5) -> Examples:
    return epoch_snippets(config, seed).labelled(np.tile([1, 0, 1], 10))(epoch)


@given(st.text(alphabet="ab .!,'\n<", max_size=900), st.integers(0, 2**32))
def test_a_random_snippet_is_a_contiguous_part_of_3_to_100_words(text: str, seed: int) -> None:
    snippet = random_snippet(text, np.random.default_rng(seed))
    words = len(tokenize(snippet))
    assert snippet in text
    assert min(SNIPPET_WORDS[0], len(tokenize(text))) <= words <= SNIPPET_WORDS[1]


def test_a_random_snippet_starts_with_a_sentence() -> None:
    text = "One two three four five. Six seven eight nine ten. Eleven twelve thirteen fourteen fifteen."
    starts = {random_snippet(text, np.random.default_rng(seed)).split()[0] for seed in range(100)}
    assert starts == {"One", "Six", "Eleven"}


def test_short_and_long_snippets_are_alike_in_number() -> None:
    text = "word " * 300
    generator = np.random.default_rng(0)
    lengths = [len(random_snippet(text, generator).split()) for _ in range(2_000)]
    shares = np.histogram(lengths, [3, 10, 30, 101])[0] / 2_000
    assert shares == pytest.approx(np.diff(np.log([3, 10, 30, 100])) / np.log(100 / 3), abs=0.05)


@given(st.integers(0, 1_000), st.integers(0, 1_000))
def test_the_examples_follow_from_seed_and_epoch(seed: int, epoch: int) -> None:
    config = TrainingConfig(snippet_share=0.4, counterfactual_share=0.4)
    for once, again in zip(examples(epoch, config, seed), examples(epoch, config, seed), strict=True):
        assert np.array_equal(once, again)
    assert not np.array_equal(examples(epoch, config, seed)[0], examples(epoch + 1, config, seed)[0])


def test_trainings_on_the_same_snippets_give_them_labels_of_their_own() -> None:
    snippets = epoch_snippets(TrainingConfig(snippet_share=0.5, counterfactual_share=1.0))
    once, other = snippets.labelled(np.full(30, 0.25)), snippets.labelled(np.full(30, 0.75), first_epoch=1)
    inputs, labels = once(1)
    other_inputs, other_labels = other(0)  # the second epoch of the snippets
    assert other_inputs is inputs
    has_label_of_its_own = labels == other_labels
    assert 0 < has_label_of_its_own[45:].sum() < 30  # counterfactuals
    assert set(other_labels[~has_label_of_its_own].tolist()) == {0.75}
    assert set(labels[~has_label_of_its_own].tolist()) == {0.25}
    assert not np.array_equal(once(0)[0], inputs)


def test_whole_reviews_stay_and_snippets_come_to_them() -> None:
    whole, labels = examples(0, TrainingConfig())
    assert labels.tolist() == [1, 0, 1] * 10
    inputs, more = examples(0, TrainingConfig(snippet_share=0.5, counterfactual_share=1.0))
    assert len(inputs) == len(more) == 30 + 15 + 30
    assert np.array_equal(inputs[:30], whole) and np.array_equal(more[:30], labels)


def test_a_review_without_a_clause_to_turn_gives_a_random_snippet_with_its_label() -> None:
    labels = examples(0, TrainingConfig(counterfactual_share=1.0))[1][30:]
    probabilities = set(np.round(labels, 2).tolist())
    assert {1.0} < probabilities
    assert 0.0 not in probabilities  # every negative review has one
    assert (labels == 1).sum() == 10


@pytest.mark.parametrize(
    ("text", "opposites", "is_positive"),
    [
        (
            "The story is very good.",
            {
                "The story is not very good",
                "The story isn't good at all",
                "The story is hardly good",
                "The story is far from good",
                "The story is anything but good",
                "The story fails to be good",
                "I don't think The story is good",
                "I thought The story would be good, but it isn't",
            },
            False,
        ),
        ("It was a bad film.", {"It was not a bad film", "It was anything but a bad film"}, True),
        ("I would recommend it.", {"I wouldn't recommend it", "I would never recommend it"}, False),
        ("I recommend it.", {"I don't recommend it"}, False),
        ("It was not good.", {"It was good"}, True),
        ("The cast wasn't bad at all.", {"The cast was bad"}, False),
        ("I didn't really recommend it. I don't recommend it.", {"I recommend it"}, True),
    ],
)
def test_what_is_turned_has_the_probability_of_the_opposite(text: str, opposites: set[str], is_positive: bool) -> None:
    found = turned(text)
    assert found.keys() >= opposites
    assert {found[opposite] > 0.5 for opposite in opposites} == {is_positive}


def test_what_only_looks_turned_keeps_its_probability() -> None:
    assert turned("The story is very good.")["The story is not only good"] > 0.5
    assert turned("I would recommend it.")["I can't recommend it enough"] > 0.5


@pytest.mark.parametrize(
    "text",
    [
        "Good is a town near Bad Axe and Mr Good was there.",  # names
        "It might be good if it were shorter.",
        "No part of it is good.",
        "The film is set in Paris.",
        "",
    ],
)
def test_what_praises_nothing_is_not_turned(text: str) -> None:
    assert not turned(text)


def test_of_two_clauses_around_although_the_main_one_has_the_verdict() -> None:
    snippets = COUNTERFACTUALS.snippets(REVIEWS * 20, np.random.default_rng(0))
    contrasts = [snippet for snippet in snippets if snippet is not None and snippet.text.startswith("although ")]
    verdicts = {
        "The story is good": True,
        "The story is not good": False,
        "The music was bad": False,
        "The music was not bad": True,
    }
    checked = [(text.rpartition(", ")[2], probability > 0.5) for text, probability in contrasts]
    assert any(last in verdicts for last, _ in checked)
    assert all(verdicts.get(last, is_positive) == is_positive for last, is_positive in checked)


def test_polarity_is_what_a_negation_changes() -> None:
    said = ["It was very good.", "It was not good.", "It was very red.", "It was very bad."] * 60
    labels = np.array([1, 0, 1, 0] * 60)
    polarity = Counterfactuals.fit([f"{text} Film {number}." for number, text in enumerate(said)], labels).polarity
    assert polarity["good"] > 1 > -1 > polarity["bad"]
    assert "it" not in polarity


def test_copies_of_a_review_are_no_evidence_of_polarity() -> None:
    """A learning curve repeats few labels to fill an epoch."""
    texts = [f"Film {number} was {'very itchy' if number < 3 else 'long'}." for number in range(40)]
    labels = np.array([0] * 20 + [1] * 20)
    assert Counterfactuals.fit(texts * 20, np.tile(labels, 20)).polarity == {}


@pytest.mark.parametrize(
    "text", ["The story had nothing good.", "Nobody finds the story good.", "You can't call it bad."]
)
def test_a_negation_that_does_not_tell_the_plain_verb_stays_out(text: str) -> None:
    assert turned(text) == {}


def test_what_the_rule_writes_from_a_text_is_found_among_sentences_and_what_it_cannot_write_is_not() -> None:
    text = "We saw it in May, and the story is very good in parts, but long. The cast wasn't bad. I recommend it."
    snippets = (COUNTERFACTUALS.turn(text, np.random.default_rng(seed)) for seed in range(2_000))
    written = {f"{snippet.text}." for snippet in snippets if snippet is not None}
    assert len(written) > 80
    others = {"The story was not good.", "The music is not good.", "The story is not good.", "The cast was not good."}
    assert written_by_rule(written | others, [text]) == written


def test_without_rules_random_snippets_stand_in_the_place_of_turned_clauses() -> None:
    snippets = epoch_snippets(TrainingConfig(counterfactual_share=0.5), counterfactuals=None)
    drawn = snippets.draw(0)
    assert len(snippets) == len(drawn.inputs) == 45
    assert not drawn.labels.share.any()


def test_a_lexicon_moves_the_labels_of_short_snippets_of_praise_and_blame_to_either_side() -> None:
    texts = ["The phone is wonderful. " * 2, "The phone is horrible. " * 2, "The phone is a wonderful thing. " * 40]
    vocabulary = Vocabulary.fit(texts, 100)
    pad = functools.partial(pad_texts, vocabulary=vocabulary, config=SequenceConfig(maxlen=300))
    config = TrainingConfig(snippet_share=1.0)
    snippets = EpochSnippets(pad(texts), texts, config, pad=pad, seed=0, lexicon=Lexicon(), words=vocabulary.words)
    positive = snippets.labelled(np.full(3, 0.9, np.float32))
    inputs, labels = positive(0)
    assert labels[:3].tolist() == pytest.approx([0.9] * 3)  # whole reviews keep theirs
    praised = [label for row, label in zip(inputs[3:], labels[3:], strict=True) if vocabulary.index["wonderful"] in row]
    blamed = [label for row, label in zip(inputs[3:], labels[3:], strict=True) if vocabulary.index["horrible"] in row]
    assert min(praised) > 0.9 > max(blamed)


def test_turned_passages_stand_behind_the_snippets_with_labels_of_the_other_side() -> None:
    vocabulary = Vocabulary.fit(REVIEWS, 100)
    pad = functools.partial(pad_texts, vocabulary=vocabulary, config=SequenceConfig(maxlen=20))
    turn = np.zeros((100, CHOICES), np.int32)
    turn[vocabulary.index["good"]], turn[vocabulary.index["bad"]] = vocabulary.index["bad"], vocabulary.index["good"]
    config = TrainingConfig(opposite_share=1.0)
    snippets = EpochSnippets(pad(REVIEWS), REVIEWS, config, pad=pad, seed=0, opposites=Opposites(turn))
    inputs, labels = snippets.labelled(np.tile([0.95, 0.05, 0.95], 10))(0)
    assert len(inputs) == 60
    passages = list(zip(inputs[30:], labels[30:], strict=True))
    assert max(label for row, label in passages if vocabulary.index["bad"] in row) < 0.5
    assert min(label for row, label in passages if vocabulary.index["good"] in row) > 0.5
    assert min(label for row, label in passages if not {*vocabulary.indices(["good", "bad"])} & {*row}) > 0.5
