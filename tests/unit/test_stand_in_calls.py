"""Calls on the stand-in Twilio: who is asked, what callers hear, and what happens when something fails."""

from collections.abc import Iterator

import pytest
from twilio.request_validator import RequestValidator

from local.twilio import Answers, Caller, StandInTwilio, Undocumented, audio
from local.twilio.call import TWILIOS_OWN_ERROR, EndlessCallError
from local.twilio.execution import NotPlayedError
from local.twilio.primary import Fails, Hangs, Primary, Received, Says, refusing_url

SID, TOKEN = "AC" + "a" * 32, "12345"
CALLER = "+15550123"


@pytest.fixture
def web() -> Iterator[Primary]:
    """The application's server and its fallback in one; paths tell them apart."""
    with Primary() as server:
        yield server


@pytest.fixture
def dead() -> Iterator[str]:
    with refusing_url() as url:
        yield url


def stand_in(**switches: object) -> StandInTwilio:
    return StandInTwilio(SID, TOKEN, undocumented=Undocumented(**switches))  # type: ignore[arg-type]


def twiml(verbs: str) -> Says:
    return Says(f"<Response>{verbs}</Response>".encode())


def requests(web: Primary, path: str) -> list[Received]:
    return [each for each in web.received if each.path == path]


def test_a_healthy_primary_is_asked_and_the_fallback_is_not(web: Primary) -> None:
    web.behaves("/voice", twiml("<Say>Hello there</Say><Pause length='2'/>"))
    number = stand_in().number("+15550100", voice_url=web.url + "/voice", voice_fallback_url=web.url + "/fallback")
    call = number.call(CALLER)
    assert (call.words, call.status, call.ended_by) == (["Hello there"], "completed", "document")
    assert [each.path for each in web.received] == ["/voice"]
    assert web.received[0].form["CallStatus"] == "ringing"
    assert [(each.kind, each.seconds) for each in call.heard] == [("say", 0.8), ("silence", 2.0)]


def test_the_fallback_learns_what_failed(web: Primary, dead: str) -> None:
    """The configured URL, with ErrorCode and ErrorUrl, and a signature over all of it."""
    web.behaves("/fallback", twiml("<Say>We cannot take your call.</Say>"))
    number = stand_in().number("+15550100", voice_url=dead + "/voice?store=4#rc=0", voice_fallback_url=web.url + "/fallback")
    call = number.call(CALLER)
    received = web.received[0]
    assert call.words == ["We cannot take your call."]
    assert received.form["ErrorCode"] == "11202"
    assert received.form["ErrorUrl"] == dead + "/voice?store=4"
    assert received.form["CallSid"] == call.sid
    assert RequestValidator(TOKEN).validate(web.url + "/fallback", received.form, received.headers["x-twilio-signature"])


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (Fails(500), "11200"),
        (Fails(404), "11200"),
        (Hangs(), "11200"),
        (Says(b"oops", "application/json"), "12300"),
        (Says(b"<Response><Say>a & b</Say></Response>"), "12100"),
        (Says(b"<Other/>"), "12102"),
    ],
)
def test_every_way_to_fail_leads_to_the_fallback(web: Primary, behaviour: Says | Fails | Hangs, code: str) -> None:
    web.behaves("/voice", behaviour)
    web.behaves("/fallback", twiml("<Reject/>"))
    number = stand_in().number("+15550100", voice_url=web.url + "/voice#rt=100", voice_fallback_url=web.url + "/fallback")
    call = number.call(CALLER)
    assert requests(web, "/fallback")[0].form["ErrorCode"] == code
    assert (call.status, [each.code for each in call.errors]) == ("no-answer", [int(code)])


def test_without_a_fallback_the_caller_hears_twilio(dead: str) -> None:
    twilio = stand_in()
    call = twilio.number("+15550100", voice_url=dead).call(CALLER)
    assert [(each.kind, each.what) for each in call.heard] == [("error", TWILIOS_OWN_ERROR)]
    assert (call.status, call.ended_by) == ("completed", "error")
    assert [(each.code, each.level) for each in twilio.alerts] == [(11202, "error")]


def test_a_fallback_that_fails_too_ends_in_twilios_words(web: Primary, dead: str) -> None:
    web.behaves("/fallback", Fails(500))
    call = stand_in().number("+15550100", voice_url=dead, voice_fallback_url=web.url + "/fallback").call(CALLER)
    assert [each.kind for each in call.heard] == ["error"]
    assert [each.code for each in call.errors] == [11202, 11200]


def test_an_action_that_fails_leads_to_the_configured_fallback(web: Primary) -> None:
    """In the middle of the call, never to a path of the document that failed."""
    web.behaves("/voice", twiml("<Gather numDigits='1' action='/menu'/>"))
    web.behaves("/menu", Fails(500))
    web.behaves("/fallback", twiml("<Say>Sorry</Say>"))
    number = stand_in().number("+15550100", voice_url=web.url + "/voice", voice_fallback_url=web.url + "/fallback")
    number.call(CALLER, Caller(digits=["1"]))
    form = requests(web, "/fallback")[0].form
    assert (form["ErrorUrl"], form["CallStatus"]) == (web.url + "/menu", "in-progress")
    assert "Digits" not in form


def test_redirect_goes_relative_to_its_document_and_carries_nothing(web: Primary) -> None:
    web.behaves("/a/b/voice", twiml("<Gather numDigits='1' action='menu'/>"))
    web.behaves("/a/b/menu", twiml("<Redirect>../c</Redirect><Say>unreachable</Say>"))
    web.behaves("/a/c", twiml("<Say>Here</Say>"))
    call = stand_in().number("+15550100", voice_url=web.url + "/a/b/voice#rc=3").call(CALLER, Caller(digits=["7"]))
    assert call.words == ["Here"]
    assert requests(web, "/a/b/menu")[0].form["Digits"] == "7"
    assert "Digits" not in requests(web, "/a/c")[0].form


def test_overrides_are_not_inherited(web: Primary) -> None:
    web.behaves("/voice", twiml("<Redirect>/next</Redirect>"))
    web.behaves("/next", Fails(500))
    number = stand_in().number("+15550100", voice_url=web.url + "/voice#rc=3&rp=all")
    number.call(CALLER)
    assert len(requests(web, "/next")) == 1


def test_a_standby_that_fails_comes_back_through_the_fallback_with_its_cookie(web: Primary, dead: str) -> None:
    redirect = twiml(f"<Redirect>{dead}/standby</Redirect>")
    web.behaves(
        "/fallback",
        Says(redirect.body, headers=(("Set-Cookie", "back=failed; Path=/"),)),
        twiml("<Say>Nobody is there.</Say>"),
    )
    number = stand_in().number("+15550100", voice_url=dead, voice_fallback_url=web.url + "/fallback")
    call = number.call(CALLER)
    first, second = requests(web, "/fallback")
    assert call.words == ["Nobody is there."]
    assert "cookie" not in first.headers
    assert second.headers["cookie"] == "back=failed"
    assert second.form["ErrorUrl"] == dead + "/standby"


def test_calls_do_not_share_cookies(web: Primary) -> None:
    web.behaves("/voice", Says(b"<Response/>", headers=(("Set-Cookie", "a=1"),)))
    number = stand_in().number("+15550100", voice_url=web.url + "/voice")
    number.call(CALLER)
    number.call(CALLER)
    assert all("cookie" not in each.headers for each in web.received)


@pytest.mark.parametrize(
    ("verbs", "status", "kinds"),
    [
        ("<Reject/>", "no-answer", ["not in service"]),
        ("<Reject reason='busy'/>", "busy", ["busy"]),
        ("<Pause/><Reject/>", "completed", ["silence"]),
        ("<Say>Hi</Say><Reject/>", "completed", ["say"]),
        ("<Hangup/>", "completed", []),
        ("<Pause length='3'/>", "no-answer", ["silence"]),
        ("<Say/>", "no-answer", []),
        ("", "no-answer", []),
    ],
)
def test_what_answers_a_ringing_call(web: Primary, verbs: str, status: str, kinds: list[str]) -> None:
    """Reject refuses it only as the first verb; a pause, an empty <Say> and an empty document do not answer."""
    web.behaves("/voice", twiml(verbs))
    call = stand_in().number("+15550100", voice_url=web.url + "/voice").call(CALLER)
    assert (call.status, [each.kind for each in call.heard]) == (status, kinds)


def test_gather_submits_what_was_pressed(web: Primary) -> None:
    web.behaves("/voice", twiml("<Gather action='/keys'><Say>Your number, then hash.</Say></Gather>"))
    web.behaves("/keys", twiml(""))
    number = stand_in().number("+15550100", voice_url=web.url + "/voice")
    for typed, digits, waited in (("12#", "12", []), ("12", "12", [5.0]), ("1#2", "1", [])):
        call = number.call(CALLER, Caller(digits=[typed]))
        assert requests(web, "/keys")[-1].form["Digits"] == digits
        assert [each.seconds for each in call.heard if each.kind == "silence"] == waited


def test_gather_stops_at_its_number_of_digits(web: Primary) -> None:
    web.behaves("/voice", twiml("<Gather numDigits='2' finishOnKey='' action='/keys'/>"))
    web.behaves("/keys", twiml(""))
    stand_in().number("+15550100", voice_url=web.url + "/voice").call(CALLER, Caller(digits=["1#34"]))
    assert requests(web, "/keys")[0].form["Digits"] == "1#"


def test_without_input_the_next_verb_follows(web: Primary) -> None:
    """Also when the key that finishes is the first one pressed."""
    web.behaves("/voice", twiml("<Gather action='/keys' timeout='3'/><Say>Nothing heard.</Say>"))
    number = stand_in().number("+15550100", voice_url=web.url + "/voice")
    for digits in ([], ["#"]):
        call = number.call(CALLER, Caller(digits=digits))
        assert call.words == ["Nothing heard."]
    assert requests(web, "/keys") == []


def test_gather_asks_its_own_document_by_default(web: Primary) -> None:
    web.behaves("/voice", twiml("<Gather numDigits='1'/>"), twiml("<Say>Got it</Say>"))
    call = stand_in().number("+15550100", voice_url=web.url + "/voice").call(CALLER, Caller(digits=["5"]))
    assert call.words == ["Got it"]
    assert web.received[1].form["Digits"] == "5"


def test_gather_listens(web: Primary) -> None:
    web.behaves("/voice", twiml("<Gather input='speech' action='/words'/>"))
    web.behaves("/words", twiml(""))
    stand_in().number("+15550100", voice_url=web.url + "/voice").call(CALLER, Caller(says="sales please"))
    assert requests(web, "/words")[0].form["SpeechResult"] == "sales please"


def test_play_fetches_the_audio_without_parameters(web: Primary) -> None:
    web.behaves("/voice", twiml("<Play loop='2'>/sound.wav</Play><Play digits='12'/>"))
    web.behaves("/sound.wav", Says(audio.silence(2.0), "audio/wav"))
    call = stand_in().number("+15550100", voice_url=web.url + "/voice").call(CALLER)
    fetched = requests(web, "/sound.wav")[0]
    assert (fetched.method, fetched.form) == ("GET", {})
    assert [(each.kind, each.seconds) for each in call.heard] == [("play", 2.0), ("play", 2.0), ("digits", 1.0)]


@pytest.mark.parametrize(
    ("behaviour", "code"), [(Fails(404), "11200"), (Says(b"<html/>", "text/html"), "12300"), (Says(b"x", "audio/wav"), "11200")]
)
def test_audio_that_cannot_be_had_leads_to_the_fallback(web: Primary, behaviour: Says | Fails, code: str) -> None:
    web.behaves("/voice", twiml("<Play>/sound.wav</Play>"))
    web.behaves("/sound.wav", behaviour)
    web.behaves("/fallback", twiml("<Say>In words</Say>"))
    number = stand_in().number("+15550100", voice_url=web.url + "/voice", voice_fallback_url=web.url + "/fallback")
    assert number.call(CALLER).words == ["In words"]
    form = requests(web, "/fallback")[0].form
    assert (form["ErrorCode"], form["ErrorUrl"]) == (code, web.url + "/sound.wav")


@pytest.mark.parametrize("verb", ["Say", "Pause", "Gather", "Play"])
def test_the_caller_can_hang_up_during_a_verb(web: Primary, verb: str) -> None:
    web.behaves(
        "/voice",
        twiml("<Say>One two three</Say><Pause/><Play digits='123'/><Gather action='/x'/><Say>Never heard</Say>"),
    )
    call = stand_in().number("+15550100", voice_url=web.url + "/voice").call(CALLER, Caller(hangs_up_during=verb))
    assert (call.ended_by, call.status) == ("caller", "completed")
    assert "Never heard" not in call.words
    assert [each.path for each in web.received] == ["/voice"]


def test_a_caller_who_gives_up_before_the_answer_was_never_connected(web: Primary) -> None:
    web.behaves("/voice", twiml("<Pause length='10'/><Say>Hello</Say>"))
    call = stand_in().number("+15550100", voice_url=web.url + "/voice").call(CALLER, Caller(hangs_up_after=4))
    assert (call.status, call.ended_by, call.seconds) == ("no-answer", "caller", 4)


def test_a_caller_who_is_gone_when_the_answer_comes_hears_nothing(web: Primary) -> None:
    web.behaves("/voice", twiml("<Say>Hello</Say>"))
    call = stand_in().number("+15550100", voice_url=web.url + "/voice").call(CALLER, Caller(hangs_up_after=0.0))
    assert (call.status, call.heard) == ("no-answer", [])


def test_a_loop_without_end_lasts_as_long_as_the_call_may(web: Primary) -> None:
    """Or until the caller has enough."""
    web.behaves("/voice", twiml("<Say loop='0'>All our lines are busy, please hold the line</Say>"))
    number = stand_in().number("+15550100", voice_url=web.url + "/voice")
    assert number.call(CALLER, Caller(hangs_up_after=60)).seconds == 60
    call = number.call(CALLER)
    assert (call.ended_by, call.status) == ("limit", "completed")


def test_documents_that_lead_to_each_other_for_ever_are_a_mistake(web: Primary) -> None:
    web.behaves("/voice", twiml("<Redirect>/voice</Redirect>"))
    number = stand_in().number("+15550100", voice_url=web.url + "/voice")
    with pytest.raises(EndlessCallError, match="still going on after 200 documents"):
        number.call(CALLER)


def test_verbs_that_are_not_played_are_named(web: Primary) -> None:
    web.behaves("/voice", twiml("<Pay/>"))
    with pytest.raises(NotPlayedError, match="<Pay>"):
        stand_in().number("+15550100", voice_url=web.url + "/voice").call(CALLER)
    web.behaves("/voice", twiml("<Dial record='record-from-answer'>+15550177</Dial>"))
    with pytest.raises(NotPlayedError, match="<Dial record='record-from-answer'>"):
        stand_in().number("+15550100", voice_url=web.url + "/voice").call(CALLER)
    web.behaves("/voice", twiml("<Record transcribe='true'/>"))
    with pytest.raises(NotPlayedError, match="<Record transcribe='true'>"):
        stand_in().number("+15550100", voice_url=web.url + "/voice").call(CALLER)


def test_schema_warnings_cost_no_call(web: Primary) -> None:
    web.behaves("/voice", twiml("<say>lost</say><Say colour='red'>Heard</Say>"))
    twilio = stand_in()
    call = twilio.number("+15550100", voice_url=web.url + "/voice").call(CALLER)
    assert call.words == ["Heard"]
    assert [(each.code, each.level) for each in twilio.alerts] == [(12200, "warning"), (12200, "warning")]


def test_an_application_overrides_the_number(web: Primary, dead: str) -> None:
    web.behaves("/app", twiml("<Say>From the application</Say>"))
    twilio = stand_in()
    application = twilio.application("dialler", voice_url=dead, voice_fallback_url=web.url + "/app")
    number = twilio.number("+15550100", voice_url=web.url + "/ignored", voice_application=application)
    assert number.call(CALLER).words == ["From the application"]


def test_a_client_call_carries_what_the_client_passed(web: Primary) -> None:
    web.behaves("/app", twiml("<Say>Hi</Say>"))
    application = stand_in().application("dialler", voice_url=web.url + "/app")
    call = application.call("ann", custom={"PhoneNumber": "+15550177"})
    form = web.received[0].form
    assert (form["From"], form["To"], form["Direction"]) == ("client:ann", "", "inbound")
    assert (form["ApplicationSid"], form["PhoneNumber"]) == (application.sid, "+15550177")
    assert "FromCountry" not in form
    assert call.status == "completed"


def test_a_desk_phone_calls_through_a_sip_domain(web: Primary, dead: str) -> None:
    web.behaves("/fallback", twiml("<Say>Hi</Say>"))
    domain = stand_in().sip_domain("office", voice_url=dead, voice_fallback_url=web.url + "/fallback")
    domain.call("ann", "+15550177", headers={"X-Store": "0042"})
    form = web.received[0].form
    assert (form["From"], form["To"]) == ("sip:ann@office.sip.us1.twilio.com", "sip:+15550177@office.sip.us1.twilio.com")
    assert (form["SipDomain"], form["SipHeader_X-Store"]) == ("office.sip.us1.twilio.com", "0042")
    assert form["ErrorCode"] == "11202"


def test_a_call_that_the_application_placed_has_its_own_fallback(web: Primary, dead: str) -> None:
    web.behaves("/fallback", twiml("<Say>Hi</Say>"))
    call = stand_in().call("+15550177", "+15550100", url=dead + "/calls/7/incoming", fallback_url=web.url + "/fallback")
    form = web.received[0].form
    assert (form["Direction"], form["CallStatus"], form["To"]) == ("outbound-api", "in-progress", "+15550177")
    assert form["ErrorUrl"] == dead + "/calls/7/incoming"
    assert call.status == "completed"


def test_a_status_callback_has_no_fallback_and_no_cookies(web: Primary) -> None:
    web.behaves("/voice", Says(b"<Response><Say>Hi</Say></Response>", headers=(("Set-Cookie", "a=1"),)))
    web.behaves("/ended", Fails(500))
    twilio = stand_in()
    number = twilio.number(
        "+15550100",
        voice_url=web.url + "/voice",
        voice_fallback_url=web.url + "/fallback",
        status_callback=web.url + "/ended",
    )
    number.call(CALLER)
    ended = requests(web, "/ended")[0]
    assert (ended.form["CallStatus"], "CallDuration" in ended.form, "cookie" in ended.headers) == ("completed", True, False)
    assert requests(web, "/fallback") == []
    assert (twilio.alerts[0].code, twilio.alerts[0].request_variables["CallStatus"]) == (15003, "completed")


def test_the_status_callback_knows_how_long_it_took(web: Primary) -> None:
    """From the answer on; a call that was never answered took no time."""
    twilio = stand_in()
    web.behaves("/ended", twiml(""))
    web.behaves("/voice", twiml("<Pause length='30'/>"))
    twilio.call("+15550177", "+15550100", url=web.url + "/voice", status_callback=web.url + "/ended")
    assert requests(web, "/ended")[0].form["CallDuration"] == "30"
    twilio.number("+15550100", voice_url=web.url + "/voice", status_callback=web.url + "/ended").call(CALLER)
    assert requests(web, "/ended")[1].form["CallDuration"] == "0"


def test_twilio_takes_no_fallback_without_a_primary() -> None:
    with pytest.raises(ValueError, match="without a primary"):
        stand_in().number("+15550100", voice_fallback_url="https://h.example/voice")


def test_many_calls_at_once(web: Primary, dead: str) -> None:
    """A storm: each caller presses its own keys and nobody hears another's answer."""
    from concurrent.futures import ThreadPoolExecutor

    web.behaves("/fallback", twiml("<Gather numDigits='4' action='/keys'/>"))
    web.behaves("/keys", twiml("<Say>Thanks</Say>"))
    number = stand_in().number("+15550100", voice_url=dead, voice_fallback_url=web.url + "/fallback")
    with ThreadPoolExecutor(16) as pool:
        calls = list(pool.map(lambda i: number.call(f"+1555{i:07}", Caller(digits=[f"{i:04}"])), range(60)))
    pressed = {each.form["CallSid"]: each.form["Digits"] for each in requests(web, "/keys")}
    assert pressed == {call.sid: f"{i:04}" for i, call in enumerate(calls)}
    assert all(call.words == ["Thanks"] for call in calls)


def test_the_people_who_are_called_are_described_by_address(web: Primary) -> None:
    """One script serves telephone numbers, SIP addresses and clients."""
    web.behaves("/voice", twiml("<Dial><Client>ann</Client></Dial><Dial><Sip>sip:bob@h.example?x-a=1</Sip></Dial>"))
    number = stand_in().number("+15550100", voice_url=web.url + "/voice")
    call = number.call(CALLER, Caller(callees={"client:ann": Answers(), "sip:bob@h.example": Answers(talks=9)}))
    assert [(each.to, each.bridged) for each in call.dialled] == [("client:ann", True), ("sip:bob@h.example", True)]
