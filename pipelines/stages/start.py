"""Starting from a trained classifier: the stage `start`, and the shape that it fixes."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.configuration import PipelineConfig
from pipelines.models import located_classifier
from pipelines.stages.context import Context
from sentiment.classifier import SentimentClassifier
from sentiment.data.vocabulary import VocabularyConfig
from sentiment.engine.recurrent_model import RecurrentModel
from sentiment.errors import InputError
from sentiment.presets import read_preset
from sentiment.saved_classifier import CLASSIFIER_FOLDER
from sentiment.training.models import ModelConfig, shape_of
from sentiment.training.pretraining import PretrainingConfig
from sentiment.training.start import Start
from sentiment.training.steps import Output
from sentiment.training.trainer import TrainingConfig

DROPOUT = ("dropout", "embedding_dropout")
"""Fields of ModelConfig that are no shape: they may differ from those of the start."""

LEFT_OUT = (
    "word_vectors",
    "document_vectors",
    "pseudo_label_epochs",
    "label_softness",
    "snippet_share",
    "counterfactual_share",
    "lexicon",
    "opposite_share",
    "exchange_people",
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
    config, uri = context.config, context.config.pretraining.start_from
    if uri is None:
        return context
    context.console.import_tensorflow()
    start = _fetch(context, uri)
    model = start.value.model
    cell, shape = shape_of(model.network)
    fixed = {
        "vocabulary": {
            "num_words": model.vocabulary.num_words,
            "punctuation_tokens": model.vocabulary.tokenizer.punctuation_tokens,
            "symbols": model.vocabulary.tokenizer.symbols,
        },
        "sequences": model.sequences.model_dump(),
        "model": shape.model_dump(exclude=set(DROPOUT)),
    }
    given = _given(preset, options)
    _check_shape(uri, fixed, cell, preset, options, given)
    dropout = {name: given[name] for name in DROPOUT if name in given}
    shaped = config.model_copy(
        update={
            "models": (cell,),
            "vocabulary": VocabularyConfig(**fixed["vocabulary"]),
            "sequences": model.sequences,
            "model": ModelConfig(**{**shape.model_dump(), **dropout}),
            "pretraining": PretrainingConfig(start_from=uri),
            "training": TrainingConfig(**config.training.model_dump(exclude=set(LEFT_OUT))),
        }
    )
    return replace(context, config=shaped, start=start)


def _fetch(context: Context, uri: str) -> Output[Start]:
    """The classifier that a folder or a URI names -> classifier/."""
    with located_classifier(uri) as (folder, name):
        classifier = SentimentClassifier.load(folder)
        if classifier.is_linear:
            raise InputError(
                f"{name} is a linear model, which has no network to start from: name an LSTM, SimpleRNN or GRU with "
                "--start-from."
            )
        if classifier.learned is None:
            raise InputError(
                f"{name} does not say which texts it has learned from, so nothing could keep them out of the test "
                "split: start from one that `sentiment run-pipeline` or `sentiment train` has saved."
            )

        def run(into: Path) -> None:
            shutil.copytree(folder, into / CLASSIFIER_FOLDER, dirs_exist_ok=True)

        key = {"classifier": classifier.digest(), "learned": classifier.learned.digest()}
        stage = context.run_stage("start", name, key, run, code=())
    return Output("start", lambda: _read(stage.folder), stage.digest, stage.folder)


def _read(folder: Path) -> Start:
    classifier = SentimentClassifier.load(folder / CLASSIFIER_FOLDER)
    assert isinstance(classifier.model_, RecurrentModel)
    assert classifier.learned is not None
    return Start(classifier.model_, classifier.learned, classifier.unknown_share)


def _given(preset: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Option -> the value that the user asked for, by option or by a preset that was named."""
    content: dict[str, Any] = {} if preset is None else read_preset(preset)
    preset_values = {}
    for option, (section, field) in PipelineConfig.settings().items():
        values = content if section is None else content.get(section, {})
        if field in values:
            preset_values[option] = values[field]
    return {**preset_values, **options}


def _check_shape(
    uri: str,
    fixed: Mapping[str, Mapping[str, Any]],
    cell: str,
    preset: str | None,
    options: Mapping[str, Any],
    given: Mapping[str, Any],
) -> None:
    useless = [f"--{name.replace('_', '-')}" for name in LEFT_OUT if options.get(name)]
    useless += ["--no-names"] if options.get("names") is False else []
    if useless:
        raise InputError(
            f"{', '.join(useless)} cannot be had with --start-from, which keeps the vocabulary of the start and "
            "fine-tunes on labels alone."
        )
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
        preset_values = f" Preset {preset} asks for some of it." if preset is not None else ""
        raise InputError(
            f"{uri} cannot be started from in another shape: {'; '.join(others)}. Leave these options out, as the "
            f"start brings its own, or train from scratch without --start-from.{preset_values}"
        )
