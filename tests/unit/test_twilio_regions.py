"""Accounts with several Regions, and several accounts: each is asked where it is, and none keeps another from its news."""

import json
import time
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

import boto3
import pytest
from boto3.dynamodb.conditions import Key

from lambdas.workers.alerts import MOST_TRIES
from lambdas.workers.hand_back import ask_of
from lambdas.workers.progress import Progress
from lambdas.workers.replies import Reply, send_replies
from lambdas.workers.tasks import task_in
from lambdas.workers.transport import Deadline
from lambdas.workers.twilio_regions import Home
from lambdas.workers.voicemails import stamp
from local.twilio import StandInTwilio
from local.twilio.platform import Alert, Platform, new_sid
from local.twilio.region import problem
from local.twilio.server import Behaviour, Fails
from tests.unit.test_alerts import SENT
from tests.unit.test_calls import HOUR, Made, access_log, answered, event, static_answer
from tests.unit.test_reconcile import queued
from tests.unit.voicemail_workers import ACCOUNT, CONTEXT, KEY, SECRET, Account
from tests.unit.watch_workers import counted

OTHER = "AC" + "9" * 32
KEY_ABROAD = "SK" + "3" * 32
OURS, PRIMARY = "https://fallback.example.com/v1/voice", "https://app.example.com/calls/incoming"
WRITER, LINE = "+12025550123", "+353155501234"


@pytest.fixture
def made(made: Account) -> Account:
    for log in ("voice-access", "messaging-access"):
        access_log(log)
    return made


@pytest.fixture
def dublin(made: Account) -> StandInTwilio:
    """The same account in Dublin, with numbers, a token and a key of that Region."""
    twilio = StandInTwilio(ACCOUNT, "of Dublin", region="ie1")
    made.api.serve(twilio.platform, {KEY_ABROAD: SECRET})
    set_keys({ACCOUNT: KEY, f"{ACCOUNT}@ie1": KEY_ABROAD})
    return twilio


@pytest.fixture
def reconcile(made: Account) -> ModuleType:
    worker = made.worker("reconcile")
    return made.worker("reconcile", CHORES=(worker.queue_missing, worker.ask_alerts, worker.ask_calls, worker.ask_texts))


def set_keys(keys: dict[str, str]) -> None:
    """What the secret holds from now on."""
    secrets = boto3.client("secretsmanager", region_name="us-east-1")
    value = {name: {"key": key, "secret": SECRET} for name, key in keys.items()}
    secrets.put_secret_value(SecretId="keys", SecretString=json.dumps(value))


def alert(platform: Platform, url: str, ago: float = HOUR) -> Alert:
    """An alert in a Region."""
    found = Alert(new_sid("NO"), 11200, "error", "failed", new_sid("CA"), "POST", url, SENT, 500, "", time.time() - ago)
    platform.alerts.append(found)
    return found


def items(made: Account, sid: str) -> list[dict[str, Any]]:
    """What the table has of a call or text."""
    return [dict(item) for item in made.table.query(KeyConditionExpression=Key("pk").eq(sid))["Items"]]


def hosts(made: Account) -> set[str]:
    """Who was asked."""
    return {each.headers["host"] for each in made.api.received}


def run(made: Account, reconcile: ModuleType) -> None:
    """One run, as of a function that reads its keys anew."""
    made.monkeypatch.setattr(reconcile.TWILIO.keys, "read_at", float("-inf"))
    reconcile.handler({}, CONTEXT)


# --- Regions


def test_an_alert_is_read_in_the_region_that_lists_it(made: Account, reconcile: ModuleType, dublin: StandInTwilio) -> None:
    """In the United States it is 404; that ended the whole chore, in every run anew."""
    here, there = alert(made.twilio.platform, PRIMARY), alert(dublin.platform, PRIMARY)
    run(made, reconcile)
    for found in (here, there):
        [item] = items(made, found.resource_sid)
        assert (item["from"], item["to"]) == (SENT["From"], SENT["To"])
    assert {"monitor.twilio.com", "monitor.dublin.ie1.twilio.com"} <= hosts(made)


def test_a_region_without_a_key_is_not_asked(made: Account, reconcile: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    alert(made.twilio.platform, PRIMARY)
    run(made, reconcile)
    assert hosts(made) == {"monitor.twilio.com", "api.twilio.com"}
    assert counted(capsys) == []


def test_a_recording_of_another_region_is_found_and_fetched_there(made: Account, reconcile: ModuleType, dublin: StandInTwilio) -> None:
    recording = made.recording(started=time.time() - HOUR)
    made.twilio.platform.recordings.remove(recording)
    dublin.platform.recordings.append(recording)
    made.call(recording, time=stamp(datetime.now(UTC) - timedelta(hours=1)))
    run(made, reconcile)
    assert queued(made) == [recording.sid]
    task = task_in(items(made, recording.call_sid)[-1]["task"])
    made.api.received.clear()
    assert made.deliver(made.worker("collect"), task)
    assert hosts(made) == {"api.dublin.ie1.twilio.com"}


def test_calls_of_all_regions_have_an_end(made: Account, reconcile: ModuleType, dublin: StandInTwilio) -> None:
    calls = [Made(time.time() - HOUR) for _ in range(2)]
    for call, platform in zip(calls, (made.twilio.platform, dublin.platform), strict=True):
        platform.calls.append(call)
        answered(made, call)
    run(made, reconcile)
    assert ["end" in {item["sk"] for item in items(made, call.sid)} for call in calls] == [True, True]


def test_a_text_of_another_region_has_its_address_and_its_photo_there(made: Account, reconcile: ModuleType, dublin: StandInTwilio) -> None:
    """The number is configured in each Region apart, and the media are where the text is."""
    made.twilio.number(LINE, sms_url="https://app.example.com/not-this-one")
    text = lost_text(made, dublin)
    run(made, reconcile)
    event_, original = sorted(items(made, text), key=lambda item: item["sk"].startswith("original"))
    ask = ask_of(event_, original)
    assert ask.url == "https://app.example.com/texts"
    assert dict(parse_qsl(ask.form))["MediaUrl0"].startswith("https://api.dublin.ie1.twilio.com/")


def lost_text(made: Account, twilio: StandInTwilio) -> str:
    """A text with a photo to a number of this Region, which API Gateway answered by itself."""
    number = twilio.number(LINE)
    text = number.text(WRITER, "Look", files=[(b"a photo", "image/jpeg")])
    number.sms, text.received = type(number.sms)("https://app.example.com/texts"), time.time() - HOUR
    static_answer(text.received + 5, "messaging-access")
    event(made, text.received - 300)
    return text.sid


def test_a_reply_goes_out_where_the_text_came_in(made: Account, reconcile: ModuleType, dublin: StandInTwilio) -> None:
    """From the number that was written to, to whoever wrote: in the United States Twilio knows neither text nor number."""
    sid = lost_text(made, dublin)
    form = {"AccountSid": ACCOUNT, "MessageSid": sid, "From": WRITER, "To": LINE}
    made.monkeypatch.setattr(reconcile.TWILIO.keys, "read_at", float("-inf"))
    assert send_replies(reconcile.TWILIO, form, [Reply("Thank you"), Reply("", ("https://app.example.com/map.png",))]) == 2
    assert [(each.from_, each.to, each.body) for each in dublin.platform.sent] == [(LINE, WRITER, "Thank you"), (LINE, WRITER, "")]
    assert made.twilio.platform.sent == []


def test_a_reply_with_sender_and_receiver_swapped_would_be_refused(made: Account, reconcile: ModuleType, dublin: StandInTwilio) -> None:
    sid = lost_text(made, dublin)
    form = {"AccountSid": ACCOUNT, "MessageSid": sid, "From": LINE, "To": WRITER}
    made.monkeypatch.setattr(reconcile.TWILIO.keys, "read_at", float("-inf"))
    assert send_replies(reconcile.TWILIO, form, [Reply("Thank you")]) == 0


def test_texts_are_no_fault_where_the_region_has_none(
    made: Account, reconcile: ModuleType, dublin: StandInTwilio, capsys: pytest.CaptureFixture[str]
) -> None:
    """AU1 has voice alone: its 404 to a list is no news, and no alarm."""
    lost_text(made, made.twilio)
    region = made.api._regions[dublin.platform.region]
    made.monkeypatch.setattr(region, "respond", lambda *_: problem(404, 20404, "not found"))
    run(made, reconcile)
    assert "AccountUnasked" not in {name for name, _, _ in counted(capsys)}


def test_a_call_of_which_twilio_knows_no_requests_is_no_fault(made: Account, reconcile: ModuleType) -> None:
    """Twilio's client raises another error for a list that is 404 than for a resource."""
    assert reconcile.CALL_EVENTS.of(Home(ACCOUNT), new_sid("CA"), Deadline(30)) == []


# --- several accounts, and one bad item


def test_an_account_without_a_key_blinds_no_other(made: Account, reconcile: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Alerts, ends of calls, lost texts, failures of the fallback itself; and the alarm names the account."""
    made.monkeypatch.setattr(reconcile, "ACCOUNTS", [OTHER, ACCOUNT])
    missed, ours, ended = alert(made.twilio.platform, PRIMARY), alert(made.twilio.platform, OURS), Made(time.time() - HOUR)
    made.twilio.platform.calls.append(ended)
    answered(made, ended)
    text = lost_text(made, made.twilio)
    run(made, reconcile)
    assert [items(made, each.resource_sid)[0]["kind"] for each in (missed, ours)] == ["missed", "failure"]
    assert "end" in {item["sk"] for item in items(made, ended.sid)}
    assert items(made, text) != []
    found = {(name, dimensions.get("Account")) for name, dimensions, _ in counted(capsys)}
    assert found == {("FallbackFailures", None), ("AccountUnasked", OTHER)}


def test_an_account_that_can_be_asked_again_goes_on_where_it_was(made: Account, reconcile: ModuleType) -> None:
    """Its mark is its own: a key that was refused for a week loses nothing."""
    Progress(made.table, f"alerts#{ACCOUNT}").came_to(datetime.now(UTC) - timedelta(days=7))
    found = alert(made.twilio.platform, PRIMARY, ago=6 * 24 * HOUR)
    set_keys({ACCOUNT: "SK" + "0" * 32})
    run(made, reconcile)
    assert items(made, found.resource_sid) == []
    set_keys({ACCOUNT: KEY})
    run(made, reconcile)
    assert [item["kind"] for item in items(made, found.resource_sid)] == ["missed"]


@pytest.mark.parametrize("fault", [problem(404, 20404, "not found"), problem(400, 20001, "bad")], ids=["gone", "bad"])
def test_one_alert_that_cannot_be_read_stops_no_other(made: Account, reconcile: ModuleType, fault: Behaviour) -> None:
    """It is told as the list tells of it; one that Twilio has but fails to give is tried for two hours first."""
    bad, good = alert(made.twilio.platform, PRIMARY, HOUR + 60), alert(made.twilio.platform, PRIMARY)
    made.api.faults_of(bad.sid, *[fault] * 99)
    for _ in range(MOST_TRIES):
        run(made, reconcile)
    assert items(made, bad.resource_sid)[0]["error_code"] == "11200"
    assert items(made, good.resource_sid)[0]["from"] == SENT["From"]


def test_an_alert_that_twilio_fails_to_give_for_a_while_is_kept_whole(made: Account, reconcile: ModuleType) -> None:
    found = alert(made.twilio.platform, PRIMARY)
    made.api.faults_of(found.sid, *[Fails(500)] * 2 * (MOST_TRIES - 1))
    for _ in range(MOST_TRIES):
        run(made, reconcile)
    assert items(made, found.resource_sid)[0]["from"] == SENT["From"]


def test_a_failure_that_was_written_is_counted_though_the_next_alert_fails(
    made: Account, reconcile: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody comes back to it."""
    alert(made.twilio.platform, OURS, HOUR + 60)
    bad = alert(made.twilio.platform, PRIMARY)
    made.api.faults_of(bad.sid, Fails(500), Fails(500))
    run(made, reconcile)
    assert {name for name, _, _ in counted(capsys)} == {"FallbackFailures", "AccountUnasked"}


def test_a_deleted_service_or_application_stops_no_other_text(made: Account, reconcile: ModuleType) -> None:
    """Where it went nobody can tell any more; that it came is told."""
    text = lost_text(made, made.twilio)
    number = made.twilio.platform.numbers[-1]
    number.service = made.twilio.messaging_service("gone")
    made.twilio.platform.texts[-1].parameters["MessagingServiceSid"] = "MG" + "0" * 32
    run(made, reconcile)
    assert [item["kind"] for item in items(made, text) if "kind" in item] == ["unheard"]


def test_who_cannot_be_asked_is_counted_though_the_run_never_ends(
    made: Account, reconcile: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Twilio that hangs takes every chore its time, and Lambda ends the run before its end."""

    def killed(*_: object) -> None:
        raise SystemExit

    made.monkeypatch.setattr(reconcile, "ACCOUNTS", [OTHER])
    made.worker("reconcile", CHORES=(reconcile.ask_alerts, killed))
    with pytest.raises(SystemExit):
        reconcile.handler({}, CONTEXT)
    assert ("AccountUnasked", OTHER) in {(name, dimensions.get("Account")) for name, dimensions, _ in counted(capsys)}
