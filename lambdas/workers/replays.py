"""The item of one replay: each step written on the condition of the step before it, so that two engineers, a retry or a crash deliver once.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase
from botocore.exceptions import ClientError

from lambdas.workers.events import Item
from lambdas.workers.hand_back import DELIVERED, NOT_DELIVERED, PERHAPS, REPLAY, SENDING, UNDER_WAY, expiry, replay_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

NOT_FULFILLED = "ConditionalCheckFailedException"


class Refused(ValueError):
    """It is not sent; the text says why, and what to do."""


class Replays:
    """The replay of one event."""

    def __init__(self, table: "Table", event: Item, days: int) -> None:
        pk, sk = replay_key(event)
        self.table = table
        self.event = event
        self.key = {"pk": pk, "sk": sk}
        self.expires = expiry(event["time"], days)

    def begin(self, by: str, again: bool) -> int:
        """Note that it is being sent, and return which attempt this is. Raises Refused where it must not be."""
        now = datetime.now(UTC)
        free = Attr("pk").not_exists() | Attr("state").eq(NOT_DELIVERED)
        if again:
            crashed = Attr("state").eq(SENDING) & Attr("started").lt(stamp(now - timedelta(seconds=UNDER_WAY)))
            free = free | Attr("state").eq(PERHAPS) | crashed
        facts = {
            "kind": REPLAY,
            "state": SENDING,
            "todo": REPLAY,
            "time": self.event["time"],
            "event": self.event["sk"],
            "started": stamp(now),
            "by": by,
            "expires": self.expires,
        }
        found = self.change(facts, free, gone=("reason", "status"), attempts=1)
        if found is None:
            raise Refused(self.why_not(now))
        return int(found["attempts"])

    def end(self, attempt: int, state: str, reason: str, status: int | None) -> None:
        """Note how an attempt ended; what was delivered waits for nobody."""
        facts = {"state": state, "ended": stamp(datetime.now(UTC)), "reason": reason} | ({"status": status} if status else {})
        own = Attr("attempts").eq(attempt) & Attr("state").eq(SENDING)
        self.change(facts, own, gone=("todo",) if state == DELIVERED else ())

    def replying(self, count: int) -> None:
        """Note that the primary's replies are being sent, before they are. Raises Refused when that was noted before."""
        if self.change({"replies": count}, Attr("replies").not_exists()) is None:
            raise Refused("its replies were sent before")

    def why_not(self, now: datetime) -> str:
        """The sentence for an item that must not be sent."""
        found: Item = self.table.get_item(Key=self.key, ConsistentRead=True).get("Item", {})
        match found.get("state"):
            case "delivered":
                return "it was delivered before"
            case "perhaps":
                return f"an earlier attempt may have reached the primary ({found.get('reason')}): add --again to send it once more"
        if str(found.get("started")) > stamp(now - timedelta(seconds=UNDER_WAY)):
            return "somebody is sending it at this moment: look again in two minutes"
        return "an earlier attempt was cut off, and what became of it is unknown: add --again to send it once more"

    def change(self, facts: dict[str, Any], condition: ConditionBase, gone: tuple[str, ...] = (), attempts: int = 0) -> Item | None:
        """Set, remove and count on a condition; the item as it is then, None where the condition did not hold."""
        names = {f"#{index}": name for index, name in enumerate([*facts, *gone])}
        sets = ", ".join(f"#{index} = :{index}" for index in range(len(facts)))
        removes = ", ".join(f"#{len(facts) + index}" for index in range(len(gone)))
        expression = f"SET {sets}" + (f" REMOVE {removes}" if gone else "") + (" ADD attempts :attempts" if attempts else "")
        values = {f":{index}": value for index, value in enumerate(facts.values())} | ({":attempts": attempts} if attempts else {})
        try:
            changed = self.table.update_item(
                Key=self.key,
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != NOT_FULFILLED:
                raise
            return None
        return changed["Attributes"]


def stamp(moment: datetime) -> str:
    """A moment in UTC, to the second; sorts as text."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
