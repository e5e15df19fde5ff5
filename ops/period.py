"""A period of time, as people write it: `2h`, `90m`, `3d`, `2026-11-21T02:00` (UTC where no zone is named)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
HOW = "write it as 90m, 2h, 3d or 2026-11-21T02:00 (UTC, or with a zone as in 2026-11-21T03:00+01:00)"


LONGEST = timedelta(days=3650)  #: as long as anything is kept ([retention])
AHEAD = timedelta(days=1)  #: by which a clock may be wrong; beyond it there is nothing


class NoPeriod(ValueError):
    """What was written is no time; the text says what can be written."""


@dataclass(frozen=True)
class Period:
    """From `start` to `end`, both in UTC."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, since: str | None, start: str | None, end: str | None, now: datetime) -> Self:
        """The period of `--since`, or of `--from` and `--until`. Raises NoPeriod."""
        if since and start:
            raise NoPeriod("--since and --from name the same thing: give one of them")
        until = min(moment(end, now), now + AHEAD) if end else now
        begin = max(moment(start or since or "2h", now), now - LONGEST)
        if begin >= until:
            raise NoPeriod(f"the period ends ({until:%Y-%m-%d %H:%M}) before it begins ({begin:%Y-%m-%d %H:%M}): {remedy(start, end)}")
        return cls(begin, until)

    @classmethod
    def last(cls, length: timedelta, now: datetime) -> Self:
        """So much time up to now."""
        return cls(now - length, now)

    @property
    def bounds(self) -> tuple[str, str]:
        """Both ends as events bear them, so that they compare as text."""
        return stamp(self.start), stamp(self.end)

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start

    def days(self, newest_first: bool = True) -> Iterator[str]:
        """The days it touches, `2026-11-21`."""
        last = (self.end - timedelta(microseconds=1)).date()
        count = (last - self.start.date()).days + 1
        first, step = (last, -1) if newest_first else (self.start.date(), 1)
        return ((first + step * timedelta(days=number)).isoformat() for number in range(count))


def remedy(start: str | None, end: str | None) -> str:
    """What helps where a period ends before it begins."""
    if start and end:
        return "swap --from and --until"
    return "say with --from when it begins" if end else "begin it earlier"


def stamp(when: datetime) -> str:
    """A moment as events bear it: `2026-11-21T02:41:07.123456Z`."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str, now: datetime) -> datetime:
    """The moment that a text names: so long before now, or a date with or without a time. Raises NoPeriod."""
    try:
        if length := re.fullmatch(r"(\d+)([smhdw])", text.strip().lower()):
            return now - timedelta(**{UNITS[length[2]]: int(length[1])})
        when = datetime.fromisoformat(text.strip())
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise NoPeriod(f"{text!r} is no time: {HOW}") from error
