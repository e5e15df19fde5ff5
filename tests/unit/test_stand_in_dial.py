"""<Dial> on the stand-in Twilio: who rings, who is asked first, who is connected, and what the action learns."""

from collections.abc import Iterator

import pytest

from local.twilio import Answers, Busy, Call, Caller, Mailbox, NoAnswer, StandInTwilio, Undocumented, Unreachable
from local.twilio.people import Callee
from local.twilio.primary import Fails, Primary, Received, Says

A, B = "+15550150", "+15550151"
CALLER = "+15550123"
ACCEPT = "<Gather numDigits='1' action='/pressed'><Say>Press 1 to take a call.</Say></Gather><Hangup/>"


@pytest.fixture
def web() -> Iterator[Primary]:
    with Primary() as server:
        server.behaves("/dialled", twiml("<Say>After the call.</Say>"))
        server.behaves("/whisper", twiml(ACCEPT))
        server.behaves("/pressed", twiml(""))
        yield server


def twiml(verbs: str) -> Says:
    return Says(f"<Response>{verbs}</Response>".encode())


def requests(web: Primary, path: str) -> list[Received]:
    return [each for each in web.received if each.path == path]


def call(
    web: Primary,
    dial: str,
    callees: dict[str, Callee],
    from_: str = CALLER,
    hangs_up_after: float | None = None,
    twilio: StandInTwilio | None = None,
    **switches: object,
) -> Call:
    web.behaves("/voice", twiml(dial))
    open_questions = Undocumented(**switches)  # type: ignore[arg-type]
    account = twilio or StandInTwilio("AC" + "a" * 32, "12345", undocumented=open_questions)
    number = account.number("+15550100", voice_url=web.url + "/voice")
    return number.call(from_, Caller(callees=callees, hangs_up_after=hangs_up_after))


def simple(attributes: str = "", url: str = "") -> str:
    whisper = f" url='{url}'" if url else ""
    return f"<Dial action='/dialled' {attributes}><Number{whisper}>{A}</Number></Dial><Say>Unreachable</Say>"


@pytest.mark.parametrize(
    ("callee", "status", "bridged"),
    [
        (Answers(talks=20), "completed", "true"),
        (Mailbox(talks=20), "completed", "true"),
        (NoAnswer(), "no-answer", "false"),
        (Busy(), "busy", "false"),
        (Unreachable(), "failed", "false"),
        (Answers(after=31), "no-answer", "false"),
    ],
)
def test_the_action_learns_how_it_went(web: Primary, callee: Callee, status: str, bridged: str) -> None:
    made = call(web, simple(), {A: callee})
    form = requests(web, "/dialled")[0].form
    assert (form["DialCallStatus"], form["DialBridged"]) == (status, bridged)
    assert form["DialCallDuration"] == ("20" if bridged == "true" else "0")
    assert ("DialCallSid" in form) is (bridged == "true")
    assert made.words == ["After the call."]


def test_without_an_action_the_next_verb_follows(web: Primary) -> None:
    made = call(web, f"<Dial timeout='8'>{A}</Dial><Say>Nobody</Say>", {})
    assert made.words == ["Nobody"]
    assert [(each.kind, each.seconds) for each in made.heard] == [("ringing", 8.0), ("say", 0.5)]


def test_a_whisper_is_asked_of_the_person_who_is_called(web: Primary) -> None:
    made = call(web, simple("callerId='+15550100'", "/whisper"), {A: Answers(presses="1")})
    whisper, pressed = requests(web, "/whisper")[0].form, requests(web, "/pressed")[0].form
    leg = made.legs[0]
    assert whisper["ParentCallSid"] == made.sid
    assert whisper["CallSid"] == pressed["CallSid"] == leg.sid != made.sid
    assert (whisper["From"], whisper["To"], whisper["Direction"]) == ("+15550100", A, "outbound-dial")
    assert (whisper["CallStatus"], pressed["Digits"]) == ("in-progress", "1")
    assert leg.words == ["Press 1 to take a call."]
    assert "Press 1 to take a call." not in made.words
    assert requests(web, "/dialled")[0].form["DialBridged"] == "true"


@pytest.mark.parametrize("callee", [Answers(), Mailbox(), Answers(hangs_up_in_whisper=True)])
def test_who_does_not_press_is_not_connected(web: Primary, callee: Callee) -> None:
    """The gather runs into <Hangup>; the mailbox hears the question and says nothing."""
    made = call(web, simple(url="/whisper"), {A: callee})
    form = requests(web, "/dialled")[0].form
    assert (form["DialCallStatus"], form["DialBridged"]) == ("completed", "false")
    assert "talk" not in [each.kind for each in made.heard]
    assert requests(web, "/pressed") == []


@pytest.mark.parametrize("verb", ["Hangup", "Reject"])
def test_a_whisper_can_refuse(web: Primary, verb: str) -> None:
    web.behaves("/pressed", twiml(f"<{verb}/>"))
    call(web, simple(url="/whisper"), {A: Answers(presses="2")})
    assert requests(web, "/dialled")[0].form["DialBridged"] == "false"


def test_a_whisper_that_ends_without_hangup_connects(web: Primary) -> None:
    """The trap: an empty document, or a prompt alone, means yes."""
    web.behaves("/whisper", twiml("<Say>A call for you.</Say>"))
    made = call(web, simple(url="/whisper"), {A: Mailbox()})
    assert made.dialled[0].bridged


def test_a_whisper_that_fails_has_no_fallback(web: Primary) -> None:
    web.behaves("/whisper", Fails(500))
    made = call(web, simple(url="/whisper"), {A: Answers()})
    assert (made.dialled[0].bridged, [each.kind for each in made.legs[0].heard]) == (False, ["error"])
    assert requests(web, "/dialled")[0].form["DialBridged"] == "false"


@pytest.mark.parametrize("verbs", [f"<Dial>{B}</Dial>", "<Record/>", "<Pause/>", "<Redirect>/pressed</Redirect>"])
def test_a_whisper_holds_say_play_gather_and_hangup_only(web: Primary, verbs: str) -> None:
    web.behaves("/whisper", twiml(verbs))
    made = call(web, simple(url="/whisper"), {A: Answers(), B: Answers()})
    assert (made.dialled[0].bridged, [each.code for each in made.errors]) == (False, [13201])


def test_parent_and_child_share_no_cookies(web: Primary) -> None:
    web.behaves("/whisper", Says(twiml(ACCEPT).body, headers=(("Set-Cookie", "child=1; Path=/"),)))
    call(web, simple(url="/whisper"), {A: Answers(presses="1")})
    assert requests(web, "/pressed")[0].headers["cookie"] == "child=1"
    assert "cookie" not in requests(web, "/dialled")[0].headers


def test_all_at_once_the_first_to_pick_up_wins_even_a_mailbox(web: Primary) -> None:
    dial = f"<Dial><Number>{A}</Number><Number>{B}</Number></Dial>"
    made = call(web, dial, {A: Answers(after=12), B: Mailbox(after=6)})
    assert [(each.to, each.bridged) for each in made.dialled] == [(B, True)]
    assert made.heard[0].seconds == 6


def test_one_after_the_other(web: Primary) -> None:
    dial = f"<Dial sequential='true' timeout='10'><Number>{A}</Number><Number>{B}</Number></Dial>"
    made = call(web, dial, {B: Answers(after=3)})
    assert [(each.what, each.seconds) for each in made.heard if each.kind == "ringing"] == [(A, 10), (B, 3)]
    assert made.dialled[0].to == B


@pytest.mark.parametrize(("attribute", "ringing"), [("answerOnBridge='true'", "ringing"), ("", "in-progress")])
def test_answer_on_bridge_keeps_the_call_ringing(web: Primary, attribute: str, ringing: str) -> None:
    """A call that nobody took was never answered."""
    call(web, simple(attribute), {A: Busy()})
    assert requests(web, "/dialled")[0].form["CallStatus"] == ringing
    web.behaves("/dialled", twiml(""))
    assert call(web, simple(attribute), {A: Busy()}).status == ("no-answer" if ringing == "ringing" else "completed")


@pytest.mark.parametrize(
    ("from_", "attribute", "fails"),
    [
        (CALLER, "", False),
        (CALLER, f"callerId='{CALLER}'", False),
        (CALLER, "callerId='+15550100'", False),
        (CALLER, "callerId='+15550188'", False),
        (CALLER, "callerId='+15550199'", True),
        ("anonymous", "callerId='anonymous'", True),
        ("anonymous", "", True),
        ("anonymous", "callerId='+15550100'", False),
        ("client:ann", "", True),
    ],
)
def test_whose_number_may_be_shown(web: Primary, from_: str, attribute: str, fails: bool) -> None:
    """The caller's, the called one, the account's and the verified (13214)."""
    twilio = StandInTwilio("AC" + "a" * 32, "12345", verified_caller_ids=["+15550188"])
    call(web, simple(attribute), {A: Answers()}, from_, twilio=twilio)
    assert requests(web, "/dialled")[0].form["DialCallStatus"] == ("failed" if fails else "completed")
    assert {each.code for each in twilio.alerts} <= {13214}


def test_the_call_is_limited(web: Primary) -> None:
    call(web, simple("timeLimit='12'"), {A: Answers(talks=600)})
    assert requests(web, "/dialled")[0].form["DialCallDuration"] == "12"


def test_a_caller_who_hangs_up_while_talking(web: Primary) -> None:
    made = call(web, simple(), {A: Answers(after=5, talks=600)}, hangs_up_after=25)
    form = requests(web, "/dialled")[0].form
    assert (form["DialCallStatus"], form["DialBridged"], form["CallStatus"]) == ("completed", "true", "completed")
    assert form["DialCallDuration"] == "20"
    assert (made.words, made.ended_by) == ([], "caller")


def test_a_caller_who_hangs_up_during_the_whisper(web: Primary) -> None:
    made = call(web, simple(url="/whisper"), {A: Answers(after=5, presses="1")}, hangs_up_after=6)
    assert (made.ended_by, made.dialled[0].bridged) == ("caller", False)
    assert [each.kind for each in made.heard] == ["ringing"]
    assert requests(web, "/pressed") == []


def test_telephone_numbers_may_be_written_for_people(web: Primary) -> None:
    made = call(web, "<Dial>+1 (555) 015-0</Dial>", {"+15550150": Answers()})
    assert made.dialled[0].bridged


@pytest.mark.parametrize("status", ["completed", "no-answer"])
def test_status_after_a_refused_whisper(web: Primary, status: str) -> None:
    call(web, simple(url="/whisper"), {A: Answers()}, refused_whisper_status=status)
    assert requests(web, "/dialled")[0].form["DialCallStatus"] == status


@pytest.mark.parametrize("said", [True, False])
def test_dial_bridged_when_nobody_was_connected(web: Primary, said: bool) -> None:
    call(web, simple(), {}, unbridged_is_said=said)
    assert requests(web, "/dialled")[0].form.get("DialBridged") == ("false" if said else None)


@pytest.mark.parametrize("connects", [True, False])
def test_a_failed_whisper(web: Primary, connects: bool) -> None:
    web.behaves("/whisper", Fails(500))
    assert call(web, simple(url="/whisper"), {A: Answers()}, failed_whisper_connects=connects).dialled[0].bridged is connects


@pytest.mark.parametrize("may", [True, False])
def test_pause_and_redirect_in_a_whisper(web: Primary, may: bool) -> None:
    web.behaves("/whisper", twiml("<Pause/><Redirect>/pressed</Redirect>"))
    made = call(web, simple(url="/whisper"), {A: Answers()}, whisper_may_pause_and_redirect=may)
    assert made.dialled[0].bridged is may


@pytest.mark.parametrize("status", ["no-answer", "canceled"])
def test_status_when_the_caller_gave_up(web: Primary, status: str) -> None:
    call(web, simple(), {}, hangs_up_after=4, abandoned_dial_status=status)
    assert requests(web, "/dialled")[0].form["DialCallStatus"] == status


@pytest.mark.parametrize("asks", [True, False])
def test_the_action_after_the_caller_gave_up(web: Primary, asks: bool) -> None:
    call(web, simple(), {}, hangs_up_after=4, abandoned_dial_asks_action=asks)
    assert len(requests(web, "/dialled")) == asks


@pytest.mark.parametrize("fails", [True, False])
def test_an_anonymous_caller_without_caller_id(web: Primary, fails: bool) -> None:
    made = call(web, simple(), {A: Answers()}, "anonymous", foreign_caller_id_fails=fails)
    assert made.dialled[0].status == ("failed" if fails else "completed")
