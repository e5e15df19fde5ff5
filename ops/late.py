"""Commands that are imported when somebody wants them: a question at night waits for its own imports and for no others."""

from collections.abc import Callable, Mapping
from functools import wraps
from importlib import import_module
from inspect import Parameter, signature
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from ops.options import FolderOption


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
    """A command of a function; one that asks what is deployed, in a region, takes the folder of its settings too."""
    one = typer.Typer(add_completion=False, rich_markup_mode=None)
    found = function(place)
    one.command(name)(with_folder(found) if "region" in signature(found).parameters else found)
    return get_command(one)


def with_folder(found: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with the option `--config`, which it does not see: what is deployed decides, the folder only helps to find it."""

    @wraps(found)
    def command(**words: Any) -> Any:
        del words["config"]
        return found(**words)

    own = signature(found, eval_str=True)
    option = Parameter("config", Parameter.KEYWORD_ONLY, default=None, annotation=FolderOption)
    vars(command)["__signature__"] = own.replace(parameters=[*own.parameters.values(), option])
    command.__annotations__ = found.__annotations__ | {"config": FolderOption}
    return command


def function(place: str) -> Callable[..., Any]:
    """The function at a place, `ops.errors:errors`."""
    module, _, name = place.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found
