"""The history of what the fallback did: the only reader of the event table.

Three ways in, none of them a scan: the `timeline` index by day and shard, the key itself (the story of a call), the sparse `todo` index.
Every region is read at the same time and merged. Each shard holds one page and the next one, so memory stays flat however much is read.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from lambdas.workers.events import SHARDS, TIMELINE, TODO, Item
from ops.deployment import explained
from ops.period import Period

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEYS_AT_ONCE = 100  #: the most that BatchGetItem takes
FEW = 25  #: items of the first page of a shard, where reading may stop early
Key = tuple[str, str]
Page = list[Item]


@dataclass(frozen=True)
class Region:
    """One region's event table and a client for it."""

    name: str
    client: "DynamoDBClient"
    table: str

    def pages(self, **query: Any) -> Iterator[Page]:
        """The pages of a query, each item with the region it came from; where a `Limit` is given, each page has twice the one before."""
        asked: Any = {"TableName": self.table, **query}
        while asked:
            with explained(f"the event table {self.table} in {self.name}"):
                answer = self.client.query(**asked)
            yield [plain(item) | {"region": self.name} for item in answer["Items"]]
            asked = behind(asked, answer)


class History:
    """What happened, over one or more regions. Items are as `lambdas.workers.events` writes them, and `region`."""

    def __init__(self, regions: Sequence[Region]) -> None:
        self.regions = regions
        self.pool = ThreadPoolExecutor(2 * SHARDS * len(regions), thread_name_prefix="history")

    def events(self, period: Period, newest_first: bool = True, may_stop: bool = False) -> Iterator[Item]:
        """Everything on the timeline in a period, in order of time. Who may stop early is given a few items first, and no day is asked for
        before it is reached."""
        days = (self.day(day, period, newest_first, may_stop) for day in period.days(newest_first))
        if may_stop:
            yield from chain.from_iterable(days)
            return
        current = next(days)
        for following in days:  # its queries are under way while the current day is read
            yield from current
            current = following
        yield from current

    def day(self, day: str, period: Period, newest_first: bool, may_stop: bool) -> Iterator[Item]:
        """One day's events; its shards are asked for at once, before anything is read."""
        first, last = period.bounds
        query = {
            "IndexName": TIMELINE,
            "KeyConditionExpression": "day_shard = :day AND #time BETWEEN :first AND :last",
            "ExpressionAttributeNames": {"#time": "time"},
            "ScanIndexForward": not newest_first,
            **({"Limit": FEW} if may_stop else {}),
        }
        shards = [
            self.ahead(region.pages(**query, ExpressionAttributeValues=texts(day=f"{day}#{shard}", first=first, last=last)), not may_stop)
            for region in self.regions
            for shard in range(SHARDS)
        ]
        return heapq.merge(*shards, key=itemgetter("time"), reverse=newest_first)

    def story(self, sid: str) -> list[Item]:
        """All that is known of one call or message, in order; nothing for one that never reached us."""
        return sorted(self.under(sid), key=lambda item: (item.get("time") or "", item["sk"]))

    def under(self, pk: str, prefix: str = "") -> Iterator[Item]:
        """The items of one key, or those whose sort key begins so."""
        condition = "pk = :pk AND begins_with(sk, :prefix)" if prefix else "pk = :pk"
        values = texts(pk=pk, prefix=prefix) if prefix else texts(pk=pk)
        return self.everywhere(KeyConditionExpression=condition, ExpressionAttributeValues=values)

    def latest(self, pk: str) -> Item | None:
        """The item of a key with the highest sort key."""
        query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": texts(pk=pk), "ScanIndexForward": False, "Limit": 1}
        pages: list[Future[Page]] = [self.pool.submit(next, region.pages(**query), []) for region in self.regions]
        return max((item for page in pages for item in page.result()), key=itemgetter("sk"), default=None)

    def waiting(self, todo: str) -> Iterator[Item]:
        """What waits for somebody, oldest first within a region."""
        return self.everywhere(IndexName=TODO, KeyConditionExpression="todo = :todo", ExpressionAttributeValues=texts(todo=todo))

    def everywhere(self, **query: Any) -> Iterator[Item]:
        """One query in every region at the same time."""
        for items in [self.ahead(region.pages(**query)) for region in self.regions]:
            yield from items

    def items(self, keys: Iterable[Key], attributes: str = "") -> dict[Key, Item]:
        """The items of these keys, where there are any; of each only some attributes (`pk, sk`), if named."""
        wanted = list(dict.fromkeys(keys))
        parts = [wanted[start : start + KEYS_AT_ONCE] for start in range(0, len(wanted), KEYS_AT_ONCE)]
        found = self.pool.map(
            lambda asked: batch(asked[0], asked[1], attributes), [(region, part) for region in self.regions for part in parts]
        )
        return {(item["pk"], item["sk"]): item for items in found for item in items}

    def ahead(self, pages: Iterator[Page], all_of_it: bool = True) -> Iterator[Item]:
        """The items of pages; the first page is asked for now, each further one while the one before it is read, if all are wanted."""
        return self.following(self.pool.submit(next, pages, None), pages, all_of_it)

    def following(self, future: "Future[Page | None]", pages: Iterator[Page], all_of_it: bool) -> Iterator[Item]:
        """The items of a page under way and of those behind it."""
        while (page := future.result()) is not None:
            following = self.pool.submit(next, pages, None) if all_of_it else None
            yield from page
            future = following or self.pool.submit(next, pages, None)


def behind(asked: Any, answer: Any) -> Any:
    """The query of the page behind an answer; nothing behind the last one."""
    if "LastEvaluatedKey" not in answer:
        return None
    return asked | {"ExclusiveStartKey": answer["LastEvaluatedKey"]} | ({"Limit": 2 * asked["Limit"]} if "Limit" in asked else {})


def batch(region: Region, keys: Sequence[Key], attributes: str = "") -> Page:
    """At most a hundred items by key; DynamoDB may hand them over in several answers."""
    found: Page = []
    wanted = {"ProjectionExpression": attributes} if attributes else {}
    ask: Any = {region.table: {"Keys": [texts_of({"pk": pk, "sk": sk}) for pk, sk in keys], **wanted}}
    while ask:
        with explained(f"the event table {region.table} in {region.name}"):
            answer = region.client.batch_get_item(RequestItems=ask)
        found += [plain(item) | {"region": region.name} for item in answer["Responses"][region.table]]
        ask = answer["UnprocessedKeys"]
    return found


def texts(**values: str) -> dict[str, dict[str, str]]:
    """Strings as a query's named values."""
    return {f":{name}": {"S": value} for name, value in values.items()}


def texts_of(values: dict[str, str]) -> dict[str, dict[str, str]]:
    """Strings as DynamoDB's attributes."""
    return {name: {"S": value} for name, value in values.items()}


def plain(item: Any) -> Item:
    """An item in Python's types. Ours hold text, numbers, truth, lists and maps; the SDK's own reader takes five times as long."""
    return {name: PLAIN[kind](value) for name, typed in item.items() for kind, value in typed.items()}


def number(text: str) -> int | float:
    """A number; DynamoDB hands them over as text."""
    return int(text) if text.lstrip("-").isdigit() else float(text)


PLAIN: dict[str, Any] = {
    "S": str,
    "N": number,
    "BOOL": bool,
    "NULL": lambda _: None,
    "M": plain,
    "L": lambda values: [PLAIN[kind](value) for typed in values for kind, value in typed.items()],
    "SS": set,
    "NS": lambda values: {number(value) for value in values},
    "B": bytes,
}
