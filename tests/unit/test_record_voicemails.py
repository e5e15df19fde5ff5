"""`record` queues what a journal line gives to collect, after the event is in the table."""

import json
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.answer.journal import MARK, VERSION
from lambdas.workers.tasks import task_in
from tests.unit.record_worker import delivery, record_of
from tests.unit.test_voicemail_tasks import ACCOUNT, MESSAGE, RECORDING, callback, text
from tests.unit.voicemail_workers import CONTEXT, Account

PHOTO = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/{MESSAGE}/Media/ME" + "5" * 32


@pytest.fixture
def record(made: Account) -> ModuleType:
    return record_of(made)


def lines(*facts: dict[str, Any]) -> dict[str, Any]:
    """A delivery of journal lines."""
    known = {MARK: VERSION, "time": "2026-11-21T02:41:07.000000Z", "entry": "recording", "path": "/recording", "book": "b"}
    return delivery(*(json.dumps(known | {"request": f"r{number}"} | each) for number, each in enumerate(facts)))


def queued(made: Account) -> list[str]:
    """The SIDs of what was queued."""
    found = made.sqs.receive_message(QueueUrl=made.queue, MaxNumberOfMessages=10).get("Messages", [])
    return sorted(task_in(each["Body"]).sid for each in found)


def test_a_recording_and_a_photo_are_queued(made: Account, record: ModuleType) -> None:
    record.handler(lines(callback(), text((PHOTO, "image/jpeg"))), CONTEXT)
    assert queued(made) == ["ME" + "5" * 32, RECORDING]
    assert len(made.table.scan()["Items"]) == 2


def test_a_line_that_comes_twice_in_a_delivery_is_queued_once(made: Account, record: ModuleType) -> None:
    record.handler(lines(callback(), callback()), CONTEXT)
    assert queued(made) == [RECORDING]


def test_what_strangers_claim_is_not_queued(made: Account, record: ModuleType) -> None:
    record.handler(lines(callback() | {"trust": "unverifiable"}, text()), CONTEXT)
    assert queued(made) == []
    assert len(made.table.scan()["Items"]) == 2, "but it is on record, so that Twilio is asked"


def test_a_queue_that_is_away_brings_the_whole_delivery_again(made: Account, record: ModuleType) -> None:
    """The event is written before; doing it again changes nothing."""
    with made.monkeypatch.context() as patch:
        patch.setattr(record, "QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/gone")
        with pytest.raises(ClientError):
            record.handler(lines(callback()), CONTEXT)
    assert len(made.table.scan()["Items"]) == 1
    record.handler(lines(callback()), CONTEXT)
    assert (len(made.table.scan()["Items"]), queued(made)) == (1, [RECORDING])


def emergency(**facts: Any) -> dict[str, Any]:
    """The line of an emergency call that a desk phone made."""
    params = {"CallSid": "CA" + "7" * 32, "From": "sip:100@office.sip.twilio.com", "To": "sip:911@x", "SipSourceIp": "192.0.2.10"}
    return {"medium": "voice", "trust": "verified", "emergency": "911", "document": "out/emergency/1", "params": params} | facts


def test_an_emergency_call_is_told_at_once(made: Account, record: ModuleType) -> None:
    """With the phone that made it; a test request of ours, and a claim that nobody vouches for, are none."""
    record.handler(lines(emergency(), callback()), CONTEXT)
    [told] = made.messages()
    assert told["Subject"] == "[tests] 911 was dialled on sip:100@office.sip.twilio.com"
    assert "The phone's address is 192.0.2.10" in told["Message"]
    assert f"fallback call CA{'7' * 32} --environment tests" in told["Message"]
    assert told["MessageAttributes"]["kind"]["Value"] == "emergency"
    record.handler(lines(emergency(emergency="")), CONTEXT)
    assert made.messages() == []
