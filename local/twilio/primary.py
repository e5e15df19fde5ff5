"""A primary application that can be told how to fail: healthy TwiML, errors, silence, a slow drip, wrong types.

    with Primary() as primary:
        primary.answers("<Response><Say>Hello</Say></Response>")
        primary.behaves("/broken", Fails(500))
        number = twilio.number("+15550100", voice_url=primary.url + "/voice", ...)

It listens on 127.0.0.1 only. After `close()` its port refuses connections; `refusing_url()` is one that always did.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.twilio.server import Behaviour, Closes, Drips, Fails, Hangs, Received, Says, Server

__all__ = ["Behaviour", "Closes", "Drips", "Fails", "Hangs", "Primary", "Received", "Says", "refusing_url"]


class Primary(Server):
    """A server whose answers are planned per path."""

    def __init__(self, certificate: Path | None = None, key: Path | None = None, port: int = 0) -> None:
        self._behaviours: dict[str, list[Behaviour]] = {}
        self._otherwise: Behaviour = Fails(404)
        super().__init__(self._behaviour, certificate, key, port)

    def answers(self, twiml: str, path: str = "") -> None:
        """From now on this TwiML is the answer, to one path or to all others."""
        self.behaves(path, Says(twiml.encode()))

    def behaves(self, path: str, *behaviours: Behaviour) -> None:
        """What happens at a path ("": everywhere else): one request after the other, the last one for good."""
        if path:
            self._behaviours[path] = list(behaviours)
        else:
            self._otherwise = behaviours[-1]

    def _behaviour(self, received: Received) -> Behaviour:
        planned = self._behaviours.get(received.path)
        if not planned:
            return self._otherwise
        return planned.pop(0) if len(planned) > 1 else planned[0]


@contextmanager
def refusing_url() -> Iterator[str]:
    """The URL of a port of 127.0.0.1 at which nobody listens, held so that nobody else gets it meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"
