"""Outages on demand: a service that answers 503 or not at all, and functions that have to start anew.

    POST /_ministack/outages   {"secretsmanager": "error", "dynamodb": "hang"}   what is left out is well again
    POST /_ministack/recycle   {"function": "name"}   the next request to this function meets a cold start

Services bear ministack's names: `secretsmanager`, `dynamodb`, `s3`, `sqs`, `sns`, `logs`. `hang` answers 503 after half a minute.
"""

import asyncio
from typing import Any

from ministack import app
from ministack.core import lambda_runtime
from ministack.core.router import detect_service

from local.emulator import admin
from local.emulator.admin import Json

HANG_SECONDS = 30
KINDS = ("error", "hang")

_outages: dict[str, str] = {}


def change(outages: Json | None) -> Json:
    """Replace the outages. Raises `ValueError` for a kind that is not known."""
    if outages is not None:
        unknown = set(outages.values()) - set(KINDS)
        if unknown:
            raise ValueError(f"{unknown.pop()!r} is no kind of outage: {' or '.join(KINDS)}")
        _outages.clear()
        _outages.update(outages)
    return dict(_outages)


def recycle(wanted: Json | None) -> Json:
    """End the idle environments of a function, as Lambda does now and then."""
    if wanted is not None:
        lambda_runtime.invalidate_worker(wanted["function"])
    return {}


async def _dispatch(method: str, path: str, headers: Json, body: bytes, query: Json, request_id: str) -> Any:
    kind = _outages.get(detect_service(method, path, headers, query))
    if kind is None:
        return await _dispatch_service_request(method, path, headers, body, query, request_id)
    if kind == "hang":
        await asyncio.sleep(HANG_SECONDS)
    return 503, {"Content-Type": "application/x-amz-json-1.1"}, b'{"__type": "ServiceUnavailableException"}'


_dispatch_service_request = app._dispatch_service_request


def install() -> None:
    """Stand before every service's door."""
    app._dispatch_service_request = _dispatch
    admin.pages["/_ministack/outages"] = change
    admin.pages["/_ministack/recycle"] = recycle
