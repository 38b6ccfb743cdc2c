import numpy as np
import pytest

from sentiment.training.latent_semantics import document_vectors, regressed_probability

PRAISE, BLAME = ("lovely", "superb", "touching", "graceful"), ("dull", "tedious", "clumsy", "hollow")


def reviews(count: int) -> tuple[list[str], np.ndarray]:
    """Synthetic: two words of praise or two of blame each, and the same beginning."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, count)
    words = ["{} and {}".format(*generator.choice((BLAME, PRAISE)[label], 2, replace=False)) for label in labels]
    texts = [f"we saw it {pair}" for pair in words]
    return [*texts, "hapax"], np.append(labels, 0)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return document_vectors(reviews(600)[0], 6)


def test_a_few_labels_tell_the_verdict_on_reviews_that_share_no_word_of_praise_or_blame(vectors: np.ndarray) -> None:
    texts, labels = reviews(600)
    is_known = np.array([not {"touching", "graceful", "clumsy", "hollow", "hapax"} & set(t.split()) for t in texts])
    is_other = np.array([not {"lovely", "superb", "dull", "tedious", "hapax"} & set(t.split()) for t in texts])
    probabilities = regressed_probability(vectors[is_known], labels[is_known], vectors[is_other])
    assert np.mean((probabilities > 0.5) == labels[is_other]) > 0.9


def test_vectors_of_reviews_have_length_one_but_where_no_ngram_counts(vectors: np.ndarray) -> None:
    *lengths, of_hapax = np.linalg.norm(vectors, axis=1)
    assert lengths == pytest.approx(np.ones(600), abs=1e-5)
    assert of_hapax == 0


def test_the_same_texts_give_the_same_vectors(vectors: np.ndarray) -> None:
    assert np.array_equal(document_vectors(reviews(600)[0], 6), vectors)


def test_fewer_texts_than_numbers_leave_zeros_at_the_end() -> None:
    vectors = document_vectors(["a fine film", "a fine play", "a film"], 5)
    assert vectors.shape == (3, 5)
    assert vectors[:, :3].any()
    assert not vectors[:, 3:].any()


def test_reviews_that_share_no_word_have_zeros() -> None:
    assert np.array_equal(document_vectors(["one two", "three"], 4), np.zeros((2, 4)))
