"""What Lambda counts of each invocation, whoever makes it: ministack counts only those that come through its `Invoke` operation.

Of an invocation that went well there are 0 errors, which is a value: no value means that there was no invocation.
Source: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html ("binary indicators of the outcome of an invocation")
"""

import time
from typing import Any

from ministack.services import lambda_svc

from local.emulator.admin import Json
from local.emulator.metrics import Datum, keep


def _dispatch(function: Json, config: Json, *event: Any) -> Json:
    began = time.monotonic()
    result: Json = _execute_function_dispatch(function, config, *event)
    took = (time.monotonic() - began) * 1000
    for name, value in (("Invocations", 1), ("Errors", int(bool(result.get("error")))), ("Throttles", 0), ("Duration", took)):
        keep(Datum("AWS/Lambda", name, {"FunctionName": config["FunctionName"]}, value))
    return result


def _emit(function_name: str, duration_ms: float, error: bool, throttle: bool) -> None:  # noqa: ARG001 - ministack names them
    if throttle:
        keep(Datum("AWS/Lambda", "Throttles", {"FunctionName": function_name}, 1))


_execute_function_dispatch = lambda_svc._execute_function_dispatch


def install() -> None:
    """Count where every invocation passes."""
    lambda_svc._execute_function_dispatch = _dispatch
    lambda_svc._emit_lambda_metrics = _emit
