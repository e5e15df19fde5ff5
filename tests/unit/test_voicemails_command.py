"""`fallback voicemails status | redrive`: where every voicemail is, and a push for those that are stuck."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from lambdas.workers.events import Item
from lambdas.workers.tasks import Media, Recording, body_of
from lambdas.workers.voicemails import Voicemails, stamp
from tests.unit.engineer import add, deployment, fallback, sid, voicemail
from tests.unit.event_table import TABLE

Run = Callable[..., tuple[int, str, str]]
ACCOUNT = sid("AC")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs a command; exit status, standard output, standard error."""

    def running(*words: str) -> tuple[int, str, str]:
        status = fallback(monkeypatch, "voicemails", *words)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    monkeypatch.setenv("COLUMNS", "200")
    with deployment():
        make_queues()
        yield running


def make_queues() -> None:
    """The queue and its dead letters, and the outputs that name them."""
    sqs, formation = boto3.client("sqs", region_name="us-east-1"), boto3.client("cloudformation", region_name="us-east-1")
    urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("queue", "dead")}
    outputs = {"EventTableName": TABLE, "VoicemailBucketName": "voicemails"}
    outputs |= {"VoicemailQueueUrl": urls["queue"], "VoicemailDeadLettersUrl": urls["dead"]}
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": {name: {"Value": value} for name, value in outputs.items()}}
    formation.update_stack(StackName="fallback-local", TemplateBody=json.dumps(template))


def send(name: str, *bodies: str) -> None:
    """Messages into a queue."""
    sqs = boto3.client("sqs", region_name="us-east-1")
    for body in bodies:
        sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"], MessageBody=body)


def held(name: str) -> list[str]:
    """What a queue holds."""
    sqs = boto3.client("sqs", region_name="us-east-1")
    url, found = sqs.get_queue_url(QueueName=name)["QueueUrl"], list[str]()
    while got := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [each["Body"] for each in got]
    return found


def recording(number: int) -> Recording:
    """A task."""
    return Recording(ACCOUNT, sid("CA", number), sid("RE", number), "", "completed", 7)


def under_way(number: int, ago: timedelta, state: str = "", reason: str = "") -> Recording:
    """A voicemail that was announced so long ago, and what became of it."""
    voicemails, task = Voicemails(boto3.resource("dynamodb", region_name="us-east-1").Table(TABLE), 400), recording(number)
    item = voicemails.announce(task, datetime.now(UTC) - ago)
    if state:
        voicemails.retry(item, state, reason, datetime.now(UTC) + timedelta(minutes=5))
    return task


def everything() -> None:
    """One voicemail in each state."""
    under_way(1, timedelta(minutes=1))
    under_way(2, timedelta(minutes=20), "waiting", "Twilio does not have it (404)")
    under_way(3, timedelta(hours=3), "failed", "Twilio answered 500")
    now = stamp(datetime.now(UTC))
    add(voicemail(sid("CA", 4), sid("RE", 4)), voicemail(sid("CA", 5), sid("RE", 5), heard_at=now))
    add(voicemail(sid("CA", 6), sid("RE", 6), deleted_at=now), voicemail(sid("CA", 7), sid("RE", 7), state="empty"))


def test_every_state_is_counted_and_said_in_words(run: Run) -> None:
    everything()
    status, out, _ = run("status")
    assert status == 0
    for state in ("announced", "waiting", "failed", "stored", "heard", "deleted at Twilio", "empty"):
        assert any(line.split() and line.strip().startswith(state) and " 1 " in line for line in out.splitlines()), state
    assert "0 queued, 0 under way, 0 dead letters" in out


def test_what_is_stuck_is_listed_with_the_reason_and_the_remedy(run: Run) -> None:
    everything()
    out = run("status")[1]
    assert f"{sid('RE', 3)} failed LATE since" in out
    assert "1 attempt, next" in out
    assert "Twilio answered 500" in out
    assert "fallback voicemails redrive --waiting --no-dry-run" in out
    assert "+1202" not in out, "no number is needed here"


def test_nothing_at_all_is_no_mistake(run: Run) -> None:
    assert run("status")[0] == 0


def test_the_states_for_programs(run: Run) -> None:
    everything()
    send("dead", "x")
    told: dict[str, Any] = json.loads(run("status", "--json")[1])
    assert told["states"] == dict.fromkeys(("announced", "waiting", "failed", "stored", "heard", "deleted at Twilio", "empty"), 1)
    assert told["queues"] == [{"region": "us-east-1", "queued": 0, "under_way": 0, "dead": 1}]
    assert [each["sid"] for each in told["waiting"]] == [sid("RE", 3), sid("RE", 2), sid("RE", 1)], "oldest first"


def test_a_redrive_is_a_dry_run_unless_told_otherwise(run: Run) -> None:
    send("dead", body_of(recording(1)))
    out = run("redrive")[1]
    assert "1 dead letter, 0 moved back" in out
    assert "--no-dry-run" in out
    assert held("queue") == []


def test_dead_letters_go_back_into_the_queue_each_once(run: Run) -> None:
    bodies = [body_of(recording(number)) for number in range(1, 26)]
    send("dead", *bodies)
    assert "25 dead letters, 25 moved back" in run("redrive", "--no-dry-run")[1]
    assert sorted(held("queue")) == sorted(bodies)
    assert held("dead") == []
    assert "no dead letters, 0 moved back" in run("redrive", "--no-dry-run")[1]


def test_what_nobody_can_read_is_said(run: Run) -> None:
    send("dead", "no task")
    told = json.loads(run("redrive", "--no-dry-run", "--json")[1])
    assert (told["moved"], told["unreadable"]) == (1, 1)


def test_what_waits_is_tried_at_once_where_told_so(run: Run) -> None:
    tasks = [under_way(1, timedelta(minutes=20), "waiting", "404"), under_way(2, timedelta(hours=3), "failed", "500")]
    add(voicemail(sid("CA", 4), sid("RE", 4)))
    assert "0 waiting, 0 queued" in run("redrive", "--no-dry-run")[1]
    assert "2 waiting, 2 queued" in run("redrive", "--waiting", "--no-dry-run")[1]
    assert sorted(held("queue")) == sorted(body_of(task) for task in tasks)


ODD = "it plays 8.7 s, Twilio announced 10 s"


def kept(number: int) -> Item:
    """What is noted of a voicemail."""
    return dict(kept_table().get_item(Key={"pk": sid("CA", number), "sk": f"voicemail#{sid('RE', number)}"})["Item"])


def kept_table() -> Any:
    """The event table."""
    return boto3.resource("dynamodb", region_name="us-east-1").Table(TABLE)


def test_what_stays_behind_is_explained(run: Run) -> None:
    everything()
    add(voicemail(sid("CA", 8), sid("RE", 8), differs=ODD), voicemail(sid("CA", 9), sid("RE", 9), encryption="{}", heard_at="x"))
    out = run("accept")[1]
    assert f"{sid('RE', 3)} is failed since" in out
    assert f"{sid('RE', 8)} differs: {ODD}; it is stored, and stays at Twilio" in out
    assert f"{sid('RE', 9)} is encrypted" in out
    assert "3 files left behind. `fallback voicemails accept SID" in out
    assert {each["sid"] for each in json.loads(run("accept", "--json")[1])} == {sid("RE", number) for number in (3, 8, 9)}


@pytest.mark.parametrize("heard", [False, True])
def test_a_file_that_is_accepted_waits_for_the_machine(run: Run, heard: bool) -> None:
    """So that `collect` deletes it at Twilio, if the settings say so."""
    item = voicemail(sid("CA", 8), sid("RE", 8), differs=ODD)
    add(item | {"heard_at": "x"} if heard else item)
    if heard:
        kept_table().update_item(Key={"pk": item["pk"], "sk": item["sk"]}, UpdateExpression="REMOVE todo")
    assert f"accepted: it differs: {ODD}" in run("accept", sid("RE", 8), "--note", "all of it is there")[1]
    assert (kept(8)["accepted_note"], "next_attempt" in kept(8)) == ("all of it is there", True)
    assert kept(8)["todo"] == ("finish" if heard else "hear")
    assert "no files left behind" in run("accept")[1]


def test_a_voicemail_that_never_came_is_given_up_when_told(run: Run) -> None:
    everything()
    assert "an hour after it was announced it can be given up" in run("accept", sid("RE", 2))[2]
    assert run("accept", sid("RE", 3))[0] == 0
    assert kept(3)["state"] == "given up"
    assert not {"todo", "next_attempt"} & kept(3).keys()
    assert "given up" in run("status")[1]


def test_a_photo_that_never_came_is_given_up_too(run: Run) -> None:
    """Else it would count as late for as long as its item is kept."""
    voicemails = Voicemails(boto3.resource("dynamodb", region_name="us-east-1").Table(TABLE), 400)
    task = Media(ACCOUNT, sid("MM"), sid("ME"), "", "image/jpeg")
    item = voicemails.announce(task, datetime.now(UTC) - timedelta(days=15))
    voicemails.retry(item, "failed", "it is an error page and no image/jpeg", None)
    assert f"{sid('ME')} is failed since" in run("accept")[1]
    assert "it is an error page and no image/jpeg" in run("accept", sid("ME"), "--note", "asked for it again")[1]
    assert "no files left behind" in run("accept")[1]
    assert list(voicemails.waiting("collect")) == []


def test_what_is_as_announced_needs_nobody_to_accept_it(run: Run) -> None:
    everything()
    status, _, err = run("accept", sid("RE", 4))
    assert (status, "there is nothing to accept" in err) == (1, True)


def test_a_stack_without_voicemails_is_said_to_be_too_old(run: Run) -> None:
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": {"EventTableName": {"Value": TABLE}}}
    boto3.client("cloudformation", region_name="us-east-1").update_stack(StackName="fallback-local", TemplateBody=json.dumps(template))
    status, _, err = run("redrive")
    assert status == 1
    assert "an older version is deployed" in err


@pytest.mark.parametrize("command", ["status", "redrive", "accept"])
def test_help_has_examples(run: Run, command: str) -> None:
    assert f"fallback voicemails {command}" in run(command, "--help")[1].replace("Usage: fallback", "")
