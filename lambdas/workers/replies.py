"""The primary's answers to texts that were handed back: what Twilio would have sent to the sender, had the primary been there.

Twilio no longer waits for this answer, so each `<Message>` is sent through the API, and only when the engineer asked for it, not too
late and never to somebody who opted out. https://www.twilio.com/docs/messaging/twiml
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from twilio.base.exceptions import TwilioRestException

from lambdas.workers.transport import Deadline
from lambdas.workers.twilio_api import TwilioApi
from lambdas.workers.webhook import Answer

XML_TYPES = ("text/xml", "application/xml", "text/html")  #: what Twilio reads as TwiML
MOST_REPLIES = 10  #: of one text (error 14109)
LONGEST = 1600  #: characters of a message (error 14103)
SECONDS = 10.0  #: for sending one reply


class NotTwiml(ValueError):
    """The primary answered something that Twilio would have refused; the text says what."""


@dataclass(frozen=True)
class Reply:
    """One message for the sender."""

    body: str
    media: tuple[str, ...] = ()


def replies_in(answer: Answer) -> list[Reply]:
    """The messages of an answer to a text, for its sender. Raises NotTwiml.

    `text/plain` is sent back as it stands (https://www.twilio.com/docs/messaging/twiml#twilios-request-to-your-application).
    """
    kind = answer.content_type.partition(";")[0].strip().lower()
    if not answer.body.strip():
        return []
    if kind == "text/plain":
        return [Reply(answer.body.strip()[:LONGEST])]
    if kind not in XML_TYPES:
        raise NotTwiml(f"answered {kind or 'no content type'}")
    return list(messages_in(root_of(answer.body, kind)))[:MOST_REPLIES]


def root_of(body: str, kind: str) -> ET.Element:
    """The `<Response>` of a document. Raises NotTwiml; documents with a DTD are refused, because entities can grow without end."""
    try:
        root = ET.fromstring(body) if "<!DOCTYPE" not in body[:1000] else None  # noqa: S314 - no DTD, at most 64 kB
    except ET.ParseError:
        root = None
    if root is None or root.tag != "Response":
        raise NotTwiml("answered HTML instead of TwiML" if kind == "text/html" else "answered something that is not TwiML")
    return root


def messages_in(root: ET.Element) -> Iterator[Reply]:
    """The messages that go to the sender; one with a `to` of its own goes to somebody else and is left out."""
    for verb in root:
        if verb.tag in ("Message", "Sms") and not verb.get("to"):
            body = "".join([verb.text or "", *(part.text or "" for part in verb.findall("Body"))]).strip()
            media = tuple((part.text or "").strip() for part in verb.findall("Media"))
            if body or media:
                yield Reply(body[:LONGEST], media)


def send_replies(api: TwilioApi, form: dict[str, str], replies: list[Reply]) -> int:
    """Send each reply from where the text had been sent to, in its Region, and return how many Twilio took. Raises NoKey, Unreachable, and
    what Twilio's client raises where it does not say in which Region that is.

    Twilio refuses senders that opted out by itself (21610); such a reply counts as not sent.
    """
    deadline = Deadline(SECONDS * len(replies))
    home = api.home_of(form["AccountSid"], form.get("MessageSid", ""), deadline)
    messages = api.client(home.account, deadline, home.region).messages
    return sum(accepted(messages, form, reply) for reply in replies)


def accepted(messages: Any, form: dict[str, str], reply: Reply) -> bool:
    """Whether Twilio took a reply."""
    content: dict[str, Any] = {"body": reply.body} if reply.body else {}
    content |= {"media_url": list(reply.media)} if reply.media else {}
    try:
        messages.create(to=form["From"], from_=form["To"], **content)
    except TwilioRestException:
        return False
    return True
