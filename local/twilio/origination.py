"""Where an Elastic SIP Trunk sends its calls, and what happens when nobody there takes them.

Source: https://www.twilio.com/docs/sip-trunking (priority and weight; the next URI after a SIP error, except after
2xx, 400, 404, 405, 410, 416, 482, 484, 486 and 6xx; after 4 seconds without an answer).
"""

import random
import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import uuid4

_FINAL = {400, 404, 405, 410, 416, 482, 484, 486}
SILENCE = 4.0
"""Seconds without an answer after which the next URI is tried."""

_URI = re.compile(r"sips?:(?:[^@]*@)?(?P<host>\[[^\]]+\]|[^:;]+)(?::(?P<port>\d+))?(?P<rest>.*)")


@dataclass(frozen=True)
class Origination:
    """One origination URI of a trunk; the lowest priority is tried first, weight shares the load within it."""

    uri: str
    priority: int = 10
    weight: int = 10
    enabled: bool = True


@dataclass(frozen=True)
class Tried:
    """What came of one URI: a SIP status, or None for silence."""

    uri: str
    status: int | None


def in_order(uris: Iterable[Origination], dice: random.Random) -> Iterator[Origination]:
    """The enabled URIs, by priority; within one, drawn by weight."""
    left = sorted((each for each in uris if each.enabled), key=lambda each: each.priority)
    while left:
        tier = [each for each in left if each.priority == left[0].priority]
        chosen = dice.choices(tier, [max(each.weight, 0) + 1e-9 for each in tier])[0]
        left.remove(chosen)
        yield chosen


def is_final(status: int | None, forbidden_fails: bool) -> bool:
    """Whether Twilio leaves it at this answer. Sources disagree about 403."""
    if status is None or (status == 403 and forbidden_fails):
        return False
    return status < 300 or status >= 600 or status in _FINAL or status == 403


def knock(uri: str, patience: float) -> Tried:
    """Asks a SIP server on this machine for a sign of life (OPTIONS), waiting so many real seconds.

    `;transport=tcp` and `tls` connect, the default is UDP as in SIP. Hosts elsewhere are silent: nothing leaves this
    machine.
    """
    found = _URI.fullmatch(uri)
    if not found or found["host"] not in {"127.0.0.1", "localhost", "[::1]"}:
        return Tried(uri, None)
    reliable = re.search("transport=(tcp|tls)", found["rest"], re.IGNORECASE) is not None
    address = ("127.0.0.1", int(found["port"] or 5060))
    try:
        return Tried(uri, _status(_options(uri, address, reliable, patience)))
    except OSError:
        return Tried(uri, None)


def _options(uri: str, address: tuple[str, int], reliable: bool, patience: float) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if reliable else socket.SOCK_DGRAM) as wire:
        wire.settimeout(patience)
        wire.connect(address)
        wire.sendall(_request(uri, wire.getsockname(), "TCP" if reliable else "UDP"))
        return wire.recv(65536)


def _request(uri: str, here: tuple[str, int], transport: str) -> bytes:
    lines = [
        f"OPTIONS {uri} SIP/2.0",
        f"Via: SIP/2.0/{transport} {here[0]}:{here[1]};branch=z9hG4bK{uuid4().hex}",
        "Max-Forwards: 70",
        f"From: <sip:twilio@{here[0]}>;tag={uuid4().hex[:8]}",
        f"To: <{uri}>",
        f"Call-ID: {uuid4().hex}",
        "CSeq: 1 OPTIONS",
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _status(answer: bytes) -> int | None:
    found = re.match(rb"SIP/2\.0 (\d{3}) ", answer)
    return int(found[1]) if found else None
