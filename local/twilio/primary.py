"""A primary application that can be told how to fail: healthy TwiML, errors, silence, a slow drip, wrong types.

    with Primary() as primary:
        primary.answers("<Response><Say>Hello</Say></Response>")
        primary.behaves("/broken", Fails(500))
        number = twilio.number("+15550100", voice_url=primary.url + "/voice", ...)

It listens on 127.0.0.1 only. After `close()` its port refuses connections; `refusing_url()` is one that always did.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Says:
    """Answers with this body and these headers."""

    body: bytes
    content_type: str = "text/xml"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Fails:
    """Answers with a status and a page that a person could read."""

    status: int = 500


@dataclass(frozen=True)
class Hangs:
    """Takes the request and never answers."""


@dataclass(frozen=True)
class Drips:
    """Answers one byte at a time with so many seconds between them."""

    body: bytes
    seconds: float = 0.05


@dataclass(frozen=True)
class Closes:
    """Answers with these bytes, which need not be HTTP, and closes the connection."""

    raw: bytes = b""


type Behaviour = Says | Fails | Hangs | Drips | Closes


@dataclass(frozen=True)
class Received:
    """A request as it came in."""

    method: str
    path: str
    query: str
    headers: dict[str, str] = field(repr=False)
    """Names in lower case."""
    form: dict[str, str]


class Primary:
    """An HTTP server on a free port of 127.0.0.1, with TLS if given a certificate and its key."""

    def __init__(self, certificate: Path | None = None, key: Path | None = None, port: int = 0) -> None:
        self.received: list[Received] = []
        self.closing = Event()
        self._behaviours: dict[str, list[Behaviour]] = {}
        self._otherwise: Behaviour = Fails(404)
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.primary = self
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = int(self._server.server_address[1])
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def answers(self, twiml: str, path: str = "") -> None:
        """From now on this TwiML is the answer, to one path or to all others."""
        self.behaves(path, Says(twiml.encode()))

    def behaves(self, path: str, *behaviours: Behaviour) -> None:
        """What happens at a path ("": everywhere else): one request after the other, the last one for good."""
        if path:
            self._behaviours[path] = list(behaviours)
        else:
            self._otherwise = behaviours[-1]

    def behaviour(self, path: str) -> Behaviour:
        """What happens to the next request of this path."""
        planned = self._behaviours.get(path)
        if not planned:
            return self._otherwise
        return planned.pop(0) if len(planned) > 1 else planned[0]

    def close(self) -> None:
        """Stops at once, also for those that hang; the port then refuses connections."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()


@contextmanager
def refusing_url() -> Iterator[str]:
    """The URL of a port of 127.0.0.1 at which nobody listens, held so that nobody else gets it meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 256
    primary: Primary

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news, and its number belongs into no log."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._behave()

    def do_POST(self) -> None:
        self._behave()

    def log_message(self, *_args: object) -> None:
        """Says nothing."""

    def _behave(self) -> None:
        primary, parts = self.server.primary, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        form = dict(parse_qsl(body or parts.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        primary.received.append(Received(self.command, parts.path, parts.query, headers, form))
        self.close_connection = True
        match primary.behaviour(parts.path):
            case Says() as says:
                self._say(says)
            case Fails(status):
                self._say(Says(f"<html><body>{status}</body></html>".encode(), "text/html", status))
            case Hangs():
                primary.closing.wait()
            case Drips(body=dripping, seconds=seconds):
                self._drip(dripping, seconds)
            case Closes(raw):
                self.wfile.write(raw)

    def _say(self, says: Says) -> None:
        self.send_response(says.status)
        if says.content_type:
            self.send_header("Content-Type", says.content_type)
        for name, value in says.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(says.body)))
        self.end_headers()
        self.wfile.write(says.body)

    def _drip(self, body: bytes, seconds: float) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for index in range(len(body)):
            if self.server.primary.closing.wait(seconds):
                return
            self.wfile.write(body[index : index + 1])
