"""Four disasters on one laptop: what `make run` and `make demo` show, for the project's own settings or yours.

A call whose primary refuses connections, a text whose primary answers HTTP 500, a trunk call whose SIP servers are all dead, an emergency
call of a desk phone: each goes through the deployed stack, and what is shown of it is read back from the event table.
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

from answerbook.compile import compile_book
from config.deployed import folder
from config.file import environments
from config.folders import TEMPLATES
from config.mistakes import ConfigError
from local.cdk import ROOT, CdkFailed
from local.certificate import CUSTOM_DOMAIN
from local.cloud import LocalCloud
from local.disasters import Disaster, playable, playable_with, read_back, voicemail
from local.emulator.process import CannotStart
from local.filling import fill
from local.history import Past
from local.outputs import Outputs
from local.phone import Phone, ringing
from local.twilio import Resolver, StandInTwilio
from local.twilio.hosts import HOME
from local.twilio.rest import RestApi
from ops.words import count

HIGHEST_PORT = 65535
INTERRUPTED = 130  #: what shells say of a program that Ctrl-C ended


def twilio_for(cloud: LocalCloud, region: str = HOME, auth_token: str = "") -> StandInTwilio:
    """The stand-in Twilio whose requests reach this cloud, whichever name they are made by; of another Region with a token of that one."""
    here = ("127.0.0.1", cloud.port)
    resolver = Resolver({f".execute-api.{cloud.region}.amazonaws.com": here, CUSTOM_DOMAIN: here})
    twilio = cloud.settings.twilio
    return StandInTwilio(
        twilio.accounts[0],
        auth_token or cloud.auth_token,
        resolver=resolver,
        ca_bundle=cloud.ca_bundle,
        verified_caller_ids=twilio.numbers,
        region=region,
    )


@contextmanager
def rest_api(cloud: LocalCloud) -> Iterator[tuple[StandInTwilio, RestApi]]:
    """The stand-in Twilio and its REST API, which have to be there before a deployment: its functions ask at once."""
    twilio = twilio_for(cloud)
    with RestApi(twilio.platform, keys=dict([cloud.api_key]), media_needs_password=True, port=cloud.twilio_port) as api:
        yield twilio, api


def shown(disasters: list[Disaster]) -> Table:
    """The table that the laptop's owner reads."""
    table = Table(title="What callers met while the primary was down", show_lines=True)
    for heading in ("disaster", "what Twilio saw", "what the caller heard or read", "took", "event in DynamoDB"):
        table.add_column(heading, overflow="fold")
    for each in disasters:
        saw = "\n".join(f"{exchange.ask.purpose}: {exchange.error or exchange.status}" for exchange in each.exchanges)
        event = "\n".join(event_lines(each.events[0])) if each.events else "none"
        table.add_row(each.title, escape(saw), escape("\n".join(each.received)), f"{each.seconds:.1f} s", escape(event))
    return table


def event_lines(item: dict[str, Any]) -> Iterator[str]:
    """An event in a few lines."""
    for name in ("trust", "entry", "emergency", "error_code", "error_url", "answer", "document", "at"):
        if name in item:
            yield f"{name}: {item[name]['S']}"


def play(laptop: "Laptop", console: Console) -> int:
    """Play every disaster that the settings can meet, print the table, and return how many promises did not hold."""
    plays, left_out = playable_with(laptop.cloud.settings)
    disasters = [disaster(laptop.twilio, laptop.outputs, laptop.cloud.settings) for disaster in plays]
    for disaster in disasters:
        read_back(laptop.cloud, laptop.outputs, disaster)
    audio = stored_voicemail(laptop, disasters)
    console.print(shown(disasters))
    for sentence in left_out:
        console.print(sentence)
    if audio:
        console.print(f"the caller's voicemail, fetched from Twilio, verified and stored in {laptop.outputs.voicemail_bucket}: {audio}")
    broken = [f"{each.title}: {promise}" for each in disasters for promise in each.missing]
    for promise in broken:
        console.print(f"[bold red]did not hold[/] {promise}")
    return len(broken)


def stored_voicemail(laptop: "Laptop", disasters: list[Disaster]) -> Path | None:
    """The first message that a caller left, held to what was said; None where nobody was asked for one."""
    left = next((disaster for disaster in disasters if disaster.said), None)
    if left is None:
        return None
    audio = voicemail(laptop.cloud, laptop.outputs, left)
    playable(left, audio)
    return audio


@dataclass(frozen=True)
class Laptop:
    """A local cloud with the stack of an environment in it, and the stand-in Twilio before it."""

    cloud: LocalCloud
    outputs: Outputs
    twilio: StandInTwilio


@contextmanager
def deployed(console: Console, cloud: LocalCloud) -> Iterator[Laptop]:
    """Deploy, and serve the recordings that callers leave."""
    with cloud, rest_api(cloud) as (twilio, _):
        with console.status("cdk deploy into the local cloud ..."):
            began = time.monotonic()
            outputs = cloud.deploy()
        console.print(f"deployed {outputs.stack} with the CDK CLI in {time.monotonic() - began:.0f} s (TLS and IAM enforced)")
        yield Laptop(cloud, outputs, twilio)


@contextmanager
def browsed(laptop: Laptop) -> Iterator[str]:
    """The console's address while it serves."""
    command = [sys.executable, "-m", "ops.cli", "console", "--no-open"]
    environ = laptop.cloud.environ | chosen(laptop.cloud) | {"COLUMNS": "200"}
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as served:
        said = next((line for line in served.stdout or () if "http" in line), "http: the console did not start")
        try:
            yield said[said.index("http") :].strip()
        finally:
            served.terminate()


def chosen(cloud: LocalCloud) -> dict[str, str]:
    """What the `fallback` command has to know of the settings that run here."""
    return {"FALLBACK_ENVIRONMENT": cloud.settings.environment, "FALLBACK_CONFIG": str(cloud.config.resolve())}


def exports(cloud: LocalCloud) -> str:
    """What a shell has to know to speak with this cloud instead of AWS."""
    known = {name: value for name, value in cloud.environ.items() if name.startswith("AWS_")} | chosen(cloud)
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in known.items())


def stay(laptop: Laptop, console: Console) -> None:
    """Say how to call it oneself, and wait for Ctrl-C."""
    with console.status("a synthetic past, so that there is something to see ..."):
        past = Past(laptop.cloud.settings, datetime.now(UTC), templates=laptop.cloud.templates)
        events, messages = fill(laptop.cloud, laptop.outputs, past)
    console.print(f"\n{count(events, 'event')} and {count(messages, 'voicemail')} of a synthetic past are there as well.")
    if probe := laptop.outputs.probe_function:  # its schedule begins in a minute
        laptop.cloud.client("lambda").invoke(FunctionName=probe, InvocationType="Event")
    directory = laptop.cloud.directory
    with ringing(Phone(laptop.twilio, laptop.cloud, laptop.outputs)) as address, browsed(laptop) as page:
        (directory / "environment").write_text(exports(laptop.cloud))
        console.print("\n".join(how_to_call(laptop, page)), soft_wrap=True, highlight=False)
        (directory / "phone").write_text(address)  # the last: `local.call ready` waits for it
        try:
            while True:
                time.sleep(3600)
        finally:
            console.print("stopping, and removing what the functions unpacked: some seconds ...")


def how_to_call(laptop: Laptop, page: str) -> Iterator[str]:
    """What can be done with it now."""
    twilio = laptop.cloud.settings.twilio
    yield f"[bold]On call, in a browser:[/] {page}"
    yield "\n[bold]Call it yourself[/] (another terminal, same folder; `voice --help` shows more):"
    yield "  .venv/bin/python -m local.call voice --says 'Hello, please call me back'"
    yield "  .venv/bin/python -m local.call text 'Where is my order?'"
    for kind, names in (("trunk", twilio.trunks), ("sip", twilio.sip_domains), ("app", twilio.apps)):
        yield from (f"  .venv/bin/python -m local.call {kind} {name}" for name in names[:1])
    yield "[bold]Edit the settings or the templates[/], then deploy them into this cloud:"
    yield "  make redeploy"
    yield "[bold]The fallback command[/] against this cloud:"
    yield "  . .local/environment && .venv/bin/fallback"
    yield "or post with any client that signs as Twilio does; all that it needs is in .local/outputs.json:"
    yield f"  {laptop.outputs.voice_url}"
    yield "Ctrl-C ends it."


def environment_in(config: Path, named: str) -> str:
    """The environment to run: the named one, else `local`, else the only one of the folder. Raises ConfigError."""
    there = environments(config)
    if named or "local" in there:
        return named or "local"
    if len(there) == 1:
        return there[0]
    raise ConfigError(f"{config}: there is no local.toml; say which of these shall run: ENVIRONMENT={' or ENVIRONMENT='.join(there)}")


def port_in(text: str) -> int:
    """A port. Raises CannotStart."""
    if not text.isascii() or not text.isdigit() or int(text) > HIGHEST_PORT:
        raise CannotStart(f"PORT={text}: is no port; write a number from 1024 to {HIGHEST_PORT}, or 0 for any that is free")
    return int(text)


def cloud_of(options: argparse.Namespace) -> LocalCloud:
    """The cloud that the words ask for. Raises CannotStart, ConfigError."""
    config, templates = options.config or folder(), options.templates or TEMPLATES
    if not templates.is_dir():
        raise ConfigError(f"{templates}: is no folder; TEMPLATES= names the one in which a folder for each flow lies")
    environment = environment_in(config, options.environment)
    cloud = LocalCloud(options.directory, port_in(options.port), environment, config=config.resolve(), templates=templates.resolve())
    compile_book(cloud.settings, cloud.templates)  # a mistake is told now, not after half a minute
    return cloud


def arguments_of(given: list[str] | None) -> argparse.Namespace:
    """The words of the command."""
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=str(__doc__).partition("\n")[0])
    parser.add_argument("--stay", action="store_true", help="stay up afterwards and say how to call it oneself")
    parser.add_argument("--port", default="4566", help="port on 127.0.0.1 (0: any that is free)")
    parser.add_argument("--directory", type=Path, default=Path(".local"), help="where everything is written")
    parser.add_argument("--config", type=Path, help="folder of settings of your own")
    parser.add_argument("--templates", type=Path, help="folder of templates of your own")
    parser.add_argument("--environment", default="", help="which of the settings (default: local, or the only one that is there)")
    return parser.parse_args(given)


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 when every promise held, 1 when one did not, 2 when the cloud could not be started, 130 after Ctrl-C."""
    options = arguments_of(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    console = Console(width=None if sys.stdout.isatty() else 150)
    broken = None
    try:
        with ExitStack() as stack:
            laptop = stack.enter_context(deployed(console, cloud_of(options)))
            broken = play(laptop, console)
            if options.stay:
                stay(laptop, console)
    except KeyboardInterrupt:
        console.print("stopped: nothing of it is running any more")
        return INTERRUPTED if broken is None else int(bool(broken))
    except (CannotStart, CdkFailed, ConfigError) as error:
        console.print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
        return 2
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
