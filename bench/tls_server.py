"""A TLS server on 127.0.0.1 whose behaviour is a function: the AWS of the bench, and the broken AWS of the tests."""

import contextlib
import json
import socket
import ssl
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.exchange import received, reply
from local import certificate

Behaviour = Callable[[ssl.SSLSocket], None]


class TlsServer:
    """Hands every connection, once its handshake is done, to `behave`, each in a thread of its own; closes it afterwards.

    `directory` takes the certificate; `authority` is what a client has to trust, `url` what it has to ask.
    """

    def __init__(self, directory: Path, behave: Behaviour) -> None:
        files = certificate.write(directory)
        self.authority = files.authority
        self.behave = behave
        self.connections = 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(files.server, files.key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection: socket.socket) -> None:
        """One connection, from handshake to end. A client that goes away is no fault."""
        with contextlib.suppress(OSError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.context.wrap_socket(connection, server_side=True) as tunnel:
                self.behave(tunnel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


def aws(secret: str) -> Behaviour:
    """Secrets Manager with one secret and a DynamoDB that takes every item, on connections that stay open.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html"""
    secrets = json.dumps({"Name": "tokens", "SecretString": secret}).encode()

    def behave(tunnel: ssl.SSLSocket) -> None:
        while call := received(tunnel):
            body = secrets if "GetSecretValue" in call.headers.get("x-amz-target", "") else b"{}"
            reply(tunnel, 200, body, {"Content-Type": "application/x-amz-json-1.0", "x-amz-crc32": str(zlib.crc32(body))})

    return behave
