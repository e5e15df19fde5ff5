"""Calendars, worked out at synth: opening hours in minutes, holidays as days, and every change of the clocks to come.

The answer function then needs no time zone database, and no package of it can be out of date there. The rules of the clocks are those of
the pinned `tzdata` package (IANA), not of the machine that synthesizes.
"""

import functools
import importlib.resources
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from config.tables import WEEKDAYS, Calendar

#: A calendar is right from the first year to the last; after that the last offset stays.
YEARS = range(2025, 2046)
DAY = timedelta(days=1)

Span = list[int]  #: minutes of a day: from, until


def worked_out(calendar: Calendar) -> dict[str, Any]:
    """What `lambdas.answer.book.is_open` reads: offsets [since, seconds], spans of each weekday, and days with spans of their own."""
    own = {day: list(spans) for day, spans in calendar.days.items()} | {day: [] for day in calendar.holidays}
    return {
        "offsets": offsets(calendar.zone),
        "week": [minutes(getattr(calendar, day)) for day in WEEKDAYS],
        "days": {dated: minutes(spans) for day, spans in sorted(own.items(), key=yearly_first) for dated in every_year(day)},
    }


def minutes(spans: tuple[str, ...] | list[str]) -> list[Span]:
    """`["09:00-17:00"]` in minutes since midnight, in order."""
    return sorted([int(clock[:2]) * 60 + int(clock[3:]) for clock in span.split("-")] for span in spans)


def yearly_first(item: tuple[str, Any]) -> tuple[int, str]:
    """Days of every year come before days of one year, which win."""
    return len(item[0]), item[0]


def every_year(day: str) -> list[str]:
    """The dates of a day; one without a year is there each year (29 February in leap years)."""
    if len(day) == 10:
        return [day]
    return [f"{year}-{day}" for year in YEARS if day != "02-29" or year % 4 == 0]


@functools.cache
def offsets(name: str) -> list[list[int]]:
    """[since, seconds east of Greenwich] of a time zone, oldest first; `since` is seconds since the epoch, UTC."""
    zone = zone_of(name)
    moment, end = datetime(YEARS[0], 1, 1, tzinfo=UTC), datetime(YEARS[-1] + 1, 1, 1, tzinfo=UTC)
    found = [[int(moment.timestamp()), offset(zone, moment)]]
    while moment < end:
        if offset(zone, moment + DAY) != found[-1][1]:
            found.append([change_within(zone, moment), offset(zone, moment + DAY)])
        moment += DAY
    return found


def change_within(zone: ZoneInfo, day: datetime) -> int:
    """The second at which the clocks change within a day."""
    before, after = 0, int(DAY.total_seconds())
    while after - before > 1:
        middle = (before + after) // 2
        if offset(zone, day + timedelta(seconds=middle)) == offset(zone, day):
            before = middle
        else:
            after = middle
    return int(day.timestamp()) + after


def offset(zone: ZoneInfo, moment: datetime) -> int:
    """Seconds east of Greenwich at a moment."""
    return int((moment.astimezone(zone).utcoffset() or timedelta()).total_seconds())


def zone_of(name: str) -> ZoneInfo:
    """A time zone of the `tzdata` package."""
    with importlib.resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, name)


def contains(outer: dict[str, Any], inner: dict[str, Any]) -> bool:
    """Whether a calendar, worked out, is open whenever another is."""
    if outer["week"] == [[[0, 1440]]] * 7 and not outer["days"]:
        return True
    days = outer["days"].keys() | inner["days"].keys()
    return outer["offsets"] == inner["offsets"] and all(
        [*(covered(outer["week"][weekday], inner["week"][weekday]) for weekday in range(7)), *(same_day(outer, inner, day) for day in days)]
    )


def same_day(outer: dict[str, Any], inner: dict[str, Any], day: str) -> bool:
    """Whether the one is open on a special day whenever the other is."""
    weekday = datetime.fromisoformat(day).weekday()
    return covered(outer["days"].get(day, outer["week"][weekday]), inner["days"].get(day, inner["week"][weekday]))


def covered(outer: list[Span], inner: list[Span]) -> bool:
    """Whether each span lies within one of the others."""
    return all(any(start <= first and last <= end for start, end in outer) for first, last in inner)
