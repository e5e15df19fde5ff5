"""The `fallback` command: the words and options of each command; what it does is in the file of its name.

    .venv/bin/python -m ops.cli --help        (or `fallback`, once .venv/bin is on the path)

Exit status: 0 done, 1 something was wrong and said in a sentence, 2 the words were wrong.
"""

import json
import sys
from datetime import UTC, datetime
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import track

from config.settings import ConfigError, load
from ops.audit import audit
from ops.call import call
from ops.call_back import call_back
from ops.console.command import console
from ops.deployment import Deployment, OpsError, explained
from ops.errors import errors
from ops.export import export
from ops.forget import forget
from ops.late import Commands
from ops.listen import ack, download, list_voicemails, play, unack
from ops.options import PRODUCTION, RegionsOption
from ops.period import NoPeriod, moment
from ops.policies import policies
from ops.rebuild import collect, items, lines, missing, readable, uncollected
from ops.rebuild import rebuild as write_missing
from ops.replay import replay
from ops.state import state
from ops.tokens import checked_account, counted, tried, with_key, with_token, without_old_tokens
from ops.tokens import put as put_secret
from ops.tokens import read as read_secret
from ops.voicemails import redrive
from ops.voicemails import status as voicemail_status

app = typer.Typer(cls=Commands, add_completion=False, rich_markup_mode=None)
out, err = Console(), Console(stderr=True)

EnvironmentOption = Annotated[str, typer.Option("--environment", "-e", envvar="FALLBACK_ENVIRONMENT", help="which environment")]
RegionOption = Annotated[str | None, typer.Option("--region", help="another region than the environment's settings name")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON for programs")]
DryRunOption = Annotated[bool, typer.Option("--dry-run/--no-dry-run", help="only say what would be done")]


app.command("status")(state)
app.command()(errors)
app.command()(call)
app.command()(replay)
app.command()(export)
app.command()(forget)
app.command()(policies)
app.command()(audit)
app.command()(console)
voicemails_app = typer.Typer(help="What callers said: list, hear, see to, call back.", no_args_is_help=True)
app.add_typer(voicemails_app, name="voicemails")
voicemails_app.command("list")(list_voicemails)
voicemails_app.command()(play)
voicemails_app.command()(download)
voicemails_app.command()(ack)
voicemails_app.command()(unack)
voicemails_app.command("call-back")(call_back)
voicemails_app.command("status")(voicemail_status)
voicemails_app.command()(redrive)


@app.callback(invoke_without_command=True)
def alone(
    context: typer.Context, environment: EnvironmentOption = PRODUCTION, region: RegionsOption = None, as_json: JsonOption = False
) -> None:
    """What happened while the primary was down, and what to do about it. Alone: the state of things.

    Examples:

        fallback                       is there an outage, and what to type next

        fallback errors --since 2h     what fails, and what the codes mean

        fallback console               all of it in a browser

    Exit status: 0 done, 1 something was wrong and said in a sentence, 2 the words were wrong. `fallback errors --help` shows more.
    """
    if context.invoked_subcommand is None:
        state(environment, region, as_json)


@app.command()
def rebuild(
    since: Annotated[str, typer.Option(help="how far back: 2h, 3d, or a moment such as 2026-11-21T02:40")],
    environment: EnvironmentOption = "production",
    region: RegionOption = None,
    dry_run: DryRunOption = True,
    as_json: JsonOption = False,
) -> None:
    """Write events that the table lacks, out of the journal group. Queue recordings it does not know; a dry run unless told otherwise.

    Examples:

        fallback rebuild --since 3h

        fallback rebuild --since 2026-11-21T02:00 --no-dry-run
    """
    start = moment(since, datetime.now(UTC))
    deployment = Deployment.find(environment, region)
    known = list(readable(track(lines(deployment, start), "reading the journal", console=err, transient=True)))
    read = list(items(known, load(environment)))
    lacking, unheard = list(missing(deployment, read)), list(uncollected(deployment, known))
    counts = {"journal": len(read), "missing": len(lacking), "written": 0, "uncollected": len(unheard), "queued": 0, "dry_run": dry_run}
    if not dry_run:
        counts["written"] = sum(track(write_missing(deployment, lacking), "writing", console=err, transient=True))
        counts["queued"] = collect(deployment, unheard)
    if as_json:
        out.print_json(json.dumps(counts))
        return
    out.print(f"{len(read)} items in the journal since {start:%Y-%m-%d %H:%M} UTC")
    out.print(f"{len(lacking)} missing in the table, {counts['written']} written")
    out.print(f"{len(unheard)} recordings and pictures that the table does not know, {counts['queued']} queued")
    if dry_run and (lacking or unheard):
        out.print("This was a dry run; to write and queue them add --no-dry-run")


tokens_app = typer.Typer(help="The Auth Tokens that Twilio signs its requests with.", no_args_is_help=True)
app.add_typer(tokens_app, name="tokens")
FAULTS = {"refused": "Twilio refuses a token of it: rotated away, or mistyped", "missing": "has no token: callers of it are strangers"}
Account = Annotated[str, typer.Argument(help="account SID, as the Twilio console shows it")]


@tokens_app.command("add")
def add_token(account: Account, environment: EnvironmentOption = "production", region: RegionOption = None) -> None:
    """Add an account's Auth Token. It is asked for without echo, or read from standard input.

    The one before stays valid, so that a rotation drops nobody: add the new token, promote it at Twilio, then `fallback tokens prune`.

    Example:

        fallback tokens add AC00000000000000000000000000000002
    """
    sid = checked_account(account)
    deployment = Deployment.find(environment, region)
    put_secret(deployment, "TokensSecretArn", with_token(read_secret(deployment, "TokensSecretArn"), sid, asked_for("Auth Token")))
    out.print(f"added; {sid} is verified within a minute. Whether Twilio takes it: `fallback tokens check`")


@tokens_app.command("list")
def list_tokens(environment: EnvironmentOption = "production", region: RegionOption = None, as_json: JsonOption = False) -> None:
    """How many tokens each account has. The tokens themselves are never shown.

    Example:

        fallback tokens list --json
    """
    found = counted(read_secret(Deployment.find(environment, region), "TokensSecretArn"))
    if as_json:
        out.print_json(json.dumps(found))
        return
    for account, count in found.items():
        out.print(f"{account}  {count}")
    if not found:
        out.print("no token yet: callers get the unverified answer. Add one with `fallback tokens add AC...`")


@tokens_app.command("check")
def check_tokens(environment: EnvironmentOption = "production", region: RegionOption = None, as_json: JsonOption = False) -> None:
    """Try every stored token against Twilio now. As happens daily; its alarm follows what is found.

    Example:

        fallback tokens check
    """
    found = tried(Deployment.find(environment, region))
    if as_json:
        out.print_json(json.dumps(found))
        return
    for fault in found:
        out.print(f"{fault['account']}  {FAULTS[fault['fault']]}")
    if not found:
        out.print("every token is accepted by Twilio")


@tokens_app.command("prune")
def prune_tokens(account: Account, environment: EnvironmentOption = "production", region: RegionOption = None) -> None:
    """Forget an account's older token. Once Twilio signs with the new one.

    Example:

        fallback tokens prune AC00000000000000000000000000000002
    """
    deployment = Deployment.find(environment, region)
    put_secret(deployment, "TokensSecretArn", without_old_tokens(read_secret(deployment, "TokensSecretArn"), checked_account(account)))
    out.print("done; one token is left")


@app.command("key")
def set_key(
    account: Account,
    key: Annotated[str, typer.Argument(help="API key SID: SK and 32 hexadecimal digits")],
    environment: EnvironmentOption = "production",
    region: RegionOption = None,
) -> None:
    """Set the API key that fetches an account's recordings. Its secret is asked for without echo.

    Example:

        fallback key AC00000000000000000000000000000002 SK00000000000000000000000000000001
    """
    deployment = Deployment.find(environment, region)
    keys = with_key(read_secret(deployment, "TwilioKeysSecretArn"), checked_account(account), key, asked_for("API key secret"))
    put_secret(deployment, "TwilioKeysSecretArn", keys)
    out.print("set")


def asked_for(what: str) -> str:
    """A secret from the keyboard without echo, or from standard input where that is no terminal."""
    return typer.prompt(what, hide_input=True).strip() if sys.stdin.isatty() else sys.stdin.readline().strip()


def main() -> None:
    """Run a command; what goes wrong is one sentence on standard error."""
    try:
        with explained("AWS"):
            app(prog_name="fallback")
    except (OpsError, NoPeriod, ConfigError) as error:
        failed(str(error))
    except BrokenPipeError:  # whoever reads our output has seen enough
        sys.stderr.close()
    except OSError as error:
        failed(f"{error.filename or 'this machine'}: {error.strerror or error}; choose another place")


def failed(sentence: str) -> NoReturn:
    """Say it, and end with status 1."""
    err.print(f"[bold red]error:[/] {escape(sentence)}", highlight=False, soft_wrap=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
