"""Three disasters on one laptop: what `make run` and `make demo` show.

A call whose primary refuses connections, a text whose primary answers HTTP 500, a trunk call whose SIP servers are all dead: each goes
through the deployed stack, and what is shown of it is read back from the event table.
"""

import argparse
import logging
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from config.mistakes import ConfigError
from local.cdk import CdkFailed
from local.cloud import LocalCloud
from local.disasters import DISASTERS, Disaster, playable, read_back, voicemail
from local.emulator.process import CannotStart
from local.filling import fill
from local.history import Past
from local.outputs import Outputs
from local.phone import Phone, ringing
from local.twilio import Resolver, StandInTwilio
from local.twilio.rest import RestApi


def twilio_for(cloud: LocalCloud) -> StandInTwilio:
    """The stand-in Twilio whose requests reach this cloud, whichever name they are made by."""
    here = ("127.0.0.1", cloud.port)
    resolver = Resolver({f".execute-api.{cloud.region}.amazonaws.com": here})
    return StandInTwilio(cloud.settings.twilio.accounts[0], cloud.auth_token, resolver=resolver, ca_bundle=cloud.ca_bundle)


@contextmanager
def rest_api(cloud: LocalCloud) -> Iterator[tuple[StandInTwilio, RestApi]]:
    """The stand-in Twilio and its REST API, which have to be there before a deployment: its functions ask at once."""
    twilio = twilio_for(cloud)
    with RestApi(twilio.platform, keys=dict([cloud.api_key]), media_needs_password=True, port=cloud.twilio_port) as api:
        yield twilio, api


def shown(disasters: list[Disaster]) -> Table:
    """The table that the laptop's owner reads."""
    table = Table(title="Three disasters, three answered callers", show_lines=True)
    for heading in ("disaster", "what Twilio saw", "what the caller heard or read", "took", "event in DynamoDB"):
        table.add_column(heading, overflow="fold")
    for each in disasters:
        saw = "\n".join(f"{exchange.ask.purpose}: {exchange.error or exchange.status}" for exchange in each.exchanges)
        event = "\n".join(event_lines(each.events[0])) if each.events else "none"
        table.add_row(each.title, escape(saw), escape("\n".join(each.received)), f"{each.seconds:.1f} s", escape(event))
    return table


def event_lines(item: dict[str, Any]) -> Iterator[str]:
    """An event in a few lines."""
    for name in ("trust", "entry", "error_code", "error_url", "answer", "document", "at"):
        if name in item:
            yield f"{name}: {item[name]['S']}"


def play(laptop: "Laptop", console: Console) -> int:
    """Play every disaster, print the table, and return how many promises did not hold."""
    disasters = [disaster(laptop.twilio, laptop.outputs) for disaster in DISASTERS]
    for disaster in disasters:
        read_back(laptop.cloud, laptop.outputs, disaster)
    audio = voicemail(laptop.cloud, laptop.outputs, disasters[0])
    playable(disasters[0], audio)
    console.print(shown(disasters))
    if audio:
        console.print(
            f"the first caller's voicemail, fetched from Twilio, verified and stored in {laptop.outputs.voicemail_bucket}: {audio}"
        )
    broken = [f"{each.title}: {promise}" for each in disasters for promise in each.missing]
    for promise in broken:
        console.print(f"[bold red]did not hold[/] {promise}")
    return len(broken)


@dataclass(frozen=True)
class Laptop:
    """A local cloud with the stack of the environment `local` in it, and the stand-in Twilio before it."""

    cloud: LocalCloud
    outputs: Outputs
    twilio: StandInTwilio


@contextmanager
def deployed(console: Console, directory: Path, port: int) -> Iterator[Laptop]:
    """Deploy, and serve the recordings that callers leave."""
    with LocalCloud(directory, port) as cloud, rest_api(cloud) as (twilio, _):
        with console.status("cdk deploy into the local cloud ...") as status:
            began = time.monotonic()
            outputs = cloud.deploy()
            status.stop()
        console.print(f"deployed {outputs.stack} with the CDK CLI in {time.monotonic() - began:.0f} s (TLS and IAM enforced)")
        yield Laptop(cloud, outputs, twilio)


@contextmanager
def browsed(laptop: Laptop) -> Iterator[str]:
    """The console's address while it serves."""
    command = [sys.executable, "-m", "ops.cli", "console", "--environment", "local", "--no-open"]
    with subprocess.Popen(command, env=laptop.cloud.environ | {"COLUMNS": "200"}, stdout=subprocess.PIPE, text=True) as served:
        said = next((line for line in served.stdout or () if "http" in line), "http: the console did not start")
        try:
            yield said[said.index("http") :].strip()
        finally:
            served.terminate()


def exports(cloud: LocalCloud) -> str:
    """What a shell has to know to speak with this cloud instead of AWS."""
    known = {name: value for name, value in cloud.environ.items() if name.startswith("AWS_")} | {"FALLBACK_ENVIRONMENT": "local"}
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in known.items())


def stay(laptop: Laptop, console: Console) -> None:
    """Say how to call it oneself, and wait for Ctrl-C."""
    with console.status("a synthetic past, so that there is something to see ..."):
        events, messages = fill(laptop.cloud, laptop.outputs, Past(laptop.cloud.settings, datetime.now(UTC)))
    console.print(f"\n{events} events and {messages} voicemails of a synthetic past are there as well.")
    probe = laptop.outputs.probe_function  # its schedule begins in a minute
    laptop.cloud.client("lambda").invoke(FunctionName=probe, InvocationType="Event")
    with ringing(Phone(laptop.twilio, laptop.outputs)) as address, browsed(laptop) as page:
        (laptop.cloud.directory / "phone").write_text(address)
        console.print(f"[bold]On call, in a browser:[/] {page}", soft_wrap=True, highlight=False)
        console.print("\n[bold]Call it yourself[/] (another terminal, same folder; `--help` shows more):")
        console.print("  .venv/bin/python -m local.call voice --says 'Hello, please call me back'")
        console.print("  .venv/bin/python -m local.call text 'Where is my order?'")
        console.print("  .venv/bin/python -m local.call trunk")
        (laptop.cloud.directory / "environment").write_text(exports(laptop.cloud))
        console.print("[bold]The fallback command[/] against this cloud:")
        console.print("  . .local/environment && .venv/bin/fallback")
        console.print("or post with any client that signs as Twilio does; all that it needs is in .local/outputs.json:")
        console.print(f"  {laptop.outputs.voice_url}")
        console.print("Ctrl-C ends it.")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            console.print("stopping ...")


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 when every promise held, 1 when one did not, 2 when the cloud could not be started."""
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=str(__doc__).partition("\n")[0])
    parser.add_argument("--stay", action="store_true", help="stay up afterwards and say how to call it oneself")
    parser.add_argument("--port", type=int, default=4566, help="port on 127.0.0.1 (0: any that is free)")
    parser.add_argument("--directory", type=Path, default=Path(".local"), help="where everything is written")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    console = Console(width=None if sys.stdout.isatty() else 150)
    try:
        with ExitStack() as stack:
            laptop = stack.enter_context(deployed(console, options.directory, options.port))
            broken = play(laptop, console)
            if options.stay:
                stay(laptop, console)
            return 1 if broken else 0
    except (CannotStart, CdkFailed, ConfigError) as error:
        console.print(f"[bold red]error:[/] {escape(str(error))}")
        return 2


if __name__ == "__main__":
    sys.exit(main())
