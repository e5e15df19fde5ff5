"""How calls ended, and calls that API Gateway answered in our place."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Key

from local.twilio.platform import new_sid
from tests.unit.voicemail_workers import CONTEXT, Account, account

HOUR = 3600.0
PEOPLE = {"From": "+12025550123", "To": "+12025550199"}


@dataclass
class Made:
    """A call as Twilio lists it."""

    began: float
    seconds: float = 7.0
    status: str = "completed"
    by_trunk: bool = False
    sid: str = field(default_factory=lambda: new_sid("CA"))
    parameters: dict[str, str] = field(default_factory=lambda: dict(PEOPLE))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with account(monkeypatch) as one:
        logs = boto3.client("logs", region_name="us-east-1")
        logs.create_log_group(logGroupName="access")
        logs.create_log_stream(logGroupName="access", logStreamName="1")
        yield one


@pytest.fixture
def reconcile(made: Account) -> ModuleType:
    worker = made.worker("reconcile")
    return made.worker("reconcile", CHORES=(worker.ask_calls,))


def call(made: Account, ago: float = HOUR, **facts: Any) -> Made:
    """A call at Twilio."""
    found = Made(time.time() - ago, **facts)
    made.twilio.platform.calls.append(found)
    return found


def answered(made: Account, found: Made) -> None:
    """The event of a call that we answered."""
    moment = datetime.fromtimestamp(found.began + 1, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    facts = {"kind": "request", "medium": "voice", "time": moment, "day_shard": f"{moment[:10]}#0"}
    made.table.put_item(Item={"pk": found.sid, "sk": f"{moment}#r", **facts})


def static_answer(at: float) -> None:
    """A line of the access log."""
    line = json.dumps({"time": str(int(at * 1000)), "errorType": "INTEGRATION_FAILURE"})
    logs = boto3.client("logs", region_name="us-east-1")
    logs.put_log_events(logGroupName="access", logStreamName="1", logEvents=[{"timestamp": int(at * 1000), "message": line}])


def items(made: Account, found: Made) -> dict[str, dict[str, Any]]:
    """The items of a call, by kind."""
    return {str(item["kind"]): dict(item) for item in made.table.query(KeyConditionExpression=Key("pk").eq(found.sid))["Items"]}


def test_a_caller_who_hung_up_during_the_greeting_has_an_end_and_a_length(made: Account, reconcile: ModuleType) -> None:
    found = call(made)
    answered(made, found)
    reconcile.handler({}, CONTEXT)
    end = items(made, found)["end"]
    assert (end["call_status"], end["seconds"]) == ("completed", 7)
    assert abs(datetime.fromisoformat(end["time"]).timestamp() - (found.began + 7)) <= 1


def test_a_call_that_still_goes_on_has_no_end_yet(made: Account, reconcile: ModuleType) -> None:
    found = call(made, status="in-progress")
    answered(made, found)
    reconcile.handler({}, CONTEXT)
    assert "end" not in items(made, found)


def test_the_end_of_a_long_call_is_found_hours_after_its_start(made: Account, reconcile: ModuleType) -> None:
    found = call(made, ago=4 * HOUR, seconds=3 * HOUR)
    answered(made, found)
    reconcile.handler({}, CONTEXT)
    assert items(made, found)["end"]["seconds"] == 3 * HOUR


def test_calls_that_did_not_come_to_us_are_none_of_our_business(made: Account, reconcile: ModuleType) -> None:
    other, ours = call(made), call(made)
    answered(made, ours)
    reconcile.handler({}, CONTEXT)
    assert items(made, other) == {}


def test_twilio_is_not_asked_where_nothing_happened(made: Account, reconcile: ModuleType) -> None:
    call(made)
    reconcile.handler({}, CONTEXT)
    assert made.api.received == []


def test_a_trunks_call_that_got_the_static_answer_is_on_the_timeline(made: Account, reconcile: ModuleType) -> None:
    """API Gateway wrote no journal line, and Twilio no alert about a URL."""
    found, earlier = call(made, by_trunk=True), call(made, ago=HOUR + 600, by_trunk=True)
    static_answer(found.began + 8)
    reconcile.handler({}, CONTEXT)
    item = items(made, found)["unheard"]
    assert (item["from"], item["to"], item["entry"], item["medium"]) == ("+12025550123", "+12025550199", "trunk", "voice")
    assert items(made, earlier) == {}


def test_a_numbers_call_in_such_a_window_is_left_to_its_alert(made: Account, reconcile: ModuleType) -> None:
    """The primary may have answered it."""
    found = call(made)
    static_answer(found.began + 8)
    reconcile.handler({}, CONTEXT)
    assert items(made, found) == {}


def test_the_same_run_again_changes_nothing(made: Account, reconcile: ModuleType) -> None:
    found = call(made)
    answered(made, found)
    for _ in range(2):
        reconcile.handler({"since": datetime.fromtimestamp(found.began - HOUR, UTC).isoformat()}, CONTEXT)
    assert sorted(items(made, found)) == ["end", "request"]
