"""The classifier in the box, made small from one that was trained on all of IMDB's training half: `make pretrained`."""

import shutil
import sys
import tempfile
from pathlib import Path

from sentiment.classifier import SentimentClassifier
from sentiment.errors import PRETRAINED, InputError
from sentiment.saved_classifier import IN_THE_BOX

MOST_BYTES = 8_000_000
"""Of its files, as everybody downloads them."""


def write_pretrained(trained: Path, into: Path = PRETRAINED / IN_THE_BOX) -> None:
    """Save a classifier small, in the place of the one in the box, whose model card stays.

    Args:
        trained: folder of the classifier.

    Raises:
        InputError: there is none, it does not say what it has learned from or promises, or it is too large.
    """
    classifier = SentimentClassifier.load(trained)
    classifier.as_start(str(trained))
    if classifier.profile_ is None:
        raise InputError(f"{trained} was never validated: train one with `sentiment train`.")
    with tempfile.TemporaryDirectory() as temporary:
        classifier.save(temporary, small=True)
        files = [*Path(temporary).iterdir()]
        size = sum(path.stat().st_size for path in files)
        if size > MOST_BYTES:
            raise InputError(f"{trained} would take {size:,} bytes, of {MOST_BYTES:,} at most: train a smaller one.")
        into.mkdir(parents=True, exist_ok=True)
        for path in files:
            shutil.copyfile(path, into / path.name)


if __name__ == "__main__":
    [folder] = sys.argv[1:]
    write_pretrained(Path(folder))
