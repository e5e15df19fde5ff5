"""The event table for tests that need no cloud: in moto, in this process, as `stacks/event_table.py` describes it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from lambdas.workers.events import LISTED, TIMELINE, TODO, Item, write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "events"


@contextmanager
def event_table(*regions: str) -> Iterator[list["DynamoDBClient"]]:
    """An empty event table in each region, us-east-1 if none is named."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in [name for name in os.environ if name.startswith(("AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "AWS_PROFILE"))]:
            patch.delenv(name)
        yield [made(boto3.client("dynamodb", region_name=region)) for region in regions or ("us-east-1",)]


def made(client: "DynamoDBClient") -> "DynamoDBClient":
    """Create the table with both of its indexes."""
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=key("pk", "sk"),
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "day_shard", "time", "todo")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": TIMELINE,
                "KeySchema": key("day_shard", "time"),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(LISTED)},
            },
            {"IndexName": TODO, "KeySchema": key("todo", "time"), "Projection": {"ProjectionType": "ALL"}},
        ],
    )
    return client


def key(hashed: str, ranged: str) -> Any:
    """A key schema."""
    return [{"AttributeName": hashed, "KeyType": "HASH"}, {"AttributeName": ranged, "KeyType": "RANGE"}]


def put(client: "DynamoDBClient", *items: Item) -> None:
    """Write items as the workers do."""
    write(client, TABLE, items)
