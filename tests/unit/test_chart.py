"""Counting by columns, and the drawing of it."""

from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from typing import Any

import pytest

from lambdas.workers.events import Item
from ops.console.chart import NARROW, PATTERNS, WIDE, Chart, patterns, rounded_up, ticks
from ops.period import Period, stamp
from ops.tally import Tally, sparkline

END = datetime(2026, 11, 21, 3, 7, 30, tzinfo=UTC)


def error(minutes_ago: float, code: str = "11200", **facts: Any) -> Item:
    return {"pk": "CA1", "time": stamp(END - timedelta(minutes=minutes_ago)), "kind": "request", "error_code": code} | facts


def counted(*errors: Item, hours: float = 1) -> Tally:
    tally = Tally(Period.last(timedelta(hours=hours), END))
    for each in errors:
        tally.add(each)
    return tally


@pytest.mark.parametrize(("hours", "width"), [(0.5, 1), (1, 1), (2, 2), (3, 3), (12, 15), (24, 30), (24 * 7, 180), (24 * 400, 10080)])
def test_columns_are_of_round_length_and_begin_at_round_times(hours: float, width: int) -> None:
    tally = counted(hours=hours)
    assert tally.width == width
    assert tally.length <= 62
    assert tally.begin.timestamp() % (width * 60) == 0
    assert tally.start_of(tally.length) >= END


def test_every_error_falls_into_its_minute() -> None:
    tally = counted(error(0), error(0.2), error(7), error(59.9))
    [(_, group)] = tally.ranked
    assert sum(tally.columns(group)) == group.count == 4
    assert tally.columns(group)[-1] == 2
    assert tally.columns(group)[-8] == 1
    assert tally.columns(group)[0] == 1


def test_a_sparkline_shows_the_highest_highest_and_nothing_as_nothing() -> None:
    assert sparkline([0, 1, 4, 8]) == " ▁▄█"
    assert sparkline([]) == ""


def test_the_bars_of_a_column_stand_on_each_other_and_reach_its_sum() -> None:
    errors = [error(1, code) for code in ("11200", "11200", "11205", "trunk") for _ in range(2)]
    chart = Chart(counted(*errors), WIDE)
    bars = list(chart.bars)
    assert [bar.pattern for bar in bars] == [layer.pattern for layer in chart.layers]
    assert len({bar.pattern for bar in bars}) == 3
    for lower, upper in pairwise(bars):
        assert upper.y + upper.height == pytest.approx(lower.y, abs=0.05)
    assert bars[-1].y == pytest.approx(chart.y(8), abs=0.05)
    assert bars[0].y + bars[0].height == pytest.approx(chart.y(0), abs=0.05)


def test_a_code_keeps_its_pattern_when_another_overtakes_it() -> None:
    """Else a reader would take one error for the other from one refresh to the next."""
    before = Chart(counted(error(9), error(9), error(8, "11205")), WIDE)
    after = Chart(counted(error(9), error(9), error(8, "11205"), *(error(2, code) for code in ("11205", "11205", "12100"))), WIDE)
    assert [layer.name for layer in before.layers] == ["11200", "11205"]
    assert [layer.name for layer in after.layers] == ["11205", "11200", "12100"]
    assert {layer.name: layer.pattern for layer in before.layers}.items() <= {layer.name: layer.pattern for layer in after.layers}.items()


def test_no_two_codes_of_a_drawing_share_a_pattern() -> None:
    for codes in combinations(("11200", "11202", "11205", "11210", "11220", "11237", "12100", "12300", "trunk"), 4):
        found = patterns(list(codes))
        assert set(found) == set(codes)
        assert len(set(found.values())) == 4
        assert max(found.values()) < PATTERNS


def test_more_than_four_codes_share_the_last_pattern() -> None:
    errors = [error(2, f"1120{number}") for number in range(6) for _ in range(6 - number)]
    chart = Chart(counted(*errors), NARROW)
    assert [(layer.name, sum(layer.counts)) for layer in chart.layers] == [("11200", 6), ("11201", 5), ("11202", 4), ("others", 6)]


def test_every_figure_stands_in_the_table_and_in_the_columns_words() -> None:
    chart = Chart(counted(error(2), error(2, "11205"), error(5)), WIDE)
    assert list(chart.rows) == [("03:02", [1, 0], 1), ("03:05", [1, 1], 2)]
    assert [text for *_, text in chart.columns] == ["03:02  11200: 1", "03:05  11200: 1, 11205: 1"]


def test_nothing_can_be_drawn() -> None:
    chart = Chart(counted(), WIDE)
    assert list(chart.bars) == []
    assert [value for _, value in chart.lines] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("value", [0, 1, 4, 5, 7, 24, 34, 61, 99, 100, 101, 5432])
def test_the_axis_ends_at_a_round_figure_above_all(value: int) -> None:
    top = rounded_up(value)
    assert value <= top <= max(4, value * 2)
    assert ticks(top)[0] == 0
    assert ticks(top)[-1] == top
    assert all(isinstance(tick, int) for tick in ticks(top))


@pytest.mark.parametrize("frame", [WIDE, NARROW])
def test_nothing_lies_outside_the_drawing(frame: Any) -> None:
    chart = Chart(counted(*(error(minutes) for minutes in range(60))), frame)
    for bar in chart.bars:
        assert frame.left <= bar.x
        assert bar.x + bar.width <= frame.width
        assert 0 <= bar.y <= bar.y + bar.height <= frame.height


@pytest.mark.parametrize("frame", [WIDE, NARROW])
@pytest.mark.parametrize("hours", [1, 3, 12, 36, 72, 24 * 7, 24 * 31, 24 * 90])
def test_every_label_of_the_time_axis_is_whole_and_clear_of_the_next(frame: Any, hours: int) -> None:
    """`Nov 22 0` is no time."""
    labels = list(Chart(counted(error(1), hours=hours), frame).labels)
    assert len(labels) >= 2
    ends = [x + len(text) * 0.6 * frame.font for x, text in labels]
    assert ends[-1] <= frame.width
    assert all(end < begin for end, (begin, _) in zip(ends, labels[1:], strict=False))
