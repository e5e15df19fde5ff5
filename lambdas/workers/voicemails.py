"""What became of a voicemail: an item beside the events of its call, `sk` = `voicemail#RE...` (media of texts: `media#ME...`).

    announced -> waiting (Twilio does not have it yet) or failed (why, and when it is tried next) -> ... ->
        stored (verified copy in the bucket), then perhaps deleted at Twilio, and heard
        empty (nothing was said), elsewhere (the account stores recordings outside Twilio), given up (somebody accepted that it never came)

A file that is stored and `differs` from what Twilio announced stays at Twilio until somebody accepts it.

Each step is written on condition of the state before it, so that a task that comes twice, late, or to two workers at once changes nothing.
`todo` is what waits: `collect` for a file, `hear` for somebody to hear it, `finish` for the machine alone, where it was heard before people
were told, or before it was deleted. `next_attempt` stands there as long as something is left for the machine to do, these two included.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase, Key
from botocore.exceptions import ClientError

from lambdas.workers.bucket import Copy
from lambdas.workers.events import ANSWERED, MISSED, TODO, Item, day_shard
from lambdas.workers.tasks import Recording, Task, body_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

ANNOUNCED, WAITING, FAILED, STORED, EMPTY, ELSEWHERE = "announced", "waiting", "failed", "stored", "empty", "elsewhere"
GIVEN_UP = "given up"
OPEN = (ANNOUNCED, WAITING, FAILED)  #: states that end in another one
COLLECT, HEAR, FINISH = "collect", "hear", "finish"  #: values of `todo`
NEXT = "next_attempt"  #: when the machine has to look at it again; gone once nothing is left to do
NOT_FULFILLED = "ConditionalCheckFailedException"
#: What an event of the call tells about its voicemail.
CALLER = ("from", "to", "direction", "answer", "error_code", "error_url", "trunk", "entry")
MOST_EVENTS = 20

Facts = Mapping[str, Any]


class Voicemails:
    """The items of voicemails and media in the event table."""

    def __init__(self, table: "Table", days: int) -> None:
        self.table = table
        self.days = days

    def announce(self, task: Task, now: datetime) -> Item:
        """The item of a task, made if there is none; as it is now."""
        key = key_of(task)
        moment = task.started or stamp(now)
        item: Item = key | {
            "kind": task.kind,
            "state": ANNOUNCED,
            "time": moment,
            "day_shard": day_shard(moment, key["pk"]),
            "account": task.account,
            "sid": task.sid,
            "task": body_of(task),
            "announced_at": stamp(now),
            NEXT: stamp(now + timedelta(minutes=30)),
            "attempts": 0,
            "todo": COLLECT,
            "expires": int((now + timedelta(days=self.days)).timestamp()),
        }
        if isinstance(task, Recording):
            item |= {"seconds": task.seconds} if task.seconds is not None else {}
            item |= self.caller(task.call)
        try:
            self.table.put_item(Item=item, ConditionExpression=Attr("pk").not_exists())
        except ClientError as error:
            if error.response["Error"]["Code"] != NOT_FULFILLED:
                raise
            return self.get(item)
        return item

    def get(self, item: Facts) -> Item:
        """An item as it is now; nothing if there is none."""
        found = self.table.get_item(Key={"pk": item["pk"], "sk": item["sk"]}, ConsistentRead=True)
        return dict(found.get("Item", {}))

    def caller(self, call: str) -> Item:
        """Who called whom and why we answered, from the first request of the call, else from what Twilio told of it."""
        found = self.events(call)
        told = (event for event in found if event.get("kind") in (MISSED, ANSWERED))
        first = next((event for event in found if event.get("kind") == "request"), None) or next(told, {})
        return {name: first[name] for name in CALLER if first.get(name)}

    def is_only_claimed(self, call: str) -> bool:
        """Whether a request that nobody vouched for is all that says that a call came to us: it may have been the primary's."""
        found = self.events(call)
        heard = any(event.get("kind") in ("request", "recording") for event in found)
        return not heard and any(event.get("kind") == ANSWERED and event.get("trust") for event in found)

    def events(self, call: str) -> list[Item]:
        """The first events of a call."""
        return self.table.query(KeyConditionExpression=Key("pk").eq(call) & Key("sk").lt(":"), Limit=MOST_EVENTS)["Items"]

    def retry(self, item: Facts, state: str, reason: str, next_attempt: datetime | None) -> None:
        """It did not work: why, and when it is tried next; None if that is of no use any more. What is stored stays stored."""
        change: Item = {"reason": reason, "attempts": int(item.get("attempts", 0)) + 1}
        change |= {NEXT: stamp(next_attempt)} if next_attempt else {}
        gone = () if next_attempt else (NEXT,)
        if not self.change(item, change | {"state": state}, Attr("state").is_in(OPEN), gone):
            self.change(item, change, Attr(NEXT).exists(), gone)

    def stored(self, item: Facts, copy: Copy, now: datetime, facts: Facts) -> None:
        """There is a verified copy."""
        change = {"state": STORED, "stored_at": stamp(now), "key": copy.key, "sha256": copy.sha256, "bytes": copy.length} | dict(facts)
        self.settle(item, change, HEAR if item["kind"] == Recording.kind else None)

    def empty(self, item: Facts, reason: str) -> None:
        """Nothing was said."""
        self.settle(item, {"state": EMPTY, "why_empty": reason}, None)

    def elsewhere(self, item: Facts, url: str) -> None:
        """The account's recordings are stored outside Twilio."""
        self.settle(item, {"state": ELSEWHERE, "media_url": url}, HEAR)

    def settle(self, item: Facts, change: Facts, todo: str | None) -> None:
        """Out of the open states, once."""
        self.change(item, dict(change) | ({TODO: todo} if todo else {}), Attr("state").is_in(OPEN), () if todo else (TODO,))

    def finished(self, item: Facts) -> None:
        """Nothing is left for the machine to do."""
        self.change(item, {}, Attr("pk").exists(), ("reason", NEXT))

    def finish_no_more(self, item: Facts) -> None:
        """It was heard, and nothing is left for the machine to do either."""
        self.change(item, {}, Attr(TODO).eq(FINISH) & Attr(NEXT).not_exists(), (TODO,))

    def claim(self, item: Facts, now: datetime, until: datetime) -> bool:
        """Whether it is ours to tell people about; somebody else may be at it, or have told them."""
        free = Attr("notifying").not_exists() | Attr("notifying").lt(stamp(now))
        return self.change(item, {"notifying": stamp(until)}, Attr("notified_at").not_exists() & free)

    def notified(self, item: Facts, now: datetime) -> None:
        """People were told."""
        self.change(item, {"notified_at": stamp(now)}, Attr("pk").exists(), ("notifying",))

    def deleted(self, item: Facts, now: datetime) -> None:
        """Twilio no longer has it; our copy stays."""
        self.change(item, {"deleted_at": stamp(now)}, Attr("state").eq(STORED))

    def lease(self, item: Facts, until: datetime) -> bool:
        """Whether it is ours to queue again: `next_attempt` moves on, so that nobody else does until then."""
        return self.change(item, {NEXT: stamp(until)}, Attr(NEXT).eq(item[NEXT]))

    def waiting(self, todo: str) -> Iterator[Item]:
        """Everything that waits so, oldest first."""
        query: dict[str, Any] = {"IndexName": TODO, "KeyConditionExpression": Key(TODO).eq(todo)}
        while True:
            page = self.table.query(**query)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def change(self, item: Facts, values: Facts, condition: ConditionBase, gone: tuple[str, ...] = ()) -> bool:
        """Set and remove attributes on a condition; whether it held."""
        names = {f"#{index}": name for index, name in enumerate([*values, *gone])}
        set_to = [f"#{index} = :{index}" for index in range(len(values))]
        removed = [f"#{len(values) + index}" for index in range(len(gone))]
        parts = [f"{verb} {', '.join(names)}" for verb, names in (("SET", set_to), ("REMOVE", removed)) if names]
        given: Any = {"ExpressionAttributeValues": {f":{index}": value for index, value in enumerate(values.values())}} if values else {}
        try:
            self.table.update_item(
                Key={"pk": item["pk"], "sk": item["sk"]},
                UpdateExpression=" ".join(parts),
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                **given,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != NOT_FULFILLED:
                raise
            return False
        return True


def key_of(task: Task) -> Item:
    """The key of a task's item."""
    return {"pk": task.belongs_to, "sk": f"{task.kind}#{task.sid}"}


def shown(item: Facts) -> str:
    """The state as people read it: our copy may be heard, and Twilio's deleted."""
    if item.get("heard_at"):
        return "heard"
    return "deleted at Twilio" if item.get("deleted_at") else str(item["state"])


def stamp(moment: datetime) -> str:
    """A moment in UTC as items bear it: `2026-11-21T02:41:07Z`; sorts as text."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
