"""Given: the part of the configuration that the user gave as options, and the stages' context that follows from it."""

import json
import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer

from pipelines.configuration import PipelineConfig, compose
from pipelines.console import Console
from pipelines.files import write_json
from pipelines.working_directory import WorkingDirectory
from sentiment.errors import InputError
from sentiment.presets import preset_names

if TYPE_CHECKING:
    from pipelines.stages.context import Context

CONFIGURATION_FILE = "configuration.json"
LISTED = ("models", "seeds", "labels", "positive", "negative")
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


def typer_options(reads: Sequence[str]) -> dict[str, Any]:
    """The Typer options of sections and single fields, by name."""
    standard = compose("standard", {}).flat()
    return {
        name: _typer_option(name, section, field, standard[field if section is None else f"{section}.{field}"])
        for name, (section, field) in PipelineConfig.settings().items()
        if {section or field, f"{section}.{field}"} & {*reads}
    }


def _typer_option(name: str, section: str | None, field_name: str, default: Any) -> Any:
    """The Typer option of a configuration field: its type, its description, its default in `standard`."""
    owner: Any = PipelineConfig if section is None else PipelineConfig.model_fields[section].annotation
    field = owner.model_fields[field_name]
    kind = field.annotation
    if isinstance(kind, types.UnionType):  # X | None
        kind = get_args(kind)[0]
    if kind not in (int, float, bool, Path):
        kind = str  # pydantic checks names such as "pre"
    flag = f"--{name.replace('_', '-')}"
    names = [f"{flag}/--no-{flag[2:]}"] if kind is bool else [flag]
    choices = f" One of {', '.join(get_args(field.annotation))}." if get_origin(field.annotation) is Literal else ""
    shown = "" if default in (None, "") else f" (standard: {str(default).lower()})"
    return Annotated[
        kind | None, typer.Option(*names, help=f"{field.description}{choices}{shown}", rich_help_panel=PANELS[section])
    ]


@dataclass(frozen=True)
class Given:
    """What the user gave of the configuration.

    Attributes:
        preset: name or TOML file; None where none is named.
        options: the options that override it, by the names of `option_fields`; those that were not given are missing.
    """

    preset: str | None
    options: Mapping[str, Any]

    @classmethod
    def by(cls, preset: str | None, options: Mapping[str, Any]) -> "Given":
        """What the user gave of Typer's options, None where nothing; comma-separated ones become lists."""
        given = {name: value for name, value in options.items() if value is not None}
        return cls(preset, {n: split_list(value) if n in LISTED else value for n, value in given.items()})

    def with_repeats(self, repeats: int | None) -> "Given":
        """The same with the seeds that --repeats stands for.

        Raises:
            InputError: --seeds is given, too.
        """
        if repeats is None:
            return self
        if "seeds" in self.options:
            raise InputError("--seeds and --repeats both choose the seeds: give one of them.")
        return replace(self, options={**self.options, "seeds": tuple(range(repeats))})

    def config(self, base: dict[str, Any] | None = None) -> PipelineConfig:
        """The preset with the options.

        Args:
            base: a configuration that stands in for the preset.

        Raises:
            InputError: unknown preset, key or value.
        """
        return compose(self.preset, self.options, base=base)

    @contextmanager
    def opened(self, console: Console, work_dir: Path, *, resume: bool = True) -> Iterator["Context"]:
        """What the stages need, on a working directory that no other command uses meanwhile.

        Args:
            resume: start from the configuration that the last command left there, unless a preset or source is given.

        Raises:
            InputError: the configuration is wrong, or the working directory cannot be used.
        """
        with WorkingDirectory(work_dir) as work:
            path = work_dir / CONFIGURATION_FILE
            resumes = resume and self.preset is None and "source" not in self.options and path.exists()
            config = self.config(_remembered(path) if resumes else None)
            from pipelines.stages.context import Context
            from pipelines.stages.start import with_start

            context = with_start(Context(config, work, console), self.preset, self.options)
            write_json(path, context.config.model_dump(mode="json"))
            yield context


def _remembered(path: Path) -> dict[str, Any]:
    """The configuration that the last command left."""
    try:
        content = json.loads(path.read_text("utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it holds no object")
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({error}): delete the file, or give --preset or --source.") from error
    return content
