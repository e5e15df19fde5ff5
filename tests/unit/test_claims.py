"""Requests that nobody vouches for are taken to Twilio, which knows who called; a stranger can make nobody believe that he did."""

import time
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from boto3.dynamodb.conditions import Key

from lambdas.answer.signature import FORGED, UNVERIFIABLE
from lambdas.workers.events import items_of
from lambdas.workers.outage import Outages
from lambdas.workers.timeline import Timeline, stamp
from lambdas.workers.twilio_regions import Home
from local.twilio import StandInTwilio
from local.twilio.platform import new_sid
from local.twilio.region import problem
from tests.unit.test_calls import Made, call, event
from tests.unit.test_reconcile import metrics
from tests.unit.test_texts import text
from tests.unit.test_twilio_regions import KEY_ABROAD, set_keys
from tests.unit.voicemail_workers import ACCOUNT, CONTEXT, SECRET, Account

MINUTE = 60.0


@pytest.fixture
def reconcile(made: Account) -> ModuleType:
    worker = made.worker("reconcile")
    return made.worker("reconcile", CHORES=(worker.confirm_claims,))


def claim(made: Account, sid: str, ago: float = MINUTE, trust: str = FORGED, of: str = ACCOUNT, path: str = "/trunk/main") -> None:
    """What `record` writes of a request that bears a wrong signature."""
    name, medium = ("CallSid", "voice") if sid.startswith("CA") else ("MessageSid", "sms")
    line: dict[str, Any] = {"time": stamp(datetime.fromtimestamp(time.time() - ago, UTC)), "request": new_sid("RQ"), "medium": medium}
    line |= {"entry": path.split("/")[1], "path": path, "trust": trust, "params": {"AccountSid": of, name: sid}}
    line |= {"trunk": path.split("/")[2]} if path.startswith("/trunk") else {}
    for item in items_of(line, 400, 30):
        made.table.put_item(Item=item)


def answered(made: Account, sid: str) -> list[dict[str, Any]]:
    """The events of a call or text."""
    return [dict(item) for item in made.table.query(KeyConditionExpression=Key("pk").eq(sid))["Items"]]


@pytest.mark.parametrize("trust", [FORGED, UNVERIFIABLE])
def test_a_call_that_twilio_has_becomes_an_event_with_who_called_whom(
    made: Account, reconcile: ModuleType, trust: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also while it goes on."""
    found = call(made, ago=2 * MINUTE, status="in-progress", by_trunk=True)
    for ago in (MINUTE, MINUTE / 2):
        claim(made, found.sid, ago, trust)
    reconcile.handler({}, CONTEXT)
    [known] = answered(made, found.sid)
    assert (known["kind"], known["trust"], known["from"], known["to"]) == ("answered", trust, "+12025550123", "+12025550199")
    assert (known["entry"], known["trunk"], known["medium"]) == ("trunk", "main", "voice")
    assert metrics(capsys)["Refused"] == 1
    reconcile.handler({}, CONTEXT)
    assert "Refused" not in metrics(capsys), "it is known now"
    assert len(answered(made, found.sid)) == 1


def test_a_call_of_this_very_second_is_confirmed(made: Account, reconcile: ModuleType) -> None:
    """Twilio's list takes whole seconds."""
    found = call(made, ago=0)
    claim(made, found.sid, ago=0)
    reconcile.handler({}, CONTEXT)
    assert len(answered(made, found.sid)) == 1


def test_a_text_that_twilio_has_becomes_an_event(made: Account, reconcile: ModuleType) -> None:
    found = text(made.twilio.number("+12025550199"), ago=2 * MINUTE)
    claim(made, found.sid, path="/sms")
    reconcile.handler({}, CONTEXT)
    [known] = answered(made, found.sid)
    assert (known["kind"], known["medium"], known["from"]) == ("answered", "sms", "+12025550123")


def test_a_region_without_texts_confirms_its_calls(made: Account, reconcile: ModuleType) -> None:
    """Its list of messages is 404; a stranger who claims a text keeps nobody's call from being confirmed."""
    sydney = StandInTwilio(ACCOUNT, "of Sydney", region="au1")
    made.api.serve(sydney.platform, {KEY_ABROAD: SECRET})
    set_keys({f"{ACCOUNT}@au1": KEY_ABROAD})
    found = Made(time.time() - 2 * MINUTE)
    sydney.platform.calls.append(found)
    for sid in (found.sid, new_sid("SM")):
        claim(made, sid)
    made.api.api_faults(None, problem(404, 20404, "not found"))
    reconcile.handler({}, CONTEXT)
    assert [each.path.rpartition("/")[2] for each in made.api.received] == ["Calls.json", "Messages.json"]
    assert [item["kind"] for item in answered(made, found.sid)] == ["answered"]


def test_a_stranger_costs_one_list_and_makes_no_event(made: Account, reconcile: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """However many SIDs he makes up; and those of another account are none of ours, even if he knows them."""
    theirs = call(made, ago=2 * MINUTE)
    claims = [new_sid("CA") for _ in range(50)]
    for sid in claims:
        claim(made, sid)
    claim(made, theirs.sid, of="AC" + "9" * 32)
    reconcile.handler({}, CONTEXT)
    assert [each.path.rpartition("/")[2] for each in made.api.received] == ["Calls.json"]
    assert not any(answered(made, sid) for sid in (*claims, theirs.sid))
    assert "Refused" not in metrics(capsys)


def test_who_came_with_a_good_signature_too_needs_no_confirmation(made: Account, reconcile: ModuleType) -> None:
    found = call(made, ago=2 * MINUTE)
    claim(made, found.sid)
    event(made, time.time() - 90, found.sid)
    reconcile.handler({}, CONTEXT)
    assert [item["kind"] for item in answered(made, found.sid)] == ["request"]
    assert made.api.received == []


def test_while_twilio_cannot_be_asked_nothing_is_passed_over(
    made: Account, reconcile: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its keys lie in the secret that cannot be read either."""
    found = call(made, ago=20 * MINUTE)
    claim(made, found.sid, ago=19 * MINUTE, trust=UNVERIFIABLE)
    with monkeypatch.context() as patch:
        patch.setattr(reconcile.TWILIO.keys, "secret", "gone")
        reconcile.handler({}, CONTEXT)
        assert metrics(capsys)["ChoresFailed"] == 1
    reconcile.handler({}, CONTEXT)
    assert len(answered(made, found.sid)) == 1


def test_one_chore_can_be_asked_for(made: Account) -> None:
    """The schedule asks for this one every five minutes."""
    done: list[str] = []

    def confirm_claims(*_: Any) -> None:
        done.append("claims")

    def others(*_: Any) -> None:
        done.append("others")

    worker = made.worker("reconcile", CHORES=(confirm_claims, others))
    worker.handler({"only": "confirm_claims"}, CONTEXT)
    assert done == ["claims"]
    worker.handler({}, CONTEXT)
    assert done == ["claims", "claims", "others"]


def test_a_strangers_claim_deletes_no_recording_of_the_primarys(made: Account) -> None:
    """Who called the primary by SIP may know the SID of his call, and claim that it came here. It is fetched, in case that is true."""
    worker = made.worker("reconcile")
    found = call(made, ago=60 * MINUTE).asked("https://app.example.com/calls")
    recording = made.recording(call_sid=found.sid, started=found.began + 3)
    claim(made, found.sid, ago=30 * MINUTE)
    made.worker("reconcile", CHORES=(worker.confirm_claims, worker.queue_missing)).handler({}, CONTEXT)
    collect, task = made.worker("collect", DELETE_AT_TWILIO=True), made.task(recording)
    assert made.deliver(collect, task)
    assert (made.item(task)["state"], made.api.deleted) == ("stored", [])
    made.call(recording)
    assert made.deliver(collect, task)
    assert made.api.deleted == [recording.sid]


def test_what_a_stranger_sends_beside_his_claim_is_not_read(made: Account) -> None:
    """Of a request that cannot be checked up to 64 kB are kept: an hour of them would not fit into the function."""
    sid, now = new_sid("CA"), datetime.now(UTC)
    long = {"Body": "x" * 2000, "AccountSid": ACCOUNT, "CallSid": sid}
    line = {
        "time": stamp(now),
        "request": "r",
        "medium": "voice",
        "entry": "voice",
        "path": "/voice",
        "trust": UNVERIFIABLE,
        "params": long,
    }
    for item in items_of(line, 400, 30):
        made.table.put_item(Item=item)
    [read] = Timeline(made.table).strangers(now, now + timedelta(minutes=1))
    assert read == {"sid": sid, "params": {"AccountSid": ACCOUNT}} | {name: line[name] for name in ("time", "medium", "entry", "trust")}


def test_an_outage_is_announced_of_callers_whom_we_did_not_believe(made: Account, reconcile: ModuleType) -> None:
    """One begin, one end, though every word of it comes five minutes late; and none of a stranger's."""
    told: list[str] = []
    outages = Outages(made.table, "production", lambda message: told.append(message["Subject"]))
    begin = datetime.now(UTC) - timedelta(minutes=60)
    for _ in range(20):
        claim(made, new_sid("CA"), ago=50 * MINUTE)
    outages.look(begin)
    assert told == []
    calls: dict[int, Made] = {minute: call(made, ago=(60 - minute) * MINUTE) for minute in range(0, 30, 3)}
    for minute, found in calls.items():
        claim(made, found.sid, ago=(60 - minute) * MINUTE - 1)
    twilio = list(Timeline(made.table).strangers(begin - timedelta(hours=1), datetime.now(UTC)))
    assert len(twilio) == 30
    for minute in range(60):
        if minute % 5 == 4:
            until = begin + timedelta(minutes=minute)
            reconcile.keep(reconcile.CLAIMS.within(Home(ACCOUNT), until - timedelta(minutes=5), until, reconcile.Deadline(60)))
        outages.look(begin + timedelta(minutes=minute))
    assert [subject.split()[1] for subject in told] == ["callers", "over:"]
    assert "over: 10 calls" in told[1]
