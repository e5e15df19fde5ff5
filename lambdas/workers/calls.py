"""How calls ended, and calls that nobody took: API Gateway answered in our place, or Twilio could not ask us.

The journal ends with the caller's last request: who hangs up during the greeting leaves no further trace here, but Twilio knows when, and
how long the call lasted. And where there are gaps (`lambdas.workers.gaps`), no line was written at all. A call of a number leaves an alert
then, because the primary failed first (`lambdas.workers.alerts`); a call of a trunk does not, nor does it help where Twilio no longer tells
what was sent. So Twilio's list of calls is joined with the table: a trunk's call that a static answer followed; a short one of a number
that a static answer followed which nothing else explains, while the primary was failing; one of which an alert gave nothing but the SID.

An alert about the primary, and no line of ours, may mean that the line was lost (CloudWatch Logs was down, `record` is late): then Twilio
is asked whether we answered that call.
https://www.twilio.com/docs/voice/api/call-resource#read-multiple-call-resources
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from lambdas.workers.asking import Asking
from lambdas.workers.call_events import CallEvents
from lambdas.workers.events import ANSWERED, END, MISSED, UNHEARD, Item, as_stored, day_shard
from lambdas.workers.gaps import STATIC_AFTER, Gaps, Known, follows, unexplained
from lambdas.workers.hand_back import expiry
from lambdas.workers.timeline import Timeline, stamp
from lambdas.workers.transport import Deadline
from lambdas.workers.twilio_api import TwilioApi, aware
from lambdas.workers.twilio_regions import Home

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

ENDED = ("completed", "busy", "failed", "no-answer", "canceled")
#: Four hours at most, and what clocks and lists may differ by. https://www.twilio.com/docs/voice/twiml/dial#timelimit
LONGEST_CALL = timedelta(hours=4, minutes=30)
PAGE = 1000
SIDS = ("CA",)
TRUNKING = "trunking"
APOLOGY = 60  #: seconds; who was on the line for longer talked to somebody
#: An alert may be written, and Twilio's account of a call be there, so long after the call's end.
DOUBTED = timedelta(hours=1)
MOST_DOUBTED = 100  #: calls of a window that Twilio is asked about; the next run asks about others


class Calls:
    """Joins Twilio's list with the table, window by window."""

    def __init__(self, table: "Table", api: TwilioApi, gaps: Gaps, events: CallEvents, days: int) -> None:
        """`days` is how long events are kept."""
        self.timeline = Timeline(table)
        self.api = api
        self.gaps = gaps
        self.events = events
        self.days = days

    def within(self, since: datetime, until: datetime, asking: Asking) -> list[Item]:
        """The items of calls that ended in a window, or were not heard. Twilio is asked only where there is something to ask for."""
        known, moments = Known.of(self.timeline.events(since - LONGEST_CALL, until), SIDS), self.gaps.within(since, until)
        ours = known.came | known.failed
        if not ours and not moments:
            return []
        lists = asking.each(lambda home, deadline: list(listed(self.api, home, since - LONGEST_CALL, until, deadline)))
        made = [call for _, calls in lists for call in calls]
        ended = [call for call in made if call.status in ENDED and end_of(call) < until]
        ends = [self.end(call) for call in ended if call.sid in ours and since <= end_of(call)]
        doubted = {call.sid: call for call in ended if call.sid in known.missed and since - DOUBTED <= end_of(call)}
        at = {home: [doubted[call.sid] for call in calls if call.sid in doubted] for home, calls in lists}
        answers = asking.each(lambda home, deadline: list(self.corrected(home, at.get(home, ()), known.missed, deadline)))
        return (
            ends
            + [item for _, corrected in answers for item in corrected]
            + [event_of(call, UNHEARD, self.days) for call in unheard(made, known, moments)]
        )

    def corrected(self, home: Home, doubted: Iterable[Any], missed: Mapping[str, Item], deadline: Deadline) -> Iterator[Item]:
        """The events of calls that an alert makes look missed, and that we answered, in the place of those."""
        asked = (call for call in doubted if missed[call.sid]["kind"] == MISSED and self.events.known.get(call.sid, True))
        for call in islice(asked, MOST_DOUBTED):
            if self.events.came_to_us(home, call.sid, deadline):
                event = missed[call.sid]
                yield event | {"kind": ANSWERED, "expires": expiry(event["time"], self.days)}

    def end(self, call: Any) -> Item:
        """How a call ended: an item of its own beside its events, the same however often it is written."""
        time = stamp(end_of(call))
        item = {"pk": call.sid, "sk": END, "kind": END, "time": time, "call_status": call.status, "expires": expiry(time, self.days)}
        return item | ({"seconds": int(call.duration)} if str(call.duration).isdecimal() else {})


def listed(api: TwilioApi, home: Home, since: datetime, until: datetime, deadline: Deadline) -> Iterator[Any]:
    """The calls of an account that began in a window. Twilio lists by start alone, so a whole call's length is looked back."""
    calls = api.client(home.account, deadline, home.region).calls
    yield from calls.stream(start_time_after=since, start_time_before=until, page_size=PAGE)


def event_of(call: Any, kind: str, days: int) -> Item:
    """A call of which Twilio alone tells: on the timeline, with who called whom (Twilio's package calls `from` `_from`)."""
    time, entry = stamp(start_of(call)), "trunk" if is_trunks(call) else "voice"
    item = {"pk": call.sid, "sk": f"{time}#{kind}", "kind": kind, "time": time, "medium": "voice", "entry": entry}
    item |= {"day_shard": day_shard(time, call.sid), "expires": expiry(time, days), "call_status": call.status}
    return item | as_stored(
        {name: value for name, value in (("from", call._from), ("to", call.to), ("direction", call.direction)) if value}
    )


def unheard(made: Sequence[Any], known: Known, moments: Sequence[datetime]) -> list[Any]:
    """The calls that nobody took, as far as is known."""
    new = [call for call in made if call.sid not in known.came]
    sure = [call for call in new if call.sid in known.failed or (is_trunks(call) and was_apologized_to(call, moments))]
    lost = {call.sid for call in sure} | known.missed.keys()
    left = unexplained(moments, (start_of(call) for call in made if call.sid in lost), STATIC_AFTER)
    return sure + [call for call in new if call.sid not in lost and is_numbers_own(call, known, left)]


def is_trunks(call: Any) -> bool:
    """Whether a call came over a trunk."""
    return str(call.direction).startswith(TRUNKING)


def is_numbers_own(call: Any, known: Known, left: Sequence[datetime]) -> bool:
    """Whether a static answer ended the call of a number, as far as is known."""
    return call.direction == "inbound" and known.was_failing(start_of(call)) and was_apologized_to(call, left)


def was_apologized_to(call: Any, moments: Sequence[datetime]) -> bool:
    """Whether a call was short, and a static answer followed its start."""
    return follows(moments, start_of(call), STATIC_AFTER) and str(call.duration).isdecimal() and int(call.duration) <= APOLOGY


def start_of(call: Any) -> datetime:
    """When a call began; its making, where it never rang."""
    return aware(call.start_time or call.date_created)


def end_of(call: Any) -> datetime:
    """When a call ended."""
    return aware(call.end_time or call.date_updated)
