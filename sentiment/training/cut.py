"""Cut: which of the training reviews a model learns from, and which ones it is validated on."""

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np

from sentiment.data.corpus import Corpus, Reviews
from sentiment.data.validation import nested_part, split_validation


def _none() -> np.ndarray:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Cut:
    """Positions of reviews in the training split, int64.

    Attributes:
        training: the reviews to learn from, (N,).
        validation: the reviews that choose epochs and threshold, (V,); empty where the model learns from all.
        held_out: reviews that nothing chooses by, (H,).
        epoch: what an epoch goes through: `training`, repeated where only a part of the labels is used.
    """

    training: np.ndarray
    validation: np.ndarray = field(default_factory=_none)
    held_out: np.ndarray = field(default_factory=_none)
    epoch: np.ndarray = field(default_factory=_none)

    def __post_init__(self) -> None:
        if not len(self.epoch):
            object.__setattr__(self, "epoch", self.training)

    @property
    def digest(self) -> str:
        """What tells this cut from any other, 16 hexadecimal digits."""
        hasher = hashlib.sha256()
        for positions in (self.training, self.validation, self.held_out, self.epoch):
            hasher.update(len(positions).to_bytes(8, "little") + positions.astype("<i8").tobytes())
        return hasher.hexdigest()[:16]


def cut_validation(corpus: Corpus, share: float, seed: int) -> Cut:
    """The reviews that the source sets aside validate; where it sets none aside, a share of train does.

    Args:
        share: of the distinct texts of train.
        seed: decides which ones.

    Raises:
        InputError: a class has too few reviews for both sides.
    """
    train, validation = corpus.train, corpus.validation
    if len(validation):
        return Cut(np.setdiff1d(np.arange(len(train)), validation), validation)
    return Cut(*split_validation(train.texts, train.labels, share, seed))


def learn_from_all(corpus: Corpus, share: float, seed: int) -> Cut:
    """All reviews of train are learned from, and none validates; the arguments are those of `cut_validation`."""
    return Cut(np.arange(len(corpus.train)))


def keep_labels(cut: Cut, labels: np.ndarray, share: float, seed: int) -> Cut:
    """The cut as if only a share of the reviews had labels; an epoch stays as long as with all of them.

    Args:
        labels: of all reviews of train, (N,): 1 positive, 0 negative.
        share: above 0 and up to 1, of both sides.
        seed: decides which ones. A larger share holds all reviews of a smaller one.
    """
    if share == 1:
        return cut
    training, validation = (nested_part(side, labels, share, seed) for side in (cut.training, cut.validation))
    return Cut(training, validation, epoch=np.resize(training, len(cut.training)))


def hold_out(cut: Cut, train: Reviews, seed: int) -> Cut:
    """The cut with as many reviews again taken from those to learn from, which nothing chooses by."""
    texts, share = [train.texts[position] for position in cut.training], len(cut.validation) / len(cut.training)
    kept, held_out = split_validation(texts, train.labels[cut.training], min(share, 0.5), seed)
    return replace(cut, training=cut.training[kept], held_out=cut.training[held_out], epoch=_none())
