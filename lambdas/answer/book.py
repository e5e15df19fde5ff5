"""The answer book at call time: request -> step -> first matching rule -> document -> filled in.

The compiler (`answerbook.compile`) writes it, this module reads it, in Lambda and in `fallback preview` alike.
"""

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from lambdas.answer.request import COOKIE, Request, parts_of

Rule = dict[str, Any]
Condition = tuple[str, str, list[Any]]  #: name, kind, values

#: The account by which the probe signs its requests: no account of Twilio's is made of zeros.
PROBE_ACCOUNT = "AC" + "0" * 32
#: Beside Twilio's own parameter names, what a condition may ask.
OWN_CONDITIONS = ("trunk", "open", "person")

# XML 1.0 knows no control characters but tab, line feed and carriage return; the other five have to be escaped.
ESCAPED = (
    {code: None for code in range(32) if code not in (9, 10, 13)}
    | {
        ord("&"): "&amp;",
        ord("<"): "&lt;",
        ord(">"): "&gt;",
        ord('"'): "&quot;",
        ord("'"): "&apos;",
        0xFFFE: None,
        0xFFFF: None,
    }
    | dict.fromkeys(range(55296, 57344))
)


class Choice(NamedTuple):
    """What was chosen: the document's name, the step that was asked, the line of the settings that decided."""

    document: str
    step: str
    at: str


class Book:
    """One answer book; all methods are pure but for the clock that the caller passes (seconds since the epoch)."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.id: str = data["id"]
        self.accounts = frozenset(data["accounts"])
        self.hosts = frozenset(data["hosts"])
        self.keep_query = frozenset(data["keep_query"])
        self.steps: dict[str, list[Rule]] = data["steps"]
        self.documents: dict[str, dict[str, Any]] = data["documents"]
        self.calendars: dict[str, Any] = data["calendars"]
        self.unverified: dict[str, Rule] = data["unverified"]
        self.last_resort: dict[str, str] = data["last_resort"]

    @classmethod
    def load(cls, path: str) -> "Book":
        """Read `answerbook.json`."""
        with open(path, encoding="utf-8") as file:
            return cls(json.load(file))

    def choose(self, request: Request, now: float) -> Choice:
        """The answer to a verified request. Before every rule: our own failure gets the last resort, which needs nothing."""
        if self.failed_ourselves(request):
            return Choice(self.last_resort[request.medium], "last resort", "")
        step = self.step_of(request, now)
        if step is None:
            return self.choose_unverified(request, now)
        return self.follow(step, request, now)

    def choose_unverified(self, request: Request, now: float) -> Choice:
        """The answer to everybody else: the environment's `unverified` answer, and the steps of that answer only."""
        rule = self.unverified[request.medium]
        step = named_step(request.path)
        if step in self.steps and step.split("/")[0] == rule["answer"]:
            return self.follow(step, request, now)
        return self.apply(rule, "unverified", request, now)

    def failed_ourselves(self, request: Request) -> bool:
        """Whether Twilio says that an address of ours was what failed."""
        host = parts_of(request.fields.get("ErrorUrl") or "").netloc.rpartition("@")[2]
        return bool(host) and (host == request.domain or host in self.hosts)

    def step_of(self, request: Request, now: float) -> str | None:
        """The step that a request asks: by its path, else by an earlier document's cookie, else its entry. None for no step of ours."""
        path = named_step(request.path)
        if path:
            return path if path in self.steps else None
        cookie = step_in_cookie(request.cookie, now)
        return cookie if cookie in self.steps else entry_of(request)

    def follow(self, step: str, request: Request, now: float) -> Choice:
        """The first rule of a step whose conditions hold; the last rule of every list has none."""
        rule = next(rule for rule in self.steps[step] if self.holds(rule, request, now))
        return self.apply(rule, step, request, now)

    def apply(self, rule: Rule, step: str, request: Request, now: float) -> Choice:
        """Where a rule leads: a document, or another list of rules (the compiler has refused circles)."""
        if "step" not in rule:
            return Choice(rule["document"], step, rule["at"])
        further = self.follow(rule["step"], request, now)
        return further._replace(step=step, at=rule["at"])

    def holds(self, rule: Rule, request: Request, now: float) -> bool:
        """Whether all conditions of a rule hold."""
        return all(self.meets(condition, request, now) for condition in rule["if"])

    def meets(self, condition: Condition, request: Request, now: float) -> bool:
        """Whether one condition holds: any of its values."""
        name, kind, values = condition
        if kind == "open":
            return any(is_open(self.calendars[calendar], now) for calendar in values)
        asked = value_of(name, request)
        return any(MATCHES[kind](value, asked) for value in values)

    def fill(self, document: str, request: Request, callbacks: str) -> str:
        """The TwiML of a document: the caller's own parameters escaped, our addresses built from the request's."""
        parts = self.documents[document]["parts"]
        return "".join(part if index % 2 == 0 else filling(part, request, callbacks) for index, part in enumerate(parts))

    def cookie(self, document: str, now: float) -> str | None:
        """The Set-Cookie header by which a re-entry finds the way on, or None. Twilio keeps cookies for the call, or for four
        idle hours per pair of numbers. https://www.twilio.com/docs/messaging/twiml#twilio-cookies"""
        come_back = self.documents[document].get("come_back")
        if not come_back:
            return None
        seconds = self.documents[document].get("for") or 4 * 3600
        return f"{COOKIE}={come_back}:{int(now + seconds)}; Path=/; Max-Age={seconds}; Secure; HttpOnly"


def entry_of(request: Request) -> str:
    """The entry's list of rules: `voice`, `sms`, `trunk` ..., the first part of the path."""
    return request.path.split("/")[1]


def named_step(path: str) -> str:
    """`voicemail/recorded/1` of `/voice/voicemail/recorded/1`; nothing for an entry."""
    first, _, step = path.strip("/").partition("/")
    return step if first in ("voice", "sms") else ""


def step_in_cookie(cookie: str, now: float) -> str:
    """The step that a cookie names, or nothing once its time is over."""
    step, _, until = cookie.rpartition(":")
    return step if until.isascii() and until.isdigit() and int(until) > now else ""


def value_of(name: str, request: Request) -> str:
    """What a condition compares. A SIP address counts as its number: a trunk's `To` may be `sip:+15550100@pbx`."""
    if name == "trunk":
        return request.trunk
    if name == "person":
        name = "To" if (request.fields.get("Direction") or "").startswith("outbound") else "From"
    value = request.fields.get(name) or ""
    return number_in(value) if name in ("To", "From", "Called", "Caller") else value


def number_in(address: str) -> str:
    """`+15550100` of `sip:+15550100@pbx.example`; anything else unchanged."""
    if not address.lower().startswith(("sip:", "sips:")):
        return address
    user = address.partition(":")[2].partition("@")[0]
    return user if user.lstrip("+").isdigit() else address


def in_range(limits: list[int], value: str) -> bool:
    """Whether a number lies in an inclusive range."""
    return value.isascii() and value.isdigit() and len(value) < 10 and limits[0] <= int(value) <= limits[1]


def on_path(pattern: list[str], url: str) -> bool:
    """Whether a URL's path fits a pattern of segments; `:id` fits any one segment."""
    segments = parts_of(url).path.strip("/").split("/")
    return len(segments) == len(pattern) and all(
        bool(part) if wanted.startswith(":") else wanted == part for wanted, part in zip(pattern, segments, strict=True)
    )


MATCHES: dict[str, Callable[[Any, str], bool]] = {
    "is": lambda wanted, value: wanted == value,
    "prefix": lambda wanted, value: value.startswith(wanted),
    "range": in_range,
    "path": on_path,
}


def is_open(calendar: dict[str, Any], now: float) -> bool:
    """Whether a calendar is open at a moment; its weekly hours, holidays and clock changes were worked out at synth."""
    offset = next((seconds for since, seconds in reversed(calendar["offsets"]) if since <= now), calendar["offsets"][0][1])
    local = time.gmtime(now + offset)
    day = f"{local.tm_year:04}-{local.tm_mon:02}-{local.tm_mday:02}"
    spans = calendar["days"].get(day, calendar["week"][local.tm_wday])
    minute = local.tm_hour * 60 + local.tm_min
    return any(start <= minute < end for start, end in spans)


def filling(name: str, request: Request, callbacks: str) -> str:
    """What stands in a placeholder: an address of ours, or the caller's parameter with XML's signs escaped."""
    if name == ":base":
        return request.base + ("/sms" if request.medium == "sms" else "/voice")
    if name == ":callbacks":
        return callbacks
    return (request.fields.get(name) or "").translate(ESCAPED)
