"""Texts that nobody got: API Gateway answered in our place, or Twilio could not ask us, and no alert told what the text was.

Twilio's list of messages has what was written, and not whether anybody answered. So it is asked for windows in which there are gaps, and
what is found there and came neither to us nor is known from an alert is kept with the request that the primary should have had, put
together from the message: all that Twilio's webhook carries but city, state and country of the two numbers. Whether the primary has such a
text is not known, so it goes back to it only with `--include-perhaps`.
https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from lambdas.workers.events import UNHEARD, Item
from lambdas.workers.gaps import SAME_OUTAGE, STATIC_AFTER, Gaps, Known, follows, unexplained
from lambdas.workers.hand_back import missed_text
from lambdas.workers.numbers import TextAddresses
from lambdas.workers.timeline import Timeline, stamp
from lambdas.workers.transport import Deadline
from lambdas.workers.twilio_api import TwilioApi, aware
from lambdas.workers.webhook import Ask

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

PAGE = 1000
SIDS = ("SM", "MM")
API = "https://api.twilio.com"
VERSION = "2010-04-01"


class Texts:
    """Joins Twilio's list with the table, window by window."""

    def __init__(self, table: "Table", api: TwilioApi, accounts: Sequence[str], gaps: Gaps, days: tuple[int, int]) -> None:
        """`days` is how long events and originals are kept."""
        self.timeline = Timeline(table)
        self.api = api
        self.accounts = accounts
        self.gaps = gaps
        self.days = days

    def within(self, since: datetime, until: datetime, deadline: Deadline) -> list[Item]:
        """The items of texts of a window that nobody got. Twilio is asked only where there are gaps."""
        known, moments = Known.of(self.timeline.events(since - SAME_OUTAGE, until + SAME_OUTAGE), SIDS), self.gaps.within(since, until)
        if not moments and not known.failed - known.came:
            return []
        listed = list(self.inbound(since - SAME_OUTAGE, until, deadline))
        left = unexplained(moments, (sent_of(text) for _, text in listed if text.sid in known.missed), STATIC_AFTER)
        addresses = TextAddresses(self.api, deadline)
        lost = [(account, text) for account, text in listed if is_lost(text, known, left)]
        return [item for account, text in lost for item in self.items(account, text, addresses)]

    def inbound(self, since: datetime, until: datetime, deadline: Deadline) -> Iterator[tuple[str, Any]]:
        """The texts that people wrote in a window, with their account."""
        for account in self.accounts:
            messages = self.api.client(account, deadline).messages
            for message in messages.stream(date_sent_after=since, date_sent_before=until, page_size=PAGE):
                if message.direction == "inbound":
                    yield account, message

    def items(self, account: str, text: Any, addresses: TextAddresses) -> Iterator[Item]:
        """What is written of a text: an event on the timeline, and what the primary should have had."""
        url, method = addresses.of(account, text.to, text.messaging_service_sid)
        ask = Ask(url, urlencode(form_of(text)), "sms", method)
        yield from missed_text(UNHEARD, stamp(sent_of(text)), text.sid, "", ask, self.days)


def is_lost(text: Any, known: Known, left: Sequence[datetime]) -> bool:
    """Whether nobody got a text, as far as is known: Twilio could not ask us, or a static answer that nothing else explains followed it."""
    if text.sid in known.came:
        return False
    sent = sent_of(text)
    return text.sid in known.failed or (known.was_failing(sent) and follows(left, sent, STATIC_AFTER))


def form_of(text: Any) -> dict[str, str]:
    """What Twilio's webhook would have said (https://www.twilio.com/docs/messaging/guides/webhook-request), as far as the message tells."""
    sid = {"MessageSid": text.sid, "SmsSid": text.sid, "SmsMessageSid": text.sid}
    form = {"AccountSid": text.account_sid, "ApiVersion": text.api_version or VERSION, **sid, "SmsStatus": "received"}
    form |= {"From": text.from_ or "", "To": text.to or "", "Body": text.body or ""}
    form |= {"NumMedia": text.num_media or "0", "NumSegments": text.num_segments or "1"}
    form |= {"MessagingServiceSid": text.messaging_service_sid} if text.messaging_service_sid else {}
    for index, each in enumerate(text.media.stream() if form["NumMedia"] != "0" else ()):
        form |= {f"MediaUrl{index}": API + each.uri.removesuffix(".json"), f"MediaContentType{index}": each.content_type}
    return form


def sent_of(text: Any) -> datetime:
    """When a text was received."""
    return aware(text.date_sent or text.date_created)
