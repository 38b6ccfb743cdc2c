"""Archives of reviews in the layout of aclImdb, and what tensorflow-datasets makes of one."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from sentiment.data.sources.demo import load_demo

PREPARE = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow_datasets as tfds
def prepare(name, download):
    builder = tfds.builder(name, data_dir=sys.argv[1])
    split_generators = type(builder)._split_generators
    def without_download(self, manager):
        manager.download = manager.download_and_extract = lambda url: download
        return split_generators(self, manager)
    type(builder)._split_generators = without_download
    builder.download_and_prepare()
for name, download in zip(sys.argv[2::2], sys.argv[3::2]):
    prepare(name, download)
"""


def write_archive(path: Path, files: dict[str, bytes]) -> Path:
    """An archive in the layout of aclImdb; files: name below aclImdb/ -> content."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"aclImdb/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def write_demo_archive(path: Path) -> Path:
    """The demo corpus, which is synthetic, as such an archive."""
    corpus = load_demo(seed=0)
    files = {}
    for split, reviews in (("train", corpus.train), ("test", corpus.test)):
        for number, (text, label) in enumerate(zip(reviews.texts, reviews.labels, strict=True)):
            kind, rating = ("pos", 9) if label else ("neg", 2)
            files[f"{split}/{kind}/{number}_{rating}.txt"] = text.encode()
    for number, text in enumerate(corpus.unlabelled.texts):
        files[f"train/unsup/{number}_0.txt"] = text.encode()
    return write_archive(path, files)


def prepare_tfds(downloads: dict[str, Path], folder: Path) -> Path:
    """What the real builders of tensorflow-datasets make of downloads: data set -> what it would download."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    pairs = [part for pair in downloads.items() for part in pair]
    subprocess.run([sys.executable, "-c", PREPARE, folder, *pairs], check=True, capture_output=True, env=environment)
    return folder
