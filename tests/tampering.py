"""Changing a saved classifier as somebody does who knows its checksums."""

import json
from pathlib import Path
from typing import Any

from sentiment.data.fingerprints import FINGERPRINTS_FILE
from sentiment.saved_classifier import CLASSIFIER_FILE, ClassifierDescription, sha256_of


def sign_again(folder: Path, **changes: Any) -> None:
    """Make the checksums of a classifier those of the files that are in its folder now.

    Args:
        changes: of the fields of classifier.json.
    """
    content = json.loads((folder / CLASSIFIER_FILE).read_text())
    files = [name for name in {*content["sha256"], FINGERPRINTS_FILE} if (folder / name).exists()]
    checksums = {name: sha256_of(folder / name) for name in files}
    ClassifierDescription.model_validate({**content, **changes, "sha256": checksums}).save(folder)
