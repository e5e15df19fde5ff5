"""The answer book at call time: which document, and what it says (the conditions of rules: test_rules.py)."""

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerbook import grammar
from lambdas.answer.addresses import normal
from lambdas.answer.book import Book, spoken
from lambdas.answer.journal import PARAMETERS
from lambdas.answer.request import Request
from tests.unit.books import ADDRESSES, NOW, book, compiled, cookie_of, document, request, settings_text, twiml
from tests.unit.gateway import HOST

ANSWERS = """
[answer.keys]
flow = "menu"
greeting = "Press 1."
choices = { "1" = "mailbox" }
otherwise = "sorry"
[answer.mailbox]
flow = "voicemail"
greeting = "Speak, {From}."
[answer.echo]
flow = "reply"
text = "You wrote: {Body}"
[[trunk]]
answer = "mailbox"
"""
WITH_STEPS = book(ANSWERS, twilio='trunks = ["main"]', voice="keys", sms="echo")
#: An environment whose unverified answer has steps of its own.
OPEN_TO_ALL = settings_text(ANSWERS + '[answer.anybody]\nflow = "voicemail"\ngreeting = "Speak."\n', 'trunks = ["main"]', voice="keys")
MAILBOX_FOR_ALL = Book(compiled(OPEN_TO_ALL.replace('voice = "sorry"', 'voice = "anybody"')))

TEXT = {"From": "+15005550001", "To": "+15005550006"}
PATHS = st.sampled_from(
    ["/voice", "/sms", "/trunk/main", "/voice/keys/chosen/1", "/voice/mailbox/recorded/1", "/voice/none/such/9", "/sms/x", "/nowhere", ""]
) | st.text(max_size=20).map("/{}".format)
FIELDS = st.dictionaries(st.sampled_from(sorted(PARAMETERS)), st.text(max_size=40), max_size=6)


@given(path=PATHS, cookie=st.text(max_size=30) | st.just("fallback=echo/quiet/1:9999999999"), fields=FIELDS)
def test_every_answer_is_well_formed_twiml_of_the_right_medium(path: str, cookie: str, fields: dict[str, str]) -> None:
    """Whatever is asked, and whatever stands in the parameters that a document repeats."""
    asked = request(path, cookie, **{name: value.encode("utf-8", "replace").decode() for name, value in fields.items()})
    for choice in (WITH_STEPS.choose(asked, NOW), WITH_STEPS.choose_unverified(asked, NOW)):
        sent = WITH_STEPS.fill(choice.document, asked, ADDRESSES)
        medium: Any = "messaging" if asked.medium == "sms" else "voice"
        assert grammar.check(sent, medium) == []


def test_however_many_rules_ask_for_an_address_its_normal_form_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A company has a rule for each of its numbers."""
    rules = "".join(f'[[voice]]\nTo = "+1500555{number:04}"\nanswer = "mailbox"\n' for number in range(300))
    many, worked_out = book(ANSWERS + rules, twilio='trunks = ["main"]', voice="keys", sms="echo"), list[str]()
    original = Book.worked_out

    def noted(self: Book, name: str, asked: Request) -> str:
        worked_out.append(name)
        return original(self, name, asked)

    monkeypatch.setattr(Book, "worked_out", noted)
    many.choose(request("/voice", To="+15005559999", From="+15005550001"), NOW)
    assert worked_out.count("To") == 1


@given(st.text())
def test_what_a_caller_sent_stands_in_a_document_as_text(body: str) -> None:
    """Never as markup, and without the characters that XML 1.0 does not know (tab, line feed and carriage return it does)."""
    body = body.encode("utf-8", "replace").decode()
    sent = ET.fromstring(twiml(WITH_STEPS, "/sms", **TEXT, Body="x" + body))
    known = "".join(sign for sign in body if sign in "\t\n\r" or (sign >= " " and sign not in "\ufffe\uffff"))
    assert sent[0].text == "You wrote: x" + known.replace("\r\n", "\n").replace("\r", "\n")


def test_all_control_characters_are_left_out() -> None:
    """And the five signs of markup are escaped, quotes too, because a parameter may stand in an attribute."""
    assert "<Message>You wrote: \t\n\r</Message>" in twiml(WITH_STEPS, "/sms", **TEXT, Body="".join(map(chr, range(32))) + "\ufffe\uffff")
    assert "You wrote: &lt;a href=&quot;&amp;&apos;&gt;" in twiml(WITH_STEPS, "/sms", **TEXT, Body="<a href=\"&'>")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("+14155550123", "+1 4 1 5 5 5 5 0 1 2 3"),
        ("whatsapp:+14155550123", "+1 4 1 5 5 5 5 0 1 2 3"),
        ("sip:102@pbx.example.com", "1 0 2"),
        ("client:102", "1 0 2"),
        ("client:ann", "ann"),
    ],
)
def test_whoever_calls_is_said_so_that_a_listener_can_write_it_down(address: str, said: str) -> None:
    assert spoken(normal(address)) == said


def test_addresses_are_those_of_the_request() -> None:
    """One book serves every stage and custom domain: where the request came in is where the next one goes."""
    assert f'action="https://{HOST}/v1/voice/keys/chosen/1#' in twiml(WITH_STEPS)
    assert f'action="https://{HOST}/v1/voice/mailbox/recorded/1#' in twiml(WITH_STEPS, "/trunk/main")
    assert 'recordingStatusCallback="https://callbacks.example.com/v1/recording#' in twiml(WITH_STEPS, "/trunk/main")


def test_a_step_is_named_by_its_path() -> None:
    assert document(WITH_STEPS, "/voice/keys/chosen/1", Digits="1") == "mailbox/start/1"
    assert document(WITH_STEPS, "/voice/keys/chosen/1", Digits="9") == "keys/wrong/2"
    assert document(WITH_STEPS, "/voice/keys/chosen/3", Digits="9") == "sorry/start/1"


@pytest.mark.parametrize("path", ["/voice/keys/chosen/4", "/voice/keys", "/voice/keys/start/1/", "/voice/last_resort/voice", "/app/x", "/"])
def test_a_path_that_names_no_step_gets_the_unverified_answer(path: str) -> None:
    """Signed or not: it is no address that we ever gave away."""
    assert document(WITH_STEPS, path) == "sorry/start/1"


def test_strangers_get_the_unverified_answer_wherever_they_knock() -> None:
    """Neither a step of another answer nor a cookie leads them further."""
    for path in ("/voice", "/trunk/main", "/voice/keys/chosen/1", "/voice/mailbox/recorded/1"):
        asked = request(path, "fallback=mailbox/recorded/1:9999999999", Digits="1")
        assert WITH_STEPS.choose_unverified(asked, NOW).document == "sorry/start/1"
    assert WITH_STEPS.choose_unverified(request("/sms/echo/quiet/1"), NOW).document == "silent/start/1"


def test_strangers_may_go_on_in_the_answer_that_they_were_given() -> None:
    """A voicemail that cannot say goodbye would record again and again; the other answers' steps stay closed."""
    choice = MAILBOX_FOR_ALL.choose_unverified(request("/voice/anybody/recorded/1"), NOW)
    assert (choice.document, choice.step) == ("anybody/goodbye/1", "anybody/recorded/1")
    assert MAILBOX_FOR_ALL.choose_unverified(request("/voice/mailbox/recorded/1"), NOW).document == "anybody/start/1"


def test_our_own_failure_gets_the_last_resort_before_every_rule() -> None:
    """What failed once must not be tried again with the caller on the line; strangers who say so get no more."""
    for url in (f"https://{HOST}/v1/voice", f"https://user@{HOST.upper()}:443/v1/voice/keys/chosen/1", ADDRESSES[":media"] + "/a.wav"):
        assert document(WITH_STEPS, ErrorUrl=url) == "last_resort/voice"
        assert document(WITH_STEPS, "/sms", ErrorUrl=url) == "last_resort/sms"
        assert WITH_STEPS.choose_unverified(request(ErrorUrl=url), NOW).document == "last_resort/voice"
    for url in ("https://app.example.com/voice", f"https://app.example.com/{HOST}", f"https://{HOST}.example.com", "http://[", ""):
        assert document(WITH_STEPS, ErrorUrl=url) == "keys/start/1"


def test_a_cookie_leads_on_until_its_time_is_over() -> None:
    """The quiet period of texts: a sender who has had a reply gets no second one for four hours."""
    first = document(WITH_STEPS, "/sms", **TEXT, Body="Hello")
    cookie = cookie_of(WITH_STEPS, first)
    assert first == "echo/start/1"
    assert document(WITH_STEPS, "/sms", **TEXT, cookie=cookie, Body="Hello?", now=NOW + 4 * 3600 - 1) == "echo/nothing/1"
    assert document(WITH_STEPS, "/sms", **TEXT, cookie=cookie, Body="Hello?", now=NOW + 4 * 3600) == "echo/start/1"


def test_the_cookie_is_for_us_alone() -> None:
    """Sent back over TLS only, to every path of the API, no longer than it means something."""
    header = WITH_STEPS.cookie("echo/start/1", NOW)
    assert header == f"fallback=echo/quiet/1:{int(NOW) + 14400}; Path=/; Max-Age=14400; Secure; HttpOnly"
    assert WITH_STEPS.cookie("keys/start/1", NOW) is None


@pytest.mark.parametrize(
    "value",
    [
        "",
        ":",
        "echo/quiet/1",
        "echo/quiet/1:",
        "echo/quiet/1:x",
        "echo/quiet/1:-1",
        "echo/quiet/1:²",
        "no/such/1:9999999999",
        "voice:9999999999",
    ],
)
def test_a_cookie_that_names_no_step_is_ignored(value: str) -> None:
    """The caller may have made it up."""
    assert document(WITH_STEPS, "/sms", cookie=f"fallback={value}", **TEXT, Body="Hello") == "echo/start/1"
    assert document(WITH_STEPS, "/voice", cookie=f"fallback={value}") == "keys/start/1"


def test_the_choice_says_which_line_decided() -> None:
    """From a line in the log to a line in the settings."""
    choice = WITH_STEPS.choose(request("/trunk/main"), NOW)
    assert (choice.document, choice.step) == ("mailbox/start/1", "trunk")
    assert choice.at.startswith("test.toml:")
