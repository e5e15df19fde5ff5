"""Reading the event table: in order, over days, shards and regions, without a scan and with flat memory."""

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.workers.events import Item, day_shard
from ops.history import FEW, History, Region, plain
from ops.period import Period, stamp
from tests.unit.event_table import TABLE, event_table, put

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def event(number: int, ago: timedelta, **facts: Any) -> Item:
    """One event, so long before now."""
    time, pk = stamp(NOW - ago), f"CA{number:032x}"
    return {"pk": pk, "sk": f"{time}#{number}", "time": time, "kind": "request", "day_shard": day_shard(time, pk)} | facts


def reader(*clients: "DynamoDBClient") -> History:
    return History([Region(client.meta.region_name, client, TABLE) for client in clients])


@pytest.fixture
def table() -> Iterator["DynamoDBClient"]:
    with event_table() as [client]:
        yield client


def test_events_come_newest_first_over_shards_and_days(table: "DynamoDBClient") -> None:
    put(table, *(event(number, timedelta(minutes=17 * number)) for number in range(300)))
    found = [item["time"] for item in reader(table).events(Period.last(timedelta(days=3), NOW))]
    assert len(found) == 255  # every 17 of 4320 minutes, both ends included
    assert found == sorted(found, reverse=True)


def test_events_come_oldest_first_when_asked(table: "DynamoDBClient") -> None:
    put(table, *(event(number, timedelta(hours=number)) for number in range(40)))
    found = [item["time"] for item in reader(table).events(Period.last(timedelta(days=3), NOW), newest_first=False)]
    assert len(found) == 40
    assert found == sorted(found)


def test_a_period_keeps_what_is_outside_out(table: "DynamoDBClient") -> None:
    put(table, *(event(number, timedelta(minutes=number)) for number in range(1, 20)))
    found = list(reader(table).events(Period(NOW - timedelta(minutes=10), NOW - timedelta(minutes=5))))
    assert [item["pk"][-1] for item in found] == ["5", "6", "7", "8", "9", "a"]


def test_an_empty_period_is_empty(table: "DynamoDBClient") -> None:
    assert list(reader(table).events(Period.last(timedelta(days=30), NOW))) == []


def test_pages_are_followed_to_the_end(table: "DynamoDBClient") -> None:
    """A page holds 1 MB: these make several in each shard."""
    put(table, *(event(number, timedelta(seconds=number), error_url="https://app.example.com/" + "x" * 16000) for number in range(350)))
    assert sum(1 for _ in reader(table).events(Period.last(timedelta(hours=1), NOW))) == 350


def test_regions_are_merged_in_order_and_named() -> None:
    with event_table("us-east-1", "eu-central-1") as [one, other]:
        put(one, *(event(number, timedelta(minutes=2 * number)) for number in range(5)))
        put(other, *(event(100 + number, timedelta(minutes=2 * number + 1)) for number in range(5)))
        found = list(reader(one, other).events(Period.last(timedelta(hours=1), NOW)))
    assert [item["region"] for item in found] == ["us-east-1", "eu-central-1"] * 5


def test_a_story_is_one_call_in_order(table: "DynamoDBClient") -> None:
    story = [event(7, timedelta(minutes=minutes)) for minutes in (3, 2, 1)]
    put(table, *reversed(story), event(8, timedelta(minutes=2)), {"pk": story[0]["pk"], "sk": "original#x", "form": "a=b"})
    found = reader(table).story(story[0]["pk"])
    assert [item["sk"] for item in found] == ["original#x", *(item["sk"] for item in story)]


def test_what_waits_is_found_by_what_for(table: "DynamoDBClient") -> None:
    put(table, event(1, timedelta(hours=1), todo="replay"), event(2, timedelta(hours=2), todo="voicemail"), event(3, timedelta(hours=2)))
    assert [item["pk"][-1] for item in reader(table).waiting("replay")] == ["1"]


def test_many_keys_are_read_at_once(table: "DynamoDBClient") -> None:
    made = [event(number, timedelta(seconds=number)) for number in range(250)]
    put(table, *made)
    keys = [(item["pk"], item["sk"]) for item in made]
    assert set(reader(table).items([*keys, ("CA0", "none")])) == set(keys)


def test_nothing_is_scanned(table: "DynamoDBClient") -> None:
    """Every request that the reader makes is a query or a get of keys."""
    asked: set[str] = set()
    table.meta.events.register("before-call.dynamodb.*", lambda model, **_: asked.add(model.name))
    history = reader(table)
    list(history.events(Period.last(timedelta(days=2), NOW)))
    history.story("CA1"), list(history.waiting("replay")), history.items([("CA1", "x")])
    assert asked == {"Query", "BatchGetItem"}


def test_memory_stays_flat_however_much_is_read() -> None:
    """Thirty days of large pages take no more memory than three."""

    def peak(days: int) -> int:
        history = History([Region("here", Endless(), "t")])  # type: ignore[arg-type]
        tracemalloc.start()
        for _ in history.events(Period.last(timedelta(days=days), NOW)):
            pass
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    assert peak(20) < 1.5 * peak(3)


def test_who_stops_early_asks_for_nothing_beyond() -> None:
    """No second page of a shard and no second day; who reads all of it has the next page under way."""

    def pages_read(may_stop: bool) -> int:
        client = Endless()
        history = History([Region("here", client, "t")])  # type: ignore[arg-type]
        next(history.events(Period.last(timedelta(days=5), NOW), may_stop=may_stop))
        history.pool.shutdown()
        return len(client.pages)

    assert pages_read(may_stop=True) == 4
    assert pages_read(may_stop=False) > 8


def test_who_may_stop_is_given_a_few_items_first_and_then_ever_more(table: "DynamoDBClient") -> None:
    limits: list[int] = []
    table.meta.events.register("provide-client-params.dynamodb.Query", lambda params, **_: limits.append(params["Limit"]))
    put(table, *(event(number, timedelta(seconds=number)) for number in range(500)))
    assert sum(1 for _ in reader(table).events(Period.last(timedelta(hours=1), NOW), may_stop=True)) == 500
    assert {FEW, 2 * FEW, 4 * FEW} <= set(limits)
    assert max(limits) <= 8 * FEW


class Endless:
    """A client whose table holds five pages in every shard of every day."""

    def __init__(self) -> None:
        self.pages: list[int] = []  #: that were asked for

    def query(self, ExpressionAttributeValues: Any, ExclusiveStartKey: int = 1, **_: Any) -> Any:  # noqa: N803
        time = ExpressionAttributeValues[":first"]
        self.pages.append(ExclusiveStartKey)
        items = [{"pk": {"S": "CA"}, "time": time, "error_url": {"S": "x" * 100 + str(number)}} for number in range(50)]
        return {"Items": items} | ({"LastEvaluatedKey": ExclusiveStartKey + 1} if ExclusiveStartKey < 5 else {})


def test_attributes_become_what_python_has() -> None:
    typed = {"a": {"S": "x"}, "b": {"N": "12"}, "c": {"N": "1.5"}, "d": {"BOOL": True}, "e": {"M": {"f": {"L": [{"N": "-1"}]}}}}
    assert plain(typed) == {"a": "x", "b": 12, "c": 1.5, "d": True, "e": {"f": [-1]}}
