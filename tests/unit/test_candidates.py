"""What may be handed back: classes, order, and how far each one has come."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.workers.events import Item
from lambdas.workers.hand_back import ORIGINAL, lost_callback
from lambdas.workers.webhook import Ask
from ops.candidates import EXPIRED, FOREIGN, PERHAPS, READY, UNKNOWN, Allowed, Candidate, plan, unfinished
from ops.period import Period, stamp
from tests.unit.engineer import add, deployment, desk, emptied, event, sid

HOSTS = ("app.example.com",)
URL = "https://app.example.com/texts"


@pytest.fixture(scope="module", autouse=True)
def cloud() -> Iterator[None]:
    with deployment():
        yield


@pytest.fixture(autouse=True)
def empty(cloud: None) -> None:
    emptied()


def text(number: int, minutes_ago: float, code: str = "11202", body: str = "Hello", **facts: Any) -> list[Item]:
    """A missed text and its original."""
    ago = timedelta(minutes=minutes_ago)
    missed = event(sid("SM", number), ago, medium="sms", entry="sms", error_code=code, error_url=URL, params={"Body": body}, **facts)
    return [missed, {"pk": missed["pk"], "sk": ORIGINAL + missed["sk"], "form": f"Body={body}"}]


def found(hosts: tuple[str, ...] = HOSTS) -> list[Candidate]:
    return plan(desk().history, Period.last(timedelta(hours=2), datetime.now(UTC)), hosts)


def statuses() -> dict[str, str]:
    return {candidate.event["pk"][-1]: candidate.status for candidate in found()}


@pytest.mark.parametrize("code", ["11201", "11202", "11210", "11220", "11235", "11236", "11237", "11100"])
def test_what_could_not_connect_was_certainly_not_delivered(code: str) -> None:
    add(*text(1, 5, code))
    assert [candidate.status for candidate in found()] == [READY]


@pytest.mark.parametrize("code", ["11200", "11203", "11205", "11217", "12100", "12300", "11750", "99999"])
def test_time_outs_failures_bad_twiml_and_the_unknown_were_perhaps_processed(code: str) -> None:
    add(*text(1, 5, code))
    [candidate] = found()
    assert candidate.status == PERHAPS
    assert not candidate.goes(Allowed())
    assert candidate.goes(Allowed(include_perhaps=True))


def test_stop_and_start_go_first_then_all_by_time() -> None:
    for number, body in ((1, "Hello"), (2, "Thanks"), (3, " stop "), (4, "START"), (5, "please do not stop")):
        add(*text(number, 10 - number, body=body))
    assert [candidate.event["pk"][-1] for candidate in found()] == ["3", "4", "1", "2", "5"]


def test_a_text_that_came_twice_goes_once() -> None:
    first, second = text(1, 5), text(1, 4)
    add(*second, *first)
    [candidate] = found()
    assert candidate.event["sk"] == first[0]["sk"]


def test_calls_callbacks_of_recordings_and_strangers_are_no_candidates() -> None:
    add(event(sid("CA", 1)), event(sid("CA", 2), kind="recording", medium="callback", error_code="0"))
    add(*text(3, 5, trust="forged"), *text(4, 5, code=""))
    assert found() == []


def test_what_cannot_go_says_why() -> None:
    add(text(1, 5)[0], *text(2, 5))
    assert statuses() == {"1": EXPIRED, "2": READY}
    assert {candidate.status for candidate in found(("other.example.com",))} == {FOREIGN}


@pytest.mark.parametrize(
    ("state", "status", "goes_again"),
    [("sending", UNKNOWN, True), ("perhaps", UNKNOWN, True), ("not delivered", READY, True), ("delivered", "delivered", False)],
)
def test_an_earlier_attempt_decides_what_may_happen_now(state: str, status: str, goes_again: bool) -> None:
    add(*text(1, 5), {"pk": sid("SM", 1), "sk": "replay#text", "kind": "replay", "state": state, "event": "x"})
    [candidate] = found()
    assert candidate.status == status
    assert candidate.goes(Allowed(again=True)) is goes_again
    assert candidate.goes(Allowed()) is (status == READY)


def test_a_lost_callback_is_a_candidate_with_its_own_address() -> None:
    ask = Ask("https://app.example.com/calls/ended?key=secret", "AccountSid=AC1&CallSid=CA1", "voice")
    add(*lost_callback("NO1", stamp(datetime.now(UTC) - timedelta(minutes=3)), sid("CA", 1), "11210", ask, (400, 30)))
    [candidate] = found()
    assert (candidate.status, candidate.is_text, candidate.origin) == (READY, False, "https://app.example.com/")
    assert candidate.event["error_url"] == "https://app.example.com/calls/ended?key=***"


def test_what_was_not_finished_is_found_whenever_it_was() -> None:
    old = text(1, 60 * 24 * 20)
    replay = {"pk": sid("SM", 1), "sk": "replay#text", "kind": "replay", "state": "sending", "todo": "replay", "time": old[0]["time"]}
    add(*old, replay | {"event": old[0]["sk"]})
    assert [candidate.status for candidate in unfinished(desk().history, HOSTS)] == [UNKNOWN]
