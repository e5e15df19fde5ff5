"""Call or write to the stack that `make run` keeps up: one call or text through the stand-in Twilio.

Examples:

    python -m local.call voice --says "Please call me back"

    python -m local.call text "Where is my order?"

    python -m local.call trunk --hangs-up-after 5
"""

from pathlib import Path
from typing import Annotated

import typer

from local.phone import Wish, asked

PHONE = Path(".local/phone")  #: where `make run` writes the telephone's address
CALLER = "+15550100177"  #: none of those who called and wrote in the three disasters

app = typer.Typer(help=__doc__, no_args_is_help=True, rich_markup_mode=None, add_completion=False)

From = Annotated[str, typer.Option("--from", help="who calls or writes")]
Says = Annotated[str, typer.Option(help="what is said after the tone")]
HangsUp = Annotated[float | None, typer.Option(help="seconds until the caller hangs up")]


def use(wish: Wish) -> None:
    """Use the telephone of `make run`, and print what happened."""
    try:
        lines = asked(PHONE.read_text(), wish)
    except OSError:
        typer.echo("nothing is up here: run `make run` in another terminal and wait until it says so", err=True)
        raise typer.Exit(1) from None
    for line in lines:
        typer.echo(line)


@app.command()
def voice(from_: From = CALLER, says: Says = "", hangs_up_after: HangsUp = None) -> None:
    """A call to a number whose primary refuses connections."""
    use({"kind": "voice", "from": from_, "says": says, "hangs_up_after": hangs_up_after})


@app.command()
def trunk(from_: From = CALLER, says: Says = "", hangs_up_after: HangsUp = None) -> None:
    """A call to a trunk whose SIP servers are dead."""
    use({"kind": "trunk", "from": from_, "says": says, "hangs_up_after": hangs_up_after})


@app.command()
def text(body: str, from_: From = CALLER) -> None:
    """A text to a number whose primary refuses connections."""
    use({"kind": "text", "from": from_, "body": body})


if __name__ == "__main__":
    app()
