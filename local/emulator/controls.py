"""What a test can do to a running cloud, over its admin pages."""

import json
import ssl
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

QUIET = 60.0  #: seconds in which no function runs: what has not come by then does not come
LONGEST = 15 * 60.0  #: seconds after which even a busy cloud is given up, so that a test that hangs ends
ANSWER = 120.0  #: seconds for one request; on a busy machine a page takes its time


class Controls:
    """The admin pages of one cloud; everything stays as set until set anew."""

    def __init__(self, endpoint: str, ca_bundle: Path) -> None:
        trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(ca_bundle)))
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trust)
        self._pages = f"{endpoint}/_ministack/"

    def deliveries(self, **plan: bool | int) -> dict[str, Any]:
        """Set how log lines are delivered from now on, and return the state (`held`, `under_way`, `sent`, `lost`).

        `repeat_lines=2` has each line twice in its delivery, `repeat_deliveries=2` each delivery twice, `lose=True` none. `hold=True` keeps
        them until the next call: `deliveries()` sends them in order, `deliveries(reverse=True, together=True)` backwards and at once.
        """
        return self._ask("deliveries", plan)

    def until(self, holds: Callable[[], object], what: str, quiet: float = QUIET) -> None:
        """Poll until something holds, as long as functions are at work: how fast the machine is decides nothing.

        Raises `TimeoutError` once no function has run for so many seconds, or after `LONGEST`.
        """
        began = since = time.monotonic()
        seen: dict[str, Any] = {}
        while not holds():
            now, state = time.monotonic(), self._ask("progress")
            if state != seen or state["running"]:
                seen, since = state, now
            if now - since > quiet or now - began > LONGEST:
                raise TimeoutError(f"{what}: not within {now - began:.0f} s, in the last {now - since:.0f} of which no function ran")
            time.sleep(min(0.05 + (now - began) / 20, 0.3))  # whoever asks takes time from what is waited for

    def settled(self, quiet: float = QUIET) -> dict[str, Any]:
        """Wait until no asynchronous invocation is under way, and return the state. Raises `TimeoutError` if what is left stands still."""
        self.until(lambda: not self._ask("deliveries")["under_way"], "no invocation under way", quiet)
        return self._ask("deliveries")

    def outage(self, **services: Literal["error", "hang"]) -> None:
        """`outage(dynamodb="error")` has DynamoDB answer 503, `"hang"` after half a minute; `outage()` ends every outage."""
        self._ask("outages", services)

    def refuse(self, **types: int) -> None:
        """`refuse(**{"AWS::ApiGateway::Stage": 1})`: so many resources of a type cannot be made; what is left out can."""
        self._ask("refused", types)

    def running(self) -> int:
        """How many functions run now."""
        return int(self._ask("progress")["running"])

    def recycle(self, function: str) -> None:
        """End the environments of a function: its next request is a cold start."""
        self._ask("recycle", {"function": function})

    def function_clock(self, function: str, ahead: float) -> None:
        """Have the clock of a function so many seconds ahead, from a cold start on, until it is set to 0."""
        self._ask("function-clock", {"function": function, "ahead": ahead})

    def ahead(self, seconds: float) -> None:
        """Have metrics noted and alarms judged by a clock that is so far ahead, and judge all alarms now. Nothing else goes by it."""
        self._ask("clock", {"ahead": seconds})

    def resource_types(self) -> set[str]:
        """The CloudFormation types that this cloud can make."""
        return set(self._ask("resource-types")["types"])

    def _ask(self, page: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        with self._opener.open(self._pages + page, data, timeout=ANSWER) as answer:
            state: dict[str, Any] = json.load(answer)
            return state
