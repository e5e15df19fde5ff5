"""Outages as a model: random requests, alarms that are lost or late, a table and SNS that fail at any moment, looks within looks.

Whatever happens, people hear once that an outage began and then once that it is over, though the same words may come twice where an
answer was lost. Where looks overlap and nothing fails, they hear of each outage exactly once.
"""

import copy
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from boto3.dynamodb.conditions import And, AttributeExists, AttributeNotExists, ConditionBase, Equals, Or
from botocore.exceptions import ClientError, ReadTimeoutError

from lambdas.workers.events import Item, day_shard
from lambdas.workers.outage import Outages
from lambdas.workers.timeline import stamp

START = datetime(2026, 11, 21, 0, 0, 7, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
REFUSED = ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "UpdateItem")
LOST = ReadTimeoutError(endpoint_url="https://us-east-1.amazonaws.com")
NOT_FULFILLED = ClientError({"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}, "UpdateItem")


class Table:
    """What `Outages` asks of DynamoDB, in memory and all at once; `befalls` is called at each moment at which something may happen."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.item: Item = {}
        self.events: list[Item] = []

    def get_item(self, **_: Any) -> Item:
        self.world.befalls()
        return {"Item": copy.deepcopy(self.item)}

    def query(self, KeyConditionExpression: Any, ScanIndexForward: bool, **_: Any) -> Item:  # noqa: N803 - boto3's names
        self.world.befalls()
        shard, between = KeyConditionExpression.get_expression()["values"]
        first, last = between.get_expression()["values"][1:]
        wanted = shard.get_expression()["values"][1]
        found = [event for event in self.events if event["day_shard"] == wanted and first <= event["time"] <= last]
        return {"Items": sorted(found, key=lambda event: str(event["time"]), reverse=not ScanIndexForward)}

    def update_item(self, UpdateExpression: str, ConditionExpression: Any, **given: Any) -> None:  # noqa: N803 - boto3's names
        self.world.befalls()
        if not self.holds(ConditionExpression):
            raise NOT_FULFILLED
        self.item |= {"pk": "outage"}
        sets, removed = re.fullmatch(r"(?:SET (.*?))? ?(?:REMOVE (.*))?", UpdateExpression).groups("")  # type: ignore[union-attr]
        names, values = given.get("ExpressionAttributeNames", {}), copy.deepcopy(given.get("ExpressionAttributeValues", {}))
        for name, value in re.findall(r"(\S+) = (list_append|:\w+)", sets):
            if value == "list_append":
                self.item[name] = self.item.get(name, []) + values[":one"]
            else:
                self.item[names[name]] = values[value]
        for name in removed.split(", "):
            if name == "pending[0]":
                self.item["pending"].pop(0)
            else:
                self.item.pop(name, None)
        self.world.befalls()

    def holds(self, condition: ConditionBase) -> bool:
        """Whether a condition holds."""
        asked, *values = condition.get_expression()["values"]
        if isinstance(condition, And | Or):
            return (all if isinstance(condition, And) else any)(self.holds(each) for each in (asked, *values))
        there = (self.item.get("pending") or [None])[0] if asked.name == "pending[0]" else self.item.get(asked.name)
        if isinstance(condition, Equals):
            return bool(there == values[0])
        assert isinstance(condition, AttributeExists | AttributeNotExists)
        return (there is not None) == isinstance(condition, AttributeExists)


class World:
    """Some hours of one environment."""

    def __init__(self, seed: int, faults: bool) -> None:
        self.random = random.Random(seed)
        self.faults = faults
        self.table = Table(self)
        self.now = START
        self.alarm = "OK"
        self.failing = 0.0
        self.sns = ""
        self.within = 0
        self.told: list[str] = []
        self.outages = list(self.planned())

    def planned(self) -> Iterator[list[int]]:
        """The minutes at which requests come, in outages that have more than 15 quiet minutes between them."""
        minute = 0
        for _ in range(self.random.randint(1, 3)):
            minute += self.random.choice((25, 40, 90))
            outage = [minute]
            for _ in range(self.random.randint(0, 5)):
                outage.append(minute := minute + self.random.choice((1, 1, 3, 8)))
            yield outage

    def befalls(self) -> None:
        """Something fails, or another look does all of its work in between."""
        chance = self.random.random()
        if chance < self.failing:
            raise self.random.choice((REFUSED, LOST))
        if chance > 0.93 and self.within < 2:
            self.looks()

    def tell(self, message: dict[str, Any]) -> None:
        if self.sns == "refuses":
            raise REFUSED
        self.told.append(message["MessageAttributes"]["state"]["StringValue"])
        if self.sns == "loses its answer":
            raise LOST

    def looks(self, alarm: str = "") -> bool:
        """One look; whether it came to its end."""
        self.within += 1
        try:
            level = "" if self.random.random() < self.failing else self.alarm
            Outages(self.table, "production", self.tell, lambda: level).look(self.now, alarm)  # type: ignore[arg-type]
        except (ClientError, ReadTimeoutError):
            return False
        finally:
            self.within -= 1
        return True

    def passes(self) -> None:
        """Minute by minute, until all has long been well."""
        comes = {minute for outage in self.outages for minute in outage}
        recorded = [(minute + self.random.choice((0, 1, 2, 5)), minute) for minute in comes]
        changes: list[tuple[int, str]] = []
        end = max(comes) + 120
        for minute in range(end):
            self.now = START + minute * MINUTE
            self.goes_wrong(minute, end)
            self.table.events += [request(came) for moment, came in recorded if moment == minute]
            alarm = "ALARM" if {minute, minute - 1} & comes else "OK"
            if alarm != self.alarm:
                self.alarm = alarm
                changes += [(minute, alarm)] if not self.faults or self.random.random() > 0.3 else []
            changes = [change for change in changes if not self.looks(change[1]) and minute - change[0] < 3]
            self.looks()

    def goes_wrong(self, minute: int, end: int) -> None:
        """The table or SNS begins to fail, or is well again; for the last hour everything is."""
        if minute == end - 60:
            self.failing, self.sns = 0.0, ""
        if self.faults and minute < end - 60:
            if self.random.random() < 0.03:
                self.failing = self.random.choice((0.0, 0.0, 0.1, 0.3, 0.9))
            if self.random.random() < 0.03:
                self.sns = self.random.choice(("", "", "refuses", "loses its answer"))


def request(minute: int) -> Item:
    """A verified request, as the timeline has it."""
    moment, call = stamp(START + minute * MINUTE), f"CA{minute}"
    item = {"pk": call, "kind": "request", "trust": "verified", "medium": "voice", "time": moment}
    return item | {"day_shard": day_shard(moment, call)}


@pytest.mark.parametrize("seed", range(60))
def test_where_nothing_fails_each_outage_is_told_once(seed: int) -> None:
    world = World(seed, faults=False)
    world.passes()
    assert world.told == ["begin", "end"] * len(world.outages)


@pytest.mark.parametrize("seed", range(60))
def test_whatever_fails_begin_and_end_take_turns_and_none_is_invented(seed: int) -> None:
    world = World(seed, faults=True)
    world.passes()
    heard = [state for before, state in pairwise(["", *world.told]) if state != before]
    assert heard
    assert heard == ["begin", "end"] * (len(heard) // 2)
    assert len(heard) // 2 <= len(world.outages)
