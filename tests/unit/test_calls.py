"""How calls ended, and calls that nobody took."""

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Key

from local.twilio.connection import Reply
from local.twilio.exchange import Ask, Exchange
from local.twilio.platform import new_sid
from tests.unit.voicemail_workers import CONTEXT, Account

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
    exchanges: list[Exchange] = field(default_factory=list)

    def asked(self, url: str, status: int = 200) -> "Made":
        """Twilio asked somebody, who answered so."""
        self.exchanges.append(Exchange(Ask(url), 0.0, self.sid, self.parameters, reply=Reply(status, (), b"<Response/>")))
        return self


@pytest.fixture
def made(made: Account) -> Account:
    access_log("voice-access")
    return made


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
    event(made, found.began + 1, found.sid)


def access_log(name: str) -> None:
    """An empty log group of an API."""
    logs = boto3.client("logs", region_name="us-east-1")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="1")


def static_answer(at: float, log: str = "voice-access") -> None:
    """A line of an access log."""
    line = json.dumps({"time": str(int(at * 1000)), "errorType": "INTEGRATION_FAILURE"})
    logs = boto3.client("logs", region_name="us-east-1")
    logs.put_log_events(logGroupName=log, logStreamName="1", logEvents=[{"timestamp": int(at * 1000), "message": line}])


def event(made: Account, at: float, sid: str = "", kind: str = "request", **facts: str) -> None:
    """An event of the timeline; a request is verified."""
    moment = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    known = {"kind": kind, "trust": "verified", "medium": "voice", "time": moment, "day_shard": f"{moment[:10]}#0"}
    made.table.put_item(Item={"pk": sid or new_sid("CA"), "sk": f"{moment}#{kind}", **known, **facts})


def probed(made: Account, at: float, path: str = "/voice") -> None:
    """A run of the probe that got a static answer, and the access log's line of it."""
    static_answer(at, "messaging-access" if path == "/sms" else "voice-access")
    noted = datetime.fromtimestamp(at + 2, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    run = {"time": noted, "url": f"https://fallback.example.com/v1{path}", "faults": ["static"]}
    made.table.put_item(Item={"pk": "probe", "sk": str(int(at // 60)), **run})


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


def test_a_numbers_call_that_got_the_static_answer_while_the_primary_failed_is_on_the_timeline(
    made: Account, reconcile: ModuleType
) -> None:
    """Twilio's alert about it never came."""
    found, long, earlier = call(made), call(made, seconds=300), call(made, ago=HOUR + 600)
    static_answer(found.began + 8)
    event(made, found.began - 300)
    reconcile.handler({}, CONTEXT)
    item = items(made, found)["unheard"]
    assert (item["from"], item["to"], item["entry"]) == ("+12025550123", "+12025550199", "voice")
    assert (items(made, long), items(made, earlier)) == ({}, {}), "who talked for minutes talked to somebody"


def test_a_static_answer_that_an_alert_explains_says_nothing_of_other_calls(made: Account, reconcile: ModuleType) -> None:
    missed, other = call(made), call(made)
    static_answer(missed.began + 8)
    event(made, missed.began + 1, missed.sid, "missed")
    reconcile.handler({}, CONTEXT)
    assert sorted(items(made, missed)) == ["end", "missed"]
    assert items(made, other) == {}


@pytest.mark.parametrize("path", ["/voice", "/trunk/main"])
def test_static_answers_to_the_probe_are_nobodys(made: Account, reconcile: ModuleType, path: str) -> None:
    """A bad release of ours, while primary and trunk are well: their callers got what they wanted."""
    calls = [call(made, by_trunk=True), call(made)]
    event(made, calls[0].began - 300)
    probed(made, calls[0].began + 30, path)
    reconcile.handler({}, CONTEXT)
    assert not any("unheard" in items(made, each) for each in calls)


def test_a_call_of_which_twilio_only_says_that_we_failed_is_on_the_timeline_with_who_called_whom(
    made: Account, reconcile: ModuleType
) -> None:
    """The alert no longer tells what was sent."""
    found = call(made, by_trunk=True)
    event(made, found.began + 8, found.sid, "failure")
    reconcile.handler({}, CONTEXT)
    assert items(made, found)["unheard"]["from"] == "+12025550123"


def test_the_same_run_again_changes_nothing(made: Account, reconcile: ModuleType) -> None:
    found = call(made)
    answered(made, found)
    for _ in range(2):
        reconcile.handler({"since": datetime.fromtimestamp(found.began - HOUR, UTC).isoformat()}, CONTEXT)
    assert sorted(items(made, found)) == ["end", "request"]
