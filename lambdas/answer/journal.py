"""The journal: one line on stdout for each request, from which every event can be rebuilt.

The line is ASCII JSON, at most 64 kB, and bears its metrics in CloudWatch's embedded metric format, so that counting costs no call.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
A request that nobody vouches for leaves a count and no data. Only where it names one of our accounts is something kept, of a few calls
a minute, so that `reconcile` can ask Twilio whether the call was real: the SIDs where the signature is wrong, the parameters where it
could not be checked.
"""

from __future__ import annotations

import json
import sys
import time

from lambdas.answer.book import PROBE_ACCOUNT, Book, Choice, named_step
from lambdas.answer.request import Fields, Json, Request, parts_of
from lambdas.answer.signature import FORGED, UNVERIFIABLE, VERIFIED, is_uncheckable

MARK = "fallback.journal"  #: the term that the log subscription filters by
VERSION = 1
NAMESPACE = "TwilioFallback"
DIMENSIONS = [["Environment", "Outcome"], ["Environment", "Medium", "Outcome"]]
LONGEST_VALUE = 2048
LONGEST_LINE = 64 * 1024  #: of 256 kB that CloudWatch Logs takes
#: A text of 1,600 emoji is a form of 20 kB; with what add-ons say of the sender one of 47.
LONGEST_ORIGINAL = 32 * 1024
LONGEST_NAME = 64  #: of a trunk, or of a SID in a line that is too long
CUT = "...(cut)"
MASK = "***"
#: Calls and texts that nobody vouches for, of which a line is kept each minute, by every execution environment: so many of each degree of
#: trust, so that those whose signature is wrong use up no place of those whose signature cannot be checked; and of one sender so many, so
#: that a single stranger leaves most places to callers. Whom the limit leaves out Twilio's alerts and recordings tell of.
KEPT_A_MINUTE, OF_ONE_SENDER = 60, 10
HEXADECIMAL = frozenset("0123456789abcdef")
OF_CALL_OR_MESSAGE = ("CA", "SM", "MM")  #: how SIDs of calls and messages begin

#: What is kept of a request (https://www.twilio.com/docs/voice/twiml#request-parameters and the pages beside it).
#: `CallToken` and `StirPassportToken` let their bearer act for the caller: never.
PARAMETERS = frozenset(
    """
    AccountSid CallSid ParentCallSid CallStatus ApiVersion Direction ForwardedFrom CallerName From To Caller Called
    FromCity FromState FromZip FromCountry ToCity ToState ToZip ToCountry StirVerstat ApplicationSid
    ErrorCode ErrorUrl Digits SpeechResult Confidence
    AnsweredBy QueueResult QueueSid ConferenceSid HandoffData SessionStatus
    DialCallSid DialCallStatus DialCallDuration DialBridged DialSipResponseCode CallDuration Duration SipResponseCode
    RecordingSid RecordingUrl RecordingStatus RecordingDuration RecordingChannels RecordingSource RecordingStartTime RecordingTrack
    SipDomain SipDomainSid SipCallId SipSourceIp SipUsername
    MessageSid SmsSid SmsMessageSid SmsStatus MessagingServiceSid Body NumMedia NumSegments OptOutType
    MessageStatus CallbackSource StatusCallbackEvent TranscriptionStatus
    ButtonPayload ButtonText Latitude Longitude Address Label ProfileName WaId Forwarded
    """.split()
) | {f"{name}{index}" for name in ("MediaUrl", "MediaContentType") for index in range(10)}
#: Who somebody is, and what they wrote: masked, or not kept at all, with `[privacy] store = "masked"`.
ADDRESSES = frozenset({"From", "To", "Caller", "Called", "ForwardedFrom", "WaId"})
PRIVATE = frozenset({"CallerName", "ProfileName", "Body", "HandoffData", "Address", "Label", "Latitude", "Longitude"})
TYPED = frozenset({"Digits", "SpeechResult"})


def directive(**units: str) -> str:
    """What CloudWatch is told of the metrics in a line."""
    metrics = [{"Name": name, "Unit": unit} for name, unit in units.items()]
    return json.dumps({"Namespace": NAMESPACE, "Dimensions": DIMENSIONS, "Metrics": metrics})


REQUESTS = directive(Requests="Count")
REQUESTS_AND_TIME = directive(Requests="Count", AnswerTime="Milliseconds")


class Journal:
    """Writes the lines of one execution environment and keeps its limit of those that nobody vouches for."""

    def __init__(self, book: Book, environment: str) -> None:
        self.book = book
        self.environment = environment
        self.kept_lately: dict[tuple[str, str], tuple[float, str]] = {}

    def write(self, request: Request, trust: str, choice: Choice | None, milliseconds: float) -> None:
        """The line of one request."""
        line = self.entry(request, trust, choice, milliseconds) if self.keeps(request, trust) else {}
        proof = trust == VERIFIED and line.get("probe")
        self.emit(line, "" if proof else self.metrics(request.medium, self.outcome(request, trust, choice), milliseconds))

    def count(self, medium: str, outcome: str, **facts: str) -> None:
        """A line that only counts: an unreadable request, or an answer that failed (with where, never with what was said)."""
        self.emit(dict(facts), self.metrics(medium, outcome))

    def outcome(self, request: Request, trust: str, choice: Choice | None) -> str:
        """What is counted: the trust, but that callbacks are no callers, and that what is forged, or of a form that cannot be checked, and
        names an account of ours may be a real caller and our token a stale one: `refused`. Anybody can ask so, therefore the alarm counts
        whom Twilio confirms (`lambdas.workers.claims`). The probe counts its verified requests itself."""
        if trust == FORGED or (trust == UNVERIFIABLE and is_uncheckable(request)):
            return "refused" if request.fields.get("AccountSid") in self.book.accounts else FORGED
        return "delivered" if trust == VERIFIED and not choice else trust

    def keeps(self, request: Request, trust: str) -> bool:
        """Whether anything of the request is kept. What nobody vouches for has at least to name an account of ours."""
        sid = sid_of(request.fields)
        if trust == VERIFIED:
            return bool(sid)
        return bool(sid) and request.fields.get("AccountSid") in self.book.accounts and self.is_under_limit(trust, sid, request.sender)

    def is_under_limit(self, trust: str, sid: str, sender: str) -> bool:
        """Whether a line of this call or text may be kept: one a minute of each, and of so many. A caller makes many requests."""
        now = time.monotonic()
        self.kept_lately = {key: kept for key, kept in self.kept_lately.items() if now - kept[0] < 60}
        senders = [kept[1] for key, kept in self.kept_lately.items() if key[0] == trust]
        if (trust, sid) in self.kept_lately or len(senders) >= KEPT_A_MINUTE or senders.count(sender) >= OF_ONE_SENDER:
            return False
        self.kept_lately[trust, sid] = (now, sender)
        return True

    def entry(self, request: Request, trust: str, choice: Choice | None, milliseconds: float) -> Json:
        """The journal's facts, in the order in which a person reads them."""
        line: Json = {MARK: VERSION, "time": utc_now(), "request": request.id, "medium": request.medium}
        line |= {"entry": request.path.strip("/").split("/")[0], "path": cut(request.path), "trust": trust}
        if request.trunk:
            line["trunk"] = request.trunk[:LONGEST_NAME]
        if choice:
            line |= {
                "answer": choice.document.split("/")[0],
                "document": choice.document,
                "step": choice.step,
                "at": choice.at,
            }
        elif request.medium != "callback":
            line["status_callback"] = True
        if trust == VERIFIED and request.fields.get("AccountSid") == PROBE_ACCOUNT:
            line["probe"] = True
        elif trust == VERIFIED and choice and (number := self.book.emergency_in(request)):
            line["emergency"] = number
        line |= {"book": self.book.id, "ms": round(milliseconds, 2), "params": self.kept(request, trust)}
        if request.medium == "sms" and trust == VERIFIED and choice and not self.book.masked:
            line |= original_of(request.body)
        return line

    def kept(self, request: Request, trust: str) -> dict[str, str]:
        """The parameters that may be kept, each cut visibly; of a forged request the SIDs alone."""
        fields = request.fields
        if trust == FORGED:
            return {name: fields[name] for name in ("AccountSid", "CallSid", "MessageSid") if is_sid(fields.get(name) or "")}
        kept = {
            name: value if len(value) <= LONGEST_VALUE else cut(value)
            for name, value in fields.items()
            if value and (name in PARAMETERS or name in self.book.parameters)
        }
        if "ErrorUrl" in kept:
            kept["ErrorUrl"] = cut(safe_url(fields["ErrorUrl"], self.book.keep_query))
        if not named_step(request.path):
            kept |= dict.fromkeys(TYPED & kept.keys(), MASK)
        return masked(kept) | dict.fromkeys(self.book.parameters & kept.keys(), MASK) if self.book.masked else kept

    def metrics(self, medium: str, outcome: str, milliseconds: float | None = None) -> str:
        """The embedded metrics, as the JSON that ends a line: requests by outcome, for alarms, and by medium too, and how long it took."""
        names, took = (REQUESTS, "") if milliseconds is None else (REQUESTS_AND_TIME, f', "AnswerTime": {milliseconds:.2f}')
        dimensions = f'"Environment": "{self.environment}", "Medium": "{medium}", "Outcome": "{outcome}"'
        return f'"_aws": {{"Timestamp": {int(time.time() * 1000)}, "CloudWatchMetrics": [{names}]}}, {dimensions}, "Requests": 1{took}'

    def emit(self, line: Json, metrics: str) -> None:
        """One write, so that a line is one log event; too long a line loses the original, then all but the SIDs."""
        text = ended(line, metrics)
        if len(text) > LONGEST_LINE:
            line.pop("original", None)
            text = ended(line, metrics)
        if len(text) > LONGEST_LINE:
            line["params"] = {name: value[:LONGEST_NAME] for name, value in line["params"].items() if name.endswith("Sid")}
            text = ended(line, metrics)
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def original_of(form: str) -> Json:
    """A text as it came, for hand-back; a long one without what add-ons say of its sender. Nothing of one that is too long even then."""
    if len(form) > LONGEST_ORIGINAL:
        form = "&".join(part for part in form.split("&") if not part.startswith("AddOns="))
    return {"original": form} if len(form) <= LONGEST_ORIGINAL else {}


def ended(line: Json, metrics: str) -> str:
    """A line's JSON with its metrics at the end: they hardly vary, so that encoding them anew each time would be waste."""
    text = json.dumps(line)
    return f"{text[:-1]}{', ' if line and metrics else ''}{metrics}}}"


def sid_of(fields: Fields) -> str:
    """The call or message that a request belongs to, where it is a SID as Twilio writes them."""
    for name in ("CallSid", "MessageSid", "SmsSid"):
        sid = fields.get(name) or ""
        if is_sid(sid, *OF_CALL_OR_MESSAGE):
            return sid
    return ""


def is_sid(text: str, *kinds: str) -> bool:
    """Whether this is a SID: two letters, of `kinds` if there are any, and 32 hexadecimal digits.

    https://www.twilio.com/docs/glossary/what-is-a-sid
    """
    kind = text[:2]
    known = kind in kinds if kinds else kind.isascii() and kind.isalpha() and kind.isupper()
    return len(text) == 34 and known and set(text[2:]) <= HEXADECIMAL


def masked(kept: dict[str, str]) -> dict[str, str]:
    """What is kept with `[privacy] store = "masked"`: no whole number, no name, no words."""
    return {name: MASK if name in PRIVATE else masked_number(value) if name in ADDRESSES else value for name, value in kept.items()}


def masked_number(address: str) -> str:
    """The beginning of a number or address, which tells the country, and two signs by which people recognise their own."""
    head = 5 if len(address) > 9 else 2
    return address[:head] + "*" * max(0, len(address) - head - 2) + address[-2:]


def safe_url(url: str, keep_query: frozenset[str]) -> str:
    """A URL without user info, fragment, or the values of its query except those that the settings allow."""
    if "@" not in url and "?" not in url and "#" not in url:
        return url
    parts = parts_of(url)
    pairs = [part.partition("=") for part in parts.query.split("&") if part]
    query = "&".join(f"{name}={value if name in keep_query else MASK}" if sign else name for name, sign, value in pairs)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query, fragment="").geturl()


def cut(value: str) -> str:
    """A value of at most 2 kB; what was cut shows."""
    return value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + CUT


def utc_now() -> str:
    """Now in UTC with microseconds: `2026-11-21T02:41:07.123456Z`; sorts as text."""
    now = time.time_ns() // 1000
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 1_000_000)) + f".{now % 1_000_000:06}Z"
