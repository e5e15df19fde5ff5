"""Workers ask AWS as `lambdas.workers.aws` says, and nothing holds them for long."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import twilio.rest

import lambdas.workers
from lambdas.workers.aws import QUICK
from ops import rebuild
from ops.deployment import Deployment, OpsError
from stacks.functions import TWILIO_PRODUCTS

WORKERS = Path(lambdas.workers.__file__).parent
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_service_that_hangs_is_waited_for_for_six_seconds() -> None:
    known: Any = QUICK
    attempts = known.retries["total_max_attempts"]
    assert attempts * (known.connect_timeout + known.read_timeout) <= 6


def test_no_worker_has_an_opinion_of_its_own() -> None:
    """A client without it would wait for a minute, five times."""
    for path in WORKERS.glob("*.py"):
        text = path.read_text()
        assert path.name == "aws.py" or "botocore.config" not in text, path.name
        assert all("config=" in call for call in re.findall(r"boto3\.(?:client|resource)\(.*", text)), path.name


class CloudWatch:
    """What CloudWatch remembers of alarms: by name, when each changed to what."""

    def __init__(self, **changes: list[tuple[datetime, str]]) -> None:
        self.changes = {f"fallback-tests-{name.replace('_', '-')}": found for name, found in changes.items()}

    def get_paginator(self, _: str) -> "CloudWatch":
        return self

    def paginate(self, AlarmName: str, **_: str) -> list[dict[str, Any]]:  # noqa: N803
        items = [
            {"Timestamp": when, "HistoryData": f'{{"newState": {{"stateValue": "{state}"}}}}'}
            for when, state in self.changes.get(AlarmName, [])
        ]
        return [{"AlarmHistoryItems": items[:1]}, {"AlarmHistoryItems": items[1:]}]


def deployment(cloudwatch: CloudWatch) -> Deployment:
    return Deployment("tests", "us-west-2", {}, {"cloudwatch": cloudwatch})


def test_what_is_lost_is_rebuilt_since_before_the_first_alarm() -> None:
    """Whenever somebody types it."""
    known = CloudWatch(
        record_undeliverable=[(NOON, "ALARM"), (NOON + HOUR, "OK"), (NOON + 9 * HOUR, "ALARM")],
        journal_undelivered=[(NOON - 50 * HOUR, "OK"), (NOON + 5 * HOUR, "ALARM")],
    )
    assert rebuild.first_loss(deployment(known)) == NOON - 20 * HOUR


def test_where_no_alarm_went_off_it_has_to_be_said_since_when() -> None:
    with pytest.raises(OpsError, match="went off lately: say how far back, as in --since 3h"):
        rebuild.first_loss(deployment(CloudWatch(journal_undelivered=[(NOON, "OK")])))


def test_the_zip_has_each_of_twilios_products_that_workers_ask() -> None:
    """Twilio's client loads them one by one when they are first asked: one that is missing shows on the bad day."""
    products = [each.name for each in (Path(twilio.rest.__file__).parent).iterdir() if each.is_dir()]
    asked = "".join(path.read_text() for path in WORKERS.glob("*.py"))
    used = {product for product in products if re.search(rf"\.{product}\.v\d", asked)}
    assert used | {"api"} == set(TWILIO_PRODUCTS)
