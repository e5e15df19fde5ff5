"""What Twilio's Monitor knows and we do not: every failed webhook is an alert there for thirty days, whether it came to us or not.

    on a host of ours                    the fallback itself failed: an alarm of the first order, and an event with who it was
    a status callback of the primary's   nobody is on the line and Twilio has no fallback for it: lost, kept for hand-back
    a text that never came to us         an event `missed`, kept for hand-back: its number has no fallback, or that failed too
    a call that never came to us         an event `missed`, with who called whom

A list of alerts lacks what was sent; a single alert has it (`request_variables`), so those that are kept are asked for one by one.
https://www.twilio.com/docs/usage/monitor-alert
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from lambdas.answer.book import fits, host_of
from lambdas.answer.journal import safe_url
from lambdas.answer.request import parts_of
from lambdas.answer.signature import VERIFIED
from lambdas.workers.calls import LONGEST_CALL
from lambdas.workers.events import ANSWERED, FAILURE, MISSED, Item, as_stored, day_shard, is_masked
from lambdas.workers.hand_back import FALLBACKS_OWN, expiry, lost_callback, missed_text
from lambdas.workers.progress import Progress
from lambdas.workers.texts import form_of
from lambdas.workers.timeline import Timeline, stamp
from lambdas.workers.transport import Deadline, Unreachable
from lambdas.workers.twilio_api import TwilioApi, aware, unless_gone
from lambdas.workers.twilio_regions import Home
from lambdas.workers.webhook import Ask

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

LEVELS = ("error", "warning")  #: some real failures, such as 15003, are warnings
MOST = 10_000  #: the most that Twilio lists of a window
PAGE = 1000
WINDOW = timedelta(hours=1)
SHORTEST = timedelta(seconds=1)
#: A younger alert's own event may still be on its way.
SETTLED = timedelta(minutes=15)
TEXTS = ("SM", "MM")
MOST_TRIES = 8  #: runs that may fail at one alert: two hours

logger = logging.getLogger("alerts")


@dataclass(frozen=True)
class Hosts:
    """Whose URL it is: the primary's with the paths of its status callbacks, or ours; host names in lower case."""

    primary: frozenset[str]
    own: frozenset[str]
    asynchronous: tuple[list[str], ...]

    def are_ours(self, url: str) -> bool:
        """Whether a URL is on a host of ours."""
        return name_of(url) in self.own

    def are_the_primarys(self, url: str) -> bool:
        """Whether a URL is on a host of the primary's."""
        return name_of(url) in self.primary

    def is_asynchronous(self, url: str) -> bool:
        """Whether nobody waits for the answer of a URL."""
        return any(fits(pattern, parts_of(url).path) for pattern in self.asynchronous)


class Alerts:
    """Reads them, window by window, and says what is to be written for each."""

    def __init__(self, table: "Table", api: TwilioApi, hosts: Hosts, days: tuple[int, int]) -> None:
        """`days` is how long events and originals are kept."""
        self.timeline = Timeline(table)
        self.api = api
        self.hosts = hosts
        self.days = days

    def within(
        self, home: Home, since: datetime, until: datetime, deadline: Deadline, progress: Progress
    ) -> Iterator[tuple[datetime, list[Item]]]:
        """Of an account's window, oldest first: the moment of each alert that concerns us, and its items.

        `progress` remembers at which one it failed. Raises NoKey, Unreachable, and what Twilio's client raises.
        """
        client = self.api.client(home.account, deadline, home.region)
        found = sorted(self.concerning(client, since, until), key=moment_of)
        answered = self.answered(since, until) if found else set()
        for alert in found:
            if self.hosts.are_ours(alert.request_url) or self.is_new(alert, answered):
                whole = read(client, alert, progress)
                yield moment_of(alert), list(self.items(home, client, whole, alert.resource_sid not in answered))

    def concerning(self, client: Client, since: datetime, until: datetime) -> Iterator[Any]:
        """The alerts about URLs of the primary's or ours."""
        for level in LEVELS:
            for alert in self.listed(client.monitor.v1.alerts, level, since, until):
                if self.hosts.are_ours(alert.request_url or "") or self.hosts.are_the_primarys(alert.request_url or ""):
                    yield alert

    def listed(self, client: Any, level: str, since: datetime, until: datetime) -> list[Any]:
        """All alerts of a window; one that holds more than Twilio lists is halved."""
        found = list(client.stream(log_level=level, start_date=since, end_date=until, page_size=PAGE))
        if len(found) < MOST or until - since <= SHORTEST:
            return found
        middle = since + (until - since) / 2
        return self.listed(client, level, since, middle) + self.listed(client, level, middle, until)

    def answered(self, since: datetime, until: datetime) -> set[str]:
        """The calls and texts that surely came to us around a window: what nobody vouched for may have been a stranger's."""
        events = self.timeline.events(since - LONGEST_CALL, until + SETTLED)
        return {event["pk"] for event in events if is_certain(event)}

    def is_new(self, alert: Any, answered: set[str]) -> bool:
        """Whether we know nothing of it yet."""
        return self.hosts.is_asynchronous(alert.request_url) or alert.resource_sid not in answered

    def items(self, home: Home, client: Client, alert: Any, never_came: bool) -> Iterator[Item]:
        """What is to be written for an alert; `never_came` where no request for its call or text reached us."""
        sent, is_text = dict(parse_qsl(alert.request_variables or "")), (alert.resource_sid or "")[:2] in TEXTS
        if self.hosts.are_ours(alert.request_url):
            yield self.event(alert, FAILURE, sent)
            if is_text and never_came and sent.get("ErrorUrl"):
                yield from self.text(alert, sent["ErrorUrl"], sent.get("ErrorCode", ""), alert.request_variables)
        elif self.hosts.is_asynchronous(alert.request_url):
            yield from self.callback(alert)
        elif is_text:
            sent_then = alert.request_variables or form_by(home, client, alert)
            yield from self.text(alert, alert.request_url, str(alert.error_code), sent_then)
        else:
            yield self.event(alert, MISSED, sent)

    def callback(self, alert: Any) -> Iterator[Item]:
        """A callback that got lost; nothing where nothing whole may be kept, because then nothing can be given back."""
        if is_masked():
            return
        if not alert.request_variables:
            logger.warning("Twilio no longer has what was sent: %s", alert.sid)
            return
        sid = alert.resource_sid or alert.sid
        ask = Ask(alert.request_url, alert.request_variables, "sms" if sid[:2] in TEXTS else "voice", alert.request_method or "POST")
        yield from lost_callback(alert.sid, stamp(moment_of(alert)), sid, str(alert.error_code), ask, self.days)

    def text(self, alert: Any, url: str, code: str, sent: str) -> Iterator[Item]:
        """A text that never came to us. What was sent to our own address bears why it came there, which the primary is not told."""
        form = urlencode([pair for pair in parse_qsl(sent, keep_blank_values=True) if pair[0] not in FALLBACKS_OWN])
        ask = Ask(url, form, "sms", alert.request_method or "POST")
        yield from missed_text(MISSED, stamp(moment_of(alert)), alert.resource_sid, code, ask, self.days)

    def event(self, alert: Any, kind: str, sent: dict[str, str]) -> Item:
        """An event on the timeline."""
        time, pk = stamp(moment_of(alert)), alert.resource_sid or alert.sid
        item = {"pk": pk, "sk": f"{time}#{alert.sid}", "kind": kind, "time": time, "medium": "sms" if pk[:2] in TEXTS else "voice"}
        item |= {"error_code": str(alert.error_code), "error_url": safe_url(alert.request_url, frozenset())}
        item |= {"day_shard": day_shard(time, pk), "expires": expiry(time, self.days[0])}
        named = {"from": "From", "to": "To", "call_status": "CallStatus", "direction": "Direction"}
        return item | as_stored({name: sent[parameter] for name, parameter in named.items() if sent.get(parameter)})


def is_certain(event: Item) -> bool:
    """Whether an event says all that an alert would: a request that Twilio signed, or what such an alert was corrected to."""
    return (event.get("kind") == "request" and event.get("trust") == VERIFIED) or (event.get("kind") == ANSWERED and not event.get("trust"))


def read(client: Client, alert: Any, progress: Progress) -> Any:
    """A single alert, which has what was sent. One that Twilio has no more, or failed to give too often, is taken as the list tells of it:
    one alert never stops all others. Raises as Twilio's client does."""
    try:
        return unless_gone(client.monitor.v1.alerts(alert.sid).fetch) or alert
    except (Unreachable, TwilioRestException) as error:
        if progress.failed_at(alert.sid) < MOST_TRIES:
            raise
        logger.warning("%s is taken from the list alone: %s", alert.sid, error)
        return alert


def form_by(home: Home, client: Client, alert: Any) -> str:
    """What was sent, by the text itself, where the alert no longer has it; nothing where that is gone too."""
    if text := unless_gone(client.messages(alert.resource_sid).fetch):
        return urlencode(form_of(text, home))
    logger.warning("Twilio no longer has what was sent: %s", alert.sid)
    return ""


def moment_of(alert: Any) -> datetime:
    """When it happened."""
    return aware(alert.date_generated or alert.date_created)


def name_of(url: str) -> str:
    """The host of a URL, without port."""
    return host_of(url).partition(":")[0]
