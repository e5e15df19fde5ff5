"""What a test can do to a running cloud, over its admin pages."""

import json
import ssl
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal


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

    def settled(self, seconds: float = 30) -> dict[str, Any]:
        """Wait until no asynchronous invocation is under way, and return the state. Raises `TimeoutError`."""
        ends = time.monotonic() + seconds
        while (state := self._ask("deliveries"))["under_way"]:
            if time.monotonic() > ends:
                raise TimeoutError(f"log deliveries are still under way after {seconds} s: {state}")
            time.sleep(0.05)
        return state

    def outage(self, **services: Literal["error", "hang"]) -> None:
        """`outage(dynamodb="error")` has DynamoDB answer 503, `"hang"` after half a minute; `outage()` ends every outage."""
        self._ask("outages", services)

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
        with self._opener.open(self._pages + page, data, timeout=10) as answer:
            state: dict[str, Any] = json.load(answer)
            return state
