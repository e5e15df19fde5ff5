"""One HTTP request with a deadline that holds for all of it: name, connection, headers and body.

A socket's own timeout starts anew with every byte: an answer that drips may then take minutes, and `requests` and botocore let it. What
came is whole, or it is an error:

    Unreachable   no name, no connection, no TLS, silence, a cut or unreadable answer, the deadline: another host may do better
    NotAllowed    an address that must not be asked: not https, with user info, or not public (a redirect can name any)

In the local cloud, and nowhere else, every host is the stand-in that TWILIO_API_BASE names: the emulator's own environment has it, no
setting and no stack. Only a loopback address is accepted, so that even a wrong value leads nowhere.
"""

import io
import os
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from ipaddress import ip_address
from typing import cast
from urllib.parse import SplitResult, urljoin, urlsplit

CONNECT = 3.0  #: seconds for one address, TLS included twice that
SILENCE = 10.0  #: seconds without a byte
CHUNK = 64 * 1024
LARGEST = 400 * 1024 * 1024  #: bytes; four hours of WAV are 230 MB, /tmp holds 512
MOST_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
WITHOUT_BODY = (204, 304)

Headers = Mapping[str, str]


class Unreachable(Exception):
    """Nothing that can be used came back."""


class NotAllowed(Exception):
    """An address that is none of Twilio's and must not be asked either."""


class Deadline:
    """The moment when all has to be over."""

    def __init__(self, seconds: float) -> None:
        self.ends = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds left, negative once it is over."""
        return self.ends - time.monotonic()

    @property
    def half(self) -> "Deadline":
        """A deadline after half of what is left: the other half is for another attempt."""
        return Deadline(self.left / 2)

    def within(self, seconds: float) -> float:
        """So many seconds, or what is left. Raises TimeoutError once nothing is."""
        if self.left <= 0:
            raise TimeoutError("the time is used up")
        return min(seconds, self.left)


@dataclass(frozen=True)
class Answer:
    """Status and headers (names in lower case) of an answer whose body was written to a file, whole."""

    url: str
    status: int
    headers: dict[str, str]
    length: int

    @property
    def type(self) -> str:
        """The content type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def fetch(url: str, headers: Headers, deadline: Deadline, out: io.BufferedIOBase) -> Answer:
    """GET; redirects are followed, to public https addresses only and without our headers. Raises Unreachable, NotAllowed."""
    answer = request("GET", url, headers, deadline, out)
    for _ in range(MOST_REDIRECTS):
        if answer.status not in REDIRECTS or "location" not in answer.headers:
            return answer
        answer = request("GET", urljoin(answer.url, answer.headers["location"]), {}, deadline, out)
    raise Unreachable(f"more than {MOST_REDIRECTS} redirects")


def request(method: str, url: str, headers: Headers, deadline: Deadline, out: io.BufferedIOBase, body: bytes = b"") -> Answer:
    """One request; `out` then holds the body and nothing else. Raises Unreachable, NotAllowed."""
    parts = allowed(url)
    out.seek(0)
    out.truncate()
    try:
        with connected(parts, deadline) as wire:
            wire.sendall(head(method, parts, headers, body) + body)
            return received(method, url, Wire(wire, deadline), out)
    except (OSError, HTTPException, ValueError) as error:
        raise Unreachable(f"{parts.hostname}: {error or type(error).__name__}") from error


def allowed(url: str) -> SplitResult:
    """The parts of an https URL without user info on the usual port. Raises NotAllowed."""
    try:
        parts = urlsplit(url)
        usual = parts.scheme == "https" and parts.hostname and parts.port in (None, 443) and "@" not in parts.netloc
    except ValueError as error:
        raise NotAllowed("an address that cannot be read") from error
    if not usual:
        raise NotAllowed(f"{parts.scheme}://{parts.hostname}: only https without user info, on its usual port")
    return parts


def head(method: str, parts: SplitResult, headers: Headers, body: bytes) -> bytes:
    """The request's head. Raises ValueError for a line break where none may be."""
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fields = {"Host": parts.netloc, "Accept-Encoding": "identity", "Connection": "close"} | dict(headers)
    if body:
        fields["Content-Length"] = str(len(body))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a line break in a header")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def connected(parts: SplitResult, deadline: Deadline) -> socket.socket:
    """A connection over TLS to a public address of this host, or a plain one to the local stand-in. Raises OSError, NotAllowed."""
    if at := stand_in():
        return socket.create_connection(at, deadline.within(CONNECT))
    host = parts.hostname or ""
    plain = dial(addresses(host), deadline)
    try:
        plain.settimeout(deadline.within(CONNECT))
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
    except OSError:
        plain.close()
        raise


def stand_in() -> tuple[str, int] | None:
    """Where the local cloud's stand-in for Twilio listens; None anywhere else."""
    parts = urlsplit(os.environ.get("TWILIO_API_BASE", ""))
    return ("127.0.0.1", parts.port) if parts.hostname == "127.0.0.1" and parts.port else None


def addresses(host: str) -> list[str]:
    """The addresses of a host, each of them public. Raises OSError for an unknown host, NotAllowed for one inside a network."""
    found = list(dict.fromkeys(str(entry[4][0]) for entry in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)))
    if not all(ip_address(address).is_global for address in found):
        raise NotAllowed(f"{host} leads into a private network")
    return found


def dial(found: list[str], deadline: Deadline) -> socket.socket:
    """A connection to the first address that takes one. Raises OSError."""
    refusal = OSError("no address")
    for address in found:
        try:
            return socket.create_connection((address, 443), deadline.within(CONNECT))
        except OSError as error:
            refusal = error
    raise refusal


class Wire(io.RawIOBase):
    """A socket as HTTPResponse reads it: no silence longer than SILENCE, nothing after the deadline."""

    def __init__(self, wire: socket.socket, deadline: Deadline) -> None:
        self.wire, self.deadline = wire, deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What HTTPResponse asks a socket for."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Some bytes. Raises TimeoutError."""
        self.wire.settimeout(self.deadline.within(SILENCE))
        return self.wire.recv_into(buffer)


def received(method: str, url: str, wire: Wire, out: io.BufferedIOBase) -> Answer:
    """The answer, its body in `out`. Raises HTTPException or ValueError for one that is not whole."""
    with HTTPResponse(cast(socket.socket, wire), method=method) as response:
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        # Headers that were cut look like headers that ended: without a length nobody could tell.
        if response.status not in WITHOUT_BODY and response.length is None and not response.chunked:
            raise ValueError("an answer without a length")
        written = 0
        while chunk := response.read(CHUNK):
            written += out.write(chunk)
            if written > LARGEST:
                raise ValueError(f"more than {LARGEST} bytes")
        if response.length:
            raise ValueError(f"the answer is cut short by {response.length} bytes")
        return Answer(url, response.status, headers, written)
