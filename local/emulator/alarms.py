"""Alarms as CloudWatch judges them: by their dimensions, period by period, with missing data as the alarm says; and what they then do.

ministack lumps the metrics of a name together, knows no missing data, evaluates only when a metric is put, and invokes no function. Here
each alarm is judged every second, the current period counting as soon as it has data, so that nobody waits a minute for the ring, and
by a clock that a test may set ahead (`/_ministack/clock`).
Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
"""

import logging
import operator
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services import cloudwatch, lambda_svc

from local.emulator import admin, async_invoke, metrics
from local.emulator.admin import Json

logger = logging.getLogger("local.alarms")

EVERY = 1.0  #: seconds between two looks at all alarms
STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "Sum": sum,
    "Maximum": max,
    "Minimum": min,
    "SampleCount": len,
    "Average": lambda values: sum(values) / len(values),
}
BEYOND: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
#: What a missing period counts as; `ignore` leaves it out.
MISSING = {"breaching": True, "notBreaching": False}

type Points = Sequence[tuple[float, float]]


def state_of(alarm: Mapping[str, Any], points: Points, now: float, since: float = float("-inf")) -> str | None:
    """`ALARM`, `OK`, or None where nothing can be said. `points` are times and values, `since` when the alarm was made: no period before
    that is missing anything."""
    period, count = int(alarm["Period"]), int(alarm["EvaluationPeriods"])
    values: dict[int, list[float]] = {}
    for at, value in points:
        values.setdefault(int(at // period), []).append(value)
    last = int(now // period)
    last -= last not in values  # a period that has just begun and has no data yet is not missing any
    judged = [
        _beyond(alarm, values.get(number)) for number in range(last - count + 1, last + 1) if number in values or number * period > since
    ]
    known = [verdict for verdict in judged if verdict is not None]
    if not known:
        return None
    return "ALARM" if sum(known) >= int(alarm.get("DatapointsToAlarm") or count) else "OK"


def _beyond(alarm: Mapping[str, Any], values: Sequence[float] | None) -> bool | None:
    """Whether a period breaches the threshold; None where it says nothing."""
    if values is None:
        return MISSING.get(alarm.get("TreatMissingData") or "missing")
    return BEYOND[alarm["ComparisonOperator"]](STATISTICS[alarm["Statistic"]](values), float(alarm["Threshold"]))


def _points(alarm: Mapping[str, Any]) -> Points:
    dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm.get("Dimensions") or []))
    stored = cloudwatch._metrics.get((alarm["Namespace"], alarm["MetricName"], dimensions)) or []
    return [(point["Timestamp"], point["Value"]) for point in stored]


def _evaluate(alarm: Json) -> None:
    """Judge one alarm, and do what its change of state asks for."""
    now = metrics.clock.now()
    state, before = state_of(alarm, _points(alarm), now, alarm.setdefault("MadeAt", now)), alarm["StateValue"]
    if state in (None, before):
        return
    reason = f"Threshold Crossed: {alarm['Statistic']} of {alarm['MetricName']} {alarm['ComparisonOperator']} {alarm['Threshold']}"
    alarm |= {"StateValue": state, "StateReason": reason, "StateUpdatedTimestamp": int(time.time())}
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)


def _dispatch(alarm: Json, before: str, state: str, reason: str) -> None:
    """Topics as ministack does; functions by an asynchronous invocation."""
    _dispatch_alarm_actions(alarm, before, state, reason)
    for action in alarm.get({"ALARM": "AlarmActions", "OK": "OKActions"}.get(state, "")) or []:
        record, config, name = lambda_svc._get_func_record_for_ref(action) if ":lambda:" in action else (None, None, "")
        if record is not None:
            told = {"alarmName": alarm["AlarmName"], "state": {"value": state, "reason": reason}, "previousState": {"value": before}}
            logger.info("%s: %s invokes %s", alarm["AlarmName"], state, name)
            async_invoke.invoke({"config": {**(config or {}), "FunctionArn": action}}, {"source": "aws.cloudwatch", "alarmData": told})


def _tick() -> None:
    """Look at the queues and at every alarm, each in its account and region."""
    scopes = {(account, region) for account, region, _ in cloudwatch._alarms._data}
    for account, region in scopes:
        set_request_account_id(account)
        set_request_region(region)
        for datum in metrics.queue_sizes():
            metrics.keep(datum)
        for alarm in list(cloudwatch._alarms.values()):
            cloudwatch._evaluate_alarm(alarm)


def _clock(wanted: Json | None) -> Json:
    """`{"ahead": 3600}` has alarms and metrics go by a clock that is an hour ahead, and judges at once."""
    if wanted is not None:
        metrics.clock.ahead = float(wanted["ahead"])
        _tick()
    return {"ahead": metrics.clock.ahead}


def _run() -> None:
    while True:
        time.sleep(EVERY)
        _tick()


_dispatch_alarm_actions = cloudwatch._dispatch_alarm_actions


def install() -> None:
    """Judge in ministack's place, every second."""
    cloudwatch._evaluate_alarm = _evaluate
    cloudwatch._dispatch_alarm_actions = _dispatch
    admin.pages["/_ministack/clock"] = _clock
    threading.Thread(target=_run, daemon=True).start()
