"""Manners of texting: who and what gets silence, and what short codes must answer."""

import pytest

from config.mistakes import ConfigError
from tests.unit.books import ask, book, compiled, cookie_of, document, refused, settings_text, twiml

ME, CODE = "+15005550006", "12345"
REPLY = '[answer.later]\nflow = "reply"\ntext = "We got your message, and answer as soon as we can."\n'
COMPLIANCE = '[compliance]\nstop = "You get no more messages from Example."\nhelp = "Example: help at example.com. Reply STOP to cancel."\n'
ANSWERS = book(REPLY, sms="later", twilio=f'numbers = ["{ME}"]')
SHORT = book(REPLY + COMPLIANCE, sms="later", twilio=f'numbers = ["{ME}"]\nshort_codes = ["{CODE}"]')
TEXT = {"From": "+12025550177", "To": ME, "Body": "Where is my order?"}


def test_a_person_gets_a_reply() -> None:
    assert "<Message>We got your message" in twiml(ANSWERS, "/sms", **TEXT)


@pytest.mark.parametrize("word", ["STOP", "stop", " Stop. ", "STOPALL", "unsubscribe", "Cancel", "END", "quit", "HELP", "info", "OptOut"])
def test_words_that_twilio_answers_get_silence(word: str) -> None:
    """On long codes and toll-free numbers, in any case; a sentence that holds such a word is no such word."""
    assert document(ANSWERS, "/sms", **TEXT | {"Body": word}) == "sms manners/silence"
    assert document(ANSWERS, "/sms", **TEXT | {"Body": f"please {word} it"}) == "later/start/1"


def test_what_advanced_opt_out_has_answered_gets_silence() -> None:
    """With Advanced Opt-Out a company has words of its own; Twilio says so in OptOutType."""
    for kind in ("STOP", "HELP", "START"):
        assert document(ANSWERS, "/sms", **TEXT | {"Body": "genug", "OptOutType": kind}) == "sms manners/silence"


@pytest.mark.parametrize("sender", ["72975", "ExampleBank", "", "+12345", ME, f"whatsapp:{ME}"])
def test_senders_that_are_nobody_get_silence(sender: str) -> None:
    """Short codes, names and our own numbers: a machine that answers would be answered again."""
    assert document(ANSWERS, "/sms", **TEXT | {"From": sender}) == "sms manners/silence"


def test_a_number_that_writes_to_itself_gets_silence() -> None:
    assert document(ANSWERS, "/sms", **TEXT | {"From": "+12025550177", "To": "+12025550177"}) == "sms manners/silence"


def test_our_own_words_get_silence() -> None:
    """An echo of our reply is a machine at the other end."""
    assert document(ANSWERS, "/sms", **TEXT | {"Body": "we got your message, and answer as soon as we can"}) == "sms manners/silence"
    for words in ("You get no more messages from Example", "example: help at example.com. reply STOP to cancel."):
        assert document(SHORT, "/sms", **TEXT | {"Body": words}) == "sms manners/silence"
    named = book(REPLY.replace("We got your message,", "We got your message, {From},"), sms="later")
    assert document(named, "/sms", **TEXT | {"Body": "We got your message, +15005550006, and answer"}) == "sms manners/silence"


def test_whatsapp_senders_are_people() -> None:
    assert document(ANSWERS, "/sms", **TEXT | {"From": "whatsapp:+12025550177", "To": f"whatsapp:{ME}"}) == "later/start/1"


def test_short_codes_answer_stop_and_help_themselves() -> None:
    """Twilio does not, and the carriers demand it; also in a quiet period, and never to long codes."""
    quiet = cookie_of(SHORT, "later/start/1")
    for cookie in ("", quiet):
        assert "no more messages from Example" in twiml(SHORT, "/sms", cookie=cookie, **TEXT | {"To": CODE, "Body": "stop"})
        assert "help at example.com" in twiml(SHORT, "/sms", cookie=cookie, **TEXT | {"To": CODE, "Body": "Help"})
    assert document(SHORT, "/sms", **TEXT | {"To": CODE, "Body": "hello"}) == "later/start/1"
    assert document(SHORT, "/sms", **TEXT | {"Body": "STOP"}) == "sms manners/silence"


def test_machines_are_not_answered_whatever_they_say() -> None:
    """Two short codes would tell each other for ever that nothing more will come."""
    for sender in (CODE, "72975", "ExampleBank", ME):
        assert document(SHORT, "/sms", **TEXT | {"From": sender, "To": CODE, "Body": "stop"}) == "sms manners/silence"


def test_the_journal_can_say_that_it_was_manners() -> None:
    assert ask(ANSWERS, "/sms", **TEXT | {"Body": "STOP"}).at == "sms manners"


def test_short_codes_without_their_texts_are_refused() -> None:
    assert "add [compliance] with stop and help" in refused(twilio='short_codes = ["12345"]')
    assert "'1' is not a short code" in refused(COMPLIANCE, twilio='short_codes = ["1"]')


def test_strangers_texts_are_never_answered() -> None:
    """A forged text must not make us send one: `unverified.sms` may say nothing."""
    text = settings_text(REPLY).replace('sms = "silent"', 'sms = "later"')
    with pytest.raises(ConfigError, match=r"unverified.sms: later/start/1 sends a text"):
        compiled(text)
