"""What can go wrong when media are fetched from Twilio, or anything else is asked of its REST API."""

from dataclasses import dataclass, replace

from local.twilio.server import Behaviour, Closes, Drips, Says


@dataclass(frozen=True)
class NotYet:
    """The media is not there yet: 404 with Twilio's XML."""


@dataclass(frozen=True)
class Cut:
    """The connection closes after so many bytes of the media; `inside_headers` does so before it begins."""

    after: int = 1000
    inside_headers: bool = False


@dataclass(frozen=True)
class Slow:
    """The media comes in pieces with so many seconds between them."""

    seconds: float
    piece: int = 1000


@dataclass(frozen=True)
class Elsewhere:
    """The media is to be had from another address."""

    url: str


type Fault = NotYet | Cut | Slow | Elsewhere | Behaviour | None
"""What happens to a request; None: nothing bad. A behaviour of the server (`Fails(503)`, `Hangs()`) takes its place."""


def spoiled(fault: Fault, good: Says) -> Behaviour:
    """What the server does instead of giving the good answer."""
    match fault:
        case None | NotYet():
            return good
        case Cut(after=after, inside_headers=inside):
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {good.content_type}\r\nContent-Length: {len(good.body)}\r\n"
            return Closes(head.encode()[:40] if inside else head.encode() + b"\r\n" + good.body[:after])
        case Slow(seconds=seconds, piece=piece):
            return Drips(good.body, seconds, good.content_type, piece)
        case Elsewhere(url=url):
            return replace(good, body=b"", status=302, headers=(("Location", url),))
        case _:
            return fault
