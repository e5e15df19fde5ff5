"""Texts through the deployed stack: one reply, silence where silence is due, and what short codes must say."""

from collections.abc import Iterator

import pytest

from local.twilio import StandInTwilio, Text, Undocumented
from local.twilio.numbers import Number
from local.twilio.primary import Fails, Primary, Says, refusing_url
from tests.stories.places import CALLER, OURS, Place

pytestmark = pytest.mark.usefixtures("unrecorded")

REPLY = "We got your message, and will answer as soon as we can."
LINE, CODE, HANDED_ON, MUTE = "+12025550101", "12345", "+12025550108", "+12025550109"


@pytest.fixture
def down() -> Iterator[str]:
    """The address of a primary that is down."""
    with refusing_url() as url:
        yield f"{url}/sms"


def number(flows: Place, down: str, twilio: StandInTwilio | None = None, to: str = LINE) -> Number:
    """A number whose primary is down."""
    known = twilio or flows.twilio()
    return known.number(to, sms_url=down, sms_fallback_url=flows.outputs.sms_url, short_code=to == CODE)


def test_a_customer_gets_one_reply(flows: Place, down: str) -> None:
    """However often they write in the quiet period."""
    line = number(flows, down)
    assert [line.text(CALLER, body).bodies for body in ("Hello?", "Hello??", "Anybody?")] == [[REPLY], [], []]
    assert line.text("+12025550178", "Hello?").bodies == [REPLY]


def test_a_number_that_answers_no_texts_keeps_silent(flows: Place, down: str) -> None:
    assert silent(number(flows, down, to=MUTE).text(CALLER, "Hello?"))


def test_without_cookies_a_customer_is_answered_each_time(flows: Place, down: str) -> None:
    """Should Twilio not bring the cookie back, a reply too many is the worst that happens."""
    line = number(flows, down, flows.twilio(undocumented=Undocumented(cookies_reach_the_fallback=False)))
    assert [line.text(CALLER, body).bodies for body in ("Hello?", "Hello??")] == [[REPLY], [REPLY]]


@pytest.mark.parametrize("word", ["STOP", "stop", "Help", "unsubscribe"])
def test_stop_and_help_are_left_to_twilio(flows: Place, down: str, word: str) -> None:
    """Its own answer goes out, and none of ours beside it."""
    text = number(flows, down).text(CALLER, word)
    assert (text.replies, len(text.by_twilio)) == ([], 1)
    assert silent(text)


def test_a_short_code_answers_stop_and_help(flows: Place, down: str) -> None:
    """Nobody else does; also after the one reply of the quiet period."""
    code = number(flows, down, to=CODE)
    assert code.text(CALLER, "Hello?").bodies == [REPLY]
    assert code.text(CALLER, "HELP").bodies == ["Example Alerts: help at example.com. Reply STOP to cancel."]
    assert code.text(CALLER, "stop").bodies == ["Example Alerts: you will get no more messages."]


def test_advanced_opt_out_is_left_to_twilio(flows: Place, down: str) -> None:
    twilio = flows.twilio()
    service = twilio.messaging_service("pool", inbound_request_url=down, fallback_url=flows.outputs.sms_url, advanced_opt_out=True)
    assert twilio.number(LINE, service=service).text(CALLER, "STOP").replies == []


@pytest.mark.parametrize("sender", ["72975", "ExampleBank", OURS])
def test_machines_and_our_own_numbers_get_silence(flows: Place, down: str, sender: str) -> None:
    assert silent(number(flows, down).text(sender, "Your code is 1234"))


def test_our_own_words_get_silence(flows: Place, down: str) -> None:
    """A machine that sends back what it gets would be answered for ever."""
    line = number(flows, down, flows.twilio(undocumented=Undocumented(cookies_reach_the_fallback=False)))
    assert silent(line.text(CALLER, line.text(CALLER, "Hello?").bodies[0]))


def test_whatsapp_customers_get_a_reply(flows: Place, down: str) -> None:
    line = number(flows, down, to=f"whatsapp:{LINE}")
    assert line.text(f"whatsapp:{CALLER}", "Hello?").bodies == [REPLY]


@pytest.mark.parametrize("cookies", [True, False], ids=["cookie kept", "cookie lost"])
def test_a_text_is_handed_to_another_instance(flows: Place, cookies: bool) -> None:
    """And answered by us when that fails too."""
    with Primary() as application, Primary() as standby:
        application.behaves("", Fails(500))
        standby.behaves("/sms", Says(b"<Response><Message>Welcome.</Message></Response>"), Fails(500))
        hosts = {"app.example.com": application.port, "a.example.net": standby.port}
        twilio = flows.twilio(hosts, Undocumented(cookies_reach_the_fallback=cookies))
        line = number(flows, "http://app.example.com/sms", twilio, HANDED_ON)
        assert line.text(CALLER, "Hello?").bodies == ["Welcome."]
        assert line.text("+12025550178", "Hello?").bodies == [REPLY]


def silent(text: Text) -> bool:
    """Whether nothing of ours went out, and no error either but the primary's."""
    return text.replies == [] and len(text.errors) == 1 and text.documents[-1].text.strip() == "<Response/>"
