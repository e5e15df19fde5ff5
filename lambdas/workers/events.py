"""Events: the one description of an item of the event table, and how journal lines become items.

`pk` is the call (a whisper leg belongs to its parent) or the message; `sk` is `<UTC time>#<API Gateway request id>`: a delivery repeated is
the same key, a request repeated is a new event, and the story of a call is one query in order. A text's original is an item of its own
beside it, because DynamoDB expires whole items. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
"""

import json
import os
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeSerializer

from lambdas.answer.journal import MARK, VERSION, masked_number

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import WriteRequestTypeDef

TIMELINE = "timeline"  #: index: `day_shard` and `time`, what lists show
TODO = "todo"  #: sparse index: `todo` and `time`, what waits for somebody
SHARDS = 4
#: Kinds of what only Twilio knew: the fallback itself failed, a call or text that never came to us, one that API Gateway answered in our
#: place, how a call ended.
FAILURE, MISSED, UNHEARD, END = "failure", "missed", "unheard", "end"
#: What the timeline carries beside its keys.
LISTED = (
    "kind", "medium", "entry", "trust", "answer", "document", "at", "from", "to", "error_code", "error_url", "call_status", "trunk",
    "sid", "state", "seconds",
)  # fmt: skip
#: Attributes that are Twilio's parameters.
PARAMETERS = {
    "from": "From",
    "to": "To",
    "error_code": "ErrorCode",
    "error_url": "ErrorUrl",
    "call_status": "CallStatus",
}
FACTS = ("medium", "entry", "path", "trunk", "trust", "answer", "document", "step", "at", "book", "ms", "params")
DAY = 86_400
PROBE_DAYS = 2
PROBE_RUNS = "probe"  #: partition key of the probe's runs
PERSON = "person#"  #: what the partition key of facts about a number begins with
BATCH = 25  #: items of one BatchWriteItem
ATTEMPTS = 5

Item = dict[str, Any]
Line = Mapping[str, Any]


class Throttled(RuntimeError):
    """DynamoDB left items unprocessed after every attempt; the delivery has to come again."""


class NotAJournalLine(ValueError):
    """A text that is no journal line of a version known here."""


def line_in(text: str) -> Line:
    """The journal line in a log event's message. Raises NotAJournalLine."""
    try:
        line = json.loads(text)
        known = line[MARK] == VERSION and line["time"] and line["request"] and sid_of(line["params"])
    except (ValueError, KeyError, TypeError) as error:
        raise NotAJournalLine(str(error)) from error
    if not known:
        raise NotAJournalLine("no SID, or a version of another release")
    return dict(line)


def sid_of(params: Mapping[str, str]) -> str:
    """What the event belongs to."""
    return next((params[name] for name in ("ParentCallSid", "CallSid", "MessageSid", "SmsSid") if params.get(name)), "")


def items_of(line: Line, event_days: int, original_days: int) -> Iterator[Item]:
    """The items of one journal line: facts that follow from the line alone, so that writing them again changes nothing."""
    params = line["params"]
    key = {"pk": sid_of(params), "sk": f"{line['time']}#{line['request']}"}
    when = datetime.fromisoformat(line["time"]).timestamp()
    days = PROBE_DAYS if line.get("probe") else event_days
    item = key | {"kind": kind_of(line), "time": line["time"], "expires": int(when + days * DAY)}
    item |= {name: line[name] for name in FACTS if line.get(name) not in (None, "")}
    item |= {name: params[parameter] for name, parameter in PARAMETERS.items() if params.get(parameter)}
    if line.get("probe"):
        yield item | {"probe": True}
        return
    yield item | {"day_shard": day_shard(line["time"], key["pk"])}
    if line.get("original"):
        yield {
            "pk": key["pk"],
            "sk": f"original#{key['sk']}",
            "form": line["original"],
            "expires": int(when + original_days * DAY),
        }


def is_masked() -> bool:
    """Whether nothing whole is kept of people (`[privacy] store`)."""
    return os.environ.get("PRIVACY_STORE") == "masked"


def as_stored(facts: Item) -> Item:
    """Facts that Twilio told, as they may be kept: with `[privacy] store = "masked"` no whole number."""
    if not is_masked():
        return facts
    return {name: masked_number(str(value)) if name in ("from", "to") else value for name, value in facts.items()}


def kind_of(line: Line) -> str:
    """`recording` for a recording status callback, else `request`."""
    return "recording" if line["medium"] == "callback" else "request"


def day_shard(moment: str, pk: str) -> str:
    """The hash key of the timeline: the day and one of four shards, so that a storm does not fall on one key."""
    return f"{moment[:10]}#{zlib.crc32(pk.encode()) % SHARDS}"


def write(client: "DynamoDBClient", table: str, items: Iterable[Item]) -> int:
    """Write items, each key once, and return how many. Raises Throttled when DynamoDB does not take them all."""
    unique = {(item["pk"], item["sk"]): item for item in items}
    requests = [put(item) for item in unique.values()]
    for start in range(0, len(requests), BATCH):
        write_batch(client, table, requests[start : start + BATCH])
    return len(requests)


def put(item: Item) -> "WriteRequestTypeDef":
    """One item as BatchWriteItem takes it; numbers with a fraction go as text, because DynamoDB refuses floats."""
    plain = {name: str(value) if isinstance(value, float) else value for name, value in item.items()}
    return {"PutRequest": {"Item": {name: TypeSerializer().serialize(value) for name, value in plain.items()}}}


def write_batch(client: "DynamoDBClient", table: str, batch: "list[WriteRequestTypeDef]") -> None:
    """At most 25 items; what is left unprocessed is tried again, each time after a longer pause."""
    for attempt in range(ATTEMPTS):
        batch = client.batch_write_item(RequestItems={table: batch})["UnprocessedItems"].get(table, [])  # type: ignore[assignment]
        if not batch:
            return
        time.sleep(0.05 * 2**attempt)
    raise Throttled(f"{len(batch)} items were left unprocessed")
