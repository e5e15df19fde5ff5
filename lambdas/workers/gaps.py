"""Gaps: when somebody got nothing of what the answer book says, so that Twilio's lists are asked who it was, then and at no other time.

    API Gateway answered by itself    its access log has the moment, and no name
    Twilio could not ask us at all    its alert is an event `failure` (`lambdas.workers.alerts`), which names the call or text

While the answer function is broken the probe gets static answers too: those are taken out, because nobody was on that line. What is left
may still be a stranger's doing. So a call or text of a number counts as lost only where the primary failed at that time, and as many static
answers as calls and texts are already known to be lost explain nothing more.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from boto3.dynamodb.conditions import Attr, Key

from lambdas.workers.events import ANSWERED, FAILURE, MISSED, PROBE_RUNS, Item
from lambdas.workers.timeline import is_fallback, stamp
from lambdas.workers.webhook import Medium

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

#: Twilio takes another one's answer first: fifteen seconds of a primary, or every SIP server of a trunk, four seconds each, ten at most.
STATIC_AFTER = timedelta(minutes=2)
#: A primary that failed so long before or after is the same outage.
SAME_OUTAGE = timedelta(minutes=15)
PROBE_TAKES = timedelta(seconds=30)  #: from its request to its note

#: When API Gateway answered by itself between two moments.
StaticAnswers = Callable[[datetime, datetime], list[datetime]]


@dataclass
class Known:
    """What the event table knows of the calls, or texts, of a window. `failed` are those of which Twilio told nothing but that."""

    came: set[str] = field(default_factory=set)
    missed: dict[str, Item] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    failing: list[datetime] = field(default_factory=list)

    @classmethod
    def of(cls, events: Iterable[Item], sids: tuple[str, ...]) -> Self:
        """`events` in order of time; `sids` is how the SIDs begin that count."""
        known = cls()
        for event in events:
            if is_fallback(event) or event["kind"] in (ANSWERED, MISSED, FAILURE):
                known.failing.append(datetime.fromisoformat(event["time"]))
            if event["pk"].startswith(sids):
                known.add(event)
        return known

    def add(self, event: Item) -> None:
        """One event of a call or text."""
        if event["kind"] == FAILURE and not event.get("from"):
            self.failed.add(event["pk"])
            return
        self.came.add(event["pk"])
        if event["kind"] in (MISSED, FAILURE):
            self.missed[event["pk"]] = event

    def was_failing(self, moment: datetime) -> bool:
        """Whether the primary failed around a moment."""
        return follows(self.failing, moment - SAME_OUTAGE, 2 * SAME_OUTAGE)


class Gaps:
    """The static answers of one API that were somebody's."""

    def __init__(self, table: "Table", static: StaticAnswers, medium: Medium) -> None:
        self.table = table
        self.static = static
        self.medium = medium

    def within(self, since: datetime, until: datetime) -> list[datetime]:
        """Those of a window, in order."""
        moments = sorted(self.static(since, until))
        return unexplained(moments, self.probed(since, until), PROBE_TAKES) if moments else []

    def probed(self, since: datetime, until: datetime) -> list[datetime]:
        """When the probe asked and got a static answer, at the earliest."""
        window = Attr("time").between(stamp(since), stamp(until + PROBE_TAKES))
        query: dict[str, Any] = {"KeyConditionExpression": Key("pk").eq(PROBE_RUNS), "FilterExpression": window}
        found: list[datetime] = []
        while query:
            page = self.table.query(**query)
            found += [datetime.fromisoformat(str(run["time"])) - PROBE_TAKES for run in page["Items"] if self.is_ours(run)]
            query = query | {"ExclusiveStartKey": page["LastEvaluatedKey"]} if "LastEvaluatedKey" in page else {}
        return found

    def is_ours(self, run: Item) -> bool:
        """Whether a run of the probe got a static answer of this API."""
        return "static" in run["faults"] and run["url"].endswith("/sms") == (self.medium == "sms")


def unexplained(moments: Sequence[datetime], began: Iterable[datetime], within: timedelta) -> list[datetime]:
    """The static answers that are left when each of these took the first that followed it."""
    left = list(moments)
    for begin in sorted(began):
        place = bisect_left(left, begin)
        if place < len(left) and left[place] <= begin + within:
            del left[place]
    return left


def follows(moments: Sequence[datetime], begin: datetime, within: timedelta) -> bool:
    """Whether one of these, which are in order, follows soon enough."""
    place = bisect_left(moments, begin)
    return place < len(moments) and moments[place] <= begin + within
