"""Texts that nobody got: API Gateway answered in our place, or Twilio could not ask us, and no alert told what the text was.

Twilio's list of messages has what was written, and not whether anybody answered. So it is asked for windows in which there are gaps, and
what is found there and came neither to us nor is known from an alert is kept with the request that the primary should have had, put
together from the message: all that Twilio's webhook carries but city, state and country of the two numbers. Whether the primary has such a
text is not known, so it goes back to it only with `--include-perhaps`.
https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from lambdas.workers.asking import Asking
from lambdas.workers.events import UNHEARD, Item
from lambdas.workers.gaps import SAME_OUTAGE, STATIC_AFTER, Gaps, Known, follows, unexplained
from lambdas.workers.hand_back import missed_text
from lambdas.workers.numbers import TextAddresses
from lambdas.workers.timeline import Timeline, stamp
from lambdas.workers.transport import Deadline
from lambdas.workers.twilio_api import TwilioApi, aware, unless_gone
from lambdas.workers.twilio_regions import Home, api_host
from lambdas.workers.webhook import Ask

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

PAGE = 1000
SIDS = ("SM", "MM")
VERSION = "2010-04-01"


class Texts:
    """Joins Twilio's list with the table, window by window."""

    def __init__(self, table: "Table", api: TwilioApi, gaps: Gaps, days: tuple[int, int]) -> None:
        """`days` is how long events and originals are kept."""
        self.timeline = Timeline(table)
        self.api = api
        self.gaps = gaps
        self.days = days

    def within(self, since: datetime, until: datetime, asking: Asking) -> list[Item]:
        """The items of texts of a window that nobody got. Twilio is asked only where there are gaps."""
        known, moments = Known.of(self.timeline.events(since - SAME_OUTAGE, until + SAME_OUTAGE), SIDS), self.gaps.within(since, until)
        if not moments and not known.failed - known.came:
            return []
        lists = asking.each(lambda home, deadline: list(inbound(self.api, home, since - SAME_OUTAGE, until, deadline)))
        told = (sent_of(text) for _, texts in lists for text in texts if text.sid in known.missed)
        left = unexplained(moments, told, STATIC_AFTER)
        lost = {home: [text for text in texts if is_lost(text, known, left)] for home, texts in lists}
        found = asking.each(lambda home, deadline: list(self.items(home, lost.get(home, ()), deadline)))
        return [item for _, items in found for item in items]

    def items(self, home: Home, texts: Iterable[Any], deadline: Deadline) -> Iterator[Item]:
        """What is written of texts: of each an event on the timeline, and what the primary should have had."""
        addresses = TextAddresses(self.api, home, deadline)
        for text in texts:
            url, method = addresses.of(text.to, text.messaging_service_sid)
            ask = Ask(url, urlencode(form_of(text, home)), "sms", method)
            yield from missed_text(UNHEARD, stamp(sent_of(text)), text.sid, "", ask, self.days)


def inbound(api: TwilioApi, home: Home, since: datetime, until: datetime, deadline: Deadline) -> Iterator[Any]:
    """The texts that people wrote to an account in a window."""
    messages = api.client(home.account, deadline, home.region).messages
    for message in messages.stream(date_sent_after=since, date_sent_before=until, page_size=PAGE):
        if message.direction == "inbound":
            yield message


def is_lost(text: Any, known: Known, left: Sequence[datetime]) -> bool:
    """Whether nobody got a text, as far as is known: Twilio could not ask us, or a static answer that nothing else explains followed it."""
    if text.sid in known.came:
        return False
    sent = sent_of(text)
    return text.sid in known.failed or (known.was_failing(sent) and follows(left, sent, STATIC_AFTER))


def form_of(text: Any, home: Home) -> dict[str, str]:
    """What Twilio's webhook would have said (https://www.twilio.com/docs/messaging/guides/webhook-request), as far as the message tells."""
    sid = {"MessageSid": text.sid, "SmsSid": text.sid, "SmsMessageSid": text.sid}
    form = {"AccountSid": text.account_sid, "ApiVersion": text.api_version or VERSION, **sid, "SmsStatus": "received"}
    form |= {"From": text.from_ or "", "To": text.to or "", "Body": text.body or ""}
    form |= {"NumMedia": text.num_media or "0", "NumSegments": text.num_segments or "1"}
    form |= {"MessagingServiceSid": text.messaging_service_sid} if text.messaging_service_sid else {}
    for index, each in enumerate(media_of(text)):
        url = f"https://{api_host(home.region)}{each.uri.removesuffix('.json')}"
        form |= {f"MediaUrl{index}": url, f"MediaContentType{index}": each.content_type}
    return form


def media_of(text: Any) -> list[Any]:
    """The media of a text; none where they were deleted."""
    return (unless_gone(lambda: list(text.media.stream())) or []) if text.num_media not in (None, "0") else []


def sent_of(text: Any) -> datetime:
    """When a text was received."""
    return aware(text.date_sent or text.date_created)
