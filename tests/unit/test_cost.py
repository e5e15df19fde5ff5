"""What it costs is computed from what is deployed, and dated."""

import re

import pytest

from config.settings import load
from ops.cost import PAGE, PRICES, Price, Use, idle, minutes_of, page, with_free


@pytest.mark.slow
def test_the_page_says_what_the_template_says() -> None:
    """`python -m ops.cost` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("name", PRICES)
def test_every_price_is_dated(name: str) -> None:
    """And says whether it was looked up or has to be checked."""
    assert re.search(r"20\d\d-\d\d-\d\d", PRICES[name].dated)


@pytest.mark.slow
@pytest.mark.parametrize(("minutes", "most"), [(0, 2.3), (1, 3.3)])
def test_an_idle_stack_stays_cheap(minutes: int, most: float) -> None:
    """About two dollars a month, three with a probe every minute, beyond what is free. An alarm costs ten cents; each account has one."""
    settings = load("production")
    probed = settings.model_copy(update={"probe": settings.probe.model_copy(update={"minutes": minutes})})
    assert with_free(list(idle(probed))) < most


def test_what_is_free_is_taken_off_once() -> None:
    free = [Use("CloudWatch alarm", 8, "here"), Use("CloudWatch alarm", 8, "there")]
    assert with_free(free) == pytest.approx(0.60)


def test_a_price_is_for_so_many_units() -> None:
    assert Price(3.5, 1_000_000, "requests", "").of(2_000_000) == 7.0


@pytest.mark.parametrize(
    ("quantity", "unit", "written"),
    [
        (1, "alarms", "1 alarm"),
        (27, "alarms", "27 alarms"),
        (43_200, "requests", "43,200 requests"),
        (1, "GB-seconds", "1 GB-second"),
        (1, "kB", "1 kB"),
    ],
)
def test_units_are_counted_as_people_count(quantity: float, unit: str, written: str) -> None:
    assert Price(1, 1, unit, "").count(quantity) == written


@pytest.mark.parametrize(("expression", "minutes"), [("rate(1 minute)", 1), ("rate(15 minutes)", 15), ("rate(1 day)", 1440)])
def test_a_rate_in_minutes(expression: str, minutes: float) -> None:
    assert minutes_of(expression) == minutes
