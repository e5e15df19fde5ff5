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


def fill(cloud: LocalCloud, outputs: Outputs, past: Past) -> int:
    """Write the whole past, and return how many events it has."""
    retention, lines = cloud.settings.retention, list(past.lines())
    write(
        cloud.client("dynamodb"), outputs.table, (item for line in lines for item in items_of(line, retention.events, retention.originals))
    )
    Inbox(cloud, outputs, past.now).fill(line for line in lines if line["medium"] == "callback")
    return len(lines)


class Inbox:
    """The voicemails of a past."""

    def __init__(self, cloud: LocalCloud, outputs: Outputs, now: datetime) -> None:
        session = boto3.session.Session("test", "test", region_name=cloud.region)
        table = session.resource("dynamodb", endpoint_url=cloud.endpoint, verify=str(cloud.ca_bundle)).Table(outputs.table)
        [stack] = cloud.client("cloudformation").describe_stacks(StackName=outputs.stack)["Stacks"]
        named = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        self.bucket = Bucket(cloud.client("s3"), named["VoicemailBucketName"])
        self.voicemails = Voicemails(table, cloud.settings.retention.voicemails)
        self.now = now

    def fill(self, callbacks: Iterable[Line]) -> None:
        """What `collect` would have made of these callbacks."""
        for number, line in enumerate(callbacks):
            for recording in recordings_of(line["medium"], line["params"]):
                self.keep(recording, datetime.fromisoformat(line["time"]).astimezone(UTC), SAID[number % len(SAID)])

    def keep(self, recording: Recording, when: datetime, words: str) -> None:
        """One message: announced, stored, and heard if it is old."""
        item = self.voicemails.announce(recording, when)
        audio = BytesIO(cut(speech(words), recording.seconds or 0))
        key = f"voicemail/{recording.account}/{recording.call}/{recording.sid}.wav"
        copy = self.bucket.store(key, audio, "audio/wav", {"sid": recording.sid}, Deadline(30))
        self.voicemails.stored(item, copy, when + timedelta(seconds=3), {})
        self.voicemails.finished(item)
        if self.now - when > SEEN_TO_AFTER:
            seen = {"heard_at": stamp(when + timedelta(hours=5)), "heard_by": BY, "note": NOTE}
            self.voicemails.change(item, seen, Attr("pk").exists(), ("todo",))
