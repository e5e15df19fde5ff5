"""What all calls and texts of an account share: its identity, its webhooks, its alerts, its recordings, the time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from time import time
from typing import TYPE_CHECKING, Literal, Protocol
from uuid import uuid4

from local.twilio.error import TwilioError
from local.twilio.exchange import Exchange
from local.twilio.hosts import HOME, address
from local.twilio.postman import Postman
from local.twilio.undocumented import Undocumented
from local.twilio.webhook import Webhooks

if TYPE_CHECKING:
    from local.twilio.messages import Text
    from local.twilio.numbers import Number

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Alert:
    """An entry of Twilio's Monitor: https://www.twilio.com/docs/usage/monitor-alert."""

    sid: str
    code: int
    level: Level
    text: str
    resource_sid: str
    request_method: str
    request_url: str
    request_variables: dict[str, str]
    response_status: int | None
    response_body: str
    at: float


@dataclass
class Recording:
    """A recording; `audio` is WAV, None once deleted or when there was nothing to keep."""

    sid: str
    call_sid: str
    url: str
    seconds: int
    status: str
    audio: bytes | None = field(repr=False)
    started: float
    error_code: int = 0
    source: str = "RecordVerb"
    heard: str = ""
    """The words that were spoken, for whoever checks the audio."""
    encryption: dict[str, str] | None = None
    """Twilio's encryption_details, where the account encrypts recordings; the audio is then ciphertext."""
    stored_at: str = ""
    """The address of a recording that the account stores outside Twilio; RecordingUrl is the same then."""


@dataclass(frozen=True)
class Medium:
    """A file that came with a text."""

    sid: str
    message_sid: str
    url: str
    type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Sent:
    """A text that was sent through the API."""

    from_: str
    to: str
    body: str
    media: tuple[str, ...]
    at: float
    service_sid: str | None = None
    sid: str = field(default_factory=lambda: new_sid("SM"), compare=False)


class Party(Protocol):
    """A call, as far as the REST API tells of it."""

    sid: str
    status: str
    began: float

    @property
    def seconds(self) -> float:
        """How long it has lasted."""

    @property
    def by_trunk(self) -> bool:
        """Whether it came over a trunk."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """What every request for it carries."""

    @property
    def exchanges(self) -> Sequence[Exchange]:
        """Every request that was made for it, or for a call that belongs to it."""


@dataclass
class Platform:
    """Shared by all threads: lists are only appended to, the rest does not change."""

    account_sid: str
    webhooks: Webhooks
    undocumented: Undocumented
    clock: Callable[[], float] = time
    region: str = HOME
    keeps_silence: bool = True
    """Twilio stores silent recordings unless Support has set the account otherwise (error page 16102)."""
    caller_ids: set[str] = field(default_factory=set)
    """The account's own numbers and those it has verified."""
    alerts: list[Alert] = field(default_factory=list)
    recordings: list[Recording] = field(default_factory=list)
    calls: list[Party] = field(default_factory=list)
    texts: "list[Text]" = field(default_factory=list)
    numbers: "list[Number]" = field(default_factory=list)
    media: list[Medium] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    """Texts that went out through the API."""
    queues: dict[str, str] = field(default_factory=dict)
    postman: Postman = field(default_factory=Postman)

    def queue(self, name: str) -> str:
        """The SID of a queue: the same for every call that waits there."""
        return self.queues.setdefault(name, new_sid("QU"))

    @property
    def media_base(self) -> str:
        """Where recordings and media are: at the API of this Region."""
        return address("api", self.region)

    def note(self, error: TwilioError, exchange: Exchange, sid: str, level: Level = "error") -> None:
        """Keeps an error as an alert."""
        found = Alert(
            sid=new_sid("NO"),
            code=error.code,
            level=level,
            text=error.reason,
            resource_sid=sid,
            request_method=exchange.ask.method,
            request_url=error.url or exchange.ask.url,
            request_variables=dict(exchange.parameters),
            response_status=exchange.status,
            response_body=exchange.body[:2000],
            at=self.clock(),
        )
        self.alerts.append(found)

    def attach(self, message_sid: str, content: bytes, type_: str) -> Medium:
        """A file that somebody sends with a text, at the address at which Twilio keeps it."""
        sid = new_sid("ME")
        url = f"{self.media_base}/2010-04-01/Accounts/{self.account_sid}/Messages/{message_sid}/Media/{sid}"
        self.media.append(Medium(sid, message_sid, url, type_, content))
        return self.media[-1]


def rfc2822(at: float) -> str:
    """A moment as Twilio's older API and its recording callbacks write it: Mon, 03 Jul 2023 21:45:28 +0000."""
    return format_datetime(datetime.fromtimestamp(at, UTC))


def new_sid(prefix: str) -> str:
    """A fresh SID: two letters and 32 hexadecimal digits."""
    return prefix + uuid4().hex
