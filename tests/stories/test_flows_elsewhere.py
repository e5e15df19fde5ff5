"""Flows that hand a call to another server, and flows of trunks and of employees' own calls, through the deployed stack."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from local.twilio import Answers, Busy, Call, Caller, Mailbox, NoAnswer, Origination, Undocumented, Unreachable
from local.twilio.people import Callee
from local.twilio.primary import Fails, Primary, Says, refusing_url
from tests.stories.places import CALLER, OURS, Place

pytestmark = pytest.mark.usefixtures("unrecorded")

PRIMARY, A, B = "app.example.com", "a.example.net", "b.example.org"
MESSAGE = "Please call me back about my order."
HEALTHY = Says(b"<Response><Say>Welcome.</Say><Hangup/></Response>")


class World:
    """The primary and its two standbys, each an application of its own that can be told how to fail."""

    def __init__(self, stack: ExitStack) -> None:
        self.servers = {host: stack.enter_context(Primary()) for host in (PRIMARY, A, B)}
        for server in self.servers.values():
            server.behaves("", Fails(500))

    @property
    def hosts(self) -> dict[str, int]:
        """Where the names lead."""
        return {host: server.port for host, server in self.servers.items()}

    def asked(self, host: str) -> list[str]:
        """The paths that a server was asked for."""
        return [received.path for received in self.servers[host].received]


@pytest.fixture
def world() -> Iterator[World]:
    """Everything fails, until a story says otherwise."""
    with ExitStack() as stack:
        yield World(stack)


def call(flows: Place, world: World, number: str, caller: Caller | None = None, cookies: bool = True) -> Call:
    """Somebody calls a number of the primary's."""
    twilio = flows.twilio(world.hosts, Undocumented(cookies_reach_the_fallback=cookies))
    made = twilio.number(number, voice_url=f"http://{PRIMARY}/voice", voice_fallback_url=flows.outputs.voice_url)
    return made.call(CALLER, caller or Caller(says=MESSAGE, ends_recording_with="#"))


COOKIES = pytest.mark.parametrize("cookies", [True, False], ids=["cookie kept", "cookie lost"])


@COOKIES
def test_the_second_standby_takes_the_call(flows: Place, world: World, cookies: bool) -> None:
    """The first one is down too; the caller hears the application as ever, and the call was never answered by us."""
    world.servers[B].behaves("/voice", HEALTHY)
    made = call(flows, world, "+12025550108", cookies=cookies)
    assert made.words == ["Welcome."]
    assert (world.asked(PRIMARY), world.asked(A), world.asked(B)) == (["/voice"], ["/voice"], ["/voice"])


@COOKIES
def test_when_all_standbys_fail_a_message_is_taken(flows: Place, world: World, cookies: bool) -> None:
    """Each is asked once, and then the call goes on: it never goes round."""
    made = call(flows, world, "+12025550108", cookies=cookies)
    assert (len(world.asked(A)), len(world.asked(B)), len(world.asked(PRIMARY))) == (1, 1, 1)
    assert len(made.recordings) == 1


@COOKIES
def test_a_standby_that_fails_in_the_middle_leads_to_the_next(flows: Place, world: World, cookies: bool) -> None:
    """It greets the caller, and then its own next address fails."""
    menu = b"<Response><Say>Standby A.</Say><Redirect>/menu</Redirect></Response>"
    world.servers[A].behaves("/voice", Says(menu))
    world.servers[B].behaves("/voice", HEALTHY)
    made = call(flows, world, "+12025550108", cookies=cookies)
    assert made.words == ["Standby A.", "Welcome."]
    assert world.asked(A) == ["/voice", "/menu"]


@COOKIES
def test_the_primary_is_well_again_a_moment_later(flows: Place, world: World, cookies: bool) -> None:
    world.servers[PRIMARY].behaves("/voice", Fails(503), HEALTHY)
    made = call(flows, world, "+12025550109", cookies=cookies)
    assert made.words == ["One moment, please.", "Welcome."]


@COOKIES
def test_a_primary_that_stays_down_is_tried_once_more_then_its_standbys(flows: Place, world: World, cookies: bool) -> None:
    """Retry, standby A, standby B, voicemail: each link once."""
    made = call(flows, world, "+12025550109", cookies=cookies)
    assert [len(world.asked(host)) for host in (PRIMARY, A, B)] == [2, 1, 1]
    assert made.words[0] == "One moment, please."
    assert len(made.recordings) == 1


def test_it_is_too_late_for_a_busy_tone_once_the_call_was_answered(flows: Place, world: World) -> None:
    """The retry has answered it: the caller is told in words."""
    made = call(flows, world, "+12025550111")
    assert made.words == ["One moment, please.", "We are sorry, all lines are busy. Please try again later."]
    assert (made.ended_by, [heard.kind for heard in made.heard].count("busy")) == ("hangup", 0)


def test_a_failed_action_of_the_primary_is_not_tried_again(flows: Place, world: World) -> None:
    """Its Digits would be lost: the call goes to the standby instead, where it begins anew."""
    asked = b'<Response><Gather action="/chosen" numDigits="1"><Say>Press 1.</Say></Gather></Response>'
    world.servers[PRIMARY].behaves("/voice", Says(asked))
    world.servers[A].behaves("/voice", HEALTHY)
    made = call(flows, world, "+12025550109", Caller(digits=("1",)))
    assert made.words == ["Press 1.", "Welcome."]
    assert world.asked(PRIMARY) == ["/voice", "/chosen"]


def test_a_caller_who_hangs_up_while_being_handed_on_reaches_nobody(flows: Place, world: World) -> None:
    """In the pause before the primary is asked again."""
    made = call(flows, world, "+12025550109", Caller(hangs_up_during="Pause"))
    assert made.ended_by == "caller"
    assert world.asked(PRIMARY) == ["/voice"]


# ---- trunks


def trunk_call(flows: Place, to: str, caller: Caller, from_: str = CALLER, **switches: bool) -> Call:
    """Somebody calls a number of a trunk whose SIP servers are down."""
    with refusing_url() as url:
        port = url.rpartition(":")[2]
        twilio = flows.twilio(undocumented=Undocumented(**switches))  # type: ignore[arg-type]
        dead = [Origination(f"sip:pbx@127.0.0.1:{port}")]
        trunk = twilio.trunk("main", origination=dead, disaster_recovery_url=flows.outputs.trunk_url, numbers=[to])
        return trunk.call(to, from_, caller)


@pytest.mark.parametrize("as_address", [False, True], ids=["To is a number", "To is a SIP address"])
def test_a_desk_rings_although_its_trunk_is_down(flows: Place, as_address: bool) -> None:
    """The number that was dialled leads to the extension behind it."""
    callees = {"sip:101@pbx.example.com": Answers(talks=33)}
    made = trunk_call(flows, "+12025550181", Caller(callees=callees), trunk_to_is_sip_uri=as_address)
    assert [(dialled.to, dialled.bridged) for dialled in made.dialled] == [("sip:101@pbx.example.com", True)]


def test_a_phone_behind_an_extension_must_press_1(flows: Place) -> None:
    """A mailbox does not get the call: the caller leaves a message with us."""
    takes = Caller(callees={"+12025550173": Answers(presses="1")})
    assert [dialled.bridged for dialled in trunk_call(flows, "+12025550182", takes).dialled] == [True]
    machine = Caller(callees={"+12025550173": Mailbox(after=5)}, says=MESSAGE, ends_recording_with="#")
    made = trunk_call(flows, "+12025550182", machine)
    assert [dialled.bridged for dialled in made.dialled] == [False]
    assert len(made.recordings) == 1


@pytest.mark.parametrize("desk", [Busy(), NoAnswer(), Unreachable()], ids=["busy", "no answer", "unreachable"])
def test_a_desk_that_does_not_take_the_call_leads_to_the_mailbox(flows: Place, desk: Callee) -> None:
    callees = {"sip:101@pbx.example.com": desk}
    made = trunk_call(flows, "+12025550181", Caller(callees=callees, says=MESSAGE, ends_recording_with="#"))
    assert [dialled.bridged for dialled in made.dialled] == [False]
    assert [recording.heard for recording in made.recordings] == [MESSAGE]


def test_a_number_without_extension_gets_the_mailbox(flows: Place) -> None:
    made = trunk_call(flows, "+12025550183", Caller(says=MESSAGE, ends_recording_with="#"))
    assert made.dialled == []
    assert len(made.recordings) == 1


# ---- employees' own calls


def sip_call(flows: Place, dialled: str, caller: Caller) -> Call:
    """A desk phone dials while the application that would route its calls is down."""
    with refusing_url() as url:
        domain = flows.twilio().sip_domain("office", voice_url=url, voice_fallback_url=flows.entry("/sip/office"))
        return domain.call("ann", dialled, caller)


@pytest.mark.parametrize("number", ["911", "112", "933"])
def test_emergency_numbers_are_dialled(flows: Place, number: str) -> None:
    made = sip_call(flows, number, Caller(callees={number: Answers()}))
    assert [(dialled.to, dialled.bridged) for dialled in made.dialled] == [(number, True)]
    assert made.legs[0].parameters["From"] == OURS


def test_an_emergency_call_that_fails_says_what_to_do(flows: Place) -> None:
    made = sip_call(flows, "911", Caller(callees={"911": Busy()}))
    assert made.words == ["The emergency number could not be reached from here. Hang up and dial it on a mobile phone."]


def test_allowed_numbers_are_dialled_with_our_number(flows: Place) -> None:
    made = sip_call(flows, "+442071838750", Caller(callees={"+442071838750": Answers(talks=5)}))
    assert [dialled.bridged for dialled in made.dialled] == [True]
    assert made.legs[0].parameters["From"] == OURS


@pytest.mark.parametrize("callee", [Busy(), NoAnswer(), Unreachable()], ids=["busy", "no answer", "unreachable"])
def test_an_employee_is_told_that_a_number_was_not_reached(flows: Place, callee: Callee) -> None:
    made = sip_call(flows, "+442071838750", Caller(callees={"+442071838750": callee}))
    assert made.words == ["The number that you dialled could not be reached."]
    assert made.ended_by == "hangup"


def test_other_numbers_are_not_dialled(flows: Place) -> None:
    """A stolen phone must not call where the company never calls."""
    made = sip_call(flows, "+8825550100", Caller())
    assert made.dialled == []
    assert made.words[0] == "We are sorry."


def test_a_browser_phone_dials(flows: Place) -> None:
    """A Voice SDK app whose own application is down; the client passes what it dials as To."""
    with refusing_url() as url:
        app = flows.twilio().application("softphone", voice_url=url, voice_fallback_url=flows.entry("/app/softphone"))
        made = app.call("ann", "+12025550190", Caller(callees={"+12025550190": Answers()}))
        help_wanted = app.call("ann", "112", Caller(callees={"112": Answers()}))
    assert [dialled.bridged for dialled in made.dialled + help_wanted.dialled] == [True, True]
