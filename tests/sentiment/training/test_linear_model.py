import io
import json
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from sentiment.data.arrays import read_arrays
from sentiment.data.sources import load_corpus
from sentiment.data.sources.config import SourceConfig
from sentiment.data.tokenizer import tokenize
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


def test_a_verdict_does_not_depend_on_a_name() -> None:
    texts = ["I saw Maria in a fine film.", "I saw Boris in a dull film."] * 6
    model = LinearModel.fit(texts, np.array([1, 0] * 6))
    first, second, unheard = model.log_odds([f"We met {name} at a film." for name in ("Maria", "Boris", "Xanthippe")])
    assert first == second == unheard
    assert "maria" not in model.known_words


@pytest.mark.parametrize(("normalize", "balance"), [(True, False), (False, True)])
def test_its_probabilities_are_those_of_scikit_learn_on_the_same_ngrams(
    reviews: tuple[list[str], np.ndarray], normalize: bool, balance: bool
) -> None:
    texts, labels = reviews
    if balance:  # of negative reviews few are left
        kept = np.flatnonzero((labels == 1) | (np.arange(len(labels)) % 5 == 0) | (np.arange(len(labels)) >= 1_500))
        texts, labels = [texts[at] for at in kept], labels[kept]
    learned = len(labels) - 500
    config = LinearModelConfig(normalize=normalize, punctuation_tokens="", C=1.0, highest_order=2, balance=balance)
    ours = LinearModel.fit(texts[:learned], labels[:learned], config)
    counts = CountVectorizer(analyzer=tokenize_to_ngrams, binary=True, min_df=2).fit(texts[:learned]).transform(texts)
    positive, negative = (
        1 + np.asarray(counts[:learned][labels[:learned] == label].sum(axis=0)).ravel() for label in (1, 0)
    )
    features = counts.multiply(np.log(positive / positive.sum()) - np.log(negative / negative.sum())).tocsr()
    if normalize:
        features = features.multiply(1 / np.sqrt(features.multiply(features).sum(axis=1))).tocsr()
    theirs = LogisticRegression(C=1.0, tol=1e-8, max_iter=1_000, class_weight="balanced" if balance else None).fit(
        features[:learned], labels[:learned]
    )
    assert ours.parameters == features.shape[1] + 1
    assert ours.positive_probability(texts[learned:]) == pytest.approx(
        theirs.predict_proba(features[learned:])[:, 1], abs=0.005
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


def arrays_of(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / ARRAYS_FILE) as arrays:
        return dict(arrays)


def reverse_keys(arrays: dict[str, np.ndarray]) -> None:
    arrays["keys_1"] = arrays["keys_1"][::-1]


def use_unknown_word(arrays: dict[str, np.ndarray]) -> None:
    arrays["keys_1"][-1] = 10**9


def use_objects(arrays: dict[str, np.ndarray]) -> None:
    arrays["keys_1"] = np.array([{}], object)


def spoil_weight(arrays: dict[str, np.ndarray]) -> None:
    arrays["weights"][0] = np.nan


def drop_weight(arrays: dict[str, np.ndarray]) -> None:
    arrays["weights"] = arrays["weights"][1:]


def use_short_numbers(arrays: dict[str, np.ndarray]) -> None:
    arrays["ratios"] = arrays["ratios"].astype(np.float16)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (reverse_keys, "n-grams are not in their order"),
        (use_unknown_word, "words that its vocabulary lacks"),
        (use_objects, "its keys_1 holds objects"),
        (spoil_weight, "have not a weight each"),
        (drop_weight, "have not a weight each"),
        (use_short_numbers, "have not a weight each"),
    ],
)
def test_arrays_that_no_training_gives_are_refused(
    tmp_path: Path, model: LinearModel, change: Callable[[dict[str, np.ndarray]], None], says: str
) -> None:
    model.save(tmp_path)
    arrays = arrays_of(tmp_path)
    change(arrays)
    np.savez(tmp_path / ARRAYS_FILE, allow_pickle=True, **arrays)
    with pytest.raises(InputError, match=says):
        LinearModel.load(tmp_path)


def test_arrays_larger_than_any_are_not_even_read(
    tmp_path: Path, model: LinearModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that unpacks to more than may be read; and a header that tells of a terabyte."""
    model.save(tmp_path)
    monkeypatch.setattr("sentiment.training.linear_model.MOST_BYTES", 1_000)
    with pytest.raises(InputError, match="of 1,000 at most"):
        LinearModel.load(tmp_path)
    content = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (2**37,)}
    np.lib.format.write_array_header_1_0(content, header)
    with zipfile.ZipFile(tmp_path / "lie.npz", "w") as archive:
        archive.writestr("weights.npy", content.getvalue())
    with pytest.raises(ValueError, match="its weights is not as large as its header says"):
        read_arrays((tmp_path / "lie.npz").read_bytes(), ["weights"], most_bytes=2**20)


@pytest.mark.parametrize(
    "content", [{"words": []}, {"intercept": "1", "config": {}}, {"intercept": 0.5, "config": {"highest_order": 9}}]
)
def test_a_configuration_of_something_else_is_refused(
    tmp_path: Path, model: LinearModel, content: dict[str, object]
) -> None:
    model.save(tmp_path)
    (tmp_path / CONFIG_FILE).write_text(json.dumps(content))
    with pytest.raises(InputError, match="does not hold a linear model"):
        LinearModel.load(tmp_path)


def test_a_linear_model_without_its_arrays_is_refused(tmp_path: Path, model: LinearModel) -> None:
    model.save(tmp_path)
    (tmp_path / ARRAYS_FILE).unlink()
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
