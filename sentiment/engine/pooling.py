"""Pooling over the words of a review that Keras lacks: the largest value of every unit, alone or with its mean."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("sentiment")
class MaxPooling(keras.layers.Layer):
    """(batch, time, units) to (batch, units), after Collobert et al. (2011). Unlike Keras' GlobalMaxPooling1D it leaves
    out what is masked; of a review without any word it gives zeros, the state that recurrent layers start from.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # Keras keeps the name of a layer only under this name
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Pool; mask: bool (batch, time), True at words."""
        if mask is None:
            return ops.max(inputs, axis=1)
        is_word = mask[:, :, None]
        largest = ops.max(ops.where(is_word, inputs, -float("inf")), axis=1)
        return ops.where(ops.any(is_word, axis=1), largest, 0.0)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: time is gone."""


@keras.saving.register_keras_serializable("sentiment")
class MaxMeanPooling(MaxPooling):
    """(batch, time, units) to (batch, 2 * units): the largest and the mean value of every unit over what is not masked,
    two parts of the concat pooling of Howard & Ruder (2018).
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._mean = keras.layers.GlobalAveragePooling1D()

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Pool; mask: bool (batch, time), True at words."""
        return ops.concatenate([super().call(inputs, mask=mask), self._mean(inputs, mask=mask)], axis=-1)
