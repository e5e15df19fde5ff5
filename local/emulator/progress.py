"""How far the functions are: who waits for something goes by this, not by the clock, which says more of the machine than of the cloud.

GET /_ministack/progress   {"running": 1, "moves": 57}   a move is an invocation that begins or ends, throttled ones apart
"""

import threading
from typing import Any

from ministack.core import lambda_runtime

from local.emulator import admin
from local.emulator.admin import Json


class Progress:
    """The invocations of this cloud, by whatever way they come."""

    def __init__(self) -> None:
        self.running = self.moves = 0
        self._lock = threading.Lock()

    def moved(self, change: int) -> None:
        """One more runs (1), or one less (-1)."""
        with self._lock:
            self.running += change
            self.moves += 1


progress = Progress()


def _invoke(worker: Any, *event: Any, **told: Any) -> Json:
    progress.moved(1)
    try:
        result: Json = _invoke_worker(worker, *event, **told)
        return result
    finally:
        progress.moved(-1)


def _page(_: Json | None) -> Json:
    return {"running": progress.running, "moves": progress.moves}


_invoke_worker: Any = lambda_runtime.Worker.invoke


def install() -> None:
    """Count, and answer at `/_ministack/progress`."""
    lambda_runtime.Worker.invoke = _invoke
    admin.pages["/_ministack/progress"] = _page
