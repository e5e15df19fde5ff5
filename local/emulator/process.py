"""The emulator as a child process: started, waited for, and gone when we are."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
BOOT_SECONDS = 600  #: for a machine that has much else to do; whether the child still lives is looked at all the time


class CannotStart(Exception):
    """The emulator does not run; the text says why and what to do."""


class Process:
    """One emulator on one port of 127.0.0.1. Its standard input is a pipe of ours: it ends when the pipe does, however we end."""

    def __init__(self, port: int, environ: Mapping[str, str], log: Path) -> None:
        """Start it on a port that is free."""
        self.port = port
        self.log = log
        with log.open("wb") as output:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "local.emulator"],
                cwd=ROOT,
                env=environ,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for us alone: we stop it, and with it the group, which is its functions
            )

    def wait_until_ready(self) -> None:
        """Return once it accepts connections. Raises `CannotStart` if it ended instead, or after `BOOT_SECONDS`."""
        ends = time.monotonic() + BOOT_SECONDS
        while not self._listens():
            if self._child.poll() is not None or time.monotonic() > ends:
                raise CannotStart(f"the local cloud did not start: {self._last_words()} (all of it is in {self.log})")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it and the functions that it runs."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout=5)
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _last_words(self) -> str:
        return " ".join(self.log.read_text(errors="replace").split("\n")[-4:]).strip()[-300:]


def refuse_taken(port: int) -> None:
    """Raise `CannotStart` if something listens on the port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as taken:
            named = f"lsof -i :{port}" if sys.platform == "darwin" else f"ss -ltnp 'sport = :{port}'"
            remedy = f"stop what uses it (`{named}` names it) or choose another: PORT={port + 1} after make, else --port"
            raise CannotStart(f"port {port} of 127.0.0.1 cannot be had ({taken.strerror}): {remedy}") from None


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
