"""Answer books for tests: made of a few lines of TOML, and asked as API Gateway would ask."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from answerbook.compile import compile_book
from config.folders import TEMPLATES
from config.mistakes import ConfigError
from config.settings import parse
from lambdas.answer.book import Book, Choice
from lambdas.answer.request import Request
from tests.unit.gateway import event

MEDIA = "https://media1.execute-api.us-west-2.amazonaws.com/v1"
ADDRESSES = {":callbacks": "https://callbacks.example.com/v1", ":media": MEDIA}
NOW = 1_767_225_600.0  #: 2026-01-01 00:00 UTC, a Thursday

HEAD = """
region = "us-west-2"
[twilio]
accounts = ["AC00000000000000000000000000000001"]
{twilio}
[unverified]
voice = "sorry"
sms = "silent"
[answer.sorry]
flow = "apology"
text = "Sorry."
[answer.silent]
flow = "silent"
"""
TAIL = """
[[voice]]
answer = "{voice}"
[[sms]]
answer = "{sms}"
"""


def settings_text(body: str = "", twilio: str = "", voice: str = "sorry", sms: str = "silent") -> str:
    """The TOML of an environment: `body` with answers and rules, after which everybody else gets `voice` and `sms`."""
    return HEAD.format(twilio=twilio) + body + TAIL.format(voice=voice, sms=sms)


def compiled(text: str, templates: Path = TEMPLATES) -> dict[str, Any]:
    """The answer book of a TOML text, as Lambda reads it."""
    return dict(json.loads(json.dumps(compile_book(parse("test", text, Path("test.toml")), templates))))


def book(body: str = "", templates: Path = TEMPLATES, **around: str) -> Book:
    """A book to be asked."""
    return Book(compiled(settings_text(body, **around), templates), MEDIA)


def refused(body: str = "", templates: Path = TEMPLATES, **around: str) -> str:
    """The message with which the settings are refused; fails if they are not."""
    with pytest.raises(ConfigError) as caught:
        compiled(settings_text(body, **around), templates)
    return str(caught.value)


def request(path: str = "/voice", cookie: str = "", **fields: str) -> Request:
    """A request of Twilio's, as the answer function reads it."""
    return Request(event(path, urlencode(fields), headers={"Cookie": cookie}))


def ask(answers: Book, path: str = "/voice", *, now: Any = NOW, cookie: str = "", **fields: str) -> Choice:
    """What is chosen for a request."""
    return answers.choose(request(path, cookie, **fields), now)


def document(answers: Book, path: str = "/voice", *, now: Any = NOW, cookie: str = "", **fields: str) -> str:
    """The name of the document that is chosen."""
    return ask(answers, path, now=now, cookie=cookie, **fields).document


def twiml(answers: Book, path: str = "/voice", *, now: Any = NOW, cookie: str = "", **fields: str) -> str:
    """The document as it is sent."""
    asked = request(path, cookie, **fields)
    return answers.fill(answers.choose(asked, now).document, asked, ADDRESSES)


def cookie_of(answers: Book, name: str, now: float = NOW) -> str:
    """The Cookie header that follows a document's Set-Cookie."""
    return (answers.cookie(name, now) or "").partition(";")[0]
