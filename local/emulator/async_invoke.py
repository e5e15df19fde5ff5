"""Asynchronous invocation as Lambda does it: an error is tried twice more, throttling is waited out, then the on-failure destination.

Replaces `invoke_async_with_retry` of ministack, which takes throttling for an error and knows no alias. On AWS the second attempt comes
after one minute and the third after two; here after LAMBDA_ASYNC_RETRY_BASE_SECONDS (1 by default) and twice that.
Sources: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

import contextvars
import logging
import threading
import time
from collections import defaultdict
from typing import Any

from ministack.services import lambda_svc, sqs

from local.emulator import metrics
from local.emulator.admin import Json

logger = logging.getLogger("local.async_invoke")

MAXIMUM_AGE = 6 * 60 * 60
RETRIES = 2
#: So many events of one function are handled at a time, the others wait: each environment costs a laptop a second of its processor.
PARALLEL = 2

_turns: defaultdict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(PARALLEL))


class UnderWay:
    """How many asynchronous invocations have not come to their end."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def add(self, change: int) -> None:
        """Count one more (1) or one less (-1)."""
        with self._lock:
            self.count += change


under_way = UnderWay()


def invoke(function: Json, event: Any) -> None:
    """Invoke in the background, in the caller's account and region, and return at once."""
    under_way.add(1)
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(_run, function["config"]["FunctionArn"], event), daemon=True).start()


def _run(arn: str, event: Any) -> None:
    try:
        function, name = _function(arn)
        config = _invoke_config(name, arn)
        failure = _attempts(arn, event, config)
        destination = _destination(function, config)
        if failure:
            metrics.keep(metrics.Datum("AWS/Lambda", "AsyncEventsDropped", {"FunctionName": name}, 1))
        if failure and destination:
            _hand_over(destination, name, event, failure)
        elif failure:
            logger.warning("%s failed for good: the event is lost", name)
    finally:
        under_way.add(-1)


def _hand_over(destination: str, name: str, event: Any, failure: Json) -> None:
    """To the destination, counted there as a message that was sent; where it is gone the event is lost, and counted as that."""
    if ":sqs:" in destination and sqs._queue_by_arn(destination) is None:
        metrics.keep(metrics.Datum("AWS/Lambda", "DestinationDeliveryFailures", {"FunctionName": name}, 1))
        return
    lambda_svc._route_async_failure(destination, name, event, failure)
    if ":sqs:" in destination:
        metrics.keep(metrics.Datum("AWS/SQS", "NumberOfMessagesSent", {"QueueName": destination.rpartition(":")[2]}, 1))


def _function(arn: str) -> tuple[Json, str]:
    """The function, version or alias as it is now, which may have changed since the event came; and the function's name."""
    record, config, name = lambda_svc._get_func_record_for_ref(arn)
    return {**(record or {}), "config": {**(config or {}), "FunctionArn": arn}}, name


def _attempts(arn: str, event: Any, config: Json) -> Json | None:
    """The last result if the event could not be handled, else None."""
    ends = time.monotonic() + int(config.get("MaximumEventAgeInSeconds", MAXIMUM_AGE))
    left = config.get("MaximumRetryAttempts", RETRIES)
    delay = lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS
    while True:
        with _turns[arn]:
            result: Json = lambda_svc._execute_function_with_config_scope(_function(arn)[0], event)
        if not result.get("error"):
            return None
        if not result.get("throttle"):
            left, wait, delay = left - 1, delay, delay * 2
        else:
            wait = lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS
        if left < 0 or time.monotonic() + wait > ends:
            return result
        time.sleep(wait)


def _invoke_config(name: str, arn: str) -> Json:
    """The EventInvokeConfig of what was called: an alias or a version has its own, the plain name that of `$LATEST`."""
    configs: Json = (lambda_svc._functions.get(name) or {}).get("event_invoke_configs") or {}
    qualifier = arn.partition(":function:")[2].partition(":")[2]
    return configs.get(qualifier or "$LATEST") or (configs.get("") if not qualifier else None) or {}


def _destination(function: Json, config: Json) -> str | None:
    on_failure: str | None = (config.get("DestinationConfig") or {}).get("OnFailure", {}).get("Destination")
    return on_failure or (function["config"].get("DeadLetterConfig") or {}).get("TargetArn")


def install() -> None:
    """Every asynchronous invocation of the emulator goes this way: subscriptions, notifications, schedules, `Event` calls."""
    lambda_svc.invoke_async_with_retry = invoke
