"""The workers that watch, in moto, and a fallback for the probe to ask: the real answer behind a server of this test's own."""

import importlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import boto3
import pytest

from answerbook.compile import compile_book
from config.settings import load
from lambdas.answer.book import PROBE_ACCOUNT, Book
from tests.unit.event_table import TABLE, event_table

HOST = "https://abc123.execute-api.us-west-2.amazonaws.com/v1"
TOKEN = "the probe's own token"
ACCOUNT = "AC" + "0" * 31 + "1"  #: of `local.toml`
SETTINGS = {
    "FALLBACK_ENVIRONMENT": "tests",
    "TABLE_NAME": TABLE,
    "TOKENS_SECRET": "tokens",
    "PROBE_URLS": f"{HOST}/voice {HOST}/sms {HOST}/trunk/main",
    "PROBE_MINUTES": "1",
    "CALLBACKS_URL": "https://callbacks.example.com/v1",
    "MEDIA_URL": "",
    "HEALTH_URLS": "",
    "HEARTBEAT_URL": "",
    "EVENT_DAYS": "400",
    "ORIGINAL_DAYS": "30",
}


class Watching:
    """One test's account of AWS, with the answer book of `local.toml`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, book: Book) -> None:
        self.monkeypatch = monkeypatch
        self.book = book
        self.secrets = boto3.client("secretsmanager", region_name="us-east-1")
        self.sns = boto3.client("sns", region_name="us-east-1")
        self.sqs = boto3.client("sqs", region_name="us-east-1")
        self.table = boto3.resource("dynamodb", region_name="us-east-1").Table(TABLE)
        self.topic = self.sns.create_topic(Name="alerts")["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName="tasks")["QueueUrl"]
        self.secrets.create_secret(Name="tokens", SecretString=json.dumps({PROBE_ACCOUNT: TOKEN, ACCOUNT: ["real"]}))

    def worker(self, name: str, **settings: Any) -> ModuleType:
        """A worker's module, imported as Lambda does."""
        for key, value in (SETTINGS | {"TOPIC_ARN": self.topic, "ALERTS_TOPIC_ARN": self.topic, "QUEUE_URL": self.queue}).items():
            self.monkeypatch.setenv(key, value)
        self.monkeypatch.setattr(Book, "load", lambda *_: self.book)
        module = importlib.import_module(f"lambdas.workers.{name}")
        for key, value in settings.items():
            self.monkeypatch.setattr(module, key, value)
        return module

    def tokens(self, **tokens: Any) -> None:
        """What the secret holds from now on."""
        self.secrets.put_secret_value(SecretId="tokens", SecretString=json.dumps(tokens))


@contextmanager
def watching(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watching]:
    """One of each."""
    for name, value in (("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(name, value)
    with event_table():
        yield Watching(monkeypatch, Book(json.loads(json.dumps(compile_book(load("local"))))))


def counted(captured: pytest.CaptureFixture[str]) -> list[tuple[str, dict[str, str], float]]:
    """Every metric that was emitted: name, dimensions, value."""
    return counted_in(captured.readouterr().out)


def counted_in(printed: str) -> list[tuple[str, dict[str, str], float]]:
    """The same of what was printed."""
    found = []
    for line in printed.splitlines():
        fields = json.loads(line) if line.startswith("{") else {}
        for directive in fields.get("_aws", {}).get("CloudWatchMetrics", []):
            for metric in directive["Metrics"]:
                values = fields[metric["Name"]]
                for names in directive["Dimensions"]:
                    dimensions = {name: fields[name] for name in names}
                    found += [(metric["Name"], dimensions, value) for value in (values if isinstance(values, list) else [values])]
    return found
