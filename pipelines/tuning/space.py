"""Space: fields of the configuration with the values to search, from a TOML file."""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from pipelines.configuration import PipelineConfig
from sentiment.errors import InputError, shown
from sentiment.presets import read_preset

SPACES = "spaces"
"""Folder of the spaces that come with the project."""

SECTIONS = ("vocabulary", "sequences", "pretraining", "model", "training")
NOT_SEARCHED = ("training.validation_share",)
"""It decides which reviews a trial is measured on."""

RANGE_KEYS = {"low", "high", "log", "step"}

Values = CategoricalDistribution | IntDistribution | FloatDistribution


@dataclass(frozen=True)
class Space:
    """Settings to search.

    Attributes:
        name: for people.
        settings: dotted name, such as `model.units`, or `models` -> its values.
    """

    name: str
    settings: Mapping[str, Values]

    def configured(self, config: PipelineConfig, values: Mapping[str, Any]) -> PipelineConfig:
        """A configuration with the values of some settings.

        Raises:
            InputError: a value is none that the field takes.
        """
        content = config.model_dump(mode="json")
        for name, value in values.items():
            section, _, field = name.rpartition(".")
            if section:
                content[section][field] = value
            else:
                content[field] = [value]
        return PipelineConfig.compose(content, {}, f"space {self.name}")

    def values_of(self, config: PipelineConfig) -> dict[str, Any]:
        """What the configuration has for each setting.

        Raises:
            InputError: a value lies outside the space.
        """
        content, values = config.model_dump(), dict[str, Any]()
        for name, distribution in self.settings.items():
            section, _, field = name.rpartition(".")
            value = values[name] = content[section][field] if section else content[field][0]
            try:
                create_trial(state=TrialState.RUNNING, params={name: value}, distributions={name: distribution})
            except ValueError as error:
                raise InputError(
                    f"{name} is {_shown(value)} in the configuration, but the space {self.name} has "
                    f"{_described(distribution)}: the search starts from the configuration, so widen the space, or "
                    "choose another preset."
                ) from error
        return values

    def largest(self, name: str) -> Any:
        """The largest value of a setting that has numbers."""
        return max(_ends(self.settings[name]))

    def without(self, names: set[str]) -> "Space":
        """The space without some settings.

        Raises:
            InputError: nothing is left.
        """
        left = {name: distribution for name, distribution in self.settings.items() if name not in names}
        if not left:
            raise InputError(f"Nothing is left to search in the space {self.name}: give fewer options, or more fields.")
        return Space(self.name, left)


def read_space(space: str) -> Space:
    """A space that comes with the project, or a TOML file.

    Raises:
        InputError: it cannot be read, or names what is no field or cannot be searched; a range is empty, or a field
            does not take a value.
    """
    content = read_preset(space, SPACES, kind="space")
    settings = dict(_settings(content, space))
    if not settings:
        raise InputError(f"The space {space} is empty: name fields with their values, as docs/tuning.md shows.")
    found, standard = Space(space, settings), PipelineConfig()
    for name, distribution in settings.items():
        for value in _ends(distribution):
            found.configured(standard, {name: value})
    return found


def _settings(content: Mapping[str, Any], space: str) -> Iterator[tuple[str, Values]]:
    for section, fields in content.items():
        if section == "models":
            yield section, _choices(section, fields, space)
        elif section not in SECTIONS or not isinstance(fields, dict):
            raise InputError(
                f"Unknown key {shown(section)} in space {space}; known are models and the sections "
                f"{', '.join(SECTIONS)}."
            )
        else:
            for field, values in fields.items():
                name = f"{section}.{field}"
                known = [inner for outer, inner in PipelineConfig.settings().values() if outer == section]
                if field not in known or name in NOT_SEARCHED:
                    raise InputError(
                        f"Unknown key {shown(name)} in space {space}; known are "
                        f"{', '.join(inner for inner in known if f'{section}.{inner}' not in NOT_SEARCHED)}."
                    )
                yield name, _range(name, values, space) if isinstance(values, dict) else _choices(name, values, space)


def _choices(name: str, values: Any, space: str) -> CategoricalDistribution:
    if not isinstance(values, list) or not all(isinstance(value, (str, int, float, bool)) for value in values):
        raise InputError(f"{name} in space {space} is no list of choices and no {{low = ..., high = ...}}.")
    if len(set(map(repr, values))) < max(2, len(values)):
        raise InputError(f"{name} in space {space} has {_shown(values)}: give two or more different choices.")
    return CategoricalDistribution(values)


def _range(name: str, values: Mapping[str, Any], space: str) -> Values:
    kind, place = _kind(name), f"{name} in space {space}"
    if kind not in (int, float):
        raise InputError(f"{place} takes no range, as it is no number: give a list of choices.")
    numbers = [values.get("low"), values.get("high"), values.get("step", 1)]
    has_numbers = all(type(number) in ((int,) if kind is int else (int, float)) for number in numbers)
    if set(values) - RANGE_KEYS or not has_numbers or not isinstance(values.get("log", False), bool):
        raise InputError(
            f"{place} is {_shown(dict(values))}: give low and high, {kind.__name__} numbers, and perhaps step, or "
            "log = true."
        )
    low, high, is_log, step = values["low"], values["high"], values.get("log", False), values.get("step")
    if low >= high:
        raise InputError(f"{place} has an empty range, {low} to {high}: low must be below high.")
    if is_log and (low <= 0 or step is not None):
        raise InputError(f"{place}: log = true takes a low above 0, and no step.")
    if step is not None and not 0 < step <= high - low:
        raise InputError(f"{place} has a step of {step}: give one above 0 and within the range.")
    if kind is int:
        return IntDistribution(low, high, log=is_log, step=step or 1)
    return FloatDistribution(float(low), float(high), log=is_log, step=step)


def _kind(name: str) -> Any:
    """The type of a field, without the None that it may also take."""
    section, _, field = name.rpartition(".")
    owner: Any = PipelineConfig.model_fields[section].annotation
    kind = owner.model_fields[field].annotation
    return get_args(kind)[0] if isinstance(kind, types.UnionType) else kind


def _ends(distribution: Values) -> list[Any]:
    """Values that the field must take: the choices, or both ends."""
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    return [distribution.low, distribution.high]


def _described(distribution: Values) -> str:
    if isinstance(distribution, CategoricalDistribution):
        return ", ".join(map(_shown, distribution.choices))
    low, high = _ends(distribution)
    step = distribution.step
    return f"{low} to {high}" + (f" by steps of {step}" if step not in (None, 1) else "")


def _shown(value: Any) -> str:
    return "not set" if value is None else shown(value)
