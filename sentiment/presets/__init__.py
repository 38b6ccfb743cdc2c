"""Named configurations: a TOML file each, which begins with its command and with what it costs and reaches."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from sentiment.errors import InputError


def preset_names(folder: str = ".") -> list[str]:
    """The presets that come with the project.

    Args:
        folder: of one kind: "." for trainings, `memory` for the memory tasks, `spaces` for searches.
    """
    presets = resources.files(__name__).joinpath(folder).iterdir()
    return sorted(Path(path.name).stem for path in presets if path.name.endswith(".toml"))


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
            text = resources.files(__name__).joinpath(folder, f"{preset}.toml").read_text("utf-8")
        else:
            raise InputError(
                f"There is no {kind} {preset}: choose {', '.join(preset_names(folder))} or a file ending with .toml."
            )
        return tomllib.loads(text)
    except OSError as error:
        raise InputError(f"{kind.title()} {preset} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{kind.title()} {preset} is not TOML: {error}.") from error
