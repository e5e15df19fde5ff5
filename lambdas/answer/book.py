"""The answer book at call time: request -> step -> first matching rule -> document -> filled in.

The compiler (`answerbook.compile`) writes it, this module reads it, in Lambda and in `fallback preview` alike.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from lambdas.answer.addresses import CHANNELS, EMPLOYEES, WITHHELD, called, in_full, is_employee, is_number, is_withheld, normal, person_in
from lambdas.answer.request import COOKIE, Json, Request, parts_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

type Rule = Json
type Condition = tuple[str, str, list[Any]]  #: name, kind, values
type Match = Callable[[Any, str], bool]

#: The account by which the probe signs its requests: no account of Twilio's is made of zeros.
PROBE_ACCOUNT = "AC" + "0" * 32
#: Beside Twilio's own parameter names, what a condition may ask.
OWN_CONDITIONS = ("trunk", "sip", "app", "open", "person")
#: Kinds that judge an address as it was sent; for all others its normal form counts.
AS_SENT = ("number", "nobody")
CALLERS, CALLED = ("From", "Caller", "ForwardedFrom"), ("To", "Called")

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


#: Statuses that status callbacks alone bring: of a call that is over, and of a text that was sent (one that comes in is `received`).
#: https://www.twilio.com/docs/voice/twiml#callstatus-values, https://www.twilio.com/docs/messaging/api/message-resource#message-status-values
OVER = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})
SENT = frozenset({"accepted", "scheduled", "queued", "sending", "sent", "delivered", "undelivered", "failed", "canceled", "read"})
#: What callbacks alone carry: on the progress of a call, of a recording, a conference or a transcription.
#: https://www.twilio.com/docs/voice/twiml/record#recordingstatuscallback, .../conference#statuscallback
OF_CALLBACKS = frozenset({"CallbackSource", "RecordingStatus", "StatusCallbackEvent", "TranscriptionStatus"})
#: What a caller's request carries although the call is over: an address that failed, what a verb without `action` came to.
OF_A_CALLER = frozenset({"ErrorUrl", "Digits", "SpeechResult", "DialCallStatus", "QueueResult", "SessionStatus", "HandoffData"})

MORE = "..."  #: in the place of what was cut
#: Signs of UTF-16 that a value takes at most, by which the compiler has proved that no document is too large for Twilio: a text of 1,600
#: emoji; any other parameter (SIP headers have 1,024 at most); what is said digit by digit.
LONGEST_TEXT, LONGEST_VALUE, LONGEST_SAID = 3200, 1024, 100
TEXTS = ("Body", "SpeechResult")
#: The full-width forms of ASCII, as keyboards of East Asia write them.
WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}


class Choice:
    """What was chosen: the document's name, the step that was asked, the line of the settings that decided."""

    __slots__ = ("at", "document", "step")

    def __init__(self, document: str, step: str, at: str) -> None:
        self.document = document
        self.step = step
        self.at = at


class Book:
    """One answer book; all methods are pure but for the clock that the caller passes (seconds since the epoch)."""

    def __init__(self, data: Json, media: str = "") -> None:
        self.id: str = data["id"]
        self.accounts = frozenset(data["accounts"])
        self.domains: list[str] = data["hosts"]
        self.hosts = frozenset(data["hosts"]) | {host_of(media)}
        self.keep_query = frozenset(data["keep_query"])
        self.parameters = frozenset(data["parameters"])  #: kept beside Twilio's own
        self.masked: bool = data["masked"]
        self.steps: dict[str, list[Rule]] = data["steps"]
        self.documents: dict[str, Json] = data["documents"]
        self.lookups: dict[str, dict[str, str]] = data["lookups"]
        self.calendars: dict[str, Json] = data["calendars"]
        self.unverified: dict[str, Rule] = data["unverified"]
        self.last_resort: dict[str, str] = data["last_resort"]
        self.plans: dict[str, Json] = data["dialling"]["plans"]
        self.number_parameters: list[str] = data["dialling"]["parameters"]
        self.emergency = frozenset(data["dialling"]["emergency"])

    @classmethod
    def load(cls, path: str, media: str = "") -> Book:
        """Read `answerbook.json`; `media` is the address of the audio, whose host counts as ours."""
        with open(path, encoding="utf-8") as file:
            return cls(json.load(file), media)

    def choose(self, request: Request, now: float) -> Choice:
        """The answer to a verified request."""
        step = self.step_of(request)
        return self.follow(step, request, now) if step else self.choose_unverified(request, now)

    def choose_unverified(self, request: Request, now: float) -> Choice:
        """The answer to everybody else: the environment's `unverified` answer, and the steps of that answer only."""
        rule = self.unverified[request.medium]
        step = named_step(request.path)
        if step in self.steps and step.split("/")[0] == rule["answer"]:
            return self.follow(step, request, now)
        if self.is_ours(request.fields.get("ErrorUrl") or "", request):
            return Choice(self.last_resort[request.medium], "unverified", "last resort")
        return self.apply(rule, "unverified", request, now)

    def is_ours(self, url: str, request: Request) -> bool:
        """Whether a URL is on a host of ours: Twilio says so when an address of ours was what failed."""
        host = host_of(url)
        return bool(host) and (host == request.domain or host in self.hosts)

    def step_of(self, request: Request) -> str | None:
        """The step that a request asks: by its path, else its entry. None for no step of ours."""
        step = named_step(request.path) or entry_of(request)
        return step if step in self.steps else None

    def follow(self, step: str, request: Request, now: float) -> Choice:
        """The first rule of a step whose conditions hold; the last rule of every list has none."""
        rule = next(rule for rule in self.steps[step] if self.holds(rule, request, now))
        return self.apply(rule, step, request, now)

    def apply(self, rule: Rule, step: str, request: Request, now: float) -> Choice:
        """Where a rule leads: a document, or another list of rules (the compiler has refused circles)."""
        if "step" not in rule:
            return Choice(rule["document"], step, rule["at"])
        further = self.follow(rule["step"], request, now)
        return Choice(further.document, step, rule["at"]) if rule["at"] else further

    def holds(self, rule: Rule, request: Request, now: float) -> bool:
        """Whether all conditions of a rule hold."""
        return all(self.meets(condition, request, now) for condition in rule["if"])

    def meets(self, condition: Condition, request: Request, now: float) -> bool:
        """Whether one condition holds: any of its values."""
        name, kind, values = condition
        if kind == "open":
            return any(is_open(self.calendars[calendar], now) for calendar in values)
        if kind == "cookie":
            return step_in_cookie(request.cookie, now) in values
        if kind == "same":
            return self.value(name, request) in [self.value(other, request) for other in values]
        asked = (request.fields.get(name) or "") if kind in AS_SENT else self.value(name, request)
        if kind == "in":
            return any(asked in self.lookups[lookup] for lookup in values)
        if kind == "ours":
            return self.is_ours(asked, request)
        return any(MATCHES[kind](value, asked) for value in values)

    def value(self, name: str, request: Request) -> str:
        """What a condition compares and a document repeats. It is worked out once for a request: hundreds of rules may ask for it."""
        if name not in request.values:
            request.values[name] = self.worked_out(name, request)
        return request.values[name]

    def worked_out(self, name: str, request: Request) -> str:
        """A parameter, an address in its normal form; of what an employee dialled the number in full."""
        if name in ("trunk", "sip", "app"):
            first, _, named = request.path.strip("/").partition("/")
            return named if first == name else ""
        name = person_in(request.fields) if name == "person" else name
        value = request.fields.get(name) or ""
        if name in CALLED:
            return self.dialled(value, request) if is_employee(request) else called(value)
        if name == "FromCountry" and is_withheld(request.fields.get("From") or ""):
            return ""  # the country of a number that is none
        return normal(value) if name in CALLERS else value

    def dialled(self, address: str, request: Request) -> str:
        """What an employee dialled. The Voice SDK leaves To empty where the app has a parameter of its own for it."""
        given = address or next((number for name in self.number_parameters if (number := request.fields.get(name))), "")
        site = request.path.strip("/").partition("/")[2]
        plan = self.plans.get(site) or self.plans.get("")
        return self.as_emergency(in_full(given, plan, self.is_unchanged) if plan else normal(given))

    def is_unchanged(self, digits: str) -> bool:
        """Whether digits are no national number: an emergency number, or an extension, which is what keys of look-ups are."""
        return digits in self.emergency or any(digits in table for table in self.lookups.values())

    def as_emergency(self, number: str) -> str:
        """The emergency number of which a telephone made E.164, as in +911 and +1911, which are nobody's; any other number as it is."""
        codes = ("", *(plan["code"] for plan in self.plans.values())) if number[:1] == "+" else ()
        return next((rest for code in codes if (rest := number[1:].removeprefix(code)) in self.emergency), number)

    def emergency_in(self, request: Request) -> str:
        """The emergency number that an employee dialled with this request; nothing for any other request."""
        number = "" if named_step(request.path) or request.medium != "voice" else self.value("To", request)
        return number if number in self.emergency else ""

    def fill(self, document: str, request: Request, addresses: dict[str, str]) -> str:
        """The TwiML of a document: the caller's own parameters, and what a look-up has for them, escaped; `:base` built from the request's
        address, `:callbacks` and `:media` as given."""
        parts = self.documents[document]["parts"]
        return "".join(part if index % 2 == 0 else self.filling(part, request, addresses) for index, part in enumerate(parts))

    def filling(self, name: str, request: Request, addresses: dict[str, str]) -> str:
        """What stands in a placeholder: an address of ours, else a parameter (`To`) or what a look-up has for it (`To@desks/phones`),
        perhaps as it is said or otherwise changed (`To:spoken`); the compiler has proved that there is something."""
        if name == ":base":
            return request.base + ("/sms" if request.medium == "sms" else "/voice")
        if name[:1] == ":":
            return addresses[name]
        name, _, way = name.partition(":")
        parameter, _, lookup = name.partition("@")
        value = self.value(parameter, request)
        found = self.lookups[lookup].get(value, "") if lookup else shortened(value, longest_value(parameter))
        return changed(found, way) if way else found.translate(ESCAPED)

    def cookie(self, document: str, now: float) -> str | None:
        """The Set-Cookie header by which a re-entry finds the way on, or None. Twilio keeps cookies for the call, or for four
        idle hours per pair of numbers. https://www.twilio.com/docs/messaging/twiml#twilio-cookies"""
        come_back = self.documents[document].get("come_back")
        if not come_back:
            return None
        seconds = self.documents[document].get("for") or 4 * 3600
        return f"{COOKIE}={come_back}:{int(now + seconds)}; Path=/; Max-Age={seconds}; Secure; HttpOnly"


def changed(value: str, way: str) -> str:
    """A value as it is needed, escaped: `identity` of a client without its scheme, `spoken`, at `most:` so long, or `caller:WORDS`, where
    the words (which the compiler escaped) stand for one who shows no number."""
    way, _, words = way.partition(":")
    if way == "caller" and value in ("", WITHHELD):
        return words
    if way == "most":
        return shortened(value, int(words)).translate(ESCAPED)
    return (value.removeprefix("client:") if way == "identity" else shortened(spoken(value), LONGEST_SAID)).translate(ESCAPED)


def longest_value(parameter: str) -> int:
    """How many signs of a parameter stand in a document at most."""
    return LONGEST_TEXT if parameter in TEXTS else LONGEST_VALUE


def shortened(value: str, most: int) -> str:
    """A value of at most so many signs of UTF-16; what was cut shows."""
    if 2 * len(value) <= most:
        return value
    units = value.encode("utf-16-le", "replace")
    if len(units) <= 2 * most:
        return value
    return units[: 2 * max(0, most - len(MORE))].decode("utf-16-le", "ignore") + MORE[:most]


def spoken(value: str) -> str:
    """A value as it is said: numbers digit by digit, other addresses without what surrounds the name.
    https://www.twilio.com/docs/voice/twiml/say#hints-and-advanced-uses"""
    name = value.partition(":")[2].partition("@")[0] if value.startswith((*EMPLOYEES, *CHANNELS)) else value
    digits = name.removeprefix("+")
    return name[: name[:1] == "+"] + " ".join(digits) if digits.isdigit() else name


def is_status_callback(request: Request) -> bool:
    """Whether Twilio tells at an entry what became of a call or of a text that was sent: there is nobody to answer.
    https://www.twilio.com/docs/voice/api/call-resource#statuscallback, https://www.twilio.com/docs/messaging/guides/track-outbound-message-status"""
    fields = request.fields
    tells = fields.get("CallStatus") in OVER or fields.get("MessageStatus") in SENT or not OF_CALLBACKS.isdisjoint(fields)
    return tells and OF_A_CALLER.isdisjoint(fields) and not named_step(request.path)


def entry_of(request: Request) -> str:
    """The entry's list of rules: `voice`, `sms`, `trunk` ..., the first part of the path."""
    return request.path.strip("/").partition("/")[0]


def named_step(path: str) -> str:
    """`voicemail/recorded/1` of `/voice/voicemail/recorded/1`; nothing for an entry."""
    first, _, step = path.strip("/").partition("/")
    return step if first in ("voice", "sms") else ""


def step_in_cookie(cookie: str, now: float) -> str:
    """The step that a cookie names, or nothing once its time is over."""
    step, _, until = cookie.rpartition(":")
    return step if len(until) <= 12 and until.isascii() and until.isdigit() and int(until) > now else ""


def host_of(url: str) -> str:
    """The host of somebody else's URL, with its port unless that is the usual one; nothing where there is none."""
    return parts_of(url).netloc.rpartition("@")[2].lower().removesuffix(":443")


def in_range(limits: list[int], value: str) -> bool:
    """Whether a number lies in an inclusive range."""
    return value.isascii() and value.isdigit() and len(value) < 10 and limits[0] <= int(value) <= limits[1]


def on_path(pattern: list[str], url: str) -> bool:
    """Whether a URL's path fits a pattern of segments; `:id` fits any one segment."""
    return fits(pattern, parts_of(url).path)


def on_url(wanted: list[Any], url: str) -> bool:
    """Whether a URL is on that host and, unless the host alone is asked for (None), its path fits. A host without port fits any port."""
    host, pattern = wanted
    return host in (host_of(url), host_of(url).partition(":")[0]) and (pattern is None or on_path(pattern, url))


def fits(pattern: list[str], path: str) -> bool:
    """Whether a path fits a pattern of segments."""
    segments = path.strip("/").split("/")
    return len(segments) == len(pattern) and all(
        bool(part) if wanted.startswith(":") else wanted == part for wanted, part in zip(pattern, segments, strict=True)
    )


def is_nobody(address: str) -> bool:
    """Whether a text came from no person: a short code or a name. Channels stand before the address, as in `whatsapp:+1555...`."""
    return ":" not in address and not is_number(address)


def plain(text: str) -> str:
    """A text as it counts when it is compared: its letters and digits, without case, full-width ones as the usual ones. Space, punctuation,
    emoji and invisible signs make no difference; what consists of nothing else stays as it is."""
    return "".join(filter(str.isalnum, text.translate(WIDE))).casefold() or text.strip()


MATCHES: dict[str, Match] = {
    "is": lambda wanted, value: wanted == value,
    "prefix": lambda wanted, value: value.startswith(wanted),
    "range": in_range,
    "path": on_path,
    "url": on_url,
    "file": lambda wanted, url: parts_of(url).path.endswith("/" + wanted),
    "number": lambda _, address: is_number(address),
    "nobody": lambda _, address: is_nobody(address),
    "words": lambda wanted, value: plain(value) == wanted,
    "some": lambda _, value: bool(value),
}


def is_open(calendar: Json, now: float) -> bool:
    """Whether a calendar is open at a moment; its weekly hours, holidays and clock changes were worked out at synth."""
    offset = next((seconds for since, seconds in reversed(calendar["offsets"]) if since <= now), calendar["offsets"][0][1])
    local = time.gmtime(now + offset)
    day = f"{local.tm_year:04}-{local.tm_mon:02}-{local.tm_mday:02}"
    spans = calendar["days"].get(day, calendar["week"][local.tm_wday])
    minute = local.tm_hour * 60 + local.tm_min
    return any(start <= minute < end for start, end in spans)
