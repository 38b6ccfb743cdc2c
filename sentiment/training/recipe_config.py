"""RecipeConfig: all that decides a trained model, beside its kind, its seed and its reviews."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field

from sentiment.configuration import Configuration
from sentiment.data.sequences import SequenceConfig
from sentiment.data.vocabulary import VocabularyConfig
from sentiment.engine.cells import CELLS
from sentiment.engine.recurrent_model import RecurrentModel
from sentiment.errors import InputError
from sentiment.evaluation.metrics import ThresholdRule
from sentiment.presets import read_preset
from sentiment.training import start
from sentiment.training.models import ModelConfig, shape_of
from sentiment.training.pretraining import PretrainingConfig
from sentiment.training.trained import TITLES
from sentiment.training.trainer import TrainingConfig


class RecipeConfig(Configuration):
    """All that decides a trained model, beside its kind, its seed and its reviews."""

    threshold: ThresholdRule = Field(
        "0.5",
        description="P(positive) from which on a review is positive: the best of validation by this metric, or 0.5.",
    )
    vocabulary: VocabularyConfig = VocabularyConfig()
    sequences: SequenceConfig = SequenceConfig()
    pretraining: PretrainingConfig = PretrainingConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()

    def for_start(self, model: RecurrentModel, given: Mapping[str, Any]) -> Self:
        """The same for fine-tuning a network, which fixes its vocabulary, padding and shape.

        Args:
            given: what was asked for; of it counts the dropout, which is the network's own otherwise.
        """
        fixed, (_, shape) = start.fixed_settings(model), shape_of(model.network)
        dropout = {name: given[name] for name in start.DROPOUT if name in given}
        return self.model_copy(
            update={
                "vocabulary": VocabularyConfig(**fixed["vocabulary"]),
                "sequences": model.sequences,
                "model": ModelConfig(**{**shape.model_dump(), **dropout}),
                "pretraining": PretrainingConfig(start_from=self.pretraining.start_from),
                "training": TrainingConfig(**self.training.model_dump(exclude=set(start.LEFT_OUT))),
            }
        )


def configure(settings: Mapping[str, Any], started: start.Start | None) -> tuple[str, RecipeConfig]:
    """The model that the settings of a SentimentClassifier ask for, and its configuration.

    Args:
        started: what the training starts from, if anything.

    Raises:
        InputError: there is no such preset or cell, a setting is wrong, or one does not fit the start.
    """
    preset, cell = settings["preset"] or ("standard" if started is None else "fine-tune"), settings["cell"]
    content = read_preset(preset)
    model = cell or content.get("models", ["lstm"])[0]
    if model not in TITLES:
        raise InputError(f"There is no cell {model}: choose {', '.join(CELLS)}, or preset='linear'.")
    content = {name: value for name, value in content.items() if name in RecipeConfig.model_fields}
    config = RecipeConfig.compose(content, settings, f"preset {preset}")
    if started is None:
        return model, config
    given = {name: value for name, value in settings.items() if value is not None}
    start_cell = started.model.network.cell
    others = [f"cell {cell} (the start is a {start_cell})"] if cell not in (None, start_cell) else []
    others += [*start.differences(started.model, given), *start.useless_settings(given)]
    if others:
        name = settings["start"]
        raise InputError(f"{name} cannot be started from with other settings: leave out {'; '.join(others)}.")
    return start_cell, config.for_start(started.model, given)
