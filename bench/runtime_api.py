"""A Lambda Runtime API of our own, and a function's process that speaks to it through the real `awslambdaric`.

What Lambda does around a function: it starts the runtime's client, hands it one event after the other at `/next`, and takes each
response, each error and the error of a failed start. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
One thread and plain sockets, so that little of the server's own work is in a measured time.
"""

import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from bench.exchange import Call, received, reply

Kind = Literal["response", "error", "init error", "exit", "timeout"]

ARN = "arn:aws:lambda:us-east-1:000000000000:function:bench"
POLL = 0.05  #: seconds between two looks at whether the process still lives
#: How a child is started: without `site`, because a development machine's site-packages may import things at every start.
ISOLATED = (sys.executable, "-S", "-m", "awslambdaric")


@dataclass(frozen=True)
class Outcome:
    """What became of one event: the kind, the body that the function sent, and the seconds that it took."""

    kind: Kind
    body: bytes
    seconds: float


class Gone(Exception):
    """The process has ended (its exit status), or said nothing for too long (None)."""

    def __init__(self, status: int | None) -> None:
        super().__init__(f"exit status {status}" if status is not None else "no answer in time")
        self.status = status


class FunctionProcess:
    """One execution environment: a process under `awslambdaric`, and the Runtime API that feeds it.

    `folders` go on PYTHONPATH in this order (Lambda: `/var/task`, `/var/runtime`); the first is the working directory, and nothing is
    written to it. `patience` is the longest wait for the process in seconds; `log` takes its stdout and stderr.
    """

    def __init__(
        self,
        handler: str,
        folders: Sequence[Path],
        environment: Mapping[str, str],
        *,
        command: Sequence[str] = ISOLATED,
        patience: float = 10.0,
        log: int = subprocess.DEVNULL,
    ) -> None:
        self.patience = patience
        self.requests = 0
        self.waiting: socket.socket | None = None  #: the connection on which the process asks for the next event
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.started = self.ended = time.perf_counter()
        self.process = subprocess.Popen(
            [*command, handler], cwd=folders[0], env=self.variables(handler, folders, environment), stdout=log, stderr=log
        )

    def variables(self, handler: str, folders: Sequence[Path], environment: Mapping[str, str]) -> dict[str, str]:
        """The environment as Lambda sets it, and nothing of this machine's.
        https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
        lambdas = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.listener.getsockname()[1]}",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_NAME": "bench",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_FORMAT": "Text",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
            "LAMBDA_TASK_ROOT": str(folders[0]),
            "_HANDLER": handler,
        }
        python = {"PYTHONPATH": os.pathsep.join(map(str, folders)), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
        return {"LANG": "en_US.UTF-8", "TZ": ":UTC", "PATH": os.defpath} | lambdas | python | dict(environment)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the process and every connection."""
        self.process.kill()
        self.process.wait()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr] # only sockets were registered
        self.selector.close()

    def first(self, event: bytes) -> Outcome:
        """The first event; the time runs from the start of the process."""
        outcome = self.invoke(event)
        return Outcome(outcome.kind, outcome.body, self.ended - self.started)

    def invoke(self, event: bytes) -> Outcome:
        """Hand over one event as soon as the process asks, and wait for what it says. A process that is gone is an outcome too."""
        handed = self.started
        try:
            if (failed := self.idle()) is not None:
                return failed
            handed = time.perf_counter()
            self.hand(event)
            call = self.call()
        except Gone as gone:
            return self.outcome("timeout" if gone.status is None else "exit", str(gone).encode(), handed)
        outcome = self.outcome("response" if call.path.endswith("/response") else "error", call.body, handed)
        reply(call.connection, 202, b'{"status":"OK"}')
        return outcome

    def idle(self) -> Outcome | None:
        """Wait until the process asks for an event; an outcome if it said instead that it cannot start."""
        while self.waiting is None:
            call = self.call()
            if call.path.endswith("/init/error"):
                reply(call.connection, 202, b'{"status":"OK"}')
                return self.outcome("init error", call.body, self.started)
            self.waiting = call.connection
        return None

    def outcome(self, kind: Kind, body: bytes, since: float) -> Outcome:
        """What became of an event, now."""
        self.ended = time.perf_counter()
        return Outcome(kind, body, self.ended - since)

    def hand(self, event: bytes) -> None:
        """Answer the process's `/next` with an event."""
        if self.waiting is None:
            raise RuntimeError("the process has not asked for an event")
        self.requests += 1
        headers = {
            "Lambda-Runtime-Aws-Request-Id": f"00000000-0000-4000-8000-{self.requests:012}",
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self.patience) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
        }
        connection, self.waiting = self.waiting, None
        reply(connection, 200, event, headers)

    def call(self) -> Call:
        """The next request of the process. Raises Gone."""
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            ready = self.selector.select(POLL)
            for key, _ in ready:
                if call := self.heard(key.fileobj):  # type: ignore[arg-type] # only sockets were registered
                    return call
            if not ready and self.process.poll() is not None:
                raise Gone(self.process.returncode)
        raise Gone(None)

    def heard(self, there: socket.socket) -> Call | None:
        """What one ready socket holds: a new connection, a request, or its end."""
        if there is self.listener:
            connection, _ = self.listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(connection, selectors.EVENT_READ)
            return None
        call = received(there)
        if call is None:
            self.selector.unregister(there)
            there.close()
        return call
