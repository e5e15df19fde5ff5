"""HTTP/1.1 as the bench's servers need it: one whole request from a socket, one response to it."""

import socket
from collections.abc import Mapping
from typing import NamedTuple


class Call(NamedTuple):
    """One request, and the connection that waits for the answer; header names are in lower case."""

    connection: socket.socket
    path: str
    headers: dict[str, str]
    body: bytes


def received(connection: socket.socket) -> Call | None:
    """One whole request; None once the other side has closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        chunk = connection.recv(65536)
        if not chunk:
            return None
        body += chunk
    return Call(connection, first.split(" ")[1], headers, body)


def reply(connection: socket.socket, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
    """One response, as JSON unless the headers say otherwise."""
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body))} | dict(headers or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    connection.sendall(f"HTTP/1.1 {status} OK\r\n{head}\r\n".encode() + body)
