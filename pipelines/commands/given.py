"""Given: the part of the configuration that the user gave, and the stages' context that follows from it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.console import Console
from pipelines.files import write_json
from pipelines.working_directory import WorkingDirectory
from sentiment.errors import InputError

if TYPE_CHECKING:
    from pipelines.configuration import PipelineConfig
    from pipelines.stages.context import Context

CONFIGURATION_FILE = "configuration.json"


@dataclass(frozen=True)
class Given:
    """What the user gave of the configuration.

    Attributes:
        preset: name or TOML file; None where none is named.
        options: the options that override it, by the names of `option_fields`; those that were not given are missing.
    """

    preset: str | None
    options: Mapping[str, Any]

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

    def config(self, base: dict[str, Any] | None = None) -> "PipelineConfig":
        """The preset with the options.

        Args:
            base: a configuration that stands in for the preset.

        Raises:
            InputError: unknown preset, key or value.
        """
        from pipelines.configuration import compose  # with many models of pydantic, which `predict` does not need

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
    """The configuration that the last command left.

    Raises:
        InputError: the file is damaged.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it holds no object")
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({error}): delete the file, or give --preset or --source.") from error
    return content
