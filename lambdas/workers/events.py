"""Events: the one description of an item of the event table, and how journal lines become items.

`pk` is the call (a whisper leg belongs to its parent) or the message; `sk` is `<UTC time>#<API Gateway request id>`: a delivery repeated is
the same key, a request repeated is a new event, and the story of a call is one query in order. A text's original is an item of its own
beside it, because DynamoDB expires whole items. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
"""

import hashlib
import json
import os
import re
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import batched
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError

from lambdas.answer.book import named_step
from lambdas.answer.journal import MARK, OF_CALL_OR_MESSAGE, VERSION, is_sid, masked_number
from lambdas.answer.signature import FORGED, UNVERIFIABLE, VERIFIED
from lambdas.workers import opt_outs

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, WriteRequestTypeDef

TIMELINE = "timeline"  #: index: `day_shard` and `time`, what lists show
TODO = "todo"  #: sparse index: `todo` and `time`, what waits for somebody
SHARDS = 4
#: Kinds of what only Twilio knew: the fallback itself failed, a call or text that never came to us, one that API Gateway answered in our
#: place, one that came to us and whose lines were lost or not believed, how a call ended.
FAILURE, MISSED, UNHEARD, ANSWERED, END = "failure", "missed", "unheard", "answered", "end"
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
    "direction": "Direction",
}
FACTS = ("medium", "entry", "path", "trunk", "emergency", "trust", "answer", "document", "step", "at", "book", "ms", "params")
STATUS = "status"  #: kind of a status callback that came to an entry, where it should not
OUTBOUND = "outbound"  #: what the direction of a call begins with that the company placed
DAY = 86_400
PROBE_DAYS = 2
PROBE_RUNS = "probe"  #: partition key of the probe's runs
STRANGER, STRANGER_DAYS = "stranger", 7  #: requests that nobody vouches for: kind, and how long they are kept
ASIDE, ASIDE_DAYS = "aside", 14  #: lines that could not become events: kind, and how long they are kept
LONGEST_SHOWN, LONGEST_REASON = 4096, 300  #: characters of such a line, and of what is wrong with it
#: What the journal writes, and nothing else becomes an event. https://www.twilio.com/docs/glossary/what-is-a-sid
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII)
FIRST_YEAR = 2000
LONGEST_REQUEST = 128  #: characters of API Gateway's request id
TEXTS = (
    "time",
    "request",
    "medium",
    "entry",
    "path",
    "trunk",
    "emergency",
    "trust",
    "answer",
    "document",
    "step",
    "at",
    "book",
    "original",
)
MEDIA = ("voice", "sms", "callback")
DEGREES = (VERIFIED, UNVERIFIABLE, FORGED)
PERSON = opt_outs.PERSON
BATCH = 25  #: items of one BatchWriteItem
ATTEMPTS = 5

Item = dict[str, Any]
Line = Mapping[str, Any]


class Throttled(RuntimeError):
    """DynamoDB left items unprocessed after every attempt; the delivery has to come again."""


class NotAJournalLine(ValueError):
    """A text that is no journal line of a version known here."""


def line_in(text: str) -> Line:
    """The journal line in a log event's message. Raises NotAJournalLine for whatever the journal would not write."""
    try:
        line = json.loads(text)
        known = line[MARK] == VERSION and is_sound(line) and sid_of(line["params"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotAJournalLine(f"{type(error).__name__}: {error}"[:LONGEST_REASON]) from error
    if not known:
        raise NotAJournalLine("no SID, an odd value, or a version of another release")
    return dict(line)


def is_sound(line: Line) -> bool:
    """Whether every value of a line is what it should be, and short enough for a key where it becomes part of one."""
    texts = [*line["params"].items(), *((name, line.get(name, "")) for name in TEXTS)]
    return (
        all(isinstance(name, str) and isinstance(value, str) and is_encodable(name + value) for name, value in texts)
        and line["medium"] in MEDIA
        and line["trust"] in DEGREES
        and bool(TIME.fullmatch(line["time"]) and datetime.fromisoformat(line["time"]).year > FIRST_YEAR)
        and 0 < len(line["request"]) <= LONGEST_REQUEST
        and isinstance(line.get("ms", 0), int | float)
        and 0 <= line.get("ms", 0) < DAY * 1000
    )


def is_encodable(text: str) -> bool:
    """Whether a text is one in UTF-8; half a surrogate pair is not."""
    return text.isascii() or text.encode("utf-8", "replace").decode() == text


def sid_of(params: Mapping[str, str]) -> str:
    """What the event belongs to: a call or a message by its SID. Nothing else that was sent becomes a key."""
    sids = (params.get(name, "") for name in ("ParentCallSid", "CallSid", "MessageSid", "SmsSid"))
    return next((sid for sid in sids if is_sid(sid, *OF_CALL_OR_MESSAGE)), "")


def items_of(line: Line, event_days: int, original_days: int) -> Iterator[Item]:
    """The items of one journal line: facts that follow from the line alone, so that writing them again changes nothing."""
    if line["trust"] != VERIFIED:
        yield stranger_of(line)
        return
    params = line["params"]
    key = {"pk": sid_of(params), "sk": f"{line['time']}#{line['request']}"}
    when = datetime.fromisoformat(line["time"]).timestamp()
    item = key | {"kind": kind_of(line), "time": line["time"]} | facts_of(line)
    if line.get("probe"):
        yield item | {"probe": True, "expires": int(when + PROBE_DAYS * DAY)}
        return
    yield item | {"day_shard": day_shard(line["time"], key["pk"]), "expires": int(when + event_days * DAY)}
    if line["medium"] == "sms" and not named_step(line.get("path", "")):
        text = opt_outs.item_of(params, key["pk"], line["time"], day_shard(line["time"], key["pk"]), int(when + event_days * DAY))
        yield from [text] if text else []
    if line.get("original"):
        yield {
            "pk": key["pk"],
            "sk": f"original#{key['sk']}",
            "form": line["original"],
            "expires": int(when + original_days * DAY),
        }


def facts_of(line: Line) -> Item:
    """What a line says, as an item's attributes."""
    facts = {name: line[name] for name in FACTS if line.get(name) not in (None, "")}
    return facts | {name: line["params"][parameter] for name, parameter in PARAMETERS.items() if line["params"].get(parameter)}


def stranger_of(line: Line) -> Item:
    """The item of a request that nobody vouches for. It lies in a partition of its own, out of every call's story and of the timeline,
    and not for long; `reconcile` asks Twilio whether there is such a call."""
    sid, when = sid_of(line["params"]), datetime.fromisoformat(line["time"]).timestamp()
    key = {"pk": strangers(day_shard(line["time"], sid)), "sk": f"{line['time']}#{line['request']}"}
    return key | {"kind": STRANGER, "sid": sid, "time": line["time"], "expires": int(when + STRANGER_DAYS * DAY)} | facts_of(line)


def strangers(shard: str) -> str:
    """The partition of what nobody vouches for, of a day and shard (`2026-11-21#3`)."""
    return f"{STRANGER}#{shard}"


def aside(text: str, reason: str, now: datetime) -> Item:
    """The item of a line that could not become an event, for a person to look at. The same line again is the same item, on one day."""
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
    shown = text[:LONGEST_SHOWN].encode("utf-8", "replace").decode()
    facts = {"kind": ASIDE, "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "reason": reason[:LONGEST_REASON], "text": shown}
    return {"pk": f"{ASIDE}#{now:%Y-%m-%d}", "sk": digest, "expires": int(now.timestamp()) + ASIDE_DAYS * DAY} | facts


def is_masked() -> bool:
    """Whether nothing whole is kept of people (`[privacy] store`)."""
    return os.environ.get("PRIVACY_STORE") == "masked"


def as_stored(facts: Item) -> Item:
    """Facts that Twilio told, as they may be kept: with `[privacy] store = "masked"` no whole number."""
    if not is_masked():
        return facts
    return {name: masked_number(str(value)) if name in ("from", "to") else value for name, value in facts.items()}


def is_outbound(item: Mapping[str, Any]) -> bool:
    """Whether the company placed this call: the person is whom it called."""
    return str(item.get("direction", "")).startswith(OUTBOUND)


def person_of(item: Mapping[str, Any]) -> str:
    """Whoever of the two is not the company: the caller or sender, or whom the company called. (`direction` is not on the timeline.)"""
    return str(item.get("to" if is_outbound(item) else "from") or "")


def other_side_of(item: Mapping[str, Any]) -> str:
    """The company's side."""
    return str(item.get("from" if is_outbound(item) else "to") or "")


def kind_of(line: Line) -> str:
    """`recording` for a recording status callback, `status` for any other that came by mistake, else `request`."""
    if line.get("status_callback"):
        return STATUS
    return "recording" if line["medium"] == "callback" else "request"


def day_shard(moment: str, pk: str) -> str:
    """The hash key of the timeline: the day and one of four shards, so that a storm does not fall on one key."""
    return f"{moment[:10]}#{zlib.crc32(pk.encode()) % SHARDS}"


def write(client: "DynamoDBClient", table: str, items: Iterable[Item]) -> int:
    """Write items, each key once, and return how many. What DynamoDB refuses for good is put aside and does not count.

    Raises Throttled when DynamoDB does not take them all.
    """
    unique = {(item["pk"], item["sk"]): item for item in items}
    return sum(write_batch(client, table, list(batch)) for batch in batched(unique.values(), BATCH, strict=False))


def write_new(client: "DynamoDBClient", table: str, items: Iterable[Item]) -> None:
    """Write the items of whose keys there is none yet, each on that condition: what is there knows more. Raises ClientError."""
    for item in items:
        try:
            client.put_item(TableName=table, Item=typed(item), ConditionExpression="attribute_not_exists(pk)")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise


def put(item: Item) -> "WriteRequestTypeDef":
    """One item as BatchWriteItem takes it."""
    return {"PutRequest": {"Item": typed(item)}}


def typed(item: Item) -> "dict[str, AttributeValueTypeDef]":
    """An item as DynamoDB's client takes it; numbers with a fraction go as text, because DynamoDB refuses floats."""
    plain = {name: str(value) if isinstance(value, float) else value for name, value in item.items()}
    return {name: TypeSerializer().serialize(value) for name, value in plain.items()}


def write_batch(client: "DynamoDBClient", table: str, batch: list[Item]) -> int:
    """Write at most 25 items and return how many. DynamoDB refuses a batch whole for one of them (a key too long, an item over 400 kB):
    then each goes alone. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html"""
    try:
        put_all(client, table, [put(item) for item in batch])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        if len(batch) > 1:
            return sum(write_batch(client, table, [item]) for item in batch)
        put_all(client, table, [put(aside(repr(batch[0]), str(error), datetime.now(UTC)))])
        return 0
    return len(batch)


def put_all(client: "DynamoDBClient", table: str, batch: "list[WriteRequestTypeDef]") -> None:
    """At most 25 items; what is left unprocessed is tried again, each time after a longer pause. Raises Throttled."""
    for attempt in range(ATTEMPTS):
        batch = client.batch_write_item(RequestItems={table: batch})["UnprocessedItems"].get(table, [])  # type: ignore[assignment]
        if not batch:
            return
        time.sleep(0.05 * 2**attempt)
    raise Throttled(f"items left unprocessed: {len(batch)}")
