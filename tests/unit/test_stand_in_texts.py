"""Texts on the stand-in Twilio: who is asked, what is sent back, what Twilio answers by itself."""

from collections.abc import Iterator

import pytest
from twilio.request_validator import RequestValidator

from local.twilio import StandInTwilio, Undocumented
from local.twilio.call import EndlessCallError
from local.twilio.primary import Fails, Primary, Received, Says, refusing_url

TOKEN = "12345"
SENDER = "+15550123"


class Clock:
    """Seconds, moved by hand."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def web() -> Iterator[Primary]:
    with Primary() as server:
        server.behaves("/sms", twiml("<Message>We got it.</Message>"))
        yield server


@pytest.fixture
def dead() -> Iterator[str]:
    with refusing_url() as url:
        yield url


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def twilio(clock: Clock) -> StandInTwilio:
    return StandInTwilio("AC" + "a" * 32, TOKEN, clock=clock)


def twiml(verbs: str, *headers: tuple[str, str]) -> Says:
    return Says(f"<Response>{verbs}</Response>".encode(), headers=headers)


def requests(web: Primary, path: str) -> list[Received]:
    return [each for each in web.received if each.path == path]


def test_a_text_is_answered(web: Primary, twilio: StandInTwilio) -> None:
    text = twilio.number("+15550100", sms_url=web.url + "/sms").text(SENDER, "Hi", [("https://m.example/1", "image/png")])
    reply, received = text.replies[0], web.received[0]
    assert (reply.from_, reply.to, reply.body, reply.delivered) == ("+15550100", SENDER, "We got it.", True)
    assert received.form["MessageSid"] == text.sid
    assert text.sid.startswith("MM")
    assert RequestValidator(TOKEN).validate(web.url + "/sms", received.form, received.headers["x-twilio-signature"])


def test_a_text_whose_primary_fails_is_answered_by_the_fallback(web: Primary, twilio: StandInTwilio) -> None:
    web.behaves("/primary", Fails(500))
    number = twilio.number("+15550100", sms_url=web.url + "/primary", sms_fallback_url=web.url + "/sms")
    text = number.text(SENDER, "Hi")
    form = requests(web, "/sms")[0].form
    assert (form["ErrorCode"], form["ErrorUrl"], form["Body"]) == ("11200", web.url + "/primary", "Hi")
    assert text.bodies == ["We got it."]


def test_when_the_fallback_fails_too_nothing_is_sent(web: Primary, twilio: StandInTwilio, dead: str) -> None:
    web.behaves("/sms", Fails(500))
    text = twilio.number("+15550100", sms_url=dead, sms_fallback_url=web.url + "/sms").text(SENDER, "Hi")
    assert (text.replies, [each.code for each in text.errors]) == ([], [11202, 11200])
    assert [each.code for each in twilio.alerts] == [11202, 11200]


def test_words_that_are_no_twiml_go_to_the_customer(web: Primary, twilio: StandInTwilio) -> None:
    web.behaves("/sms", Says(b"Internal Server Error", "text/plain"))
    assert twilio.number("+15550100", sms_url=web.url + "/sms").text(SENDER, "Hi").bodies == ["Internal Server Error"]


def test_message_redirect_and_media(web: Primary, twilio: StandInTwilio) -> None:
    web.behaves("/sms", twiml("<Message>One</Message><Redirect>more</Redirect><Message>Lost</Message>"))
    web.behaves("/more", twiml("<Message to='+15550188'><Body>Two</Body><Media>https://m.example/2</Media></Message>"))
    text = twilio.number("+15550100", sms_url=web.url + "/sms").text(SENDER, "Hi")
    assert [(each.to, each.body, each.media) for each in text.replies] == [
        (SENDER, "One", ()),
        ("+15550188", "Two", ("https://m.example/2",)),
    ]


@pytest.mark.parametrize(
    ("verbs", "code", "replies"),
    [
        ("<Message>x</Message>" * 11, 14109, 10),
        ("<Message/>", 14103, 0),
        ("<Message>" + "x" * 1601 + "</Message>", 14103, 0),
        ("<Say>Hi</Say>", 14110, 0),
        ("<Say>Hi</Say>", 12200, 0),
        ("<Message colour='red'>Hi</Message>", 12200, 1),
    ],
)
def test_what_is_not_sent_costs_a_warning(web: Primary, twilio: StandInTwilio, verbs: str, code: int, replies: int) -> None:
    web.behaves("/sms", twiml(verbs))
    text = twilio.number("+15550100", sms_url=web.url + "/sms").text(SENDER, "Hi")
    assert (len(text.replies), code in {each.code for each in twilio.alerts}) == (replies, True)


def test_fifty_documents_are_too_many(web: Primary, twilio: StandInTwilio) -> None:
    web.behaves("/sms", twiml("<Redirect>/sms</Redirect>"))
    with pytest.raises(EndlessCallError):
        twilio.number("+15550100", sms_url=web.url + "/sms").text(SENDER, "Hi")
    assert twilio.alerts[-1].code == 14106


def test_a_pair_of_numbers_keeps_its_cookies_for_four_idle_hours(web: Primary, twilio: StandInTwilio, clock: Clock) -> None:
    web.behaves("/sms", twiml("<Message>Hi</Message>", ("Set-Cookie", "quiet=1")), twiml(""))
    number = twilio.number("+15550100", sms_url=web.url + "/sms")
    seen = []
    for sender, hours in ((SENDER, 0), (SENDER, 3.9), ("+15550124", 0), (SENDER, 3.9), (SENDER, 4)):
        clock.now += hours * 3600
        number.text(sender, "Hi")
        seen.append(web.received[-1].headers.get("cookie", ""))
    assert seen == ["", "quiet=1", "", "quiet=1", ""]


def test_stop_start_and_help_are_answered_by_twilio_and_reach_the_webhook_too(web: Primary, twilio: StandInTwilio) -> None:
    number = twilio.number("+15550100", sms_url=web.url + "/sms")
    stop, after, start, again = (number.text(SENDER, word) for word in (" stop ", "Hello?", "Start", "Hello?"))
    assert "unsubscribed" in stop.by_twilio[0]
    assert [each.error_code for each in (*stop.replies, *after.replies)] == [21610, 21610]
    assert "subscribed again" in start.by_twilio[0]
    assert again.bodies == ["We got it."]
    assert "STOP" in number.text(SENDER, "HELP").by_twilio[0]
    assert len(web.received) == 5


def test_a_short_code_has_to_answer_stop_itself(web: Primary, twilio: StandInTwilio) -> None:
    text = twilio.number("55501", sms_url=web.url + "/sms", short_code=True).text(SENDER, "STOP")
    assert (text.by_twilio, text.bodies) == ([], ["We got it."])


def test_a_messaging_service_overrides_its_numbers(web: Primary, twilio: StandInTwilio, dead: str) -> None:
    web.behaves("/service", twiml("<Message>From the service</Message>"))
    service = twilio.messaging_service("alerts", inbound_request_url=dead, fallback_url=web.url + "/service", advanced_opt_out=True)
    number = twilio.number("+15550100", sms_url=web.url + "/sms", service=service)
    assert number.text(SENDER, "Hi").bodies == ["From the service"]
    number.text(SENDER, "HELP")
    form = web.received[-1].form
    assert (form["MessagingServiceSid"], form["OptOutType"]) == (service.sid, "HELP")
    plain = twilio.messaging_service("plain", inbound_request_url=web.url + "/service")
    twilio.number("+15550101", service=plain).text(SENDER, "HELP")
    assert "OptOutType" not in web.received[-1].form


def test_a_messaging_service_can_defer_to_the_number_or_switch_texts_off(web: Primary, twilio: StandInTwilio) -> None:
    defers = twilio.messaging_service("a", use_inbound_webhook_on_number=True)
    silent = twilio.messaging_service("b")
    assert twilio.number("+15550100", sms_url=web.url + "/sms", service=defers).text(SENDER, "Hi").bodies
    assert not twilio.number("+15550101", sms_url=web.url + "/sms", service=silent).text(SENDER, "Hi").exchanges


def test_an_application_answers_for_its_numbers(web: Primary, twilio: StandInTwilio) -> None:
    application = twilio.application("texts", sms_url=web.url + "/sms")
    assert twilio.number("+15550100", sms_url="https://ignored.example", sms_application=application).text(SENDER, "x").bodies


def test_two_machines_that_answer_each_other_are_stopped(web: Primary, twilio: StandInTwilio, clock: Clock) -> None:
    """More than thirty replies, each within thirty seconds of the one before."""
    number = twilio.number("+15550100", sms_url=web.url + "/sms")
    codes = []
    for _ in range(31):
        clock.now += 5
        codes.append(number.text(SENDER, "Automatic reply").replies[0].error_code)
    assert codes == [0] * 30 + [14107]
    clock.now += 31
    assert number.text(SENDER, "Automatic reply").replies[0].delivered


def test_a_whatsapp_sender_is_answered_there(web: Primary, twilio: StandInTwilio) -> None:
    text = twilio.number("whatsapp:+15550100", sms_url=web.url + "/sms").text("whatsapp:" + SENDER, "Hi")
    assert text.replies[0].to == "whatsapp:" + SENDER
    assert web.received[0].form["WaId"] == "15550123"


@pytest.mark.parametrize("reach", [True, False])
def test_cookies_on_the_way_to_the_fallback(web: Primary, dead: str, reach: bool) -> None:
    web.behaves("/sms", twiml("", ("Set-Cookie", "quiet=1")))
    twilio = StandInTwilio("AC" + "a" * 32, TOKEN, undocumented=Undocumented(cookies_reach_the_fallback=reach))
    number = twilio.number("+15550100", sms_url=dead, sms_fallback_url=web.url + "/sms")
    number.text(SENDER, "Hi")
    number.text(SENDER, "Hi")
    assert ("cookie" in web.received[1].headers) is reach
