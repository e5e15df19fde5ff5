"""One message when callers begin to come, one when it is over, whatever comes twice, late or at the same time."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from lambdas.workers import outage
from lambdas.workers.events import Item, day_shard
from lambdas.workers.outage import Outages, alarm_in, meant
from lambdas.workers.timeline import stamp
from tests.unit.event_table import TABLE, event_table, put
from tests.unit.voicemail_workers import CONTEXT as NAMED

BEGIN = datetime(2026, 11, 21, 23, 52, 7, tzinfo=UTC)  # an outage that goes over midnight
MINUTE = timedelta(minutes=1)
HOUR = datetime(2026, 11, 22, 3, tzinfo=UTC)  # a full one
CONTEXT: Any = NAMED


class Office:
    """One environment's outages, and the messages that people got."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.table: Any = boto3.resource("dynamodb", region_name="us-east-1").Table(TABLE)
        self.told: list[dict[str, Any]] = []
        self.alarm = ""  #: what the alarm says when it is read; nothing where it cannot be
        self.outages = Outages(self.table, "production", self.told.append, lambda: self.alarm)

    def comes(self, when: datetime, pk: str = "CA1", **more: Any) -> None:
        """A verified request of Twilio's, unless told otherwise."""
        facts: Item = {"kind": "request", "medium": "voice", "trust": "verified", "error_code": "11210"}
        facts |= {"error_url": "https://app.example.com/calls/incoming?x=***"} | more
        put(self.client, {"pk": pk, "sk": f"{stamp(when)}#r", "time": stamp(when), "day_shard": day_shard(stamp(when), pk)} | facts)

    def minutes(self, since: datetime, count: int) -> None:
        """The schedule, minute by minute."""
        for number in range(count):
            self.outages.look(since + number * MINUTE)

    @property
    def subjects(self) -> list[str]:
        return [message["Subject"] for message in self.told]


@pytest.fixture
def office() -> Iterator[Office]:
    with event_table() as [client]:
        yield Office(client)


def test_an_outage_is_told_twice_once_at_its_begin_and_once_at_its_end(office: Office) -> None:
    for minute in range(40):
        office.comes(BEGIN + minute * MINUTE, f"CA{minute}")
    office.minutes(BEGIN + 10 * timedelta(seconds=1), 70)
    assert office.subjects == [
        "[production] callers come to the fallback: 1 call, 0 voicemails, 0 texts since 23:52 UTC",
        "[production] over: 40 calls, 0 voicemails, 0 texts since 23:52 UTC",
    ]


def test_a_quiet_table_tells_nobody_anything(office: Office) -> None:
    office.minutes(BEGIN, 5)
    assert office.told == []


def test_the_summary_counts_calls_texts_voicemails_codes_and_urls(office: Office) -> None:
    office.comes(BEGIN, "CA1")
    office.comes(BEGIN + MINUTE, "CA1")  # the next step of the same call
    office.comes(BEGIN + 2 * MINUTE, "CA2", error_code="11205")
    office.comes(BEGIN + 3 * MINUTE, "SM1", medium="sms", error_url="https://app.example.com/texts")
    office.comes(BEGIN + 4 * MINUTE, "CA1", kind="voicemail", state="stored")
    office.comes(BEGIN + 4 * MINUTE, "CA2", kind="voicemail", state="empty")
    office.outages.look(BEGIN + 5 * MINUTE)
    office.outages.look(BEGIN + 19 * MINUTE)
    text = office.told[1]["Message"]
    assert "answered 2 calls, 1 voicemail, 1 text, from 23:52 UTC on 21 November 2026 to 23:55 UTC on 21 November 2026 (3 min)" in text
    assert "2 x error 11210: The webhook's host name has no address." in text
    assert "1 x error 11205: " in text
    assert "2 x https://app.example.com/calls/incoming\n1 x https://app.example.com/texts" in text


def test_the_first_words_are_what_callers_experience_then_one_command_then_the_runbook(office: Office) -> None:
    office.comes(BEGIN)
    office.outages.look(BEGIN + MINUTE)
    first, *_, command, runbook = office.told[0]["Message"].splitlines()
    assert first == "Callers ARE being answered, by the fallback: 1 call, 0 voicemails, 0 texts since 23:52 UTC on 21 November 2026."
    assert command.split() == ["Next:", "fallback", "status", "--environment", "production", "--region", "us-east-1"]
    assert runbook.split()[:2] == ["Runbook:", "docs/runbook.md,"]


def test_a_message_says_by_attributes_what_it_is(office: Office) -> None:
    office.comes(BEGIN)
    office.outages.look(BEGIN + MINUTE)
    assert office.told[0]["MessageAttributes"]["state"]["StringValue"] == "begin"


@pytest.mark.parametrize(
    "facts",
    [
        {"trust": "forged"},
        {"trust": "unverifiable"},
        {"kind": "recording", "medium": "callback"},
        {"kind": "voicemail"},
        {"kind": "lost", "medium": "callback"},
    ],
)
def test_only_verified_requests_for_an_answer_make_an_outage(office: Office, facts: Item) -> None:
    office.comes(BEGIN, **facts)
    office.outages.look(BEGIN + MINUTE)
    assert office.told == []


def test_the_probe_makes_no_outage(office: Office) -> None:
    """Its items bear no key of the timeline."""
    put(
        office.client, {"pk": "CA1", "sk": f"{stamp(BEGIN)}#r", "time": stamp(BEGIN), "kind": "request", "trust": "verified", "probe": True}
    )
    office.outages.look(BEGIN + MINUTE)
    assert office.told == []


def test_many_at_the_same_time_tell_once(office: Office) -> None:
    """The alarm and the schedule, retries, and two schedules that overlap."""
    one_at_a_time, change = threading.Lock(), office.outages.change

    def atomic(*given: Any, **named: Any) -> bool:  # as DynamoDB's conditional writes are, and its stand-in's are not
        with one_at_a_time:
            return change(*given, **named)

    office.outages.change = atomic  # type: ignore[method-assign]
    office.comes(BEGIN)
    for now in (BEGIN + MINUTE, BEGIN + 20 * MINUTE):
        ready = threading.Barrier(8)

        def look(_: int, now: datetime = now, ready: threading.Barrier = ready) -> None:
            state = office.outages.state()
            ready.wait()  # every one of them has read the state before any changes it
            office.outages.turn(state, now)
            office.outages.tell_what_waits(now)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(look, range(8)))
    assert [subject.split()[1] for subject in office.subjects] == ["callers", "over:"]


def test_the_alarm_begins_an_outage_before_the_table_knows_of_it(office: Office) -> None:
    office.outages.look(BEGIN + MINUTE, "ALARM")
    assert "the first request just came since 23:53 UTC" in office.told[0]["Message"]
    office.comes(BEGIN)
    office.outages.look(BEGIN + 2 * MINUTE)
    assert len(office.told) == 1


def test_an_outage_does_not_end_while_the_alarm_sees_callers_come(office: Office) -> None:
    """`record` may be broken at the same time: a quiet table proves nothing then."""
    office.outages.look(BEGIN, "ALARM")
    office.minutes(BEGIN, 60)
    assert len(office.told) == 1
    office.outages.look(BEGIN + 61 * MINUTE, "OK")
    assert office.subjects[1].startswith("[production] over")


def test_a_caller_after_14_quiet_minutes_belongs_to_the_same_outage(office: Office) -> None:
    office.comes(BEGIN, "CA1")
    office.comes(BEGIN + 14 * MINUTE, "CA2")
    office.minutes(BEGIN + MINUTE, 28)
    assert len(office.told) == 1
    office.outages.look(BEGIN + 30 * MINUTE)
    assert "2 calls" in office.subjects[1]


def test_a_caller_after_16_quiet_minutes_begins_another_outage(office: Office) -> None:
    office.comes(BEGIN, "CA1")
    office.minutes(BEGIN + MINUTE, 16)
    office.comes(BEGIN + 17 * MINUTE, "CA2")
    office.minutes(BEGIN + 18 * MINUTE, 17)
    assert [("over" in subject, "1 call" in subject) for subject in office.subjects] == [(False, True), (True, True)] * 2


def test_a_line_that_comes_late_begins_no_second_outage(office: Office) -> None:
    """The journal may be delivered hours later."""
    office.comes(BEGIN, "CA1")
    office.minutes(BEGIN + MINUTE, 16)
    office.comes(BEGIN + 3 * MINUTE, "CA2")
    office.minutes(BEGIN + 60 * MINUTE, 5)
    assert len(office.told) == 2


def test_an_outage_that_nobody_was_told_of_in_time_is_told_late(office: Office) -> None:
    """No alarm, and `record` was down all the while: both messages, with the true times."""
    office.comes(BEGIN)
    office.minutes(BEGIN + 180 * MINUTE, 2)
    assert all("since 23:52 UTC" in subject for subject in office.subjects)
    assert len(office.told) == 2


def test_the_past_rebuilt_begins_no_outage(office: Office) -> None:
    office.comes(BEGIN)
    office.minutes(BEGIN + timedelta(days=2), 2)
    assert office.told == []


def test_who_dies_before_telling_leaves_it_to_the_next(office: Office) -> None:
    def dies(_: dict[str, Any]) -> None:
        raise ConnectionError

    office.comes(BEGIN)
    office.outages.tell = dies
    with pytest.raises(ConnectionError):
        office.outages.look(BEGIN + MINUTE)
    office.outages.tell = office.told.append
    office.outages.look(BEGIN + 5 * MINUTE)
    assert office.told == [], "it may still be at it"
    office.minutes(BEGIN + 8 * MINUTE, 3)
    assert len(office.told) == 1


def test_an_alarm_that_never_said_it_is_quiet_is_not_believed_for_ever(office: Office) -> None:
    """Its word may have been lost on the way."""
    office.outages.look(BEGIN, "ALARM")
    office.minutes(BEGIN + timedelta(hours=6), 3)
    assert [subject.split()[1] for subject in office.subjects] == ["callers", "over:"]


def test_an_alarm_that_is_made_and_well_begins_nothing(office: Office) -> None:
    """CloudWatch invokes us for the first time when the stack is deployed."""
    office.outages.look(BEGIN, "OK")
    assert office.told == []
    office.comes(BEGIN)
    office.outages.look(BEGIN + MINUTE)
    assert len(office.told) == 1


def test_it_is_the_alarm_that_invoked_us_or_the_schedule() -> None:
    assert alarm_in(went_off(BEGIN), BEGIN + MINUTE) == "ALARM"
    assert alarm_in({"time": "2026-11-21T23:52:00Z"}, BEGIN) == ""


def went_off(when: datetime, state: str = "ALARM") -> dict[str, Any]:
    """What the alarm invokes us with."""
    return {"alarmData": {"state": {"value": state, "timestamp": when.strftime("%Y-%m-%dT%H:%M:%S.000+0000")}}}


def test_an_alarm_of_half_an_hour_ago_says_nothing_of_now() -> None:
    """It may be well since; that it *is* well is true until it changes."""
    assert alarm_in(went_off(BEGIN), BEGIN + 30 * MINUTE) == ""
    assert alarm_in(went_off(BEGIN, "OK"), BEGIN + 30 * MINUTE) == "OK"


def test_the_moment_is_the_one_that_was_meant() -> None:
    """A schedule may come late; the local cloud's does not say."""
    assert meant({"time": "2026-11-21T23:52:07Z"}) == BEGIN
    assert meant({"time": "<aws.scheduler.scheduled-time>"}) > BEGIN


# What a simulation of the whole pipeline found


def throttled() -> ClientError:
    """What SNS or DynamoDB says while it refuses."""
    return ClientError({"Error": {"Code": "ThrottledException", "Message": "Rate exceeded"}}, "Publish")


def test_a_lost_ok_of_the_alarm_keeps_no_outage_open(office: Office) -> None:
    """The table was throttled when the alarm said OK, three times; the next outage must be announced all the same."""
    office.alarm = "ALARM"
    office.comes(BEGIN)
    office.outages.look(BEGIN + MINUTE, "ALARM")
    office.alarm = "OK"
    office.minutes(BEGIN + 20 * MINUTE, 3)
    office.comes(BEGIN + 100 * MINUTE, "CA2")
    office.minutes(BEGIN + 101 * MINUTE, 2)
    assert [subject.split()[1] for subject in office.subjects] == ["callers", "over:", "callers"]


def test_a_lost_alarm_begins_the_outage_with_the_next_look(office: Office) -> None:
    """Also where `record` is broken, and the table knows of nobody."""
    office.alarm = "ALARM"
    office.minutes(BEGIN, 3)
    assert [subject.split()[1] for subject in office.subjects] == ["callers"]


def test_an_alarm_that_can_be_read_keeps_the_outage_open_however_long(office: Office) -> None:
    office.alarm = "ALARM"
    office.outages.look(BEGIN)
    office.minutes(BEGIN + timedelta(hours=7), 3)
    assert len(office.told) == 1


def test_while_nothing_can_be_told_no_transition_overwrites_another(office: Office) -> None:
    """SNS is down for the whole of an outage and the beginning of the next: everything is told, in order, once it is back."""

    def refuses(_: dict[str, Any]) -> None:
        raise throttled()

    office.comes(BEGIN, "CA1")
    office.comes(BEGIN + 40 * MINUTE, "CA2")
    office.outages.tell = refuses
    for minute in range(1, 45):
        with pytest.raises(ClientError):
            office.outages.look(BEGIN + minute * MINUTE)
    office.outages.tell = office.told.append
    office.minutes(BEGIN + 45 * MINUTE, 20)
    assert [subject.split()[1] for subject in office.subjects] == ["callers", "over:", "callers", "over:"]
    assert "since 23:52" in office.subjects[0]


def test_a_beginning_that_sns_refuses_for_twenty_minutes_is_told_before_the_end(office: Office) -> None:
    """The outage of a minute is long over by then."""

    def refuses(_: dict[str, Any]) -> None:
        raise throttled()

    office.comes(BEGIN)
    office.outages.tell = refuses
    for minute in range(1, 21):
        with pytest.raises(ClientError):
            office.outages.look(BEGIN + minute * MINUTE)
    office.outages.tell = office.told.append
    office.minutes(BEGIN + 21 * MINUTE, 3)
    assert [subject.split()[1] for subject in office.subjects] == ["callers", "over:"]


def test_answers_that_are_lost_do_not_tell_people_by_the_dozen(office: Office) -> None:
    """SNS takes the message and its answer never comes, for 40 minutes: nobody can know, so it is sent again, but seldom."""
    sent: list[str] = []

    def loses_its_answer(what: dict[str, Any]) -> None:
        sent.append(what["Subject"])
        raise ReadTimeoutError(endpoint_url="https://sns.us-east-1.amazonaws.com")

    office.comes(BEGIN)
    office.outages.tell = loses_its_answer
    for minute in range(1, 41):
        with suppress(ReadTimeoutError):
            office.outages.look(BEGIN + minute * MINUTE)
    office.outages.tell = office.told.append
    office.minutes(BEGIN + 41 * MINUTE, 60)
    assert 1 < len(sent) <= 4
    assert [subject.split()[1] for subject in office.subjects] == ["callers", "over:"]


def test_what_another_look_told_meanwhile_is_not_told_again(office: Office) -> None:
    """Between reading what is to be told and claiming it, the other look does all of its work."""
    office.comes(BEGIN)
    claim, now = office.outages.claim, BEGIN + MINUTE

    def late(*given: Any) -> bool:
        office.outages.claim = claim  # type: ignore[method-assign]
        office.outages.look(now)
        return claim(*given)

    office.outages.claim = late  # type: ignore[method-assign,assignment]
    office.outages.look(now)
    assert len(office.told) == 1


def test_an_alarm_that_comes_late_begins_nothing_where_it_can_be_read(office: Office) -> None:
    """Lambda keeps what it could not deliver for hours; the alarm has long been well."""
    office.alarm = "OK"
    office.outages.look(BEGIN, "ALARM")
    office.minutes(BEGIN + MINUTE, 20)
    assert office.told == []


def test_an_outage_that_the_alarm_began_is_not_over_while_its_requests_are_on_their_way(office: Office) -> None:
    """The table knows only of one before it, which came too late to keep the earlier outage open."""
    office.comes(BEGIN - 12 * MINUTE)
    office.table.put_item(
        Item={"pk": "outage", "sk": "state", "open": False, "since": stamp(BEGIN - 30 * MINUTE), "last": stamp(BEGIN - 24 * MINUTE)}
    )
    office.outages.look(BEGIN - 9 * MINUTE - timedelta(seconds=1), "ALARM")
    office.outages.look(BEGIN + 5 * MINUTE, "OK")
    assert len(office.told) == 1
    office.outages.look(BEGIN + 7 * MINUTE)
    assert len(office.told) == 2


def test_what_was_told_and_could_not_be_noted_is_not_told_every_minute(office: Office) -> None:
    """The table is throttled just then: not SNS has refused, so that nobody may try again at once."""
    office.comes(BEGIN)
    change = office.outages.change

    def throttles(values: Item, *given: Any, **named: Any) -> bool:
        if named.get("gone") == ("pending[0]",):
            raise throttled()
        return change(values, *given, **named)

    office.outages.change = throttles  # type: ignore[method-assign]
    for minute in range(1, 6):
        with suppress(ClientError):
            office.outages.look(BEGIN + minute * MINUTE)
    assert len(office.told) == 1


def test_what_an_older_version_noted_is_told(office: Office) -> None:
    """It kept one word, and a claim."""
    told = {"open": True, "since": stamp(BEGIN), "last": stamp(BEGIN), "pending": "begin", "claimed": stamp(BEGIN)}
    office.table.put_item(Item={"pk": "outage", "sk": "state"} | told)
    office.comes(BEGIN)
    office.minutes(BEGIN + 8 * MINUTE, 12)
    assert [subject.split()[1] for subject in office.subjects] == ["callers", "over:"]


def test_a_table_that_takes_nothing_is_as_good_as_gone(office: Office) -> None:
    """It may be read, and no outage can be noted in it."""
    assert office.outages.can_be_used()

    def refuses(*_: Any, **__: Any) -> bool:
        raise throttled()

    office.alarm = "OK"
    office.minutes(BEGIN, 1)
    office.alarm = "ALARM"
    office.outages.change = refuses  # type: ignore[method-assign]
    assert not office.outages.can_be_used()


def test_where_the_table_is_gone_people_hear_at_least_what_the_alarm_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """ "Callers come to the fallback" must not wait for a table."""
    with without_a_table(monkeypatch, []) as published:
        outage.handler({"alarmData": {"state": {"value": "ALARM"}}}, CONTEXT)
        assert published[0]["Subject"] == "[production] callers come to the fallback; the event table cannot be used"
        with pytest.raises(ClientError):
            outage.handler({"alarmData": {"state": {"value": "OK"}}}, CONTEXT)


def test_where_table_and_topic_are_gone_the_function_fails_loudly_and_tells_people_once_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its errors are an alarm of their own. The alarm's word comes once, so every full hour it is told again."""
    ringing = [{"StateValue": "ALARM"}]
    with without_a_table(monkeypatch, ringing) as published:
        with monkeypatch.context() as broken:
            down = SimpleNamespace(publish=refused, describe_alarms=lambda **_: {"MetricAlarms": ringing})
            broken.setattr("lambdas.workers.outage.boto3.client", lambda *_, **__: down)
            with pytest.raises(ClientError, match="Publish"):
                outage.handler(went_off(datetime.now(UTC)), CONTEXT)
        for minute in (58, 59, 61):
            with pytest.raises(ClientError, match="GetItem"):
                outage.handler({"time": (HOUR + minute * MINUTE).isoformat()}, CONTEXT)
        assert published == []
        outage.handler({"time": (HOUR + 60 * MINUTE).isoformat()}, CONTEXT)
        assert [each["Subject"] for each in published] == ["[production] callers come to the fallback; the event table cannot be used"]


@pytest.mark.parametrize("alarms", [[{"StateValue": "OK"}], []], ids=["well", "unreadable"])
def test_an_alarm_that_does_not_go_off_is_no_reminder(monkeypatch: pytest.MonkeyPatch, alarms: list[dict[str, str]]) -> None:
    with without_a_table(monkeypatch, alarms) as published:
        with pytest.raises(ClientError):
            outage.handler({"time": HOUR.isoformat()}, CONTEXT)
        assert published == []


def refused(**_: Any) -> None:
    """SNS is down."""
    raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "down"}}, "Publish")


@pytest.mark.parametrize(("ago", "alarms"), [(30, []), (1, [{"StateValue": "OK"}])], ids=["late", "well again"])
def test_an_alarm_that_comes_late_while_the_table_is_gone_invents_no_outage(
    monkeypatch: pytest.MonkeyPatch, ago: int, alarms: list[dict[str, str]]
) -> None:
    """Lambda brings the alarm's word half an hour late, or it is well already: nobody is called out of bed for that."""
    with without_a_table(monkeypatch, alarms) as published:
        with pytest.raises(ClientError):
            outage.handler(went_off(datetime.now(UTC) - ago * MINUTE), CONTEXT)
        assert published == []


@contextmanager
def without_a_table(monkeypatch: pytest.MonkeyPatch, alarms: list[dict[str, str]]) -> Iterator[list[dict[str, Any]]]:
    """The function's AWS, in which the table is gone, and the alarm can be read or not; what it publishes."""
    with event_table():
        names = {"FALLBACK_ENVIRONMENT": "production", "TABLE_NAME": "gone", "TOPIC_ARN": "alerts", "ALARM_NAME": "a"}
        for name, value in (names | {"AWS_DEFAULT_REGION": "us-east-1"}).items():
            monkeypatch.setenv(name, value)
        published: list[dict[str, Any]] = []
        client = SimpleNamespace(publish=lambda **what: published.append(what), describe_alarms=lambda **_: {"MetricAlarms": alarms})
        monkeypatch.setattr("lambdas.workers.outage.boto3.client", lambda *_, **__: client)
        yield published
