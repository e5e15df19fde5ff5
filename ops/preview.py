"""`fallback preview`: which rule answers a request, and the exact TwiML of everything that can follow. Needs no AWS."""

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from answerbook.compile import Compiler
from answerbook.rules import ADDRESSES, COUNTRIES, SIP_HEADERS, WORDS, check
from config.folders import TEMPLATES, Folders
from config.mistakes import nearest
from config.settings import HERE, Settings, load
from lambdas.answer.addresses import is_employee, is_withheld
from lambdas.answer.book import is_status_callback
from lambdas.answer.journal import PARAMETERS
from ops.compare import changed, compiled_at
from ops.deployment import OpsError
from ops.known import Unknown, derived
from ops.options import PRODUCTION, ConfigOption, EnvironmentOption
from ops.period import moment
from ops.screen import out
from ops.walk import Answered, Walk
from ops.words import count

WRONG_ENTRY = (
    "phones of a SIP domain belong to SipUrl followed by its name (--entry sip/NAME), clients of a TwiML app to AppUrl (--entry app/NAME): "
    "here they reach emergency numbers and nothing else that they dial"
)
TELLS = (
    "so Twilio tells what became of a call or text, and nobody waits for an answer: it gets an empty <Response/>. "
    "For a caller whose address failed add --error-url=…"
)
TemplatesOption = Annotated[Path, typer.Option("--templates", help="folder of your own templates; what it has not is shipped")]
JsonOption = Annotated[bool, typer.Option("--json", help="one JSON object, for programs")]


def preview(
    to: Annotated[str, typer.Option(help="number that was called or written to")] = "",
    from_: Annotated[str, typer.Option("--from", help="who calls or writes: a number, client:name, sip:user@host")] = "",
    error_url: Annotated[str, typer.Option(help="address of the primary that failed")] = "",
    error_code: Annotated[str, typer.Option(help="Twilio's error code")] = "",
    at: Annotated[str, typer.Option(help="when: a moment as in 2026-12-24T10:00+01:00; now if left out")] = "",
    entry: Annotated[str, typer.Option(help="voice, sms, trunk/NAME, sip/NAME or app/NAME")] = "voice",
    status: Annotated[str, typer.Option(help="CallStatus")] = "ringing",
    body: Annotated[str, typer.Option(help="words of a text; makes the entry sms")] = "",
    param: Annotated[list[str] | None, typer.Option(help="any other parameter of Twilio's, NAME=VALUE; may be repeated")] = None,
    diff: Annotated[str, typer.Option(help="git revision: show what callers heard there and hear now")] = "",
    as_json: JsonOption = False,
    environment: EnvironmentOption = PRODUCTION,
    config: ConfigOption = HERE,
    templates: TemplatesOption = TEMPLATES,
) -> None:
    """Show which rule answers a request, with the exact TwiML. Of everything that can follow, too; needs no AWS.

    Examples:

        fallback preview --to +15005550006 --from +442071838750 --error-url https://app.example.com/voice

        fallback preview --entry trunk/main --to +15005550006 --at 2026-12-24T22:00+01:00

        fallback preview --body "Where is my order?" --from +442071838750

        fallback preview --diff main        (everything that changes, for a pull request)
    """
    entry = "sms" if body else entry.strip("/")
    given = {"To": to, "From": from_, "ErrorUrl": error_url, "ErrorCode": error_code, "Body": body}
    settings = load(environment, config)
    said = {name: value for name, value in given.items() if value} | parameters(param or [], settings.twilio.parameters)
    possible({"CallStatus": status} | said, entry)
    fields = derived(said, voice=entry != "sms")
    when = moment(at, datetime.now(UTC)).timestamp() if at else datetime.now(UTC).timestamp()
    served(settings, entry)
    compiler = Compiler(settings, Folders(templates))
    book = compiler.compile()
    if diff:
        before = compiled_at(diff, environment, config, templates)
        walks = [walk_of(old, entry, fields, status, when) for old in (before, book)] if said else None
        out.print("\n".join(changed(before, book, walks, as_json)), markup=False)
        return
    walk = walk_of(book, entry, fields, status, when)
    if is_status_callback(walk.request):
        raise OpsError(TELLS)
    if as_json:
        print(json.dumps(as_object(walk, compiler.files()), indent=2))
        return
    out.print("\n".join([*told(walk, compiler.files()), *([] if at else judged_now(walk))]))


def parameters(given: list[str], own: Collection[str] = ()) -> dict[str, str]:
    """`NAME=VALUE` pairs. Raises OpsError."""
    pairs = [pair.partition("=") for pair in given]
    if wrong := [name for name, sign, _ in pairs if not sign]:
        raise OpsError(f"--param {wrong[0]}: write it as NAME=VALUE, as in --param FromCountry=GB")
    if unknown := [name for name, _, _ in pairs if name not in PARAMETERS and name not in own and not SIP_HEADERS.fullmatch(name)]:
        raise OpsError(f"--param {unknown[0]}: no rule can ask for it{nearest(unknown[0], PARAMETERS)}")
    return {name: value for name, _, value in pairs}


def possible(fields: Mapping[str, str], entry: str) -> None:
    """Refuse what Twilio never sends: the preview of a typing mistake would say something true of nobody. Raises OpsError.

    Employees may dial whatever their phone lets them.
    """
    dialled = {"To", "Called"} if entry.startswith(("sip", "app")) else set()
    withheld = {name for name in ("From", "Caller") if is_withheld(fields.get(name, ""))}
    for name in fields.keys() & {*WORDS, *COUNTRIES, "ErrorCode", *ADDRESSES - dialled} - withheld:
        try:
            check(name, "is", fields[name])
        except ValueError as error:
            raise OpsError(f"{name}: {error}") from error


def served(settings: Settings, entry: str) -> None:
    """Refuse a trunk, SIP domain or app that the settings do not know. Raises OpsError."""
    kind, _, name = entry.partition("/")
    names = {"trunk": settings.twilio.trunks, "sip": settings.twilio.sip_domains, "app": settings.twilio.apps}.get(kind)
    if names and name not in names:
        known = ", ".join(f"{kind}/{each}" for each in names)
        raise OpsError(f"--entry {entry}: this environment has no {kind} {name!r}{nearest(name, names)}; it serves {known}")


def walk_of(book: Mapping[str, Any], entry: str, fields: Mapping[str, str], status: str, when: float) -> Walk:
    """The walk of a described request. Raises OpsError for an entry that the environment does not serve."""
    if entry.partition("/")[0] not in book["steps"]:
        served = ", ".join(name for name in ("voice", "trunk", "sip", "app", "sms") if name in book["steps"])
        raise OpsError(f"--entry {entry}: this environment has no such rules; it serves {served}")
    known = dict(fields) if entry == "sms" else {"CallStatus": status, "Direction": "inbound"} | dict(fields)
    return Walk(book, f"/{entry}", known, when)


def told(walk: Walk, files: Mapping[str, str]) -> Iterator[str]:
    """The walk as text for a terminal; `files` are those from which the documents were made."""
    yield f"[bold]{escape(walk.choice.at or walk.choice.step)}[/] answers with {named(walk.first, files)}"
    yield from (f"[yellow]{escape(str(each))}[/]" for each in unjudged(walk))
    if walk.request.path == "/voice" and is_employee(walk.request):
        yield f"[yellow]{WRONG_ENTRY}[/]"
    if walk.ringing:
        yield f"rings for up to {count(walk.ringing, 'second')} if nobody takes the call"
    yield from document(walk.first, files, 0, set())


def unjudged(walk: Walk) -> list[Unknown]:
    """The rules that ask for what is not known, of all that was walked."""
    return list(walk.unknown) if walk.first else []


def judged_now(walk: Walk) -> Iterator[str]:
    """The calendars that were asked, where nobody said for when."""
    for calendar in walk.calendars:
        yield f"[yellow]whether {escape(calendar)} is open was judged for now: add --at=… for another moment[/]"


def named(answered: Answered, files: Mapping[str, str]) -> str:
    """A document and its file; what no template wrote has none."""
    file = files.get(answered.name)
    return f"[bold]{escape(answered.name)}[/]" + (f" [dim]({escape(file)})[/]" if file else "")


def document(answered: Answered, files: Mapping[str, str], depth: int, shown: set[str]) -> Iterator[str]:
    """A document, and below it what can follow; each document once."""
    margin = "    " * depth
    shown.add(answered.name)
    yield from (margin + escape(line) for line in answered.twiml.splitlines() if line.strip())
    for way, following in answered.further:
        known = following.name in shown
        target = f"[bold]{escape(following.name)}[/] (as above)" if known else named(following, files)
        why = f"[cyan]{escape(way.step)}[/], {escape(way.when)} [dim]{escape(way.at)}[/]"
        yield f"{margin}  {why} -> {target}"
        if not known:
            yield from document(following, files, depth + 1, shown)


def as_object(walk: Walk, files: Mapping[str, str]) -> dict[str, Any]:
    """The walk for programs: documents by name, and the ways between them."""
    documents = {
        name: {
            "twiml": found.twiml,
            "rings": found.rings,
            "file": files.get(name),
            "next": [way._asdict() | {"document": other.name} for way, other in found.further],
        }
        for name, found in [(walk.first.name, walk.first), *walk.seen.items()]
    }
    unknown = [each._asdict() for each in unjudged(walk)]
    return {
        "rule": walk.choice.at,
        "step": walk.choice.step,
        "document": walk.first.name,
        "rings": walk.ringing,
        "unknown": unknown,
        "documents": documents,
    }
