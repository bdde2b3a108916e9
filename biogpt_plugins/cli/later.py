"""Commands whose modules are loaded when they are called: help lists them without."""

from __future__ import annotations

from copy import copy
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from biogpt_plugins.cli.plain_help import PlainHelp

_HOMES = {  # those whose function is not in the module of its own name
    "dictionary": "build",
    "ask": "describe generate",
    "evaluate": "score run",
    "convert": "inspect",
    "listing": "tasks models",
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names.split()}
_FUNCTIONS = {"eval": "run"}


class Command(PlainHelp, TyperCommand):
    """A command of `biogpt`."""


class Later(TyperCommand):
    """The name and the summary of a command of `biogpt`."""

    def loaded(self) -> Any:  # noqa: ANN401 - click is a private part of typer
        """The command itself."""
        name = str(self.name)
        function = _FUNCTIONS.get(name, name)
        module = import_module(f"biogpt_plugins.cli.{_MODULES.get(function, function)}")
        alone = typer.Typer(
            add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False
        )
        options: Any = {"cls": Command, "rich_help_panel": self.rich_help_panel}
        alone.command(name, **options)(getattr(module, function))
        return typer.main.get_command(alone)


class Group(PlainHelp, TyperGroup):
    """A group of such commands."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - as above
        """The command of a name, loaded."""
        command = super().get_command(ctx, cmd_name)
        return command.loaded() if isinstance(command, Later) else command

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
        """Write the help, which lists commands without loading them."""
        listed = copy(self)
        listed.get_command = super().get_command  # type: ignore[method-assign]
        super(Group, listed).format_help(ctx, formatter)
