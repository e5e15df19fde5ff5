"""Call or write to the stack that `make run` keeps up: one call or text through the stand-in Twilio.

Examples:

    python -m local.call voice --says "Please call me back"
    python -m local.call text "Where is my order?"
    python -m local.call trunk --hangs-up-after 5
"""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console

from local.demo import CALLER, LINE, TRUNK_LINE
from local.outputs import Outputs
from local.twilio import Call, Caller, Resolver, StandInTwilio
from local.twilio.primary import refusing_url

app = typer.Typer(help=__doc__, no_args_is_help=True, rich_markup_mode=None, add_completion=False)
console = Console()

From = Annotated[str, typer.Option("--from", help="who calls or writes")]
Says = Annotated[str, typer.Option(help="what is said after the tone")]
HangsUp = Annotated[float | None, typer.Option(help="seconds until the caller hangs up")]


def connected() -> tuple[StandInTwilio, Outputs]:
    """The stand-in and the deployment of `make run`."""
    try:
        outputs = Outputs.read(Path(".local/outputs.json"))
    except OSError:
        raise typer.BadParameter("nothing is deployed here: run `make run` in another terminal first") from None
    here = ("127.0.0.1", urlsplit(outputs.endpoint).port or 443)
    resolver = Resolver({f".execute-api.{outputs.region}.amazonaws.com": here})
    return StandInTwilio(outputs.account_sid, outputs.auth_token, resolver=resolver, ca_bundle=Path(outputs.ca_bundle)), outputs


def tell(call: Call) -> None:
    """What happened, in order."""
    for exchange in call.exchanges:
        console.print(f"{exchange.ask.purpose:10} {exchange.error or exchange.status}  {exchange.ask.url}", highlight=False)
    for heard in call.heard:
        console.print(f"{heard.at:6.1f} s  {heard.kind}: {heard.what}", highlight=False)
    console.print(f"{call.sid} {call.status} after {call.seconds:.1f} s")


@app.command()
def voice(from_: From = CALLER, says: Says = "", hangs_up_after: HangsUp = None) -> None:
    """A call to a number whose primary refuses connections."""
    twilio, outputs = connected()
    with refusing_url() as primary:
        number = twilio.number(LINE, voice_url=f"{primary}/voice", voice_fallback_url=outputs.voice_url)
        tell(number.call(from_, Caller(says=says, hangs_up_after=hangs_up_after)))


@app.command()
def trunk(from_: From = CALLER, says: Says = "", hangs_up_after: HangsUp = None) -> None:
    """A call to a trunk whose SIP servers are dead."""
    twilio, outputs = connected()
    line = twilio.trunk("main", origination=["sip:127.0.0.1:9"], disaster_recovery_url=outputs.trunk_url, numbers=[TRUNK_LINE])
    tell(line.call(TRUNK_LINE, from_, Caller(says=says, hangs_up_after=hangs_up_after)))


@app.command()
def text(body: str, from_: From = CALLER) -> None:
    """A text to a number whose primary refuses connections."""
    twilio, outputs = connected()
    with refusing_url() as primary:
        sent = twilio.number(LINE, sms_url=f"{primary}/sms", sms_fallback_url=outputs.sms_url).text(from_, body)
    for reply in sent.bodies or ["(no reply)"]:
        console.print(reply)


if __name__ == "__main__":
    app()
