"""`collect` and `reconcile` with table, bucket, queue, topic and secret in moto, and the stand-in Twilio's REST API beside them."""

import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import botocore.endpoint
import pytest

from lambdas.workers.events import day_shard
from lambdas.workers.tasks import Media, Recording, Task, body_of
from local.twilio import StandInTwilio, audio
from local.twilio import platform as twilios
from local.twilio.rest import RestApi
from tests.unit.event_table import TABLE, event_table

ACCOUNT = "AC" + "1" * 32
KEY, SECRET = "SK" + "2" * 32, "secret"
BUCKET = "voicemails"
WORDS = "Please call me back about the order"
SETTINGS = {
    "FALLBACK_ENVIRONMENT": "tests",
    "TABLE_NAME": TABLE,
    "BUCKET_NAME": BUCKET,
    "FORMAT": "wav",
    "SHORTEST_SECONDS": "2",
    "DELETE_AT_TWILIO": "false",
    "VOICEMAIL_DAYS": "400",
    "ACCOUNTS": ACCOUNT,
    "EVENT_DAYS": "400",
    "ORIGINAL_DAYS": "30",
    "PRIMARY_HOSTS": "app.example.com",
    "ASYNCHRONOUS_PATHS": "/calls/:id/ended",
    "OWN_HOSTS": "fallback.example.com",
    "TRUNKS": "true",
    "VOICE_LOG": "voice-access",
    "MESSAGING_LOG": "messaging-access",
    "STATIC_PATTERN": '{ $.errorType != "-" }',
    "KEYS_SECRET": "keys",
}
MODULES: dict[str, ModuleType] = {}
CONTEXT = SimpleNamespace(function_name="collect", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="1")


class Clock:
    """The time of the workers, moved by hand."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.moment

    def pass_by(self, **length: float) -> None:
        """Let time go by: `pass_by(hours=2)`."""
        self.moment += timedelta(**length)


class Account:
    """An AWS account of one test, with the workers in it and a Twilio beside it."""

    def __init__(self, twilio: StandInTwilio, api: RestApi, monkeypatch: pytest.MonkeyPatch) -> None:
        self.twilio, self.api, self.monkeypatch = twilio, api, monkeypatch
        self.ending = ExitStack()
        self.hidden: list[int] = []  # seconds for which messages that failed were hidden
        self.s3 = boto3.client("s3", region_name="us-east-1")
        self.sqs = boto3.client("sqs", region_name="us-east-1")
        self.sns = boto3.client("sns", region_name="us-east-1")
        self.table = boto3.resource("dynamodb", region_name="us-east-1").Table(TABLE)
        self.queue = self.sqs.create_queue(QueueName="voicemails")["QueueUrl"]
        self.mailbox = self.sqs.create_queue(QueueName="mailbox")["QueueUrl"]
        self.topic = self.sns.create_topic(Name="notifications")["TopicArn"]
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=self.arn(self.mailbox))
        secrets = boto3.client("secretsmanager", region_name="us-east-1")
        secrets.create_secret(Name="keys", SecretString=json.dumps({ACCOUNT: {"key": KEY, "secret": SECRET}}))

    def arn(self, queue: str) -> str:
        """A queue's ARN."""
        return self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def module(self, name: str) -> ModuleType:
        """A worker's module, imported once as Lambda does, and apart from what other tests import under its name."""
        if name not in MODULES:
            for key, value in (SETTINGS | {"QUEUE_URL": self.queue, "TOPIC_ARN": self.topic, "ALERTS_TOPIC_ARN": self.topic}).items():
                self.monkeypatch.setenv(key, value)
            MODULES[name] = imported_apart(f"lambdas.workers.{name}")
        return MODULES[name]

    def worker(self, name: str, **settings: Any) -> ModuleType:
        """A worker's module with these settings of its own. Nothing waits long here."""
        module = self.module(name)
        for key, value in settings.items():
            self.monkeypatch.setattr(module, key, value)
        self.monkeypatch.setattr(module.TWILIO, "pause", lambda _seconds: None)
        self.monkeypatch.setattr(module, "pause", lambda _seconds: None, raising=False)
        self.monkeypatch.setattr(module.TWILIO.keys, "read_at", float("-inf"))
        self.listen(module.SQS, "provide-client-params.sqs.ChangeMessageVisibility", self.note_hiding)
        return module

    def listen(self, client: Any, event: str, handler: Callable[..., Any]) -> None:
        """Call a handler at an event of a client's, until the test ends."""
        client.meta.events.register_first(event, handler)
        self.ending.callback(client.meta.events.unregister, event, handler)

    def time_of(self, module: ModuleType, clock: Clock) -> None:
        """Let a worker go by this clock."""
        self.monkeypatch.setattr(module, "now", clock)

    def note_hiding(self, params: dict[str, Any], **_: Any) -> None:
        """Remember for how long a message was hidden."""
        self.hidden.append(params["VisibilityTimeout"])

    def recording(self, words: str = WORDS, **facts: Any) -> twilios.Recording:
        """A recording at Twilio."""
        made = twilios.Recording(
            sid=twilios.new_sid("RE"),
            call_sid=twilios.new_sid("CA"),
            url="",
            seconds=round(audio.seconds(audio.speech(words))),
            status="completed",
            audio=audio.speech(words),
            started=time.time() - 60,
        )
        made.url = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Recordings/{made.sid}"
        for name, value in facts.items():
            setattr(made, name, value)
        self.twilio.platform.recordings.append(made)
        return made

    def task(self, recording: twilios.Recording, **facts: Any) -> Recording:
        """What its callback gives to collect."""
        known: dict[str, Any] = {"url": recording.url, "status": recording.status, "seconds": recording.seconds}
        error = str(recording.error_code or "")
        return Recording(ACCOUNT, recording.call_sid, recording.sid, **(known | {"error_code": error} | facts))

    def call(self, recording: twilios.Recording, **facts: Any) -> None:
        """The event of the call that we answered."""
        known = {"kind": "request", "medium": "voice", "from": "+12025550123", "to": "+12025550199", "answer": "voicemail"}
        moment = facts.pop("time", "2026-11-21T02:41:07.000000Z")
        key = {"pk": recording.call_sid, "sk": f"{moment}#r1", "day_shard": day_shard(moment, recording.call_sid)}
        self.table.put_item(Item={**key, "time": moment, **known, **facts})

    def item(self, task: Task) -> dict[str, Any]:
        """What is noted of a task."""
        return dict(self.table.get_item(Key={"pk": task.belongs_to, "sk": f"{task.kind}#{task.sid}"}).get("Item", {}))

    def objects(self) -> dict[str, bytes]:
        """Every version of every object in the bucket."""
        found = self.s3.list_object_versions(Bucket=BUCKET).get("Versions", [])
        keys = [each["Key"] for each in found]
        assert len(keys) == len(set(keys)), "stored twice"
        return {key: self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}

    def messages(self) -> list[dict[str, Any]]:
        """What the topic's subscriber got, and has not read before."""
        got = self.sqs.receive_message(QueueUrl=self.mailbox, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(each["Body"]) for each in got]

    def deliver(self, module: ModuleType, task: Task, receives: int = 1) -> bool:
        """Hand a task to `collect` as SQS does; whether the message may leave the queue."""
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=body_of(task))
        [message] = self.sqs.receive_message(QueueUrl=self.queue, VisibilityTimeout=1200)["Messages"]
        record = {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": {"ApproximateReceiveCount": str(receives)},
            "eventSourceARN": self.arn(self.queue),
        }
        failed = module.handler({"Records": [record]}, CONTEXT)["batchItemFailures"]
        self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return not failed


def imported_apart(name: str) -> ModuleType:
    """A module imported anew; whoever imported it before keeps theirs."""
    theirs = sys.modules.pop(name, None)
    ours = importlib.import_module(name)
    del sys.modules[name]
    if theirs:
        sys.modules[name] = theirs
    return ours


@contextmanager
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """One of each."""
    for name, value in (("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(name, value)
    twilio = StandInTwilio(ACCOUNT, "12345")
    with event_table(), RestApi(twilio.platform, keys={KEY: SECRET}, media_needs_password=True) as api:
        monkeypatch.setenv("TWILIO_API_BASE", api.url)
        monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _seconds: None))
        made = Account(twilio, api, monkeypatch)
        with made.ending:
            yield made


def photo(made: Account, content: bytes = b"\xff\xd8\xff\xe0 a photo", kind: str = "image/jpeg") -> Media:
    """A photo that came with a text."""
    message = twilios.new_sid("MM")
    kept = made.twilio.platform.attach(message, content, kind)
    return Media(ACCOUNT, message, kept.sid, kept.url, kind)
