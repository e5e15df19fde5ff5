"""The journal: what is kept of a request, what never, and in which form."""

import contextlib
import io
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.answer.book import PROBE_ACCOUNT, Choice
from lambdas.answer.journal import (
    CUT,
    KEPT_A_MINUTE,
    LONGEST_LINE,
    LONGEST_ORIGINAL,
    LONGEST_VALUE,
    MARK,
    MASK,
    OF_ONE_SENDER,
    PARAMETERS,
    Journal,
    is_sid,
    safe_url,
)
from lambdas.answer.request import Request
from lambdas.answer.signature import FORGED, UNVERIFIABLE, VERIFIED
from lambdas.workers.events import as_stored
from tests.unit.books import book
from tests.unit.gateway import ACCOUNT, CALL, CALLED, RECORDED, STRANGER, TEXTED, encoded, event

CHOICE = Choice("mailbox/start/1", "voice", "production.toml:31")
BOOK = book()
LONG = st.sampled_from(["a", "\u2603", "\U0001f600", "\n", '"']).map(lambda sign: sign * 1000)


def written(
    path: str, fields: dict[str, str], trust: str = VERIFIED, journal: Journal | None = None, sender: str = "192.0.2.1", **more: Any
) -> dict[str, Any]:
    """The line of one request; fails unless it is one line of ASCII within its limit."""
    asked = event(path, encoded(fields.items()), **more)
    asked["requestContext"]["identity"] = {"sourceIp": sender}
    request = Request(asked)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        (journal or Journal(BOOK, "production")).write(request, trust, None if request.medium == "callback" else CHOICE, 1.2345)
    text = printed.getvalue()
    assert text.isascii()
    assert text.endswith("\n")
    assert text.count("\n") == 1
    assert len(text) <= LONGEST_LINE + 1
    line: dict[str, Any] = json.loads(text)
    return line


def test_a_line_holds_what_a_person_and_a_rebuild_need() -> None:
    """Who asked, what decided, what was said, how far it can be trusted; `time` sorts as text."""
    line = written("/trunk/main", CALLED)
    expected = {
        MARK: 1,
        "request": "the-request",
        "medium": "voice",
        "entry": "trunk",
        "path": "/trunk/main",
        "trust": VERIFIED,
        "trunk": "main",
        "answer": "mailbox",
        "document": "mailbox/start/1",
        "step": "voice",
        "at": "production.toml:31",
        "book": BOOK.id,
        "ms": 1.23,
        "params": CALLED,
    }
    assert expected.items() <= line.items()
    assert len(line["time"]) == len("2026-11-21T02:41:07.123456Z")
    assert line["time"].endswith("Z")


def test_metrics_ride_in_the_same_line() -> None:
    """In CloudWatch's embedded metric format: each metric and each dimension that is named is there, none of them personal."""
    line = written("/voice", CALLED)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "TwilioFallback"
    assert isinstance(line["_aws"]["Timestamp"], int)
    for metric in directive["Metrics"]:
        assert isinstance(line[metric["Name"]], int | float)
    for dimensions in directive["Dimensions"]:
        assert set(dimensions) <= {"Environment", "Medium", "Outcome"}
        assert all(isinstance(line[name], str) for name in dimensions)
    assert (line["Environment"], line["Medium"], line["Outcome"], line["Requests"]) == ("production", "voice", "verified", 1)


@given(
    path=st.sampled_from(["/voice", "/sms", "/recording", "/trunk/main", "/voice/a/b/1"]),
    fields=st.dictionaries(st.sampled_from(sorted(PARAMETERS)) | st.text(max_size=9), st.text() | LONG, max_size=9),
    trust=st.sampled_from([VERIFIED, UNVERIFIABLE, FORGED]),
)
def test_a_line_is_one_line_of_ascii_within_32_kb(path: str, fields: dict[str, str], trust: str) -> None:
    """Whatever was sent. CloudWatch would cut a longer event, and a subscriber could not read it."""
    fields = {name.encode("utf-8", "replace").decode(): value.encode("utf-8", "replace").decode() for name, value in fields.items()}
    line = written(path, {"AccountSid": ACCOUNT, "CallSid": CALL} | fields, trust)
    assert set(line.get("params", {})) <= PARAMETERS


def test_too_long_a_line_loses_the_text_first_and_keeps_its_sids() -> None:
    """The SIDs are what the rest can be found by, at Twilio."""
    long = written("/sms", TEXTED | {"Body": "\U0001f600" * 1600, "Unknown": "x" * LONGEST_ORIGINAL})
    assert "original" not in long
    assert long["params"]["Body"] == "\U0001f600" * 1600
    longer = written("/sms", TEXTED | {f"MediaUrl{index}": "\u2603" * 1200 for index in range(10)})
    assert longer["params"] == {name: value for name, value in TEXTED.items() if name.endswith("Sid")}


def test_the_longest_texts_keep_what_hand_back_needs() -> None:
    """1,600 emoji as they came; what add-ons say of the sender goes first."""
    emoji = TEXTED | {"Body": "\U0001f600" * 1600}
    assert dict(parse_qsl(written("/sms", emoji)["original"], keep_blank_values=True)) == emoji
    assert dict(parse_qsl(written("/sms", emoji | {"AddOns": "x" * 5000})["original"])).get("AddOns")
    assert dict(parse_qsl(written("/sms", emoji | {"AddOns": "x" * 27_000})["original"], keep_blank_values=True)) == emoji


def test_not_even_sids_and_paths_make_a_line_too_long() -> None:
    """They may be anything while nobody can check who sent them."""
    sids = {name: "\u2603" * 900 for name in PARAMETERS if name.endswith("Sid") and name not in CALLED}
    line = written("/trunk/" + "\u2603" * 8000, CALLED | sids, UNVERIFIABLE)
    assert line["params"]["CallSid"] == CALL
    assert CALL in json.dumps(line)


def test_values_are_cut_visibly() -> None:
    line = written("/sms", TEXTED | {"Body": "x" * (LONGEST_VALUE + 1), "ProfileName": "y" * LONGEST_VALUE})
    assert line["params"]["Body"] == "x" * LONGEST_VALUE + CUT
    assert line["params"]["ProfileName"] == "y" * LONGEST_VALUE


def test_a_text_is_kept_as_it_came() -> None:
    """So that it can be handed to the primary once that is well, signature of ours included."""
    assert written("/sms", TEXTED)["original"] == encoded(TEXTED.items())
    assert "original" not in written("/voice", CALLED)
    assert "original" not in written("/sms", TEXTED, UNVERIFIABLE)


def test_what_would_let_its_bearer_act_for_the_caller_is_never_kept() -> None:
    """And nothing that is not on the list: Twilio and SIP senders add parameters as they like."""
    never = {"CallToken": "t", "StirPassportToken": "t", "SipHeader_X-Secret": "t", "AddOns": "{}", "calltoken": "t", "": "t"}
    assert written("/voice", CALLED | never)["params"] == CALLED
    assert not {"CallToken", "StirPassportToken"} & PARAMETERS


def test_headers_and_own_parameters_are_kept_where_a_rule_or_the_settings_name_them() -> None:
    sent = {"SipHeader_X-Tier": "gold", "SipHeader_X-Secret": "t", "Campaign": "spring", "Other": "t"}
    asks = '[[voice]]\n"SipHeader_X-Tier" = "gold"\nanswer = "sorry"\n'
    for store, kept in (
        ("full", {"SipHeader_X-Tier": "gold", "Campaign": "spring"}),
        ("masked", {"SipHeader_X-Tier": MASK, "Campaign": MASK}),
    ):
        answers = book(f'[privacy]\nstore = "{store}"\n{asks}', twilio='parameters = ["Campaign"]')
        assert written("/voice", CALLED | sent, journal=Journal(answers, "production"))["params"].items() >= kept.items()
        assert not {"SipHeader_X-Secret", "Other"} & set(written("/voice", CALLED | sent, journal=Journal(answers, "production"))["params"])


def test_blank_fields_are_left_out() -> None:
    """Twilio sends many for callers from abroad."""
    assert written("/voice", CALLED | {"FromCity": "", "FromZip": ""})["params"] == CALLED


@pytest.mark.parametrize("name", ["Digits", "SpeechResult"])
def test_what_a_caller_typed_or_said_is_masked_unless_we_asked_for_it(name: str) -> None:
    """At an entry it was typed for the primary: a card number, a PIN."""
    assert written("/voice", CALLED | {name: "4000123412341234"})["params"][name] == MASK
    assert written("/trunk/main", CALLED | {name: "4000123412341234"})["params"][name] == MASK
    assert written("/voice/keys/chosen/1", CALLED | {name: "1"})["params"][name] == "1"


@pytest.mark.parametrize("name", ["Digits", "SpeechResult"])
def test_a_path_that_is_no_step_of_ours_does_not_unmask(name: str) -> None:
    assert written("/voice/", CALLED | {name: "4000123412341234"})["params"][name] == MASK


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://app.example.com/voice", "https://app.example.com/voice"),
        ("https://user:pass@app.example.com:8443/voice", "https://app.example.com:8443/voice"),
        ("https://u@v@app.example.com/", "https://app.example.com/"),
        ("https://app.example.com/v?token=secret&tenant=7&flag&=x#rc=2", "https://app.example.com/v?token=***&tenant=7&flag&=***"),
        ("https://app.example.com/v#token=secret", "https://app.example.com/v"),
        ("http://user:pass@[broken", ""),
        ("no URL", "no URL"),
    ],
)
def test_the_url_that_failed_is_kept_without_its_secrets(url: str, kept: str) -> None:
    """User info, query values, fragment: all places where credentials live. The settings may allow a query parameter."""
    assert safe_url(url, frozenset({"tenant"})) == kept


def test_the_url_that_failed_is_cut_after_it_was_cleaned() -> None:
    """A cut before could leave half a password that no longer looks like one."""
    url = "https://user:" + "p" * LONGEST_VALUE + "@app.example.com/voice"
    assert written("/voice", CALLED | {"ErrorUrl": url})["params"]["ErrorUrl"] == "https://app.example.com/voice"


@given(st.text())
def test_no_url_is_an_obstacle(url: str) -> None:
    """Twilio sends the failed URL as the primary's owner typed it."""
    assert "@" not in safe_url(f"https://user:pass@{url}", frozenset()).partition("//")[2].partition("/")[0].partition("?")[0]
    safe_url(url, frozenset())


def test_a_forged_request_leaves_a_count_and_no_data() -> None:
    """Nobody can fill the table, or the journal, by posting to a public address."""
    for fields in (CALLED | {"AccountSid": STRANGER}, {"CallSid": CALL}, {"AccountSid": ACCOUNT}, {}):
        line = written("/voice", fields, FORGED)
        assert set(line) == {"_aws", "Environment", "Medium", "Outcome", "Requests", "AnswerTime"}


def test_a_forged_request_that_names_our_account_leaves_its_sids() -> None:
    """It may be a real caller and our token a stale one: Twilio can be asked. Nothing else of it is believed."""
    odd = {"ErrorUrl": "https://app.example.com", "MessageSid": "SM" + "1" * 3000, "ParentCallSid": "probe"}
    line = written("/voice", CALLED | odd, FORGED)
    assert line["params"] == {"AccountSid": ACCOUNT, "CallSid": CALL}
    assert (line["trust"], line["Outcome"]) == (FORGED, "refused")
    assert "original" not in written("/sms", TEXTED, FORGED)


def test_what_nobody_can_check_is_kept_where_it_names_our_account() -> None:
    """While there are no tokens, anybody may claim to have signed."""
    assert written("/voice", CALLED, UNVERIFIABLE)["params"] == CALLED
    assert MARK not in written("/voice", CALLED | {"AccountSid": STRANGER}, UNVERIFIABLE)


def test_what_cannot_be_checked_by_its_form_is_no_proof_that_tokens_are_missing() -> None:
    """Anybody can add a query. An alarm that a stranger could set off would be switched off."""
    query: dict[str, Any] = {"multiValueQueryStringParameters": {"x": ["1"]}}
    assert written("/voice", CALLED, UNVERIFIABLE, **query)["Outcome"] == "refused"
    assert written("/voice", CALLED | {"AccountSid": STRANGER}, UNVERIFIABLE, **query)["Outcome"] == FORGED
    assert written("/voice", CALLED, UNVERIFIABLE)["Outcome"] == "unverifiable"


@pytest.mark.parametrize("trust", [FORGED, UNVERIFIABLE])
def test_few_callers_a_minute_whom_nobody_vouches_for_leave_a_line(trust: str) -> None:
    """Whoever knows the account's SID could else write as much as he likes."""
    journal, most = Journal(BOOK, "production"), KEPT_A_MINUTE
    lines = [written("/voice", called(number), trust, journal, sender=str(number)) for number in range(most + 5)]
    assert [MARK in line for line in lines] == [True] * most + [False] * 5
    assert MARK in written("/voice", CALLED, VERIFIED, journal)
    journal.kept_lately = {key: (moment - 61, sender) for key, (moment, sender) in journal.kept_lately.items()}
    assert MARK in written("/voice", called(most), trust, journal)


@pytest.mark.parametrize("trust", [FORGED, UNVERIFIABLE])
def test_a_single_stranger_leaves_places_to_callers(trust: str) -> None:
    """Twilio asks from many addresses."""
    journal = Journal(BOOK, "production")
    his = [written("/voice", called(number), trust, journal, sender="198.51.100.7") for number in range(1000)]
    assert sum(MARK in line for line in his) == OF_ONE_SENDER
    assert MARK in written("/voice", called(1001), trust, journal, sender="192.0.2.1")
    assert "198.51.100.7" not in json.dumps(his)


def test_the_limit_counts_callers_and_not_their_requests() -> None:
    """A real caller makes five or more requests; with a stale token each is one that nobody vouches for."""
    journal = Journal(BOOK, "production")
    lines = [written("/voice", called(number), FORGED, journal, sender=str(number)) for number in range(KEPT_A_MINUTE) for _ in range(5)]
    assert sum(MARK in line for line in lines) == KEPT_A_MINUTE
    assert len({line["params"]["CallSid"] for line in lines if MARK in line}) == KEPT_A_MINUTE


def called(number: int) -> dict[str, str]:
    """A call of its own."""
    return CALLED | {"CallSid": f"CA{number:032x}"}


@pytest.mark.parametrize(
    "sid", ["", "CA1", "XX" + "0" * 32, "CA" + "0" * 31 + "é", "CA" + "0" * 31 + "#", "CA" + "0" * 33, "CA" + "z" * 32, "CA" + "F" * 32]
)
def test_what_belongs_to_no_call_or_message_is_no_event(sid: str) -> None:
    """The SID is the key of the table."""
    assert MARK not in written("/voice", CALLED | {"CallSid": sid})


def test_a_callback_is_a_line_without_an_answer() -> None:
    line = written("/recording", RECORDED)
    assert (line["medium"], line["entry"], line["params"]["RecordingStatus"]) == ("callback", "recording", "completed")
    assert not {"answer", "document", "step", "at"} & set(line)
    assert line["Outcome"] == "delivered"


def test_a_probe_is_marked() -> None:
    """It is no caller: it is shown in no list, forgotten soon, and counts itself. Nobody is a probe who signed wrongly."""
    probe = CALLED | {"AccountSid": PROBE_ACCOUNT}
    assert written("/voice", probe)["probe"] is True
    assert "_aws" not in written("/voice", probe)
    assert "probe" not in written("/voice", CALLED)
    assert MARK not in written("/voice", probe, FORGED)


def test_a_probe_whom_nobody_can_check_is_counted_and_no_more() -> None:
    """The alarm rings by it, before a caller comes. Anybody may call himself the probe."""
    line = written("/voice", CALLED | {"AccountSid": PROBE_ACCOUNT}, UNVERIFIABLE)
    assert MARK not in line
    assert line["Outcome"] == "unverifiable"


def test_a_count_says_where_and_never_what() -> None:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        Journal(BOOK, "production").count("voice", "failed", error="KeyError", where="book.py:88")
    line = json.loads(printed.getvalue())
    assert (line["Outcome"], line["error"], line["where"], line["Requests"]) == ("failed", "KeyError", "book.py:88", 1)
    assert MARK not in line


@pytest.mark.parametrize(("path", "fields"), [("/voice", CALLED), ("/sms", TEXTED)])
def test_with_a_masked_store_no_whole_number_and_no_words_are_kept(path: str, fields: dict[str, str]) -> None:
    """Nothing can be given back then, and a person still recognises a number by its ends."""
    masked = book()
    masked.masked = True
    line = written(path, fields, journal=Journal(masked, "production"))
    kept = json.dumps(line)
    assert "original" not in line
    assert line["params"]["From"] == fields["From"][:5] + "*" * (len(fields["From"]) - 7) + fields["From"][-2:]
    assert all(fields[name] not in kept for name in ("From", "To", "Body") if name in fields)


def test_what_twilio_tells_later_is_masked_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that nobody took, and callers asked of Twilio, bear whole numbers only where the settings keep them."""
    facts = {"from": "+15005550001", "to": "+15005550006", "call_status": "completed"}
    assert as_stored(facts) == facts
    monkeypatch.setenv("PRIVACY_STORE", "masked")
    assert as_stored(facts) == {"from": "+1500*****01", "to": "+1500*****06", "call_status": "completed"}


@pytest.mark.parametrize(
    ("text", "kinds", "is_one"),
    [
        ("CA" + "0" * 32, (), True),
        ("ZZ" + "0" * 32, (), True),
        ("CA" + "0" * 32, ("CA", "SM"), True),
        ("RE" + "0" * 32, ("CA", "SM"), False),
        ("CA" + "0" * 31, (), False),
        ("CA" + "0" * 33, (), False),
        ("CA" + "g" * 32, (), False),
        ("CA" + "A" * 32, (), False),
        ("ca" + "0" * 32, (), False),
        ("C1" + "0" * 32, (), False),
        ("ÄÖ" + "0" * 32, (), False),
        ("CA" + "0" * 31 + "\n", (), False),
        ("", (), False),
    ],
)
def test_a_sid_is_two_letters_and_32_hexadecimal_digits(text: str, kinds: tuple[str, ...], is_one: bool) -> None:
    """The one rule, of whatever becomes a key or a path and of whatever somebody types."""
    assert is_sid(text, *kinds) is is_one


def test_an_emergency_call_is_marked() -> None:
    """Once a call, when a verified request for a phone of the company's comes in; a test request of ours is no emergency."""
    dialled = CALLED | {"To": "sip:911@office.sip.twilio.com", "From": "sip:100@office.sip.twilio.com"}
    assert written("/sip/office", dialled)["emergency"] == "911"
    assert written("/voice", dialled)["emergency"] == "911"
    for line in (
        written("/voice", CALLED),
        written("/voice/out/emergency_dialled/1", dialled),
        written("/sip/office", dialled | {"AccountSid": PROBE_ACCOUNT}),
        written("/sip/office", dialled, UNVERIFIABLE),
    ):
        assert "emergency" not in line
