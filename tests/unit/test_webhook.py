"""A request as Twilio makes it, over real sockets: what arrives is signed, what fails is told apart."""

import time
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest
from twilio.request_validator import RequestValidator

from lambdas.workers import webhook
from lambdas.workers.webhook import Ask, NoAnswer, NotSent, send
from local import certificate
from local.twilio.primary import Closes, Drips, Hangs, Primary, Says, refusing_url

TOKEN = "12345"
#: Answers that end too early: in their headers, in their body, in a chunk.
CUT = [
    Closes(b"HTTP/1.1 200 OK\r\nContent-Le"),
    Closes(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 20\r\n\r\n<Response/>"),
    Closes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n<Response/>"),
]
FORM = urlencode([("MessageSid", "SM1"), ("Body", "a & b = ü"), ("Empty", "")])


def test_a_post_arrives_signed_and_whole() -> None:
    with Primary() as primary:
        primary.answers("<Response/>")
        answer = send(Ask(f"{primary.url}/texts?tenant=a%20b#rc=2", FORM, "sms"), TOKEN, {"X-Marker": "1"})
        [received] = primary.received
    assert (answer.status, answer.content_type, answer.body) == (200, "text/xml", "<Response/>")
    assert (received.path, received.query, received.headers["x-marker"]) == ("/texts", "tenant=a%20b", "1")
    assert received.form == dict(parse_qsl(FORM, keep_blank_values=True))
    url = f"{primary.url}/texts?tenant=a%20b"
    assert RequestValidator(TOKEN).validate(url, received.form, received.headers["x-twilio-signature"])


@pytest.mark.parametrize(
    ("written", "seen"), [("/größe?a=ü", "/gr%C3%B6%C3%9Fe?a=%C3%BC"), ("/a b", "/a%20b"), ("/a%20b%2Fc", "/a%20b%2Fc")]
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_an_address_that_is_no_ascii_arrives_escaped_and_signed_so(method: str, written: str, seen: str) -> None:
    """The other side computes the signature over what it sees."""
    with Primary() as primary:
        primary.behaves(seen.partition("?")[0], Says(b"<Response/>"))
        answer = send(Ask(primary.url + written, "MessageSid=SM1" if method == "POST" else "", "sms", method), TOKEN, {})
        [received] = primary.received
    assert answer.status == 200
    form = {"MessageSid": "SM1"} if method == "POST" else {}
    assert RequestValidator(TOKEN).validate(primary.url + seen, form, received.headers["x-twilio-signature"])


def test_a_get_carries_its_parameters_behind_those_of_the_url() -> None:
    with Primary() as primary:
        primary.answers("<Response/>")
        send(Ask(f"{primary.url}/texts?a=1", "MessageSid=SM1&Body=x", "sms", "GET"), TOKEN, {})
        [received] = primary.received
    assert (received.method, received.query) == ("GET", "a=1&MessageSid=SM1&Body=x")
    assert RequestValidator(TOKEN).validate(f"{primary.url}/texts?{received.query}", {}, received.headers["x-twilio-signature"])


def test_user_and_password_of_a_url_are_sent_and_not_signed() -> None:
    with Primary() as primary:
        primary.answers("<Response/>")
        send(Ask(primary.url.replace("//", "//me:se%20cret@") + "/x", FORM, "sms"), TOKEN, {})
        [received] = primary.received
    assert received.headers["authorization"] == "Basic bWU6c2UgY3JldA=="
    assert RequestValidator(TOKEN).validate(f"{primary.url}/x", received.form, received.headers["x-twilio-signature"])


@pytest.mark.parametrize(("medium", "port"), [("voice", False), ("sms", True)])
def test_over_tls_the_port_of_a_call_is_not_signed(
    medium: webhook.Medium, port: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = certificate.write(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(files.authority))
    with Primary(files.server, files.key) as primary:
        primary.answers("<Response/>")
        answer = send(Ask(f"https://localhost:{primary.port}/x", FORM, medium), TOKEN, {})
        [received] = primary.received
    signed = f"https://localhost:{primary.port}/x" if port else "https://localhost/x"
    assert RequestValidator(TOKEN).compute_signature(signed, received.form) == received.headers["x-twilio-signature"]
    assert answer.certificate_ends is not None
    assert answer.certificate_ends > time.time()


def test_a_refused_connection_was_not_sent() -> None:
    with refusing_url() as url, pytest.raises(NotSent, match=r"127\.0\.0\.1 could not be reached"):
        send(Ask(url, FORM, "sms"), TOKEN, {})


def test_an_unknown_name_was_not_sent() -> None:
    with pytest.raises(NotSent):
        send(Ask("https://nobody.invalid/x", FORM, "sms"), TOKEN, {})


def test_a_certificate_that_nobody_vouches_for_was_not_sent(tmp_path: Path) -> None:
    files = certificate.write(tmp_path)
    with Primary(files.server, files.key) as primary:
        with pytest.raises(NotSent, match="CERTIFICATE_VERIFY_FAILED"):
            send(Ask(f"https://localhost:{primary.port}/x", FORM, "sms"), TOKEN, {})
        assert primary.received == []


@pytest.mark.parametrize("behaviour", [Hangs(), Closes(), Closes(b"nonsense"), *CUT, Drips(b"x" * 50, 0.1)])
def test_no_whole_answer_is_told_apart_from_none_sent(behaviour: Hangs | Closes | Drips, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "WAIT", 0.3)
    with Primary() as primary:
        primary.behaves("", behaviour)
        with pytest.raises(NoAnswer):
            send(Ask(f"{primary.url}/x", FORM, "sms"), TOKEN, {}, wait=0.3)
        assert len(primary.received) == 1


#: Answers whose end is that of the connection, as HTTP/1.0 and many small servers do it.
WITHOUT_LENGTH = {
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Type: text/xml\r\n\r\n<Response/>",
    "closed": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/xml\r\n\r\n<Response/>",
    "closed, and not said so": b"HTTP/1.1 200 OK\nContent-Type: text/xml\n\n<Response/>",
}


@pytest.mark.parametrize("what", WITHOUT_LENGTH)
def test_an_answer_without_a_length_ends_with_its_connection(what: str) -> None:
    with Primary() as primary:
        primary.behaves("", Closes(WITHOUT_LENGTH[what]))
        answer = send(Ask(f"{primary.url}/x", FORM, "sms"), TOKEN, {})
    assert (answer.status, answer.content_type, answer.body) == (200, "text/xml", "<Response/>")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("grün".encode("latin-1"), "text/plain; charset=ISO-8859-1"),
        ("grün".encode("cp1252"), 'text/plain; charset="windows-1252"'),
        ("grün".encode(), "text/plain"),
        ("grün".encode(), "text/plain; charset=none-such"),
        ("<?xml version='1.0' encoding='ISO-8859-1'?><Response>grün</Response>".encode("latin-1"), "text/xml"),
    ],
)
def test_an_answer_is_read_in_its_own_charset(body: bytes, kind: str) -> None:
    with Primary() as primary:
        primary.behaves("", Says(body, kind))
        assert "grün" in send(Ask(f"{primary.url}/x", FORM, "sms"), TOKEN, {}).body


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with Primary() as primary:
        primary.behaves("", Says(b"", status=302, headers=(("Location", "https://elsewhere.example.com/"),)))
        assert send(Ask(f"{primary.url}/x", FORM, "sms"), TOKEN, {}).status == 302


def test_of_a_huge_answer_so_much_is_read_as_twilio_takes() -> None:
    with Primary() as primary:
        primary.behaves("", Says(b"x" * 1_000_000))
        assert webhook.LARGEST_ANSWER <= len(send(Ask(f"{primary.url}/x", FORM, "sms"), TOKEN, {}).body) < 200_000
