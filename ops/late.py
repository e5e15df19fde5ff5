"""Commands that are imported when somebody wants them: a question at night waits for its own imports and for no others."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command


def commands(places: Mapping[str, str]) -> type[TyperGroup]:
    """A group of commands, each a name and where its function is: `{"errors": "ops.errors:errors"}`."""

    class Commands(TyperGroup):
        """These, and the groups that were added."""

        def __init__(self, **words: Any) -> None:
            super().__init__(**words)
            self.commands: Any = dict.fromkeys(places) | self.commands  # the names, for the help and for `did you mean`

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            """One command by its name."""
            return command(cmd_name, places[cmd_name]) if cmd_name in places else super().get_command(ctx, cmd_name)

    return Commands


def command(name: str, place: str) -> Any:
    """A command of a function."""
    one = typer.Typer(add_completion=False, rich_markup_mode=None)
    one.command(name)(function(place))
    return get_command(one)


def function(place: str) -> Callable[..., Any]:
    """The function at a place, `ops.errors:errors`."""
    module, _, name = place.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found
