"""`fallback rebuild`: events that the table lacks, out of the journal group, through the same code as `record`.

Writing an event again changes nothing, so a period may be rebuilt as often as one likes.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import batched
from typing import Any

from config.settings import Settings
from lambdas.answer.journal import MARK
from lambdas.workers.events import Item, NotAJournalLine, items_of, line_in, write
from ops.deployment import Deployment, explained

KEYS_A_READ = 100  #: of BatchGetItem


def lines(deployment: Deployment, start: datetime) -> Iterator[str]:
    """The journal's lines since a moment, oldest first, page by page."""
    pages = deployment.client("logs").get_paginator("filter_log_events")
    asked = {"logGroupName": deployment["JournalGroupName"], "filterPattern": f'"{MARK}"', "startTime": int(start.timestamp() * 1000)}
    with explained(f"the journal group {deployment['JournalGroupName']}"):
        for page in pages.paginate(**asked):
            yield from (event["message"] for event in page["events"])


def items(texts: Iterable[str], settings: Settings) -> Iterator[Item]:
    """The items of journal lines; what is no journal line is passed over, as `record` does."""
    for text in texts:
        try:
            yield from items_of(line_in(text), settings.retention.events, settings.retention.originals)
        except NotAJournalLine:
            continue


def missing(deployment: Deployment, found: Iterable[Item]) -> Iterator[Item]:
    """Those that the table does not have; what has expired already is not brought back."""
    client, table, now = deployment.client("dynamodb"), deployment["EventTableName"], datetime.now(UTC).timestamp()
    unexpired = {(item["pk"], item["sk"]): item for item in found if item["expires"] > now}
    for keys in batched(unexpired, KEYS_A_READ, strict=False):
        there = stored(client, table, keys)
        yield from (unexpired[key] for key in keys if key not in there)


def stored(client: Any, table: str, keys: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of these keys the table has."""
    wanted = {
        table: {"Keys": [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in keys], "ProjectionExpression": "pk, sk", "ConsistentRead": True}
    }
    there: set[tuple[str, str]] = set()
    while wanted:
        answer = client.batch_get_item(RequestItems=wanted)
        there |= {(item["pk"]["S"], item["sk"]["S"]) for item in answer["Responses"].get(table, [])}
        wanted = answer.get("UnprocessedKeys") or {}
    return there


def rebuild(deployment: Deployment, found: list[Item]) -> Iterator[int]:
    """Write items, and say after each batch how many."""
    client = deployment.client("dynamodb")
    for batch in batched(found, 25, strict=False):
        yield write(client, deployment["EventTableName"], batch)
