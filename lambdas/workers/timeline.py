"""The timeline for workers: what the event table's index says of a window, in order of time, never a scan.

Each day has four shards; they are read page by page and merged, so that memory stays flat and a reader who stops early asks no more.
"""

import heapq
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import ConditionBase, Key

from lambdas.answer.signature import VERIFIED
from lambdas.workers.events import ANSWERED, SHARDS, TIMELINE, Item, strangers

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

#: What is read of a request that nobody vouches for. Strangers say how large the rest is, and how much of it there is.
CLAIMED = "sid, #time, medium, trust, entry, trunk, params.AccountSid"


class Timeline:
    """The events of one table."""

    def __init__(self, table: "Table") -> None:
        self.table = table

    def events(self, since: datetime, until: datetime, newest_first: bool = False) -> Iterator[Item]:
        """What the index holds of each event between two moments."""
        bounds = stamp(since), stamp(until)
        for day in days(since, until, newest_first):
            shards = [self.shard(f"{day}#{number}", *bounds, newest_first) for number in range(SHARDS)]
            yield from heapq.merge(*shards, key=itemgetter("time"), reverse=newest_first)

    def strangers(self, since: datetime, until: datetime) -> Iterator[Item]:
        """Requests between two moments that nobody vouches for; they are on no timeline."""
        for day in days(since, until, newest_first=False):
            for number in range(SHARDS):
                condition = Key("pk").eq(strangers(f"{day}#{number}")) & Key("sk").between(stamp(since), stamp(until))
                yield from self.pages(condition, ProjectionExpression=CLAIMED, ExpressionAttributeNames={"#time": "time"})

    def shard(self, shard: str, since: str, until: str, newest_first: bool) -> Iterator[Item]:
        """The events of one shard, page by page."""
        condition = Key("day_shard").eq(shard) & Key("time").between(since, until)
        return self.pages(condition, IndexName=TIMELINE, ScanIndexForward=not newest_first)

    def pages(self, condition: ConditionBase, **more: Any) -> Iterator[Item]:
        """Everything that a query finds, page by page."""
        query: dict[str, Any] = {"KeyConditionExpression": condition, **more}
        while True:
            page = self.table.query(**query)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def days(since: datetime, until: datetime, newest_first: bool) -> Iterator[str]:
    """The days between two moments, `2026-11-21`."""
    count = (until.date() - since.date()).days + 1
    numbers = reversed(range(count)) if newest_first else range(count)
    return ((since.date() + timedelta(days=number)).isoformat() for number in numbers)


def is_fallback(event: Item) -> bool:
    """Whether an event says that Twilio sent a caller or a text here: what outages are made of. Of a request that nobody vouched for
    Twilio's lists said so, soon afterwards; what they tell of lines that were lost comes too late to be news."""
    kind, trust = event.get("kind"), event.get("trust")
    return event.get("medium") in ("voice", "sms") and ((kind == "request" and trust == VERIFIED) or (kind == ANSWERED and bool(trust)))


def is_message(event: Item) -> bool:
    """Whether an event says that a caller left something to hear."""
    return event.get("kind") == "voicemail" and event.get("state") != "empty"


def stamp(moment: datetime) -> str:
    """A moment as events bear it: `2026-11-21T02:41:07.123456Z`; sorts as text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
