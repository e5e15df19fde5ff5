"""Two faults at once, each plan the smallest by which a caller, a text or a message was lost, or people were not told.

A simulation of the whole pipeline found them. What the outage's announcements and the token store alone decide is tried beside them
(test_outage.py, test_tokens.py); here requests, alerts, recordings and lists meet, up to what an engineer sees.
"""

import time
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import boto3
import pytest

from lambdas.answer.journal import KEPT_A_MINUTE
from lambdas.answer.signature import FORGED, UNVERIFIABLE
from local.twilio.platform import Recording
from ops import call_back
from ops.candidates import READY, plan
from ops.deployment import Deployment
from ops.desk import Desk
from ops.history import History, Region
from ops.numbers import View
from ops.period import Period
from tests.unit.event_table import TABLE
from tests.unit.test_alerts import alert
from tests.unit.test_calls import Made, access_log, call
from tests.unit.test_claims import claim
from tests.unit.test_lost_lines import OURS
from tests.unit.test_reconcile import queued
from tests.unit.test_texts import text
from tests.unit.voicemail_workers import CONTEXT, Account

HOUR = 3600.0
PRIMARY = "https://app.example.com/calls"


@pytest.fixture
def made(made: Account) -> Account:
    access_log("voice-access")
    access_log("messaging-access")
    return made


@pytest.fixture
def reconcile(made: Account) -> ModuleType:
    """Every chore of it."""
    worker = made.worker("reconcile")
    made.monkeypatch.setattr(worker.CALL_EVENTS, "known", {})
    return worker


@pytest.fixture
def desk(made: Account) -> Desk:
    """What the engineer's commands read."""
    client = boto3.client("dynamodb", region_name="us-east-1")
    history = History([Region("us-east-1", client, TABLE)])
    return Desk((Deployment("tests", "us-east-1", {}, {"dynamodb": client}),), history, View(True, frozenset()))


def listed(desk: Desk) -> set[str]:
    """Whom the call-back list names."""
    people, _ = call_back.people(desk, Period.last(timedelta(hours=3), datetime.now(UTC)))
    return {person.number for person in people}


def caller(made: Account, number: str, by_trunk: bool = False, ago: float = HOUR) -> Made:
    """Somebody calls; a primary that is down leaves an alert, a trunk does not."""
    found = call(made, ago=ago, by_trunk=by_trunk)
    found.parameters["From"] = number
    if not by_trunk:
        found.asked(PRIMARY, 500)
        alert(made, PRIMARY, ago=ago, sid=found.sid, code=11200, From=number)
    return found.asked(OURS)


def recorded(made: Account, found: Made) -> Recording:
    """And leaves a message."""
    return made.recording(call_sid=found.sid, started=found.began + 3)


@pytest.mark.parametrize("trust", [FORGED, UNVERIFIABLE], ids=["stale token", "Secrets Manager down at a cold start"])
def test_who_calls_while_signatures_are_not_believed_is_called_back(made: Account, reconcile: ModuleType, desk: Desk, trust: str) -> None:
    found = caller(made, "+12025550111")
    claim(made, found.sid, ago=HOUR - 1, trust=trust, path="/voice")
    reconcile.handler({}, CONTEXT)
    assert listed(desk) == {"+12025550111"}


def test_a_text_that_comes_while_the_token_is_stale_is_handed_back(made: Account, reconcile: ModuleType, desk: Desk) -> None:
    """A claim is no reason to pass over the alert, which alone knows what was sent and why the primary failed."""
    line = made.twilio.number("+12025550199")
    found = text(line)
    sent: dict[str, Any] = dict(found.parameters)
    alert(made, "https://app.example.com/texts", sid=found.sid, code=11210, **sent)
    claim(made, found.sid, ago=HOUR - 1, path="/sms")
    reconcile.handler({}, CONTEXT)
    candidates = plan(desk.history, Period.last(timedelta(hours=3), datetime.now(UTC)), ["app.example.com"])
    assert [(each.event["pk"], each.status) for each in candidates] == [(found.sid, READY)]


def test_with_a_stale_token_no_message_of_a_trunks_caller_is_lost_however_many_call(
    made: Account, reconcile: ModuleType, desk: Desk
) -> None:
    """The journal keeps lines of few callers a minute; who is beyond that is in Twilio's recordings."""
    calls = [caller(made, f"+120255501{number:02}", by_trunk=True) for number in range(8)]
    recordings = [recorded(made, each) for each in calls]
    for each in calls[:3]:
        claim(made, each.sid, ago=HOUR - 1)
    assert KEPT_A_MINUTE > 3
    reconcile.handler({}, CONTEXT)
    assert sorted(queued(made)) == sorted(each.sid for each in recordings)
    assert listed(desk) == {each.parameters["From"] for each in calls}


def test_a_trunks_caller_whose_lines_cloudwatch_logs_lost_is_heard_and_called_back(
    made: Account, reconcile: ModuleType, desk: Desk
) -> None:
    recording = recorded(made, caller(made, "+12025550111", by_trunk=True))
    reconcile.handler({}, CONTEXT)
    assert queued(made) == [recording.sid]
    assert listed(desk) == {"+12025550111"}


def test_whoever_comes_later_is_known_as_soon(made: Account, reconcile: ModuleType, desk: Desk) -> None:
    """Each run goes on where the last one stopped."""
    reconcile.handler({}, CONTEXT)
    found = caller(made, "+12025550111", by_trunk=True, ago=60)
    claim(made, found.sid, ago=50)
    reconcile.handler({"only": "confirm_claims"}, CONTEXT)
    assert listed(desk) == {"+12025550111"}
    assert time.time() - found.began < HOUR
