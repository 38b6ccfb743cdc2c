"""RecipeConfig: all that decides a trained model, beside its kind, its seed and its reviews."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field

from sentiment.configuration import Configuration
from sentiment.data.sequences import SequenceConfig
from sentiment.data.vocabulary import VocabularyConfig
from sentiment.engine.recurrent_model import RecurrentModel
from sentiment.evaluation.metrics import ThresholdRule
from sentiment.training import start
from sentiment.training.models import ModelConfig, shape_of
from sentiment.training.pretraining import PretrainingConfig
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
