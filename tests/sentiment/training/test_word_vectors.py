from pathlib import Path

import numpy as np
import pytest

from sentiment.data.vocabulary import PADDING, Vocabulary
from sentiment.errors import InputError
from sentiment.training.word_vectors import PretrainingConfig, learn_word_vectors

CONFIG = PretrainingConfig(word_vectors=True, word_vector_epochs=3, word_vector_window=2)


def sentences() -> list[str]:
    """Synthetic: lovely and superb stand in the same places, and so do tuesday and friday."""
    generator = np.random.default_rng(0)
    praise = [f"what a {word} film by a {word} director" for word in generator.choice(["lovely", "superb"], 2_000)]
    days = [f"we saw it on {day} and again next {day}" for day in generator.choice(["tuesday", "friday"], 2_000)]
    return [*praise, *days, "hapax"]


def learn(folder: Path, stop_after: int | None = None) -> np.ndarray:
    texts = sentences()

    def stop(done: int) -> None:
        if done == stop_after:
            raise KeyboardInterrupt

    vocabulary = Vocabulary.fit(texts, 40)
    return learn_word_vectors(texts, vocabulary, CONFIG, size=12, checkpoints=folder, on_epoch=stop)


def test_pretraining_that_was_stopped_ends_as_if_it_never_was(tmp_path: Path) -> None:
    whole = learn(tmp_path / "whole")
    for stop_after in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            learn(tmp_path / "stopped", stop_after)
    assert np.array_equal(learn(tmp_path / "stopped"), whole)


def test_words_of_the_same_contexts_get_similar_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentiment.training.word_vectors.FREQUENT", 1)  # among so few words, each is frequent
    vectors, find = learn(tmp_path), Vocabulary.fit(sentences(), 40).index
    lovely, superb, tuesday, friday = (vectors[find[word]] for word in ("lovely", "superb", "tuesday", "friday"))

    def similarity(one: np.ndarray, other: np.ndarray) -> float:
        return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))

    assert min(similarity(lovely, superb), similarity(tuesday, friday)) > max(
        similarity(lovely, tuesday), similarity(superb, friday)
    )


def test_every_index_has_a_vector_and_padding_has_zeros(tmp_path: Path) -> None:
    vectors = learn(tmp_path)
    assert vectors.shape == (40, 12)
    assert vectors.dtype == np.float32
    assert not vectors[PADDING].any()
    assert vectors[PADDING + 1 :].any(axis=1).all()  # also of hapax, which occurs but once


def test_text_without_repetition_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No word"):
        learn_word_vectors(["one two"], Vocabulary.fit(["one"], 9), CONFIG, size=4, checkpoints=tmp_path)
