"""What a saved classifier is on the disk: a folder with classifier.json, which holds a checksum of every other file."""

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field

from sentiment.configuration import Configuration
from sentiment.data.fingerprints import FINGERPRINTS_FILE
from sentiment.data.labels import LABEL_NAMES, MOST_LABELS
from sentiment.data.sequences import SequenceConfig
from sentiment.data.verdicts import Band
from sentiment.engine.recurrent_model import RecurrentModel
from sentiment.errors import PRETRAINED, REPAIR, InputError
from sentiment.training.linear_model import LinearModel
from sentiment.version import __version__

CLASSIFIER_FILE, CLASSIFIER_FOLDER = "classifier.json", "classifier"
"""The file that makes a folder a saved classifier, and the name of that folder in a larger one."""

IN_THE_BOX = "imdb"
"""Name of the classifier that comes with the package."""

LARGEST_DESCRIPTION = 2**16
"""Bytes of classifier.json."""

Label = bool | int | float | str


class ClassifierDescription(Configuration):
    """The content of classifier.json: `sha256` of each other file that was saved, `digest` of all other fields.

    `classes` go from the worst to the best. `neutral` and `label_column` are left out where they say nothing.
    """

    kind: Literal["network", "linear"]
    sequences: SequenceConfig | None = None
    threshold: float = Field(ge=0, le=1, strict=True, allow_inf_nan=False)
    unknown_share: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    classes: tuple[Label, ...] = Field(LABEL_NAMES, min_length=2, max_length=MOST_LABELS)
    neutral: Band | None = None
    label_column: str = "label"
    versions: dict[str, str]
    sha256: dict[str, str]
    digest: str = ""

    @classmethod
    def of(cls, model: RecurrentModel | LinearModel, folder: Path, files: Sequence[str], **fields: Any) -> Self:
        """What describes a model that was saved.

        Args:
            files: names of those in the folder.
            fields: threshold, unknown_share, classes, neutral and label_column.
        """
        is_linear = isinstance(model, LinearModel)
        packages = ("numpy", "scipy") if is_linear else ("numpy", "keras", "tensorflow")
        installed = {package: version(package) for package in packages if find_spec(package)}
        return cls(
            kind="linear" if is_linear else "network",
            sequences=None if isinstance(model, LinearModel) else model.sequences,
            versions={"sentiment": __version__, **installed},
            sha256={name: sha256_of(folder / name) for name in files},
            **fields,
        )

    def save(self, folder: Path) -> None:
        """Write classifier.json."""
        signed = self.model_copy(update={"digest": self._digest()})
        (folder / CLASSIFIER_FILE).write_text(signed.model_dump_json(indent=2, exclude=self._unsaid), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read classifier.json.

        Raises:
            ValueError: it is damaged.
        """
        path = folder / CLASSIFIER_FILE
        if path.stat().st_size > LARGEST_DESCRIPTION:
            raise ValueError(f"{path.name} is longer than {LARGEST_DESCRIPTION:,} bytes")
        description = cls.model_validate_json(path.read_bytes())
        if description.digest != description._digest():
            raise ValueError(f"{CLASSIFIER_FILE} is not the file that was saved")
        return description

    def load_model(self, folder: Path) -> RecurrentModel | LinearModel:
        """The model in the folder, whose files are checked.

        Raises:
            ValueError, InputError: a file is missing, or not the one that was saved.
        """
        files = LinearModel.FILES if self.kind == "linear" else RecurrentModel.FILES
        for name in {*files, *self.sha256}:
            self._check(folder / name)
        if self.kind == "linear":
            return LinearModel.load(folder)
        if self.sequences is None:
            raise ValueError("it says nothing of sequences")
        return RecurrentModel.load(folder, self.sequences)

    @property
    def _unsaid(self) -> set[str]:
        fields = type(self).model_fields
        return {name for name in ("neutral", "label_column") if getattr(self, name) == fields[name].default}

    def _digest(self) -> str:
        return hashlib.sha256(self.model_dump_json(exclude={"digest", *self._unsaid}).encode()).hexdigest()

    def _check(self, path: Path) -> None:
        """Compare a file with its checksum.

        Raises:
            ValueError: the file is missing, or not the one that was saved.
        """
        if not path.is_file():
            raise ValueError(f"{path.name} is missing")
        if self.sha256.get(path.name) != sha256_of(path):
            raise ValueError(f"{path.name} is not the file that was saved")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def classifier_folder(folder: Path) -> Path:
    """Where a saved classifier lies in a folder: the folder itself, or a part of it if MLflow wrote it.

    Raises:
        InputError: there is none.
    """
    for candidate in (folder, folder / "artifacts" / CLASSIFIER_FOLDER):
        if (candidate / CLASSIFIER_FILE).is_file():
            return candidate
    raise InputError(f"{folder} is no saved classifier: {CLASSIFIER_FILE} is missing.")


def local_folder(model: str | Path) -> Path:
    """The folder of the classifier in the box, or of a classifier that was saved on this machine.

    Args:
        model: IN_THE_BOX, or a folder.

    Raises:
        InputError: there is none.
    """
    if model == IN_THE_BOX:
        folder = PRETRAINED / IN_THE_BOX
        if not (folder / CLASSIFIER_FILE).is_file():
            raise InputError(f"The classifier {IN_THE_BOX} is missing from {folder}: {REPAIR}.")
        return folder
    if not Path(model).is_dir():
        raise InputError(f"There is no folder {model}: name {IN_THE_BOX} or a folder.")
    return classifier_folder(Path(model))


def scoring_bytes(folder: Path) -> int:
    """Bytes of the files that score, which the fingerprints do not."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.name != FINGERPRINTS_FILE)
