"""Metrics that come out of log lines: the embedded metric format, and the metric filters of log groups; how many lines a log group takes;
and how full queues are.

ministack keeps lines as text and counts nothing. What it counts of functions it counts as Lambda does, 0 errors being a value too. Sources:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

import functools
import json
import logging
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from ministack.services import cloudwatch, cloudwatch_logs, sqs

from local.emulator.admin import Json
from local.emulator.filter_pattern import matcher

logger = logging.getLogger("local.metrics")


class Clock:
    """The time by which metrics are noted and alarms judged; a test may be hours ahead instead of waiting."""

    ahead = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self.ahead


clock = Clock()


class Datum(NamedTuple):
    """One value of one metric."""

    namespace: str
    name: str
    dimensions: dict[str, str]
    value: float


def embedded(line: str) -> Iterator[Datum]:
    """What a line in the embedded metric format counts; nothing for any other line."""
    fields = _json(line)
    if not isinstance(fields.get("_aws"), dict):
        return
    for directive in fields["_aws"].get("CloudWatchMetrics", []):
        for metric in directive["Metrics"]:
            values = fields.get(metric["Name"], [])
            for names in directive["Dimensions"]:
                dimensions = {name: str(fields[name]) for name in names}
                for value in values if isinstance(values, list) else [values]:
                    yield Datum(directive["Namespace"], metric["Name"], dimensions, float(value))


def filtered(line: str, metric_filter: Json) -> Iterator[Datum]:
    """What a metric filter makes of a line: its values are numbers here, its dimensions fields of the line (`$.environment`)."""
    if not _matcher(metric_filter["filterPattern"])(line):
        return
    fields = _json(line)
    for each in metric_filter["metricTransformations"]:
        dimensions = {name: str(fields[path.removeprefix("$.")]) for name, path in (each.get("dimensions") or {}).items()}
        yield Datum(each["metricNamespace"], each["metricName"], dimensions, float(each["metricValue"]))


def queue_sizes() -> Iterator[Datum]:
    """How many messages wait in each queue of this account and region."""
    for queue in sqs._queues.values():
        name = queue["attributes"]["QueueArn"].rpartition(":")[2]
        yield Datum("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": name}, len(queue["messages"]))


def keep(datum: Datum) -> None:
    """Hand it to CloudWatch."""
    namespace, name, dimensions, value = datum
    cloudwatch._store_datum(namespace, name, dimensions, clock.now(), "None", value, None, None, None)


@functools.cache
def _matcher(pattern: str) -> Any:
    return matcher(pattern)


def _json(line: str) -> Json:
    try:
        fields = json.loads(line)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _record(namespace: str, name: str, value: float, _unit: str = "None", dimensions: dict[str, str] | None = None) -> None:
    """What ministack itself counts of a service, by the clock that tests may set ahead."""
    keep(Datum(namespace, name, dimensions or {}, value))


def _fan_out(group: str, stream: str, events: list[Json]) -> None:
    keep(Datum("AWS/Logs", "IncomingLogEvents", {"LogGroupName": group}, len(events)))
    filters = [each for (of, _), each in cloudwatch_logs._metric_filters.items() if of == group]
    for event in events:
        data = list(embedded(event["message"]))
        for each in filters:
            data += filtered(event["message"], each)
        for datum in data:
            keep(datum)
    _fan_out_to_subscriptions(group, stream, events)


_fan_out_to_subscriptions: Any = None


def install() -> None:
    """Look at each line before the subscriptions do; to be installed after them."""
    global _fan_out_to_subscriptions  # noqa: PLW0603 - what stood there is known only now
    _fan_out_to_subscriptions = cloudwatch_logs._fanout_to_subscription_filters
    cloudwatch_logs._fanout_to_subscription_filters = _fan_out
    cloudwatch.record_metric = _record
