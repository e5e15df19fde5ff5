"""Is the primary back? Asked over real sockets."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.workers.health import Health
from local.twilio.primary import Primary, refusing_url
from local.twilio.server import Fails, Says
from tests.unit.watch_workers import Watching, watching

NOW = datetime(2026, 11, 21, 2, 41, tzinfo=UTC)
WELL = Says(b"ok", "text/plain")


class Asked:
    """One address, and who is told."""

    def __init__(self, made: Watching) -> None:
        self.made = made
        self.mailbox = made.sqs.create_queue(QueueName="on-call")["QueueUrl"]
        arn = made.sqs.get_queue_attributes(QueueUrl=self.mailbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        made.sns.subscribe(TopicArn=made.topic, Protocol="sqs", Endpoint=arn)
        self.health = Health(made.table, made.sns, made.topic, "production")
        self.minute = 0

    def look(self, url: str, times: int = 1) -> None:
        """So many runs."""
        for _ in range(times):
            self.health.look(url, NOW + timedelta(minutes=self.minute))
            self.minute += 1

    def subjects(self) -> list[str]:
        """What people were told since they last read."""
        found = []
        while messages := self.made.sqs.receive_message(QueueUrl=self.mailbox, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(message["Body"])["Subject"] for message in messages]
            for message in messages:
                self.made.sqs.delete_message(QueueUrl=self.mailbox, ReceiptHandle=message["ReceiptHandle"])
        return found

    def item(self, url: str) -> dict[str, Any]:
        """What is noted of an address."""
        return dict(self.made.table.get_item(Key={"pk": "primary", "sk": f"health#{url}"})["Item"])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    with watching(monkeypatch) as made:
        yield Asked(made)


@pytest.fixture
def primary() -> Iterator[Primary]:
    with Primary() as one:
        one.behaves("", WELL)
        yield one


def test_a_primary_that_is_well_is_no_news(asked: Asked, primary: Primary) -> None:
    asked.look(primary.url, 5)
    assert asked.subjects() == []
    assert (asked.item(primary.url)["well"], asked.item(primary.url)["seen"]) == (True, "HTTP 200")


def test_a_change_is_told_once_it_has_lasted_three_runs(asked: Asked, primary: Primary) -> None:
    asked.look(primary.url)
    primary.behaves("", Fails(503))
    asked.look(primary.url, 2)
    assert asked.subjects() == []
    asked.look(primary.url, 10)
    assert asked.subjects() == ["[production] the primary does not answer its health check: 127.0.0.1"]
    primary.behaves("", WELL)
    asked.look(primary.url, 10)
    assert asked.subjects() == ["[production] the primary is back: 127.0.0.1"]


def test_a_blip_is_no_news(asked: Asked, primary: Primary) -> None:
    for _ in range(5):
        primary.behaves("", Fails(503))
        asked.look(primary.url, 2)
        primary.behaves("", WELL)
        asked.look(primary.url)
    assert asked.subjects() == []


def test_no_connection_and_a_redirect_are_not_well(asked: Asked, primary: Primary) -> None:
    """A redirect leads to a login page or to an apology."""
    with refusing_url() as url:
        asked.look(url, 3)
    primary.behaves("", Says(b"", status=302, headers=(("Location", "https://example.com/"),)))
    asked.look(primary.url, 3)
    assert len(asked.subjects()) == 2
    assert asked.item(primary.url)["seen"] == "HTTP 302"


def test_a_host_with_letters_of_its_own_can_be_told(asked: Asked) -> None:
    """A subject with a letter that is not ASCII is refused by SNS, and then nobody is told."""
    asked.health.announce("https://gr\u00fcn.example.com/health", well=False, seen="HTTP 500", now=NOW)
    assert asked.subjects() == ["[production] the primary does not answer its health check: xn--grn-ioa.example.com"]
