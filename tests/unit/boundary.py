"""Every call that a worker makes to the outside, in order; any of them can fail, or be the last thing the worker does."""

import io
from collections.abc import Callable
from types import ModuleType
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from moto.core.models import botocore_stubber

from lambdas.workers import transport
from tests.unit.voicemail_workers import Account

#: What becomes of a call: (its number, its name, "before" it is sent or "after" it was answered).
Fate = Callable[[int, str, str], AWSResponse | None]


class Killed(BaseException):
    """The worker is gone, as when Lambda ends it: nothing catches this."""


class Raw(io.BytesIO):
    """A body as botocore reads it."""

    def stream(self, *_: Any, **__: Any) -> Any:
        """All of it."""
        yield self.read()


class Boundary:
    """Around one worker's module."""

    def __init__(self, made: Account, module: ModuleType) -> None:
        self.calls: list[str] = []
        self.fate: Fate = lambda _number, _name, _when: None
        for client in (module.SQS, module.SNS, module.BUCKET.client, module.VOICEMAILS.table.meta.client, module.TWILIO.keys.client):
            made.listen(client, "before-send", self.before)
            made.listen(client, "response-received", self.mocked)
            made.listen(client, "after-call", self.after)
        connected, received = transport.connected, transport.received

        def ask(*known: Any) -> Any:
            self.before(event_name="before-send.twilio.Ask")
            return connected(*known)

        def hear(*known: Any) -> Any:
            answer = received(*known)
            self.after()
            return answer

        made.monkeypatch.setattr(transport, "connected", ask)
        made.monkeypatch.setattr(transport, "received", hear)

    def before(self, event_name: str, **_: Any) -> AWSResponse | None:
        """A call is about to be sent."""
        self.calls.append(event_name.partition(".")[2])
        answer = self.fate(len(self.calls) - 1, self.calls[-1], "before")
        botocore_stubber.enabled = answer is None  # else moto would do what was asked, and only its answer would be lost
        return answer

    def mocked(self, **_: Any) -> None:
        """Moto goes on."""
        botocore_stubber.enabled = True

    def after(self, **_: Any) -> None:
        """It was answered."""
        self.fate(len(self.calls) - 1, self.calls[-1], "after")


def refused(_: str) -> AWSResponse:
    """No connection."""
    raise EndpointConnectionError(endpoint_url="https://aws.example.com/")


def silent(_: str) -> AWSResponse:
    """No answer in time."""
    raise ReadTimeoutError(endpoint_url="https://aws.example.com/")


def answered(status: int, code: str) -> Callable[[str], AWSResponse]:
    """An error of the service's, in the format of each."""
    json, xml = f'{{"__type": "x#{code}", "message": "injected"}}', f"<Error><Code>{code}</Code></Error>"

    def answer(name: str) -> AWSResponse:
        body = xml if name.startswith(("s3.", "sns.")) else json
        return AWSResponse("https://aws.example.com/", status, HTTPHeaders(), Raw(body.encode()))

    return answer


def cut(name: str) -> AWSResponse:
    """An answer that ends inside its headers, which botocore takes for success."""
    body = b"" if name.startswith("s3.") else b"{}"
    return AWSResponse("https://aws.example.com/", 200, HTTPHeaders(), Raw(body))
