"""What nobody vouches for, taken to Twilio: a request with a wrong signature may be a real caller's while our token is stale.

A stranger may claim any SID, and cannot know that of a call or text: Twilio tells it to those alone whom it asks. So the claims of a window
are joined with Twilio's lists of the same window, one for all of them, however many a stranger makes up. What is in both becomes an event
`answered` that bears its trust: it counts in an outage, and its caller is called back.
https://www.twilio.com/docs/voice/api/call-resource#read-multiple-call-resources
https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from twilio.base.exceptions import TwilioException

from lambdas.workers import calls, texts
from lambdas.workers.asking import is_not_offered
from lambdas.workers.events import ANSWERED, Item, as_stored, day_shard
from lambdas.workers.hand_back import expiry
from lambdas.workers.timeline import Timeline, is_fallback
from lambdas.workers.transport import Deadline
from lambdas.workers.twilio_api import TwilioApi
from lambdas.workers.twilio_regions import Home

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

#: A line may come late: `record` tries again after minutes, and from its queue after a quarter of an hour.
LATE = timedelta(hours=1)
CLOCKS = timedelta(minutes=1)  #: by which Twilio's and ours may differ, and its list cuts off fractions of a second


class Claims:
    """Joins them with Twilio's lists."""

    def __init__(self, table: "Table", api: TwilioApi, days: int) -> None:
        """`days` is how long events are kept."""
        self.timeline = Timeline(table)
        self.api = api
        self.days = days

    def within(self, home: Home, since: datetime, until: datetime, deadline: Deadline) -> list[Item]:
        """The events of calls and texts of a window that somebody claimed, that Twilio has, and that we do not know yet. Raises what
        Twilio's client raises."""
        claimed = self.claimed(home.account, since - LATE, until)
        found = self.listed(home, claimed, since - LATE, until, deadline)
        return [self.event(each, claimed[each.sid]) for each in found if each.sid in claimed]

    def claimed(self, account: str, since: datetime, until: datetime) -> dict[str, Item]:
        """The first claim of each call and text of an account, but for those that came with a good signature as well, or were confirmed
        before."""
        claims: dict[str, Item] = {}
        for claim in self.timeline.strangers(since, until):
            if claim.get("params", {}).get("AccountSid") == account:
                claims.setdefault(claim["sid"], claim)
        known = self.timeline.events(since - calls.LONGEST_CALL, until) if claims else ()
        for event in known:
            if is_fallback(event):
                claims.pop(event["pk"], None)
        return claims

    def listed(self, home: Home, claimed: Iterable[str], since: datetime, until: datetime, deadline: Deadline) -> Iterator[Any]:
        """Twilio's calls, and texts, of a window and of as long before as they may go on, where somebody claims that there were any."""
        window = since - calls.LONGEST_CALL, until + CLOCKS
        if any(sid.startswith(calls.SIDS) for sid in claimed):
            yield from calls.listed(self.api, home, *window, deadline)
        if any(sid.startswith(texts.SIDS) for sid in claimed):
            yield from self.texts(home, *window, deadline)

    def texts(self, home: Home, since: datetime, until: datetime, deadline: Deadline) -> list[Any]:
        """The texts of a window; none where the Region has no texts: its calls are confirmed all the same."""
        try:
            return list(texts.inbound(self.api, home, since, until, deadline))
        except TwilioException as error:
            if not is_not_offered(home, error):
                raise
            return []

    def event(self, found: Any, claim: Item) -> Item:
        """The event, at the time of the claim; who it was, as Twilio knows it (its package calls `from` of a call `_from`)."""
        time, is_text = claim["time"], found.sid.startswith(texts.SIDS)
        item = {"pk": found.sid, "sk": f"{time}#{ANSWERED}", "kind": ANSWERED, "time": time, "trust": claim["trust"]}
        item |= {"medium": "sms" if is_text else "voice", "day_shard": day_shard(time, found.sid), "expires": expiry(time, self.days)}
        item |= {name: claim[name] for name in ("entry", "trunk") if claim.get(name)}
        people = {"from": found.from_ if is_text else found._from, "to": found.to, "direction": found.direction}
        return item | as_stored({name: value for name, value in people.items() if value})
