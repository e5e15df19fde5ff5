"""A call: one party's line on which TwiML is executed, with its own time, status, cookies and story.

Time is virtual: what is said, played or waited for moves the call's clock and nobody sleeps. Only real requests take
real time, and that is added.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from local.twilio.cookies import Jar
from local.twilio.documents import Document, read
from local.twilio.error import TwilioError
from local.twilio.exchange import Ask, Exchange
from local.twilio.fallback import Handler
from local.twilio.origination import Tried
from local.twilio.people import Caller
from local.twilio.platform import Platform, Recording

LONGEST = 4 * 3600.0
"""Seconds after which Twilio ends a call (<Dial timeLimit>, https://www.twilio.com/docs/voice/twiml/dial)."""
_MOST_DOCUMENTS = 200

TWILIOS_OWN_ERROR = "We're sorry. An application error has occurred. Goodbye."
"""What a caller hears when there is no answer and no fallback, or that failed too (voice failover best practices)."""


class HungUp(Exception):
    """Somebody put the phone down; `who` is the call whose party is gone."""

    def __init__(self, who: "Call") -> None:
        super().__init__(who.sid)
        self.who = who


class CallEnded(Exception):
    """Twilio ended the call."""


class EndlessCallError(RuntimeError):
    """A call went through more documents than any sane flow: it would go round until its caller gives up."""


@dataclass(frozen=True)
class Heard:
    """Something that the party on the line heard."""

    kind: str
    """say, play, digits, beep, silence, ringing, talk, busy, not in service, error."""
    what: str
    at: float
    """Seconds since the first ring."""
    seconds: float


@dataclass
class Line:
    """What a call shares with the calls that it made: time since the first ring, and every request in order."""

    now: float = 0.0
    exchanges: list[Exchange] = field(default_factory=list)


@dataclass(frozen=True)
class Dialled:
    """How a <Dial> ended."""

    to: str
    status: str
    bridged: bool = False
    seconds: int = 0
    sid: str = ""
    leg: "Call | None" = None


class Call:
    """A call and everything that happened on it."""

    def __init__(
        self,
        platform: Platform,
        parameters: Mapping[str, str],
        handler: Handler,
        script: Caller,
        *,
        status: str = "ringing",
        parent: "Call | None" = None,
    ) -> None:
        self.platform, self.parameters, self.handler, self.script = platform, dict(parameters), handler, script
        self.sid, self.status, self.parent = parameters["CallSid"], status, parent
        self.line: Line = parent.line if parent else Line()
        self.jar = Jar(platform.clock)
        self.heard: list[Heard] = []
        self.documents: list[Document] = []
        self.recordings: list[Recording] = []
        self.dialled: list[Dialled] = []
        self.legs: list[Call] = []
        self.callbacks: list[Ask] = []
        self.tried: list[Tried] = []
        self.ended_by = ""
        """document (it ran out), hangup, reject, caller, error or limit."""
        self.answered_at: float | None = None if status == "ringing" else self.line.now
        self._leaving = False
        self._digits = iter(script.digits)
        self.began = platform.clock()
        platform.calls.append(self)
        if parent:
            parent.legs.append(self)

    @property
    def exchanges(self) -> list[Exchange]:
        """Every request that was made for this call, its whispers, media and callbacks included, in order."""
        return self.line.exchanges

    @property
    def words(self) -> list[str]:
        """The texts that were said to the caller."""
        return [each.what for each in self.heard if each.kind == "say"]

    @property
    def errors(self) -> list[TwilioError]:
        """What went wrong, in order."""
        return [each.error for each in self.exchanges if each.error]

    @property
    def seconds(self) -> float:
        """How long the call took, from the first ring."""
        return self.line.now

    @property
    def by_trunk(self) -> bool:
        """Whether it came over a trunk, whose SIP servers were tried first."""
        return bool(self.tried)

    def answer(self) -> None:
        """Twilio picks up; does nothing on a call that was answered before."""
        if self.status == "ringing":
            self.status, self.answered_at = "in-progress", self.line.now

    def hear(self, kind: str, what: str, seconds: float) -> None:
        """The party hears something for so long. Raises HungUp when it, or the caller behind it, leaves meanwhile."""
        self.heard.append(Heard(kind, what, self.line.now, seconds))
        self.spend(seconds)

    def spend(self, seconds: float) -> None:
        """Lets time pass on the line. Raises HungUp, or CallEnded after four hours."""
        for party in (self.parent, self):
            if party is not None:
                party._leave_within(seconds)
        self.line.now += seconds
        if self.line.now > LONGEST:
            self.ended_by = "limit"
            raise CallEnded

    def begin(self, verb: str) -> None:
        """Tells the party which verb is about to be executed. Raises HungUp when it left during the last request."""
        self._leaving = False
        self.spend(0.0)
        self._leaving = bool(verb) and verb == self.script.hangs_up_during

    def press(self) -> str:
        """What the party presses at the next opportunity."""
        return next(self._digits, "")

    def ask(self, ask: Ask) -> Document:
        """Requests a document. Raises TwilioError when Twilio can make nothing of the answer."""
        if len(self.documents) >= _MOST_DOCUMENTS:
            raise EndlessCallError(f"{self.sid} is still going on after {_MOST_DOCUMENTS} documents")
        exchange = self.request(ask)
        try:
            document = _document(exchange)
        except TwilioError as error:
            exchange.error = error.at(ask.url)
            self.platform.note(error, exchange, self.sid)
            raise
        self.documents.append(document)
        for warning in document.warnings:
            self.platform.note(TwilioError(12200, warning, document.url), exchange, self.sid, "warning")
        return document

    def request(self, ask: Ask, bare: bool = False, cookies: bool = True) -> Exchange:
        """Makes a request with the call's parameters (`bare`: with the step's own alone) and notes it."""
        known = {} if bare else {**self.parameters, "CallStatus": self.status}
        exchange = Exchange(ask, self.line.now, self.sid, {**known, **ask.parameters})
        self.line.exchanges.append(exchange)
        lost = ask.purpose == "fallback" and not self.platform.undocumented.cookies_reach_the_fallback
        self.platform.webhooks.send(exchange, "voice", None if lost or not cookies else self.jar)
        self.line.now += exchange.seconds
        return exchange

    def tell(self, ask: Ask) -> None:
        """Requests a URL when nobody is left to hear the answer, so that neither it nor an error matters."""
        exchange = self.request(ask)
        if exchange.error:
            self.platform.note(exchange.error, exchange, self.sid)

    def warn(self, code: int, sentence: str) -> None:
        """Notes a warning about the document that is being executed."""
        last = next(each for each in reversed(self.exchanges) if each.sid == self.sid)
        self.platform.note(TwilioError(code, sentence, self.documents[-1].url), last, self.sid, "warning")

    def _leave_within(self, seconds: float) -> None:
        until = self.line.now + seconds
        leaves = self.script.hangs_up_after
        if self._leaving and seconds > 0:
            self.line.now += seconds / 2
        elif leaves is not None and until >= leaves:
            self.line.now = max(self.line.now, leaves)
        else:
            return
        self.ended_by = "caller"
        raise HungUp(self)


def _document(exchange: Exchange) -> Document:
    if exchange.error:
        raise exchange.error
    assert exchange.reply is not None
    return read(exchange.reply, exchange.url, "voice")
