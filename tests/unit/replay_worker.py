"""The `replay` function with a table and secrets in moto, and what primaries missed."""

import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest

from lambdas.answer.journal import MARK, VERSION
from lambdas.workers.events import Item, items_of
from ops.period import stamp
from tests.unit.event_table import TABLE, event_table, put

ACCOUNT = "AC" + "1" * 32
TOKEN = "0123456789abcdef0123456789abcdef"
SENDER, OWN = "+12025550123", "+12025550106"
DAYS = {"EVENT_DAYS": "400", "REPLY_MINUTES": "60"}


def environ(secrets: tuple[str, str], hosts: tuple[str, ...] = ("127.0.0.1",), health: tuple[str, ...] = ()) -> dict[str, str]:
    """What the stack tells the function."""
    addresses = {"PRIMARY_HOSTS": json.dumps(hosts), "PRIMARY_HEALTH": json.dumps(health)}
    return {"TABLE_NAME": TABLE, "TOKENS_SECRET": secrets[0], "KEYS_SECRET": secrets[1], **addresses, **DAYS}


def make_secrets(**options: Any) -> tuple[str, str]:
    """The two secrets, and their ARNs."""
    client = boto3.client("secretsmanager", region_name="us-east-1", **options)
    tokens = client.create_secret(Name="tokens", SecretString=json.dumps({ACCOUNT: [TOKEN, "an older one"]}))["ARN"]
    return tokens, client.create_secret(Name="keys", SecretString=json.dumps({ACCOUNT: {"key": "SK1", "secret": "s"}}))["ARN"]


@contextmanager
def worker(monkeypatch: pytest.MonkeyPatch, health: tuple[str, ...] = ()) -> Iterator[ModuleType]:
    """The function's module as Lambda imports it."""
    with event_table():
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        for name, value in environ(make_secrets(), health=health).items():
            monkeypatch.setenv(name, value)
        sys.modules.pop("lambdas.workers.replay", None)
        yield importlib.import_module("lambdas.workers.replay")


def text(
    number: int, url: str, code: str = "11202", body: str = "Is 3 pm fine?", ago: timedelta = timedelta(minutes=5), opt_out_type: str = ""
) -> list[Item]:
    """The items of a text that the primary at this address missed."""
    sid = f"SM{number:032x}"
    form = {"AccountSid": ACCOUNT, "MessageSid": sid, "From": SENDER, "To": OWN, "Body": body, "ErrorCode": code, "ErrorUrl": url}
    form |= {"OptOutType": opt_out_type} if opt_out_type else {}
    line = {MARK: VERSION, "time": stamp(datetime.now(UTC) - ago + timedelta(seconds=number)), "request": f"r{number}", "medium": "sms"}
    line |= {"entry": "sms", "path": "/sms", "trust": "verified", "answer": "reply", "params": form, "original": urlencode(form)}
    return list(items_of(line, 400, 30))


def add(*items: Item) -> None:
    """Into the table."""
    put(boto3.client("dynamodb", region_name="us-east-1"), *items)


def wish(event: Item, **more: Any) -> dict[str, Any]:
    """What `fallback replay` asks."""
    return {"pk": event["pk"], "sk": event["sk"], "by": "test", **more}
