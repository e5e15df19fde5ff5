"""How the local cloud judges an alarm: as CloudWatch documents it."""

from typing import Any

import pytest

from local.emulator.alarms import state_of

NOW = 1_000_000 * 60.0  #: the beginning of a minute


def alarm(**facts: Any) -> dict[str, Any]:
    """An alarm that rings at one datapoint above 0, and for which silence is well."""
    known = {"Period": 60, "EvaluationPeriods": 1, "DatapointsToAlarm": 1, "Threshold": 0.0, "Statistic": "Sum"}
    return known | {"ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching"} | facts


def at(*minutes: float, value: float = 1.0) -> list[tuple[float, float]]:
    """A value in each of these minutes."""
    return [(NOW + 60 * minute, value) for minute in minutes]


def test_it_rings_in_the_minute_in_which_something_happens() -> None:
    assert state_of(alarm(), at(0.5), NOW + 40) == "ALARM"


def test_it_is_well_again_once_nothing_happens_any_more() -> None:
    assert state_of(alarm(), at(0.5), NOW + 125) == "OK"


def test_it_goes_on_ringing_for_as_many_periods_as_it_looks_back() -> None:
    """A primary that fails is failing until fifteen minutes were quiet."""
    fifteen = alarm(EvaluationPeriods=15)
    assert [state_of(fifteen, at(0), NOW + 60 * minute) for minute in (1, 14, 15, 16, 17)] == ["ALARM"] * 3 + ["OK"] * 2


def test_several_datapoints_may_be_asked_for() -> None:
    two_of_three = alarm(EvaluationPeriods=3, DatapointsToAlarm=2)
    assert state_of(two_of_three, at(0), NOW + 30) == "OK"
    assert state_of(two_of_three, at(-2, 0), NOW + 30) == "ALARM"
    assert state_of(two_of_three, at(-3, 0), NOW + 30) == "OK"


def test_silence_can_be_the_fault() -> None:
    heartbeat = alarm(TreatMissingData="breaching", Statistic="SampleCount", ComparisonOperator="LessThanThreshold", Threshold=1.0)
    three = heartbeat | {"EvaluationPeriods": 3, "DatapointsToAlarm": 3}
    assert state_of(three, at(0, 1, 2), NOW + 150) == "OK"
    assert state_of(three, at(0), NOW + 200) == "OK"
    assert state_of(three, at(0), NOW + 250) == "ALARM"


def test_a_period_that_has_just_begun_is_not_missing_anything() -> None:
    heartbeat = alarm(TreatMissingData="breaching", Statistic="SampleCount", ComparisonOperator="LessThanThreshold", Threshold=1.0)
    assert state_of(heartbeat, at(-1), NOW + 5) == "OK"


def test_before_it_was_made_nothing_is_missing() -> None:
    heartbeat = alarm(TreatMissingData="breaching", Statistic="SampleCount", ComparisonOperator="LessThanThreshold", Threshold=1.0)
    assert state_of(heartbeat, [], NOW + 30, since=NOW) is None
    assert state_of(heartbeat, [], NOW + 200, since=NOW) == "ALARM"


def test_what_was_found_last_can_count_until_somebody_looks_again() -> None:
    daily = alarm(TreatMissingData="ignore", Statistic="Maximum")
    assert state_of(daily, at(0), NOW + 30) == "ALARM"
    assert state_of(daily, at(0), NOW + 3600) is None


@pytest.mark.parametrize(
    ("statistic", "values", "above", "state"),
    [
        ("Sum", [400, 601], 1000, "ALARM"),
        ("Sum", [400, 600], 1000, "OK"),
        ("Maximum", [1, 900_001], 900_000, "ALARM"),
        ("Maximum", [500_000, 500_000], 900_000, "OK"),
    ],
)
def test_values_of_a_period_are_taken_together_as_the_statistic_says(statistic: str, values: list[float], above: float, state: str) -> None:
    points = [(NOW + index, value) for index, value in enumerate(values)]
    assert state_of(alarm(Statistic=statistic, Threshold=above), points, NOW + 30) == state
