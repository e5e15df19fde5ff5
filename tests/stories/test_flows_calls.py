"""Call flows through the deployed stack: what callers and the people called go through during an outage."""

from collections.abc import Iterator

import pytest

from local.twilio import Answers, Busy, Call, Caller, Mailbox, NoAnswer, Undocumented, Unreachable
from local.twilio.people import Callee
from local.twilio.primary import refusing_url
from tests.stories.conftest import Deployed, Item
from tests.stories.places import CALLER, OURS, Place

pytestmark = pytest.mark.usefixtures("unrecorded")

FIRST, SECOND, DESK = "+12025550171", "+12025550172", "sip:desk@pbx.example.com"
MESSAGE = "Please call me back about my order."


@pytest.fixture
def down() -> Iterator[str]:
    """The address of a primary that is down."""
    with refusing_url() as url:
        yield f"{url}/voice"


def call(flows: Place, down: str, number: str, caller: Caller | None = None, from_: str = CALLER, **switches: object) -> Call:
    """Somebody calls a number whose primary is down."""
    twilio = flows.twilio(undocumented=Undocumented(**switches))  # type: ignore[arg-type]
    return twilio.number(number, voice_url=down, voice_fallback_url=flows.outputs.voice_url).call(from_, caller)


def kinds(made: Call) -> list[str]:
    """What a caller heard, by kind."""
    return [heard.kind for heard in made.heard]


def clean(made: Call) -> bool:
    """Whether nothing went wrong but the primary itself, whose failure is the first exchange."""
    return len(made.errors) == 1


def test_apology_in_two_languages(flows: Place, down: str) -> None:
    """The same message in each, one after the other, and the call ends."""
    made = call(flows, down, "+12025550101")
    assert made.words == ["We are sorry.", "Es tut uns leid."]
    assert made.ended_by == "hangup"
    assert clean(made)


def test_a_recorded_message_is_played(flows: Place, down: str) -> None:
    """Real audio of our own media address, of the right type."""
    made = call(flows, down, "+12025550102")
    assert kinds(made) == ["play"]
    [fetched] = [exchange for exchange in made.exchanges if exchange.ask.purpose == "media"]
    assert fetched.reply
    assert (fetched.status, fetched.reply.header("Content-Type"), fetched.reply.body[:4]) == (200, "audio/wav", b"RIFF")
    assert fetched.reply.header("ETag")
    assert clean(made)


@pytest.mark.parametrize("cookies", [True, False])
def test_when_our_audio_is_down_the_words_are_said(flows: Place, cookies: bool) -> None:
    """The media host refuses connections: Twilio comes back with it as ErrorUrl, and the caller hears the same in words."""
    with refusing_url() as url:
        port = int(url.rpartition(":")[2])
        twilio = flows.twilio({flows.media: port, "app.example.com": port}, Undocumented(cookies_reach_the_fallback=cookies))
        number = twilio.number("+12025550103", voice_url="http://app.example.com/voice", voice_fallback_url=flows.outputs.voice_url)
        made = number.call(CALLER, Caller(says=MESSAGE, ends_recording_with="#"))
    assert made.words == ["Please leave a message.", "Thank you. Goodbye."]
    assert [recording.status for recording in made.recordings] == ["completed"]
    assert [error.code for error in made.errors] == [11202, 11202]


def test_a_broken_media_function_is_503_and_the_words_are_said(flows: Place, down: str) -> None:
    """A file that the function cannot read: API Gateway tells Twilio the truth."""
    functions = flows.cloud.client("lambda").list_functions()["Functions"]
    [media] = [
        function["FunctionName"]
        for function in functions
        if function["Handler"].startswith("lambdas.media.") and "flows" in function["FunctionName"]
    ]
    flows.cloud.client("lambda").put_function_concurrency(FunctionName=media, ReservedConcurrentExecutions=0)
    try:
        made = call(flows, down, "+12025550102")
    finally:
        flows.cloud.client("lambda").delete_function_concurrency(FunctionName=media)
    assert [exchange.status for exchange in made.exchanges if exchange.ask.purpose == "media"] == [503]
    assert made.words == ["We have moved."]


def test_a_voicemail_with_a_recorded_greeting(flows: Place, down: str) -> None:
    made = call(flows, down, "+12025550103", Caller(says=MESSAGE, ends_recording_with="#"))
    assert kinds(made) == ["play", "beep", "say"]
    assert [recording.heard for recording in made.recordings] == [MESSAGE]
    assert [exchange.status for exchange in made.exchanges if exchange.ask.purpose == "callback"] == [204]
    assert clean(made)


def test_a_caller_who_says_nothing_is_told_so(flows: Place, down: str) -> None:
    made = call(flows, down, "+12025550103", Caller())
    assert made.words == ["We did not hear a message. Goodbye."]


def test_the_third_person_called_takes_the_call(flows: Place, down: str) -> None:
    """The first is busy, the second does not answer, the third hears who calls and presses 1. No voicemail is offered after that."""
    callees: dict[str, Callee] = {FIRST: Busy(), SECOND: NoAnswer(), DESK: Answers(presses="1", talks=42)}
    made = call(flows, down, "+12025550104", Caller(callees=callees))
    assert [(dialled.to, dialled.status, dialled.bridged) for dialled in made.dialled] == [
        (FIRST, "busy", False),
        (SECOND, "no-answer", False),
        (DESK, "completed", True),
    ]
    assert made.legs[-1].words == [f"A call from +{' '.join(CALLER[1:])}. Press 1 to take it."]
    assert [heard.seconds for heard in made.heard if heard.kind == "talk"] == [42]
    assert made.recordings == []
    assert clean(made)


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("status", ["completed", "no-answer"])
@pytest.mark.parametrize(
    "person",
    [Answers(), Answers(presses="2"), Answers(hangs_up_in_whisper=True), Mailbox(after=5)],
    ids=["silent", "wrong", "gone", "mailbox"],
)
def test_who_does_not_press_1_does_not_get_the_call(flows: Place, down: str, person: Answers | Mailbox, status: str, said: bool) -> None:
    """Not a person who hesitates, not a mailbox: the next one is called, and at last the caller leaves a message of their own."""
    callees: dict[str, Callee] = {FIRST: person, SECOND: Unreachable(), DESK: NoAnswer()}
    caller = Caller(callees=callees, says=MESSAGE, ends_recording_with="#")
    made = call(flows, down, "+12025550104", caller, refused_whisper_status=status, unbridged_is_said=said)
    assert [dialled.bridged for dialled in made.dialled] == [False, False, False]
    assert "talk" not in kinds(made)
    assert [recording.heard for recording in made.recordings] == [MESSAGE]


def test_a_caller_without_number_is_shown_as_us(flows: Place, down: str) -> None:
    """An anonymous caller's Dial would fail; the person called sees the company's number."""
    made = call(flows, down, "+12025550104", Caller(callees={FIRST: Answers(presses="1")}), from_="anonymous")
    assert [dialled.bridged for dialled in made.dialled] == [True]
    assert made.legs[0].parameters["From"] == OURS


def test_the_person_called_who_calls_is_not_called(flows: Place, down: str) -> None:
    made = call(flows, down, "+12025550104", Caller(callees={SECOND: Answers(presses="1")}), from_=FIRST)
    assert [dialled.to for dialled in made.dialled] == [SECOND]


def test_all_at_once_connects_whoever_is_first(flows: Place, down: str) -> None:
    """Without a question: the settings had to say so."""
    made = call(flows, down, "+12025550105", Caller(callees={FIRST: Answers(after=9), SECOND: Answers(after=4)}))
    assert [(dialled.to, dialled.bridged) for dialled in made.dialled] == [(SECOND, True)]
    nobody = call(flows, down, "+12025550105", Caller(says=MESSAGE, ends_recording_with="#"))
    assert len(nobody.recordings) == 1


def test_a_menu_is_walked(flows: Place, down: str) -> None:
    """Silence, a wrong key, then the right one."""
    made = call(flows, down, "+12025550106", Caller(digits=("", "7", "2"), says=MESSAGE, ends_recording_with="#"))
    prompt = "Press 1 for sales, 2 to leave a message."
    assert made.words == [prompt, prompt, "That key is not one of the choices.", prompt, "Thank you. Goodbye."]
    assert len(made.recordings) == 1
    assert clean(made)


def test_a_menu_ends(flows: Place, down: str) -> None:
    """Whoever never presses anything is let go; whether Twilio sends empty Digits or none."""
    for sent in (True, False):
        made = call(flows, down, "+12025550106", Caller(), empty_digits_are_sent=sent)
        assert made.words[-2:] == ["We are sorry.", "Es tut uns leid."]
        assert made.ended_by == "hangup"


def test_a_menu_leads_to_people(flows: Place, down: str) -> None:
    made = call(flows, down, "+12025550106", Caller(digits=("1",), callees={FIRST: Answers(presses="1")}))
    assert [dialled.bridged for dialled in made.dialled] == [True]


def test_busy_while_ringing(flows: Place, down: str) -> None:
    """The caller hears a busy tone and pays nothing; the calendar that is never open comes first and does not answer."""
    made = call(flows, down, "+12025550110")
    assert (made.status, kinds(made)) == ("busy", ["busy"])


@pytest.mark.parametrize(
    ("number", "verb"),
    [
        ("+12025550101", "Say"),
        ("+12025550102", "Play"),
        ("+12025550103", "Record"),
        ("+12025550104", "Dial"),
        ("+12025550106", "Gather"),
        ("+12025550109", "Pause"),
    ],
)
def test_a_caller_may_hang_up_in_the_middle_of_each_verb(flows: Place, down: str, number: str, verb: str) -> None:
    """Nothing fails, nobody is called for somebody who is gone, and what was said before is kept."""
    callees = {FIRST: Answers(presses="1", talks=60)}
    made = call(
        flows,
        down.replace("127.0.0.1", "app.example.com") if verb == "Pause" else down,
        number,
        Caller(hangs_up_during=verb, callees=callees, says=MESSAGE),
    )
    assert made.ended_by == "caller"
    assert clean(made)
    assert len(made.dialled) == (verb == "Dial")
    assert [recording.status for recording in made.recordings] == ["completed"] * (verb == "Record")
    assert all(exchange.status in (200, 204) for exchange in made.exchanges[1:])


def test_what_was_answered_is_on_record(flows: Place, deployed: Deployed, down: str) -> None:
    """From the line in the journal to the line in the settings: the events name the document and the rule."""
    deployed.cloud.controls.deliveries(lose=False)
    made = call(flows, down, "+12025550110")
    query = {"KeyConditionExpression": "pk = :sid", "ExpressionAttributeValues": {":sid": {"S": made.sid}}}
    items: list[Item] = []

    def written() -> bool:
        items[:] = deployed.table.query(TableName=flows.outputs.table, **query)["Items"]
        return bool(items)

    deployed.until(written, "an event in the table")
    assert items[0]["document"]["S"] == "full/reject/1"
    assert items[0]["at"]["S"].startswith("flows.toml:")
