"""DenseAdam: Keras' Adam, with the gradient of an embedding as one array, and a pull to where training started."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("sentiment")
class DenseAdam(keras.optimizers.Adam):
    """Adam as in Kingma & Ba (2015), whose step on an embedding of some ten thousand words is faster than Keras' own.

    The gradient of an embedding names the words of a batch. Keras' step by such a gradient moves every word all the
    same, in more passes over the memory than by a dense one. It measures the gradient's length before repeated words
    are added up, so `clipnorm` bounds something else.

    Args:
        start_penalty: after each step every weight goes back towards its value at the start, by this number times the
            step size times its distance: the penalty L2-SP of Li, Grandvalet & Davoine (2018), apart from the
            gradient as Loshchilov & Hutter (2019) have weight decay. As a step of Adam is about as long as the step
            size, a weight hardly moves further than 1 / start_penalty.
        options: those of Adam.
    """

    def __init__(self, learning_rate: Any = 0.001, *, start_penalty: float = 0.0, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.start_penalty = start_penalty
        self._starts: list[Any] = []

    def build(self, variables: Any) -> None:
        """Make the moments, and keep the values at the start."""
        if self.built:
            return
        super().build(variables)
        if self.start_penalty:
            self._starts = [self.add_variable_from_reference(variable, name="start") for variable in variables]
            for start, variable in zip(self._starts, variables, strict=True):
                start.assign(variable)

    def restart(self, learning_rate: float) -> None:
        """Begin anew with the weights as they are now; what was compiled for the steps stays."""
        for variable in self.variables:
            variable.assign(tf.zeros_like(variable.value))
        self.learning_rate = learning_rate
        for start, variable in zip(self._starts, self._trainable_variables, strict=False):  # none without a pull
            start.assign(variable)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """A step of Adam, and the pull."""
        super().update_step(gradient, variable, learning_rate)
        if self.start_penalty:
            start = self._starts[self._get_variable_index(variable)].value
            share = tf.minimum(tf.cast(learning_rate * self.start_penalty, variable.dtype), 1.0)
            variable.assign_sub(share * (variable - start))

    def get_config(self) -> dict[str, Any]:
        """As Keras saves it."""
        return {**super().get_config(), "start_penalty": self.start_penalty}

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Take a step by these gradients, dense ones or tf.IndexedSlices."""
        super().apply([tf.convert_to_tensor(gradient) for gradient in grads], trainable_variables)
