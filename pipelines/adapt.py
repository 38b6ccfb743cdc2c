"""Adapting a trained classifier to the texts of a table, without labels, into a folder that --model takes."""

import contextlib
import shlex
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.console import Console
from pipelines.models import located_classifier
from sentiment.classifier import SentimentClassifier
from sentiment.data.files import ReadOptions, find_tables
from sentiment.data.labels import LABEL_NAMES
from sentiment.data.losses import check_losses
from sentiment.data.tables.reader import TableReader
from sentiment.errors import InputError, shown
from sentiment.files import finish
from sentiment.saved_classifier import CLASSIFIER_FOLDER

EXAMPLES = 3


@dataclass(frozen=True)
class AdaptConfig:
    """What `sentiment adapt` is given.

    Attributes:
        data: the texts, a table as for `sentiment score`; other columns are not read.
        model: the classifier to start from; None for the champion.
        output: the folder to write; nothing may be there.
    """

    data: str
    output: Path
    model: str | None
    text_column: str | None
    allow_rejected: float
    options: ReadOptions


def adapt(config: AdaptConfig, console: Console) -> None:
    """Adapt a classifier and save it, and say what changed on the texts.

    Raises:
        InputError: the table cannot be read; OUTPUT cannot be written; there is no such model; or as
            `SentimentClassifier.adapt`.
    """
    output = config.output
    if output.exists() or output.is_symlink():
        raise InputError(f"--output {output} is there already: name a folder that is not there yet.")
    if not output.absolute().parent.is_dir():
        raise InputError(f"--output {output}: there is no folder {output.parent}; make it first.")
    texts = read_texts(config, console)
    with located_classifier(config.model) as (folder, name):
        classifier = SentimentClassifier.load(folder)
        console.say(f"start       {name}")
        console.import_tensorflow()
        started = time.perf_counter()
        adapted = classifier.adapt(texts, verbose=int(not console.quiet))
    seconds = time.perf_counter() - started
    with tempfile.TemporaryDirectory(dir=output.absolute().parent, prefix=f".{output.name}-") as partial:
        adapted.save(Path(partial) / CLASSIFIER_FOLDER)
        finish(Path(partial) / CLASSIFIER_FOLDER, output)
    words = len(adapted.recurrent_model.vocabulary.words) - len(classifier.recurrent_model.vocabulary.words)
    console.say(f"adapted     to {len(texts):,} texts with {words:,} new words in {seconds:.0f} s")
    show_changes(classifier, adapted, texts, console)
    console.say(f"saved       {output}, with the threshold {adapted.threshold_:g} as before")
    folder_name = shlex.quote(str(output))
    console.command("to test it", f"sentiment evaluate --model {folder_name} --data labelled.csv")
    console.command("to use it", f"sentiment score --model {folder_name} new.csv scored.csv")


def read_texts(config: AdaptConfig, console: Console) -> list[str]:
    """The texts of the table; what was left out is said.

    Raises:
        InputError: it cannot be read, or lacks the column.
    """
    readers: list[TableReader] = []
    texts, column = list[str](), config.text_column
    for file in find_tables(config.data)[0]:
        with contextlib.closing(TableReader(file, column, options=config.options, columns=())) as reader:
            column = reader.text_column
            for chunk in reader.chunks():
                texts += chunk.texts
        readers.append(reader)
    if lost := check_losses(readers, config.allow_rejected):
        console.warn(lost)
    rows = sum(reader.rows for reader in readers)
    without = f", {rows - len(texts):,} of them without a text" if rows > len(texts) else ""
    console.say(f"texts       {rows:,} rows of {config.data}{without}")
    return texts


def show_changes(before: SentimentClassifier, after: SentimentClassifier, texts: list[str], console: Console) -> None:
    """How many verdicts on the texts changed, which way, and those that changed most."""
    old, new = (classifier.positive_probability(texts) for classifier in (before, after))
    was, now = old >= before.threshold_, new >= after.threshold_
    changed = was != now
    negative, positive = LABEL_NAMES
    console.say(
        f"verdicts    {changed.sum():,} of {len(texts):,} changed: {int((changed & now).sum()):,} from {negative} to "
        f"{positive}, {int((changed & was).sum()):,} from {positive} to {negative}"
    )
    most = np.argsort(np.where(changed, -np.abs(new - old), 0), kind="stable")[: min(EXAMPLES, changed.sum())]
    for at in most.tolist():
        console.say(f"            {LABEL_NAMES[int(now[at])]} {new[at]:.4f}, was {old[at]:.4f}: {shown(texts[at])}")
