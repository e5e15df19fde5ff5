"""Log subscriptions: each batch of matching lines is handed to its function by an asynchronous invocation, with retries.

Replaces ministack's fan-out, which calls the function once and forgets a failure. CloudWatch Logs and Lambda promise "at least once" and
no order, so a test can have every delivery come twice, late, out of order or never (`Plan`), through `/_ministack/deliveries`:

    GET    the plan, and how many deliveries were sent and lost, are held, and how many asynchronous invocations are under way
    POST   a JSON object of the plan's fields; what is left out goes back to its default; what was held goes out if `hold` ends

Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html (DeliveryErrors)
"""

import base64
import gzip
import json
import logging
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, new_uuid
from ministack.services import cloudwatch_logs, lambda_svc

from local.emulator import admin, async_invoke, metrics, permissions
from local.emulator.admin import Json
from local.emulator.filter_pattern import UnknownPattern, matcher

logger = logging.getLogger("local.deliveries")


@dataclass(frozen=True)
class Plan:
    """How deliveries fare: the default is one delivery a batch, at once."""

    repeat_lines: int = 1  # each line so many times within a delivery
    repeat_deliveries: int = 1  # each delivery so many times
    hold: bool = False  # keep deliveries until `hold` is taken back
    reverse: bool = False  # what was held goes out last line first
    together: bool = False  # what was held for one subscription goes out as one delivery
    lose: bool = False  # deliver nothing, as when the subscription is disabled for a while


@dataclass(frozen=True)
class Batch:
    """Lines of one log stream that one subscription wants."""

    subscription: Json
    stream: str
    lines: list[Json]

    def payload(self, repeat: int) -> Json:
        """The event of a log subscription: JSON, gzipped, in base64."""
        data = {
            "messageType": "DATA_MESSAGE",
            "owner": get_account_id(),
            "logGroup": self.subscription["logGroupName"],
            "logStream": self.stream,
            "subscriptionFilters": [self.subscription["filterName"]],
            "logEvents": [line for line in self.lines for _ in range(repeat)],
        }
        return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(data).encode())).decode()}}


class Deliveries:
    """All deliveries of this cloud, following the plan."""

    def __init__(self) -> None:
        self.plan = Plan()
        self.held: list[Batch] = []
        self.sent = self.lost = 0
        self._lock = threading.Lock()

    def fan_out(self, group: str, stream: str, events: list[Json]) -> None:
        """Hand new lines of a log group to each of its subscriptions that wants any of them."""
        subscriptions = (cloudwatch_logs._log_groups.get(group) or {}).get("subscriptionFilters") or {}
        for subscription in list(subscriptions.values()):
            wanted = matcher(subscription.get("filterPattern") or "")
            lines = [_line(event) for event in events if wanted(event["message"])]
            if lines:
                self._take(Batch(subscription, stream, lines))

    def follow(self, plan: Plan) -> None:
        """Change the plan; without `hold`, send what was held."""
        with self._lock:
            self.plan = plan
            released, self.held = (self.held, []) if not plan.hold else ([], self.held)
        for batch in _rearranged(released, plan):
            self._send(batch)

    def state(self) -> Json:
        """The plan and the counts; nothing moves once `held` and `under_way` are 0."""
        counts = {"held": len(self.held), "under_way": async_invoke.under_way.count, "sent": self.sent, "lost": self.lost}
        return {"plan": asdict(self.plan), **counts}

    def _take(self, batch: Batch) -> None:
        with self._lock:
            if self.plan.lose:
                self.lost += 1
                return
            if self.plan.hold:
                self.held.append(batch)
                return
        self._send(batch)

    def _send(self, batch: Batch) -> None:
        function = _destination(batch.subscription)
        if function is None:
            self.lost += 1
            return
        for _ in range(self.plan.repeat_deliveries):
            async_invoke.invoke(function, batch.payload(self.plan.repeat_lines))
            self.sent += 1


deliveries = Deliveries()


def _line(event: Json) -> Json:
    return {"id": new_uuid().replace("-", ""), "timestamp": event.get("timestamp") or int(time.time() * 1000), "message": event["message"]}


def _rearranged(held: list[Batch], plan: Plan) -> list[Batch]:
    if plan.together:
        held = _merged(held)
    if not plan.reverse:
        return held
    return [Batch(batch.subscription, batch.stream, batch.lines[::-1]) for batch in reversed(held)]


def _merged(held: list[Batch]) -> list[Batch]:
    """One batch for each subscription."""
    merged: dict[tuple[str, str], Batch] = {}
    for batch in held:
        key = (batch.subscription["logGroupName"], batch.subscription["filterName"])
        before = merged.get(key)
        merged[key] = Batch(batch.subscription, batch.stream, (before.lines if before else []) + batch.lines)
    return list(merged.values())


def _destination(subscription: Json) -> Json | None:
    """The function, version or alias to invoke; None (said in the log) if it is gone or its policy does not let CloudWatch Logs in."""
    arn = subscription["destinationArn"]
    record, config, _ = lambda_svc._get_func_record_for_ref(arn)
    source = cloudwatch_logs._make_group_arn(subscription["logGroupName"])
    if record is None or not permissions.allowed(arn, "logs.amazonaws.com", source):
        known = {"LogGroupName": subscription["logGroupName"], "DestinationType": "Lambda", "FilterName": subscription["filterName"]}
        metrics.keep(metrics.Datum("AWS/Logs", "DeliveryErrors", known, 1))
        logger.warning("subscription %s: CloudWatch Logs may not invoke %s, or it is gone", subscription["filterName"], arn)
        return None
    return {"config": {**config, "FunctionArn": arn}}


def _page(plan: Json | None) -> Json:
    if plan is not None:
        deliveries.follow(Plan(**plan))
    return deliveries.state()


_put_subscription_filter = cloudwatch_logs._put_subscription_filter


def _put(data: Json) -> Any:
    """Refuse a pattern that could not be matched here, before it silently delivers nothing."""
    try:
        matcher(data.get("filterPattern") or "")
    except UnknownPattern as refusal:
        return error_response_json("InvalidParameterException", str(refusal), 400)
    return _put_subscription_filter(data)


def install() -> None:
    """Take the fan-out over, and answer at `/_ministack/deliveries`."""
    cloudwatch_logs._fanout_to_subscription_filters = deliveries.fan_out
    cloudwatch_logs._put_subscription_filter = _put
    admin.pages["/_ministack/deliveries"] = _page
