"""Call or write to what `make run` keeps up, as a person whose call the primary cannot take. What happens is told step by step.

Examples:

    python -m local.call voice --says "Please call me back"

    python -m local.call voice --to +12025550106 --from +493023125001 --digits 2,1 --at 2026-12-24T10:00+01:00

    python -m local.call trunk head-office --to +12025550107 --picks-up sip:100@pbx2.example.com

    python -m local.call text "Where is my order?" --whatsapp --photo box.jpg

    python -m local.call ready --wait 300 && python -m local.call voice --json

Exit status: 0 the fallback answered, 1 nobody did or nothing is up here, 2 the words were wrong, or name what the settings do not have.
"""

import base64
import json
import mimetypes
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from local.wish import CALLER, WHATSAPP, NotInService, Wish, asked

DIRECTORY = Path(".local")
_KIND = Parameter.KEYWORD_ONLY

app = typer.Typer(help=__doc__, no_args_is_help=True, rich_markup_mode=None, add_completion=False)

To = Annotated[str, typer.Option(help="the number that is dialled or written to; the first of the settings if left out")]
From = Annotated[str, typer.Option("--from", help="who calls or writes: a number, or anonymous")]
Digits = Annotated[str, typer.Option(help="keys pressed at one question after the other, as in 2,1; nothing between commas: no key")]
Says = Annotated[str, typer.Option(help="what is said after the tone")]
HangsUp = Annotated[float | None, typer.Option(help="seconds until the caller hangs up")]
PicksUp = Annotated[list[str] | None, typer.Option(help="a number or sip: address that picks up and presses 1; may be repeated")]
Primary = Annotated[str, typer.Option(help="what is wrong with the primary: refuses (connections) or fails (with HTTP 500)")]
ErrorUrl = Annotated[str, typer.Option(help="the primary's address that is down, for rules that ask for it")]
At = Annotated[str, typer.Option(help="the moment at which calendars are judged, as in 2026-12-24T10:00+01:00; now if left out")]
Name = Annotated[str, typer.Argument(help="its name in the settings; may be left out where there is only one")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object, for programs")]
Directory = Annotated[Path, typer.Option(help="where `make run` writes")]


def _calls(command: Callable[..., Wish]) -> Callable[..., None]:
    """A command that makes the call which `command` describes; it takes, beside that one's words, what every person on a call may do."""
    own = list(signature(command).parameters.values())[1:]
    shared = list(signature(_person).parameters.values())
    last = [
        Parameter("as_json", _KIND, default=False, annotation=AsJson),
        Parameter("directory", _KIND, default=DIRECTORY, annotation=Directory),
    ]

    @wraps(command)
    def call(as_json: bool, directory: Path, **words: Any) -> None:
        person = _person(**{each.name: words.pop(each.name) for each in shared})
        _use(directory, command(person, **words), as_json)

    words = {each.name: each for each in [*own, *shared, *last]}
    call.__signature__ = Signature(list(words.values()))  # type: ignore[attr-defined]
    call.__annotations__ = {name: each.annotation for name, each in words.items()}
    return call


def _person(digits: Digits = "", says: Says = "", hangs_up_after: HangsUp = None, picks_up: PicksUp = None, at: At = "") -> Wish:
    """What whoever calls does, whatever is called."""
    return Wish("voice", digits=_keys(digits), says=says, hangs_up_after=hangs_up_after, picks_up=picks_up or (), at=at)


@app.command()
@_calls
def voice(person: Wish, to: To = "", from_: From = "", primary: Primary = "refuses", error_url: ErrorUrl = "") -> Wish:
    """A call to a number whose primary is down."""
    if primary not in ("refuses", "fails"):
        raise typer.BadParameter("write refuses or fails", param_hint="--primary")
    return replace(person, to=to, from_=from_, primary=primary, error_url=error_url)


@app.command()
@_calls
def trunk(person: Wish, name: Name = "", to: To = "", from_: From = "") -> Wish:
    """A call to a SIP trunk whose servers are dead."""
    return replace(person, kind="trunk", name=name, to=to, from_=from_)


@app.command()
@_calls
def sip(
    person: Wish,
    name: Name = "",
    to: Annotated[str, typer.Option(help="what the desk phone dials")] = "",
    from_: Annotated[str, typer.Option("--from", help="the user of the desk phone")] = "",
) -> Wish:
    """A call that a desk phone of a SIP domain makes."""
    return replace(person, kind="sip", name=name, to=to, from_=from_)


@app.command("app")
@_calls
def app_(
    person: Wish,
    name: Name = "",
    to: Annotated[str, typer.Option(help="what is dialled")] = "",
    from_: Annotated[str, typer.Option("--from", help="the identity of the client")] = "",
) -> Wish:
    """A call that a browser or an app makes through a TwiML app."""
    return replace(person, kind="app", name=name, to=to, from_=from_)


@app.command()
def text(
    body: str,
    to: Annotated[str, typer.Option(help="a number or short code of the settings; the first number if left out")] = "",
    from_: Annotated[str, typer.Option("--from", help="who writes: a number, or a name or short code that no person has")] = "",
    whatsapp: Annotated[bool, typer.Option("--whatsapp", help="on WhatsApp")] = False,
    photo: Annotated[
        list[Path] | None, typer.Option(help="a file that comes with it; may be repeated", exists=True, dir_okay=False)
    ] = None,
    primary: Primary = "refuses",
    error_url: ErrorUrl = "",
    at: At = "",
    as_json: AsJson = False,
    directory: Directory = DIRECTORY,
) -> None:
    """A text to a number whose primary is down."""
    if whatsapp:
        from_ = WHATSAPP + (from_ or CALLER).removeprefix(WHATSAPP)
    photos = [_photo(path) for path in photo or ()]
    wish = Wish("text", to=to, from_=from_, body=body, photos=photos, primary=primary, error_url=error_url, at=at)
    _use(directory, wish, as_json)


@app.command()
def redeploy(as_json: AsJson = False, directory: Directory = DIRECTORY) -> None:
    """Deploy what the settings and templates say by now into the cloud that is up."""
    said = _asked(directory, Wish("redeploy"))
    typer.echo(json.dumps(said) if as_json else f"deployed {said['deployed']} in {said['seconds']} s")


@app.command()
def ready(
    wait: Annotated[float, typer.Option(help="seconds to wait for it")] = 0,
    directory: Directory = DIRECTORY,
) -> None:
    """Say whether the telephone is plugged in: `make run` has deployed and is up."""
    until = time.monotonic() + wait
    while not (directory / "phone").exists() and time.monotonic() < until:
        time.sleep(0.2)
    typer.echo(f"ready: {_asked(directory, Wish('ready'))['environment']}")


def _keys(digits: str) -> list[str]:
    if wrong := set(digits) - set("0123456789*#,"):
        raise typer.BadParameter(
            f"{sorted(wrong)[0]!r} is no key of a telephone; write keys with commas between them", param_hint="--digits"
        )
    return digits.split(",") if digits else []


def _photo(path: Path) -> tuple[str, str]:
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return kind, base64.b64encode(path.read_bytes()).decode()


def _use(directory: Path, wish: Wish, as_json: bool) -> None:
    """Use the telephone of `make run`, and print what happened."""
    story = _asked(directory, wish)
    typer.echo(json.dumps(story, indent=2) if as_json else "\n".join(_lines(story)))
    if not story["answered"]:
        raise typer.Exit(1)


def _lines(story: Mapping[str, Any]) -> Iterator[str]:
    """The object as text for a terminal."""
    by_clock = f", at {story['at']} by the answer function's clock" if story.get("at") else ""
    yield f"{story['from']} -> {story['to']}{by_clock}"
    yield from (f"{step['at']:6.1f} s  {step['text']}" for step in story["steps"])
    if "replies" in story:
        yield from (f"reply: {body}" for body in story["replies"])
        yield from (f"Twilio itself replies: {body}" for body in story["by_twilio"])
        if not story["replies"] and not story["by_twilio"]:
            yield "no reply: the document that answered has none"
        yield story["sid"]
    else:
        yield f"{story['seconds']:6.1f} s  end: {story['ended']}"
        yield f"{story['sid']} {story['status']}"


def _asked(directory: Path, wish: Wish) -> dict[str, Any]:
    try:
        return asked((directory / "phone").read_text(), wish)
    except NotInService as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    except OSError:
        typer.echo("error: nothing is up here: start `make run` in another terminal and wait until it says how to call it", err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    app(prog_name="python -m local.call")
