"""Fingerprints: which texts a classifier has learned from, as hashes of 64 bits, so that none of them tests it."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sentiment.data.arrays import read_arrays
from sentiment.data.corpus import normalized

FINGERPRINTS_FILE = "fingerprints.npz"

MOST_BYTES = 2**28
"""Most bytes of saved fingerprints, enough for 33 million texts."""


def fingerprints(texts: Sequence[str]) -> np.ndarray:
    """A hash of each text, uint64 (N,): BLAKE2b of what its copies have in common, as `normalized` gives it.

    Two different texts share one with a chance of 1 in 2**64.
    """
    digests = [
        hashlib.blake2b(normalized(text).encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts
    ]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def _none() -> np.ndarray:
    return np.zeros(0, np.uint64)


@dataclass(frozen=True, eq=False)
class Fingerprints:
    """The texts that a classifier has learned from, or that chose its epochs or its threshold.

    Attributes:
        own: of the texts of its own training, uint64, rising.
        start: of those that its start had learned from, and the start of that, uint64, rising.
    """

    own: np.ndarray = field(default_factory=_none)
    start: np.ndarray = field(default_factory=_none)

    @classmethod
    def of(cls, texts: Iterable[str], start: "Fingerprints | None" = None) -> "Fingerprints":
        """Those of a classifier that learned from `texts`, perhaps after a start."""
        return cls(np.unique(fingerprints([*texts])), _none() if start is None else start.everything)

    @property
    def everything(self) -> np.ndarray:
        """Both together, uint64, rising."""
        return np.union1d(self.own, self.start)

    def holds(self, texts: Sequence[str]) -> np.ndarray:
        """Whether each text is among them, bool (N,)."""
        return np.isin(fingerprints(texts), self.everything)

    def digest(self) -> str:
        """SHA-256 over both, as 32 hexadecimal digits."""
        content = [len(self.own).to_bytes(8, "little"), self.own.tobytes(), self.start.tobytes()]
        return hashlib.sha256(b"".join(content)).hexdigest()[:32]

    def save(self, folder: Path) -> None:
        """Write fingerprints.npz into a folder."""
        np.savez(folder / FINGERPRINTS_FILE, allow_pickle=False, own=self.own, start=self.start)

    @classmethod
    def load(cls, folder: Path) -> "Fingerprints":
        """Read what `save` wrote; nothing is unpickled.

        Raises:
            ValueError, KeyError, zipfile.BadZipFile: the file holds something else.
        """
        arrays = read_arrays((folder / FINGERPRINTS_FILE).read_bytes(), ["own", "start"], most_bytes=MOST_BYTES)
        for name, values in arrays.items():
            if values.dtype != np.uint64 or values.ndim != 1 or (values[1:] <= values[:-1]).any():
                raise ValueError(f"its {name} fingerprints are not in their order")
        return cls(**arrays)
