import numpy as np
import pytest
from scipy.sparse import csr_array

from sentiment.data.vocabulary import PADDING, Vocabulary
from sentiment.training.latent_semantics import LatentSemantics, analyze, embedding, factorize, regressed_probability

PRAISE, BLAME = ("lovely", "superb", "touching", "graceful"), ("dull", "tedious", "clumsy", "hollow")


def reviews(count: int) -> tuple[list[str], np.ndarray]:
    """Synthetic: two words of praise or two of blame each, and the same beginning."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, count)
    words = ["{} and {}".format(*generator.choice((BLAME, PRAISE)[label], 2, replace=False)) for label in labels]
    texts = [f"we saw it {pair}" for pair in words]
    return [*texts, "hapax"], np.append(labels, 0)


@pytest.fixture(scope="module")
def found() -> LatentSemantics:
    return analyze(reviews(600)[0], 6)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_words_of_the_same_reviews_get_similar_vectors(found: LatentSemantics) -> None:
    lovely, superb, dull = (found.word_vectors[found.words.index(word)] for word in ("lovely", "superb", "dull"))
    assert cosine(lovely, superb) > cosine(lovely, dull)


def test_a_few_labels_tell_the_verdict_on_reviews_that_share_no_word_of_praise_or_blame(found: LatentSemantics) -> None:
    texts, labels = reviews(600)
    is_known = np.array([not {"touching", "graceful", "clumsy", "hollow", "hapax"} & set(t.split()) for t in texts])
    is_other = np.array([not {"lovely", "superb", "dull", "tedious", "hapax"} & set(t.split()) for t in texts])
    probabilities = regressed_probability(found.documents[is_known], labels[is_known], found.documents[is_other])
    assert np.mean((probabilities > 0.5) == labels[is_other]) > 0.9


def test_vectors_of_reviews_have_length_one_but_where_no_ngram_counts(found: LatentSemantics) -> None:
    *lengths, of_hapax = np.linalg.norm(found.documents, axis=1)
    assert lengths == pytest.approx(np.ones(600), abs=1e-5)
    assert of_hapax == 0


def test_the_same_texts_give_the_same_vectors(found: LatentSemantics) -> None:
    again = analyze(reviews(600)[0], 6)
    assert np.array_equal(again.documents, found.documents)
    assert np.array_equal(again.word_vectors, found.word_vectors)


def test_fewer_texts_than_numbers_leave_zeros_at_the_end() -> None:
    found = analyze(["a fine film", "a fine play", "a film"], 5)
    assert found.documents.shape == (3, 5)
    assert not found.documents[:, 3:].any()


def test_every_index_has_a_vector_and_padding_has_zeros(found: LatentSemantics) -> None:
    vocabulary = Vocabulary.fit(reviews(600)[0], 40)
    vectors = embedding(found.words, found.word_vectors, vocabulary, 4)
    assert vectors.shape == (40, 4)
    assert vectors.dtype == np.float32
    assert not vectors[PADDING].any()
    assert vectors[PADDING + 1 :].any(axis=1).all()  # also of hapax, which occurs but once
    lovely = found.word_vectors[found.words.index("lovely"), :4]
    assert cosine(vectors[vocabulary.index["lovely"]], lovely) == pytest.approx(1, abs=1e-5)


def test_reviews_that_share_no_word_have_zeros_and_give_no_word_a_vector() -> None:
    found = analyze(["one two", "three"], 4)
    assert found.documents.shape == (2, 4)
    assert not found.documents.any()
    assert not found.words
    assert embedding(found.words, found.word_vectors, Vocabulary.fit(["one"], 9), 4)[PADDING + 1 :].any(axis=1).all()


@pytest.mark.parametrize("cores", [1, 3])
def test_the_factors_are_those_of_lapack_and_do_not_depend_on_the_cores(
    cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(0)
    strong = 10 * generator.normal(size=(60, 4)) @ generator.normal(size=(4, 90))
    matrix = csr_array((strong + generator.normal(size=strong.shape)).astype(np.float32))
    on_all_cores = factorize(matrix, 4)
    monkeypatch.setattr("sentiment.training.latent_semantics.available_cores", lambda: cores)
    left, values, right = factorize(matrix, 4)
    assert all(np.array_equal(*pair) for pair in zip(on_all_cores, (left, values, right), strict=True))
    expected_left, expected_values, expected_right = np.linalg.svd(matrix.toarray())
    assert values == pytest.approx(expected_values[:4], rel=1e-4)
    for found, expected in ((left, expected_left), (right, expected_right.T)):
        assert np.abs(np.sum(found * expected[:, :4], axis=0)) == pytest.approx(np.ones(4), abs=1e-3)
