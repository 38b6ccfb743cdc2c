"""From a source to arrays: load, vocabulary, pad, word vectors; and Prepared, which reads what they left."""

import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from weakref import WeakValueDictionary

import numpy as np
import pandas as pd

from pipelines.console import Console
from pipelines.files import save_array, write_json
from pipelines.stages.context import Context, versions
from pipelines.stages.start import check_language, start_classifier
from pipelines.working_directory import Stage
from sentiment.data.corpus import Corpus, Reviews
from sentiment.data.fingerprints import Fingerprints
from sentiment.data.sequences import pad_texts
from sentiment.data.sources import find_files, load_corpus
from sentiment.data.validation import nested_part, split_validation
from sentiment.data.vocabulary import Tokenizer, Vocabulary, tokenize
from sentiment.training.latent_semantics import document_vectors
from sentiment.training.snippets import EpochSnippets
from sentiment.training.start import MIN_COUNT
from sentiment.training.word_vectors import learn_word_vectors

Split = Literal["train", "test", "unlabelled"]
SPLITS: tuple[Split, ...] = ("train", "test", "unlabelled")

SUMMARY_FILE, VOCABULARY_FILE = "summary.json", "vocabulary.json"
PADDED_FILE, VECTORS_FILE = "padded.npy", "vectors.npy"

FEW_ROWS = 5_000
FEW_ROWS_NOTE = (
    f"Below {FEW_ROWS:,} labelled rows a test split says little: `run-pipeline --folds 5` tests on every row, and then "
    "trains on all."
)

CAPITALS_NOTE = (
    "The training reviews capitalize more than names, as German does with every noun, so --no-names leaves no word out."
)


@dataclass(frozen=True)
class Prepared:
    """What every model starts from, read from the finished stages.

    Attributes:
        loaded: the stage `load`.
        vocabulary_stage: the stage `vocabulary`.
        padded_stages: split -> its stage `pad`, of the splits that a network learns from.
        validation_share: of train, for validation.
        word_vector_stage, document_stage: the vectors of words and of reviews, where the configuration asks for them.
        labelled_share: of the reviews to learn from and of those to validate on, as if no others had labels.
        holds_out: whether a second cut for validation stays out of the reviews to learn from.
        on_all: whether a network learns from all training reviews, none of them kept for validation.
        snippets: of the networks that are being trained, by seed and by whether unlabelled reviews are among them.
    """

    loaded: Stage
    vocabulary_stage: Stage
    padded_stages: Mapping[Split, Stage]
    validation_share: float
    word_vector_stage: Stage | None = None
    document_stage: Stage | None = None
    labelled_share: float = 1.0
    holds_out: bool = False
    on_all: bool = False
    snippets: WeakValueDictionary[tuple[int, bool], EpochSnippets] = field(
        default_factory=WeakValueDictionary, init=False, compare=False
    )

    @functools.cached_property
    def corpus(self) -> Corpus:
        """All reviews."""
        return read_corpus(self.loaded)

    def summary(self) -> Any:
        """As `Corpus.summary` gives, with the corpus' notes."""
        return _read_summary(self.loaded)

    def vocabulary(self) -> Vocabulary:
        """The words of the training reviews."""
        return _read_vocabulary(self.vocabulary_stage)

    def training_and_validation(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions in train of the reviews to learn from, and of those to validate on.

        The source may set reviews aside for validation; else the seed decides, as `split_validation` does. There are
        none to validate on where `on_all`.
        """
        if self.on_all:
            return np.arange(len(self.corpus.train)), np.zeros(0, np.int64)
        training, validation, _ = self._sides(seed)
        if self.labelled_share < 1:
            labels = self.corpus.train.labels
            training, validation = (
                nested_part(side, labels, self.labelled_share, seed) for side in (training, validation)
            )
        return training, validation

    def second_validation(self, seed: int) -> np.ndarray:
        """Positions in train of the second cut for validation, as large as the first; none unless `holds_out`."""
        return self._sides(seed)[2]

    def _sides(self, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As if all labels were there: to learn from, to validate on, and the second cut."""
        train, validation, second = self.corpus.train, self.corpus.validation, np.zeros(0, np.int64)
        if len(validation):
            training = np.setdiff1d(np.arange(len(train)), validation)
        else:
            training, validation = split_validation(train.texts, train.labels, self.validation_share, seed)
        if self.holds_out:
            texts, share = [train.texts[position] for position in training], len(validation) / len(training)
            kept, held_out = split_validation(texts, train.labels[training], min(share, 0.5), seed)
            training, second = training[kept], training[held_out]
        return training, validation, second

    def repeated(self, learned: np.ndarray, seed: int) -> np.ndarray:
        """What belongs to the reviews to learn from, repeated until an epoch is as long as if all labels were there.

        Args:
            learned: of each of these reviews its position, or its label.
        """
        return learned if self.labelled_share == 1 else np.resize(learned, len(self._sides(seed)[0]))

    def learned(self, start: Fingerprints | None = None) -> Fingerprints:
        """The fingerprints of all reviews that a network learns from, or that choose its epochs and threshold.

        Args:
            start: of the trained network that it starts from.
        """
        unlabelled = self.corpus.unlabelled.texts if "unlabelled" in self.padded_stages or start is not None else ()
        return Fingerprints.of([*self.corpus.train.texts, *unlabelled], start)

    def validation_reviews(self, seed: int) -> Reviews:
        """The reviews of train to validate on."""
        train, (_, validation) = self.corpus.train, self.training_and_validation(seed)
        return Reviews([train.texts[position] for position in validation], train.labels[validation])

    def padded(self, split: Split) -> np.ndarray:
        """Indices of a split that a network learns from: int32 (N, maxlen)."""
        array: np.ndarray = np.load(self.padded_stages[split].folder / PADDED_FILE)
        return array

    def word_vectors(self) -> np.ndarray | None:
        """float32 (num_words, embedding_dim), if there are any."""
        return None if self.word_vector_stage is None else np.load(self.word_vector_stage.folder / VECTORS_FILE)

    def document_vectors(self) -> np.ndarray | None:
        """Of the reviews of train and the unlabelled ones, float32 (N + M, document_vectors), if there are any."""
        return None if self.document_stage is None else np.load(self.document_stage.folder / VECTORS_FILE)

    @property
    def digest_of_padded(self) -> str:
        """Of the padded training reviews."""
        return self.padded_stages["train"].digest

    @property
    def cut(self) -> dict[str, Any]:
        """What decides the reviews to learn from, beside corpus and seed, for the key of a stage."""
        names = ("validation_share", "labelled_share", "holds_out")
        return {name: getattr(self, name) for name in names}

    @property
    def key(self) -> dict[str, Any]:
        """The digests of all that a network learns from."""
        return {
            "load": self.loaded.digest,
            "vocabulary": self.vocabulary_stage.digest,
            "pad": {split: stage.digest for split, stage in self.padded_stages.items()},
            "word_vectors": self.word_vector_stage.digest if self.word_vector_stage else None,
            **self.cut,
        }


def prepare(context: Context) -> Prepared:
    """Load, vocabulary, pad, and vectors of words and reviews if the configuration asks for them."""
    config = context.config
    loaded = load(context)
    fitted = fit_vocabulary(context, loaded)
    padded: dict[Split, Stage] = {"train": pad(context, loaded, fitted, "train")}
    pretraining = config.pretraining
    if pretraining.pseudo_label_epochs or pretraining.word_vectors:
        padded["unlabelled"] = pad(context, loaded, fitted, "unlabelled")
    return Prepared(
        loaded,
        fitted,
        padded,
        config.training.validation_share,
        word_vector_stage=find_word_vectors(context, fitted, padded) if pretraining.word_vectors else None,
        document_stage=find_document_vectors(context, loaded) if uses_document_vectors(context, loaded) else None,
        on_all=context.fold is not None and context.fold.number is None,
    )


def uses_document_vectors(context: Context, loaded: Stage) -> bool:
    """Whether vectors of reviews help to teach; without unlabelled reviews nobody teaches."""
    config = context.config.pretraining
    if not (config.document_vectors and config.pseudo_label_epochs):
        return False
    return "unlabelled" in _read_summary(loaded)["splits"]


def load(context: Context, *, report: bool = False) -> Stage:
    """Reviews of the source -> a Parquet file for each split, and summary.json.

    Args:
        report: show the summary also when the stage was cached.
    """
    source, seed = context.config.source, context.config.seeds[0]  # all seeds are tested on the same reviews
    with context.console.without_native_log():
        files = find_files(source, show_progress=context.console.shows_progress)

    def run(folder: Path) -> None:
        of_start = None if context.start is None else start_classifier(context.start).learned
        with context.console.without_native_log():
            corpus = load_corpus(source, files, seed=seed, fold=context.fold, start=of_start)
        for split in SPLITS:
            reviews: Reviews = getattr(corpus, split)
            columns = {"text": pd.Series(list(reviews.texts), dtype="string")}
            if split != "unlabelled":
                columns["label"] = pd.Series(reviews.labels)
            if split == "train":
                columns["is_validation"] = pd.Series(np.isin(np.arange(len(reviews)), corpus.validation))
            pd.DataFrame(columns).to_parquet(_split_file(folder, split), index=False)
        few = len(corpus.train) + len(corpus.test) < FEW_ROWS
        notes = [*filter(None, (*corpus.notes, corpus.lost)), *([FEW_ROWS_NOTE] if corpus.is_cut and few else [])]
        write_json(folder / SUMMARY_FILE, {**corpus.summary(tokenize), "notes": notes, "lost": corpus.lost})

    stamps = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files]
    key: dict[str, Any] = {"source": source.model_dump(mode="json"), "files": stamps}
    if source.source in ("demo", "table"):
        key["seed"] = seed  # they draw at random
    if context.fold is not None:
        key["fold"] = context.fold
    if context.start is not None:
        key["start"] = context.start.digest  # which has learned from reviews that cannot test it
    read = str(files[0] if len(files) == 1 else files[0].parent) if files else "its own grammar"
    stage = context.run_stage("load", f"{source.source} reviews from {read}", key, run, code=("data",))
    if report or not stage.cached:
        _show_summary(context.console, _read_summary(stage))
    if context.note:
        context.console.say(f"            {context.note}", style="bold yellow")
    return stage


def read_corpus(loaded: Stage) -> Corpus:
    """The corpus that `load` left."""
    train, test, unlabelled = (_read_split(loaded, split) for split in SPLITS)
    is_validation = pd.read_parquet(_split_file(loaded.folder, "train"), columns=["is_validation"])["is_validation"]
    return Corpus(train, test, unlabelled, validation=np.flatnonzero(is_validation))


def fit_vocabulary(context: Context, loaded: Stage) -> Stage:
    """The training texts -> vocabulary.json."""
    config = context.config.vocabulary

    def run(folder: Path) -> None:
        texts = _read_split(loaded, "train").texts
        if context.start is None:
            vocabulary = Vocabulary.fit(texts, config.num_words, config.punctuation_tokens, names=config.names)
        else:
            known = start_classifier(context.start).vocabulary
            vocabulary = known.grown(itertools.chain(texts, _read_split(loaded, "unlabelled").texts), MIN_COUNT)
        vocabulary.save(folder / VOCABULARY_FILE)
        keeps_names = (
            context.start is None
            and not config.names
            and not Tokenizer(config.punctuation_tokens).capitals_mean_names(texts)
        )
        write_json(folder / SUMMARY_FILE, {"notes": [CAPITALS_NOTE] if keeps_names else []})

    key: dict[str, Any] = {"vocabulary": config.model_dump(), "load": loaded.digest}
    read = f"train of load {loaded.digest}"
    if context.start is not None:
        check_language(context, start_classifier(context.start), _read_split(loaded, "train").texts)
        key["start"] = context.start.digest
        read += f", start {context.start.digest}"
    stage = context.run_stage("vocabulary", read, key, run, code=("data", "training"))
    for note in _read_summary(stage)["notes"]:
        context.console.say(f"            {note}", style="yellow")
    return stage


def pad(context: Context, loaded: Stage, fitted: Stage, split: Split) -> Stage:
    """The texts of a split, perhaps none, and the vocabulary -> padded.npy: int32 (N, maxlen)."""
    config = context.config.sequences
    context.console.import_tensorflow()

    def run(folder: Path) -> None:
        texts = _read_split(loaded, split).texts
        save_array(folder / PADDED_FILE, pad_texts(texts, _read_vocabulary(fitted), config))

    key = {"sequences": config.model_dump(), "split": split, "load": loaded.digest, "vocabulary": fitted.digest}
    return context.run_stage(
        "pad", f"{split} of load {loaded.digest}, vocabulary {fitted.digest}", key, run, code=("data",)
    )


def find_word_vectors(context: Context, fitted: Stage, padded: Mapping[Split, Stage]) -> Stage:
    """The padded reviews of all splits given -> vectors.npy: float32 (num_words, embedding_dim)."""
    size = context.config.model.embedding_dim

    def run(folder: Path) -> None:
        inputs = np.concatenate([np.load(stage.folder / PADDED_FILE) for stage in padded.values()])
        save_array(folder / VECTORS_FILE, learn_word_vectors(inputs, _read_vocabulary(fitted).num_words, size))

    digests = {split: stage.digest for split, stage in padded.items()}
    read = ", ".join(f"{split} of pad {digest}" for split, digest in digests.items())
    key = {"size": size, "pad": digests, "vocabulary": fitted.digest, **versions("numpy", "scipy")}
    return context.run_stage("word-vectors", read, key, run, code=("data", "training"))


def find_document_vectors(context: Context, loaded: Stage) -> Stage:
    """Training texts, then unlabelled ones -> vectors.npy: float32 (N + M, document_vectors)."""
    size = context.config.pretraining.document_vectors

    def run(folder: Path) -> None:
        texts = [text for split in ("train", "unlabelled") for text in _read_split(loaded, split).texts]
        save_array(folder / VECTORS_FILE, document_vectors(texts, size))

    key = {"size": size, "load": loaded.digest, **versions("numpy", "scipy")}
    return context.run_stage(
        "document-vectors", f"train and unlabelled of load {loaded.digest}", key, run, code=("data", "training")
    )


def _split_file(folder: Path, split: Split) -> Path:
    return folder / f"{split}.parquet"


def _read_split(loaded: Stage, split: Split) -> Reviews:
    table = pd.read_parquet(_split_file(loaded.folder, split))
    texts = table["text"].tolist()
    return Reviews(texts, table["label"].to_numpy(np.int8)) if "label" in table else Reviews(texts)


def _read_summary(loaded: Stage) -> Any:
    return loaded.read_json(SUMMARY_FILE)


def _read_vocabulary(fitted: Stage) -> Vocabulary:
    return Vocabulary.load(fitted.folder / VOCABULARY_FILE)


def _show_summary(console: Console, summary: Mapping[str, Any]) -> None:
    for note in summary["notes"]:
        console.say(f"            {note}", style="yellow")
    if console.quiet:
        return
    percentiles = list(summary["splits"]["train"]["tokens"])
    rows = [
        [name, f"{split['reviews']:,}", f"{split['positive'] / split['reviews']:.1%}" if name != "unlabelled" else ""]
        + [f"{split['tokens'][percentile]:,}" for percentile in percentiles]
        for name, split in summary["splits"].items()
    ]
    heads = [{"50": "median", "100": "longest"}.get(percentile, f"{percentile} %") for percentile in percentiles]
    console.table("Reviews, and percentiles of their length in tokens", ["split", "reviews", "positive", *heads], rows)
    console.say(
        f"            exact duplicates: {summary['duplicates_within_train']:,} within train, "
        f"{summary['duplicates_between_train_and_test']:,} between train and test"
    )
