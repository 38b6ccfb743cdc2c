"""Encoded reviews to one padded array."""

from collections.abc import Iterable
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from sentiment.vocabulary import Vocabulary


class SequenceConfig(BaseModel):
    """The shape of the network's input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    maxlen: int = Field(200, ge=2, description="Tokens kept of a review, the start token included.")
    padding: Literal["pre", "post"] = Field("pre", description="Side on which short reviews are filled with zeros.")
    truncating: Literal["pre", "post"] = Field("pre", description="Side on which long reviews are cut.")


def pad_texts(texts: Iterable[str], vocabulary: Vocabulary, config: SequenceConfig) -> np.ndarray:
    """The reviews as `keras.utils.pad_sequences` lays them out.

    Returns:
        int32 array of shape (N, maxlen).
    """
    import keras

    padded: np.ndarray = keras.utils.pad_sequences(
        [vocabulary.encode(text, config.maxlen, config.truncating) for text in texts],
        maxlen=config.maxlen,
        padding=config.padding,
    )
    return padded
