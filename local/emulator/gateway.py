"""REST APIs as AWS serves them, where ministack differs.

- A function that raises, exits, hangs, answers nonsense, is throttled, gone or not permitted gives the API's gateway response.
- The event bears `requestContext.domainName`, and as `requestContext.path` what was posted, so that the URL a client signed can be put
  together again: `https://localhost:<port>/restapis/<id>/<stage>/_user_request_/…`, `https://<id>.execute-api.<region>.amazonaws.com/<stage>/…`
  and a custom domain with its base path, which is part of `path` too (https://github.com/localstack/localstack/issues/12295).
- Query parameters come in no order, a body over 10 MB is refused, one request id names the request everywhere, access logs are written
  and latencies counted.

Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html and
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import asyncio
import json
import random
import re
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ministack import app
from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import apigateway_v1 as rest

from local.emulator import access_log, metrics, permissions
from local.emulator.admin import Json

MAXIMUM_BODY = 10 * 1024 * 1024
MAXIMUM_ANSWER = 6 * 1024 * 1024  # of a function called synchronously, as JSON
PROXY_FIELDS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
HOST = re.compile(r"^([a-z0-9]+)\.execute-api\.(?:localhost|[a-z0-9-]+\.amazonaws\.com)(?::\d+)?$")

type Response = tuple[int, Json, bytes]


@dataclass
class Exchange:
    """One request on its way through a REST API, and what the access log needs to know of it."""

    host: str
    path: str  # as posted, percent-encoding and all
    request_id: str = field(default_factory=new_uuid)
    started: float = field(default_factory=time.monotonic)
    error_type: str | None = None
    error_message: str | None = None
    integration_status: Any = None
    integration_seconds: float | None = None


class IntegrationFailed(Exception):
    """The integration gave no answer that could be passed on; `args[0]` is the gateway response's type."""


_exchange: ContextVar[Exchange] = ContextVar("exchange")
_unfinished: set[asyncio.Task[Any]] = set()


async def _enter(host: str, path: str, *rest_of_it: Any, raw_path: str | None = None, **named: Any) -> Any:
    """Remember what was posted, then let ministack find the API."""
    _exchange.set(Exchange(host, raw_path or path))
    return await _handle_execute_api_request(host, path, *rest_of_it, raw_path=raw_path, **named)


async def _execute(api: str, stage: str, method: str, path: str, headers: Json, body: bytes, query: Json, *scope: str) -> Response:
    """Answer one request to a deployed stage, and write it down."""
    exchange = _exchange.get()
    request = {
        "api_id": api,
        "stage_name": stage,
        "stage": rest._stages_v1.get(api, {}).get(stage),
        "headers": headers,
        "query_params": query,
        "path_params": {},
        "resource_path": "",
        "request_id": exchange.request_id,
    }
    answer = await _answer(request, (api, stage, method, path, headers, body, query, *scope))
    status, answer_headers, answer_body = _rendered(answer, request, exchange)
    answer_headers["x-amzn-requestid"] = exchange.request_id
    if request["stage"]:
        _count(api, time.monotonic() - exchange.started)
        access_log.write(request["stage"]["accessLogSettings"], _variables(exchange, request, method, status, answer_body))
    return status, answer_headers, answer_body


def _count(api: str, seconds: float) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html"""
    dimensions = {"ApiName": rest._rest_apis[api]["name"]}
    metrics.keep(metrics.Datum("AWS/ApiGateway", "Count", dimensions, 1))
    metrics.keep(metrics.Datum("AWS/ApiGateway", "Latency", dimensions, round(seconds * 1000)))


async def _answer(request: Json, arguments: tuple[Any, ...]) -> Any:
    if len(arguments[5]) > MAXIMUM_BODY and request["stage"]:
        return rest._gw_error("REQUEST_TOO_LARGE", "Request Too Long")
    return await rest._execute_in_scope(request, *arguments)


def _rendered(answer: Any, request: Json, exchange: Exchange) -> Response:
    if not isinstance(answer, rest._GatewayError):
        status, headers, body = answer
        return status, headers, body
    exchange.error_type, exchange.error_message = answer.response_type, answer.message
    status, headers, body = rest._gateway_error_response(answer, request)
    return status, headers, body


def _variables(exchange: Exchange, request: Json, method: str, status: int, body: bytes) -> Json:
    """The `$context` variables of an access log, without that prefix; times in milliseconds."""
    integration_ms = exchange.integration_seconds and round(exchange.integration_seconds * 1000)
    message = exchange.error_message
    return {
        "requestId": exchange.request_id,
        "extendedRequestId": exchange.request_id,
        "accountId": get_account_id(),
        "apiId": request["api_id"],
        "stage": request["stage_name"],
        "domainName": exchange.host,
        "httpMethod": method,
        "path": exchange.path,
        "resourcePath": request["resource_path"],
        "protocol": "HTTP/1.1",
        "requestTimeEpoch": int(time.time() * 1000),
        "identity.sourceIp": "127.0.0.1",
        "identity.userAgent": request["headers"].get("user-agent"),
        "status": status,
        "responseLength": len(body),
        "responseLatency": round((time.monotonic() - exchange.started) * 1000),
        "error.responseType": exchange.error_type,
        "error.message": message,
        "error.messageString": message and json.dumps(message),
        "integration.status": exchange.integration_status,
        "integration.latency": integration_ms,
        "integrationLatency": integration_ms,
    }


async def _integrate(integration: Json, *arguments: Any, **named: Any) -> Any:
    """Call the function, no longer than the integration's own timeout; a function that is late goes on alone."""
    exchange, started = _exchange.get(), time.monotonic()
    call = asyncio.ensure_future(_invoke_lambda_proxy(integration, *arguments, **named))
    _unfinished.add(call)
    call.add_done_callback(_forget)
    done, _ = await asyncio.wait({call}, timeout=integration.get("timeoutInMillis", 29_000) / 1000)
    exchange.integration_seconds = time.monotonic() - started
    if not done:
        return rest._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")
    try:
        return call.result()
    except IntegrationFailed as failure:
        return rest._gw_error(failure.args[0], "Internal server error")


def _forget(call: asyncio.Task[Any]) -> None:
    _unfinished.discard(call)
    call.exception()


async def _call(function: str, event: Json, **scope: Any) -> Any:
    """Let the API call the function only if the function's policy says so."""
    context = event["requestContext"]
    resource = f"{context['apiId']}/{context['stage']}/{context['httpMethod']}{context['resourcePath']}"
    source = f"arn:aws:execute-api:{get_region()}:{get_account_id()}:{resource}"
    if not permissions.allowed(function, "apigateway.amazonaws.com", source):
        return None, f"Invalid permissions on {function}"
    return await _call_lambda_raw(function, event, **scope)


def _proxy_response(result: Json) -> tuple[Json, None]:
    """The function's answer, if it is one: a JSON object of known fields, of known kinds, not larger than Lambda allows."""
    if result.get("throttle"):
        raise IntegrationFailed("INTEGRATION_FAILURE")
    answer: Any = result.get("body")
    if result.get("error") or not _well_formed(answer):
        raise IntegrationFailed("DEFAULT_5XX")
    status = int(answer.get("statusCode") or 200)
    _exchange.get().integration_status = status
    return {**answer, "statusCode": status, "body": answer.get("body") or ""}, None


def _well_formed(answer: Any) -> bool:
    if not isinstance(answer, dict) or not answer.keys() <= PROXY_FIELDS or len(json.dumps(answer)) > MAXIMUM_ANSWER:
        return False
    headers, lists = answer.get("headers") or {}, answer.get("multiValueHeaders") or {}
    return (
        re.fullmatch(r"[1-9]\d\d", str(answer.get("statusCode", 200))) is not None
        and isinstance(answer.get("body", ""), str | None)
        and isinstance(headers, dict)
        and all(isinstance(value, str | bool) for value in headers.values())
        and isinstance(lists, dict)
        and all(isinstance(value, list) for value in lists.values())
    )


def _event(*arguments: Any, **named: Any) -> Json:
    """The event of the proxy integration, with what AWS vouches for and without what it loses."""
    event: Json = _build_lambda_event(*arguments, **named)
    exchange = _exchange.get()
    context = event["requestContext"]
    context |= {"domainName": exchange.host, "domainPrefix": exchange.host.partition(".")[0], "path": exchange.path}
    context |= {"requestId": exchange.request_id, "extendedRequestId": exchange.request_id}
    if app._resolve_custom_domain_request(exchange.host, exchange.path):
        event["path"] = exchange.path
    context["identity"]["sourceIp"] = "127.0.0.1"
    for name in ("queryStringParameters", "multiValueQueryStringParameters"):
        event[name] = event[name] and dict(random.sample(list(event[name].items()), len(event[name])))
    return event


def _gateway_response(customized: Json, response_type: str) -> Json:
    """A type without its own definition takes its status code too from DEFAULT_4XX or DEFAULT_5XX, if that has one."""
    response: Json = _gateway_response_for_type(customized, response_type)
    family = customized.get(rest._gateway_response_family(response_type)) or {}
    if response_type not in customized and family.get("statusCode"):
        response["statusCode"] = family["statusCode"]
    return response


_handle_execute_api_request = app._handle_execute_api_request
_invoke_lambda_proxy = rest._invoke_lambda_proxy_v1
_call_lambda_raw = rest._call_lambda_raw
_build_lambda_event = rest._build_lambda_event_v1
_gateway_response_for_type = rest._gateway_response_for_type


def install() -> None:
    """Put these in the place of ministack's own."""
    app._EXECUTE_API_RE = HOST
    app._handle_execute_api_request = _enter
    rest._handle_execute_in_scope = _execute
    rest._invoke_lambda_proxy_v1 = _integrate
    rest._call_lambda_raw = _call
    rest._lambda_proxy_response = _proxy_response
    rest._build_lambda_event_v1 = _event
    rest._gateway_response_for_type = _gateway_response
