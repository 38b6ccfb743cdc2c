"""PipelineConfig: everything that decides a result, composed from the stages' own configurations, and its presets."""

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import Field, ValidationError, field_validator

from sentiment.configuration import Configuration
from sentiment.data.sequences import SequenceConfig
from sentiment.data.sources import SourceConfig
from sentiment.data.vocabulary import VocabularyConfig
from sentiment.engine.cells import CELLS, CellName
from sentiment.errors import InputError
from sentiment.evaluation.metrics import ThresholdRule
from sentiment.training.linear_model import LINEAR_MODEL
from sentiment.training.models import ModelConfig
from sentiment.training.pretraining import PretrainingConfig
from sentiment.training.trainer import TrainingConfig

BASELINE: CellName = "simple_rnn"

AnyConfiguration = TypeVar("AnyConfiguration", bound=Configuration)


class Trial(NamedTuple):
    """One network to train.

    Attributes:
        name: title of its model, with the seed where there are several.
    """

    cell: CellName
    seed: int
    name: str

    @property
    def title(self) -> str:
        """The model as people know it."""
        return CELLS[self.cell].layer


class PipelineConfig(Configuration):
    """The configuration of `sentiment run-pipeline`; a preset is a TOML file with these fields."""

    models: tuple[CellName, ...] = Field(
        ("lstm", BASELINE), min_length=1, description="Models to train: lstm, simple_rnn, gru, comma-separated."
    )
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**32)], ...] = Field(
        (0,),
        min_length=1,
        description="Comma-separated; every model is trained once per seed, which fixes its validation reviews, first "
        "weights and order. What a source draws at random follows from the first.",
    )
    threshold: ThresholdRule = Field(
        "0.5",
        description="P(positive) from which on a review is positive: the best of validation by this metric, or 0.5.",
    )
    settings_tried: int = Field(
        1,
        ge=1,
        description="Settings that you compared by the same validation reviews, these included. `--sure` allows for "
        "the choice, and `sentiment tune` counts its trials here.",
    )
    linear_model: bool = Field(True, description=f"Also fit the linear model, {LINEAR_MODEL}.")
    source: SourceConfig = SourceConfig()
    vocabulary: VocabularyConfig = VocabularyConfig()
    sequences: SequenceConfig = SequenceConfig()
    pretraining: PretrainingConfig = PretrainingConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()

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

    def trials(self) -> list[Trial]:
        """Every model with every seed."""
        several = len(self.seeds) > 1
        return [
            Trial(cell, seed, CELLS[cell].layer + (f", seed {seed}" if several else ""))
            for cell in self.models
            for seed in self.seeds
        ]


@functools.cache
def option_fields() -> dict[str, tuple[str | None, str]]:
    """Command-line option -> (section, field) of PipelineConfig; section None for its own fields."""
    fields: dict[str, tuple[str | None, str]] = {}
    for name, field in PipelineConfig.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Configuration):
            fields |= {inner: (name, inner) for inner in field.annotation.model_fields}
        else:
            fields[name] = (None, name)
    return fields


def preset_names(folder: str = ".") -> list[str]:
    """The presets that come with the project, of one pipeline."""
    presets = resources.files("sentiment.presets").joinpath(folder).iterdir()
    return sorted(Path(path.name).stem for path in presets if path.name.endswith(".toml"))


def compose(preset: str | None, overrides: Mapping[str, Any], *, base: dict[str, Any] | None = None) -> PipelineConfig:
    """A preset with the options that override it.

    Args:
        preset: a name of `preset_names`, or the path of a TOML file; None for `fine-tune` where a trained classifier
            is to start from, for `demo` with the demo source, and `standard` with any other.
        overrides: option, as in `option_fields`, -> value; None means not given.
        base: the configuration that the working directory remembers; it stands in for the preset.

    Raises:
        InputError: unknown preset, key or value.
    """
    preset = preset or default_preset(overrides)
    content = read_preset(preset) if base is None else base
    for option, (section, field) in option_fields().items():
        if (value := overrides.get(option)) is None:
            continue
        place = content if section is None else content.setdefault(section, {})
        if isinstance(place, dict):  # of anything else, the validation tells
            place[field] = value
    remembered = "the working directory's configuration.json, which --preset or --source would replace"
    return validated(PipelineConfig, content, f"preset {preset}" if base is None else remembered)


def default_preset(overrides: Mapping[str, Any]) -> str:
    """The preset where none is named."""
    if overrides.get("start_from") is not None:
        return "fine-tune"
    return "demo" if overrides.get("source") == "demo" else "standard"


def validated(kind: type[AnyConfiguration], content: dict[str, Any], place: str) -> AnyConfiguration:
    """The configuration with this content.

    Args:
        place: where the content stands, for people.

    Raises:
        InputError: unknown key or value.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise InputError(_explain(error, kind, place)) from error


def read_preset(preset: str, folder: str = ".", *, kind: str = "preset") -> dict[str, Any]:
    """The content of a preset: one of `preset_names(folder)`, or a TOML file.

    Args:
        kind: what a message calls it.

    Raises:
        InputError: there is no such preset, or it is not TOML.
    """
    try:
        if preset.endswith(".toml"):
            text = Path(preset).read_text("utf-8")
        elif preset in preset_names(folder):
            text = resources.files("sentiment.presets").joinpath(folder, f"{preset}.toml").read_text("utf-8")
        else:
            raise InputError(
                f"There is no {kind} {preset}: choose {', '.join(preset_names(folder))} or a file ending with .toml."
            )
        return tomllib.loads(text)
    except OSError as error:
        raise InputError(f"{kind.title()} {preset} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{kind.title()} {preset} is not TOML: {error}.") from error


def _explain(error: ValidationError, kind: type[Configuration], place: str) -> str:
    problems, unknown, known = [], list[str](), dict[str, str]()
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"] if not isinstance(part, int))
        if problem["type"] == "extra_forbidden":
            section = key.rpartition(".")[0]
            owner: Any = kind.model_fields[section].annotation if section else kind
            unknown.append(key)
            known[f" in {section}" if section else ""] = ", ".join(owner.model_fields)
        else:
            message = problem["msg"].removeprefix("Value error, ")
            message = message[0].lower() + message[1:]
            is_whole = isinstance(problem["input"], dict)  # what is wrong is how fields stand together
            problems.append(message if is_whole else f"{key.split('.')[-1]} is {problem['input']!r}: {message}")
    if unknown:
        noun, remedy = ("key", "delete its line") if len(unknown) == 1 else ("keys", "delete their lines")
        problems.append(
            f"unknown {noun} {', '.join(unknown)} in {place}: this version has no such setting, so {remedy} or "
            f"correct the spelling; {'; '.join(f'known{section} are {names}' for section, names in known.items())}"
        )
    return "; ".join(problems) + "."
