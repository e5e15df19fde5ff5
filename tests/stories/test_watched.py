"""On-call is told once, and by the right alarm: each thing that can break rings its own bell and no other."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from local.disasters import MESSAGE
from local.twilio import Caller
from local.twilio.platform import Alert, new_sid
from local.twilio.primary import Fails, Primary, Says, refusing_url
from ops.cli import app
from stacks.alarms import PROBE, ROWS
from tests.stories.conftest import Deployed
from tests.stories.test_whatever_happens import FAULTS, Break, ask, broken, call, text
from tests.stories.watched import Watched

__all__ = ["broken"]

MINUTE = timedelta(minutes=1)
FAR = datetime(2031, 1, 1, tzinfo=UTC)  #: minutes that the schedule does not come to meanwhile


@pytest.fixture(scope="module")
def on_call(deployed: Deployed) -> Iterator[Watched]:
    watched = Watched(deployed)
    with deployed.alone():
        yield watched


@pytest.fixture
def watched(on_call: Watched) -> Watched:
    on_call.calm()
    return on_call


def test_a_primary_that_stops_is_told_once_and_its_return_once_with_right_figures(watched: Watched, deployed: Deployed) -> None:
    watched.forget_the_past()
    twilio, outputs = deployed.twilio(), deployed.outputs
    with refusing_url() as primary:
        number = twilio.number("+15550100199", voice_url=f"{primary}/calls", voice_fallback_url=outputs.voice_url)
        calls = [number.call(f"+1555010012{digit}", Caller(says=MESSAGE, ends_recording_with="#")) for digit in (1, 2)]
    ask(outputs, outputs.sms_url, parameters := text(outputs) | {"ErrorCode": "11205", "ErrorUrl": "https://app.example.com/texts"})
    for sid in (*(each.sid for each in calls), parameters["MessageSid"]):
        deployed.events(sid)
    deployed.until(lambda: all(voicemail(deployed, each.sid) for each in calls), "the voicemails are noted")
    assert watched.rung_by("primary-failing") == {"primary-failing"}
    with ThreadPoolExecutor(4) as pool:  # schedule and alarm at the same time, and again
        list(pool.map(lambda _: watched.outage(), range(4)))
    [begin] = watched.told_of_outages()
    assert begin["Subject"].startswith("[local] callers come to the fallback: ")
    watched.go_on(16 * 60)
    assert watched.ringing() <= {"probe-silent"}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: watched.outage(16 * MINUTE), range(4)))
    [end] = watched.told_of_outages()
    assert end["Subject"].startswith("[local] over: 2 calls, 2 voicemails, 1 text since ")
    assert "2 x error 11202: The connection was refused" in end["Message"]
    assert "1 x https://app.example.com/texts" in end["Message"]


def voicemail(deployed: Deployed, sid: str) -> bool:
    return any(item["sk"]["S"].startswith("voicemail#") for item in deployed.items(sid))


def test_a_broken_answer_function_rings_its_own_alarm(watched: Watched, deployed: Deployed, broken: Break) -> None:
    broken(FAULTS["raises"])
    ask(deployed.outputs, deployed.outputs.voice_url, call(deployed.outputs))
    assert watched.probe(FAR)["faults"]["L"] == [{"S": "static"}]
    assert watched.rung_by("static-answers") == {"static-answers", "answer-errors"}


def test_a_broken_answer_rings_where_no_access_log_is_written(watched: Watched, deployed: Deployed, broken: Break) -> None:
    """Somebody else's stack took the log role along: what counts the access log is blind."""
    with watched.lost_log_role():
        broken(FAULTS["raises"])
        ask(deployed.outputs, deployed.outputs.voice_url, call(deployed.outputs))
        assert watched.rung_by("answer-errors") == {"answer-errors"}


def test_an_answer_that_may_not_be_asked_is_counted_by_the_access_log(watched: Watched, deployed: Deployed) -> None:
    """By the first caller; Lambda counts nothing."""
    with watched.forbidden_answer():
        ask(deployed.outputs, deployed.outputs.voice_url, call(deployed.outputs))
        assert watched.rung_by("static-answers") == {"static-answers"}


def test_no_room_in_the_account_rings_its_own_alarm(watched: Watched, deployed: Deployed) -> None:
    """Here none is left to the function; API Gateway answers in its place."""
    with watched.no_room():
        ask(deployed.outputs, deployed.outputs.voice_url, call(deployed.outputs))
        assert watched.rung_by("answer-throttles") == {"answer-throttles", "static-answers"}


def test_an_answer_that_may_not_be_asked_rings_where_no_access_log_is_written(watched: Watched) -> None:
    """Lambda counts nothing then: the probe alone hears what callers hear. And that nothing is written rings by itself."""
    with watched.lost_log_role(), watched.forbidden_answer():
        for minute in range(6):
            assert watched.probe(FAR + minute * MINUTE)["faults"]["L"] == [{"S": "static"}]
            watched.go_on(60)
        assert watched.rung_by("wrong-answer") == {"wrong-answer"}
        watched.go_on(60)
        assert watched.is_on("access-log-silent")
    for minute in (7, 8):  # calls and texts take turns, and have logs of their own
        watched.probe(FAR + minute * MINUTE)
    watched.until(lambda: not watched.is_on("access-log-silent"), "a line is written")


def test_a_table_that_is_down_is_told_as_what_it_is(watched: Watched) -> None:
    """Callers are answered as usual; neither do events come, nor can be told when an outage begins."""
    with watched.broken_table():
        for minute in range(3):
            watched.invoke("ProbeFunctionName", time=(FAR + minute * MINUTE).isoformat())
            watched.fails("OutageFunctionName")
            watched.go_on(60)
        assert watched.rung_by("unrecorded") == {"unrecorded", "record-fails"}
        assert watched.is_on("outage-fails")
        assert not watched.is_on("probe-silent")


def test_what_must_run_every_minute_rings_when_it_does_not(watched: Watched) -> None:
    """Its schedule was switched off, its role is gone: nothing of it is in any log."""
    watched.forget_the_past()
    watched.outage()
    watched.until(lambda: not watched.is_on("outage-fails"), "the function was run")
    watched.go_on(4 * 60)
    assert watched.is_on("outage-fails")
    assert watched.is_on("probe-silent")
    watched.outage()
    watched.until(lambda: not watched.is_on("outage-fails"), "the function was run again")


def test_a_broken_record_rings_its_own_alarm(watched: Watched) -> None:
    with watched.broken_worker("Record"):
        watched.probe(FAR)
        assert watched.rung_by("record-fails") == {"record-fails"}


def test_a_record_that_may_not_be_invoked_rings_its_own_alarm(watched: Watched) -> None:
    """CloudWatch Logs tries no more where it is denied."""
    with watched.forbidden("Record"):
        watched.probe(FAR)
        assert watched.rung_by("journal-undelivered") == {"journal-undelivered"}


def test_deliveries_that_fail_and_find_no_queue_ring(watched: Watched) -> None:
    """They are lost, so the alarm's command reads them out of the journal."""
    with watched.broken_worker("Record") as name, watched.no_queue_for(name):
        watched.probe(FAR)
        assert watched.rung_by("record-undeliverable") == {"record-fails", "record-undeliverable"}


def test_a_worker_that_nobody_waits_for_rings_when_it_fails_and_says_why(watched: Watched) -> None:
    """The check of the tokens, once a day: no other alarm is over it."""
    queue = watched.outputs["FailedRunsUrl"]
    with watched.broken_worker("WatchTokenCheck") as name:
        watched.cloud.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b'{"time": "2026-11-28T02:00:00Z"}')
        assert watched.rung_by("worker-failed") == {"worker-failed"}
    [message] = watched.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    failure = json.loads(message["Body"])
    assert name in failure["requestContext"]["functionArn"]
    assert "no_such_module" in failure["responsePayload"]["errorMessage"]
    assert failure["requestPayload"] == {"time": "2026-11-28T02:00:00Z"}
    watched.sqs.purge_queue(QueueUrl=queue)
    watched.go_on(2 * 3600)
    assert "worker-failed" not in watched.ringing()


def test_what_is_missed_only_on_a_bad_day_is_missed_by_the_hourly_look(watched: Watched) -> None:
    """Everything that was deployed is looked at, with the rights that it was given. A story switches the schedules off: they are named, and
    nothing else; then an alarm without actions, too."""
    cloudwatch, name = watched.cloud.client("cloudwatch"), "fallback-local-record-undeliverable"
    watched.fails("InventoryFunctionName")
    cloudwatch.disable_alarm_actions(AlarmNames=[name])
    try:
        watched.go_on(3600)
        watched.fails("InventoryFunctionName")
    finally:
        cloudwatch.enable_alarm_actions(AlarmNames=[name])
    assert watched.is_on("something-gone")
    schedules, both = [json.loads(line)["gone"] for line in watched.log_of("WatchInventory") if line.startswith("{") and '"gone":' in line]
    off = [each for each in watched.cloud.client("scheduler").list_schedules()["Schedules"] if "fallback-local-" in each["Name"]]
    assert len(schedules) == len(off)
    assert all("Schedule" in each for each in schedules)
    [alarm] = set(both) - set(schedules)
    assert alarm.startswith("WatchAlarmsrecordundeliverable")


def test_an_unreadable_secret_rings_its_own_alarm(watched: Watched, deployed: Deployed) -> None:
    with watched.unreadable_secret():
        ask(deployed.outputs, deployed.outputs.voice_url, call(deployed.outputs))
        assert watched.rung_by("unverifiable") == {"unverifiable"}


def test_secrets_manager_that_is_down_is_told_as_what_it_is(watched: Watched) -> None:
    """The probe asks unsigned then, and is answered: nobody is told that callers get no answer."""
    with watched.unreadable_secret():
        for minute in (1, 2):
            assert watched.probe(FAR + minute * MINUTE)["faults"]["L"] == [{"S": "unsigned"}]
            watched.go_on(60)
        assert watched.rung_by("tokens-unreadable") == {"tokens-unreadable"}
        assert not watched.is_on("probe-silent")


def test_a_stale_token_rings_its_own_alarm(watched: Watched, deployed: Deployed) -> None:
    """Every real caller is a stranger then, while the probe is well. Of strangers Twilio knows nothing."""
    ask(deployed.outputs, deployed.outputs.voice_url, call(deployed.outputs), token="a stranger's own")
    watched.invoke("ReconcileFunctionName", only="confirm_claims")
    assert watched.probe(FAR)["faults"]["L"] == []
    watched.controls.settled()
    assert not watched.ringing()
    caller_with_a_stale_token(watched, deployed)
    assert watched.rung_by("refused") == {"refused"}


def caller_with_a_stale_token(watched: Watched, deployed: Deployed) -> None:
    """Twilio signs with another token than ours; `reconcile` learns from it that there is such a call."""
    twilio = deployed.twilio()
    twilio.create_secondary_token("rotated at Twilio")
    twilio.promote_secondary_token()
    made = twilio.number("+15550100199", voice_url=deployed.outputs.voice_url).call("+15550100123")
    deployed.until(lambda: claimed(deployed, made.sid), "the claim is in the table")
    watched.invoke("ReconcileFunctionName", only="confirm_claims")


def claimed(deployed: Deployed, sid: str) -> bool:
    """Whether somebody claimed this call."""
    pages = deployed.table.get_paginator("scan").paginate(TableName=deployed.outputs.table, FilterExpression="attribute_exists(sid)")
    return any(item["sid"]["S"] == sid and item["kind"]["S"] == "stranger" for page in pages for item in page["Items"])


def test_a_token_that_twilio_refuses_rings_its_own_alarm_until_it_is_right(
    watched: Watched, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in watched.cloud.environ.items():
        monkeypatch.setenv(name, value)
    with watched.stale_token():
        assert f"{deployed.outputs.account_sid}  Twilio refuses a token of it" in fallback("tokens", "check")
        assert watched.rung_by("token-faults") == {"token-faults"}
    watched.go_on(60)
    assert "every token is accepted by Twilio" in fallback("tokens", "check")
    assert "token-faults" not in watched.ringing()


def fallback(*words: str) -> str:
    """What the command says."""
    return CliRunner().invoke(app, [*words, "--environment", "local"]).output


def test_a_request_to_us_that_twilio_could_not_make_rings_its_own_alarm(watched: Watched, deployed: Deployed) -> None:
    """Nothing of it came here: only Twilio knows."""
    platform, url = deployed.twilio().platform, watched.outputs["VoiceUrl"]
    failed = Alert(new_sid("NO"), 11205, "error", "no answer", new_sid("CA"), "POST", url, {}, None, "", time.time() - 3600)
    platform.alerts.append(failed)
    watched.alerts_read_until(datetime.now(UTC) - 61 * MINUTE)
    watched.invoke("ReconcileFunctionName")
    assert watched.rung_by("fallback-failed") == {"fallback-failed"}
    assert [item["kind"]["S"] for item in deployed.items(failed.resource_sid)] == ["failure"]


def test_a_queue_whose_messages_cannot_be_handled_rings_its_own_alarm(watched: Watched, deployed: Deployed) -> None:
    with watched.impatient_queue() as queue:
        watched.sqs.send_message(QueueUrl=queue, MessageBody="no task")
        assert watched.rung_by("voicemail-dead-letters") == {"voicemail-dead-letters"}
    watched.sqs.purge_queue(QueueUrl=deployed.outputs.voicemail_dead_letters)


def test_a_probe_whose_item_never_came_says_so(watched: Watched) -> None:
    """The journal's lines are lost on their way: nothing else would tell."""
    watched.controls.deliveries(lose=True)
    assert [watched.probe(FAR + minute * MINUTE)["faults"]["L"] for minute in (1, 2)] == [[], []]
    for minute in (11, 12):
        watched.probe(FAR + minute * MINUTE)
        watched.go_on(60)
    assert watched.rung_by("unrecorded") == {"unrecorded"}


def test_a_primary_that_stops_and_comes_back_is_noted_and_announced_once_each(
    watched: Watched, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its health address is asked by every test request; one blip is no news."""
    for name, value in watched.cloud.environ.items():
        monkeypatch.setenv(name, value)
    with Primary() as primary, refusing_url() as refusing:
        primary.behaves("/health", Says(b"fine", "text/plain"), Fails(503), Says(b"fine", "text/plain"))
        with watched.asks_after(f"{primary.url}/health"):
            assert health_told(watched, runs=6) == [], "one failure is no news"
            assert f"Primary     up: {primary.url}/health (HTTP 200)" in fallback("status")
        address = f"{refusing}/health"
    with watched.asks_after(address):
        assert health_told(watched, runs=6) == ["[local] the primary does not answer its health check: 127.0.0.1"]
        assert f"Primary     DOWN: {address} (no connection)" in fallback("status")
        with Primary(port=urlsplit(address).port or 0) as primary:
            primary.behaves("/health", Says(b"", status=204, content_type=""))
            assert health_told(watched, runs=6) == ["[local] the primary is back: 127.0.0.1"]
        assert f"Primary     up: {address} (HTTP 204)" in fallback("status")


def health_told(watched: Watched, runs: int) -> list[str]:
    """The subjects of what people are told of the primary's health by so many test requests."""
    for minute in range(runs):
        watched.probe(FAR + minute * MINUTE)
    return [message["Subject"] for message in watched.told() if "primary" in message.get("Subject", "")]


def test_whoever_is_told_reads_what_callers_experience_then_a_command_then_the_runbook(watched: Watched, deployed: Deployed) -> None:
    caller_with_a_stale_token(watched, deployed)
    assert watched.rung_by("refused") == {"refused"}
    alarms = [json.loads(message["Message"]) for message in watched.told()]
    [refused] = [alarm for alarm in alarms if alarm["NewStateValue"] == "ALARM"]
    description = refused["AlarmDescription"].splitlines()
    assert description[0].startswith("Callers ARE being answered")
    assert description[-2:] == [
        "Next: fallback tokens check --environment local --region us-east-1",
        "Runbook: docs/runbook.md, A token is stale",
    ]


def test_every_alarm_of_the_table_is_there(watched: Watched) -> None:
    pages = watched.cloud.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix="fallback-local-")
    names = {alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]}
    assert {f"fallback-local-{row.name}" for row in ROWS + PROBE} <= names


def test_the_tokens_were_tried_at_the_deployment(watched: Watched) -> None:
    """CloudFormation itself asked; the first deployment finds none, says so, and rings nothing."""
    lines = watched.log_of("WatchTokenCheck")
    assert any('"fault":"missing"' in line for line in lines)
    assert next(json.loads(line)["TokenFaults"] for line in lines if '"TokenFaults":' in line) == [0.0]
