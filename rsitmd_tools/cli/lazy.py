"""Groups that import the module of a command only when the command is used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click


class LazyGroup(click.Group):
    """A group that imports its commands on demand.

    Args:
        modules: Command name to ``(module, one-line help)``. Each module holds a click
            command called ``command``. The help is passed here so that the commands can be
            listed without importing them.
    """

    def __init__(self, name: str, modules: Mapping[str, tuple[str, str]], text: str) -> None:
        super().__init__(name=name, help=text)
        self.modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands in the order in which they are used."""
        return list(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in self.modules:
            return None
        name, text = self.modules[cmd_name]
        module = importlib.import_module(name)
        command: click.Command = module.command
        command.short_help = text  # shown by shell completion
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.modules.items()])
