"""The disasters, and what is read back of them: a call, a text, a trunk call and an emergency call whose primary is down.

They are played to whatever the settings serve, and held to what the documents that answered promise.
"""

import wave
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from answerbook.dialling import emergency_numbers
from config.settings import Settings
from local.cloud import LocalCloud
from local.outputs import Outputs
from local.phone import TRUNK_LINE, own_number
from local.primary_down import failing, primary_host, refusing
from local.twilio import Answers, Call, Caller, StandInTwilio
from local.twilio.audio import SENTENCE
from local.twilio.exchange import Exchange

CALLER = "+15550100123"
DESK = "100"  #: the user of a desk phone
MESSAGE = SENTENCE  #: real words on every machine


@dataclass
class Disaster:
    """One disaster: what happened, what the caller said (a sound file), and what was expected and did not hold."""

    title: str
    sid: str
    exchanges: list[Exchange]
    received: list[str]
    seconds: float
    missing: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    said: bytes = b""
    emergency: str = ""

    def expect(self, promise: str, holds: bool) -> None:
        """Note a promise that did not hold."""
        if not holds:
            self.missing.append(promise)


def refused_call(twilio: StandInTwilio, outputs: Outputs, settings: Settings) -> Disaster:
    """The primary's port refuses connections; a caller with something to say ends a recording with the pound key."""
    with refusing(twilio, primary_host(settings)) as primary:
        number = twilio.number(own_number(settings), voice_url=f"{primary}/calls/incoming", voice_fallback_url=outputs.voice_url)
        return _disaster_of("A call; the primary refuses connections", number.call(CALLER, Caller(says=MESSAGE, ends_recording_with="#")))


def failing_text(twilio: StandInTwilio, outputs: Outputs, settings: Settings) -> Disaster:
    """The primary answers HTTP 500; the sender gets one reply, unless the settings answer with silence."""
    with failing(twilio, primary_host(settings)) as primary:
        number = twilio.number(own_number(settings), sms_url=f"{primary}/texts", sms_fallback_url=outputs.sms_url)
        text = number.text(CALLER, "Where is my order?")
    seconds = sum(exchange.seconds for exchange in text.exchanges)
    received = text.bodies or ["(no reply: these settings answer with silence)"]
    disaster = Disaster("A text; the primary answers HTTP 500", text.sid, text.exchanges, received, seconds)
    replies = [element for document in text.documents for element in document.root.iter("Message")]
    disaster.expect("the fallback answers", bool(text.documents))
    disaster.expect("the sender gets what the document says", len(text.bodies) == len(replies))
    return disaster


def dead_trunk(twilio: StandInTwilio, outputs: Outputs, settings: Settings) -> Disaster:
    """Every SIP server of the first trunk is dead: the disaster recovery URL takes the call."""
    servers, to = ["sip:127.0.0.1:9", "sip:127.0.0.1:10"], own_number(settings, TRUNK_LINE)
    name = settings.twilio.trunks[0]
    trunk = twilio.trunk(name, origination=servers, disaster_recovery_url=outputs.trunk_url, numbers=[to])
    call = trunk.call(to, CALLER, Caller(says=MESSAGE, ends_recording_with="#"))
    disaster = _disaster_of("A trunk call; every SIP server is dead", call)
    disaster.expect("both SIP servers were tried", len(call.tried) == len(servers))
    return disaster


def emergency_call(twilio: StandInTwilio, outputs: Outputs, settings: Settings) -> Disaster:
    """The application that routes what desk phones dial is down, and somebody dials an emergency number."""
    name, number = settings.twilio.sip_domains[0], emergency_numbers(settings)[0]
    with refusing(twilio, primary_host(settings)) as primary:
        domain = twilio.sip_domain(name, voice_url=f"{primary}/calls/outgoing", voice_fallback_url=outputs.entry(f"/sip/{name}"))
        call = domain.call(DESK, number, Caller(callees={number: Answers()}))
    disaster = _disaster_of(f"A desk phone dials {number}; the primary refuses connections", call)
    disaster.expect("the emergency number is put through", [(each.to, each.bridged) for each in call.dialled] == [(number, True)])
    disaster.emergency = number
    return disaster


type Play = Callable[[StandInTwilio, Outputs, Settings], Disaster]


def playable_with(settings: Settings) -> tuple[list[Play], list[str]]:
    """The disasters that can befall these settings, and a sentence for each that cannot."""
    possible: list[tuple[Play, bool, str]] = [
        (dead_trunk, bool(settings.twilio.trunks), "No trunk call: these settings have no [twilio] trunks."),
        (emergency_call, bool(settings.twilio.sip_domains), "No emergency call: these settings have no [twilio] sip_domains."),
    ]
    plays = [refused_call, failing_text, *(play for play, can, _ in possible if can)]
    return plays, [sentence for _, can, sentence in possible if not can]


def _disaster_of(title: str, call: Call) -> Disaster:
    """What happened on a call, held to what the documents promised its caller."""
    disaster = Disaster(title, call.sid, call.exchanges, _met(call), call.seconds)
    disaster.expect("the caller is answered", bool(call.documents) and call.ended_by != "error")
    if any(document.root.find(".//Record") is not None for document in call.documents):
        disaster.expect("the caller's message is recorded", len(call.recordings) == 1 and call.recordings[0].seconds > 1)
    disaster.said = next((recording.audio or b"" for recording in call.recordings), b"")
    return disaster


def _met(call: Call) -> list[str]:
    """What the caller heard, who was called for them, and what was recorded of them."""
    dialled = [f"({each.to} is called: {each.status})" for each in call.dialled]
    return [*call.words, *dialled, *(f"(beep, {recording.seconds} s recorded)" for recording in call.recordings)]


def read_back(cloud: LocalCloud, outputs: Outputs, disaster: Disaster) -> None:
    """The events of a call or text, as soon as the table has them."""
    table = cloud.client("dynamodb")
    asked = {"TableName": outputs.table, "KeyConditionExpression": "pk = :sid", "ExpressionAttributeValues": {":sid": {"S": disaster.sid}}}

    def events() -> list[dict[str, Any]]:
        disaster.events = [item for item in table.query(**asked)["Items"] if item["sk"]["S"][:1].isdigit()]
        return disaster.events

    with suppress(TimeoutError):
        cloud.controls.until(events, "the event in the table")
    first = disaster.events[0] if disaster.events else {}
    disaster.expect("the event is in the table", bool(first))
    disaster.expect("the event is verified", first.get("trust", {}).get("S") == "verified")
    if disaster.emergency:
        disaster.expect("the event says that it is an emergency", first.get("emergency", {}).get("S") == disaster.emergency)


def voicemail(cloud: LocalCloud, outputs: Outputs, disaster: Disaster) -> Path | None:
    """The caller's message out of the company's own bucket, once it is stored; None if it never came."""
    table = cloud.client("dynamodb")
    key = {"KeyConditionExpression": "pk = :sid AND begins_with(sk, :kind)"}
    values = {":sid": {"S": disaster.sid}, ":kind": {"S": "voicemail#"}}

    def stored() -> list[str]:
        items = table.query(TableName=outputs.table, ExpressionAttributeValues=values, **key)["Items"]
        return [item["key"]["S"] for item in items if item["state"]["S"] == "stored"]

    try:
        cloud.controls.until(stored, "the voicemail in the bucket")
    except TimeoutError:
        return None
    found = cloud.directory / "voicemail.wav"
    found.write_bytes(cloud.client("s3").get_object(Bucket=outputs.voicemail_bucket, Key=stored()[0])["Body"].read())
    return found


def playable(disaster: Disaster, audio: Path | None) -> None:
    """Hold the stored voicemail to what was recorded: the caller's own words, byte for byte, in a sound file that plays."""
    disaster.expect("the voicemail is in the bucket", audio is not None)
    if audio is None:
        return
    disaster.expect("the stored voicemail is what the caller said", audio.read_bytes() == disaster.said)
    with wave.open(str(audio)) as sound:
        disaster.expect("the stored voicemail is as long as what was said", sound.getnframes() / sound.getframerate() > 1)
