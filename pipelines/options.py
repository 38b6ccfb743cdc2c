"""Fields of the configuration as options of a command."""

import functools
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from pipelines.configuration import PipelineConfig, compose
from sentiment.presets import preset_names

LISTED = ("models", "seeds", "positive", "negative")
"""Fields whose options are comma-separated."""

PANELS = {
    None: "Run",
    "source": "Source",
    "vocabulary": "Vocabulary",
    "sequences": "Sequences",
    "pretraining": "Before training",
    "model": "Network",
    "training": "Training",
}
"""Section of PipelineConfig -> the heading over its options."""

Preset = Annotated[
    str | None,
    typer.Option(
        help=f"Named configuration ({', '.join(preset_names())}) or a TOML file; other options override it. "
        "Default: fine-tune with --start-from, demo for the demo source, else standard."
    ),
]


def split_list(value: str) -> list[str]:
    """The parts of a comma-separated option."""
    return [part.strip() for part in value.split(",")]


def options_of(reads: Sequence[str]) -> dict[str, Any]:
    """The Typer options of sections and single fields, by name."""

    def is_read(section: str | None, field: str) -> bool:
        return (field if section is None else section) in reads or f"{section}.{field}" in reads

    return {
        name: _option(name) for name, (section, field) in PipelineConfig.settings().items() if is_read(section, field)
    }


def given_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given; comma-separated ones as lists."""
    listed = {name for name, (_, field) in PipelineConfig.settings().items() if field in LISTED}
    return {
        name: split_list(value) if name in listed else value for name, value in options.items() if value is not None
    }


def _option(name: str) -> Any:
    """The Typer option of a configuration field: its type, its description, its default in `standard`."""
    section, field_name = PipelineConfig.settings()[name]
    owner: Any = PipelineConfig if section is None else PipelineConfig.model_fields[section].annotation
    field = owner.model_fields[field_name]
    kind = field.annotation
    if isinstance(kind, types.UnionType):  # X | None
        kind = get_args(kind)[0]
    if kind not in (int, float, bool, Path):
        kind = str  # pydantic checks names such as "pre"
    flag = f"--{name.replace('_', '-')}"
    names = [f"{flag}/--no-{flag[2:]}"] if kind is bool else [flag]
    default = _standard().flat()[name if section is None else f"{section}.{field_name}"]
    choices = f" One of {', '.join(get_args(field.annotation))}." if get_origin(field.annotation) is Literal else ""
    shown = "" if default in (None, "") else f" (standard: {str(default).lower()})"
    return Annotated[
        kind | None, typer.Option(*names, help=f"{field.description}{choices}{shown}", rich_help_panel=PANELS[section])
    ]


@functools.cache
def _standard() -> PipelineConfig:
    return compose("standard", {})
