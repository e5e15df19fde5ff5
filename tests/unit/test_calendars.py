"""Calendars: opening hours as people mean them, through every change of the clocks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerbook.calendars import worked_out, zone_of
from config.tables import Calendar
from lambdas.answer.book import is_open
from tests.unit.books import refused

OFFICE = Calendar(
    zone="Europe/Berlin",
    monday=("09:00-12:30", "13:30-17:00"),
    friday=("09:00-17:00",),
    saturday=("22:00-24:00",),
    sunday=("00:00-06:00",),
    holidays=("12-25", "2027-03-26"),
    days={"12-24": ("09:00-12:00",), "2026-12-24": ("10:00-11:00",)},
)


def open_at(calendar: Calendar, local: str) -> bool:
    """Whether a calendar is open at a local time."""
    moment = datetime.fromisoformat(local).replace(tzinfo=zone_of(calendar.zone))
    return is_open(worked_out(calendar), moment.timestamp())


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-01-05 08:59", False),  # a Monday
        ("2026-01-05 09:00", True),
        ("2026-01-05 12:30", False),
        ("2026-01-05 13:30", True),
        ("2026-01-05 16:59", True),
        ("2026-01-05 17:00", False),
        ("2026-01-06 10:00", False),  # Tuesdays have no hours
        ("2026-01-10 23:59", True),  # Saturday night
        ("2026-01-11 00:00", True),
        ("2026-01-11 06:00", False),
        ("2026-12-25 10:00", False),  # Christmas, a Friday
        ("2027-03-26 10:00", False),  # Good Friday of that year
        ("2028-03-24 10:00", True),  # no holiday the year after
        ("2026-12-24 10:30", True),  # that year's own hours
        ("2026-12-24 09:30", False),
        ("2027-12-24 09:30", True),  # the hours of every other year
        ("2027-12-24 16:00", False),
    ],
)
def test_hours_holidays_and_days_of_their_own(local: str, expected: bool) -> None:
    assert open_at(OFFICE, local) is expected


@pytest.mark.parametrize(
    ("zone", "utc", "expected"),
    [
        ("Europe/Berlin", "2026-03-30 07:30", True),  # a Monday after clocks went forward: 09:30
        ("Europe/Berlin", "2026-03-23 07:30", False),  # the Monday before: 08:30
        ("Europe/Berlin", "2026-10-26 07:30", False),  # a Monday after they went back: 08:30
        ("America/New_York", "2026-03-09 13:30", True),  # 09:30 there, two weeks before Europe
        ("America/New_York", "2026-03-02 13:30", False),
        ("Australia/Sydney", "2026-04-05 22:30", False),  # Monday 08:30: back one hour the night before
        ("Australia/Sydney", "2026-03-29 22:30", True),
        ("Asia/Kolkata", "2026-07-06 03:30", True),  # 09:00: half an hour beside the others, and no changes
        ("Europe/Berlin", "2045-10-30 08:30", True),  # the last year: 09:30
    ],
)
def test_the_clocks_change(zone: str, utc: str, expected: bool) -> None:
    """Mondays from nine are nine by the clock on the wall, whatever that says this week."""
    calendar = Calendar(zone=zone, monday=("09:00-17:00",))
    assert is_open(worked_out(calendar), datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp()) is expected


def test_the_hour_that_comes_twice() -> None:
    """Open from 2 to 3 in the night when the clocks go back: both of these hours."""
    calendar = worked_out(Calendar(zone="Europe/Berlin", sunday=("02:00-03:00",)))
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert [is_open(calendar, (first + timedelta(hours=hours)).timestamp()) for hours in (-1, 0, 1, 2)] == [False, True, True, False]


ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "America/Santiago", "Asia/Kathmandu", "UTC")
EVERY_HOUR = Calendar(zone="UTC", **dict.fromkeys(("monday", "wednesday", "sunday"), ("06:00-18:00",)))
WORKED_OUT = {zone: worked_out(EVERY_HOUR.model_copy(update={"zone": zone})) for zone in ZONES}


@given(st.sampled_from(ZONES), st.datetimes(datetime(2025, 1, 2), datetime(2045, 12, 30)))
def test_every_moment_is_as_the_time_zone_database_says(zone: str, moment: datetime) -> None:
    """The offsets worked out at synth agree with zoneinfo at any moment until 2045; the database is the package's, not the machine's."""
    local = moment.replace(tzinfo=UTC).astimezone(zone_of(zone))
    expected = local.weekday() in (0, 2, 6) and 6 <= local.hour < 18
    assert is_open(WORKED_OUT[zone], moment.replace(tzinfo=UTC).timestamp()) is expected


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('zone = "Europe/Berln"', "'Europe/Berln' is not a time zone; did you mean 'Europe/Berlin'?"),
        ('zone = "CET-1"', "is not a time zone"),
        ('zone = "UTC"\nmonday = ["9-5"]', "write it as in 09:00-17:00"),
        ('zone = "UTC"\nmonday = ["22:00-06:00"]', "hours over midnight are two spans"),
        ('zone = "UTC"\nholidays = ["2026-02-30"]', "'2026-02-30' is not a date"),
        ('zone = "UTC"\nholidays = ["25.12."]', "write it as in 2027-01-01, or 01-01 for every year"),
        ('zone = "UTC"\nholidays = ["12-24"]\ndays = { 12-24 = ["09:00-12:00"] }', "12-24 is a holiday and has hours of its own"),
        ('zone = "UTC"\nmondy = ["09:00-17:00"]', "unknown key; did you mean 'monday'?"),
    ],
)
def test_a_mistake_in_a_calendar_is_refused(line: str, says: str) -> None:
    """A sentence with file, line and remedy."""
    message = refused(f"[calendar.office]\n{line}\n")
    assert says in message
    assert message.startswith("test.toml:1")
