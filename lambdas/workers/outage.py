"""`outage`: tells people once that callers come to the fallback, and once that it is over.

An outage begins with the first verified request after 15 quiet minutes and ends after 15 quiet minutes. Two things ask whether that is so:

    the alarm `primary-failing`   within a minute of the first request; the event table may not know of it yet. It says, too, when its
                                  metric has been quiet for 15 minutes
    a schedule, every minute      sees what the table knows; it ends outages, and begins those that no alarm told

Both may come at once and again, so one item (`outage`, `state`) is changed on condition, and whoever changed it tells. What is to be told
stays noted in it until it was: who dies in between leaves it to the next run, so a message may come late or, then, twice, never not at all.

    quiet -> open     (pending: begin)      no outage, or one that ended, and a request more than 15 minutes after its last
    open  -> quiet    (pending: end)        nothing for 15 minutes, neither in the table nor, as far as it said, in the alarm's metric
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from boto3.dynamodb.conditions import Attr, ConditionBase
from botocore.config import Config
from botocore.exceptions import ClientError

from lambdas.workers.events import Item
from lambdas.workers.outage_message import Figures, message
from lambdas.workers.timeline import Timeline, is_fallback, stamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

KEY = {"pk": "outage", "sk": "state"}
QUIET = timedelta(minutes=15)
LOOK_BACK = timedelta(days=1)  #: events older than that begin no outage: somebody rebuilds the past
LIFE = timedelta(minutes=5)  #: of the function: a summary of a million requests takes minutes
DIED = LIFE + timedelta(minutes=1)  #: after which somebody else tells what is still to be told
STUCK = timedelta(hours=6)  #: without a request, after which an alarm that never said "quiet" is not believed
BEGIN, END = "begin", "end"

LOGGER = Logger(service="outage")

Tell = Callable[[dict[str, Any]], object]


class Outages:
    """The state of one environment; `tell` publishes a message."""

    def __init__(self, table: "Table", environment: str, tell: Tell) -> None:
        self.table = table
        self.timeline = Timeline(table)
        self.environment = environment
        self.tell = tell

    def look(self, now: datetime, alarm: str = "") -> None:
        """Begin or end what is to begin or end; `alarm` is the state that the alarm changed to, if that is why we look."""
        if alarm:
            self.change({"alarmed": alarm == "ALARM"}, Attr("pk").exists() | Attr("pk").not_exists())
        state = self.state()
        if state.get("pending") and moment(state["claimed"]) < now - DIED:
            self.take_over(state, now)
        elif state.get("open"):
            self.end(state, now)
        else:
            self.begin(state, now)

    def state(self) -> Item:
        """The item; nothing before anything happened."""
        return dict(self.table.get_item(Key=KEY, ConsistentRead=True).get("Item") or {})

    def begin(self, state: Item, now: datetime) -> None:
        """Into an outage, if there was a request that belongs to no earlier one, or the alarm says so."""
        before = state.get("last")
        after = max(moment(before) + QUIET, now - LOOK_BACK) if before else now - LOOK_BACK
        since = self.first(after, now) or (now if state.get("alarmed") else None)
        if since is None:
            return
        as_seen = Attr("open").eq(False) & Attr("last").eq(before) if before else Attr("last").not_exists()
        change = {"open": True, "since": stamp(since), "last": stamp(since), "pending": BEGIN, "claimed": stamp(now)}
        if self.change(change, as_seen):
            self.publish(state | change, now)

    def end(self, state: Item, now: datetime) -> None:
        """Out of it, once it has been quiet for long enough."""
        last = self.last(moment(state["since"]) - QUIET, now) or moment(state["since"])
        if now - last <= QUIET or (state.get("alarmed") and now - last < STUCK):
            return
        change = {"open": False, "alarmed": False, "last": stamp(last), "pending": END, "claimed": stamp(now)}
        if self.change(change, Attr("open").eq(True) & Attr("since").eq(state["since"])):
            self.publish(state | change, now)

    def take_over(self, state: Item, now: datetime) -> None:
        """Tell what somebody noted and did not come to tell."""
        if self.change({"claimed": stamp(now)}, Attr("pending").eq(state["pending"]) & Attr("claimed").eq(state["claimed"])):
            self.publish(state | {"claimed": stamp(now)}, now)

    def publish(self, state: Item, now: datetime) -> None:
        """Tell, and only then forget that it was to be told."""
        since = moment(state["since"])
        figures = Figures.of(self.timeline.events(since - QUIET, now), since)
        until = moment(state["last"]) if state["pending"] == END else None
        self.tell(message(figures, until, self.environment))
        told = Attr("pending").eq(state["pending"]) & Attr("claimed").eq(state["claimed"])
        self.change({}, told, gone="pending")

    def first(self, since: datetime, until: datetime) -> datetime | None:
        """When the first request of a window came."""
        return next((moment(event["time"]) for event in self.timeline.events(since, until) if is_fallback(event)), None)

    def last(self, since: datetime, until: datetime) -> datetime | None:
        """When the last one came."""
        return next((moment(event["time"]) for event in self.timeline.events(since, until, newest_first=True) if is_fallback(event)), None)

    def change(self, values: Item, condition: ConditionBase, gone: str = "") -> bool:
        """Change the item on a condition; whether it held."""
        names = {f"#{index}": name for index, name in enumerate(values)}
        update = "SET " + ", ".join(f"#{index} = :{index}" for index in range(len(values))) if values else f"REMOVE {gone}"
        given: Any = {"ExpressionAttributeNames": names} if values else {}
        given |= {"ExpressionAttributeValues": {f":{index}": value for index, value in enumerate(values.values())}} if values else {}
        try:
            self.table.update_item(Key=KEY, UpdateExpression=update, ConditionExpression=condition, **given)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True


def moment(text: str) -> datetime:
    """A moment as an item bears it."""
    return datetime.fromisoformat(text)


def alarm_in(event: dict[str, Any]) -> str:
    """The state that the alarm which invoked us changed to; nothing when the schedule did.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html"""
    return str(event.get("alarmData", {}).get("state", {}).get("value", ""))


def meant(event: dict[str, Any]) -> datetime:
    """The minute that the schedule meant; now, where it does not say."""
    try:
        return datetime.fromisoformat(event["time"])
    except (KeyError, TypeError, ValueError):
        return datetime.now(UTC)


def handler(event: dict[str, Any], _: LambdaContext) -> None:
    """One look, by the alarm or by the schedule."""
    aws = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 3})
    sns = boto3.client("sns", config=aws)

    def tell(what: dict[str, Any]) -> None:
        LOGGER.info("telling people", extra={"subject": what["Subject"]})
        sns.publish(TopicArn=os.environ["TOPIC_ARN"], **what)

    table = boto3.resource("dynamodb", config=aws).Table(os.environ["TABLE_NAME"])
    Outages(table, os.environ["FALLBACK_ENVIRONMENT"], tell).look(meant(event), alarm_in(event))
