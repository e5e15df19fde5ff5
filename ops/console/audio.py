"""A voicemail's audio as a browser asks for it: in parts, and noted in the audit trail once however many parts there are."""

import re
from datetime import UTC, datetime, timedelta
from threading import Lock

from lambdas.workers.events import Item
from ops import audit
from ops.desk import Desk

ONCE_IN = timedelta(minutes=10)  #: a player asks for many parts of what one person hears once

#: One range; with several the whole is an answer too (RFC 9110, 14.2).
RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})", re.IGNORECASE)


class Hearing:
    """What was heard in one console, and when it was noted."""

    def __init__(self) -> None:
        self.noted: dict[str, datetime] = {}
        self.noting = Lock()

    def note(self, desk: Desk, item: Item) -> None:
        """Note that a voicemail is heard, unless that was noted just now. Raises OpsError."""
        sid, now = str(item["sid"]), datetime.now(UTC)
        with self.noting:
            if sid not in self.noted or now - self.noted[sid] > ONCE_IN:
                audit.note(desk.at(item), "heard a voicemail", sid)
                self.noted[sid] = now


def part_of(whole: int, header: str) -> range | None:
    """The bytes that a Range header asks for, cut to those there are, perhaps none; None where it is to be ignored (RFC 9110, 14.1.2)."""
    found = RANGE.fullmatch(header.strip()) if whole else None
    if not found or found[1] == found[2] == "":
        return None
    first, last = found.groups()
    if not first:
        return range(max(0, whole - int(last)), whole)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1, whole) if last else whole)
