"""A configuration as a preset file, which `--preset FILE.toml` reads back."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pipelines.configuration import PipelineConfig


def as_preset(config: PipelineConfig, comments: Sequence[str]) -> str:
    """The text of the file: comments, then every setting that has a value."""
    return "\n".join([*(f"# {comment}".rstrip() for comment in comments), "", *_lines(config.model_dump(mode="json"))])


def _lines(content: dict[str, Any]) -> Iterator[str]:
    for name, value in content.items():
        if not isinstance(value, dict):
            yield f"{name} = {_toml(value)}"
    for section, fields in content.items():
        if isinstance(fields, dict):
            yield f"\n[{section}]"
            yield from (f"{name} = {_toml(value)}" for name, value in fields.items() if value is not None)
    yield ""


def _toml(value: Any) -> str:
    """A string, number, truth value or list; JSON writes them as TOML does, but for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
