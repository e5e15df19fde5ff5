"""An HTTP server on a free port of 127.0.0.1 that answers as it is told, well or badly, and stops cleanly."""

import ssl
from collections.abc import Callable
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
    """Answers a piece at a time with so many seconds between them."""

    body: bytes
    seconds: float = 0.05
    content_type: str = "text/xml"
    piece: int = 1


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


class Server:
    """Listens from the start, with TLS if given a certificate and its key; `respond` decides about each request."""

    def __init__(
        self,
        respond: Callable[[Received], Behaviour],
        certificate: Path | None = None,
        key: Path | None = None,
        port: int = 0,
    ) -> None:
        self.respond, self.closing = respond, Event()
        self.received: list[Received] = []
        self._server = _Listener(("127.0.0.1", port), _Handler)
        self._server.owner = self
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            plain = self._server.socket
            # the handshake belongs into the connection's own thread: a client that says nothing must not block others
            self._server.socket = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self.port = int(self._server.server_address[1])
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

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


class _Listener(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 256
    owner: Server

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news, and its number belongs into no log."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def do_GET(self) -> None:
        self._behave()

    def do_POST(self) -> None:
        self._behave()

    def do_DELETE(self) -> None:
        self._behave()

    def log_message(self, *_args: object) -> None:
        """Says nothing."""

    def _behave(self) -> None:
        owner, received = self.server.owner, self._received()
        owner.received.append(received)
        match owner.respond(received):
            case Says() as says:
                self._say(says)
            case Fails(status):
                self._say(Says(f"<html><body>{status}</body></html>".encode(), "text/html", status))
            case Hangs():
                owner.closing.wait()
                self.close_connection = True
            case Drips() as drips:
                self._drip(drips)
            case Closes(raw):
                self.wfile.write(raw)
                self.close_connection = True

    def _received(self) -> Received:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        form = dict(parse_qsl(body or parts.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Received(self.command, parts.path, parts.query, headers, form)

    def _say(self, says: Says) -> None:
        self.send_response(says.status)
        if says.content_type:
            self.send_header("Content-Type", says.content_type)
        for name, value in says.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(says.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(says.body)

    def _drip(self, drips: Drips) -> None:
        self.send_response(200)
        self.send_header("Content-Type", drips.content_type)
        self.send_header("Content-Length", str(len(drips.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        for start in range(0, len(drips.body), drips.piece):
            if self.server.owner.closing.wait(drips.seconds):
                return
            self.wfile.write(drips.body[start : start + drips.piece])
