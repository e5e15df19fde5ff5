"""The journal reaches the table: twice delivered, late, failed, or lost and rebuilt."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from ops.cli import app
from tests.stories.conftest import Deployed
from tests.stories.test_voicemail import item, leave, until
from tests.stories.test_whatever_happens import ask, call, text


def sent(deployed: Deployed, count: int = 1) -> list[str]:
    """So many calls, and their SIDs."""
    calls = [call(deployed.outputs) for _ in range(count)]
    for parameters in calls:
        ask(deployed.outputs, deployed.outputs.voice_url, parameters)
    return [parameters["CallSid"] for parameters in calls]


def test_a_line_delivered_twice_in_one_delivery_gives_one_item(deployed: Deployed) -> None:
    """A repeated key in one BatchWriteItem would fail the whole call."""
    deployed.cloud.controls.deliveries(repeat_lines=2)
    [sid] = sent(deployed)
    assert len(deployed.events(sid)) == 1
    deployed.cloud.controls.settled()
    assert len(deployed.events_now(sid)) == 1


def test_a_line_delivered_twice_in_two_deliveries_gives_one_item(deployed: Deployed) -> None:
    """The second delivery writes the same item again."""
    deployed.cloud.controls.deliveries(repeat_deliveries=2)
    [sid] = sent(deployed)
    deployed.events(sid)
    deployed.cloud.controls.settled()
    assert len(deployed.events_now(sid)) == 1


def test_late_lines_in_reverse_order_tell_the_story_in_order(deployed: Deployed) -> None:
    """The order of the table is that of the requests, not of the deliveries."""
    deployed.cloud.controls.deliveries(hold=True)
    parameters = call(deployed.outputs)
    for status in ("ringing", "in-progress", "completed"):
        ask(deployed.outputs, deployed.outputs.voice_url, parameters | {"CallStatus": status})
    deployed.until(lambda: deployed.cloud.controls.deliveries(hold=True)["held"] >= 3, "three lines held")
    deployed.cloud.controls.deliveries(reverse=True, together=True)
    story = deployed.events(parameters["CallSid"], at_least=3)
    assert [event["call_status"]["S"] for event in story] == ["ringing", "in-progress", "completed"]


@contextmanager
def failures_kept(deployed: Deployed) -> Iterator[None]:
    """The on-failure queue keeps what comes until the end: an attempt that fails would hide it for a quarter of an hour."""
    client = deployed.cloud.client("lambda")
    mappings = [each for each in client.list_event_source_mappings()["EventSourceMappings"] if "-RecordFailed" in each["EventSourceArn"]]
    for mapping in mappings:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    yield
    for mapping in mappings:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def test_the_table_is_complete_after_dynamodb_was_down_and_came_back(deployed: Deployed) -> None:
    """`record` fails three times, the delivery goes to the on-failure queue, and `record` consumes it once the table is well."""
    with failures_kept(deployed):
        deployed.cloud.controls.outage(dynamodb="error")
        sids = sent(deployed, 3)
        deployed.cloud.controls.settled()
        deployed.cloud.controls.outage()
    for sid in sids:
        assert len(deployed.events(sid)) == 1


def test_a_text_keeps_its_original_for_hand_back(deployed: Deployed) -> None:
    """The whole form, in an item that expires sooner than the event."""
    parameters = text(deployed.outputs)
    ask(deployed.outputs, deployed.outputs.sms_url, parameters)
    deployed.until(lambda: len(deployed.items(parameters["MessageSid"])) == 2, "the event and its original")
    event, original = deployed.items(parameters["MessageSid"])
    assert "Body=Hi" in original["form"]["S"]
    assert int(original["expires"]["N"]) < int(event["expires"]["N"])


Rebuild = Callable[..., dict[str, int]]


@pytest.fixture
def rebuild(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> Rebuild:
    """`fallback rebuild` of what this story does: what others left may be at Twilio no longer, or on its way."""
    begin = datetime.now(UTC).isoformat()
    for name, value in deployed.cloud.environ.items():
        monkeypatch.setenv(name, value)

    def run(*options: str) -> dict[str, int]:
        done = CliRunner().invoke(app, ["rebuild", "--since", begin, "--environment", "local", "--json", *options], catch_exceptions=False)
        return dict(json.loads(done.stdout))

    return run


def test_what_was_never_delivered_is_rebuilt_from_the_journal(deployed: Deployed, rebuild: Rebuild) -> None:
    """`fallback rebuild` says what is missing, writes it when told to, and finds nothing missing the next time."""
    deployed.cloud.controls.deliveries(lose=True)
    sids = sent(deployed, 3)
    deployed.until(lambda: sum(sid in line for line in journal(deployed) for sid in sids) >= 3, "three lines")
    deployed.cloud.controls.deliveries()
    assert [deployed.events_now(sid) for sid in sids] == [[], [], []]
    assert rebuild()["missing"] >= 3
    assert [deployed.events_now(sid) for sid in sids] == [[], [], []]
    assert rebuild("--no-dry-run")["written"] >= 3
    assert [len(deployed.events_now(sid)) for sid in sids] == [1, 1, 1]
    assert rebuild()["missing"] == 0


def test_a_voicemail_of_which_only_the_journal_tells_is_collected_by_a_rebuild(deployed: Deployed, rebuild: Rebuild) -> None:
    """Nobody else would come for it: Twilio's list was read while no event told that the call was ours."""
    deployed.cloud.controls.deliveries(lose=True)
    left = leave(deployed)
    deployed.until(lambda: any("RecordingStatus" in line and left.sid in line for line in journal(deployed)), "the callback's line")
    deployed.cloud.controls.deliveries()
    assert rebuild()["uncollected"] == 1
    assert item(deployed, left) == {}
    assert rebuild("--no-dry-run")["queued"] == 1
    until(deployed, left, "stored")
    assert rebuild()["uncollected"] == 0


def journal(deployed: Deployed) -> list[str]:
    return deployed.log(deployed.outputs.journal_group)
