"""Outages read off events that come newest first."""

from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.workers.events import Item
from ops.outages import outages
from ops.period import stamp

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def event(minutes_ago: float, sid: str, **facts: Any) -> Item:
    time = stamp(NOW - timedelta(minutes=minutes_ago))
    return {"pk": sid, "sk": time, "time": time, "kind": "request", "medium": "voice", "trust": "verified", "error_code": "11200"} | facts


def test_fifteen_quiet_minutes_part_two_outages() -> None:
    events = [event(ago, f"CA{ago}") for ago in (1, 5, 19, 34.1, 40)]
    found = list(outages(events))
    assert [(len(outage.calls), outage.length) for outage in found] == [(3, timedelta(minutes=18)), (2, timedelta(minutes=5.9))]
    assert [outage.is_on(NOW) for outage in found] == [True, False]


def test_callers_texts_and_messages_are_counted_once_each() -> None:
    steps = {"error_code": None}
    events = [
        event(1, "CA1", kind="voicemail", medium="callback", state="stored"),
        event(2, "CA1", **steps),
        event(3, "SM1", medium="sms", error_url="https://app.example.com/calls"),
        event(4, "CA1", error_url="https://app.example.com/calls?x=1"),
        event(5, "CA2", entry="trunk", error_code=None, trunk="main"),
    ]
    [outage] = outages(events)
    assert (outage.calls, outage.texts, outage.messages) == ({"CA1", "CA2"}, {"SM1"}, {"CA1"})
    assert outage.codes == {"11200": 2, "trunk": 1}
    assert set(outage.urls) == {"https://app.example.com/calls", "trunk main"}


def test_a_message_belongs_to_the_call_before_it_not_to_the_outage_after() -> None:
    message = event(58, "CA1", kind="voicemail", state="stored")
    later, earlier = outages([event(1, "CA2"), message, event(60, "CA1")])
    assert (later.messages, earlier.messages) == (set(), {"CA1"})


def test_a_message_that_bears_an_earlier_second_than_its_call_is_counted_with_it() -> None:
    """Twilio tells when a recording began in whole seconds."""
    message = event(60.01, "CA1", kind="voicemail", state="stored")
    found = outages([event(1, "CA2"), event(60, "CA1"), message, event(90, "CA3")])
    assert [outage.messages for outage in found] == [set(), {"CA1"}, set()]
    [alone] = outages([event(60, "CA1"), message])
    assert alone.messages == {"CA1"}


def test_forged_requests_are_no_outage() -> None:
    assert list(outages([event(1, "CA1", trust="forged")])) == []


def test_a_recording_in_which_nothing_was_said_is_no_message() -> None:
    [outage] = outages([event(1, "CA1", kind="voicemail", state="empty"), event(2, "CA1")])
    assert outage.messages == set()


def test_callbacks_alone_are_no_outage() -> None:
    assert list(outages([event(1, "CA1", kind="recording", medium="callback", error_code="0")])) == []
