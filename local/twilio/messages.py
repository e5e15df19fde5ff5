"""A text: the request that it causes and the replies that come of it.

Sources: https://www.twilio.com/docs/messaging/twiml (replies, text/plain, cookies), the error pages 14103, 14106, 14109
and 14110; a failure of the fallback too leaves the text unanswered.
"""

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from local.twilio.call import EndlessCallError
from local.twilio.cookies import Jar
from local.twilio.documents import Document, read
from local.twilio.error import TwilioError
from local.twilio.exchange import Ask, Exchange
from local.twilio.fallback import Handler, fallback
from local.twilio.platform import Platform, new_sid
from local.twilio.verbs import address

_MOST_REPLIES, _MOST_DOCUMENTS, _LONGEST_BODY = 10, 50, 1600


@dataclass(frozen=True)
class Reply:
    """A message that goes back; `error_code` says why it is not delivered."""

    from_: str
    to: str
    body: str
    media: tuple[str, ...] = ()
    error_code: int = 0
    sid: str = field(default_factory=lambda: new_sid("SM"), compare=False)

    @property
    def delivered(self) -> bool:
        """Whether the person who wrote receives it."""
        return self.error_code == 0


@dataclass
class Text:
    """An inbound text and everything that happened because of it."""

    platform: Platform
    parameters: dict[str, str]
    handler: Handler
    jar: Jar
    received: float
    exchanges: list[Exchange] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    by_twilio: list[str] = field(default_factory=list)
    """What Twilio itself answered to STOP, START and HELP."""

    @property
    def sid(self) -> str:
        """The MessageSid."""
        return self.parameters["MessageSid"]

    @property
    def bodies(self) -> list[str]:
        """The words of the replies that are delivered."""
        return [each.body for each in self.replies if each.delivered]

    @property
    def errors(self) -> list[TwilioError]:
        """What went wrong, in order."""
        return [each.error for each in self.exchanges if each.error]

    def warn(self, code: int, sentence: str) -> None:
        """Notes a warning about the document that is being executed."""
        self.platform.note(TwilioError(code, sentence, self.documents[-1].url), self.exchanges[-1], self.sid, "warning")


def handle(text: Text) -> Text:
    """Requests and executes documents until none is left; when nothing can be had the text stays unanswered."""
    following: Ask | None = Ask(text.handler.url, text.handler.method)
    try:
        while following:
            following = _step(text, following)
    except TwilioError:
        pass  # noted where it was raised; Twilio sends nothing
    return text


def _step(text: Text, ask: Ask) -> Ask | None:
    try:
        return _execute(text, _ask(text, ask))
    except TwilioError as error:
        used = any(each.ask.purpose == "fallback" for each in text.exchanges)
        return fallback(text.handler, ask, error, text.platform.undocumented, used=used)


def _ask(text: Text, ask: Ask) -> Document:
    if len(text.documents) >= _MOST_DOCUMENTS:
        text.warn(14106, "more than 50 documents for one text")
        raise EndlessCallError(f"{text.sid} is still going on after 50 documents")
    exchange = Exchange(ask, 0.0, text.sid, {**text.parameters, **ask.parameters})
    text.exchanges.append(exchange)
    lost = ask.purpose == "fallback" and not text.platform.undocumented.cookies_reach_the_fallback
    text.platform.webhooks.send(exchange, "sms", None if lost else text.jar)
    try:
        document = _document(exchange)
    except TwilioError as error:
        exchange.error = error.at(ask.url)
        text.platform.note(error, exchange, text.sid)
        raise
    text.documents.append(document)
    for warning in document.warnings:
        text.warn(12200, warning)
    return document


def _document(exchange: Exchange) -> Document:
    if exchange.error:
        raise exchange.error
    assert exchange.reply is not None
    return read(exchange.reply, exchange.url, "sms")


def _execute(text: Text, document: Document) -> Ask | None:
    for verb in document.root:
        if verb.tag == "Redirect":
            return Ask(address(document, (verb.text or "").strip()), verb.get("method", "POST"), {}, "redirect")
        if verb.tag == "Message":
            _reply(text, verb)
        else:
            text.warn(14110, f"<{verb.tag}> is no verb for texts")
    return None


def _reply(text: Text, verb: Element) -> None:
    if len(text.replies) == _MOST_REPLIES:
        text.warn(14109, "more than 10 replies to one text")
        return
    body = (verb.findtext("Body") or verb.text or "").strip()
    media = tuple((each.text or "").strip() for each in verb.findall("Media"))
    if (not body and not media) or len(body) > _LONGEST_BODY:
        text.warn(14103, "a body is missing or longer than 1600 characters")
        return
    sender, receiver = text.parameters["To"], text.parameters["From"]
    text.replies.append(Reply(verb.get("from", sender), verb.get("to", receiver), body, media))
