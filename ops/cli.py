"""The `fallback` command: the words and options of each command; what it does is in the file of its name.

    .venv/bin/python -m ops.cli --help        (or `fallback`, once .venv/bin is on the path)

Exit status: 0 done, 1 something was wrong and said in a sentence, 2 the words were wrong.
"""

import atexit
import gc
import io
import sys
from typing import Annotated, NoReturn

import typer
from rich.markup import escape

from config.mistakes import ConfigError
from config.version import version
from ops.deployment import OpsError, explained
from ops.late import commands, function
from ops.options import PRODUCTION, EnvironmentOption, FolderOption, JsonOption, RegionsOption
from ops.period import NoPeriod
from ops.screen import err

COMMANDS = {
    "status": "ops.state:state",
    "errors": "ops.errors:errors",
    "call": "ops.call:call",
    "replay": "ops.replay:replay",
    "console": "ops.console.command:console",
    "export": "ops.export:export",
    "forget": "ops.forget:forget",
    "audit": "ops.audit:audit",
    "policies": "ops.policies:policies",
    "rebuild": "ops.rebuild:rebuild",
    "key": "ops.tokens:set_key",
    "flows": "ops.flows:flows",
    "preview": "ops.preview:preview",
    "check-config": "ops.check_config:check_config",
}
VOICEMAILS = {
    "list": "ops.listen:list_voicemails",
    "play": "ops.listen:play",
    "download": "ops.listen:download",
    "ack": "ops.listen:ack",
    "unack": "ops.listen:unack",
    "call-back": "ops.call_back:call_back",
    "opt-outs": "ops.opt_outs:opt_outs",
    "status": "ops.voicemails:status",
    "redrive": "ops.voicemails:redrive",
    "accept": "ops.voicemails:accept",
}
TOKENS = {
    "add": "ops.tokens:add_token",
    "list": "ops.tokens:list_tokens",
    "check": "ops.tokens:check_tokens",
    "prune": "ops.tokens:prune_tokens",
    "remove": "ops.tokens:remove_token",
}

WORDS = {"environment": "--environment", "region": "--region", "as_json": "--json", "config": "--config"}  #: of `fallback` alone
MANY = 100_000  #: objects after which garbage is looked for: what a command makes is nearly all in use until its end

app = typer.Typer(cls=commands(COMMANDS), add_completion=False, rich_markup_mode=None)
voicemails_app = typer.Typer(cls=commands(VOICEMAILS), help="What callers said: list, hear, see to, call back.", no_args_is_help=True)
tokens_app = typer.Typer(cls=commands(TOKENS), help="The Auth Tokens that Twilio signs its requests with.", no_args_is_help=True)
app.add_typer(voicemails_app, name="voicemails")
app.add_typer(tokens_app, name="tokens")


def tell_version(wanted: bool) -> None:
    """Print the version and end, if that is what is wanted."""
    if wanted:
        print(version())
        raise typer.Exit


VersionOption = Annotated[bool, typer.Option("--version", is_eager=True, callback=tell_version, help="the version of this command")]


@app.callback(invoke_without_command=True)
def alone(
    context: typer.Context,
    environment: EnvironmentOption = PRODUCTION,
    region: RegionsOption = None,
    as_json: JsonOption = False,
    config: FolderOption = None,  # noqa: ARG001 - noted when it was read
    version_asked: VersionOption = False,  # noqa: ARG001 - answered when it was read
) -> None:
    """What happened while the primary was down, and what to do about it. Alone: the state of things.

    Examples:

        fallback                       is there an outage, and what to type next

        fallback errors --since 2h     what fails, and what the codes mean

        fallback console               all of it in a browser

    Exit status: 0 done, 1 something was wrong and said in a sentence, 2 the words were wrong. `fallback errors --help` shows more.
    """
    given = [word for name, word in WORDS.items() if source(context, name) == "COMMANDLINE"]
    if context.invoked_subcommand and given:
        context.fail(f"write {' and '.join(given)} after the command: fallback {context.invoked_subcommand} … {given[0]} …")
    if context.invoked_subcommand is None:
        function(COMMANDS["status"])(environment, region, as_json)


def source(context: typer.Context, name: str) -> str:
    """Where an option's value comes from: COMMANDLINE, ENVIRONMENT, DEFAULT."""
    found = context.get_parameter_source(name)
    return found.name if found else ""


def main() -> None:
    """Run a command; what goes wrong is one sentence on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal of another encoding shows `\\xfc` for `ü`
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
    gc.set_threshold(MANY)
    atexit.register(gc.freeze)  # nothing is collected on the way out
    main()
