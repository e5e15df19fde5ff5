"""Runs the `replay` function over and over, each time in a process of its own that kills itself where it is told.

It reads a line of JSON for each run, `{"wishes": [...], "kill_at": number or null}`, and writes one: the outcomes, or `null` after a kill.
A run's process is a fork of this one, so that the function is imported once; this one has no threads and no open connections.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from lambdas.workers import replay, replays, webhook


class Steps:
    """Counts the steps of a run and ends the process, without a word, at one of them."""

    def __init__(self, kill_at: int | None) -> None:
        self.kill_at = kill_at
        self.taken = 0

    def __call__(self, **_: Any) -> None:
        if self.taken == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.taken += 1

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function with a step before and one after it."""

        def stepping(*arguments: Any) -> Any:
            self()
            result = function(*arguments)
            self()
            return result

        return stepping


def run(wishes: list[dict[str, Any]], kill_at: int | None) -> list[Any]:
    """All wishes in order. A step lies before and after each request to AWS, sending, and reading the answer's body."""
    steps = Steps(kill_at)
    for client in (replay.TABLE.meta.client, replay.SECRETS):
        for moment in ("before-call", "after-call"):
            client.meta.events.register(moment, steps)
    webhook.body_of = steps.around(webhook.body_of)
    replay.send = steps.around(replay.send)  # type: ignore[attr-defined] # it is imported there
    outcomes = [replay.handler(wish, None) for wish in wishes]
    return [*outcomes, steps.taken]


def in_a_fork(asked: dict[str, Any]) -> str:
    """The line that a run in a process of its own writes."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, json.dumps(run(**asked)).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        return pipe.read() or "null"


if __name__ == "__main__":
    replays.UNDER_WAY = -1  # type: ignore[attr-defined] # a crash counts as one at once
    replay.LOGGER.setLevel("ERROR")
    for line in sys.stdin:
        print(in_a_fork(json.loads(line)), flush=True)
