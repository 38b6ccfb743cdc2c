"""What somebody, or a failing disk, has changed: classifiers and working directories."""

import contextlib
import json
import random
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.campaign.cases import MOST_BYTES, NETWORK, Case, Part, copied_run, judged, small_table
from tests.campaign.hostile_inputs import flipped, mutated
from tests.campaign.processes import Task
from tests.tampering import sign_again

Change = Callable[[Path, random.Random], None]

REVIEWS = ["a fine film", "dull", "not bad at all", "\u201eschön\u201c"]


def damage(path: Path, generator: random.Random) -> str:
    """Flip, cut, empty, lengthen or remove a file; returns which. A new file takes its place, as others may link it."""
    content = path.read_bytes()
    path.unlink()
    kinds = ("bits flipped", "bytes inverted", "cut short", "emptied", "lengthened", "removed")
    kind = generator.choice(kinds if content else kinds[4:])
    changed = bytearray(content)
    if kind == "bits flipped":
        changed[:] = flipped(content, generator)
    elif kind == "bytes inverted":
        start = generator.randrange(len(changed))
        changed[start : start + 2_000] = bytes(byte ^ 255 for byte in changed[start : start + 2_000])
    elif kind == "cut short":
        del changed[generator.randrange(len(changed)) :]
    elif kind == "emptied":
        changed.clear()
    elif kind == "lengthened":
        changed += generator.randbytes(generator.randrange(1, 100))
    if kind != "removed":
        path.write_bytes(changed)
    return kind


class TamperedClassifiers(Part):
    """Folders of the LSTM and of the linear model: files damaged, or changed with their checksums made anew. A damaged
    file is refused, and whatever `predict` says is a probability. `score` reads the profile of validation.
    """

    name, count = "classifiers", 400

    def try_case(self, number: int) -> Case:
        """One folder."""
        generator = self.generator(number)
        with tempfile.TemporaryDirectory(dir=self.workshop.folder) as temporary:
            folder = Path(temporary, "case")
            is_linear = generator.random() < 0.3
            original = self.workshop.linear_classifier if is_linear else self.workshop.classifier
            shutil.copytree(original, folder / "classifier")
            codes: tuple[int, ...] = (0, 2)
            if generator.random() < 0.4:
                path = generator.choice(sorted((folder / "classifier").iterdir()))
                kind = f"{path.name} {damage(path, generator)}"
                if kind != "validation.json removed":  # a classifier may be saved without it
                    codes = (2,)
            else:
                changes = LINEAR_CHANGES if is_linear else CHANGES
                kind, change = generator.choice(sorted(changes.items(), key=lambda pair: pair[0]))
                change(folder / "classifier", generator)
                if generator.random() < 0.8:
                    renew_checksums(folder / "classifier")
            arguments = ["predict", *REVIEWS]
            if kind.startswith("validation.json"):  # which `predict` does not read
                small_table(folder / "in.csv", generator, 20)
                arguments = ["score", "in.csv", "out.csv"]
            outcome = self.workshop.scoring.run(Task(str(folder), [*arguments, "--model", "classifier"]))
            wrong = judged(outcome, codes=codes, most_bytes=MOST_BYTES)
            if not wrong and outcome.code == 0 and arguments[0] == "predict":
                verdicts = re.findall(r"^(?:posi|nega)tive +(\S+)", outcome.output, re.MULTILINE)
                found = [float(verdict) for verdict in verdicts]
                if len(found) != len(REVIEWS) or not all(0 <= value <= 1 for value in found):
                    wrong = f"gives {found}"
            return Case(("linear model: " if is_linear else "LSTM: ") + kind, outcome, wrong)


def renew_checksums(folder: Path) -> None:
    """Make the checksums of a folder those of its files, and sign classifier.json, where its values are possible."""
    with contextlib.suppress(ValueError, TypeError, LookupError, RecursionError):  # what is no description has none
        sign_again(folder)


ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2, 0.5, 1.5, 5, 10**9, 10**30, -(10**18), 1e308, float("nan"), float("inf"), "", "0.5",
    "pre", [], [0.5], {}, {"a": 1}, "x" * 100_000,
)  # fmt: skip


def change_json(name: str) -> Change:
    """Give a value of a JSON file, at any depth, another; or drop it, or add one."""

    def change(folder: Path, generator: random.Random) -> None:
        path = folder / name
        content = json.loads(path.read_bytes())
        place = content
        while True:
            key = generator.choice(list(place)) if isinstance(place, dict) else generator.randrange(len(place))
            inner = place[key]
            if not (isinstance(inner, dict | list) and inner) or generator.random() < 0.4:
                break
            place = inner
        if generator.random() < 0.15:
            del place[key]
        elif generator.random() < 0.1 and isinstance(place, dict):
            place["surprise"] = generator.choice(ODD_VALUES)
        else:
            place[key] = generator.choice(ODD_VALUES)
        path.write_text(json.dumps(content))

    return change


def write_odd_json(name: str) -> Change:
    """Replace a JSON file by something that is hardly JSON, or by very much of it."""

    def change(folder: Path, generator: random.Random) -> None:
        odd = (
            "[" * 200_000, '{"a":' * 200_000, "", "null", "[]", "{}", "3", '"text"', "\ufeff{}", '{"a": 1, "a": 2}',
            "\0" * 100, "1" * 5_000, " " * 2**24, json.dumps(dict.fromkeys(map(str, range(200_000)), 1)),
        )  # fmt: skip
        (folder / name).write_text(generator.choice(odd), "utf-8")

    return change


def change_words(folder: Path, generator: random.Random) -> None:
    """A vocabulary of other words: fewer, more, repeated, very many, very long."""
    path = folder / ("vocabulary.json" if (folder / "vocabulary.json").exists() else "linear_model_vocabulary.json")
    content = json.loads(path.read_bytes())
    words = content["words"]
    kind = generator.randrange(7)
    content["words"] = (
        [], words[:5], words * 2, [words[0]] * len(words), [f"w{number}" for number in range(10_000_000)],
        ["x" * 10_000_000], [word + " \0\u202e" for word in words],
    )[kind]  # fmt: skip
    if generator.random() < 0.5:
        content["num_words"] = len(content["words"]) + 4
    path.write_text(json.dumps(content))


def change_network(folder: Path, generator: random.Random) -> None:
    """Weights of a network with other values, types, shapes, sizes or names."""
    change_npz(folder / "weights.npz", generator)


def change_network_bytes(folder: Path, generator: random.Random) -> None:
    """Bytes of the weights changed anywhere."""
    path = folder / "weights.npz"
    path.write_bytes(mutated(path.read_bytes(), generator, generator.choice((1, 5, 50))))


def change_arrays(folder: Path, generator: random.Random) -> None:
    """The arrays of a linear model with other values, types, shapes or sizes."""
    change_npz(folder / "linear_model.npz", generator)


def change_npz(path: Path, generator: random.Random) -> None:
    """One of the arrays of a file: another, under another name, or left out."""
    with np.load(path) as arrays:
        content: dict[str, Any] = dict(arrays)
    name = generator.choice(sorted(content))
    values = content.pop(name)
    number = generator.choice((np.nan, np.inf, 3e38, -3e38, 1e30))
    is_number = values.dtype.kind in "fiu"
    others: list[Any] = [
        values[::-1] if values.ndim else values[None], values[..., None], values[None], values.astype(object),
        np.zeros(2**27), np.array("text"), np.array(["gru", "lstm"]), np.array(10**9),
    ]  # fmt: skip
    if is_number:
        with np.errstate(all="ignore"):
            numbers = np.full(values.shape, number)
            others += [values.astype(np.float16), values.astype(np.float64), -values, numbers.astype(values.dtype)]
        others += [values[:-1], values[:0], np.concatenate([values, values])]
    if generator.random() < 0.9:
        content[generator.choice((name, name, name, name, "surprise"))] = generator.choice(others)
    is_small = sum(array.nbytes for array in content.values()) < 2**24
    save = np.savez if is_small and generator.random() < 0.8 else np.savez_compressed
    save(path, allow_pickle=True, **content)


CHANGES: dict[str, Change] = {
    "value in classifier.json": change_json("classifier.json"),
    "value in vocabulary.json": change_json("vocabulary.json"),
    "odd classifier.json": write_odd_json("classifier.json"),
    "odd vocabulary.json": write_odd_json("vocabulary.json"),
    "other words": change_words,
    "other network": change_network,
    "bytes of the network": change_network_bytes,
}
LINEAR_CHANGES: dict[str, Change] = {
    "value in classifier.json": change_json("classifier.json"),
    "value in linear_model.json": change_json("linear_model.json"),
    "value in linear_model_vocabulary.json": change_json("linear_model_vocabulary.json"),
    "odd linear_model.json": write_odd_json("linear_model.json"),
    "other words": change_words,
    "other arrays": change_arrays,
}


class DamagedStages(Part):
    """Working directories with one damaged file; `compare` reads all of it. The message names the damaged folder and
    the remedy, and after the remedy the same command succeeds.
    """

    name, count = "stages", 150

    def try_case(self, number: int) -> Case:
        """One file of one folder."""
        generator = self.generator(number)
        with tempfile.TemporaryDirectory(dir=self.workshop.folder) as temporary:
            folder = copied_run(self.workshop, Path(temporary, "case"))
            work = folder / ".sentiment"
            path = generator.choice(sorted(path for path in work.rglob("*") if path.is_file() and path.name != "lock"))
            kind = damage(path, generator)
            name = path.relative_to(work)
            of = name.parts[0] if len(name.parts) > 1 else "the folder itself"
            task = Task(str(folder), ["compare", *NETWORK[1:], "--data", str(self.workshop.table)], seconds=200)
            outcome = self.workshop.training.run(task)
            wrong = judged(outcome)
            if not wrong and outcome.code == 2:
                stage = re.search(r"(\S+) is damaged \(", outcome.output)
                remedy = Path(folder, stage[1]) if stage else work
                if "delete" not in outcome.output:
                    wrong = f"no remedy: {outcome.output[-300:]}"
                else:
                    shutil.rmtree(remedy)
                    again = self.workshop.training.run(task)
                    wrong = judged(again, codes=(0,))
            elif not wrong and len(name.parts) > 1 and kind != "removed":
                wrong = f"{name} {kind}: taken for whole"
            return Case(f"{of}, {kind}", outcome, wrong)
