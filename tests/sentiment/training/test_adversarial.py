"""Each loss and each step against its definition, on a small network."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr

from sentiment.training.adversarial import (
    AdversarialNetwork,
    divergence,
    entropy,
    normalize_embedding,
    perturbation,
)
from sentiment.training.models import ModelConfig, build_model

MODEL = ModelConfig(embedding_dim=5, units=4, bidirectional=True, pooling="max", mask_padding=True)
REVIEWS = np.array([[1, 5, 6, 7, 8, 9], [1, 7, 5, 0, 0, 0], [1, 11, 10, 4, 4, 0]], np.int32)
UNLABELLED = np.array([[1, 6, 8, 11, 0, 0, 0], [1, 4, 9, 10, 5, 8, 7]], np.int32)
LABELS = np.array([1, 0, 0.3], np.float32)  # the last is what another model thinks


def small_network() -> Any:
    """Its verdicts are apart from 0.5 and from each other."""
    network = build_model("lstm", MODEL, num_words=12, maxlen=7, seed=1)
    network.set_weights([weights * (10 if n == 0 else 1.5) for n, weights in enumerate(network.get_weights())])
    return network


def read(network: Any, vectors: tf.Tensor, indices: np.ndarray) -> tf.Tensor:
    """P(positive) from word vectors, (batch, 1)."""
    _, recurrent, pooling, dense = network.layers
    mask = tf.constant(indices != 0)
    return dense(pooling(recurrent(vectors, mask=mask), mask=mask))


def direction(network: Any, indices: np.ndarray, loss: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
    vectors = tf.gather(network.layers[0].embeddings, indices)
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        value = tf.reduce_sum(loss(read(network, vectors, indices)))
    return tape.gradient(value, vectors)


def classification(probabilities: tf.Tensor) -> tf.Tensor:
    return keras.losses.binary_crossentropy(LABELS[:, None], probabilities)


@given(
    st.floats(1e-3, 1e3),
    st.lists(st.one_of(st.just(0.0), st.floats(1e-30, 1e3), st.floats(-1e3, -1e-30)), min_size=6, max_size=6),
)
def test_a_perturbation_has_its_length_in_every_review(epsilon: float, entries: list[float]) -> None:
    gradient = tf.constant([entries, [1.0, -2.0, 0, 0, 3.0, 0]], tf.float32)
    found = perturbation(tf.reshape(gradient, (2, 3, 2)), epsilon).numpy().reshape(2, 6)
    expected = [epsilon if any(entries) else 0.0, epsilon]
    assert np.linalg.norm(found.astype(np.float64), axis=1) == pytest.approx(expected, rel=1e-5)
    assert np.array_equal(np.sign(found), np.sign(gradient))


def test_the_adversarial_step_climbs_as_steeply_as_the_gradient_says() -> None:
    """By finite differences: a step of length h along it raises the loss by h times the norm of the gradient."""
    network, length = small_network(), 0.01
    gradient = direction(network, REVIEWS, classification)
    vectors, step = tf.gather(network.layers[0].embeddings, REVIEWS), perturbation(gradient, length)
    ahead, behind = (classification(read(network, vectors + sign * step, REVIEWS)).numpy() for sign in (1, -1))
    slope = (ahead - behind) / (2 * length)
    assert slope == pytest.approx(np.linalg.norm(gradient.numpy().reshape(3, -1), axis=1), rel=1e-2)


def test_no_direction_diverges_further_than_the_virtual_adversarial_one() -> None:
    network, length = small_network(), 0.01
    vectors = tf.gather(network.layers[0].embeddings, UNLABELLED)
    before = read(network, vectors, UNLABELLED)

    def diverged(way: tf.Tensor) -> np.ndarray:
        after = read(network, vectors + perturbation(way, length), UNLABELLED)
        found: np.ndarray = divergence(before, after).numpy()
        return found

    way = direction(network, UNLABELLED, entropy)
    farthest = diverged(way)
    generator = np.random.default_rng(0)
    others = [tf.constant(generator.normal(size=way.shape), tf.float32) for _ in range(100)]
    others += [way / tf.norm(way) + 0.05 * other for other in others]  # close by
    others = np.max([np.maximum(diverged(other), diverged(-other)) for other in others], axis=0)
    assert (np.maximum(farthest, diverged(-way)) >= others).all()


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_entropy_and_divergence_follow_their_definitions(before: float, after: float) -> None:
    p, q = (np.array([share, 1 - share]) for share in (before, after))
    shares = [tf.constant([[share]], tf.float32) for share in (before, after)]
    assert divergence(*shares).numpy().item() == pytest.approx(rel_entr(p, q).sum(), rel=1e-3, abs=1e-5)
    assert entropy(shares[0]).numpy().item() == pytest.approx(-(p * np.log(p)).sum(), rel=1e-4)


@pytest.mark.parametrize("options", [
    {"adversarial_epsilon": 0.7},
    {"virtual_adversarial_epsilon": 0.7},
    {"entropy_weight": 0.4},
    {"adversarial_epsilon": 0.7, "virtual_adversarial_epsilon": 0.9, "entropy_weight": 0.4},
])  # fmt: skip
def test_a_step_goes_down_the_sum_of_the_losses(options: dict[str, Any]) -> None:
    network = small_network()
    weight = options.get("entropy_weight", 0.0)
    steps = {
        "adversarial_epsilon": direction(network, REVIEWS, classification),
        "virtual_adversarial_epsilon": direction(network, UNLABELLED, entropy),
    }
    steps = {name: perturbation(way, options.get(name, 0.0)) for name, way in steps.items()}
    with tf.GradientTape() as tape:
        table = network.layers[0].embeddings.value
        vectors, others = tf.gather(table, REVIEWS), tf.gather(table, UNLABELLED)
        before = read(network, others, UNLABELLED)
        loss = tf.reduce_mean(classification(read(network, vectors, REVIEWS)))
        if "adversarial_epsilon" in options:
            moved = vectors + steps["adversarial_epsilon"]
            loss += tf.reduce_mean(classification(read(network, moved, REVIEWS)))
        loss += weight * tf.reduce_mean(entropy(before))
        after = read(network, others + steps["virtual_adversarial_epsilon"], UNLABELLED)
        loss += tf.reduce_mean(divergence(tf.stop_gradient(before), after))
    gradients = tape.gradient(loss, [variable.value for variable in network.trainable_variables])
    expected = [
        variable.numpy() - tf.convert_to_tensor(gradient).numpy()
        for variable, gradient in zip(network.trainable_variables, gradients, strict=True)
    ]
    learner = AdversarialNetwork(network, **options)
    learner.compile(keras.optimizers.SGD(1.0), "binary_crossentropy")
    inputs: Any = tf.constant(REVIEWS)
    if {"virtual_adversarial_epsilon", "entropy_weight"} & set(options):
        inputs = inputs, tf.constant(UNLABELLED)
    learner.train_step((inputs, tf.constant(LABELS)))
    for found, value in zip(network.get_weights(), expected, strict=True):
        assert np.allclose(found, value, rtol=1e-5, atol=1e-5)


def test_word_vectors_are_normalized_by_frequency() -> None:
    network = small_network()
    frequencies = np.arange(12) / np.arange(12).sum()
    normalize_embedding(network.layers[0], tf.constant(frequencies, tf.float32))
    vectors = network.layers[0].get_weights()[0].astype(np.float64)
    assert frequencies @ vectors == pytest.approx(0, abs=1e-4)
    assert frequencies @ vectors**2 == pytest.approx(1, abs=1e-4)
