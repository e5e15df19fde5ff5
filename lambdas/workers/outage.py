"""`outage`: tells people once that callers come to the fallback, and once that it is over.

An outage begins with the first verified request after 15 quiet minutes and ends after 15 quiet minutes. Two things know whether that is so:

    the alarm `primary-failing`   within a minute of the first request; the event table may not know of it yet. Its state is read in every
                                  look: its invocations tell changes alone, and one that is lost would never be made up for
    the event table               sees what was recorded; it ends outages, and begins those that no alarm told

A look is made when the alarm changes and every minute. Several may be made at once, so one item (`outage`, `state`) is changed on
condition. With each change the item notes what is to be told, and whoever claims the item tells it, oldest first. Who dies in between
leaves it to a later look, so a message may come late or, then, twice, never not at all.

    quiet -> open     (pending: begin)    no outage, or one that ended, and a request more than 15 minutes after its last
    open  -> quiet    (pending: end)      nothing for 15 minutes, neither in the table nor, as far as it can be read, in the alarm's metric
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from boto3.dynamodb.conditions import Attr, ConditionBase
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.workers.aws import QUICK, TELLING
from lambdas.workers.events import Item
from lambdas.workers.outage_message import Figures, message, without_figures
from lambdas.workers.timeline import Timeline, is_fallback, stamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

KEY = {"pk": "outage", "sk": "state"}
QUIET = timedelta(minutes=15)
LOOK_BACK = timedelta(days=1)  #: events older than that begin no outage: somebody rebuilds the past
LIFE = timedelta(minutes=5)  #: of the function: a summary of a million requests takes minutes
DIED = LIFE + timedelta(minutes=1)  #: after which another look tells what is still to be told
STUCK = timedelta(hours=6)  #: without a request, after which an alarm that never said "quiet", and cannot be read, is not believed
MOST_DOUBLED = 3  #: times that the pause doubles before what got no answer is told once more
BEGIN, END = "begin", "end"

LOGGER = Logger(service="outage")

Tell = Callable[[dict[str, Any]], object]
Level = Callable[[], str]


class Outages:
    """The state of one environment; `tell` publishes a message, `level` reads the state of the alarm ("" where that is not known)."""

    def __init__(self, table: "Table", environment: str, tell: Tell, level: Level = lambda: "") -> None:
        self.table = table
        self.timeline = Timeline(table)
        self.environment = environment
        self.tell = tell
        self.level = level

    def look(self, now: datetime, alarm: str = "") -> None:
        """Begin or end what is to begin or end, then tell what is to be told; `alarm` is the state that the alarm changed to, if that is
        why we look."""
        level = self.level()
        self.turn(self.noted(level or alarm) | {"surely": level == "ALARM"}, now)
        self.tell_what_waits(now)

    def noted(self, alarm: str) -> Item:
        """The state, in which the alarm's is noted."""
        state, alarmed = self.as_list(self.state()), alarm == "ALARM"
        if alarm and alarmed != bool(state.get("alarmed")):
            self.change({"alarmed": alarmed}, Attr("pk").exists() | Attr("pk").not_exists())
            state["alarmed"] = alarmed
        return state

    def as_list(self, state: Item) -> Item:
        """The state in which `pending` is a list; versions before 0.2 kept one word there."""
        kind = state.get("pending")
        if isinstance(kind, str):
            state["pending"] = [{name: state[name] for name in ("since", "last") if name in state} | {"kind": kind}]
            self.change({"pending": state["pending"]}, Attr("pending").eq(kind), gone=("claimed",))
        return state

    def turn(self, state: Item, now: datetime) -> None:
        """From quiet to open, or back, if it is time."""
        (self.end if state.get("open") else self.begin)(state, now)

    def state(self) -> Item:
        """The item; nothing before anything happened."""
        return dict(self.table.get_item(Key=KEY, ConsistentRead=True).get("Item") or {})

    def can_be_used(self) -> bool:
        """Whether the table takes the alarm's word, by which an outage begins."""
        try:
            self.noted(self.level() or "ALARM")
        except (ClientError, BotoCoreError):
            LOGGER.exception("the event table cannot be used")
            return False
        return True

    def begin(self, state: Item, now: datetime) -> None:
        """Into an outage, if there was a request that belongs to no earlier one, or the alarm says so."""
        before = state.get("last")
        after = max(moment(before) + QUIET, now - LOOK_BACK) if before else now - LOOK_BACK
        since = self.first(after, now) or (now if state.get("alarmed") else None)
        if since is None:
            return
        as_seen = Attr("open").eq(False) & Attr("last").eq(before) if before else Attr("last").not_exists()
        change = {"open": True, "since": stamp(since), "last": stamp(since)}
        self.change(change, as_seen, {"kind": BEGIN, "since": stamp(since)})

    def end(self, state: Item, now: datetime) -> None:
        """Out of it, once it has been quiet for long enough."""
        since = moment(state["since"])
        last = max(since, self.last(since - QUIET, now) or since)  # of an outage that the alarm began the table may not know yet
        if now - last <= QUIET or state.get("surely") or (state.get("alarmed") and now - last < STUCK):
            return
        change = {"open": False, "alarmed": False, "last": stamp(last)}
        as_seen = Attr("open").eq(True) & Attr("since").eq(state["since"])
        self.change(change, as_seen, {"kind": END, "since": state["since"], "last": stamp(last)})

    def tell_what_waits(self, now: datetime) -> None:
        """Tell what was noted, oldest first, and only then forget that it was to be told. Raises what telling raises.

        What SNS refused is tried again in the next look. Whether a message that got no answer was sent nobody knows: it is tried again,
        each time after a longer pause, so that people do not get it by the dozen.
        """
        state = self.state()
        waiting = state.get("pending") or []
        if not waiting or not self.claim(state, now):
            return
        for each in waiting:
            self.publish(each, now)
        self.change({}, Attr("pending").exists(), gone=("busy_until", "tries"))

    def claim(self, state: Item, now: datetime) -> bool:
        """Whether it is ours to tell. Who claimed it before and has not told it by then is believed to be dead."""
        busy, tries = state.get("busy_until"), int(state.get("tries", 0))
        if busy and moment(busy) > now:
            return False
        free = Attr("busy_until").eq(busy) if busy else Attr("busy_until").not_exists()
        as_seen = free & Attr("pending").eq(state["pending"])  # another look may have told it meanwhile
        return self.change({"busy_until": stamp(now + DIED * 2 ** min(tries, MOST_DOUBLED)), "tries": tries + 1}, as_seen)

    def publish(self, waiting: Item, now: datetime) -> None:
        """Tell one thing, and note that it was told. What was refused is free for the next look; what was told, and could not be noted, is
        not."""
        since = moment(waiting["since"])
        until = moment(waiting["last"]) if waiting["kind"] == END else None
        try:
            figures = Figures.of(self.timeline.events(since - QUIET, now), since)
            self.tell(message(figures, until, self.environment))
        except ClientError:
            self.change({"busy_until": stamp(now)}, Attr("pending").exists())
            raise
        self.change({}, Attr("pending[0]").eq(waiting), gone=("pending[0]",))

    def first(self, since: datetime, until: datetime) -> datetime | None:
        """When the first request of a window came."""
        return next((moment(event["time"]) for event in self.timeline.events(since, until) if is_fallback(event)), None)

    def last(self, since: datetime, until: datetime) -> datetime | None:
        """When the last one came."""
        return next((moment(event["time"]) for event in self.timeline.events(since, until, newest_first=True) if is_fallback(event)), None)

    def change(self, values: Item, condition: ConditionBase, waiting: Item | None = None, gone: tuple[str, ...] = ()) -> bool:
        """Change the item on a condition, and add what is to be told of it; whether the condition held."""
        sets = [f"#{index} = :{index}" for index in range(len(values))]
        given: Any = {"ExpressionAttributeNames": {f"#{index}": name for index, name in enumerate(values)}} if values else {}
        known: Item = {f":{index}": value for index, value in enumerate(values.values())}
        if waiting:
            sets.append("pending = list_append(if_not_exists(pending, :none), :one)")
            known |= {":none": [], ":one": [waiting]}
        update = " ".join(f"{word} {', '.join(what)}" for word, what in (("SET", sets), ("REMOVE", gone)) if what)
        given |= {"ExpressionAttributeValues": known} if known else {}
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


def alarm_in(event: dict[str, Any], now: datetime) -> str:
    """The state that the alarm which invoked us changed to; nothing when the schedule did, nor where Lambda brings the word so late that
    the alarm may long be well: it goes off for as long as an outage needs to be over.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html"""
    state = event.get("alarmData", {}).get("state", {})
    changed = state.get("timestamp")
    if state.get("value") == "ALARM" and changed and now - moment(changed) > QUIET:
        return ""
    return str(state.get("value", ""))


def meant(event: dict[str, Any]) -> datetime:
    """The minute that the schedule meant; now, where it does not say."""
    try:
        return datetime.fromisoformat(event["time"])
    except (KeyError, TypeError, ValueError):
        return datetime.now(UTC)


def handler(event: dict[str, Any], _: LambdaContext) -> None:
    """One look, by the alarm or by the schedule. Where the table is gone, people are told at least what the alarm says; and every full hour
    again, as long as it says so: nothing else would know that they could not be told before."""
    sns = boto3.client("sns", config=TELLING)
    environment = os.environ["FALLBACK_ENVIRONMENT"]

    def tell(what: dict[str, Any]) -> None:
        LOGGER.info("telling people", extra={"subject": what["Subject"]})
        sns.publish(TopicArn=os.environ["TOPIC_ARN"], **what)

    table = boto3.resource("dynamodb", config=QUICK).Table(os.environ["TABLE_NAME"])
    outages = Outages(table, environment, tell, lambda: alarm_state(os.environ["ALARM_NAME"]))
    said, now = alarm_in(event, datetime.now(UTC)), meant(event)
    believed = {"ALARM": ("ALARM", ""), "": ("ALARM",) if now.minute == 0 else ()}.get(said, ())
    if believed and outages.level() in believed and not outages.can_be_used():
        tell(without_figures(environment))
        return
    outages.look(now, said)


def alarm_state(name: str) -> str:
    """The state of an alarm, "" where it cannot be read: then what it told last is believed.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html"""
    try:
        found = boto3.client("cloudwatch", config=QUICK).describe_alarms(AlarmNames=[name])["MetricAlarms"]
    except (ClientError, BotoCoreError):
        LOGGER.exception("the alarm cannot be read")
        return ""
    return found[0]["StateValue"] if found else ""
