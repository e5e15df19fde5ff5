"""Periods of time as people write them."""

from datetime import UTC, datetime, timedelta

import pytest

from ops.period import NoPeriod, Period, moment, stamp

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90m", "2026-11-21T01:30:00.000000Z"),
        ("2h", "2026-11-21T01:00:00.000000Z"),
        ("3D", "2026-11-18T03:00:00.000000Z"),
        ("2026-11-20", "2026-11-20T00:00:00.000000Z"),
        ("2026-11-20T22:15", "2026-11-20T22:15:00.000000Z"),
        ("2026-11-20T22:15+01:00", "2026-11-20T21:15:00.000000Z"),
    ],
)
def test_a_moment_is_a_length_or_a_date(text: str, meant: str) -> None:
    assert stamp(moment(text, NOW)) == meant


@pytest.mark.parametrize("text", ["", "yesterday", "2 hours", "h", "2026-13-01", "99999999999h"])
def test_what_is_no_time_says_what_is(text: str) -> None:
    with pytest.raises(NoPeriod, match="write it as 90m, 2h"):
        moment(text, NOW)


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(NoPeriod, match="swap --from and --until"):
        Period.of(None, "1h", "2h", NOW)


@pytest.mark.parametrize(
    ("since", "begin", "end", "says"),
    [
        (None, "1h", "2h", "swap --from and --until"),
        ("0s", None, None, "begin it earlier"),
        (None, "2999-01-01", None, "begin it earlier"),
        (None, None, "3h", "say with --from when it begins"),
    ],
)
def test_what_helps_fits_what_was_written(since: str | None, begin: str | None, end: str | None, says: str) -> None:
    with pytest.raises(NoPeriod, match=says):
        Period.of(since, begin, end, NOW)


@pytest.mark.parametrize("text", ["0001-01-01T00:00+05:00", "9999-12-31T23:59-05:00", "9999999999d"])
def test_a_time_at_the_end_of_all_times_is_a_sentence(text: str) -> None:
    with pytest.raises(NoPeriod, match="is no time"):
        moment(text, NOW)


def test_nothing_is_looked_for_where_nothing_can_be() -> None:
    """A year mistyped would be a million questions."""
    period = Period.of(None, "0001-01-01", "9999-12-31", NOW)
    assert (period.start, period.end) == (NOW - timedelta(days=3650), NOW + timedelta(days=1))


def test_two_beginnings_are_refused() -> None:
    with pytest.raises(NoPeriod, match="give one of them"):
        Period.of("1h", "2h", None, NOW)


def test_two_hours_unless_told() -> None:
    assert Period.of(None, None, None, NOW) == Period.last(timedelta(hours=2), NOW)


def test_the_days_of_a_period_newest_first() -> None:
    period = Period.last(timedelta(days=2), NOW)
    assert list(period.days()) == ["2026-11-21", "2026-11-20", "2026-11-19"]
    assert list(period.days(newest_first=False)) == ["2026-11-19", "2026-11-20", "2026-11-21"]


def test_midnight_belongs_to_the_day_that_begins() -> None:
    assert list(Period(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)).days()) == ["2026-11-20"]
