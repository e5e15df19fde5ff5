"""A synthetic past: outages, callers and texts of a month, as the fallback would have recorded them.

Nothing here imitates the product: each request goes through the real answer book, the real journal and the real description of an event;
only the senders are drawn, from a seed, so that the same past comes again. Numbers are of the range kept for fiction (555-0100 to -0199).
https://www.nationalnanpa.com/numbering_resource_info/
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from answerbook.compile import compile_book
from config.folders import TEMPLATES
from config.settings import Settings
from lambdas.answer.book import Book
from lambdas.answer.journal import Journal
from lambdas.answer.request import Request
from lambdas.answer.signature import VERIFIED
from lambdas.workers.events import Line
from lambdas.workers.gateway_event import gateway_event
from local.primary_down import primary_host
from local.twilio.parameters import call_parameters, text_parameters
from ops.period import stamp

SEED = 20261121
AREAS = ("202", "206", "303", "312", "415", "503", "617", "713")
OWN = ("+12025550106", "+12065550110", "+13035550114")  #: the company's numbers, where the settings name none
TEXTS = (
    "Is my appointment tomorrow still on?",
    "Please call me back, the delivery did not come.",
    "Yes, 3 pm works for us",
    "Order 4417: can you change the address?",
    "I tried to call you three times",
    "Thanks!",
    "Where do I park when I come to your office?",
    "STOP",
    "Our heating is out again. When can somebody come?",
)
MESSAGE, HANGS_UP = 0.62, 0.38  #: of the callers who hear the greeting
SMS, TRUNK = 0.28, 0.10  #: of all who try to reach the company


@dataclass(frozen=True)
class Outage:
    """One time that the primary was down: when it began, before now, how long, how many tried, and what Twilio said."""

    ago: timedelta
    length: timedelta
    people: int
    errors: Mapping[str, float]


#: The last one is still on.
OUTAGES = (
    Outage(timedelta(days=26, hours=5), timedelta(minutes=38), 55, {"11200": 5, "11205": 1}),
    Outage(timedelta(days=12, hours=1), timedelta(minutes=95), 90, {"11210": 9, "11200": 1}),
    Outage(timedelta(days=3, hours=7), timedelta(minutes=22), 40, {"12100": 4, "12300": 2, "11200": 1}),
    Outage(timedelta(minutes=51), timedelta(minutes=50), 110, {"11205": 5, "11200": 4, "11202": 2}),
)


class Past:
    """Draws a past and yields its journal lines in no particular order, as CloudWatch may hand them over."""

    def __init__(self, settings: Settings, now: datetime, seed: int = SEED, templates: Path = TEMPLATES) -> None:
        self.settings = settings
        self.book = Book(compile_book(settings, templates))
        self.journal = Journal(self.book, settings.environment)
        self.now = now
        self.primary = f"https://{primary_host(settings)}"
        self.draw = random.Random(seed)

    def lines(self, outages: Sequence[Outage] = OUTAGES) -> Iterator[Line]:
        """The journal lines of all who tried during these outages."""
        for outage in outages:
            for _ in range(outage.people):
                yield from self.person(self.moment(outage), outage)

    def moment(self, outage: Outage) -> datetime:
        """When somebody tried: most do at the beginning, when those who were cut off try again."""
        share = self.draw.triangular(0, 1, 0.15)
        return self.now - outage.ago + share * outage.length

    def person(self, when: datetime, outage: Outage) -> Iterator[Line]:
        """Somebody writes, calls, or calls through the trunk."""
        kind = self.draw.random()
        error = self.draw.choices(list(outage.errors), list(outage.errors.values()))[0]
        if kind < SMS:
            yield self.text(when, error)
        else:
            yield from self.call(when, None if kind < SMS + TRUNK and self.settings.twilio.trunks else error)

    def text(self, when: datetime, error: str) -> Line:
        """A text to a number whose webhook failed."""
        body = self.draw.choice(TEXTS)
        form = text_parameters(self.account, self.sid("SM"), self.caller(), self.own(), body, media=())
        return self.line(when, "/sms", form | self.failure(error, "/texts/incoming"))

    def call(self, when: datetime, error: str | None) -> Iterator[Line]:
        """A call to a number (`error`) or to a trunk whose SIP servers are down (None), and what the caller did then."""
        form = call_parameters(self.account, self.sid("CA"), self.caller(), self.own())
        page = self.draw.choice(("/calls/incoming", "/calls/incoming", "/calls/menu"))
        said = self.failure(error, page) if error else {}
        entry = "/voice" if error else f"/trunk/{self.draw.choice(self.settings.twilio.trunks)}"
        line = self.line(when, entry, form | said | {"CallStatus": "ringing"})
        yield line
        step = f"{line.get('answer')}/recorded/1"
        if step in self.book.steps and self.draw.random() < MESSAGE:
            yield from self.message(when, f"/voice/{step}", form)

    def message(self, when: datetime, step: str, form: Mapping[str, str]) -> Iterator[Line]:
        """The caller speaks after the tone; Twilio says so twice, in the call and once the file is ready."""
        seconds = self.draw.randint(4, 21)
        done = when + timedelta(seconds=10 + seconds)
        sid = self.sid("RE")
        spoken = {
            "RecordingSid": sid,
            "RecordingUrl": f"https://api.twilio.com/2010-04-01/Accounts/{self.account}/Recordings/{sid}",
            "RecordingDuration": str(seconds),
            "RecordingStartTime": format_datetime(done - timedelta(seconds=seconds)),
        }
        key = {"Digits": self.draw.choice(("#", "hangup"))}
        yield self.line(done, step, {**form, **spoken, **key, "CallStatus": "in-progress"})
        ready = {"AccountSid": self.account, "CallSid": form["CallSid"], "RecordingStatus": "completed", "ErrorCode": "0"}
        yield self.line(done + timedelta(seconds=4), "/recording", ready | spoken | {"RecordingSource": "RecordVerb"})

    def line(self, when: datetime, path: str, form: Mapping[str, str]) -> Line:
        """What the answer function writes for this request."""
        request = Request(gateway_event("https://history.example.com/v1", path, form))
        request.id = self.sid("")
        choice = None if request.medium == "callback" else self.book.choose(request, when.timestamp())
        entry = self.journal.entry(request, VERIFIED, choice, self.draw.uniform(0.8, 3.5))
        return entry | {"time": stamp(min(when, self.now))}

    def failure(self, code: str, path: str) -> dict[str, str]:
        """What Twilio adds when it asks the fallback."""
        return {"ErrorCode": code, "ErrorUrl": self.primary + path}

    @property
    def account(self) -> str:
        """The account that all of it is on."""
        return self.settings.twilio.accounts[0]

    def caller(self) -> str:
        """Somebody's number."""
        return f"+1{self.draw.choice(AREAS)}55501{self.draw.randrange(100):02}"

    def own(self) -> str:
        """A number of the company's."""
        return self.draw.choice(self.settings.twilio.numbers or OWN)

    def sid(self, prefix: str) -> str:
        """A SID as Twilio writes them."""
        return f"{prefix}{self.draw.getrandbits(128):032x}"


def busy_month(events: int, days: int = 30) -> list[Outage]:
    """Outages six times a day, the last one still on, whose people leave about so many events: a past for measuring."""
    each = timedelta(days=days) / (6 * days)
    people = round(events / (6 * days) / EVENTS_EACH)
    errors = {"11200": 5.0, "11205": 3.0, "11202": 1.0, "11210": 1.0, "12100": 1.0}
    return [Outage(each * number + each / 4, each / 4, people, errors) for number in range(6 * days)]


EVENTS_EACH = 1 + (1 - SMS) * MESSAGE * 2


def today() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)
