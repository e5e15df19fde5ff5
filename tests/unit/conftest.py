"""What several unit tests need."""

import json
from collections.abc import Iterator
from functools import cache

import pytest
from botocore.loaders import JSONFileLoader

from bench.tls_server import TlsServer, aws
from lambdas.answer.book import PROBE_ACCOUNT
from local.twilio.audio import speech
from tests.unit.books import compiled, settings_text
from tests.unit.gateway import ACCOUNT, TOKEN, AnswerFunction, environment

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

_read = JSONFileLoader.load_file


@pytest.fixture(scope="session", autouse=True)
def descriptions_read_once() -> Iterator[None]:
    """What botocore knows of a service is megabytes of JSON, read anew for each session; the tests make hundreds."""
    known = cache(lambda path: _read(JSONFileLoader(), path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: known(path))
        yield


@pytest.fixture(autouse=True)
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda tells every function where it runs. https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
    monkeypatch.setenv("AWS_REGION", "us-east-1")


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
