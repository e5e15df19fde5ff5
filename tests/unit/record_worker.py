"""The function `record`, and what CloudWatch Logs hands over to it."""

import base64
import gzip
import json
from types import ModuleType
from typing import Any

from tests.unit.voicemail_workers import Account


def record_of(made: Account) -> ModuleType:
    """The function of this account."""
    made.monkeypatch.setenv("EVENT_DAYS", "400")
    made.monkeypatch.setenv("ORIGINAL_DAYS", "30")
    return made.module("record")


def delivery(*texts: str) -> dict[str, Any]:
    """A delivery of log events with these messages."""
    events = [{"id": str(number), "message": text} for number, text in enumerate(texts)]
    data = json.dumps({"messageType": "DATA_MESSAGE", "logEvents": events})
    return {"awslogs": {"data": base64.b64encode(gzip.compress(data.encode())).decode()}}
