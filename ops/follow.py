"""`fallback errors --follow`: what comes into the table while somebody looks on."""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from lambdas.workers.events import Item
from ops.desk import Desk
from ops.history import Key
from ops.period import Period

EVERY = 2.0  #: seconds between two looks
OVERLAP = timedelta(minutes=3)  #: how late an event may come into the table and still be told


class Seen:
    """What was told already. Events may come late, so each look goes back a little; what lies further back is forgotten."""

    def __init__(self, desk: Desk, wanted: Callable[[Item], bool]) -> None:
        self.desk, self.wanted = desk, wanted
        self.keys: set[Key] = set()
        self.fresh()

    def fresh(self) -> list[Item]:
        """What came since the last look, oldest first."""
        events = self.desk.history.events(Period.last(OVERLAP, datetime.now(UTC)), newest_first=False)
        found = {(event["pk"], event["sk"]): event for event in events if self.wanted(event)}
        told, self.keys = self.keys, set(found)
        return [event for key, event in found.items() if key not in told]


def keep_showing(seen: Seen, write: Callable[[Item], object]) -> None:
    """Write what comes, until Ctrl-C."""
    while True:
        time.sleep(EVERY)
        for event in seen.fresh():
            write(event)
        sys.stdout.flush()
