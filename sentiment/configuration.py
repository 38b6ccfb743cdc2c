"""Configuration: the base class of every configuration, each of which stands beside the code that it configures."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Configuration(BaseModel):
    """A frozen pydantic model that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def flat(self) -> dict[str, Any]:
        """Every value under its dotted name, such as `training.epochs`; of a list, its values with commas between."""
        values: dict[str, Any] = {}
        for name, value in self.model_dump(mode="json").items():
            if isinstance(value, dict):
                values |= {f"{name}.{field}": inner for field, inner in value.items()}
            else:
                values[name] = value
        return {n: ",".join(map(str, value)) if isinstance(value, list) else value for n, value in values.items()}
