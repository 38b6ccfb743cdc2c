"""Text data sets as tensorflow-datasets prepares them, the Large Movie Review Dataset (Maas et al. 2011) among them."""

import difflib
import functools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from sentiment.data.corpus import Corpus
from sentiment.data.files import DEFAULT_TEXT_COLUMNS
from sentiment.data.labels import label_word
from sentiment.data.sources.config import SourceConfig
from sentiment.data.sources.rows import DEFAULT_LABEL_COLUMNS, LabelledRows, split_named
from sentiment.errors import InputError, shown, shown_names

IMDB = "imdb_reviews/plain_text"
SECONDS_TO_ANSWER = 10


def find_dataset(config: SourceConfig, show_progress: bool) -> list[Path]:
    """The prepared files under --data, else TFDS_DATA_DIR, else tensorflow-datasets' own folder.

    What is not there is downloaded; tensorflow-datasets gives the folder its final name only when it is whole.

    Raises:
        InputError: nothing is prepared and the download fails, or there is no such data set.
    """
    data_dir = (config.data or Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets"))).expanduser()
    name = config.dataset or IMDB
    if not _prepared(data_dir, name):
        _download(data_dir, name, show_progress)
    return _prepared(data_dir, name)


def load_dataset(config: SourceConfig, files: list[Path], seed: int) -> Corpus:
    """The splits of a data set, each in the order of its files; a class label of -1 says that there is none.

    Raises:
        InputError: it cannot be read, its features do not tell text and label, or labels are unknown.
    """
    import tensorflow_datasets as tfds

    folder = files[0].parent
    with _damage_named(folder):
        builder = tfds.builder_from_directory(folder)
        features = _scalars(builder.info.features)
    texts = [name for name, feature in features.items() if isinstance(feature, tfds.features.Text)]
    classes = [name for name, feature in features.items() if isinstance(feature, tfds.features.ClassLabel)]
    numbers = [name for name, feature in features.items() if np.issubdtype(feature.np_dtype, np.integer)]
    place = f"{folder} (features {shown_names(features)})"
    text = _chosen(place, features, texts, config.text_column, DEFAULT_TEXT_COLUMNS, "text")
    label = _chosen(place, features, classes or numbers, config.label_column, DEFAULT_LABEL_COLUMNS, "label")
    splits = {name: split_named(name) for name in builder.info.splits}
    tables, notes = [], list[str]()
    for name, split in splits.items():
        if not split:
            notes.append(f"The split {shown(name)} is left out, as its name does not say what it is for.")
            continue
        with _damage_named(folder / name):
            table = _rows(builder, name, text, label, features[label].names if label in classes else None)
        is_unlabelled = table["label"].isna()
        if is_unlabelled.any() and split != "unlabelled":
            notes.append(f"{is_unlabelled.sum():,} reviews of the split {name} have no label and count as unlabelled.")
        split_of_rows = np.where(is_unlabelled, "unlabelled", split)
        tables.append(table.assign(label=table["label"].fillna(""), file=folder / name, split=split_of_rows))
    if not tables:
        raise InputError(
            f"{folder} has the splits {shown_names(splits)}, and none to train on: choose another data set."
        )
    prefix = "" if label in classes else None
    rows = LabelledRows(pd.concat(tables, ignore_index=True), [], label, prefix=prefix, notes=tuple(notes))
    return rows.corpus(config, seed)


@contextmanager
def _damage_named(place: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise InputError(f"{place} cannot be read ({shown(error)}): delete the folder and prepare it again.") from error


def _rows(builder: Any, split: str, text: str, label: str, names: Sequence[str] | None) -> pd.DataFrame:
    """Columns `row`, `text` and `label` of a split, the label missing where a class is -1; names: of the classes."""
    import tensorflow_datasets as tfds

    wanted: dict[str, Any] = {}
    for name in (text, label):
        *outer, last = name.split("/")
        functools.reduce(lambda inner, part: inner.setdefault(part, {}), outer, wanted)[last] = True
    decoders = tfds.decode.PartialDecoding(wanted)
    columns = tfds.as_numpy(builder.as_dataset(split=split, batch_size=-1, decoders=decoders))
    texts, labels = (
        functools.reduce(lambda inner, part: inner[part], name.split("/"), columns).tolist() for name in (text, label)
    )
    words: dict[Any, str | None] = {}
    for value in {*labels}:
        if names is None:
            words[value] = label_word(value.decode() if isinstance(value, bytes) else value)
        else:
            words[value] = label_word(names[value]) if value >= 0 else None
    return pd.DataFrame(
        {
            "row": range(1, len(texts) + 1),
            "text": [review.decode() for review in texts],
            "label": [words[value] for value in labels],
        },
        dtype=object,
    )


def _scalars(features: Any, prefix: str = "") -> dict[str, Any]:
    """The features that hold one value, by name, also those within others: `data/review_body`."""
    found: dict[str, Any] = {}
    for name, feature in features.items():
        if hasattr(feature, "items"):
            found |= _scalars(feature, f"{prefix}{name}/")
        elif feature.shape == ():
            found[f"{prefix}{name}"] = feature
    return found


def _chosen(
    place: str, names: Mapping[str, Any], fitting: Sequence[str], wanted: str | None, usual: Sequence[str], what: str
) -> str:
    """The feature that is wanted; else the first usual or the only one of those whose type fits."""
    found = [wanted] if wanted in names else [] if wanted else [name for name in usual if name in fitting] or fitting
    if not found or (len(found) > 1 and found[0] not in usual):
        problem = f"has no feature {shown(wanted)}" if wanted else f"does not tell which feature is the {what}"
        raise InputError(f"{place} {problem}: choose with --{what}-column.")
    return str(found[0])


def _prepared(data_dir: Path, name: str) -> list[Path]:
    """Files of the newest prepared version; none where there is none."""
    folder = data_dir / name
    found = [*folder.glob("[0-9]*/dataset_info.json")] or [*folder.glob("*/[0-9]*/dataset_info.json")]
    if len(kinds := {path.parent.parent.name for path in found}) > 1:
        raise InputError(f"{folder} holds {shown_names(sorted(kinds))}: name one, as in --dataset {name}/{min(kinds)}.")
    newest = max(found, key=lambda path: [int(number) for number in re.findall(r"\d+", path.parent.name)], default=None)
    return sorted(newest.parent.iterdir()) if newest else []


def _download(data_dir: Path, name: str, show_progress: bool) -> None:
    import requests
    import tensorflow_datasets as tfds

    base, _, kind = name.partition("/")
    known = tfds.list_builders(with_community_datasets=False)
    if base not in known:
        like = [f"Is it {close}? " for close in difflib.get_close_matches(base, known, 1)]
        raise InputError(
            f"{name} is not in {data_dir}, and tensorflow-datasets has no data set {base}. {''.join(like)}Its names "
            "are in the catalogue, https://www.tensorflow.org/datasets/catalog."
        )
    builder_class = tfds.builder_cls(base)
    if kind and kind not in builder_class.builder_configs:
        raise InputError(f"{base} has no {kind}: choose one of {shown_names(builder_class.builder_configs)}.")
    urls = {urlsplit(url).netloc: url for url in builder_class.url_infos or ()}
    archive = "read the official archive with --source aclimdb --data aclImdb_v1.tar.gz, " * (name == IMDB)

    def failure(error: Exception) -> InputError:
        return InputError(
            f"{name} is not in {data_dir} and could not be downloaded from {shown_names(urls.values())} "
            f"({type(error).__name__}). Give a folder that tensorflow-datasets has prepared as --data or "
            f"TFDS_DATA_DIR, {archive}or try without data: --source demo."
        )

    errors = []
    for url in urls.values():  # tensorflow-datasets tries for minutes before it gives up; one request tells at once
        try:
            requests.head(url, timeout=SECONDS_TO_ANSWER).raise_for_status()
            break
        except requests.RequestException as error:
            errors.append(error)
    else:
        if errors:
            raise failure(errors[0]) from errors[0]
    if not show_progress:
        tfds.disable_progress_bar()
    try:
        tfds.builder(name, data_dir=data_dir).download_and_prepare()
    except (requests.RequestException, tfds.download.DownloadError) as error:
        raise failure(error) from error
    except OSError:
        raise
    except Exception as error:
        raise InputError(f"tensorflow-datasets cannot prepare {name} ({shown(error)}): choose another.") from error
