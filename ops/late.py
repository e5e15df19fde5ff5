"""`fallback preview` and `flows` read the answer book, whose compiler takes a tenth of a second to import: only then."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

LATE = ("flows", "preview")  #: each in the module of its name


class Commands(TyperGroup):
    """All commands; those of the answer book are made when somebody wants them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order of the help."""
        return [*super().list_commands(ctx), *LATE]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """One command by its name."""
        if cmd_name not in LATE:
            return super().get_command(ctx, cmd_name)
        one = typer.Typer(add_completion=False, rich_markup_mode=None)
        one.command(cmd_name)(getattr(import_module(f"ops.{cmd_name}"), cmd_name))
        return get_command(one)
