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
from sentiment.engine.recurrent_model import RecurrentModel
from sentiment.errors import InputError
from sentiment.presets import read_preset
from sentiment.saved_classifier import CLASSIFIER_FOLDER
from sentiment.training.start import Start, differences, useless_settings
from sentiment.training.steps import Output


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
    model, given = start.value.model, _given(preset, options)
    _check_shape(uri, model, preset, options, given)
    shaped = config.for_start(model, given).model_copy(update={"models": (model.network.cell,)})
    return replace(context, config=shaped, start=start)


def _fetch(context: Context, uri: str) -> Output[Start]:
    """The classifier that a folder or a URI names -> classifier/."""
    with located_classifier(uri) as (folder, name):
        classifier = SentimentClassifier.load(folder)
        start = classifier.as_start(name)

        def run(into: Path) -> None:
            shutil.copytree(folder, into / CLASSIFIER_FOLDER, dirs_exist_ok=True)

        key = {"classifier": classifier.digest(), "learned": start.learned.digest()}
        stage = context.run_stage("start", name, key, run, code=())
    saved = stage.folder / CLASSIFIER_FOLDER
    return Output("start", lambda: SentimentClassifier.load(saved).as_start(name), stage.digest, stage.folder)


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
    uri: str, model: RecurrentModel, preset: str | None, options: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    if useless := useless_settings(options):
        flags = ", ".join("--no-names" if name == "names" else f"--{name.replace('_', '-')}" for name in useless)
        raise InputError(
            f"{flags} cannot be had with --start-from, which keeps the vocabulary of the start and "
            "fine-tunes on labels alone."
        )
    others = [difference.replace("_", "-") for difference in differences(model, given)]
    models, cell = options.get("models"), model.network.cell
    if (models is not None and list(models) != [cell]) or cell not in given.get("models", [cell]):
        others.insert(0, f"models {', '.join(given['models'])} (the start is a {cell})")
    if others:
        preset_values = f" Preset {preset} asks for some of it." if preset is not None else ""
        raise InputError(
            f"{uri} cannot be started from in another shape: {'; '.join(others)}. Leave these options out, as the "
            f"start brings its own, or train from scratch without --start-from.{preset_values}"
        )
