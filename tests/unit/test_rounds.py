"""What the probe asks in turn: each way that an entry's rules lead, in every language."""

import pytest

from answerbook.compile import compile_book
from config.settings import HERE, load
from lambdas.answer.book import Book
from lambdas.workers.rounds import cases
from tests.unit.books import NOW, book, request

RULES = """
[answer.german]
flow = "voicemail"
language = "de-DE"
greeting = "Bitte sprechen Sie."
[answer.full]
flow = "busy"
[answer.desks]
flow = "directory"
caller_id = "+12025550100"
otherwise = "sorry"
extensions = { "+12025550181" = "sip:101@pbx.example.net", "+12025550182" = "+12025550173" }
[calendar.office]
zone = "Europe/Berlin"
monday = ["09:00-17:00"]
[[voice]]
From = ["+49*", "client:*"]
answer = "german"
[[voice]]
ErrorCode = "11200-11299"
ErrorUrl = "/calls/:id/incoming"
answer = "full"
[[voice]]
ErrorUrl = "https://app.example.net/*"
open = "office"
answer = "german"
[[trunk]]
trunk = "second"
answer = "german"
[[trunk]]
answer = "desks"
[answer.through]
flow = "dial_through"
caller_id = "+12025550100"
prefixes = ["+1"]
otherwise = "sorry"
[[app]]
answer = "through"
"""
ANSWERS = book(RULES, twilio='trunks = ["main", "second"]\napps = ["softphone"]\nnumbers = ["+12025550100"]')


def answered(answers: Book, entry: str, name: str = "") -> set[str]:
    """The documents that a round gets at an entry."""
    common = {"From": "+15005550006", "To": "+15005550009", "CallStatus": "ringing", "Direction": "inbound", "MessageSid": "SM1"}
    path = f"/{entry}/{name}".rstrip("/")
    return {answers.choose(request(path, **common | case), NOW).document for case in cases(answers, entry, name)}


@pytest.mark.parametrize(
    ("entry", "name", "documents"),
    [
        ("voice", "", {"sorry/start/1", "german/start/1", "full/reject/1"}),
        ("trunk", "main", {"sorry/start/1", "desks/ring/1", "desks/ring_sip/1"}),
        ("trunk", "second", {"german/start/1"}),
        ("app", "softphone", {"sorry/start/1", "through/through/1", "through/emergency/1"}),
        ("sms", "", {"silent/start/1", "sms manners/silence"}),
    ],
)
def test_each_way_of_the_rules_is_asked(entry: str, name: str, documents: set[str]) -> None:
    """Also those behind a step at which an answer begins; what only a clock, a cookie or nobody's name would bring is left out."""
    assert answered(ANSWERS, entry, name) >= documents
    assert len(cases(ANSWERS, "sip", "not served")) == 2


@pytest.mark.parametrize("environment", ["pbx", "dialler"])
def test_every_language_of_the_examples_is_heard_within_the_hour(environment: str) -> None:
    """At a request a minute, all entries and names together."""
    settings = load(environment, HERE / "examples")
    answers = Book(dict(compile_book(settings)))
    twilio = settings.twilio
    kinds = {"trunk": twilio.trunks, "sip": twilio.sip_domains, "app": twilio.apps}
    names = [("voice", ""), ("sms", ""), *((kind, name) for kind, known in kinds.items() for name in known)]
    longest = max(len(cases(answers, *each)) for each in names)
    assert longest * len(names) <= 60


def test_a_rule_for_calls_that_are_over_is_asked_as_a_callers() -> None:
    """With an address that failed; without one it would be a status callback, which nobody answers."""
    answers = book('[[voice]]\nCallStatus = "completed"\nanswer = "sorry"\n')
    asked = next(case for case in cases(answers, "voice") if case.get("CallStatus"))
    assert asked == {"CallStatus": "completed", "ErrorUrl": "https://primary.invalid/"}
