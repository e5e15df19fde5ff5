"""`fallback console`: the words of the command."""

import webbrowser
from contextlib import suppress
from typing import Annotated

import typer

from ops.console.app import serve
from ops.desk import Desk
from ops.options import PRODUCTION, EnvironmentOption, RegionsOption
from ops.screen import out


def console(
    port: Annotated[int, typer.Option(min=0, max=65535, help="port on 127.0.0.1; 0 takes one that is free")] = 0,
    open_it: Annotated[bool, typer.Option("--open/--no-open", help="open the browser")] = True,
    environment: EnvironmentOption = PRODUCTION,
    region: RegionsOption = None,
) -> None:
    """All of it in a browser, on this machine only. With your own AWS credentials; Ctrl-C ends it.

    Examples:

        fallback console

        fallback console --port 8765 --no-open
    """
    desk = Desk.open(environment, region)

    def announce(address: str) -> None:
        out.print(f"The console of {desk.title}: {address}", soft_wrap=True)
        out.print("The address holds the key to it: do not share it. Ctrl-C ends it.")
        if open_it:
            webbrowser.open(address)

    with suppress(KeyboardInterrupt):  # how it ends
        serve(desk, port, announce)
