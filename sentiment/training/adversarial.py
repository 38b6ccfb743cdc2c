"""AdversarialNetwork: a classifier of reviews in training, with losses that make it smooth around every review.

- Adversarial training moves the word vectors of a review by the small step that hurts its verdict most. The loss asks
  for the right verdict there too; virtual adversarial training asks an unlabelled review for the verdict that it had
  before the step (Miyato, Dai & Goodfellow 2017).
- Entropy minimization asks for decided verdicts on unlabelled reviews (Grandvalet & Bengio 2005); Sachan, Zaheer &
  Salakhutdinov (2019) add all four losses up for a bidirectional LSTM with max pooling.
"""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sentiment.training.time_loop import gradients_by_inputs_alone

Loss = Callable[[tf.Tensor], tf.Tensor]
"""P(positive), (batch, 1), to a number."""

SMALLEST_VARIANCE = 1e-6
"""Added to the variance of the embedding, which may be constant."""


def perturbation(gradient: tf.Tensor, epsilon: float) -> tf.Tensor:
    """The step of length `epsilon`, in each review, that follows its gradient.

    Args:
        gradient: of a loss by the word vectors, (batch, time, embedding_dim).
        epsilon: Euclidean norm over all word vectors of a review.

    Returns:
        The same shape, as a constant; zero where the gradient is.
    """
    scaled = tf.math.divide_no_nan(gradient, tf.reduce_max(tf.abs(gradient), axis=(1, 2), keepdims=True))
    norm = tf.sqrt(tf.reduce_sum(scaled**2, axis=(1, 2), keepdims=True))  # of numbers that do not underflow
    return tf.stop_gradient(epsilon * tf.math.divide_no_nan(scaled, norm))


def entropy(probabilities: tf.Tensor) -> tf.Tensor:
    """Of verdicts with these P(positive), in nats, the same shape.

    Its gradient is the virtual adversarial direction: with a single output z the Hessian of the divergence is p (1 - p)
    times the outer product of dz with itself. So the power iteration of Miyato et al. ends after one step at dz, up to
    its sign; the gradient of the entropy points towards P(positive) = 0.5.
    """
    return keras.losses.binary_crossentropy(probabilities[..., None], probabilities[..., None])


def divergence(before: tf.Tensor, after: tf.Tensor) -> tf.Tensor:
    """Kullback-Leibler divergence of the verdicts `after` from those `before`, in nats; both hold P(positive)."""
    return keras.losses.binary_crossentropy(before[..., None], after[..., None]) - entropy(before)


def normalize_embedding(embedding: Any, frequencies: tf.Tensor) -> None:
    """Give the word vectors mean 0 and variance 1 in every dimension, words counted by their frequency, in place.

    Without it, word vectors would grow until a perturbation of fixed length is small beside them. Miyato et al. make
    it a layer of the network; done after every step instead, it leaves a plain embedding behind.

    Args:
        frequencies: of each index in the training reviews, (num_words,), summing to 1.
    """
    vectors = embedding.embeddings.value
    mean = tf.linalg.matvec(vectors, frequencies, transpose_a=True)  # (embedding_dim,)
    variance = tf.linalg.matvec((vectors - mean) ** 2, frequencies, transpose_a=True)
    embedding.embeddings.assign((vectors - mean) / tf.sqrt(variance + SMALLEST_VARIANCE))


class AdversarialNetwork(keras.Model):
    """A network in training; `fit` takes ((indices, unlabelled indices), labels), or where no loss is of unlabelled
    reviews (indices, labels). A label may be a probability.

    Args:
        network: as `build_model` makes it; it shares its weights.
        frequencies: of each index in the training reviews, (num_words,), summing to 1, by which the embedding is
            normalized after every step; None: it is not.
        adversarial_epsilon, virtual_adversarial_epsilon: length of the perturbation; at 0 there is none.
        entropy_weight: of the entropy of the verdicts on unlabelled reviews.
    """

    def __init__(
        self,
        network: Any,
        frequencies: np.ndarray | None = None,
        *,
        adversarial_epsilon: float = 0.0,
        virtual_adversarial_epsilon: float = 0.0,
        entropy_weight: float = 0.0,
    ) -> None:
        super().__init__(name=network.name)
        self.network = network
        self._adversarial_epsilon = adversarial_epsilon
        self._virtual_adversarial_epsilon = virtual_adversarial_epsilon
        self._entropy_weight = entropy_weight
        after_dropout = 2 if network.layers[1].name == "embedding_dropout" else 1
        self._embedding, *self._embedding_dropout = network.layers[:after_dropout]
        self._reader = network.layers[after_dropout:]
        self._frequencies = None if frequencies is None else tf.constant(frequencies, tf.float32)
        self._normalize()
        self.built = True  # as its network is

    def call(self, indices: tf.Tensor, training: bool = False) -> tf.Tensor:
        """P(positive), (batch, 1)."""
        return self.network(indices, training=training)

    def train_step(self, data: Any) -> Any:
        """One step down the sum of the losses; the loss that is reported is the classification's alone."""
        indices, labels = data
        indices, unlabelled = indices if isinstance(indices, tuple) else (indices, None)

        def classification(probabilities: tf.Tensor) -> tf.Tensor:
            return self.compute_loss(y=labels, y_pred=probabilities)

        probabilities, loss, gradients = self._descent(indices, classification, self._adversarial_epsilon)
        if unlabelled is not None:
            gradients = _sum(gradients, self._virtual_descent(unlabelled))
        self.optimizer.apply_gradients(zip(gradients, self._variables, strict=True))
        self._normalize()
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(labels)[0])
        return self.compute_metrics(indices, labels, probabilities)

    def _normalize(self) -> None:
        if self._frequencies is not None:
            normalize_embedding(self._embedding, self._frequencies)

    @property
    def _variables(self) -> list[Any]:
        return [self._embedding.embeddings, *self._read_variables]

    @property
    def _read_variables(self) -> list[Any]:
        return [variable for layer in self._reader for variable in layer.trainable_variables]

    def _descent(self, indices: tf.Tensor, loss: Loss, epsilon: float) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        """P(positive) of the reviews as they are, its loss, and gradients by `_variables`.

        The gradients are those of this loss; with an epsilon, the loss after the adversarial step is added.
        """
        with tf.GradientTape() as tape:
            vectors, mask = self._embed(indices)
        probabilities, value, (by_vectors, *gradients) = self._read(vectors, mask, loss)
        if epsilon:
            _, _, (by_moved, *more) = self._read(vectors + perturbation(by_vectors, epsilon), mask, loss)
            by_vectors, gradients = by_vectors + by_moved, _sum(gradients, more)
        return probabilities, value, [self._by_embedding(tape, vectors, by_vectors), *gradients]

    def _virtual_descent(self, indices: tf.Tensor) -> list[tf.Tensor]:
        """The gradients by `_variables` of the losses of unlabelled reviews."""
        with tf.GradientTape() as tape:
            vectors, mask = self._embed(indices)
        before, _, by_entropy = self._read(
            vectors, mask, lambda after: tf.reduce_mean(entropy(after)), by_weights=bool(self._entropy_weight)
        )
        parts = []
        if self._entropy_weight:
            parts.append([self._entropy_weight * gradient for gradient in by_entropy])
        if self._virtual_adversarial_epsilon:
            moved = vectors + perturbation(by_entropy[0], self._virtual_adversarial_epsilon)
            before = tf.stop_gradient(before)
            parts.append(self._read(moved, mask, lambda after: tf.reduce_mean(divergence(before, after)))[2])
        by_vectors, *gradients = functools.reduce(_sum, parts)
        return [self._by_embedding(tape, vectors, by_vectors), *gradients]

    def _embed(self, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Word vectors after dropout, (batch, time, embedding_dim); and where the network skips padding, bool (batch,
        time), which of them are words.
        """
        vectors = self._embedding(indices)
        for layer in self._embedding_dropout:
            vectors = layer(vectors, training=True)
        return vectors, self._embedding.compute_mask(indices)

    def _read(
        self, vectors: tf.Tensor, mask: tf.Tensor | None, loss: Loss, *, by_weights: bool = True
    ) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        """P(positive), its loss, and the gradients of that by the word vectors and, unless `by_weights` is False, by
        every weight after them.
        """
        with tf.GradientTape() as tape:
            tape.watch(vectors)
            outputs = vectors
            for layer in self._reader:
                over_time = {"mask": mask} if len(outputs.shape) == 3 else {}
                outputs = layer(outputs, training=True, **over_time)
            value = loss(outputs)
        if not by_weights:
            with gradients_by_inputs_alone():
                return outputs, value, tape.gradient(value, [vectors])
        weights = [variable.value for variable in self._read_variables]
        return outputs, value, tape.gradient(value, [vectors, *weights])

    def _by_embedding(self, tape: tf.GradientTape, vectors: tf.Tensor, by_vectors: tf.Tensor) -> tf.Tensor:
        return tf.convert_to_tensor(tape.gradient(vectors, self._embedding.embeddings.value, by_vectors))


def _sum(some: list[tf.Tensor], others: list[tf.Tensor]) -> list[tf.Tensor]:
    return [one + other for one, other in zip(some, others, strict=True)]
