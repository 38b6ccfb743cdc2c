"""DenseAdam: Keras' Adam, with the gradient of an embedding as one array."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("sentiment")
class DenseAdam(keras.optimizers.Adam):
    """Adam as in Kingma & Ba (2015), whose step on an embedding of some ten thousand words is faster than Keras' own.

    The gradient of an embedding names the words of a batch. Keras' step by such a gradient moves every word all the
    same, in more passes over the memory than by a dense one, and measures its length before repeated words are added
    up, so that `clipnorm` bounds something else.
    """

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Take a step by these gradients, dense ones or tf.IndexedSlices."""
        super().apply([tf.convert_to_tensor(gradient) for gradient in grads], trainable_variables)
