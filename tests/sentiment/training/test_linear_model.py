import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from sentiment.data.sources import SourceConfig, load_corpus
from sentiment.data.vocabulary import tokenize
from sentiment.errors import InputError
from sentiment.training.linear_model import ARRAYS_FILE, CONFIG_FILE, LinearModel, LinearModelConfig


@pytest.fixture(scope="module")
def reviews() -> tuple[list[str], np.ndarray]:
    train = load_corpus(SourceConfig(source="demo"), [], seed=0).train
    return list(train.texts[:2_000]), train.labels[:2_000]


@pytest.fixture(scope="module")
def model(reviews: tuple[list[str], np.ndarray]) -> LinearModel:
    texts, labels = reviews
    return LinearModel.fit(texts[:1_500], labels[:1_500])


def test_it_learns_from_a_few_hundred_reviews_and_gives_the_same_every_time(
    reviews: tuple[list[str], np.ndarray], model: LinearModel
) -> None:
    texts, labels = reviews
    probabilities = model.positive_probability(texts[1_500:])
    assert probabilities.shape == labels[1_500:].shape
    assert np.mean((probabilities >= 0.5) == labels[1_500:]) > 0.7
    again = LinearModel.fit(texts[:1_500], labels[:1_500]).positive_probability(texts[1_500:])
    assert np.array_equal(probabilities, again)


@pytest.mark.parametrize("normalize", [True, False])
def test_its_probabilities_are_those_of_scikit_learn_on_the_same_ngrams(
    reviews: tuple[list[str], np.ndarray], normalize: bool
) -> None:
    texts, labels = reviews
    config = LinearModelConfig(normalize=normalize, punctuation_tokens="", C=1.0, highest_order=2)
    ours = LinearModel.fit(texts[:1_500], labels[:1_500], config)
    counts = CountVectorizer(analyzer=tokenize_to_ngrams, binary=True, min_df=2).fit(texts[:1_500]).transform(texts)
    positive, negative = (
        1 + np.asarray(counts[:1_500][labels[:1_500] == label].sum(axis=0)).ravel() for label in (1, 0)
    )
    features = counts.multiply(np.log(positive / positive.sum()) - np.log(negative / negative.sum())).tocsr()
    if normalize:
        features = features.multiply(1 / np.sqrt(features.multiply(features).sum(axis=1))).tocsr()
    theirs = LogisticRegression(C=1.0, tol=1e-8, max_iter=1_000).fit(features[:1_500], labels[:1_500])
    assert ours.parameters == features.shape[1] + 1
    assert ours.positive_probability(texts[1_500:]) == pytest.approx(
        theirs.predict_proba(features[1_500:])[:, 1], abs=0.005
    )


def tokenize_to_ngrams(text: str) -> list[str]:
    words = tokenize(text)
    return words + [" ".join(pair) for pair in pairwise(words)]


def test_a_review_has_the_same_bits_alone_and_among_others(
    reviews: tuple[list[str], np.ndarray], model: LinearModel
) -> None:
    texts = ["", "zxqj", *reviews[0][:40]]
    together = model.log_odds(texts)
    assert together.tolist() == [model.log_odds([text])[0] for text in texts]
    assert together[::-1].tolist() == model.log_odds(texts[::-1]).tolist()
    assert model.log_odds([]).shape == (0,)


def test_the_weights_of_a_reviews_ngrams_add_up_to_its_log_odds() -> None:
    model = LinearModel.fit(["not good", "not good at all", "good", "good film", "all film"], np.array([0, 0, 1, 1, 1]))
    text = "Well\u2026 not good at all.<br />Not good!"
    explained = model.explain(text)
    assert model.log_odds([""])[0] + sum(ngram.weight for ngram in explained) == pytest.approx(
        model.log_odds([text])[0]
    )
    [not_good] = [ngram for ngram in explained if ngram.tokens == ("not", "good")]
    assert not_good.weight < 0
    assert [text[first:last] for first, last in not_good.spans] == ["not good", "Not good"]
    assert model.explain("") == []


def test_a_saved_linear_model_gives_the_same_bits_when_read_back(
    tmp_path: Path, reviews: tuple[list[str], np.ndarray], model: LinearModel
) -> None:
    model.save(tmp_path)
    texts = reviews[0][1_500:]
    assert np.array_equal(LinearModel.load(tmp_path).log_odds(texts), model.log_odds(texts))


@pytest.mark.parametrize("damage", ["missing", "other json", "objects"])
def test_a_damaged_linear_model_is_refused(tmp_path: Path, model: LinearModel, damage: str) -> None:
    model.save(tmp_path)
    if damage == "missing":
        (tmp_path / ARRAYS_FILE).unlink()
    elif damage == "other json":
        (tmp_path / CONFIG_FILE).write_text(json.dumps({"words": []}))
    else:
        np.savez(tmp_path / ARRAYS_FILE, keys_1=np.array([{}], object), keys_2=[0], keys_3=[0], ratios=[0], weights=[0])
    with pytest.raises(InputError, match="does not hold a linear model"):
        LinearModel.load(tmp_path)


def test_reviews_that_share_no_word_are_named_with_a_way_out() -> None:
    with pytest.raises(InputError, match=r"No word occurs in 2 of the 2 training reviews.*--no-linear-model"):
        LinearModel.fit(["good", "bad"], np.array([1, 0]))


def test_reviews_of_one_class_are_refused() -> None:
    with pytest.raises(InputError, match="The 2 training reviews are of one class"):
        LinearModel.fit(["good film", "good play"], np.array([1, 1]))


def test_ten_reviews_are_enough_where_they_share_words() -> None:
    texts = [f"{verdict} {thing}" for verdict in ("good", "bad") for thing in ("film", "play", "plot", "cast", "end")]
    model = LinearModel.fit(texts, np.repeat([1, 0], 5))
    good, bad, neither = model.positive_probability(["good", "bad", "zxqj"])
    assert good > 0.6 > 0.4 > bad
    assert neither == pytest.approx(expit(model.log_odds(["zxqj"]))[0])
