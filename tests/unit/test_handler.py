"""The whole answer function: whatever comes in, a caller is answered, and nothing is kept that should not be."""

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from answerbook import grammar
from lambdas.answer.book import PROBE_ACCOUNT
from lambdas.answer.journal import MARK
from tests.unit.gateway import (
    ACCOUNT,
    CALL,
    CALLED,
    HOST,
    RECORDED,
    STRANGER,
    TEXTED,
    TOKEN,
    Answered,
    AnswerFunction,
    Event,
    encoded,
    event,
    in_base64,
    signed,
)

COUNTED = {"_aws", "Environment", "Medium", "Outcome", "Requests", "AnswerTime"}
PATHS = ["/voice", "/sms", "/recording", "/trunk/main", "/voice/keys/chosen/1", "/voice/none/such/1", "/sms/none/1", "/nowhere", "/", ""]


def is_answered(answered: Answered, path: str) -> None:
    """A caller got TwiML of the right medium; a callback the truth."""
    if path.startswith("/recording"):
        assert answered.status in (204, 400, 403, 503)
        assert answered.body == ""
        return
    assert answered.status == 200
    assert answered.headers["Content-Type"] == "text/xml"
    medium: Any = "messaging" if path.startswith("/sms") else "voice"
    assert grammar.check(answered.body, medium) == []


def is_only_counted(answered: Answered, outcome: str) -> None:
    """One line of numbers; neither an event nor a trace of an exception."""
    assert set(answered.line) <= COUNTED
    assert answered.line["Outcome"] == outcome


def test_a_call_is_answered_and_journalled(answering: AnswerFunction) -> None:
    answered = answering(signed("/voice", CALLED))
    assert answered.status == 200
    assert answered.headers == {"Content-Type": "text/xml", "Cache-Control": "no-store"}
    assert "<Gather" in answered.body
    assert "You call from +1 5 0 0 5 5 5 0 0 0 1." in answered.body
    assert {"trust": "verified", "answer": "keys", "params": CALLED}.items() <= answered.line.items()


def test_a_text_gets_one_reply(answering: AnswerFunction) -> None:
    """The reply sets a cookie; the next text of the same sender bears it."""
    first = answering(signed("/sms", TEXTED))
    assert "<Message>You wrote: Hello</Message>" in first.body
    cookie = first.headers["Set-Cookie"].partition(";")[0]
    second = answering(signed("/sms", TEXTED, headers={"Cookie": cookie}))
    assert "<Message>" not in second.body
    assert "Set-Cookie" not in second.headers


def test_a_trunk_call_is_answered(answering: AnswerFunction) -> None:
    """Disaster recovery requests may show a SIP address and bear neither ErrorCode nor ErrorUrl."""
    answered = answering(signed("/trunk/main", CALLED | {"To": "sip:+15005550006@pbx.example.com"}))
    assert "<Record" in answered.body
    assert answered.line["trunk"] == "main"


def test_what_binary_media_types_make_of_a_body_does_not_matter(answering: AnswerFunction) -> None:
    assert answering(in_base64(signed("/voice", CALLED))).line["trust"] == "verified"


def test_a_forged_request_gets_the_unverified_answer_and_leaves_a_count(answering: AnswerFunction) -> None:
    """No signature, a wrong one, somebody else's account: nothing is read, nobody is dialled, nothing is kept."""
    stranger = CALLED | {"AccountSid": STRANGER}
    for request in (event("/voice", encoded(stranger.items())), signed("/voice", stranger), signed("/voice", stranger, "wrong")):
        answered = answering(request)
        assert "Sorry." in answered.body
        assert "+15005550001" not in answered.body
        is_only_counted(answered, "forged")


def test_a_forged_text_gets_silence(answering: AnswerFunction) -> None:
    """A reply to whomever a stranger names would cost money and annoy."""
    answered = answering(event("/sms", encoded((TEXTED | {"AccountSid": STRANGER}).items())))
    assert "<Message" not in answered.body
    assert "Set-Cookie" not in answered.headers


@pytest.mark.parametrize(("path", "medium"), [("/voice", "voice"), ("/trunk/main", "voice"), ("/sms", "sms")])
@pytest.mark.parametrize(
    ("body", "more"),
    [
        pytest.param("a=" + "x" * 1_000_000, {}, id="a megabyte"),
        pytest.param("&".join(f"a{index}=1" for index in range(10_000)), {}, id="10,000 fields"),
        pytest.param("a&" * 5_000, {}, id="10,000 separators"),
        pytest.param("*** no base64 ***", {"isBase64Encoded": True}, id="wrong base64"),
        pytest.param("é", {"isBase64Encoded": True}, id="base64 that is not even ASCII"),
    ],
)
def test_what_no_twilio_ever_sent_is_counted(answering: AnswerFunction, path: str, medium: str, body: str, more: dict[str, Any]) -> None:
    """The unverified answer, and a count; callbacks are told that they were not understood."""
    answered = answering(event(path, body, **more))
    is_answered(answered, path)
    is_only_counted(answered, "unreadable")
    assert answered.line["Medium"] == medium
    assert answering(event("/recording", body, **more)).status == 400


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('{"From": "+15005550001"}', id="JSON"),
        pytest.param("<xml/>", id="XML"),
        pytest.param("\x00\x01\x02" * 1000, id="null bytes"),
        pytest.param("From=%00%00&%00=%00", id="null bytes in a form"),
        pytest.param("From=%ff%fe%fd&%c3=%28", id="invalid UTF-8"),
        pytest.param("=&=&==&%&%%&%zz=%", id="broken escapes"),
        pytest.param("\ud800", id="half a surrogate pair"),
        pytest.param("", id="nothing"),
        pytest.param(None, id="no body"),
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_what_is_no_form_is_counted(answering: AnswerFunction, path: str, body: str) -> None:
    """Unsigned as it is, it leaves no more than any forged request; signed, it has no SID."""
    answered = answering(event(path, body))
    is_answered(answered, path)
    is_only_counted(answered, "forged")


@pytest.mark.parametrize("path", PATHS)
def test_a_signed_request_without_a_sid_is_counted(answering: AnswerFunction, path: str) -> None:
    """It belongs to no call and no message: nothing of it could ever be found again."""
    for sids in ({}, {"CallSid": ""}, {"CallSid": "CA1"}, {"MessageSid": "\x00" * 34}):
        answered = answering(signed(path, {"AccountSid": ACCOUNT, "From": "+15005550001", "Body": "Hello"} | sids))
        is_answered(answered, path)
        is_only_counted(answered, "unreadable")
        assert "+15005550001" not in answered.body


@pytest.mark.parametrize("path", ["/voice/none/such/9", "/voice/keys/chosen/99", "/sms/x/y/1", "/nowhere", "/trunkless", "/"])
def test_a_path_that_names_no_step_gets_the_unverified_answer(answering: AnswerFunction, path: str) -> None:
    answered = answering(signed(path, CALLED | TEXTED))
    is_answered(answered, path)
    assert answered.line["step"] == "unverified"


def test_a_cookie_that_never_ends_is_none_of_ours(answering: AnswerFunction) -> None:
    """Python reads no number of more than 4300 digits."""
    answered = answering(signed("/sms", TEXTED, headers={"Cookie": "fallback=echo/start/1:" + "9" * 5000}))
    assert "<Message>You wrote: Hello</Message>" in answered.body
    assert answered.line["Outcome"] == "verified"


def test_a_cookie_that_names_no_step_is_ignored(answering: AnswerFunction) -> None:
    for cookie in ("fallback=no/such/1:9999999999", "fallback=\x00", "fallback=" + "x" * 9000, "=;=;" * 500):
        answered = answering(signed("/voice", CALLED, headers={"Cookie": cookie}))
        assert answered.line["document"] == "keys/start/1"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
FORMS = st.lists(
    st.tuples(st.sampled_from([*CALLED, *TEXTED, "Digits", "ErrorUrl", "CallToken"]) | st.text(max_size=5), st.text(max_size=30)),
    max_size=9,
).map(lambda pairs: encoded((name.encode("utf-8", "replace").decode(), value.encode("utf-8", "replace").decode()) for name, value in pairs))
HEADERS = st.dictionaries(
    st.sampled_from(["X-Twilio-Signature", "Cookie", "Host", "X-Twilio-Webhooks-Signature-Settings"]) | st.text(max_size=5),
    st.text(max_size=30) | st.just("fallback=keys/chosen/1:9999999999"),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    path=st.sampled_from(PATHS) | st.text(max_size=30).map("/{}".format),
    body=FORMS | st.text() | st.none(),
    headers=HEADERS | st.none(),
    method=st.sampled_from(["POST", "GET", "PUT"]),
    query=st.none() | st.dictionaries(st.text(max_size=5), st.lists(st.text(max_size=5), max_size=2), max_size=4),
    base64=st.booleans(),
)
@example(path="/voice/a&b<c>/\"'/1", body="", headers=None, method="POST", query=None, base64=False)
def test_any_request_is_answered(
    answering: AnswerFunction, path: str, body: str | None, headers: Any, method: str, query: Any, *, base64: bool
) -> None:
    """Status 200, `text/xml`, valid TwiML of the right medium, and no fault of ours on record."""
    request = event(path, body or "", method=method, isBase64Encoded=base64, multiValueQueryStringParameters=query)
    answered = answering(request | {"headers": headers})
    is_answered(answered, path)
    assert answered.line["Outcome"] != "failed"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=st.dictionaries(st.sampled_from([*CALLED, *TEXTED, "Digits", "ErrorUrl", "Direction"]), st.text(max_size=40)))
def test_any_signed_request_is_answered(answering: AnswerFunction, fields: dict[str, str]) -> None:
    """Signed does not mean harmless: callers choose their names, texts and SIP headers."""
    fields = {name: value.encode("utf-8", "replace").decode() for name, value in fields.items()} | {"AccountSid": ACCOUNT, "CallSid": CALL}
    for path in ("/voice", "/sms", "/trunk/main", "/voice/keys/chosen/1"):
        answered = answering(signed(path, fields))
        is_answered(answered, path)
        assert answered.line["trust"] == "verified"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANYTHING)
def test_what_is_no_event_of_api_gateway_is_answered_too(answering: AnswerFunction, request_: Any) -> None:
    """The last resort, and a count that says where the fault was, never what was said."""
    answered = answering(request_)
    assert answered.status == 200
    assert answered.body.startswith("<Response>")
    assert set(answered.line) <= COUNTED | {"error", "where"}


@pytest.mark.parametrize(("path", "body"), [("/voice", "<Hangup/>"), ("/sms", "<Response/>"), ("/recording", "")])
def test_a_fault_of_ours_still_answers(answering: AnswerFunction, monkeypatch: pytest.MonkeyPatch, path: str, body: str) -> None:
    """An answer book that lost its documents: the caller hears the last resort, the log where it happened and nothing of the caller's."""
    monkeypatch.setattr(answering.module.BOOK, "documents", None)
    monkeypatch.setattr(answering.module.JOURNAL, "book", None)
    answered = answering(signed(path, CALLED))
    assert answered.status == (503 if path == "/recording" else 200)
    assert body in answered.body
    assert answered.line["Outcome"] == "failed"
    assert answered.line["error"] in ("TypeError", "AttributeError")
    assert answered.line["where"].endswith(tuple("0123456789"))
    assert CALL not in json.dumps(answered.line)


def test_a_callback_learns_the_truth(answering: AnswerFunction, monkeypatch: pytest.MonkeyPatch) -> None:
    """204 once it is journalled, 403 for nobody of ours, 503 while nobody can tell: Twilio then says so, or tries again."""
    assert answering(signed("/recording", RECORDED)).status == 204
    assert answering(signed("/recording", RECORDED, "wrong")).status == 403
    monkeypatch.setattr(answering.module.TOKENS, "tokens", None)
    assert answering(signed("/recording", RECORDED)).status == 503


def test_without_tokens_callers_get_the_unverified_answer_and_a_marked_event(
    answering: AnswerFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets Manager down at a cold start: the call is on record, and can be looked up at Twilio."""
    monkeypatch.setattr(answering.module.TOKENS, "tokens", None)
    answered = answering(signed("/voice", CALLED))
    assert "Sorry." in answered.body
    assert answered.line["trust"] == "unverifiable"
    assert answered.line["params"]["CallSid"] == CALL
    assert "<Message" not in answering(signed("/sms", TEXTED)).body


def test_a_rotated_token_is_picked_up_by_the_first_caller_who_needs_it(answering: AnswerFunction, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature that matches no token makes the function ask once more; no caller is lost."""
    monkeypatch.setattr(answering.module.TOKENS, "tokens", {ACCOUNT: ["the-old-one"]})
    monkeypatch.setattr(answering.module.TOKENS, "tried", float("-inf"))
    monkeypatch.setattr("lambdas.answer.tokens.AT_CALL", 5.0)
    assert answering(signed("/voice", CALLED)).line["trust"] == "verified"


def test_strangers_do_not_make_the_function_ask(answering: AnswerFunction, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a signature that claims to be of an account of ours is worth a look at Secrets Manager."""
    monkeypatch.setattr(answering.module.TOKENS, "tried", float("-inf"))
    answering(signed("/voice", CALLED | {"AccountSid": STRANGER}))
    answering(event("/voice", encoded(CALLED.items())))
    assert answering.module.TOKENS.tried == float("-inf")


def test_a_wrong_signature_is_compared_once_where_the_tokens_are_no_others(
    answering: AnswerFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else every request of a stranger costs twice."""
    asked: list[object] = []

    def trust_of(_: object, tokens: object, __: object) -> str:
        asked.append(tokens)
        return "forged"

    monkeypatch.setattr(answering.module, "trust_of", trust_of)
    monkeypatch.setattr(answering.module.TOKENS, "tried", time.monotonic())
    answering(signed("/voice", CALLED, "wrong"))
    assert len(asked) == 1


def test_a_probe_is_answered_like_a_caller(answering: AnswerFunction) -> None:
    answered = answering(signed("/voice", CALLED | {"AccountSid": PROBE_ACCOUNT}))
    assert "<Gather" in answered.body
    assert answered.line["probe"] is True


def test_a_get_is_answered(answering: AnswerFunction) -> None:
    """A number may be set to GET: verified where its query can be rebuilt, else as nobody's."""
    query = encoded(CALLED.items())
    signature = RequestValidator(TOKEN).compute_signature(f"https://{HOST}/v1/voice?{query}", {})

    def get(parameters: dict[str, str]) -> Event:
        values = {name: [value] for name, value in parameters.items()}
        headers = {"X-Twilio-Signature": signature}
        return event("/voice", "", method="GET", headers=headers, multiValueQueryStringParameters=values)

    assert "<Gather" in answering(get(CALLED)).body
    shuffled = answering(get(dict(reversed(CALLED.items()))))
    assert "Sorry." in shuffled.body
    assert shuffled.line["trust"] == "unverifiable"
    assert MARK in shuffled.line
