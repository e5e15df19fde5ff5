"""What Twilio knows and we do not, and what waits and is due."""

import json
import time
from datetime import UTC, datetime, timedelta
from types import ModuleType

import boto3
import pytest

from lambdas.workers.tasks import task_in
from lambdas.workers.twilio_regions import Home
from lambdas.workers.voicemails import stamp
from local.twilio import platform as twilios
from local.twilio.rest import throttled
from local.twilio.server import Fails
from ops.deployment import Deployment
from ops.desk import Desk
from ops.history import History, Region
from ops.inbox import acknowledge
from ops.numbers import View
from tests.unit.event_table import TABLE
from tests.unit.voicemail_workers import ACCOUNT, CONTEXT, Account, Clock
from tests.unit.watch_workers import counted

HOUR = 3600.0


@pytest.fixture
def reconcile(made: Account) -> ModuleType:
    worker = made.worker("reconcile")
    return made.worker("reconcile", CHORES=(worker.queue_due, worker.queue_missing))  # the others: test_alerts.py and test_calls.py


def left(made: Account, ago: float = HOUR, **facts: object) -> twilios.Recording:
    """A voicemail of a call that we answered, whose callback never came."""
    recording = made.recording(started=time.time() - ago)
    made.call(recording, time=stamp(datetime.now(UTC) - timedelta(seconds=ago)), **facts)
    return recording


def queued(made: Account) -> list[str]:
    """The recordings that were put into the queue."""
    found: list[str] = []
    while got := made.sqs.receive_message(QueueUrl=made.queue, MaxNumberOfMessages=10).get("Messages"):
        found += [task_in(message["Body"]).sid for message in got]
    return found


def metrics(captured: pytest.CaptureFixture[str]) -> dict[str, float]:
    """What the run counted."""
    lines = [json.loads(line) for line in captured.readouterr().out.splitlines() if "_aws" in line]
    return {name: value[0] for line in lines for name, value in line.items() if isinstance(value, list)}


def test_a_recording_whose_callback_never_came_is_found_and_collected(made: Account, reconcile: ModuleType) -> None:
    recording = left(made)
    reconcile.handler({}, CONTEXT)
    assert queued(made) == [recording.sid]
    task = made.task(recording)
    assert (made.item(task)["state"], made.item(task)["from"]) == ("announced", "+12025550123")
    assert made.deliver(made.worker("collect"), task_in(made.item(task)["task"]))
    assert made.item(task)["state"] == "stored"


def test_nothing_is_queued_twice(made: Account, reconcile: ModuleType) -> None:
    recording = left(made)
    for _ in range(3):
        reconcile.handler({}, CONTEXT)
    assert queued(made) == [recording.sid]


def test_a_call_that_nobody_vouched_for_counts_too(made: Account, reconcile: ModuleType) -> None:
    """A forged request of our account may have been real, and our token stale."""
    recordings = [left(made, trust=trust) for trust in ("forged", "unverifiable")]
    reconcile.handler({}, CONTEXT)
    assert sorted(queued(made)) == sorted(each.sid for each in recordings)


def test_recordings_of_others_are_left_alone(made: Account, reconcile: ModuleType) -> None:
    """Those of the primary's calls, of other verbs, of calls still going on, and what was deleted."""
    made.recording(started=time.time() - HOUR)
    left(made).source = "DialVerb"
    left(made).status = "processing"
    made.api.deleted.append(left(made).sid)
    reconcile.handler({}, CONTEXT)
    assert queued(made) == []


def test_a_recording_that_was_just_made_has_its_callback_still_to_come(made: Account, reconcile: ModuleType) -> None:
    left(made, ago=60)
    reconcile.handler({}, CONTEXT)
    assert queued(made) == []


def test_twilio_is_asked_only_where_we_answered_calls(made: Account, reconcile: ModuleType) -> None:
    """A quiet month costs no request, and needs no key."""
    reconcile.handler({}, CONTEXT)
    assert made.api.received == []
    assert reconcile.MISSING.progress(Home(ACCOUNT)).since(datetime.now(UTC)) > datetime.now(UTC) - timedelta(minutes=15)


def test_twilio_is_asked_for_windows_and_never_for_a_call(made: Account, reconcile: ModuleType) -> None:
    for _ in range(30):
        left(made)
    reconcile.handler({}, CONTEXT)
    assert len(queued(made)) == 30
    assert {each.path for each in made.api.received} == {f"/2010-04-01/Accounts/{ACCOUNT}/Recordings.json"}
    assert all(each.form["PageSize"] == "1000" and "DateCreated>" in each.form for each in made.api.received)


def test_lists_of_many_pages_are_read_to_their_end(made: Account, reconcile: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdas.workers.recordings.PAGE", 4)
    recordings = [left(made) for _ in range(9)]
    reconcile.handler({}, CONTEXT)
    assert sorted(queued(made)) == sorted(each.sid for each in recordings)


def test_haste_is_met_with_patience(made: Account, reconcile: ModuleType) -> None:
    recording = left(made)
    made.api.api_faults(throttled(), throttled())
    reconcile.handler({}, CONTEXT)
    assert queued(made) == [recording.sid]


def test_a_run_that_failed_is_made_up_for_by_the_next(made: Account, reconcile: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    recording = left(made)
    made.api.api_faults(*[Fails(500)] * 2)
    reconcile.handler({}, CONTEXT)
    assert metrics(capsys) == {"AccountUnasked": 1}
    assert queued(made) == []
    reconcile.handler({}, CONTEXT)
    assert queued(made) == [recording.sid]


def test_an_account_without_a_key_keeps_no_other_from_its_recordings(
    made: Account, reconcile: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = left(made)
    made.monkeypatch.setattr(reconcile, "ACCOUNTS", ["AC" + "9" * 32, ACCOUNT])
    reconcile.handler({}, CONTEXT)
    assert queued(made) == [recording.sid]
    [told] = [each for each in counted(capsys) if each[0] == "AccountUnasked"]
    assert told[1] == {"Environment": "tests", "Account": "AC" + "9" * 32}, "and it is said which"


def test_a_week_without_a_run_loses_nothing(made: Account, reconcile: ModuleType) -> None:
    reconcile.MISSING.progress(Home(ACCOUNT)).came_to(datetime.now(UTC) - timedelta(days=7))
    recordings = [left(made, ago=day * 24 * HOUR + HOUR) for day in range(7)]
    reconcile.handler({}, CONTEXT)
    assert sorted(queued(made)) == sorted(each.sid for each in recordings)


def test_a_recording_that_was_not_complete_in_one_run_is_found_in_a_later_one(made: Account, reconcile: ModuleType) -> None:
    """Four hours long, it ends when its window was looked at long ago."""
    recording = left(made, ago=4 * HOUR)
    recording.status = "in-progress"
    reconcile.handler({}, CONTEXT)
    recording.status = "completed"
    reconcile.handler({}, CONTEXT)
    assert queued(made) == [recording.sid]


def test_an_earlier_time_can_be_looked_at_once_more(made: Account, reconcile: ModuleType) -> None:
    reconcile.handler({}, CONTEXT)
    old, fresh = left(made, ago=9 * 24 * HOUR), left(made, ago=30)
    reconcile.handler({}, CONTEXT)
    assert queued(made) == []
    reconcile.handler({"since": (datetime.now(UTC) - timedelta(days=10)).isoformat()}, CONTEXT)
    assert sorted(queued(made)) == sorted([old.sid, fresh.sid])


def test_an_empty_recording_whose_callback_was_lost_is_noted_as_empty(made: Account, reconcile: ModuleType) -> None:
    recording = left(made)
    recording.status, recording.error_code, recording.audio = "absent", 16101, None
    reconcile.handler({}, CONTEXT)
    task = task_in(made.item(made.task(recording))["task"])
    made.deliver(made.worker("collect"), task)
    assert made.item(task)["why_empty"] == "Twilio kept nothing (error 16101)"


def test_what_waits_is_queued_when_it_is_due_and_once(made: Account, reconcile: ModuleType) -> None:
    task = made.task(made.recording())
    clock = Clock()
    reconcile.VOICEMAILS.announce(task, clock() - timedelta(minutes=31))
    reconcile.handler({}, CONTEXT)
    assert queued(made) == [task.sid]
    reconcile.handler({}, CONTEXT)
    assert queued(made) == [], "for an hour it is somebody's"


def test_what_is_not_due_waits(made: Account, reconcile: ModuleType) -> None:
    reconcile.VOICEMAILS.announce(made.task(made.recording()), datetime.now(UTC))
    reconcile.handler({}, CONTEXT)
    assert queued(made) == []


def test_people_who_could_not_be_told_are_told_later(made: Account, reconcile: ModuleType) -> None:
    """The file is there; what is left, telling and deleting, is due as well."""
    collect, clock = made.worker("collect"), Clock()
    made.time_of(collect, clock)
    clock.pass_by(hours=-3)
    task = made.task(made.recording())
    item = collect.VOICEMAILS.announce(task, clock())
    collect.settle(task, item)
    assert made.item(task)["state"] == "stored"
    reconcile.handler({}, CONTEXT)
    assert queued(made) == [task.sid]


def test_a_message_without_a_file_for_an_hour_is_reported(made: Account, reconcile: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    for minutes in (20, 61, 300):
        reconcile.VOICEMAILS.announce(made.task(made.recording()), datetime.now(UTC) - timedelta(minutes=minutes))
    reconcile.handler({}, CONTEXT)
    assert metrics(capsys)["VoicemailsLate"] == 2


def test_what_was_heard_before_it_was_finished_is_finished(made: Account, reconcile: ModuleType) -> None:
    """SNS was down: somebody found the message in the list and heard it. It is to be deleted at Twilio all the same."""
    collect, clock = made.worker("collect", DELETE_AT_TWILIO=True), Clock()
    made.time_of(collect, clock)
    recording = left(made)
    task = made.task(recording)
    made.monkeypatch.setattr(collect, "TOPIC", "arn:aws:sns:us-east-1:123456789012:gone")
    made.deliver(collect, task)
    clock.pass_by(hours=2)
    made.deliver(collect, task)
    client = boto3.client("dynamodb", region_name="us-east-1")
    desk = Desk(
        (Deployment("tests", "us-east-1", {"EventTableName": TABLE}, {"dynamodb": client}),),
        History([Region("us-east-1", client, TABLE)]),
        View(True, frozenset()),
    )
    acknowledge(desk, made.item(task) | {"region": "us-east-1"}, "ann")
    assert made.item(task)["todo"] == "finish"
    made.table.update_item(
        Key={"pk": task.belongs_to, "sk": f"voicemail#{task.sid}"},
        UpdateExpression="SET next_attempt = :now",
        ExpressionAttributeValues={":now": stamp(datetime.now(UTC))},
    )
    reconcile.handler({}, CONTEXT)
    assert queued(made) == [recording.sid]
    made.monkeypatch.setattr(collect, "TOPIC", made.topic)
    clock.pass_by(minutes=1)
    assert made.deliver(collect, task)
    assert recording.sid in made.api.deleted
    reconcile.handler({}, CONTEXT)
    assert "todo" not in made.item(task)
