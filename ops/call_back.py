"""`fallback voicemails call-back`: whom to call, a line a person, those too who hung up before the tone or never came through to us."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from lambdas.workers.events import FAILURE, MISSED, UNHEARD, Item
from lambdas.workers.timeline import is_fallback
from ops.desk import Desk
from ops.options import PRODUCTION, EnvironmentOption, FromOption, JsonOption, RegionsOption, SinceOption, UntilOption
from ops.period import Period
from ops.screen import err
from ops.words import count

NOT_TAKEN = (FAILURE, MISSED, UNHEARD)  #: kinds of calls that nobody answered
COLUMNS = ("number", "called", "calls", "last", "message", "seconds", "recording", "answered_with", "call")


@dataclass
class Person:
    """Somebody who tried to call: how often, when last, and their message, if they left one."""

    number: str
    called: str
    last: str
    call: str
    answered_with: str
    calls: int = 0
    message: str = "hung up"
    seconds: int | None = None
    recording: str = ""

    def left(self, voicemail: Item) -> None:
        """They left a message."""
        self.message = "heard" if voicemail.get("heard_at") else "left a message"
        self.seconds, self.recording = voicemail.get("seconds"), voicemail["sid"]


def people(desk: Desk, period: Period) -> list[Person]:
    """Who called in a period, newest first. Who left a message that somebody has seen to is not among them."""
    events = list(slim(desk.history.events(period)))
    messages = desk.history.items((event["pk"], event["sk"]) for event in events if event["kind"] == "voicemail")
    told = {item["pk"]: item for item in messages.values() if item.get("state") != "empty"}
    found: dict[str, Person] = {}
    seen: set[str] = set()
    for event in events:
        number = event.get("from") or ""
        if not (is_fallback(event) or event["kind"] in NOT_TAKEN) or event["medium"] != "voice" or not can_be_called(number):
            continue
        person = found.setdefault(number, person_of(event))
        if event["pk"] not in seen:
            seen.add(event["pk"])
            person.calls += 1
            if event["pk"] in told and not person.recording:
                person.left(told[event["pk"]])
    return [person for person in found.values() if person.message != "heard"]


def person_of(event: Item) -> Person:
    """Who made this call."""
    return Person(event["from"], event.get("to") or "", event["time"], event["pk"], event.get("answer") or "")


def slim(events: Iterable[Item]) -> Iterator[Item]:
    """Of each event only what is needed, so that a long period fits into memory."""
    for event in events:
        yield {name: event[name] for name in ("pk", "sk", "kind", "medium", "trust", "time", "from", "to", "answer") if name in event}


def can_be_called(number: str) -> bool:
    """Whether it is a telephone number: not withheld, no client, no SIP address."""
    return number.startswith("+") and number[1:].isdecimal() and len(number) > 7


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

    It shows whole numbers, which the audit trail notes. A person who called several times is one line.

    Examples:

        fallback voicemails call-back --since 6h > call_back.csv

        fallback voicemails call-back --from 2026-11-21T02:00 --until 2026-11-21T04:00 --json
    """
    period = Period.of(since or (None if begin else "1d"), begin, until, datetime.now(UTC))
    desk = Desk.open(environment, region, True, "the call-back list")
    found = [vars(person) for person in people(desk, period) if person.recording or not messages]
    write(found, as_json)
    err.print(f"{count(len(found), 'caller')} to call back; withheld numbers and SIP addresses are left out")


def write(found: list[dict[str, Any]], as_json: bool) -> None:
    """Objects or CSV."""
    if as_json:
        for person in found:
            print(json.dumps(person))
        return
    writer = csv.DictWriter(sys.stdout, COLUMNS)
    writer.writeheader()
    writer.writerows(found)
