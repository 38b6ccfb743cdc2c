"""PipelineConfig: everything that decides a result of the pipelines, composed from the configurations of the parts."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator

from sentiment.data.sources.config import SourceConfig
from sentiment.engine.cells import CELLS
from sentiment.presets import read_preset
from sentiment.training.linear_model import LINEAR_MODEL, LINEAR_MODEL_NAME
from sentiment.training.recipe_config import RecipeConfig
from sentiment.training.trained import TITLES, Candidate

BASELINE = "simple_rnn"


def _known(name: str) -> str:
    if name not in TITLES:
        raise ValueError(f"choose {', '.join(TITLES)}")
    return name


class PipelineConfig(RecipeConfig):
    """The configuration of `sentiment run-pipeline`; a preset is a TOML file with these fields."""

    models: tuple[Annotated[str, AfterValidator(_known)], ...] = Field(
        ("lstm", BASELINE),
        min_length=1,
        description=f"Models to train, comma-separated: {', '.join(TITLES)}.",
    )
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**32)], ...] = Field(
        (0,),
        min_length=1,
        description="Comma-separated; a network is trained once per seed, which fixes its validation reviews, first "
        "weights and order. What a source draws at random follows from the first.",
    )
    settings_tried: int = Field(
        1,
        ge=1,
        description="Settings that you compared by the same validation reviews, these included. `--sure` allows for "
        "the choice, and `sentiment tune` counts its trials here.",
    )
    linear_model: bool = Field(True, description=f"Also fit the linear model, {LINEAR_MODEL}.")
    source: SourceConfig = SourceConfig()

    @field_validator("models", "seeds")
    @classmethod
    def _distinct(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(set(values)) < len(values):
            raise ValueError("each may stand there once")
        return values

    @property
    def choices(self) -> int:
        """Trainings of one kind of network that validation reviews choose among."""
        return len(self.seeds) * self.settings_tried

    @property
    def networks(self) -> list[str]:
        """The models that are networks."""
        return [model for model in self.models if model in CELLS]

    def candidates(self, linear_seeds: int = 1) -> list[Candidate]:
        """Every network with every seed, and last the linear model.

        Args:
            linear_seeds: with how many of the seeds the linear model is fitted. They decide its validation reviews
                alone, so one will do.
        """
        several = len(self.seeds) > 1
        candidates = [
            Candidate(model, seed, TITLES[model] + (f", seed {seed}" if several else ""))
            for model in self.networks
            for seed in self.seeds
        ]
        if self.linear_model or LINEAR_MODEL_NAME in self.models:
            candidates += [Candidate(LINEAR_MODEL_NAME, seed, LINEAR_MODEL) for seed in self.seeds[:linear_seeds]]
        return candidates


def compose(preset: str | None, overrides: Mapping[str, Any], *, base: dict[str, Any] | None = None) -> PipelineConfig:
    """A preset with the options that override it.

    Args:
        preset: a name of `preset_names`, or the path of a TOML file; None for `fine-tune` where a trained classifier
            is to start from, for `demo` with the demo source, and `standard` with any other.
        overrides: option -> value; None means not given.
        base: the configuration that the working directory remembers; it stands in for the preset.

    Raises:
        InputError: unknown preset, key or value.
    """
    preset = preset or default_preset(overrides)
    if base is None:
        return PipelineConfig.compose(read_preset(preset), overrides, f"preset {preset}")
    place = "the working directory's configuration.json, which --preset or --source would replace"
    return PipelineConfig.compose(base, overrides, place)


def default_preset(overrides: Mapping[str, Any]) -> str:
    """The preset where none is named."""
    if overrides.get("start_from") is not None:
        return "fine-tune"
    return "demo" if overrides.get("source") == "demo" else "standard"
