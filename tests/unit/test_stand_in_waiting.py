"""Queues, conferences and agents behind sockets, as the stand-in for Twilio plays them; and what picked up a call that was placed."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.exchange import received
from bench.tls_server import TlsServer
from local.twilio import Answers, Call, Caller, StandInTwilio
from local.twilio.execution import NotPlayedError
from local.twilio.people import Agent
from local.twilio.primary import Primary

CALLER, LINE = "+15550123999", "+15550100999"
ACCEPTS = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


@pytest.fixture
def web() -> Iterator[Primary]:
    with Primary() as server:
        server.answers("<Response><Say>Back again</Say></Response>", "/after")
        server.answers("<Response><Say>You are waiting</Say></Response>", "/wait")
        server.answers("<Response><Leave/></Response>", "/leave")
        yield server


def call(web: Primary, verb: str, caller: Caller | None = None, trust: Path | None = None) -> Call:
    """A call whose first document is this verb, and then a sentence."""
    web.answers(f"<Response>{verb}<Say>Next</Say></Response>", "/voice")
    return StandInTwilio("AC" + "a" * 32, "12345", ca_bundle=trust).number(LINE, voice_url=web.url + "/voice").call(CALLER, caller)


def asked(web: Primary, path: str = "/after") -> dict[str, str]:
    """What the last request for this path said."""
    return [each.form for each in web.received if each.path == path][-1]


# --- <Enqueue>


def test_somebody_in_a_queue_is_taken_out_of_it(web: Primary) -> None:
    made = call(web, '<Enqueue action="/after">support</Enqueue>', Caller(meets={"support": Answers(after=40, talks=60)}))
    said = asked(web)
    assert (said["QueueResult"], said["QueueSid"][:2]) == ("bridged", "QU")
    assert int(said["QueueTime"]) >= 100
    assert [(each.kind, each.what) for each in made.heard] == [("hold", "support"), ("talk", "support"), ("say", "Back again")]


def test_the_document_of_a_queue_is_asked_for_until_somebody_comes(web: Primary) -> None:
    made = call(web, '<Enqueue waitUrl="/wait">support</Enqueue>', Caller(meets={"support": Answers(after=5, talks=10)}))
    assert made.words.count("You are waiting") == 5
    assert asked(web, "/wait")["QueuePosition"] == "1"
    assert made.words[-1] == "Next", "without an action the next verb follows"


def test_a_queue_can_be_left_by_its_document_and_by_hanging_up(web: Primary) -> None:
    call(web, '<Enqueue waitUrl="/leave" action="/after">support</Enqueue>')
    assert asked(web)["QueueResult"] == "leave"
    made = call(web, '<Enqueue action="/after">support</Enqueue>', Caller(hangs_up_after=90))
    assert (asked(web)["QueueResult"], made.ended_by) == ("hangup", "caller")


def test_a_queue_whose_document_cannot_be_had_is_an_error(web: Primary) -> None:
    call(web, '<Enqueue waitUrl="http://127.0.0.1:9/wait" action="/after">support</Enqueue>')
    assert asked(web)["QueueResult"] == "error"


def test_task_router_is_not_played(web: Primary) -> None:
    with pytest.raises(NotPlayedError, match="workflowSid"):
        call(web, '<Enqueue workflowSid="WW1"/>')


# --- <Conference>


def test_a_conference_begins_when_somebody_comes(web: Primary) -> None:
    verb = '<Dial action="/after"><Conference>room</Conference></Dial>'
    made = call(web, verb, Caller(meets={"room": Answers(after=20, talks=40)}))
    said = asked(web)
    assert (said["DialCallStatus"], said["DialCallDuration"]) == ("answered", "60")
    assert [each.kind for each in made.heard] == ["hold", "talk", "say"]


def test_nobody_comes_to_a_conference(web: Primary) -> None:
    """Music until the time is up, or the caller is gone."""
    call(web, '<Dial action="/after" timeLimit="30"><Conference>room</Conference></Dial>')
    assert asked(web)["DialCallDuration"] == "30"
    made = call(web, '<Dial action="/after"><Conference>room</Conference></Dial>', Caller(hangs_up_after=50))
    assert (made.ended_by, asked(web)["DialCallStatus"]) == ("caller", "answered")


# --- <Connect>


@contextmanager
def socket(directory: Path, answer: bytes) -> Iterator[tuple[str, Path]]:
    """A server that answers a handshake so: its address, and what has to be trusted."""

    def behave(tunnel: ssl.SSLSocket) -> None:
        head = received(tunnel)
        assert head is not None
        assert head.headers["upgrade"] == "websocket"
        tunnel.sendall(answer)

    with TlsServer(directory, behave) as server:
        yield server.url.replace("https", "wss") + "/agent", server.authority


RELAY = '<Connect action="/after"><ConversationRelay url="{}"/></Connect>'
STREAM = '<Connect action="/after"><Stream url="{}"/></Connect>'


def test_an_agent_behind_a_socket_ends_and_hands_off(web: Primary, tmp_path: Path) -> None:
    with socket(tmp_path, ACCEPTS) as (url, trust):
        agents = {url: Agent(talks=25, handoff_data='{"reason": "human"}')}
        made = call(web, RELAY.format(url), Caller(agents=agents), trust)
    said = asked(web)
    assert (said["SessionStatus"], said["HandoffData"], said["SessionId"][:2]) == ("ended", '{"reason": "human"}', "VX")
    assert int(said["SessionDuration"]) >= 25
    assert made.words == ["Back again"]


@pytest.mark.parametrize(
    ("verb", "answer", "code"),
    [
        (RELAY, b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n", 64102),
        (STREAM, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 31920),
        (RELAY, b"", 64102),
    ],
    ids=["500", "404", "nothing"],
)
def test_a_socket_that_does_not_open_fails_and_the_action_is_asked(
    web: Primary, tmp_path: Path, verb: str, answer: bytes, code: int
) -> None:
    """Never the number's fallback: that is asked only when the action fails."""
    with socket(tmp_path, answer) as (url, trust):
        made = call(web, verb.format(url), trust=trust)
    assert {each.code for each in made.platform.alerts} == {code}
    assert made.words == ["Back again"]
    if verb == RELAY:
        assert (asked(web)["SessionStatus"], asked(web)["ErrorCode"]) == ("failed", str(code))


def test_a_socket_that_refuses_or_is_none_fails_too(web: Primary) -> None:
    for verb, url, code in (
        (RELAY, "wss://127.0.0.1:9/agent", "64102"),
        (RELAY, "https://agent.example.com/", "64101"),
        (STREAM, "wss://127.0.0.1:9/agent", "31902"),
        (STREAM, "ws://127.0.0.1:9/agent", "31922"),
    ):
        made = call(web, verb.format(url))
        assert [str(each.code) for each in made.platform.alerts] == [code]


def test_an_agent_that_is_cut_off_fails(web: Primary, tmp_path: Path) -> None:
    with socket(tmp_path, ACCEPTS) as (url, trust):
        call(web, RELAY.format(url), Caller(agents={url: Agent(talks=5, is_cut_off=True)}), trust)
    assert (asked(web)["SessionStatus"], asked(web)["ErrorCode"]) == ("failed", "64105")


def test_a_caller_who_leaves_an_agent_completes_the_session(web: Primary, tmp_path: Path) -> None:
    with socket(tmp_path, ACCEPTS) as (url, trust):
        made = call(web, RELAY.format(url), Caller(hangs_up_after=10), trust)
    assert (asked(web)["SessionStatus"], asked(web)["CallStatus"], made.ended_by) == ("completed", "completed", "caller")
    assert made.words == []


def test_other_nouns_of_connect_are_not_played(web: Primary) -> None:
    with pytest.raises(NotPlayedError, match="Room"):
        call(web, "<Connect><Room>daily</Room></Connect>")


# --- what picked up


def test_twilio_says_what_picked_up_a_call_that_was_placed(web: Primary) -> None:
    place: Callable[..., Call] = StandInTwilio("AC" + "a" * 32, "12345").call
    place(CALLER, LINE, url=web.url + "/after", answered_by="machine_start")
    assert asked(web)["AnsweredBy"] == "machine_start"
    with pytest.raises(ValueError, match="never 'robot'"):
        place(CALLER, LINE, url=web.url + "/after", answered_by="robot")
