"""Requests as API Gateway hands them over (REST, payload format 1), and the answer function as Lambda loads it."""

import base64
import contextlib
import importlib.util
import io
import json
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from twilio.request_validator import RequestValidator

from lambdas.answer.request import Fields

ROOT = Path(__file__).parents[2]
HOST = "abc123.execute-api.us-west-2.amazonaws.com"
ACCOUNT = "AC00000000000000000000000000000001"
STRANGER = "AC0000000000000000000000000000dead"
TOKEN = "an-auth-token-that-is-none"
CALL = "CA" + "0" * 31 + "1"
MESSAGE = "SM" + "0" * 31 + "1"
CALLED = {"AccountSid": ACCOUNT, "CallSid": CALL, "From": "+15005550001", "To": "+15005550006", "CallStatus": "ringing"}
TEXTED = {"AccountSid": ACCOUNT, "MessageSid": MESSAGE, "From": "+15005550001", "To": "+15005550006", "Body": "Hello", "NumMedia": "0"}
RECORDED = {"AccountSid": ACCOUNT, "CallSid": CALL, "RecordingSid": "RE" + "0" * 32, "RecordingStatus": "completed", "ErrorCode": "0"}

RESOURCES = ("/voice/{proxy+}", "/sms/{proxy+}", "/trunk/{trunk}", "/sip/{domain}", "/app/{app}")

Event = dict[str, Any]


def encoded(fields: Iterable[tuple[str, str]]) -> str:
    """A form as Twilio sends it."""
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in fields)


def event(path: str, body: str, *, method: str = "POST", headers: Mapping[str, str] | None = None, **more: Any) -> Event:
    """A request for a path below the stage `v1`, unsigned unless the headers say otherwise."""
    resource, parameters = matched(path)
    context = {"domainName": HOST, "path": f"/v1{path}", "stage": "v1", "requestId": "the-request", "httpMethod": method}
    return {
        "resource": resource,
        "httpMethod": method,
        "path": path,
        "headers": {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})},
        "multiValueQueryStringParameters": None,
        "pathParameters": parameters,
        "requestContext": context | {"resourcePath": resource},
        "body": body,
        "isBase64Encoded": False,
    } | more


def matched(path: str) -> tuple[str, dict[str, str] | None]:
    """The resource that API Gateway finds for a path, and its parameters; of a path that has none, which never reaches us, the path."""
    for resource in RESOURCES:
        name = resource.partition("{")[2].rstrip("+}")
        pattern = "(.+?)/?" if resource.endswith("+}") else "([^/]+)/?"
        if found := re.fullmatch(re.escape(resource.partition("{")[0]) + pattern, path):
            return resource, {name: found[1]}
    return path.rstrip("/") or "/", None


def signed(path: str, fields: Mapping[str, str] | list[tuple[str, str]], token: str = TOKEN, **more: Any) -> Event:
    """A form that this token signed, by Twilio's own package."""
    pairs = list(fields.items()) if isinstance(fields, Mapping) else fields
    signature = RequestValidator(token).compute_signature(f"https://{HOST}/v1{path}", Fields(pairs))
    headers = {"X-Twilio-Signature": signature} | more.pop("headers", {})
    return event(path, encoded(pairs), headers=headers, **more)


def in_base64(request: Event) -> Event:
    """The same request as API Gateway hands over binary media types."""
    return request | {"body": base64.b64encode(request["body"].encode()).decode(), "isBase64Encoded": True}


def environment(secrets: str, authority: Path) -> dict[str, str]:
    """What the answer function is told: where its tokens are, and the rest of a role's environment."""
    return {
        "FALLBACK_ENVIRONMENT": "test",
        "TOKENS_SECRET": "tokens",
        "CALLBACKS_URL": "https://callbacks.example.com/v1",
        "MEDIA_URL": "https://media.example.com/v1",
        "AWS_REGION": "us-west-2",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        "AWS_SESSION_TOKEN": "a-session-token",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets,
        "AWS_CA_BUNDLE": str(authority),
    }


class Answered(NamedTuple):
    """What the function said, and the lines that it wrote."""

    status: int
    headers: dict[str, str]
    body: str
    lines: list[dict[str, Any]]

    @property
    def line(self) -> dict[str, Any]:
        """The one line of this request."""
        assert len(self.lines) == 1
        return self.lines[0]


class AnswerFunction:
    """The handler's module with an answer book beside it, as the zip has it; its environment is that of the process."""

    def __init__(self, folder: Path, book: Mapping[str, Any]) -> None:
        shutil.copy(ROOT / "lambdas/answer/handler.py", folder)
        (folder / "answerbook.json").write_text(json.dumps(book))
        self.module = loaded("lambdas.answer.handler", folder / "handler.py")

    def __call__(self, request: Any) -> Answered:
        """Answer one event, the first of its minute; what is printed must be lines of JSON."""
        self.module.JOURNAL.kept_lately.clear()
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            response = self.module.handler(request, None)
        lines = [json.loads(line) for line in printed.getvalue().splitlines()]
        assert sorted(response) in (["body", "headers", "statusCode"], ["body", "statusCode"])
        return Answered(response["statusCode"], response.get("headers", {}), response["body"], lines)


def loaded(name: str, path: Path) -> ModuleType:
    """A module from a file, without a place in `sys.modules`, so that none outlives its test."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
