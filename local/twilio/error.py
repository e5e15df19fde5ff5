"""What goes wrong for Twilio, by the codes of its error dictionary (https://www.twilio.com/docs/api/errors)."""

from dataclasses import dataclass
from typing import Literal

Retry = Literal["ct", "rt", "4xx", "5xx", "other"]


@dataclass
class TwilioError(Exception):
    """A request that got no usable answer, or a document that cannot be executed.

    `retry` is the error type that a retry policy names (`rp`); "other" is retried by `rp=all` alone, None by none.
    """

    code: int
    reason: str
    url: str = ""
    retry: Retry | None = None

    def __str__(self) -> str:
        return f"{self.code} at {self.url}: {self.reason}"

    def at(self, url: str) -> "TwilioError":
        """This error, with the URL at which it happened unless one was noted already."""
        self.url = self.url or url
        return self
