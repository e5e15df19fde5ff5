"""What several unit tests need."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader, Loader
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from moto.core import responses

from bench.tls_server import TlsServer, aws
from lambdas.answer.book import PROBE_ACCOUNT
from local.twilio.audio import speech
from tests.unit.books import compiled, settings_text
from tests.unit.gateway import ACCOUNT, TOKEN, AnswerFunction, environment
from tests.unit.voicemail_workers import Account, account

#: Verified callers get a menu, verified texts a reply that repeats them; everybody else hears an apology, and texts get silence.
ANSWERS = """
[answer.keys]
flow = "menu"
greeting = "Press 1. You call from {From}."
choices = { "1" = "mailbox" }
otherwise = "sorry"
[answer.mailbox]
flow = "voicemail"
greeting = "Speak."
[answer.echo]
flow = "reply"
text = "You wrote: {Body}"
[api]
hosts = ["fallback.example.com", "edge.example.com"]
[[trunk]]
answer = "mailbox"
[answer.out]
flow = "dial_through"
caller_id = "+15005550006"
prefixes = ["+1"]
otherwise = "sorry"
[[sip]]
answer = "out"
[[app]]
answer = "out"
"""
#: Who may call other than by number.
NAMES = 'trunks = ["main"]\nsip_domains = ["office"]\napps = ["pbx"]'


sign, read, services = RequestSigner.handler, JSONFileLoader.load_file, Loader.list_available_services
content = cache(lambda path: read(JSONFileLoader(), path))
methods = cache(responses.method_names_from_class)
known: dict[tuple[str, ...], list[str]] = {}


def named_not_signed(signer: RequestSigner, *, request: Any, **more: Any) -> Any:
    """What moto reads of a signature: region and service. Real ones are made for S3, where they say how the body is sent."""
    if signer.signing_name == "s3":
        return sign(signer, request=request, **more)
    scope = f"AKIAIOSFODNN7EXAMPLE/20261127/{signer.region_name}/{signer.signing_name}/aws4_request"
    request.headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
    return None


def available(loader: Loader, type_name: str) -> list[str]:
    """The services that botocore knows, looked for once."""
    key = type_name, *loader.search_paths
    return known.get(key) or known.setdefault(key, services(loader, type_name))


@pytest.fixture(scope="module", autouse=True)
def looked_up_once() -> Iterator[None]:
    """What botocore and moto look up for each session and request does not change meanwhile; the tests make hundreds, and thousands.

    Only here: the stories, whose cloud wants real signatures, may run in the same process.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(UserAgentString, "to_string", lambda _: "Boto3")
        patch.setattr(RequestSigner, "handler", named_not_signed)
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: content(path))
        patch.setattr(Loader, "list_available_services", available)
        patch.setattr(responses, "method_names_from_class", methods)
        yield


@pytest.fixture(autouse=True)
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda tells every function where it runs. https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
    monkeypatch.setenv("AWS_REGION", "us-east-1")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """What the workers work with, in moto, and the stand-in Twilio beside it."""
    with account(monkeypatch) as one:
        yield one


@pytest.fixture(scope="session")
def hello() -> bytes:
    """A WAV file in which something is said."""
    return speech("Hello")


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnswerFunction]:
    """The answer function, its tokens fetched over TLS from this machine."""
    folder = tmp_path_factory.mktemp("answer")
    secret = json.dumps({ACCOUNT: [TOKEN], PROBE_ACCOUNT: TOKEN})
    with TlsServer(folder, aws(secret)) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(server.url, server.authority).items():
            patch.setenv(name, value)
        yield AnswerFunction(folder, compiled(settings_text(ANSWERS, NAMES, voice="keys", sms="echo")))
