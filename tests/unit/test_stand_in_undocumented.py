"""What Twilio does not document is a switch, and every switch is tried both ways."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.twilio import Caller, StandInTwilio, Undocumented, questions
from local.twilio.call import Call
from local.twilio.primary import Fails, Primary, Says, refusing_url

CALLER = "+15550123"


@pytest.fixture
def web() -> Iterator[Primary]:
    with Primary() as server:
        yield server


def twiml(verbs: str) -> Says:
    return Says(f"<Response>{verbs}</Response>".encode())


def call(web: Primary, voice_url: str = "", caller: Caller | None = None, **switches: object) -> Call:
    open_questions = Undocumented(**switches)  # type: ignore[arg-type]
    twilio = StandInTwilio("AC" + "a" * 32, "12345", undocumented=open_questions)
    url = voice_url or web.url + "/voice"
    number = twilio.number("+15550100", voice_url=url, voice_fallback_url=web.url + "/fallback")
    return number.call(CALLER, caller)


def test_every_question_is_asked_in_a_sentence_and_tried_in_a_test() -> None:
    tests = "".join(each.read_text() for each in Path(__file__).parent.glob("test_stand_in_*.py"))
    for name, _, question in questions():
        assert question.endswith("?"), name
        assert f"{name}=" in tests or f'"{name}":' in tests, f"no test sets {name}"


@pytest.mark.parametrize(
    ("switches", "shown"),
    [
        ({}, "http://{host}/voice?store=4"),
        ({"error_url_keeps_query": False}, "http://{host}/voice"),
        ({"error_url_keeps_fragment": True}, "http://{host}/voice?store=4#rc=0"),
        ({"error_url_keeps_userinfo": True}, "http://u:p@{host}/voice?store=4"),
    ],
)
def test_what_error_url_shows(web: Primary, switches: dict[str, bool], shown: str) -> None:
    web.behaves("/voice", Fails(500))
    web.behaves("/fallback", twiml(""))
    host = web.url.removeprefix("http://")
    call(web, f"http://u:p@{host}/voice?store=4#rc=0", None, **switches)
    assert web.received[-1].form["ErrorUrl"] == shown.format(host=host)


@pytest.mark.parametrize("again", [True, False])
def test_a_second_error_in_a_call(web: Primary, again: bool) -> None:
    web.behaves("/voice", Fails(500))
    web.behaves("/fallback", twiml("<Redirect>/broken</Redirect>"), twiml("<Say>Goodbye</Say>"))
    made = call(web, fallback_is_asked_again=again)
    assert (made.words, made.ended_by) == ((["Goodbye"], "document") if again else ([], "error"))


@pytest.mark.parametrize("reach", [True, False])
def test_cookies_on_the_way_to_the_fallback(web: Primary, reach: bool) -> None:
    web.behaves("/voice", Fails(500))
    again = Says(b"<Response><Redirect>/broken</Redirect></Response>", headers=(("Set-Cookie", "back=1; Path=/"),))
    web.behaves("/fallback", again, twiml(""))
    call(web, cookies_reach_the_fallback=reach)
    assert ("cookie" in web.received[-1].headers) is reach


@pytest.mark.parametrize("keeps", [True, False])
def test_the_token_of_a_fallback_request(web: Primary, keeps: bool) -> None:
    web.behaves("/voice", Fails(500))
    web.behaves("/fallback", twiml(""))
    call(web, fallback_keeps_idempotency_token=keeps)
    tokens = {each.headers["i-twilio-idempotency-token"] for each in web.received}
    assert len(tokens) == (1 if keeps else 2)


@pytest.mark.parametrize("fatal", [True, False])
def test_audio_that_cannot_be_fetched(web: Primary, fatal: bool) -> None:
    web.behaves("/voice", twiml("<Play>/none.mp3</Play><Say>Went on</Say>"))
    web.behaves("/fallback", twiml("<Say>Fell back</Say>"))
    assert call(web, play_error_is_fatal=fatal).words == (["Fell back"] if fatal else ["Went on"])


@pytest.mark.parametrize(("answers", "status"), [(True, "completed"), (False, "no-answer")])
def test_hangup_on_a_ringing_call(web: Primary, answers: bool, status: str) -> None:
    web.behaves("/voice", twiml("<Hangup/>"))
    assert call(web, hangup_answers=answers).status == status


@pytest.mark.parametrize(("rejects", "status"), [(True, "busy"), (False, "completed")])
def test_reject_after_a_pause(web: Primary, rejects: bool, status: str) -> None:
    web.behaves("/voice", twiml("<Pause/><Reject reason='busy'/>"))
    assert call(web, late_reject_rejects=rejects).status == status


@pytest.mark.parametrize("sent", [True, False])
def test_digits_of_an_empty_gather(web: Primary, sent: bool) -> None:
    web.behaves("/voice", twiml("<Gather action='/keys' actionOnEmptyResult='true'/>"))
    web.behaves("/keys", twiml(""))
    call(web, empty_digits_are_sent=sent)
    assert web.received[-1].form.get("Digits") == ("" if sent else None)


@pytest.mark.parametrize("renewed", [True, False])
def test_how_long_a_texts_cookies_live(web: Primary, renewed: bool) -> None:
    now = [1_800_000_000.0]
    switches = Undocumented(text_cookies_age_from_last_use=renewed)
    twilio = StandInTwilio("AC" + "a" * 32, "12345", undocumented=switches, clock=lambda: now[0])
    web.behaves("/sms", Says(b"<Response/>", headers=(("Set-Cookie", "quiet=1"),)), twiml(""))
    number = twilio.number("+15550100", sms_url=web.url + "/sms")
    for hours in (0, 3, 3):
        now[0] += hours * 3600
        number.text(CALLER, "Hi")
    assert ("cookie" in web.received[-1].headers) is renewed


def test_a_fallback_that_cannot_be_reached_is_not_asked_for_ever(web: Primary) -> None:
    with refusing_url() as dead:
        twilio = StandInTwilio("AC" + "a" * 32, "12345")
        made = twilio.number("+15550100", voice_url=dead + "/a", voice_fallback_url=dead + "/b").call(CALLER)
    assert [each.ask.purpose for each in made.exchanges] == ["document", "fallback"]
