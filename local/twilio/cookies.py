"""The cookies that Twilio keeps: for a call, and for a pair of numbers.

Sources: https://www.twilio.com/docs/messaging/twiml and the help article "How do Twilio cookies work?" (texts: four
hours, Max-Age may shorten it), https://www.twilio.com/docs/voice/twiml (calls), the TwiML changelog of 2023-06-01 (not
shared between parent and child calls, nor with status callbacks). Host and path rules are those of RFC 6265.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from local.twilio.error import TwilioError

FOUR_HOURS = 4 * 3600.0


@dataclass(frozen=True)
class Cookie:
    """One cookie: where it goes and until when (seconds of the jar's clock; None: as long as the jar)."""

    name: str
    value: str
    host: str
    path: str
    secure: bool
    expires: float | None


class Jar:
    """Cookies of one call, or of one pair of numbers (then `lifetime` is four hours). Not for several threads."""

    def __init__(self, clock: Callable[[], float], lifetime: float | None = None, renewed: bool = True) -> None:
        self._clock, self._lifetime, self._renewed = clock, lifetime, renewed
        self._cookies: dict[tuple[str, str, str], Cookie] = {}
        self._used = clock()

    def store(self, url: str, headers: Iterable[tuple[str, str]]) -> None:
        """Takes in the Set-Cookie headers of an answer. Raises TwilioError 11206 for one that breaks the protocol."""
        for name, value in headers:
            if name.lower() == "set-cookie":
                self._put(_parse(value, url), _max_age(value))

    def header(self, url: str) -> str:
        """The Cookie header for a request of this URL; "" for none. Counts as a use."""
        now = self._clock()
        if self._renewed and self._lifetime is not None and now - self._used >= self._lifetime:
            self._cookies.clear()
        self._used = now
        fitting = [each for each in self._cookies.values() if _goes_to(each, url) and not _is_over(each, now)]
        return "; ".join(f"{each.name}={each.value}" for each in fitting)

    def lose(self) -> None:
        """Forgets all."""
        self._cookies.clear()

    def _put(self, cookie: Cookie, max_age: float | None) -> None:
        limits = [max_age, None if self._renewed else self._lifetime]
        given = [each for each in limits if each is not None]
        now = self._clock()
        key = (cookie.host, cookie.path, cookie.name)
        self._cookies[key] = replace(cookie, expires=now + min(given) if given else None)
        self._used = now


def _parse(header: str, url: str) -> Cookie:
    pair, *attributes = (part.strip() for part in header.split(";"))
    name, equals, value = pair.partition("=")
    if not equals or not name or re.search(r"[\x00-\x1f\x7f]", header):
        raise TwilioError(11206, f"malformed cookie {header!r}")
    named = {key.strip().lower(): text.strip() for key, _, text in (each.partition("=") for each in attributes)}
    parts = urlsplit(url)
    path = named.get("path", "")
    if not path.startswith("/"):
        path = parts.path.rpartition("/")[0] or "/"
    return Cookie(name.strip(), value.strip(), parts.hostname or "", path, "secure" in named, None)


def _max_age(header: str) -> float | None:
    found = re.search(r";\s*max-age\s*=\s*(-?\d+)", header, re.IGNORECASE)
    return float(found[1]) if found else None


def _goes_to(cookie: Cookie, url: str) -> bool:
    parts = urlsplit(url)
    path = parts.path or "/"
    below = path == cookie.path or path.startswith(cookie.path.rstrip("/") + "/")
    return cookie.host == parts.hostname and below and (parts.scheme == "https" or not cookie.secure)


def _is_over(cookie: Cookie, now: float) -> bool:
    return cookie.expires is not None and cookie.expires <= now
