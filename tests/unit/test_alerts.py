"""What Twilio's Monitor knows and we do not."""

import time
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

import pytest
from boto3.dynamodb.conditions import Key
from openapi_core import OpenAPI

from lambdas.workers import alerts as monitored
from lambdas.workers.hand_back import ask_of, is_candidate
from lambdas.workers.progress import Progress
from lambdas.workers.timeline import Timeline
from local.twilio import monitor
from local.twilio.platform import Alert, Level, new_sid
from local.twilio.rest import throttled
from tests.unit.test_reconcile import metrics
from tests.unit.voicemail_workers import CONTEXT, Account

HOUR = 3600.0
SENT = {"AccountSid": "AC1", "From": "+12025550123", "To": "+12025550199", "CallStatus": "ringing"}


@pytest.fixture
def reconcile(made: Account) -> ModuleType:
    worker = made.worker("reconcile")
    return made.worker("reconcile", CHORES=(worker.ask_alerts,))


def alert(made: Account, url: str, ago: float = HOUR, sid: str = "", code: int = 11200, level: Level = "error", **sent: str) -> Alert:
    """An alert at Twilio."""
    resource, variables = sid or new_sid("CA"), SENT | sent
    found = Alert(new_sid("NO"), code, level, "failed", resource, "POST", url, variables, 500, "<html>", time.time() - ago)
    made.twilio.platform.alerts.append(found)
    return found


def items(made: Account, found: Alert) -> list[dict[str, Any]]:
    """What the table has of an alert's call or text."""
    return [dict(item) for item in made.table.query(KeyConditionExpression=Key("pk").eq(found.resource_sid))["Items"]]


def test_a_call_that_never_came_to_us_is_on_the_timeline_with_who_called_whom(made: Account, reconcile: ModuleType) -> None:
    """Its number has no fallback."""
    found = alert(made, "https://app.example.com/calls/incoming")
    reconcile.handler({}, CONTEXT)
    [item] = items(made, found)
    facts = {name: item[name] for name in ("kind", "medium", "error_code", "error_url", "from", "to")}
    assert facts == {
        "kind": "missed",
        "medium": "voice",
        "error_code": "11200",
        "error_url": "https://app.example.com/calls/incoming",
        "from": "+12025550123",
        "to": "+12025550199",
    }
    now = datetime.now(UTC)
    assert [event["pk"] for event in Timeline(made.table).events(now - timedelta(hours=2), now)] == [found.resource_sid]


def test_a_call_that_we_answered_is_not_missed(made: Account, reconcile: ModuleType) -> None:
    found = alert(made, "https://app.example.com/calls/incoming")
    moment = datetime.fromtimestamp(found.at + 1, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    day = {"day_shard": f"{moment[:10]}#0", "time": moment, "kind": "request", "trust": "verified"}
    made.table.put_item(Item={"pk": found.resource_sid, "sk": f"{moment}#r", **day})
    reconcile.handler({}, CONTEXT)
    assert len(items(made, found)) == 1


def test_a_lost_status_callback_is_kept_whole_for_hand_back(
    made: Account, reconcile: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twilio has no fallback for it; also where we answered the call itself."""
    found = alert(
        made, "https://app.example.com/calls/7/ended?tenant=x", code=15003, level="warning", CallStatus="completed", CallDuration="12"
    )
    reconcile.handler({}, CONTEXT)
    event, original = sorted(items(made, found), key=lambda item: item["sk"].startswith("original"))
    assert is_candidate(event)
    ask = ask_of(event, original)
    assert (ask.url, ask.method) == (found.request_url, "POST")
    assert dict(parse_qsl(ask.form)) == found.request_variables
    assert "x" not in event["error_url"].partition("?")[2]
    assert "ChoresFailed" not in metrics(capsys)


def test_a_text_that_never_came_to_us_is_kept_whole_for_hand_back(made: Account, reconcile: ModuleType) -> None:
    found = alert(made, "https://app.example.com/texts", sid=new_sid("SM"), Body="Is 3 pm fine?")
    reconcile.handler({}, CONTEXT)
    event, original = sorted(items(made, found), key=lambda item: item["sk"].startswith("original"))
    assert is_candidate(event)
    assert (event["kind"], event["from"], event["params"]["Body"]) == ("missed", "+12025550123", "Is 3 pm fine?")
    ask = ask_of(event, original)
    assert (ask.url, dict(parse_qsl(ask.form))["Body"]) == ("https://app.example.com/texts", "Is 3 pm fine?")


def test_a_text_of_which_the_alert_no_longer_tells_is_asked_for_itself(made: Account, reconcile: ModuleType) -> None:
    text = made.twilio.number("+12025550199").text("+12025550123", "Is 3 pm fine?")
    found = alert(made, "https://app.example.com/texts", sid=text.sid)
    gone = alert(made, "https://app.example.com/texts", sid=new_sid("SM"))
    for each in (found, gone):
        each.request_variables.clear()
    reconcile.handler({}, CONTEXT)
    event, original = sorted(items(made, found), key=lambda item: item["sk"].startswith("original"))
    assert dict(parse_qsl(ask_of(event, original).form))["Body"] == "Is 3 pm fine?"
    assert [item["kind"] for item in items(made, gone)] == ["missed"], "a text that is gone too is known at least"


def test_a_text_that_the_fallback_could_not_take_either_goes_back_to_the_primarys_address(made: Account, reconcile: ModuleType) -> None:
    """Twilio told our address which one had failed before."""
    found = alert(made, "https://fallback.example.com/v1/sms", sid=new_sid("SM"), Body="Is 3 pm fine?")
    found.request_variables.update(ErrorCode="11205", ErrorUrl="https://app.example.com/texts")
    reconcile.handler({}, CONTEXT)
    by_kind = {item.get("kind", "original"): item for item in items(made, found)}
    assert sorted(by_kind) == ["failure", "missed", "original"]
    assert by_kind["missed"]["error_code"] == "11205"
    ask = ask_of(by_kind["missed"], by_kind["original"])
    assert ask.url == "https://app.example.com/texts"
    assert not {"ErrorCode", "ErrorUrl"} & dict(parse_qsl(ask.form)).keys()


def test_with_masked_storage_a_missed_text_is_known_and_nothing_whole_of_it_is_kept(made: Account, reconcile: ModuleType) -> None:
    made.monkeypatch.setenv("PRIVACY_STORE", "masked")
    found = alert(made, "https://app.example.com/texts", sid=new_sid("SM"), Body="Is 3 pm fine?")
    reconcile.handler({}, CONTEXT)
    [event] = items(made, found)
    assert (event["kind"], event["from"]) == ("missed", "+1202*****23")
    assert "3 pm" not in str(event)


def test_our_own_failure_is_counted_for_the_alarm(made: Account, reconcile: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    found = alert(made, "https://fallback.example.com/v1/voice", code=11205)
    reconcile.handler({}, CONTEXT)
    assert metrics(capsys) == {"FallbackFailures": 1.0}
    [item] = items(made, found)
    assert (item["kind"], item["from"]) == ("failure", "+12025550123"), "who it was is told, so that they can be called back"


def test_other_peoples_urls_are_no_concern_of_ours(made: Account, reconcile: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    found = alert(made, "https://handler.twilio.com/twiml/EH1")
    reconcile.handler({}, CONTEXT)
    assert (items(made, found), metrics(capsys)) == ([], {})


def test_an_alert_is_looked_at_once(made: Account, reconcile: ModuleType) -> None:
    """A run begins where the one before ended."""
    alert(made, "https://app.example.com/calls/incoming")
    reconcile.handler({}, CONTEXT)
    asked = len(made.api.received)
    reconcile.handler({}, CONTEXT)
    later = [each.path for each in made.api.received[asked:]]
    assert set(later) <= {"/v1/Alerts"}


def test_a_young_alert_waits_until_its_event_must_have_come(made: Account, reconcile: ModuleType) -> None:
    """Unless somebody asks for the time; the next run looks there once more."""
    found = alert(made, "https://app.example.com/calls/incoming", ago=60)
    reconcile.handler({}, CONTEXT)
    assert items(made, found) == []
    reconcile.handler({"since": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}, CONTEXT)
    assert len(items(made, found)) == 1
    assert Progress(made.table, "alerts").since(datetime.now(UTC)) < datetime.now(UTC) - monitored.SETTLED


def test_a_run_that_was_cut_short_goes_on_where_it_stopped(made: Account, reconcile: ModuleType) -> None:
    first, second = (alert(made, "https://app.example.com/calls/incoming", ago=ago) for ago in (3 * HOUR, 2 * HOUR))
    broken = monitored.Alerts.event

    def breaks(self: Any, one: Any, kind: str, sent: dict[str, str]) -> dict[str, Any]:
        if one.sid == second.sid:
            raise ConnectionError
        return broken(self, one, kind, sent)

    made.monkeypatch.setattr(monitored.Alerts, "event", breaks)
    reconcile.handler({}, CONTEXT)
    assert [len(items(made, each)) for each in (first, second)] == [1, 0]
    made.monkeypatch.setattr(monitored.Alerts, "event", broken)
    reconcile.handler({}, CONTEXT)
    assert len(items(made, second)) == 1


def test_more_alerts_than_twilio_lists_are_read_in_smaller_windows(made: Account, reconcile: ModuleType) -> None:
    made.monkeypatch.setattr(monitor, "MOST", 4)
    made.monkeypatch.setattr(monitored, "MOST", 4)
    found = [alert(made, "https://app.example.com/calls/incoming", ago=HOUR + 100 * number) for number in range(12)]
    reconcile.handler({}, CONTEXT)
    assert all(items(made, each) for each in found)


def test_too_many_requests_are_waited_out(made: Account, reconcile: ModuleType) -> None:
    found = alert(made, "https://app.example.com/calls/incoming")
    made.api.api_faults(throttled(), throttled())
    reconcile.handler({}, CONTEXT)
    assert items(made, found)


def test_a_time_can_be_looked_at_again(made: Account, reconcile: ModuleType) -> None:
    """The same items again do no harm."""
    found = alert(made, "https://app.example.com/calls/incoming")
    reconcile.handler({}, CONTEXT)
    reconcile.handler({"since": (datetime.now(UTC) - timedelta(hours=3)).isoformat()}, CONTEXT)
    assert len(items(made, found)) == 1


def test_the_stand_in_describes_alerts_as_twilio_documents_them(made: Account, shared: Any) -> None:
    schema = OpenAPI.from_file_path(str(shared / "testdata" / "twilio-oai" / "twilio_monitor_v1.json"))
    found = alert(made, "https://app.example.com/calls/incoming")
    told = monitor.alert([found], "AC" + "1" * 32, "https://monitor.twilio.com", found.sid)
    known = schema.spec["components"]["schemas"]["monitor.v1.alert-instance"]["properties"].keys()
    assert told is not None
    assert set(told) <= set(known)
