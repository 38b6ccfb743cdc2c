"""The stages of training: load -> vocabulary -> pad -> pretrain, if asked for -> train -> evaluate -> compare.

Each stage reads what the ones before it left in the working directory and leaves its own result there, under a digest
of its configuration and inputs. A stage that is there already is not run again, so any stage can be run alone and a
killed pipeline goes on where it stopped; training goes on from its last finished epoch.

All raise InputError for what the user can mend: reviews that cannot be read, a split that is empty or of one class.
"""

import functools
import itertools
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.configuration import BASELINE, PipelineConfig
from pipelines.console import Console
from pipelines.working_directory import Stage, WorkingDirectory, write_file, write_json
from sentiment.classifier import SentimentClassifier
from sentiment.data.corpus import LABEL_NAMES, Corpus, Reviews
from sentiment.data.sequences import pad_texts
from sentiment.data.sources import find_files, load_corpus
from sentiment.data.vocabulary import Vocabulary, tokenize
from sentiment.errors import InputError
from sentiment.evaluation.behaviour import measure_behaviour
from sentiment.evaluation.comparison import Comparison, Result, difference_rows, metric_rows
from sentiment.evaluation.metrics import choose_threshold, compare_models, evaluate_predictions
from sentiment.evaluation.slices import confident_mistakes, slice_accuracy
from sentiment.reporting.report import render_report
from sentiment.training.linear_model import LINEAR_MODEL, LinearModel
from sentiment.training.models import CELLS, CellName, build_model
from sentiment.training.pseudo_labels import learn_pseudo_labels
from sentiment.training.trainer import History, TrainingConfig, best_epoch, split_validation
from sentiment.training.trainer import train as fit
from sentiment.training.word_vectors import learn_word_vectors

SPLITS = ("train", "test", "unlabelled")
SYNTHETIC_NOTE = "These reviews are synthetic: the figures say nothing about IMDB."

REPORT_FILE, WEIGHTS_FILE = "report.html", "network.weights.h5"


@dataclass(frozen=True)
class Prepared:
    """The finished stages that every model starts from."""

    loaded: Stage
    fitted: Stage
    padded: Stage
    pretrained: Stage | None = None


@dataclass(frozen=True)
class Pipeline:
    """What every stage needs: the configuration, the place for results, and somebody to tell."""

    config: PipelineConfig
    work: WorkingDirectory
    console: Console

    def stage(self, name: str, read: str, key: Mapping[str, Any], run: Callable[[Path], None]) -> Stage:
        """Run one stage, or find it done, and say so."""
        stage = self.work.stage(name, key, run)
        self.console.stage(name, read=read, wrote=stage.folder, was_there=stage.was_there, seconds=stage.seconds)
        return stage


def prepare(pipeline: Pipeline) -> Prepared:
    """Load, vocabulary, pad, and pretrain if the configuration asks for it."""
    loaded = load(pipeline)
    fitted = fit_vocabulary(pipeline, loaded)
    padded = pad(pipeline, loaded, fitted)
    uses_word_vectors = pipeline.config.pretraining.word_vectors
    return Prepared(loaded, fitted, padded, pretrain(pipeline, loaded, fitted) if uses_word_vectors else None)


def load(pipeline: Pipeline, *, report: bool = False) -> Stage:
    """Reviews of the source -> train.parquet, test.parquet, unlabelled.parquet and summary.json.

    Args:
        report: show the summary also when the stage was there already.
    """
    source, seed = pipeline.config.source, pipeline.config.seeds[0]  # all seeds are tested on the same reviews
    with pipeline.console.without_native_log():
        files = find_files(source, show_progress=pipeline.console.shows_progress)

    def run(folder: Path) -> None:
        with pipeline.console.without_native_log():
            corpus = load_corpus(source, files, seed=seed)
        for split in SPLITS:
            reviews: Reviews = getattr(corpus, split)
            columns = {"text": pd.Series(list(reviews.texts), dtype="string")}
            if split != "unlabelled":
                columns["label"] = pd.Series(reviews.labels)
            pd.DataFrame(columns).to_parquet(folder / f"{split}.parquet", index=False)
        summary = corpus.summary(tokenize)
        write_json(folder / "summary.json", {**summary, "notes": corpus.notes})

    stamps = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files]
    key: dict[str, Any] = {"source": source.model_dump(mode="json"), "files": stamps}
    if source.source in ("demo", "table"):
        key["seed"] = seed  # they draw at random
    read = str(files[0] if len(files) == 1 else files[0].parent) if files else "its own grammar"
    stage = pipeline.stage("load", f"{source.source} reviews from {read}", key, run)
    if report or not stage.was_there:
        _show_summary(pipeline.console, stage.read_json("summary.json"))
    if source.is_synthetic:
        pipeline.console.say(f"            {SYNTHETIC_NOTE}", style="bold yellow")
    return stage


def fit_vocabulary(pipeline: Pipeline, loaded: Stage) -> Stage:
    """The training texts -> vocabulary.json."""
    config = pipeline.config.vocabulary

    def run(folder: Path) -> None:
        texts = pd.read_parquet(loaded.folder / "train.parquet", columns=["text"])["text"]
        Vocabulary.fit(texts, config.num_words, config.punctuation_tokens).save(folder / "vocabulary.json")

    return pipeline.stage(
        "vocabulary", f"train of load {loaded.digest}", {"vocabulary": config.model_dump(), "load": loaded.digest}, run
    )


def pad(pipeline: Pipeline, loaded: Stage, fitted: Stage) -> Stage:
    """Texts and vocabulary -> train.npy, test.npy: int32 (N, maxlen), and train_labels.npy, test_labels.npy: (N,).

    Where the training uses them also unlabelled.npy, of which a source may have none.
    """
    config = pipeline.config.sequences
    uses_unlabelled = pipeline.config.training.uses_unlabelled or pipeline.config.pretraining.pseudo_label_epochs
    splits = SPLITS if uses_unlabelled else SPLITS[:2]
    pipeline.console.import_tensorflow()

    def run(folder: Path) -> None:
        vocabulary = Vocabulary.load(fitted.folder / "vocabulary.json")
        for split in splits:
            reviews = pd.read_parquet(loaded.folder / f"{split}.parquet")
            np.save(folder / f"{split}.npy", pad_texts(reviews["text"], vocabulary, config))
            if "label" in reviews:
                np.save(folder / f"{split}_labels.npy", reviews["label"].to_numpy(np.int8))

    return pipeline.stage(
        "pad",
        f"load {loaded.digest}, vocabulary {fitted.digest}",
        {"sequences": config.model_dump(), "splits": splits, "load": loaded.digest, "vocabulary": fitted.digest},
        run,
    )


def pretrain(pipeline: Pipeline, loaded: Stage, fitted: Stage) -> Stage:
    """Training and unlabelled texts -> word_vectors.npy, float32 (num_words, embedding_dim)."""
    import gensim

    config, console = pipeline.config.pretraining, pipeline.console
    size, epochs = pipeline.config.model.embedding_dim, config.word_vector_epochs

    def run(folder: Path) -> None:
        tables = (pd.read_parquet(loaded.folder / f"{split}.parquet") for split in ("train", "unlabelled"))
        vectors = learn_word_vectors(
            itertools.chain.from_iterable(table["text"] for table in tables),
            Vocabulary.load(fitted.folder / "vocabulary.json"),
            config,
            size=size,
            checkpoints=folder / "checkpoints",
            on_epoch=lambda done: console.say(f"  word vectors: epoch {done}/{epochs}"),
        )
        np.save(folder / "word_vectors.npy", vectors)
        shutil.rmtree(folder / "checkpoints")

    return pipeline.stage(
        "pretrain",
        f"train and unlabelled of load {loaded.digest}, vocabulary {fitted.digest}",
        {
            "pretraining": config.model_dump(exclude={"pseudo_label_epochs"}),
            "embedding_dim": size,
            "load": loaded.digest,
            "vocabulary": fitted.digest,
            "gensim": gensim.__version__,
        },
        run,
    )


def teach(pipeline: Pipeline, prepared: Prepared, cell: CellName, seed: int) -> Stage:
    """All but test reviews, the unlabelled ones with labels of a teacher -> network.weights.h5, history.json.

    The first teacher is the linear model, fitted on the same training reviews; `sentiment.training.pseudo_labels` tells
    of the others.
    """
    import scipy

    pretraining = pipeline.config.pretraining
    config = pipeline.config.training.model_copy(update={"epochs": pretraining.pseudo_label_epochs})
    name = f"{run_name(pipeline, CELLS[cell], seed)} on pseudo-labels"

    def run(folder: Path) -> None:
        splits = "train", "unlabelled"
        inputs, unlabelled = (np.load(prepared.padded.folder / f"{split}.npy") for split in splits)
        texts, unlabelled_texts = (
            pd.read_parquet(prepared.loaded.folder / f"{split}.parquet", columns=["text"])["text"] for split in splits
        )
        labels = np.load(prepared.padded.folder / "train_labels.npy")
        training, validation = split_validation(labels, config.validation_share, seed)
        teacher = LinearModel.fit(texts.iloc[training].tolist(), labels[training])
        taught = teacher.positive_probability(unlabelled_texts.tolist())  # (M,)
        network = _build_network(pipeline, prepared, cell, seed)
        with pipeline.console.training(
            name, config.epochs, len(training) + len(unlabelled), on_epoch=lambda history: None
        ) as progress:
            history = learn_pseudo_labels(
                network,
                (inputs[training], labels[training]),
                (unlabelled, taught),
                (inputs[validation], labels[validation]),
                config,
                seed=seed,
                checkpoints=folder / "checkpoints",
                on_batch=progress.on_batch,
                on_epoch=progress.on_epoch,
            )
        write_json(folder / "history.json", history)
        network.save_weights(folder / WEIGHTS_FILE)
        shutil.rmtree(folder / "checkpoints")

    key = {
        **_training_key(pipeline, prepared, cell, seed, config),
        "scipy": scipy.__version__,
    }
    return pipeline.stage("pseudo-labels", f"pad {prepared.padded.digest}, load {prepared.loaded.digest}", key, run)


def train(
    pipeline: Pipeline,
    prepared: Prepared,
    cell: CellName,
    seed: int,
    on_epoch: Callable[[History], None] = lambda history: None,
) -> Stage:
    """Padded training reviews -> a SentimentClassifier in classifier/, history.json, and costs.json: seconds, those of
    learning pseudo-labels included, and epochs.

    Args:
        on_epoch: called with the history so far, also for a training that is read, not run.
    """
    config, console = pipeline.config, pipeline.console
    fitted, padded, pretrained = prepared.fitted, prepared.padded, prepared.pretrained
    name = run_name(pipeline, CELLS[cell], seed)
    _check_gpu(pipeline)
    taught = None
    if config.pretraining.pseudo_label_epochs and len(np.load(padded.folder / "unlabelled.npy", mmap_mode="r")):
        taught = teach(pipeline, prepared, cell, seed)

    def run(folder: Path) -> None:
        inputs, labels = np.load(padded.folder / "train.npy"), np.load(padded.folder / "train_labels.npy")
        training, validation = split_validation(labels, config.training.validation_share, seed)
        network = _build_network(pipeline, prepared, cell, seed)
        if taught is not None:
            network.load_weights(taught.folder / WEIGHTS_FILE)
        unlabelled = None
        if config.training.uses_unlabelled:
            unlabelled = np.load(padded.folder / "unlabelled.npy")
            if not len(unlabelled):
                unlabelled = inputs[training]
        learned: History = taught.read_json("history.json") if taught else {}
        if taught is not None and not config.pretraining.end_on_labels:
            history, learned = learned, {}
            write_json(folder / "history.json", history)
        else:
            history = _fit(
                pipeline,
                name,
                network,
                (inputs[training], labels[training]),
                (inputs[validation], labels[validation]),
                config.training,
                seed=seed,
                folder=folder,
                unlabelled=unlabelled,
                on_epoch=on_epoch,
            )
        vocabulary = Vocabulary.load(fitted.folder / "vocabulary.json")
        SentimentClassifier.from_network(vocabulary, config.sequences, network).save(folder / "classifier")
        seconds = [*history["seconds"], *learned.get("seconds", [])]
        write_json(folder / "costs.json", {"training_seconds": sum(seconds), "epochs": len(history["loss"])})
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)

    starts = "".join(f", {stage.name} {stage.digest}" for stage in (pretrained, taught) if stage)
    stage = pipeline.stage(
        "train",
        f"pad {padded.digest}, vocabulary {fitted.digest}{starts}",
        {
            **_training_key(pipeline, prepared, cell, seed, config.training),
            "pseudo-labels": taught.digest if taught else None,
            "end_on_labels": config.pretraining.end_on_labels,
        },
        run,
    )
    history = stage.read_json("history.json")
    on_epoch(history)
    console.say(f"            {name} keeps the weights of epoch {best_epoch(history)} of {len(history['loss'])}")
    return stage if config.threshold == "0.5" else _with_threshold(pipeline, prepared, stage, seed)


def _check_gpu(pipeline: Pipeline) -> None:
    """Where there is a GPU, refuse what cuDNN cannot do, and tell what it is not used for."""
    import tensorflow as tf

    config = pipeline.config
    if tf.config.list_physical_devices("GPU"):
        if config.model.mask_padding and config.sequences.padding == "pre":
            raise InputError("cuDNN skips padding only behind the words: on a GPU --mask-padding needs --padding post.")
        if config.model.recurrent_dropout:
            pipeline.console.say(
                "            with recurrent dropout the GPU is slow: it keeps Keras from cuDNN", style="yellow"
            )


def _training_key(
    pipeline: Pipeline, prepared: Prepared, cell: CellName, seed: int, config: TrainingConfig
) -> dict[str, Any]:
    """What a trained network depends on."""
    import keras
    import tensorflow as tf

    return {
        "cell": cell,
        "model": pipeline.config.model.model_dump(),
        "training": config.model_dump(),
        "seed": seed,
        "pad": prepared.padded.digest,
        "pretrain": prepared.pretrained.digest if prepared.pretrained else None,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }


def _build_network(pipeline: Pipeline, prepared: Prepared, cell: CellName, seed: int) -> Any:
    """An untrained network, with the word vectors of the stage `pretrain`, if there are any."""
    config = pipeline.config
    num_words = Vocabulary.load(prepared.fitted.folder / "vocabulary.json").num_words
    network = build_model(cell, config.model, num_words=num_words, maxlen=config.sequences.maxlen, seed=seed)
    if prepared.pretrained is not None:
        network.layers[0].set_weights([np.load(prepared.pretrained.folder / "word_vectors.npy")])
    return network


def _fit(
    pipeline: Pipeline,
    name: str,
    network: Any,
    training: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    config: TrainingConfig,
    *,
    seed: int,
    folder: Path,
    unlabelled: np.ndarray | None = None,
    metrics: Sequence[str] = ("accuracy",),
    on_epoch: Callable[[History], None] = lambda history: None,
) -> History:
    """Train with progress shown -> history.json and, until the caller removes it, checkpoints/."""
    with pipeline.console.training(name, config.epochs, len(training[1]), on_epoch=on_epoch) as progress:
        history = fit(
            network,
            training,
            validation,
            config,
            seed=seed,
            checkpoints=folder / "checkpoints",
            unlabelled=unlabelled,
            metrics=metrics,
            on_batch=progress.on_batch,
            on_epoch=progress.on_epoch,
        )
    write_json(folder / "history.json", history)
    return history


def _with_threshold(pipeline: Pipeline, prepared: Prepared, trained: Stage, seed: int) -> Stage:
    """The trained classifier with the threshold that is best on its validation reviews -> the files of `train`."""
    config = pipeline.config

    def run(folder: Path) -> None:
        reviews = read_corpus(prepared.loaded).train
        _, validation = split_validation(reviews.labels, config.training.validation_share, seed)
        classifier = SentimentClassifier.load(trained.folder / "classifier")
        probabilities = classifier.positive_probability([reviews.texts[i] for i in validation])
        classifier.threshold = choose_threshold(reviews.labels[validation], probabilities, config.threshold)
        classifier.save(folder / "classifier")
        for file in ("history.json", "costs.json"):
            shutil.copy(trained.folder / file, folder)

    key = {"train": trained.digest, "threshold": config.threshold}
    stage = pipeline.stage(
        "threshold", f"train {trained.digest}, validation of load {prepared.loaded.digest}", key, run
    )
    threshold = SentimentClassifier.load(stage.folder / "classifier").threshold
    pipeline.console.say(f"            threshold {threshold:.4f}: the best {config.threshold} on validation reviews")
    return stage


def evaluate(pipeline: Pipeline, prepared: Prepared, trained: Stage, cell: CellName) -> Stage:
    """The classifier on the test texts -> metrics.json, predictions.parquet, slices.csv, confident_mistakes.csv and
    behaviour.csv."""

    def run(folder: Path) -> None:
        classifier = SentimentClassifier.load(trained.folder / "classifier")
        costs = {**trained.read_json("costs.json"), "parameters": classifier.network.count_params()}
        _write_evaluation(folder, prepared, classifier.positive_probability, classifier.threshold, costs)

    return pipeline.stage(
        "evaluate",
        f"test of load {prepared.loaded.digest}, {CELLS[cell]} of {trained.name} {trained.digest}",
        {trained.name: trained.digest},
        run,
    )


def measure_yardstick(pipeline: Pipeline, prepared: Prepared) -> Stage:
    """Training texts -> what `evaluate` writes, of TF-IDF + logistic regression; the fitted model is not kept.

    It learns from the training reviews of the first seed, without its validation reviews, as the networks do.
    """
    import sklearn

    config, seed = pipeline.config, pipeline.config.seeds[0]

    def run(folder: Path) -> None:
        reviews = read_corpus(prepared.loaded).train
        training, validation = split_validation(reviews.labels, config.training.validation_share, seed)
        started = time.perf_counter()
        yardstick = LinearModel.fit([reviews.texts[i] for i in training], reviews.labels[training])
        costs = {"training_seconds": time.perf_counter() - started, "parameters": yardstick.parameters}
        probabilities = yardstick.positive_probability([reviews.texts[i] for i in validation])
        threshold = choose_threshold(reviews.labels[validation], probabilities, config.threshold)
        _write_evaluation(folder, prepared, yardstick.positive_probability, threshold, costs)

    key = {
        "load": prepared.loaded.digest,
        "validation_share": config.training.validation_share,
        "seed": seed,
        "threshold": config.threshold,
        "scikit-learn": sklearn.__version__,
    }
    return pipeline.stage("yardstick", f"train and test of load {prepared.loaded.digest}", key, run)


def _write_evaluation(
    folder: Path,
    prepared: Prepared,
    positive_probability: Callable[[Sequence[str]], np.ndarray],
    threshold: float,
    costs: Mapping[str, float],
) -> None:
    reviews = pd.read_parquet(prepared.loaded.folder / "test.parquet")
    texts, labels = reviews["text"].tolist(), reviews["label"].to_numpy()
    started = time.perf_counter()
    probabilities = positive_probability(texts)  # (N,)
    seconds = time.perf_counter() - started
    predicted = (probabilities >= threshold).astype(int)
    predictions = reviews.assign(
        label=[LABEL_NAMES[label] for label in labels],
        predicted_label=[LABEL_NAMES[label] for label in predicted],
        positive_probability=probabilities,
    )
    predictions.to_parquet(folder / "predictions.parquet", index=False)
    slice_accuracy(texts, predicted == labels).to_csv(folder / "slices.csv", index=False)
    confident_mistakes(predictions).to_csv(folder / "confident_mistakes.csv", index=False)
    measure_behaviour(positive_probability, threshold).to_csv(folder / "behaviour.csv", index=False)
    metrics = evaluate_predictions(labels, probabilities, threshold)
    write_json(folder / "metrics.json", {**metrics, **costs, "scored_per_second": len(reviews) / seconds})


@dataclass(frozen=True)
class Outcome:
    """The finished stages of one model with one seed; the yardstick has no `trained`."""

    name: str
    evaluated: Stage
    trained: Stage | None = None

    @property
    def behaviour(self) -> pd.DataFrame:
        """The table in behaviour.csv."""
        return pd.read_csv(self.evaluated.folder / "behaviour.csv", keep_default_na=False)

    @functools.cached_property
    def result(self) -> Result:
        """What the stages left."""
        return Result(
            name=self.name,
            predictions=pd.read_parquet(self.evaluated.folder / "predictions.parquet"),
            metrics=self.evaluated.read_json("metrics.json"),
            behaviour=self.behaviour,
            history={} if self.trained is None else self.trained.read_json("history.json"),
        )


def run_name(pipeline: Pipeline, title: str, seed: int) -> str:
    """The name of one model with one seed; it tells the seed where there are several."""
    return title if len(pipeline.config.seeds) == 1 else f"{title}, seed {seed}"


def measure(
    pipeline: Pipeline, prepared: Prepared, cells: tuple[CellName, ...], *, yardstick: bool
) -> dict[str, list[Outcome]]:
    """Train and evaluate some models with every seed, and the yardstick once; title of the model -> its outcomes."""
    outcomes: dict[str, list[Outcome]] = {CELLS[cell]: [] for cell in cells}
    for cell in cells:
        for seed in pipeline.config.seeds:
            trained = train(pipeline, prepared, cell, seed)
            evaluated = evaluate(pipeline, prepared, trained, cell)
            outcomes[CELLS[cell]].append(Outcome(run_name(pipeline, CELLS[cell], seed), evaluated, trained))
    if yardstick:
        outcomes[LINEAR_MODEL] = [Outcome(LINEAR_MODEL, measure_yardstick(pipeline, prepared))]
    return outcomes


def compare(pipeline: Pipeline, outcomes: Mapping[str, Sequence[Outcome]]) -> tuple[Stage, Comparison]:
    """All outcomes -> comparison.csv, differences.csv and report.html, also shown as tables.

    A copy of report.html is written beside the working directory.
    """
    config = pipeline.config
    comparison = compare_results({title: [o.result for o in of_seeds] for title, of_seeds in outcomes.items()})

    def run(folder: Path) -> None:
        comparison.metrics.to_csv(folder / "comparison.csv")
        rows = [{**asdict(difference), "verdict": difference.verdict} for difference in comparison.differences]
        pd.DataFrame(rows).to_csv(folder / "differences.csv", index=False)
        report = render_report(
            comparison,
            title=f"{' vs '.join(outcomes)} on {config.source.source}",
            note=SYNTHETIC_NOTE if config.source.is_synthetic else "",
            configuration=config.flat(),
        )
        (folder / REPORT_FILE).write_text(report, "utf-8")

    found = [(outcome.name, outcome.evaluated) for of_seeds in outcomes.values() for outcome in of_seeds]
    read = ", ".join(f"{stage.name} {stage.digest}" for _, stage in found)
    key = {"evaluated": [[name, stage.digest] for name, stage in found], "configuration": config.flat()}
    stage = pipeline.stage("compare", read, key, run)
    path = pipeline.work.path.parent / REPORT_FILE
    write_file(path, (stage.folder / REPORT_FILE).read_text("utf-8"))
    show_comparison(pipeline.console, _title(pipeline), comparison)
    pipeline.console.say(f"report      {path}")
    return stage, comparison


def compare_results(results: Mapping[str, Sequence[Result]]) -> Comparison:
    """The comparison with the baseline, or with the first model where the baseline is missing."""
    return Comparison(results, CELLS[BASELINE] if CELLS[BASELINE] in results else next(iter(results)))


def show_comparison(console: Console, title: str, comparison: Comparison) -> None:
    """The metrics of all models as a table, then the verdicts as another."""
    console.table(title, *metric_rows(comparison.metrics))
    if comparison.differences:
        console.table(f"{title}, accuracy. {comparison.scope}", *difference_rows(comparison.differences))


def show_metrics(pipeline: Pipeline, outcomes: Mapping[str, Sequence[Outcome]]) -> None:
    """The metrics of some models as a table."""
    metrics = compare_models(
        {title: [o.evaluated.read_json("metrics.json") for o in of_seeds] for title, of_seeds in outcomes.items()}
    )
    pipeline.console.table(_title(pipeline), *metric_rows(metrics))


def _title(pipeline: Pipeline) -> str:
    source = pipeline.config.source
    return f"Test split of {source.source}{' (synthetic reviews)' if source.is_synthetic else ''}"


def read_corpus(loaded: Stage) -> Corpus:
    """The corpus that the load stage left."""
    frames = {split: pd.read_parquet(loaded.folder / f"{split}.parquet") for split in SPLITS}
    train, test = (Reviews(frames[s]["text"].tolist(), frames[s]["label"].to_numpy(np.int8)) for s in SPLITS[:2])
    return Corpus(train, test, Reviews(frames["unlabelled"]["text"].tolist()))


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
