"""The three disasters, and what is read back of them: a call, a text and a trunk call whose primary is down."""

import time
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.cloud import LocalCloud
from local.outputs import Outputs
from local.phone import LINE, TRUNK_LINE
from local.twilio import Caller, StandInTwilio
from local.twilio.audio import SENTENCE
from local.twilio.exchange import Exchange
from local.twilio.primary import Fails, Primary, refusing_url

CALLER = "+15550100123"
MESSAGE = SENTENCE  #: real words on every machine
PATIENCE = 20.0  #: seconds for an event to show up in the table


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

    def expect(self, promise: str, holds: bool) -> None:
        """Note a promise that did not hold."""
        if not holds:
            self.missing.append(promise)


def refused_call(twilio: StandInTwilio, outputs: Outputs) -> Disaster:
    """The primary's port refuses connections; the caller leaves a voicemail and ends it with the pound key."""
    with refusing_url() as primary:
        number = twilio.number(LINE, voice_url=f"{primary}/calls/incoming", voice_fallback_url=outputs.voice_url)
        call = number.call(CALLER, Caller(says=MESSAGE, ends_recording_with="#"))
    told = Disaster("A call; the primary refuses connections", call.sid, call.exchanges, spoken(call.words, call.recordings), call.seconds)
    told.expect("the caller hears the greeting", any("leave a message" in words for words in call.words))
    told.expect("the caller's message is recorded", len(call.recordings) == 1 and call.recordings[0].seconds > 1)
    told.said = next((recording.audio or b"" for recording in call.recordings), b"")
    told.expect("the caller hears a goodbye", any("Goodbye" in words for words in call.words[1:]))
    return told


def failing_text(twilio: StandInTwilio, outputs: Outputs) -> Disaster:
    """The primary answers HTTP 500; the sender gets one reply."""
    with Primary() as primary:
        primary.behaves("", Fails(500))
        number = twilio.number(LINE, sms_url=f"{primary.url}/texts", sms_fallback_url=outputs.sms_url)
        text = number.text(CALLER, "Where is my order?")
    seconds = sum(exchange.seconds for exchange in text.exchanges)
    told = Disaster("A text; the primary answers HTTP 500", text.sid, text.exchanges, text.bodies, seconds)
    told.expect("the sender gets one reply", len(text.bodies) == 1)
    return told


def dead_trunk(twilio: StandInTwilio, outputs: Outputs) -> Disaster:
    """Every SIP server of the trunk is dead: the disaster recovery URL takes the call."""
    servers = ["sip:127.0.0.1:9", "sip:127.0.0.1:10"]
    trunk = twilio.trunk("main", origination=servers, disaster_recovery_url=outputs.trunk_url, numbers=[TRUNK_LINE])
    call = trunk.call(TRUNK_LINE, CALLER, Caller(says=MESSAGE, ends_recording_with="#"))
    heard = spoken(call.words, call.recordings)
    told = Disaster("A trunk call; every SIP server is dead", call.sid, call.exchanges, heard, call.seconds)
    told.expect("both SIP servers were tried", len(call.tried) == len(servers))
    told.expect("the caller's message is recorded", len(call.recordings) == 1)
    return told


DISASTERS: tuple[Callable[[StandInTwilio, Outputs], Disaster], ...] = (refused_call, failing_text, dead_trunk)


def spoken(words: list[str], recordings: list[Any]) -> list[str]:
    """What the caller heard, and what was recorded of them."""
    return [*words, *(f"(beep, {recording.seconds} s recorded)" for recording in recordings)]


def read_back(cloud: LocalCloud, outputs: Outputs, disaster: Disaster) -> None:
    """The events of a call or text, as soon as the table has them."""
    table, until = cloud.client("dynamodb"), time.monotonic() + PATIENCE
    asked = {"TableName": outputs.table, "KeyConditionExpression": "pk = :sid", "ExpressionAttributeValues": {":sid": {"S": disaster.sid}}}
    while not disaster.events and time.monotonic() < until:
        found = table.query(**asked)["Items"]
        disaster.events = [item for item in found if item["sk"]["S"][:1].isdigit()]
        time.sleep(0 if disaster.events else 0.1)
    first = disaster.events[0] if disaster.events else {}
    disaster.expect("the event is in the table", bool(first))
    disaster.expect("the event is verified", first.get("trust", {}).get("S") == "verified")


def voicemail(cloud: LocalCloud, outputs: Outputs, disaster: Disaster) -> Path | None:
    """The caller's message out of the company's own bucket, once it is stored; None if it never came."""
    table, until = cloud.client("dynamodb"), time.monotonic() + PATIENCE
    key = {"KeyConditionExpression": "pk = :sid AND begins_with(sk, :kind)"}
    values = {":sid": {"S": disaster.sid}, ":kind": {"S": "voicemail#"}}
    while time.monotonic() < until:
        for item in table.query(TableName=outputs.table, ExpressionAttributeValues=values, **key)["Items"]:
            if item["state"]["S"] == "stored":
                audio = cloud.client("s3").get_object(Bucket=outputs.voicemail_bucket, Key=item["key"]["S"])["Body"].read()
                (cloud.directory / "voicemail.wav").write_bytes(audio)
                return cloud.directory / "voicemail.wav"
        time.sleep(0.1)
    return None


def playable(disaster: Disaster, audio: Path | None) -> None:
    """Hold the stored voicemail to what was recorded: the caller's own words, byte for byte, in a sound file that plays."""
    disaster.expect("the voicemail is in the bucket", audio is not None)
    if audio is None:
        return
    disaster.expect("the stored voicemail is what the caller said", audio.read_bytes() == disaster.said)
    with wave.open(str(audio)) as sound:
        disaster.expect("the stored voicemail is as long as what was said", sound.getnframes() / sound.getframerate() > 1)
