"""How calls ended, and calls that API Gateway answered in our place.

The journal ends with the caller's last request: who hangs up during the greeting leaves no further trace here, but Twilio knows when, and
how long the call lasted. And when API Gateway gave the static answer, no line was written at all. A call of a number leaves an alert then,
because the primary failed first (`lambdas.workers.alerts`), and so does a text; a call of a trunk does not, so those are looked for in
Twilio's list, in windows in which the access log has static answers, and nowhere else.
https://www.twilio.com/docs/voice/api/call-resource#read-multiple-call-resources
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lambdas.workers.events import END, UNHEARD, Item, as_stored, day_shard
from lambdas.workers.hand_back import expiry
from lambdas.workers.timeline import Timeline, stamp
from lambdas.workers.transport import Deadline
from lambdas.workers.twilio_api import TwilioApi

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

ENDED = ("completed", "busy", "failed", "no-answer", "canceled")
LONGEST_CALL = timedelta(hours=4, minutes=30)
#: A static answer follows the start of its call by seconds: Twilio tries every SIP server of a trunk first, four seconds each, ten at most.
STATIC_AFTER = timedelta(minutes=2)
PAGE = 1000
TRUNKING = "trunking"

#: When API Gateway answered by itself between two moments.
StaticAnswers = Callable[[datetime, datetime], list[datetime]]


class Calls:
    """Joins Twilio's list with the table, window by window."""

    def __init__(self, table: "Table", api: TwilioApi, accounts: Sequence[str], static: StaticAnswers, days: int) -> None:
        self.timeline = Timeline(table)
        self.api = api
        self.accounts = accounts
        self.static = static
        self.days = days

    def within(self, since: datetime, until: datetime, deadline: Deadline) -> list[Item]:
        """The items of calls that ended in a window, or were not heard. Twilio is asked only where there is something to ask for."""
        known, static = self.known(since - LONGEST_CALL, until), self.static(since, until)
        if not known and not static:
            return []
        made = list(self.listed(since - LONGEST_CALL, until, deadline))
        ended = [self.end(call) for call in made if call.sid in known and call.status in ENDED and since <= end_of(call) < until]
        unheard = [self.unheard(call) for call in made if call.sid not in known and near(static, call)]
        return ended + unheard

    def known(self, since: datetime, until: datetime) -> set[str]:
        """The calls that have events in a window."""
        return {event["pk"] for event in self.timeline.events(since, until) if event["pk"].startswith("CA")}

    def listed(self, since: datetime, until: datetime, deadline: Deadline) -> Iterator[Any]:
        """The calls that began in a window. Twilio lists by start alone, so a whole call's length is looked back."""
        for account in self.accounts:
            for region in self.api.keys.regions(account):
                calls = self.api.client(account, deadline, region).calls
                yield from calls.stream(start_time_after=since, start_time_before=until, page_size=PAGE)

    def end(self, call: Any) -> Item:
        """How a call ended: an item of its own beside its events, the same however often it is written."""
        time = stamp(end_of(call))
        item = {"pk": call.sid, "sk": END, "kind": END, "time": time, "call_status": call.status, "expires": expiry(time, self.days)}
        return item | ({"seconds": int(call.duration)} if str(call.duration).isdecimal() else {})

    def unheard(self, call: Any) -> Item:
        """A call that nobody took: on the timeline, with who called whom (Twilio's package calls `from` `_from`)."""
        time = stamp(start_of(call))
        item = {"pk": call.sid, "sk": f"{time}#{UNHEARD}", "kind": UNHEARD, "time": time, "medium": "voice", "entry": "trunk"}
        item |= {"day_shard": day_shard(time, call.sid), "expires": expiry(time, self.days), "call_status": call.status}
        return item | as_stored({name: value for name, value in (("from", call._from), ("to", call.to)) if value})


def near(static: Sequence[datetime], call: Any) -> bool:
    """Whether a trunk's call began shortly before a static answer."""
    began = start_of(call)
    return str(call.direction).startswith(TRUNKING) and any(began <= moment <= began + STATIC_AFTER for moment in static)


def start_of(call: Any) -> datetime:
    """When a call began; its making, where it never rang."""
    return aware(call.start_time or call.date_created)


def end_of(call: Any) -> datetime:
    """When a call ended."""
    return aware(call.end_time or call.date_updated)


def aware(moment: datetime) -> datetime:
    """Twilio's times are UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
