"""Rules, from the words of a TOML file to what `lambdas.answer.book` compares."""

import itertools
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import phonenumbers

from answerbook.calendars import contains
from config.checks import phone_number
from config.mistakes import ConfigError, Mistakes, nearest
from lambdas.answer.addresses import normal
from lambdas.answer.book import MATCHES, OWN_CONDITIONS, fits, host_of, plain
from lambdas.answer.journal import PARAMETERS

Condition = list[Any]  #: name, kind, values

Place = Callable[..., str]  #: of the name of a condition, and `value=` one of its values

#: What to say of a name that resembles none.
NO_CONDITION = (
    "; conditions are Twilio's parameters, as in From, To, ErrorCode, and trunk, sip, app, open, person, and your own in twilio.parameters"
)
#: What a condition wants whose value is often written as something else.
AS_TEXT = {"open": 'name the calendar, as in open = "office"; for when it is closed, let a rule without `open` follow'}

#: What status callbacks alone carry, which no rule answers.
OF_STATUS_CALLBACKS = {"MessageStatus", "CallbackSource", "StatusCallbackEvent", "TranscriptionStatus"}
NAMES = PARAMETERS - OF_STATUS_CALLBACKS | set(OWN_CONDITIONS)
#: What Twilio makes of the X- headers with which a SIP phone calls: https://www.twilio.com/docs/voice/api/sip-custom-headers
SIP_HEADER = "SipHeader_"
SIP_HEADERS = re.compile(SIP_HEADER + r"[A-Za-z0-9_-]{1,64}")
#: A star is a key of the phone, and speech may be anything: these are compared as they are.
LITERAL = frozenset({"Digits", "SpeechResult", "trunk", "sip", "app"})
ADDRESSES = frozenset({"To", "From", "Called", "Caller", "ForwardedFrom", "person"})
COUNTRIES = frozenset({"FromCountry", "ToCountry"})
#: What may stand before an address, each with an example.
CHANNELS = {
    "whatsapp": "whatsapp:+15550100123",
    "rcs": "rcs:+15550100123",
    "messenger": "messenger:1234567890",
    "client": "client:ann",
    "sip": "sip:ann@pbx.example.com",
}
BEFORE_NUMBERS = ("whatsapp",)
#: A value of From that is no value: whether it is a phone number at all.
ANY_NUMBER = "E.164"
#: What Twilio sends: https://www.twilio.com/docs/voice/twiml#callstatus-values, .../dial#dialcallstatus-values, .../messaging/twiml
STATUSES = frozenset("queued initiated ringing in-progress completed busy failed no-answer canceled".split())
WORDS: Mapping[str, frozenset[str]] = {
    "CallStatus": STATUSES,
    "DialCallStatus": frozenset("completed answered busy no-answer failed canceled".split()),
    "Direction": frozenset("inbound outbound-api outbound-dial".split()),
    # https://www.twilio.com/docs/voice/answering-machine-detection
    "AnsweredBy": frozenset("human fax unknown machine_start machine_end_beep machine_end_silence machine_end_other".split()),
    "DialBridged": frozenset({"true", "false"}),
    "OptOutType": frozenset({"STOP", "HELP", "START"}),
}


def alternatives(words: Mapping[str, tuple[Any, ...]], place: Place, own: Collection[str] = ()) -> list[list[Condition]]:
    """The conditions of a rule. A list whose values are compared in different ways makes one rule of each way, so there may be several.
    `place` gives file and line of a condition and its value, `own` are parameters that the settings add to Twilio's.

    Raises ConfigError for unknown names and values that cannot be, all of them.
    """
    mistakes = Mistakes()
    asked: list[list[Condition]] = []
    for name, values in words.items():
        with mistakes.gathering():
            asked.append(conditions(name, values, place, own))
    mistakes.settle()
    return [list(chosen) for chosen in itertools.product(*asked)]


def conditions(name: str, values: tuple[Any, ...], place: Place, own: Collection[str] = ()) -> list[Condition]:
    """`[name, kind, values]`, one for each kind among the values."""
    if name not in NAMES and name not in own and not SIP_HEADERS.fullmatch(name):
        raise ConfigError(f"{place(name)}: {name!r} is not a condition{nearest(name, {*NAMES, *own}) or NO_CONDITION}")
    if not values:
        raise ConfigError(f"{place(name)}: {name} has no value, so the rule could never answer; give it one or remove it")
    kinds: dict[str, list[Any]] = {}
    mistakes = Mistakes()
    for value in values:
        with mistakes.gathering():
            kind, compiled = condition(name, value, place)
            kinds.setdefault(kind, []).append(compiled)
    mistakes.settle()
    return [[name, kind, compiled] for kind, compiled in kinds.items()]


def condition(name: str, value: Any, place: Place) -> tuple[str, Any]:
    """Kind and value of one condition."""
    if not isinstance(value, str):
        remedy = AS_TEXT.get(name, f'write the value as text, as in {name} = "{value}"')
        raise ConfigError(f"{place(name, value=value)}: {name} = {shown(value)}: {remedy}")
    kind = kind_of(name, value)
    try:
        check(name, kind, value)
    except ValueError as error:
        raise ConfigError(f"{place(name, value=value)}: {name}: {error}") from error
    return kind, normal(value) if kind == "is" and name in ADDRESSES else COMPILED.get(kind, str)(value)


def shown(value: Any) -> str:
    """A value as TOML has it."""
    return str(value).lower() if isinstance(value, bool) else repr(value)


def kind_of(name: str, value: str) -> str:
    """How a value is compared."""
    if name in ("open", "Body"):
        return "open" if name == "open" else "words"
    if name in LITERAL:
        return "is"
    if name == "ErrorUrl" and value.startswith(("/", "http://", "https://")):
        return "path" if value.startswith("/") else "url"
    if name == "ErrorCode" and "-" in value:
        return "range"
    if name == "From" and value == ANY_NUMBER:
        return "number"
    return "prefix" if value.endswith("*") else "is"


def check(name: str, kind: str, value: str) -> None:
    """Refuse a value that the parameter never has. Raises ValueError."""
    if name in WORDS and not is_sent(kind, value, WORDS[name]):
        raise ValueError(f"{value!r} is never sent{nearest(value, WORDS[name])}; it is one of {', '.join(sorted(WORDS[name]))}")
    if name in COUNTRIES and value not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"{value!r} is not a country code: write its two letters, as in GB")
    if name == "ErrorCode":
        check_code(kind, value)
    if name in ADDRESSES and kind in ("is", "prefix"):
        check_address(kind, value)
    if name == "ErrorUrl":
        check_url(kind, value)
    check_wildcard(name, kind, value)


def is_sent(kind: str, value: str, words: Iterable[str]) -> bool:
    """Whether a value is one of the words, or begins one."""
    return any(word.startswith(value[:-1]) if kind == "prefix" else word == value for word in words)


def check_wildcard(name: str, kind: str, value: str) -> None:
    """Refuse what stands for many values where it cannot."""
    if value == ANY_NUMBER and kind != "number":
        raise ValueError(f"{ANY_NUMBER} can be asked of From only")
    if name == "Body" and "*" in value:
        raise ValueError(f"{value!r}: a text is compared as a whole; write its words, without *")
    if kind == "prefix" and value == "*":
        raise ValueError(f"'*' is every value there is; leave {name} out")


def check_url(kind: str, value: str) -> None:
    """Refuse what could never fit the address that failed: it is compared by host and path, segment by segment."""
    if kind not in ("path", "url"):
        raise ValueError(f"{value!r} is neither a path nor a web address: write it as in /calls/:id/incoming, or https://app.example.com/*")
    parts = urlsplit(value)
    if kind == "url" and not parts.hostname:
        raise ValueError(f"{value!r} has no host: write it as in https://app.example.com/calls/:id or https://app.example.com/*")
    if "*" in parts.netloc:
        raise ValueError(f"{value!r}: * never stands for a part of a host's name; write each host, as in https://app.example.com/*")
    if "?" in value or "#" in value:
        raise ValueError(f"{value!r}: only host and path are compared; leave out what follows ? or #")
    if "*" in parts.path and (kind, parts.path) != ("url", "/*"):
        raise ValueError(f"{value!r}: * stands for a whole host, as in https://app.example.com/*; one segment of a path is :id")
    if "/:/" in f"{parts.path}/":
        raise ValueError(f"{value!r}: a colon needs a name, as in /calls/:id")


def check_code(kind: str, value: str) -> None:
    """Refuse what is neither an error code nor a range of them (https://www.twilio.com/docs/api/errors)."""
    if not re.fullmatch(r"\d{1,6}(-\d{1,6})?", value):
        raise ValueError(f"{value!r} is not an error code: write it as in 11200, or 11200-11299 for a range")
    first, _, last = value.partition("-")
    if kind == "range" and int(first) > int(last):
        raise ValueError(f"the range {value} is empty; write the smaller number first")


def check_address(kind: str, value: str) -> None:
    """Refuse a phone number that cannot be one; names, short codes, `client:` and `sip:` addresses stand as they are."""
    if kind == "prefix":
        if value.startswith("+") and not re.fullmatch(r"\+\d{1,14}\*", value):
            raise ValueError(f"{value!r} begins no phone number: write it as in +44*")
    elif value.startswith("+") or (value.isdigit() and len(value) > 8):
        phone_number(value)
    check_channel(kind, value)


def check_channel(kind: str, value: str) -> None:
    """Refuse an address with a channel before it as Twilio never sends it: https://www.twilio.com/docs/messaging/channels"""
    channel, colon, address = value.partition(":")
    if not colon or channel.lower() not in CHANNELS:
        return
    if channel not in CHANNELS or not address:
        raise ValueError(f"{value!r} is never sent: write it as in {CHANNELS[channel.lower()]}")
    if channel in BEFORE_NUMBERS and not re.fullmatch(r"\+\d{0,14}\*" if kind == "prefix" else r"\+\d{7,15}", address):
        raise ValueError(f"{value!r} contains no phone number in E.164: write it as in {CHANNELS[channel]}")


def url_of(value: str) -> list[Any]:
    """Host and path of a URL; no path (None) for all of the host, `https://app.example.com/*`."""
    path = urlsplit(value).path
    return [host_of(value), None if path in ("/*", "") else path.strip("/").split("/")]


COMPILED: Mapping[str, Callable[[str], Any]] = {
    "prefix": lambda value: value[:-1],
    "path": lambda value: value.strip("/").split("/"),
    "url": url_of,
    "words": plain,
    "range": lambda value: [int(limit) for limit in value.split("-")],
}


def implied(later: Sequence[Condition], earlier: Sequence[Condition], calendars: Mapping[str, Any]) -> bool:
    """Whether every request that meets the later rule meets the earlier one too, so that the later one can never answer.

    Of several conditions on one parameter any is enough: a list in the settings may be compared in several ways.
    """
    return all(covered(values_of(later, name), values_of(earlier, name), calendars) for name in {name for name, *_ in earlier})


def values_of(conditions: Sequence[Condition], name: str) -> list[tuple[str, Any]]:
    """Kind and value of all that is asked of one parameter."""
    return [(kind, value) for asked, kind, values in conditions if asked == name for value in values]


def covered(narrow: list[tuple[str, Any]], wide: list[tuple[str, Any]], calendars: Mapping[str, Any]) -> bool:
    """Whether meeting any of the narrow values means meeting one of the wide ones."""
    return bool(narrow) and all(any(includes(*outer, *inner, calendars) for outer in wide) for inner in narrow)


def includes(kind: str, value: Any, inner_kind: str, inner: Any, calendars: Mapping[str, Any]) -> bool:
    """Whether one value of a condition takes in another."""
    if kind == inner_kind == "open":
        return contains(calendars[value], calendars[inner])
    if inner_kind == "is" and kind in MATCHES:
        return MATCHES[kind](value, inner)
    if inner_kind == "url" and kind in ("path", "url"):
        return takes_in_url([None, value] if kind == "path" else value, inner)
    if kind == "number" and inner_kind == "prefix":
        return str(inner).startswith("+")
    wider = WIDER.get(kind)
    return kind == inner_kind and (wider(value, inner) if wider else bool(value == inner))


#: Whether the first of two values of one kind takes in the second; of all other kinds only the same does.
WIDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "range": lambda wide, narrow: bool(wide[0] <= narrow[0] and narrow[1] <= wide[1]),
    "prefix": lambda wide, narrow: str(narrow).startswith(wide),
    "path": lambda wide, narrow: fits(wide, "/".join(narrow)),
}


def takes_in_url(wide: list[Any], narrow: list[Any]) -> bool:
    """Whether a pattern of host and path (None: any) takes in another."""
    host = wide[0] is None or wide[0] == narrow[0]
    return bool(host and (wide[1] is None or (narrow[1] is not None and fits(wide[1], "/".join(narrow[1])))))
