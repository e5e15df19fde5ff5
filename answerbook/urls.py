"""What Twilio takes for a URL.

RFC 3986 for the characters; https://www.twilio.com/docs/voice/twiml for host names (no underscores);
https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides for the fragment, which is never sent: it tells
Twilio how long to wait and what to retry. Errors 11100 (invalid URL format) and 11240 to 11243 (overrides).
"""

import re
from collections.abc import Callable, Mapping
from urllib.parse import SplitResult, urlsplit

from answerbook.nearest import did_you_mean

type Fault = Callable[[str], str | None]
"""What a value should have been, in a few words that follow "must be"; None if it is right."""

_UNSAFE = re.compile(r'[\x00-\x20\x7f\s<>"\\^`{|}]')
_FILE = re.compile(r"[./]")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*")


def web(overrides: Mapping[str, Fault]) -> Fault:
    """The fault of a URL that must be absolute http(s) or relative; `overrides`: what a key of its fragment may be."""
    return lambda url: _fault(url, ("", "http", "https"), overrides)


def media(overrides: Mapping[str, Fault]) -> Fault:
    """The fault of the URL of a file: a bare word is none. https://www.twilio.com/docs/messaging/twiml/message#media"""
    return lambda url: (
        _fault(url, ("", "http", "https"), overrides) or (None if _FILE.search(url) else "a URL such as https://example.com/a.png")
    )


def websocket(overrides: Mapping[str, Fault]) -> Fault:
    """The fault of a URL that must be absolute wss."""
    return lambda url: _fault(url, ("wss",), overrides)


def stream(overrides: Mapping[str, Fault]) -> Fault:
    """The same, and without a query: https://www.twilio.com/docs/voice/twiml/stream#url (custom parameters take its place)."""
    wrong = "a URL without ?; write <Parameter> elements instead"
    return lambda url: _fault(url, ("wss",), overrides) or (wrong if "?" in url else None)


def _fault(url: str, schemes: tuple[str, ...], overrides: Mapping[str, Fault]) -> str | None:
    if not url:
        return "a URL"
    if url.startswith("//"):
        return "a URL with http: or https: before its //, or a path that begins with one /"
    if unsafe := _UNSAFE.search(url):
        return f"a URL; {unsafe.group()!r} in it is written {_escaped(unsafe.group())}"
    try:
        parts = urlsplit(url)
        return _scheme(parts, schemes) or _host(parts) or _fragment(parts.fragment, overrides)
    except ValueError:
        return "a URL; its host or port cannot be read"


def _escaped(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "replace"))


def _scheme(parts: SplitResult, schemes: tuple[str, ...]) -> str | None:
    if parts.scheme in schemes:
        return None
    return f"a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes if scheme)}"


def _host(parts: SplitResult) -> str | None:
    if not parts.scheme and not parts.netloc:
        return None
    host, port = parts.hostname or "", parts.port  # the port is read because reading it is what finds a bad one
    if "_" in host:
        return f"a URL whose host has no underscore, unlike {host}"
    if not _HOST.fullmatch(host) or port == 0:
        return f"a URL with a valid host, unlike {host!r}"
    return None


def _fragment(fragment: str, overrides: Mapping[str, Fault]) -> str | None:
    faults = (_override(pair, overrides) for pair in fragment.split("&") if fragment)
    return next((fault for fault in faults if fault), None)


def _override(pair: str, overrides: Mapping[str, Fault]) -> str | None:
    key, _, value = pair.partition("=")
    if key not in overrides:
        known = ", ".join(overrides)
        return f"a URL whose fragment holds connection overrides only ({known}), not {key}{did_you_mean(key, overrides)}"
    wanted = overrides[key](value.replace(",", " "))
    return wanted and f"a URL whose connection override {key} is {wanted}, not {value}"
