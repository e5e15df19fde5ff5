"""A proxy between a function and the local cloud that spoils single requests: refuses, fails, slows, cuts, or kills who asked.

It speaks TLS with the local cloud's own certificate and passes on what it does not spoil, byte for byte, signatures included.
"""

import contextlib
import http.client
import os
import signal
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Literal, Self
from urllib.parse import urlsplit

Fault = Literal["refused", "500", "throttled", "slow", "cut, done", "cut, not done", "killed before", "killed after"] | None
SLOW = 3.0  #: seconds; below the workers' patience of five
LEFT_OUT = {"connection", "keep-alive", "expect", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Asked:
    """A request of a function's: `dynamodb.UpdateItem`, `s3.PutObject`, and everything it says."""

    service: str
    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def step(self) -> str:
        """Service and operation."""
        if self.service == "s3":
            return f"s3.{ {'PUT': 'PutObject', 'GET': 'GetObject'}.get(self.method, self.method) }"
        target = self.headers.get("x-amz-target", "").rpartition(".")[2]
        return f"{self.service}.{target or 'Publish'}"


Decide = Callable[[Asked], Fault]


class Proxy:
    """Listens on a port of 127.0.0.1 for one service."""

    def __init__(self, service: str, endpoint: str, directory: Path, decide: Decide) -> None:
        self.service, self.decide = service, decide
        self.upstream = urlsplit(endpoint)
        self.trust = ssl.create_default_context(cafile=str(directory / "ca.pem"))
        shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        shown.load_cert_chain(directory / "server.pem", directory / "server.key")
        self.server = Listener(("127.0.0.1", 0), Handler)
        self.server.proxy = self
        self.server.socket = shown.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://localhost:{self.server.server_address[1]}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def pass_on(self, asked: Asked) -> tuple[int, list[tuple[str, str]], bytes]:
        """What the cloud answers."""
        upstream = http.client.HTTPSConnection(self.upstream.hostname or "", self.upstream.port, timeout=60, context=self.trust)
        with contextlib.closing(upstream):
            kept = {name: value for name, value in asked.headers.items() if name not in LEFT_OUT}
            upstream.request(asked.method, asked.path, asked.body, kept)
            answer = upstream.getresponse()
            return answer.status, answer.getheaders(), answer.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class Listener(ThreadingHTTPServer):
    """Forgets who went away: that is what this is about."""

    daemon_threads = True
    request_queue_size = 128
    proxy: Proxy

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Listener

    def do_GET(self) -> None:
        """As the plan says."""
        self.meet(self.server.proxy.decide)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the base class finds them by these names

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def meet(self, decide: Decide) -> None:
        """Read the request, and do with it what its fate is."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        known = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.server.proxy.service, self.command, self.path, known, body)
        match decide(asked):
            case None:
                self.answer(*self.server.proxy.pass_on(asked))
            case "500" | "throttled" as fault:
                self.fail(asked, fault)
            case "slow":
                answer = self.server.proxy.pass_on(asked)
                time.sleep(SLOW)
                self.answer(*answer)
            case other:
                self.vanish(asked, str(other))

    def vanish(self, asked: Asked, fault: str) -> None:
        """No whole answer, and perhaps nobody left to read it."""
        if fault in ("cut, done", "killed after"):
            self.server.proxy.pass_on(asked)
        if fault.startswith("killed"):
            kill(self.client_address[1], self.server.server_address[1])
        elif fault.startswith("cut"):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nx-amz-request-id: 1\r\nContent-Ty")
            self.wfile.flush()
        self.close_connection = True

    def fail(self, asked: Asked, fault: str) -> None:
        """An error as each service words it."""
        status, code = (500, "InternalError") if fault == "500" else (400, "ProvisionedThroughputExceededException")
        json = asked.service == "dynamodb"
        body = f'{{"__type": "com.amazonaws.dynamodb#{code}"}}' if json else f"<Error><Code>{code}</Code></Error>"
        self.answer(status, [("Content-Type", "application/x-amz-json-1.0" if json else "application/xml")], body.encode())

    def answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Send it."""
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in LEFT_OUT:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def kill(client: int, server: int) -> None:
    """End the function at the other end of a connection to us, as Lambda ends one; nobody else's process ends."""
    for found in holders(inode_of(client, server)):
        if descends(found):
            os.kill(found, signal.SIGKILL)


def inode_of(client: int, server: int) -> str:
    """The client's socket of a connection on this machine, as /proc names it. https://docs.kernel.org/networking/proc_net_tcp.html"""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        columns = line.split()
        ports = [int(column.rpartition(":")[2], 16) for column in columns[1:3]]
        if ports == [client, server] and columns[9] != "0":
            return f"socket:[{columns[9]}]"
    return ""


def holders(socket: str) -> Iterator[int]:
    """The processes that hold it open."""
    for entry in Path("/proc").glob("[0-9]*/fd/*") if socket else ():
        with contextlib.suppress(OSError):
            if str(entry.readlink()) == socket:
                yield int(entry.parts[2])


def descends(process: int) -> bool:
    """Whether we started it, or somebody whom we started did: the emulator and its functions."""
    while process > 1:
        try:
            process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
        if process == os.getpid():
            return True
    return False
