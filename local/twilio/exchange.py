"""A webhook request and what came of it, as Twilio's Request Inspector would show them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from local.twilio.connection import Reply
from local.twilio.error import TwilioError


@dataclass(frozen=True)
class Ask:
    """A request that Twilio is about to make: `parameters` are what this step adds to those of the call or text."""

    url: str
    method: str = "POST"
    parameters: Mapping[str, str] = field(default_factory=dict)
    purpose: str = "document"
    """document, fallback, recovery, action, redirect, whisper, media or callback."""
    token: str = field(default_factory=lambda: str(uuid4()))
    """I-Twilio-Idempotency-Token."""


@dataclass(frozen=True)
class Attempt:
    """One try of a webhook: a status, or the error code of its failure."""

    url: str
    edge: str
    status: int | None
    code: int | None
    seconds: float


@dataclass
class Exchange:
    """A webhook from its first try to its last answer, as Twilio's Request Inspector would show it."""

    ask: Ask
    at: float
    """Seconds since the first ring; 0 for texts."""
    sid: str
    """The call or message that it belongs to."""
    parameters: dict[str, str]
    headers: dict[str, str] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    url: str = ""
    """The URL that answered, after redirects, without fragment: what relative URLs of its document resolve against."""
    reply: Reply | None = None
    error: TwilioError | None = None
    seconds: float = 0.0

    @property
    def status(self) -> int | None:
        """The HTTP status of the answer, None when there was none."""
        return self.reply.status if self.reply else None

    @property
    def body(self) -> str:
        """The answer's text."""
        return self.reply.body.decode("utf-8", "replace") if self.reply else ""

    @property
    def error_code(self) -> int | None:
        """What Twilio's error dictionary calls the failure, None when all went well."""
        return self.error.code if self.error else None
