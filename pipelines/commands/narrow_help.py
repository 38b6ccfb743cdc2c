"""NarrowHelp: a command whose help is plain lists where the terminal is too narrow for rich's panels."""

import shutil
from typing import Any

from typer.core import TyperArgument, TyperCommand
from typer.exceptions import TyperException

PANEL_WIDTH = 120
"""Columns from which on rich's panels hold every name of an option whole."""


class NarrowHelp(TyperCommand):
    """A command whose help is never cut, and which says what to do with an argument that looks like an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments.

        Raises:
            TyperException: they are wrong.
        """
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            option = getattr(error, "option_name", None)
            if option and any(isinstance(parameter, TyperArgument) for parameter in self.get_params(ctx)):
                error.message += (
                    f". If {option} begins a text or a file name, put -- before it, "
                    f"as in `{ctx.command_path} -- '{option} ...'`"
                )
            raise

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help; into `formatter` what rich does not print itself."""
        width = shutil.get_terminal_size().columns
        if width >= PANEL_WIDTH:
            super().format_help(ctx, formatter)
            return
        formatter.width = width - 2
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        panels: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                usual = "Arguments" if isinstance(parameter, TyperArgument) else "Options"
                panels.setdefault(getattr(parameter, "rich_help_panel", None) or usual, []).append(record)
        for panel, records in panels.items():
            with formatter.section(panel):
                formatter.write_dl(records)
