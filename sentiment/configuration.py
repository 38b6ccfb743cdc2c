"""Configuration: the base class of every configuration, each of which stands beside the code that it configures."""

import functools
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from sentiment.errors import InputError


class Configuration(BaseModel):
    """A frozen pydantic model that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def flat(self) -> dict[str, Any]:
        """Every value under its dotted name, such as `training.epochs`; a list as its values with commas between."""
        values: dict[str, Any] = {}
        for name, value in self.model_dump(mode="json").items():
            if isinstance(value, dict):
                values |= {f"{name}.{field}": inner for field, inner in value.items()}
            else:
                values[name] = value
        return {n: ",".join(map(str, value)) if isinstance(value, list) else value for n, value in values.items()}

    @classmethod
    @functools.cache
    def settings(cls) -> dict[str, tuple[str | None, str]]:
        """Name of every setting -> (section, field); the section is None for a field of this configuration itself."""
        names: dict[str, tuple[str | None, str]] = {}
        for name, field in cls.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, Configuration):
                names |= {inner: (name, inner) for inner in field.annotation.model_fields}
            else:
                names[name] = (None, name)
        return names

    @classmethod
    def compose(cls, content: dict[str, Any], settings: Mapping[str, Any], place: str) -> Self:
        """The configuration with some content, in which settings replace values.

        Args:
            content: sections and fields, such as those of a preset; it is changed.
            settings: name -> value; None means not given.
            place: where the content stands, for people.

        Raises:
            InputError: an unknown key or value.
        """
        for name, (section, field) in cls.settings().items():
            if (value := settings.get(name)) is None:
                continue
            within = content if section is None else content.setdefault(section, {})
            if isinstance(within, dict):  # anything else is refused below
                within[field] = value
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise InputError(_explain(error, cls, place)) from error


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
            message = problem["msg"].removeprefix("Value error, ").removesuffix(".")
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
