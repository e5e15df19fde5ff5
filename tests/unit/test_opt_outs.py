"""Who opts out: one list of words, for the answer, for hand-back and for the list of those who did."""

from datetime import UTC, datetime

import boto3
import pytest

from lambdas.answer.journal import MARK, VERSION
from lambdas.workers.events import items_of, write
from lambdas.workers.opt_outs import has_opted_out, keyword
from ops.candidates import Candidate
from tests.unit.books import book, document
from tests.unit.event_table import TABLE, event_table

ME, SENDER = "+15005550006", "+12025550177"
ANSWERS = book('[answer.later]\nflow = "reply"\ntext = "We got your message, and answer soon."\n', sms="later")


def wide(text: str) -> str:
    """In full-width letters, as keyboards of East Asia write them."""
    return "".join(chr(ord(letter) + 0xFEE0) for letter in text)


OUT = ["STOP", "Stop.", "STOP ALL", "opt out", "Opt-Out!", '"stop"', "\u201cstop\u201d", wide("stop"), wide("STOP!"), "end", "QUIT",
       "revoke", "cancel", "unsubscribe", " stop\u200b ", "*stop*", "st op",
       "STOP\ufe0f", "Stop 🙏🏽", "stop\uff61", "「stop」", "stop\x00", "stop\u061f"]  # fmt: skip
IN = ["START", "unstop", "Yes!", wide("yes")]
NEITHER = ["please stop it", "stopping", "", "👍", "I want to cancel my order", "yes please", "停"]


@pytest.mark.parametrize(("text", "kind"), [*((text, "stop") for text in OUT), *((text, "start") for text in IN)])
def test_a_word_counts_everywhere(text: str, kind: str) -> None:
    """The answer is silent, hand-back sends it first, and never writes to whoever said it."""
    assert keyword(text) == kind
    assert document(ANSWERS, "/sms", From=SENDER, To=ME, Body=text) == "sms manners/silence"
    assert Candidate({"params": {"Body": text}}, "ready").word == kind


@pytest.mark.parametrize("text", NEITHER)
def test_other_texts_are_answered(text: str) -> None:
    assert keyword(text) == ""
    assert document(ANSWERS, "/sms", From=SENDER, To=ME, Body=text) == "later/start/1"
    assert Candidate({"params": {"Body": text}}, "ready").word == ""


def test_a_companys_own_word_counts_too() -> None:
    """Twilio says what it took it for."""
    assert keyword("ARRET", "STOP") == "stop"
    assert Candidate({"params": {"Body": "ARRET", "OptOutType": "STOP"}}, "ready").word == "stop"
    assert keyword("HELP") == "help"
    assert Candidate({"params": {"Body": "HELP"}}, "ready").word == "", "help changes nothing"


def test_a_rule_that_asks_for_yes_is_not_in_vain() -> None:
    rule = '[answer.ok]\nflow = "reply"\ntext = "Then we will come."\n[[sms]]\nBody = ["yes", "👍"]\nanswer = "ok"\n'
    answers = book(rule)
    assert document(answers, "/sms", From=SENDER, To=ME, Body="Yes.") == "ok/start/1"
    assert document(answers, "/sms", From=SENDER, To=ME, Body=" 👍 ") == "ok/start/1"
    assert document(answers, "/sms", From=SENDER, To=ME, Body="start") == "sms manners/silence"


@pytest.mark.parametrize("to", ["12345", f"whatsapp:{ME}"])
def test_compliance_texts_are_sent_where_twilio_is_silent(to: str) -> None:
    texts = '[compliance]\nstop = "No more."\nhelp = "Help."\nstart = "Again."\n'
    answers = book(texts, twilio=f'short_codes = ["12345"]\nnumbers = ["{ME}"]')
    sender = SENDER if to.isdigit() else f"whatsapp:{SENDER}"
    for body, kind in (("Opt out", "stop"), ("info", "help"), ("UNSTOP", "start")):
        assert document(answers, "/sms", From=sender, To=to, Body=body) == f"sms manners/{kind}"
        assert document(answers, "/sms", From=SENDER, To=ME, Body=body) == "sms manners/silence"


def text(body: str, second: int, **params: str) -> dict[str, object]:
    """The journal line of a text."""
    known = {"MessageSid": f"SM{second:032x}", "From": SENDER, "To": ME, "Body": body} | params
    line = {MARK: VERSION, "time": f"2026-11-21T02:41:{second:02}.000000Z", "request": f"r{second}", "medium": "sms", "entry": "sms"}
    return line | {"path": "/sms", "trust": "verified", "params": known}


def test_the_newest_word_of_a_sender_counts_in_whatever_order_the_lines_come() -> None:
    """Also of a text that nobody hands back."""
    with event_table():
        client, table = boto3.client("dynamodb", "us-east-1"), boto3.resource("dynamodb", "us-east-1").Table(TABLE)

        def came(*lines: dict[str, object]) -> bool:
            write(client, TABLE, [item for line in lines for item in items_of(line, 400, 30)])
            return has_opted_out(table, SENDER, ME)

        assert not came(text("Where is my order?", 1))
        assert came(text("ARRET", 5, OptOutType="STOP"))
        assert came(text("start", 4), text("start", 4)), "it came before"
        assert not came(text("Yes", 7))
        assert came(text("opt out", 9))
        assert not has_opted_out(table, SENDER, "+15005550007")
    kept = [item for item in items_of(text("stop", 1), 400, 30) if item["kind"] == "opt-out"]
    assert (kept[0]["state"], kept[0]["day_shard"][:10]) == ("stop", "2026-11-21")
    assert datetime.fromtimestamp(kept[0]["expires"], UTC).year == 2027
