"""DenseAdam: Keras' Adam with the gradient of an embedding as one array, and a penalty on the way from the start."""

from typing import Any

import keras
import tensorflow as tf

from sentiment.training.compilation import is_compiled

LARGE = 100_000
"""Numbers of a weight array whose step is compiled."""


@keras.saving.register_keras_serializable("sentiment")
class DenseAdam(keras.optimizers.Adam):
    """Adam as in Kingma & Ba (2015), whose step on an embedding of some ten thousand words is faster than Keras' own.

    The gradient of an embedding names the words of a batch. Keras' step by such a gradient moves every word all the
    same, in more passes over the memory than by a dense one. It measures the gradient's length before repeated words
    are added up, so `clipnorm` bounds something else. The step on a LARGE array is compiled to one pass, where training
    `is_compiled`, and the same to the last bit.

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
        for start, variable in zip(self._starts, self._trainable_variables, strict=False):  # none without a penalty
            start.assign(variable)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """A step of Adam, and one towards the start."""
        if variable.shape.num_elements() >= LARGE and is_compiled():
            self._compiled_step(gradient, variable, learning_rate)
        else:
            super().update_step(gradient, variable, learning_rate)
        if self.start_penalty:
            start = self._starts[self._get_variable_index(variable)].value
            share = tf.minimum(tf.cast(learning_rate * self.start_penalty, variable.dtype), 1.0)
            variable.assign_sub(share * (variable - start))

    def _compiled_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        position = self._get_variable_index(variable)
        moments = self._momentums[position].value, self._velocities[position].value
        step = tf.cast(self.iterations + 1, variable.dtype)
        first, second = (1 - tf.pow(tf.cast(beta, variable.dtype), step) for beta in (self.beta_1, self.beta_2))
        step_size = tf.cast(learning_rate, variable.dtype) * tf.sqrt(second) / first
        _compiled_adam(variable, *moments, gradient, step_size, 1 - self.beta_1, 1 - self.beta_2, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """As Keras saves it."""
        return {**super().get_config(), "start_penalty": self.start_penalty}

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Take a step by these gradients, dense ones or tf.IndexedSlices."""
        super().apply([tf.convert_to_tensor(gradient) for gradient in grads], trainable_variables)


def _adam(
    variable: tf.Variable,
    momentum: tf.Variable,
    velocity: tf.Variable,
    gradient: tf.Tensor,
    step_size: tf.Tensor,
    momentum_share: float,
    velocity_share: float,
    epsilon: float,
) -> None:
    """Algorithm 1 of Kingma & Ba, its operations in the order of Keras.

    Args:
        step_size: corrected for the bias of both moments.
        momentum_share, velocity_share: of the gradient and of its square in the moments.
    """
    momentum.assign_add(_rounded((gradient - momentum) * momentum_share))
    velocity.assign_add(_rounded((_rounded(tf.square(gradient)) - velocity) * velocity_share))
    variable.assign_sub(momentum * step_size / (tf.sqrt(velocity) + epsilon))


_compiled_adam = tf.function(_adam, jit_compile=True, autograph=False)


def _rounded(product: tf.Tensor) -> tf.Tensor:
    """A product as Keras rounds it.

    XLA would round product and sum at once. A bound between them, which no product exceeds, prevents that.
    """
    return tf.minimum(product, product.dtype.max)
