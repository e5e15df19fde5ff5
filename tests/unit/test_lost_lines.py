"""Calls that we answered and whose journal lines are lost: their recordings are found, their callers known, and none counts as missed."""

import time
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest

from lambdas.workers.twilio_regions import Home
from local.twilio.platform import Recording
from tests.unit.test_calls import HOUR, Made, access_log, call, event, items
from tests.unit.test_reconcile import queued
from tests.unit.voicemail_workers import ACCOUNT, CONTEXT, Account

OURS, PRIMARY, THEIRS = "https://fallback.example.com/v1/trunk/main", "https://app.example.com/calls", "https://other.example.com/trunk"


@pytest.fixture
def made(made: Account) -> Account:
    access_log("voice-access")
    return made


@pytest.fixture
def reconcile(made: Account) -> ModuleType:
    worker = made.worker("reconcile")
    made.monkeypatch.setattr(worker.CALL_EVENTS, "known", {})
    return made.worker("reconcile", CHORES=(worker.queue_missing, worker.queue_missing_by_trunk, worker.ask_calls))


def recorded(made: Account, found: Made) -> Recording:
    """What a caller said."""
    return made.recording(call_sid=found.sid, started=found.began + 3)


def test_the_recording_of_a_trunks_call_is_found_and_its_caller_known(made: Account, reconcile: ModuleType) -> None:
    """CloudWatch Logs was down: neither the request nor the callback became an event, and a trunk leaves no alert."""
    found = call(made, by_trunk=True).asked(OURS)
    recording = recorded(made, found)
    reconcile.handler({}, CONTEXT)
    assert queued(made) == [recording.sid]
    known = items(made, found)
    assert (known["answered"]["from"], known["answered"]["to"], known["answered"]["entry"]) == ("+12025550123", "+12025550199", "trunk")
    assert known["voicemail"]["from"] == "+12025550123"


@pytest.mark.parametrize(
    ("by_trunk", "url", "status"), [(False, OURS, 200), (True, THEIRS, 200), (True, OURS, 503)], ids=["number", "elsewhere", "failed"]
)
def test_what_the_companys_own_application_recorded_is_none_of_ours(
    made: Account, reconcile: ModuleType, by_trunk: bool, url: str, status: int
) -> None:
    """It uses <Record> too, and a trunk's disaster recovery may lead elsewhere."""
    found = call(made, by_trunk=by_trunk).asked(url, status)
    recorded(made, found)
    reconcile.handler({}, CONTEXT)
    assert queued(made) == []
    assert items(made, found) == {}


def test_what_twilio_does_not_tell_yet_is_asked_again_an_hour_later(made: Account, reconcile: ModuleType) -> None:
    """It lists a call's requests a quarter of an hour after its end."""
    found = call(made, ago=HOUR, seconds=HOUR - 60, by_trunk=True).asked(OURS)
    recording = recorded(made, found)
    for _ in range(2):
        reconcile.handler({}, CONTEXT)
    assert queued(made) == []
    found.seconds = 60
    reconcile.MISSING.trunks(Home(ACCOUNT)).came_to(datetime.now(UTC) - timedelta(minutes=76))
    reconcile.handler({}, CONTEXT)
    assert queued(made) == [recording.sid]


def test_trunks_are_looked_at_once_an_hour_and_not_where_there_are_none(made: Account, reconcile: ModuleType) -> None:
    for _ in range(3):
        reconcile.handler({}, CONTEXT)
    assert [each.path.rpartition("/")[2] for each in made.api.received] == ["Recordings.json"]
    made.worker("reconcile", TRUNKS=False).handler({"since": datetime.fromtimestamp(time.time() - HOUR, UTC).isoformat()}, CONTEXT)
    assert len(made.api.received) == 1


def test_a_trunks_recording_is_found_once(made: Account, reconcile: ModuleType) -> None:
    recording = recorded(made, call(made, by_trunk=True).asked(OURS))
    for _ in range(2):
        reconcile.handler({"since": datetime.fromtimestamp(time.time() - 2 * HOUR, UTC).isoformat()}, CONTEXT)
    assert queued(made) == [recording.sid]


def missed(made: Account, found: Made, **facts: Any) -> Made:
    """An alert about the primary, and no line of ours."""
    event(made, found.began + 1, found.sid, "missed", **{"from": "+12025550123", "error_code": "11200", **facts})
    return found


def test_a_call_that_we_answered_is_not_missed_though_its_line_is_lost(made: Account, reconcile: ModuleType) -> None:
    """The event says so, in the place of the one that the alert made, and keeps why the primary failed."""
    answered = missed(made, call(made).asked(PRIMARY, 500).asked("https://fallback.example.com/v1/voice"))
    never_came = missed(made, call(made).asked(PRIMARY, 500))
    reconcile.handler({}, CONTEXT)
    known = items(made, answered)
    assert "missed" not in known
    assert (known["answered"]["error_code"], known["answered"]["from"]) == ("11200", "+12025550123")
    assert int(known["answered"]["expires"]) > time.time() + 399 * 86_400
    assert "missed" in items(made, never_came)


def test_a_call_whose_recording_was_found_first_is_not_missed_either(made: Account, reconcile: ModuleType) -> None:
    """Twilio was asked about it for the recording, and is not asked again."""
    found = missed(made, call(made).asked(OURS))
    recorded(made, found)
    reconcile.handler({}, CONTEXT)
    assert items(made, found).keys() == {"answered", "voicemail", "end"}
    assert len([each for each in made.api.received if each.path.endswith("/Events.json")]) == 1


def test_twilio_is_asked_about_a_missed_call_once(made: Account, reconcile: ModuleType) -> None:
    missed(made, call(made).asked(PRIMARY, 500))
    for _ in range(2):
        reconcile.handler({"since": datetime.fromtimestamp(time.time() - 2 * HOUR, UTC).isoformat()}, CONTEXT)
    assert len([each for each in made.api.received if each.path.endswith("/Events.json")]) == 1


def test_many_missed_calls_are_asked_about_a_hundred_at_a_time(
    made: Account, reconcile: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdas.workers.calls.MOST_DOUBTED", 2)
    calls = [missed(made, call(made, ago=HOUR + each).asked(OURS)) for each in range(5)]
    since = datetime.fromtimestamp(time.time() - 2 * HOUR, UTC).isoformat()
    for number in (2, 4, 5):
        made.worker("reconcile", CHORES=(reconcile.ask_calls,)).handler({"since": since}, CONTEXT)
        assert sum("answered" in items(made, each) for each in calls) >= number


def test_of_a_missed_call_only_what_we_recorded_is_ours(made: Account, reconcile: ModuleType) -> None:
    """The primary may have recorded something before it failed, and never sent the call here."""
    ours, theirs = (recorded(made, missed(made, call(made).asked(url))) for url in (OURS, PRIMARY))
    reconcile.handler({}, CONTEXT)
    assert queued(made) == [ours.sid]
    assert items(made, Made(0, sid=ours.call_sid))["voicemail"]["error_code"] == "11200"
    assert "voicemail" not in items(made, Made(0, sid=theirs.call_sid))
