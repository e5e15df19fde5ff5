"""`fallback voicemails call-back`: whom to call, a line a person, those too who hung up before the tone or never came through to us."""

import csv
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from lambdas.answer.addresses import is_withheld, normal
from lambdas.workers.events import ANSWERED, FAILURE, MISSED, UNHEARD, Item, other_side_of, person_of
from lambdas.workers.timeline import is_fallback
from ops import inbox
from ops.desk import Desk
from ops.numbers import off_whatsapp
from ops.options import PRODUCTION, EnvironmentOption, FromOption, JsonOption, RegionsOption, SinceOption, UntilOption
from ops.period import Period
from ops.screen import err
from ops.words import count

#: Kinds of calls that nobody answered, or of which Twilio alone tells that we did.
TOLD_BY_TWILIO = (FAILURE, MISSED, UNHEARD, ANSWERED)
COLUMNS = ("number", "called", "calls", "last", "message", "seconds", "recording", "answered_with", "call")
#: E.164, the plus left out too: trunks and carriers of one's own deliver whatever the far side sent.
#: https://www.twilio.com/docs/glossary/what-e164
NUMBER = re.compile(r"\+?[0-9]{7,15}")

Messages = dict[str, list[Item]]


@dataclass
class Person:
    """Somebody who tried to call: how often, when last, and their newest message that nobody has heard, if there is one."""

    number: str
    called: str
    last: str
    call: str
    answered_with: str
    calls: int
    message: str = "hung up"
    seconds: int | None = None
    recording: str = ""


def people(desk: Desk, period: Period) -> tuple[list[Person], Counter[str]]:
    """Whom to call back, newest first; and of how many calls that cannot be said, by what they came from."""
    events = list(slim(desk.history.events(period)))
    messages = left_behind(desk, events)
    callers, left_out = defaultdict[str, list[Item]](list), Counter[str]()
    for call in with_direction(desk, list(tried(events))):
        number = number_of(person_of(call))
        if why := why_not(number):
            left_out[why] += 1
        else:
            callers[number.removeprefix("+")].append(call)
    return [summed_up(calls, messages) for calls in callers.values() if waits(calls, messages)], left_out


def with_direction(desk: Desk, calls: list[Item]) -> list[Item]:
    """The calls with what the timeline does not carry: whether the company placed them."""
    whole = desk.history.items(((call["pk"], call["sk"]) for call in calls), "pk, sk, direction, params.Direction")
    found = (whole.get((call["pk"], call["sk"]), {}) for call in calls)
    directions = [item.get("direction") or (item.get("params") or {}).get("Direction") or "" for item in found]
    return [call | {"direction": direction} for call, direction in zip(calls, directions, strict=True)]


def number_of(address: str) -> str:
    """The number at which a person can be called: who calls by WhatsApp has one too."""
    return normal(off_whatsapp(address))


def left_behind(desk: Desk, events: Iterable[Item]) -> Messages:
    """The messages by their call, in which something was said."""
    found = desk.history.items((event["pk"], event["sk"]) for event in events if event["kind"] == inbox.KIND)
    messages: Messages = {}
    for item in found.values():
        if item.get("state") != "empty":
            messages.setdefault(item["pk"], []).append(item)
    return messages


def tried(events: Iterable[Item]) -> Iterator[Item]:
    """Of each call that the primary did not take the newest event, of those that name the caller if any does."""
    calls: dict[str, Item] = {}
    for event in events:
        if (is_fallback(event) or event["kind"] in TOLD_BY_TWILIO) and event["medium"] == "voice":
            known = calls.setdefault(event["pk"], event)
            if not known.get("from"):
                calls[event["pk"]] = event
    yield from calls.values()


def waits(calls: list[Item], messages: Messages) -> bool:
    """Whether somebody is to be called back: not who called no more after the last of their messages was heard."""
    left = [message for call in calls for message in messages.get(call["pk"], ())]
    if not all(message.get("heard_at") for message in left):
        return True
    heard = max((message["heard_at"] for message in left), default="")
    return any(call["time"] > heard for call in calls if call["pk"] not in messages)


def summed_up(calls: list[Item], messages: Messages) -> Person:
    """Who made these calls, newest first."""
    last = calls[0]
    number, called = number_of(person_of(last)), other_side_of(last)
    person = Person(number, called, last["time"], last["pk"], last.get("answer") or "", len(calls))
    unheard = [message for call in calls for message in messages.get(call["pk"], ()) if not message.get("heard_at")]
    if unheard:
        newest = max(unheard, key=lambda message: str(message["time"]))
        person.message, person.seconds, person.recording = "left a message", newest.get("seconds"), newest["sid"]
    return person


def slim(events: Iterable[Item]) -> Iterator[Item]:
    """Of each event only what is needed, so that a long period fits into memory."""
    for event in events:
        yield {name: event[name] for name in ("pk", "sk", "kind", "medium", "trust", "time", "from", "to", "answer") if name in event}


def why_not(number: str) -> str:
    """Why nobody can be called there; nothing if it is a telephone number."""
    if "@" in number or number.startswith(("sip:", "sips:")):
        return "from SIP addresses"
    if number.startswith("client:"):
        return "from apps"
    if "*" in number:
        return 'from numbers kept masked ([privacy] store = "masked")'
    return "" if NUMBER.fullmatch(number) and not is_withheld(number) else "from withheld numbers"


def call_back(
    since: SinceOption = None,
    begin: FromOption = None,
    until: UntilOption = None,
    messages: Annotated[bool, typer.Option(help="only those who left a message")] = False,
    as_json: JsonOption = False,
    environment: EnvironmentOption = PRODUCTION,
    region: RegionsOption = None,
) -> None:
    """Whom to call back, as CSV. Who left a message that nobody has heard, and who hung up before the tone.

    It shows whole numbers, which the audit trail notes. A person who called several times is one line, until all their messages were heard
    and they called no more.

    Examples:

        fallback voicemails call-back --since 6h > call_back.csv

        fallback voicemails call-back --from 2026-11-21T02:00 --until 2026-11-21T04:00 --json
    """
    period = Period.of(since or (None if begin else "1d"), begin, until, datetime.now(UTC))
    desk = Desk.open(environment, region, True, "the call-back list")
    everybody, left_out = people(desk, period)
    found = [vars(person) for person in everybody if person.recording or not messages]
    write(found, as_json)
    err.print(f"{count(len(found), 'caller')} to call back{said(left_out)}", markup=False)


def said(left_out: Counter[str]) -> str:
    """`; left out: 2 calls from withheld numbers`, if any were."""
    parts = [f"{count(calls, 'call')} {why}" for why, calls in sorted(left_out.items())]
    return f"; left out: {', '.join(parts)}" if parts else ""


def write(found: list[dict[str, Any]], as_json: bool) -> None:
    """Objects or CSV."""
    if as_json:
        for person in found:
            print(json.dumps(person))
        return
    writer = csv.DictWriter(sys.stdout, COLUMNS)
    writer.writeheader()
    writer.writerows(found)
