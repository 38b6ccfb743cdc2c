"""Starting from a trained classifier: the stage `start`, the shape that it fixes, and how the network is fine-tuned."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.configuration import option_fields, read_preset
from pipelines.files import write_json
from pipelines.models import located_classifier
from pipelines.predict import UNUSUAL
from pipelines.stages.context import Context
from pipelines.working_directory import CHECKPOINTS, Stage
from sentiment.classifier import SentimentClassifier, load_classifier
from sentiment.data.validation import split_folds
from sentiment.data.vocabulary import VocabularyConfig
from sentiment.errors import InputError
from sentiment.training.models import ModelConfig, shape_of
from sentiment.training.pretraining import PretrainingConfig
from sentiment.training.start import FOLDS, FineTuning, choose_fine_tuning, mean_loss
from sentiment.training.trainer import TrainingConfig

CLASSIFIER_FOLDER, CHOICE_FILE = "classifier", "choice.json"

DROPOUT = ("dropout", "embedding_dropout")
"""Fields of ModelConfig that are no shape: they may differ from those of the start."""

MOST_COUNTED, FOREIGN = 1_000, 1 / 3
"""Reviews whose words are counted, and the share of unknown words from which on they are of another language."""

LEFT_OUT = (
    "word_vectors",
    "document_vectors",
    "pseudo_label_epochs",
    "label_softness",
    "snippet_share",
    "counterfactual_share",
)
"""Options that fine-tuning has no use for; a preset may name them all the same."""


def with_start(context: Context, preset: str | None, options: Mapping[str, Any]) -> Context:
    """The context with the classifier of --start-from, and with its cell, shape, vocabulary and padding.

    Args:
        preset, options: what the user gave.

    Raises:
        InputError: there is no such classifier, it is damaged or has no network, or preset or options ask for another
            shape.
    """
    config = context.config
    if config.pretraining.start_from is None:
        return context
    context.console.import_tensorflow()
    stage = _fetch(context, config.pretraining.start_from)
    classifier = start_classifier(stage)
    try:
        cell, shape = shape_of(classifier.network)
    except ValueError as error:
        raise InputError(
            f"{config.pretraining.start_from} cannot be started from, as it has {error}: train one with this version."
        ) from error
    vocabulary = classifier.vocabulary
    fixed = {
        "vocabulary": {
            "num_words": vocabulary.num_words,
            "punctuation_tokens": vocabulary.tokenizer.punctuation_tokens,
        },
        "sequences": classifier.sequences.model_dump(),
        "model": shape.model_dump(exclude=set(DROPOUT)),
    }
    _check_shape(config.pretraining.start_from, fixed, cell, preset, options)
    given = _given(preset, options)
    dropout = {name: given[name] for name in DROPOUT if name in given}
    training = config.training.model_dump(exclude=set(LEFT_OUT))
    shaped = config.model_copy(
        update={
            "models": (cell,),
            "vocabulary": VocabularyConfig(**fixed["vocabulary"]),
            "sequences": classifier.sequences,
            "model": ModelConfig(**{**shape.model_dump(), **dropout}),
            "pretraining": PretrainingConfig(start_from=config.pretraining.start_from),
            "training": TrainingConfig(**training),
        }
    )
    return replace(context, config=shaped, start=stage)


def start_classifier(stage: Stage) -> SentimentClassifier:
    """The classifier of the stage `start`."""
    return SentimentClassifier.load(stage.folder / CLASSIFIER_FOLDER)


def check_language(context: Context, classifier: SentimentClassifier, texts: Sequence[str]) -> None:
    """Say how many of the words of the reviews the start does not know.

    Raises:
        InputError: so many that the reviews are hardly in its language.
    """
    words, known = classifier.count_words(texts[:MOST_COUNTED]).sum(axis=0)
    share = 1 - known / words if words else 0.0
    of_validation = classifier.unknown_share
    beside = "" if of_validation is None else f"; of its own validation reviews {of_validation:.1%}"
    told = f"{share:.1%} of the words of the training reviews are unknown to the start{beside}"
    if share > max(FOREIGN, UNUSUAL * (of_validation or 0)):
        raise InputError(
            f"{told}: they seem to be in another language. Train from scratch without --start-from, or start from a "
            "classifier of this language."
        )
    context.console.say(f"            {told}")


def choose(
    context: Context,
    network: Any,
    examples: tuple[np.ndarray, np.ndarray],
    texts: list[str],
    *,
    name: str,
    seed: int,
    key: Mapping[str, Any],
) -> FineTuning:
    """How to fine-tune the network, by cross-validation on the reviews to learn from -> choice.json.

    Args:
        network: the start, grown by the words of the reviews.
        examples: indices (N, maxlen) and labels (N,).
        texts: of the same reviews.
        name: of the trial.
        key: what `network` and `examples` come from.
    """
    config, console = context.config.training, context.console

    def run(folder: Path) -> None:
        folds = split_folds(texts, examples[1], FOLDS, seed)
        found = choose_fine_tuning(
            network,
            examples,
            folds,
            config,
            seed=seed,
            checkpoints=folder / CHECKPOINTS,
            on_training=lambda done, of: console.say(f"  {name} fine-tuned: {done} of {of} trainings on folds"),
        )
        content = [{**asdict(tuning), "config": tuning.config.model_dump()} for tuning in found]
        write_json(
            folder / CHOICE_FILE, {"found": content, "start_loss": mean_loss(network, examples, config.batch_size)}
        )

    read = f"{name}: start {context.start.digest if context.start else ''}"
    stage = context.run_stage("fine-tuning", read, {**key, "folds": FOLDS}, run, code=("data", "training"))
    content = stage.read_json(CHOICE_FILE)
    best = content["found"][0]
    chosen = FineTuning(TrainingConfig(**best["config"]), best["start_penalty"], best["loss"])
    console.say(
        f"            {name}: step size {chosen.config.learning_rate:g}, pull {chosen.start_penalty:g}, "
        f"{chosen.config.epochs} epochs: loss {chosen.loss:.4f} over {FOLDS} folds; the start as it is "
        f"{content['start_loss']:.4f}"
    )
    return chosen


def _fetch(context: Context, uri: str) -> Stage:
    """The classifier that a folder or a URI names -> classifier/."""
    with located_classifier(uri) as (folder, name):
        classifier = load_classifier(folder)
        if not isinstance(classifier, SentimentClassifier):
            raise InputError(
                f"{name} is a linear model, which has no network to start from: name an LSTM, SimpleRNN or GRU with "
                "--start-from."
            )
        if classifier.learned is None:
            raise InputError(
                f"{name} does not say which texts it has learned from, so nothing could keep them out of the test "
                "split: start from one that `sentiment run-pipeline` or `sentiment train` has saved."
            )
        _ = classifier.network  # which a damaged file would end

        def run(into: Path) -> None:
            shutil.copytree(folder, into / CLASSIFIER_FOLDER, dirs_exist_ok=True)

        key = {"classifier": classifier.digest(), "learned": classifier.learned.digest()}
        return context.run_stage("start", name, key, run, code=())


def _given(preset: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Option -> the value that the user asked for, by option or by a preset that was named."""
    content: dict[str, Any] = {} if preset is None else read_preset(preset)
    of_preset = {}
    for option, (section, field) in option_fields().items():
        values = content if section is None else content.get(section, {})
        if field in values:
            of_preset[option] = values[field]
    return {**of_preset, **options}


def _check_shape(
    uri: str, fixed: Mapping[str, Mapping[str, Any]], cell: str, preset: str | None, options: Mapping[str, Any]
) -> None:
    useless = [f"--{name.replace('_', '-')}" for name in LEFT_OUT if options.get(name)]
    useless += ["--no-names"] if options.get("names") is False else []
    if useless:
        raise InputError(
            f"{', '.join(useless)} cannot be had with --start-from, which keeps the vocabulary of the start and "
            "fine-tunes on labels alone."
        )
    given = _given(preset, options)
    others = [
        f"{name.replace('_', '-')} {given[name]} (the start has {value})"
        for section in fixed.values()
        for name, value in section.items()
        if name in given and given[name] != value
    ]
    models = options.get("models")
    if (models is not None and list(models) != [cell]) or cell not in given.get("models", [cell]):
        others.insert(0, f"models {', '.join(given['models'])} (the start is a {cell})")
    if others:
        of_preset = f" Preset {preset} asks for some of it." if preset is not None else ""
        raise InputError(
            f"{uri} cannot be started from in another shape: {'; '.join(others)}. Leave these options out, as the "
            f"start brings its own, or train from scratch without --start-from.{of_preset}"
        )
