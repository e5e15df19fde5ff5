"""Elastic SIP Trunks on the stand-in Twilio: SIP servers first, then the disaster recovery URL."""

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from threading import Thread

import pytest
from twilio.request_validator import RequestValidator

from local.twilio import Call, Caller, Origination, StandInTwilio, Undocumented
from local.twilio.described import events
from local.twilio.origination import in_order, is_final, knock
from local.twilio.primary import Fails, Primary, Says

TOKEN = "12345"
DEAD = "sip:127.0.0.1:9"


@pytest.fixture
def web() -> Iterator[Primary]:
    with Primary() as server:
        server.behaves("/trunk/main", Says(b"<Response><Say>We cannot be reached.</Say></Response>"))
        yield server


@contextmanager
def sip_server(status: int, transport: str = "udp") -> Iterator[str]:
    """A SIP server that answers one request with this status; yields its URI."""
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(60)
        if transport == "tcp":
            server.listen()
        thread = Thread(target=_serve, args=(server, status, transport))
        thread.start()
        yield f"sip:pbx@127.0.0.1:{server.getsockname()[1]};transport={transport}"
        thread.join()


def _serve(server: socket.socket, status: int, transport: str) -> None:
    answer = f"SIP/2.0 {status} Whatever\r\nContent-Length: 0\r\n\r\n".encode()
    if transport == "udp":
        request, client = server.recvfrom(65536)
        assert request.startswith(b"OPTIONS sip:pbx@127.0.0.1")
        server.sendto(answer, client)
        return
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(answer)


def call(
    web: Primary, *origination: str | Origination, caller: Caller | None = None, url: str = "/trunk/main", **switches: object
) -> tuple[Call, StandInTwilio]:
    open_questions = Undocumented(**switches)  # type: ignore[arg-type]
    twilio = StandInTwilio("AC" + "a" * 32, TOKEN, undocumented=open_questions)
    recovery = web.url + url if url else ""
    twilio.trunk("main", origination=origination, disaster_recovery_url=recovery, numbers=["+15550150"])
    return twilio.numbers["+15550150"].call("+15550123", caller), twilio


def test_dead_sip_servers_lead_to_the_disaster_recovery_url(web: Primary) -> None:
    """After four seconds of ringing each; a request like any other, without ErrorCode."""
    made, twilio = call(web, DEAD, "sip:127.0.0.1:9;transport=tcp")
    received = web.received[0]
    assert made.words == ["We cannot be reached."]
    assert [each.status for each in made.tried] == [None, None]
    assert made.exchanges[0].at == 8.0
    assert (received.form["To"], received.form["From"]) == ("+15550150", "+15550123")
    assert "ErrorCode" not in received.form
    assert RequestValidator(TOKEN).validate(web.url + "/trunk/main", received.form, received.headers["x-twilio-signature"])
    assert [each.code for each in twilio.alerts] == [32011, 32011]


def test_there_is_nothing_behind_the_disaster_recovery_url(web: Primary) -> None:
    web.behaves("/trunk/main", Fails(500))
    made, _ = call(web, DEAD)
    assert ([each.kind for each in made.heard], len(web.received)) == (["ringing", "error"], 1)


def test_an_error_later_in_the_call_has_no_way_back_either(web: Primary) -> None:
    web.behaves("/trunk/main", Says(b"<Response><Redirect>/broken</Redirect></Response>"))
    made, _ = call(web, DEAD)
    assert (made.ended_by, [each.path for each in web.received]) == ("error", ["/trunk/main", "/broken"])


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_sip_server_that_answers_takes_the_call(web: Primary, transport: str) -> None:
    with sip_server(200, transport) as uri:
        made, _ = call(web, DEAD, Origination(uri, priority=20))
    assert (made.status, web.received) == ("completed", [])
    assert [each.status for each in made.tried] == [None, 200]


@pytest.mark.parametrize(
    ("status", "recovers", "ends"),
    [(486, False, "busy"), (600, False, "busy"), (404, False, "failed"), (500, True, "completed"), (503, True, "completed")],
)
def test_some_answers_are_final(web: Primary, status: int, recovers: bool, ends: str) -> None:
    """A broken PBX that says 404 or 486 never reaches the disaster recovery URL."""
    with sip_server(status) as uri:
        made, _ = call(web, uri)
    assert (bool(web.received), made.status) == (recovers, ends)


def test_what_twilios_page_lists_is_final_and_nothing_else() -> None:
    final = {200, 202, 400, 404, 405, 410, 416, 482, 484, 486, 600, 603, 699}
    assert {code for code in range(200, 700) if is_final(code, True)} >= final
    for code in (None, 300, 302, 401, 403, 408, 417, 480, 487, 488, 500, 503, 599):
        assert not is_final(code, True)
    assert is_final(403, False)


def test_priorities_come_in_order_and_weights_share() -> None:
    uris = [
        Origination("sip:c", priority=20),
        Origination("sip:a", priority=10, weight=30),
        Origination("sip:b", priority=10, weight=10),
        Origination("sip:off", priority=1, enabled=False),
    ]
    dice = Random(7)
    orders = Counter("".join(each.uri[-1] for each in in_order(uris, dice)) for _ in range(400))
    assert set(orders) == {"abc", "bac"}
    assert 250 < orders["abc"] < 350


def test_hosts_elsewhere_are_silent() -> None:
    """Nothing that the stand-in does leaves this machine."""
    assert knock("sip:pbx.example.com:5060", 0.1).status is None
    assert knock("nonsense", 0.1).status is None


def test_without_a_disaster_recovery_url_the_call_fails(web: Primary) -> None:
    made, _ = call(web, DEAD, url="")
    assert made.status == "failed"


def test_a_caller_can_give_up_while_servers_are_tried(web: Primary) -> None:
    made, _ = call(web, DEAD, DEAD, caller=Caller(hangs_up_after=5))
    assert (made.status, made.seconds, web.received) == ("no-answer", 5, [])


def test_ten_uris_are_the_most() -> None:
    with pytest.raises(ValueError, match="Twilio takes 10"):
        StandInTwilio("AC1", TOKEN).trunk("main", origination=[DEAD] * 11)


def test_a_number_on_a_trunk_keeps_its_texts(web: Primary) -> None:
    web.behaves("/sms", Says(b"<Response><Message>Hi</Message></Response>"))
    twilio = StandInTwilio("AC" + "a" * 32, TOKEN)
    number = twilio.number("+15550150", sms_url=web.url + "/sms")
    twilio.trunk("main", origination=[DEAD], numbers=["+15550150"])
    assert number.text("+15550123", "Hello").bodies == ["Hi"]


@pytest.mark.parametrize("carries", [True, False])
def test_error_code_of_a_disaster_recovery_request(web: Primary, carries: bool) -> None:
    call(web, DEAD, trunk_sends_error_code=carries)
    form = web.received[0].form
    assert (form.get("ErrorCode"), form.get("ErrorUrl")) == (("32011", DEAD) if carries else (None, None))


@pytest.mark.parametrize("uri", [True, False])
def test_to_of_a_disaster_recovery_request(web: Primary, uri: bool) -> None:
    call(web, DEAD, trunk_to_is_sip_uri=uri)
    expected = "sip:+15550150@127.0.0.1:9" if uri else "+15550150"
    assert (web.received[0].form["To"], web.received[0].form["Called"]) == (expected, expected)


@pytest.mark.parametrize("carries", [True, False])
def test_places_of_a_disaster_recovery_request(web: Primary, carries: bool) -> None:
    call(web, DEAD, trunk_sends_geography=carries)
    assert ("FromCountry" in web.received[0].form) is carries


@pytest.mark.parametrize("listed", [True, False])
def test_the_requests_of_a_trunks_call(web: Primary, listed: bool) -> None:
    made, twilio = call(web, DEAD, trunk_requests_are_listed=listed)
    now = twilio.platform.clock() + 3600
    twilio.platform.clock = lambda: now
    assert bool(events(twilio.platform, made)) is listed


@pytest.mark.parametrize("recovers", [True, False])
def test_a_trunk_without_uris(web: Primary, recovers: bool) -> None:
    made, twilio = call(web, Origination(DEAD, enabled=False), trunk_recovers_without_uris=recovers)
    assert (len(web.received), made.status) == ((1, "completed") if recovers else (0, "failed"))
    assert twilio.alerts[0].code == 32010


@pytest.mark.parametrize("recovers", [True, False])
def test_a_sip_server_that_forbids(web: Primary, recovers: bool) -> None:
    with ExitStack() as stack:
        uri = stack.enter_context(sip_server(403))
        call(web, uri, trunk_recovers_after_403=recovers)
    assert len(web.received) == recovers
