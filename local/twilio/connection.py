"""One HTTP request and its answer over a socket, with the connect, read and total time-outs kept apart.

No connection leaves this machine: only loopback addresses, `localhost` and the hosts given to `Resolver` are reached,
every other name "does not resolve" (11210).
"""

import gzip
import io
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, IncompleteRead, RemoteDisconnected
from ipaddress import ip_address
from time import monotonic
from typing import cast

from local.twilio.error import TwilioError

Address = tuple[str, int]

_EXPIRED, _OTHER_HOST = 10, 62
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED and X509_V_ERR_HOSTNAME_MISMATCH."""


class Resolver:
    """Where host names lead: `{".execute-api.us-east-1.amazonaws.com": ("127.0.0.1", 4566)}` (a dot: all below it)."""

    def __init__(self, addresses: Mapping[str, Address] | None = None) -> None:
        self._addresses = dict(addresses or {})

    def leads(self, host: str, address: Address) -> None:
        """From now on this name leads there."""
        self._addresses[host] = address

    def address(self, host: str, port: int) -> Address:
        """The address to connect to. Raises TwilioError 11210 for a host that is not on this machine."""
        for name, address in self._addresses.items():
            if host == name or (name.startswith(".") and host.endswith(name)):
                return address
        if host == "localhost" or _is_loopback(host):
            return ("127.0.0.1" if host == "localhost" else host, port)
        raise TwilioError(11210, f"{host} does not resolve", retry="other")


@dataclass(frozen=True)
class Limits:
    """Seconds to connect and between packets, and the moment (`time.monotonic`) when all has to be over."""

    connect: float
    read: float
    deadline: float
    exceeded: int
    """The code of the deadline: 11203 when the URL's own `tt` set it, 11205 when Twilio's 15 seconds did."""
    silence: int


@dataclass(frozen=True)
class Request:
    """What goes over the wire: where to, and the bytes."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    sni: bool
    method: str
    raw: bytes


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, its body decompressed."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first header of this name, in any case; "" when there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


def talk(request: Request, resolver: Resolver, limits: Limits) -> Reply:
    """Sends the request and reads the answer. Raises TwilioError with the code that Twilio gives to what went wrong."""
    address = resolver.address(request.host, request.port)
    with _connect(address, limits) as plain, _secure(plain, request, limits) as wire:
        return _converse(wire, request, limits)


def _connect(address: Address, limits: Limits) -> socket.socket:
    try:
        return socket.create_connection(address, timeout=_within(limits.connect, limits))
    except TimeoutError as problem:
        raise _late(limits, TwilioError(11201, "no TCP connection in time", retry="ct")) from problem
    except ConnectionRefusedError as problem:
        raise TwilioError(11202, "connection refused", retry="ct") from problem
    except OSError as problem:
        raise TwilioError(11205, f"no connection: {problem}", retry="ct") from problem


def _secure(plain: socket.socket, request: Request, limits: Limits) -> socket.socket:
    if request.tls is None:
        return plain
    plain.settimeout(_within(limits.connect, limits))
    try:
        return request.tls.wrap_socket(plain, server_hostname=request.host if request.sni else None)
    except ssl.SSLCertVerificationError as problem:
        code = {_EXPIRED: 11236, _OTHER_HOST: 11235}.get(problem.verify_code, 11237)
        raise TwilioError(code, problem.verify_message, retry="ct") from problem
    except TimeoutError as problem:
        raise _late(limits, TwilioError(11220, "no TLS handshake in time", retry="ct")) from problem
    except OSError as problem:
        raise TwilioError(11220, f"no TLS handshake: {problem}", retry="ct") from problem


def _converse(wire: socket.socket, request: Request, limits: Limits) -> Reply:
    reader = _Reader(wire, limits)
    try:
        wire.settimeout(_within(limits.read, limits))
        wire.sendall(request.raw)
        return _read(reader, request.method)
    except TimeoutError as problem:
        raise _late(limits, _partly(reader, TwilioError(limits.silence, "no answer in time", retry="rt"))) from problem
    except (RemoteDisconnected, ConnectionError) as problem:
        raise _partly(reader, TwilioError(11205, "connection closed without an answer", retry="other")) from problem
    except IncompleteRead as problem:
        raise TwilioError(11206, "the answer is cut short") from problem
    except (HTTPException, ValueError, gzip.BadGzipFile) as problem:
        raise _partly(reader, TwilioError(11206, f"no HTTP answer: {problem}")) from problem


def _read(reader: "_Reader", method: str) -> Reply:
    with closing(HTTPResponse(cast(socket.socket, reader), method=method)) as response:
        response.begin()
        body = response.read()
        if response.getheader("Content-Encoding", "").lower() == "gzip":
            body = gzip.decompress(body)
        return Reply(response.status, tuple(response.getheaders()), body)


class _Reader(io.RawIOBase):
    """The socket as `HTTPResponse` reads it: no packet may take longer than `read`, none come after the deadline."""

    def __init__(self, wire: socket.socket, limits: Limits) -> None:
        self._wire, self._limits, self.began = wire, limits, False

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._wire.settimeout(_within(self._limits.read, self._limits))
        size = self._wire.recv_into(buffer)
        self.began = self.began or size > 0
        return size


def _within(seconds: float, limits: Limits) -> float:
    left = limits.deadline - monotonic()
    if left <= 0:
        raise TimeoutError
    return min(seconds, left)


def _late(limits: Limits, error: TwilioError) -> TwilioError:
    if monotonic() < limits.deadline:
        return error
    return TwilioError(limits.exceeded, "the total time is used up")


def _partly(reader: _Reader, error: TwilioError) -> TwilioError:
    """Twilio does not try again once a part of the answer came (connection overrides page)."""
    if reader.began:
        error.retry = None
    return error


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
