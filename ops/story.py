"""The story of a call or text: its items told as chapters, in order, for the terminal, the console and programs alike."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lambdas.workers.error_codes import explain
from lambdas.workers.events import ANSWERED, END, FAILURE, MISSED, STATUS, UNHEARD, Item, is_outbound
from lambdas.workers.hand_back import LOST, ORIGINAL, REPLAY, SENDING
from lambdas.workers.voicemails import shown

#: Twilio's parameters that tell what somebody did, in the order in which they are told.
DONE = {
    "Digits": "{who} pressed {value}",
    "SpeechResult": "{who} said {value}",
    "AnsweredBy": "answered by: {value}",
    "QueueResult": "what became of waiting: {value}",
    "SessionStatus": "the session: {value}",
    "DialCallStatus": "the number dialled: {value}",
    "DialBridged": "connected with {taken_by}",
    "RecordingDuration": "{who} spoke {value} s",
    "CallDuration": "the call lasted {value} s",
    "Body": "the text: {value}",
    "NumMedia": "media sent: {value}",
    "ButtonText": "{who} chose the button {value}",
    "ButtonPayload": "the button says to the application: {value}",
    "Address": "the place sent: {value}",
    "Label": "the place is called {value}",
    "Latitude": "its latitude: {value}",
    "Longitude": "its longitude: {value}",
    "ProfileName": "the sender's profile: {value}",
    "OptOutType": "Twilio took it for {value}",
}
#: What some of their values are told as.
SAID = {("Digits", "hangup"): "{who} hung up", ("DialBridged", "false"): "connected with nobody"}
CALLER = "the caller"
UNTOLD = {"NumMedia": "0"}


@dataclass(frozen=True)
class Chapter:
    """One thing that happened: when, what in a line, and further lines about it."""

    time: str
    title: str
    details: list[str] = field(default_factory=list)
    kind: str = "request"

    @property
    def moment(self) -> datetime:
        """When, in UTC."""
        return datetime.fromisoformat(self.time)


def told(items: list[Item]) -> list[Chapter]:
    """The chapters of a call's items, as they may be shown; the original of a text is none."""
    legs = {item["params"]["CallSid"]: called(item) for item in items if is_leg(item)}
    chapters = [
        CHAPTERS[item["kind"]](item | {"taken_by": legs.get((item.get("params") or {}).get("DialCallSid"), "somebody")})
        for item in items
        if item.get("kind") in CHAPTERS and not item["sk"].startswith(ORIGINAL)
    ]
    return sorted(chapters, key=lambda chapter: chapter.moment)


def is_leg(item: Item) -> bool:
    """Whether a request is about somebody whom we called for the caller, before the two were connected.

    https://www.twilio.com/docs/voice/twiml/number#attributes-url
    """
    params = item.get("params") or {}
    return bool(params.get("ParentCallSid") and params.get("CallSid"))


def called(item: Item) -> str:
    """Whom a leg called."""
    return str(item.get("to") or "the number called")


def request(item: Item) -> Chapter:
    """A request of Twilio's and our answer."""
    return Chapter(item["time"], asked(item), [*failed(item), *dialled_help(item), *did(item), *answered(item)])


def asked(item: Item) -> str:
    """Why Twilio asked us."""
    who = {"sms": "A text", "voice": "A call"}.get(item.get("medium", ""), "A request")
    people = f" from {item['from']} to {item.get('to', '?')}" if item.get("from") else ""
    if is_outbound(item):
        who, people = "A call that the company placed", people.replace(" from ", ", from ", 1)
    if item.get("error_code"):
        return f"{who}{people}: the primary failed with {item['error_code']}"
    if is_leg(item):
        return f"Twilio went on with our answer to {called(item)}" if "Digits" in item["params"] else f"{called(item)} picked up"
    if item.get("entry") == "trunk":
        return f"{who}{people}: no SIP server of the trunk {item.get('trunk', '')} took it".replace("  ", " ")
    return "Twilio went on with our answer" if item.get("step", "").count("/") else f"{who}{people}"


def failed(item: Item) -> Iterator[str]:
    """What failed at the primary, and what that means."""
    if url := item.get("error_url"):
        yield f"failing address: {url}"
    if code := item.get("error_code"):
        explanation = explain(code)
        yield f"{code} means: {explanation.meaning or explanation.page}"
    if item.get("trust") not in (None, "verified"):
        yield f"nobody vouches for this request: {item['trust']}"


def did(item: Item) -> Iterator[str]:
    """What the caller did, or whoever was called for them."""
    params: dict[str, Any] = item.get("params") or {}
    who = called(item) if is_leg(item) else CALLER
    for name, sentence in DONE.items():
        value = params.get(name)
        if value and value != UNTOLD.get(name):
            yield SAID.get((name, value), sentence).format(who=who, value=value, taken_by=item.get("taken_by"))


def dialled_help(item: Item) -> Iterator[str]:
    """An emergency call."""
    if number := item.get("emergency"):
        yield f"the emergency number {number} was dialled; on-call was told"


def answered(item: Item) -> Iterator[str]:
    """What we answered, and which line of the settings decided."""
    if document := item.get("document"):
        yield f"answered with {document}, by the rule at {item.get('at') or '(built in)'}, in {item.get('ms', '?')} ms"


def recording(item: Item) -> Chapter:
    """A recording status callback."""
    params = item.get("params") or {}
    status, seconds = params.get("RecordingStatus", "?"), params.get("RecordingDuration")
    return Chapter(item["time"], f"Twilio reports the recording as {status}" + (f", {seconds} s" if seconds else ""), [], "recording")


#: What a status callback is about, the most telling first.
STATUSES = ("MessageStatus", "RecordingStatus", "TranscriptionStatus", "StatusCallbackEvent")


def status(item: Item) -> Chapter:
    """A status callback that came where callers are answered."""
    params = item.get("params") or {}
    name = next((name for name in STATUSES if name in params), "CallStatus")
    lines = [
        f"it came to {item.get('path', '?')}, which answers callers and texts; nobody was answered, and nothing was counted",
        "correct it at Twilio: the status callback URL of the number, messaging service, call or text has to name your own application",
    ]
    return Chapter(item["time"], f"A status callback, sent here by mistake: {name}={params.get(name, '?')}", lines, STATUS)


def voicemail(item: Item) -> Chapter:
    """A voicemail, as it is now."""
    lines = [f"{label}: {item[name]}" for name, label in FACTS.items() if item.get(name)]
    return Chapter(item.get("stored_at") or item["time"], f"A voicemail: {shown(item)}", [item["sid"], *lines], "voicemail")


FACTS = {
    "seconds": "seconds",
    "stored_at": "stored",
    "reason": "why not yet",
    "next_attempt": "next attempt",
    "why_empty": "empty because",
    "differs": "not as announced",
    "accepted_at": "accepted",
    "accepted_by": "by",
    "heard_at": "heard",
    "heard_by": "by",
    "note": "note",
}


def media(item: Item) -> Chapter:
    """A file that came with a text."""
    return Chapter(item["time"], f"Medium {item['sid']}: {item.get('state', '?')}", [item["type"]] if item.get("type") else [], "media")


def lost(item: Item) -> Chapter:
    """A callback that never reached the primary."""
    return Chapter(item["time"], f"A callback to the primary got lost: {item.get('error_code', '?')}", list(failed(item)), LOST)


def replay(item: Item) -> Chapter:
    """A hand-back."""
    state = "unknown (it was cut off)" if item["state"] == SENDING else item["state"]
    lines = [f"attempts: {item.get('attempts', '?')}, by {item.get('by') or '?'}", *([item["reason"]] if item.get("reason") else [])]
    return Chapter(item.get("started") or item["time"], f"Handed back to the primary: {state}", lines, REPLAY)


def end(item: Item) -> Chapter:
    """How the call ended, as Twilio knows it."""
    length = f", after {item['seconds']} s" if "seconds" in item else ""
    return Chapter(item["time"], f"The call ended: {item.get('call_status', '?')}{length}", [], END)


def missed(item: Item) -> Chapter:
    """A call or text that never came to us."""
    return Chapter(item["time"], f"{asked(item)}; it did not come here", [*failed(item), *did(item)], MISSED)


def recovered(item: Item) -> Chapter:
    """A call or text that the fallback answered, as Twilio tells."""
    why = "as a stranger's: its signature was not believed" if item.get("trust") else "its own record of it is lost"
    return Chapter(item["time"], f"{asked(item)}; the fallback answered, {why}", [*failed(item | {"trust": None}), *did(item)], ANSWERED)


def unheard(item: Item) -> Chapter:
    """A call or text that nobody got, as far as Twilio's lists tell."""
    what = "no answer of ours came, whether the primary has it is unknown" if item["medium"] == "sms" else "the static apology answered"
    return Chapter(item["time"], f"{asked(item)}; {what}", list(did(item)), UNHEARD)


def failure(item: Item) -> Chapter:
    """The fallback itself failed."""
    who = [f"from {item['from']} to {item.get('to', '?')}"] if item.get("from") else []
    return Chapter(item["time"], f"The fallback itself failed with {item.get('error_code', '?')}", [*who, *failed(item)], FAILURE)


CHAPTERS: dict[str, Callable[[Item], Chapter]] = {
    "request": request,
    "recording": recording,
    "voicemail": voicemail,
    "media": media,
    LOST: lost,
    REPLAY: replay,
    END: end,
    MISSED: missed,
    STATUS: status,
    UNHEARD: unheard,
    ANSWERED: recovered,
    FAILURE: failure,
}
