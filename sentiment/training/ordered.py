"""Ordered labels in training: the cut points of the proportional-odds model (McCullagh 1980), and its loss."""

from typing import Any

import keras
import numpy as np
from keras import ops

LEAST_PROBABILITY = 1e-7
"""The loss takes no class as less likely."""


@keras.saving.register_keras_serializable("sentiment")
class CutPoints(keras.layers.Layer):
    """Scores (batch, 1) to P(label > k) for every class k but the last, (batch, K - 1).

    P(label > k) is the logistic function of score - cut k. The first cut and the logarithms of the distances between
    neighbours are the weights, so the cuts always rise.

    Args:
        cuts: how many, K - 1.
    """

    def __init__(self, cuts: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cuts = cuts

    def build(self, input_shape: Any) -> None:
        """Make the weights."""
        self.placed = self.add_weight(shape=(self.cuts,), initializer="zeros", name="cut_points")

    def call(self, inputs: Any) -> Any:
        """The cumulative probabilities."""
        first, distances = self.placed[:1], ops.exp(self.placed[1:])
        return ops.sigmoid(inputs - ops.cumsum(ops.concatenate([first, distances])))

    def get_config(self) -> dict[str, Any]:
        """What `from_config` takes."""
        return {**super().get_config(), "cuts": self.cuts}


def cut_point_weights(cut_points: np.ndarray) -> np.ndarray:
    """The weights of CutPoints with these rising cuts, float32 (K - 1,)."""
    return np.concatenate([cut_points[:1], np.log(np.diff(cut_points))]).astype(np.float32)


def ordered_crossentropy(class_weights: np.ndarray | None = None) -> Any:
    """The cross-entropy of K ordered classes, whose labels and probabilities are cumulative.

    Args:
        class_weights: how much a review of each class counts, (K,); None: all alike.

    Returns:
        A loss as Keras takes it: P(label > k) as taught and as found, both (batch, K - 1) -> nats (batch,).
    """

    def loss(labels: Any, probabilities: Any) -> Any:
        taught = classes_of(labels)
        if class_weights is not None:
            taught = taught * ops.convert_to_tensor(class_weights, "float32")
        likely = ops.maximum(classes_of(probabilities), LEAST_PROBABILITY)
        return -ops.sum(taught * ops.log(likely), axis=-1)

    return loss


def classes_of(cumulative: Any) -> Any:
    """The probabilities of classes, (batch, K), from cumulative ones, (batch, K - 1)."""
    ends = ops.ones_like(cumulative[:, :1])
    return ops.concatenate([ends, cumulative], axis=-1) - ops.concatenate([cumulative, 0 * ends], axis=-1)


def balanced_class_weights(labels: np.ndarray) -> np.ndarray:
    """Weights with which every class counts alike, float32 (K,), from cumulative labels (N, K - 1)."""
    ends = np.ones((len(labels), 1))
    shares = -np.diff(np.hstack([ends, labels, 0 * ends]), axis=1).mean(axis=0)
    weights: np.ndarray = (1 / (len(shares) * np.maximum(shares, 1 / len(labels)))).astype(np.float32)
    return weights
