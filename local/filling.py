"""Writes a synthetic past into a deployed local cloud, through the product's own code: events, and voicemails that can be heard.

What is older than a day somebody has seen to, as it would be.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from io import BytesIO

import boto3
from boto3.dynamodb.conditions import Attr

from lambdas.workers.bucket import Bucket
from lambdas.workers.events import Line, items_of, write
from lambdas.workers.tasks import Recording, recordings_of
from lambdas.workers.transport import Deadline
from lambdas.workers.voicemails import Voicemails, stamp
from local.cloud import LocalCloud
from local.history import Past
from local.outputs import Outputs
from local.twilio.audio import cut, speech

SAID = (
    "Hello, it is about my order. It should have come on Monday. Please call me back.",
    "Good morning. I would like to move my appointment to next week, if that is possible.",
    "Hi, our heating is out again. There are small children in the house, please call as soon as you can.",
    "This is a message for the support team. I cannot sign in any more since last night.",
    "Please ring me back about the invoice. I am at home all afternoon.",
)
SEEN_TO_AFTER = timedelta(days=1)
BY, NOTE = "night shift", "called back"


def fill(cloud: LocalCloud, outputs: Outputs, past: Past) -> tuple[int, int]:
    """Write the whole past, and return how many events and voicemails it has."""
    retention, lines = cloud.settings.retention, list(past.lines())
    write(
        cloud.client("dynamodb"), outputs.table, (item for line in lines for item in items_of(line, retention.events, retention.originals))
    )
    return len(lines), Inbox(cloud, outputs, past.now).fill(line for line in lines if line["medium"] == "callback")


class Inbox:
    """The voicemails of a past."""

    def __init__(self, cloud: LocalCloud, outputs: Outputs, now: datetime) -> None:
        session = boto3.session.Session("test", "test", region_name=cloud.region)
        table = session.resource("dynamodb", endpoint_url=cloud.endpoint, verify=str(cloud.ca_bundle)).Table(outputs.table)
        self.bucket = Bucket(cloud.client("s3"), outputs.voicemail_bucket)
        self.voicemails = Voicemails(table, cloud.settings.retention.voicemails)
        self.now = now

    def fill(self, callbacks: Iterable[Line]) -> int:
        """What `collect` would have made of these callbacks; how many messages."""
        messages = [
            (recording, datetime.fromisoformat(line["time"]).astimezone(UTC))
            for line in callbacks
            for recording in recordings_of(line["medium"], line["params"])
        ]
        for number, (recording, when) in enumerate(messages):
            self.keep(recording, when, speech(SAID[number % len(SAID)]))
        return len(messages)

    def keep(self, recording: Recording, when: datetime, spoken: bytes) -> None:
        """One message: announced, stored, and heard if it is old."""
        item = self.voicemails.announce(recording, when)
        audio = BytesIO(cut(spoken, recording.seconds or 0))
        key = f"voicemail/{recording.account}/{recording.call}/{recording.sid}.wav"
        copy = self.bucket.store(key, audio, "audio/wav", {"sid": recording.sid}, Deadline(30))
        self.voicemails.stored(item, copy, when + timedelta(seconds=3), {})
        self.voicemails.finished(item)
        if self.now - when > SEEN_TO_AFTER:
            seen = {"heard_at": stamp(when + timedelta(hours=5)), "heard_by": BY, "note": NOTE}
            self.voicemails.change(item, seen, Attr("pk").exists(), ("todo",))
