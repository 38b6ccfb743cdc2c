"""Runs the core over hostile texts and arrays: python -m tests.sentiment.engine.hostile_input LIBRARY FOLDER."""

import contextlib
import importlib.util
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from sentiment.data.sequences import SequenceConfig
from sentiment.data.tokenizer import Tokenizer
from sentiment.data.vocabulary import Vocabulary

MAXLEN, NUM_WORDS = 12, 40
WORDS = ["a", "film", "", "\0", "extraordinarily", "unextraordinarily", "café", "br", "A", "oo", "extraordiinarily"]


def hostile_texts(generator: random.Random) -> Iterator[str]:
    """Texts of every length around the limits, of any ASCII character, cut line breaks, long words, very long texts."""
    pieces = [
        *WORDS,
        *map(chr, range(128)),
        "<br",
        "<br /",
        "<br />",
        "<BR\t\n>",
        "br>",
        "/>",
        "x" * 300,
        "ooo",
        "extraordiiiiinarily",
    ]
    yield from pieces
    for length in range(3 * MAXLEN):
        yield "".join(generator.choices(pieces, k=length))
        yield " ".join(generator.choices(WORDS, k=length))
        yield "".join(map(chr, generator.choices(range(128), k=length)))
    yield from ("a" * 1_000_000, " " * 1_000_000, "<br" * 300_000, "a " * 300_000, "<br " + "\t" * 1_000_000)


def aligned(values: np.ndarray) -> np.ndarray:
    """A copy where the core takes arrays of numbers; it refuses others unread."""
    memory = np.empty(values.nbytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    copy = memory[start : start + values.nbytes].view(values.dtype)
    copy[:] = values
    return copy


def hostile_arguments(arguments: tuple[Any, ...], generator: random.Random) -> Iterator[tuple[Any, ...]]:
    """The arguments of `load`, each with one number or one array that does not fit."""
    *numbers, units, embedding, arrays = arguments
    for position in range(len(numbers)):
        for number in (-(2**31), -1, 0, 1, 2, 3, 5, 2**16, 2**24, 2**31 - 1):
            yield (*numbers[:position], number, *numbers[position + 1 :], units, embedding, arrays)
    for wrong in ([], [0], [-1], [2**31 - 1], [2**14] * len(units), [*units, *units], list(units)[:-1], [5] * 1_000):
        yield (*numbers, np.array(wrong, np.int32), embedding, arrays)
    for vectors in (embedding[:0], embedding[:-1], embedding[: NUM_WORDS * 2], embedding.view(np.uint8)[4:]):
        yield (*numbers, units, vectors, arrays)
    wrong_ends = [generator.choices([-(2**31), -1, 0, 1, 5, 100, 2**31 - 1], k=len(WORDS)) for _ in range(9)]
    falling_ends = [1, -(2**31), *[1] * (len(WORDS) - 2)]
    foreign = [aligned(np.array(ends, np.int32)) for ends in (*wrong_ends, falling_ends)]
    foreign.append(aligned(np.zeros(100_000, np.float32)))
    for position, array in enumerate(arrays):
        for other in (array[:-1], array[: len(array) // 2], b"", None, *foreign):
            yield (*numbers, units, embedding, (*arrays[:position], other, *arrays[position + 1 :]))
    yield (*numbers, units, embedding, ())
    yield (*numbers, units, embedding, arrays * 40)


def main(library: Path, folder: Path) -> None:
    """Score hostile texts with each network; try to load each with hostile arguments."""
    spec = importlib.util.spec_from_file_location("sentiment.engine._native", library)
    assert spec is not None and spec.loader is not None
    core = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(core)
    loaded: list[tuple[Any, ...]] = []

    def load(*arguments: Any) -> Any:
        loaded.append(arguments)
        return core.load(*arguments)

    watched = ModuleType(spec.name)
    watched.__dict__.update({**vars(core), "load": load})
    sys.modules[spec.name] = watched
    from sentiment.engine.native import NativeNetwork
    from sentiment.engine.network import Network

    generator = random.Random(0)
    texts = list(hostile_texts(generator))
    widths = [width for width in (4, 8, 16) if width <= core.widest()]
    networks = 0
    for file in sorted(folder.glob("*.npz")):
        for truncating in ("pre", "post"):
            padding = file.stem.rpartition("_")[2]
            sequences = SequenceConfig.model_validate({"maxlen": MAXLEN, "padding": padding, "truncating": truncating})
            vocabulary = Vocabulary(WORDS, NUM_WORDS, Tokenizer(symbols=networks % 2 == 0))
            width = widths[networks % len(widths)]
            network = NativeNetwork(Network.from_npz(file.read_bytes()), vocabulary, sequences, width)
            assert np.isfinite(network.positive_probability(texts)).all()
            for text in filter(str.isascii, texts):
                assert 1 <= len(network.encode(text)) <= MAXLEN
            networks += 1
        for arguments in hostile_arguments(loaded[-1], generator):
            with contextlib.suppress(ValueError, TypeError, IndexError, MemoryError, BufferError, OverflowError):
                capsule = core.load(*arguments)
                core.score(capsule, tuple(texts[:40]), np.empty(40, np.float32))
                core.score(capsule, (np.arange(12, dtype=np.int32).tobytes(),), np.empty(1, np.float32))
    assert networks, "the folder holds no network"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
