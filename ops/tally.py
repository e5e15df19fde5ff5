"""Counting errors: how many of each kind, and when, in columns of whole minutes. Its size follows the kinds, never the events."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil

from lambdas.workers.events import Item
from ops.outages import code_of, moment_of, url_of
from ops.period import Period

BARS = "▁▂▃▄▅▆▇█"
MOST_COLUMNS = 62
WIDTHS = (1, 2, 3, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 10080)  #: minutes of a column
EPOCH = datetime.fromtimestamp(0, UTC)

#: What errors can be grouped by, and how the group of an event is found.
GROUPS: dict[str, Callable[[Item], str]] = {
    "code": code_of,
    "url": url_of,
    "number": lambda event: str(event.get("to") or "?"),
    "minute": lambda event: f"{event['time'][:16]}Z",
    "rule": lambda event: str(event.get("at") or "?"),
}


@dataclass
class Group:
    """The errors of one kind."""

    count: int = 0
    first: str = ""
    last: str = ""
    columns: Counter[int] = field(default_factory=Counter)

    def add(self, event: Item, column: int) -> None:
        """Count one, wherever in time it lies."""
        self.count += 1
        self.first = min(self.first or event["time"], event["time"])
        self.last = max(self.last, event["time"])
        self.columns[column] += 1


class Tally:
    """Groups of errors over a period, in columns that begin at round times."""

    def __init__(self, period: Period, by: str = "code", most_columns: int = MOST_COLUMNS) -> None:
        minutes = period.length / timedelta(minutes=1)
        self.width = next((width for width in WIDTHS if minutes / width <= most_columns - 1), ceil(minutes / most_columns))  #: in minutes
        column = timedelta(minutes=self.width)
        self.begin = period.start - (period.start - EPOCH) % column
        self.length = max(1, ceil((period.end - self.begin) / column))  #: how many columns
        self.by = by
        self.group_of = GROUPS[by]
        self.groups: dict[str, Group] = {}

    def add(self, event: Item) -> None:
        """Count an error."""
        column = int((moment_of(event) - self.begin) / timedelta(minutes=self.width))
        self.groups.setdefault(self.group_of(event), Group()).add(event, column)

    @property
    def ranked(self) -> list[tuple[str, Group]]:
        """The groups, the largest first; minutes newest first."""
        if self.by == "minute":
            return sorted(self.groups.items(), reverse=True)
        return sorted(self.groups.items(), key=lambda pair: (-pair[1].count, pair[0]))

    def columns(self, group: Group) -> list[int]:
        """The counts of a group, column by column."""
        return [group.columns[column] for column in range(self.length)]

    def start_of(self, column: int) -> datetime:
        """When a column begins."""
        return self.begin + timedelta(minutes=column * self.width)


def sparkline(counts: list[int]) -> str:
    """Counts as bars, the highest the highest; a blank where there was nothing."""
    top = max(counts, default=0)
    return "".join(BARS[ceil(count / top * len(BARS)) - 1] if count else " " for count in counts)
