"""One webhook as the stand-in Twilio makes it, over real sockets on 127.0.0.1."""

import datetime
import gzip
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twilio.request_validator import RequestValidator

from local.twilio.connection import Resolver
from local.twilio.cookies import FOUR_HOURS, Jar
from local.twilio.error import TwilioError
from local.twilio.exchange import Ask, Exchange
from local.twilio.overrides import overrides
from local.twilio.primary import Behaviour, Closes, Drips, Fails, Hangs, Primary, Says, refusing_url
from local.twilio.signing import Tokens, signature, signed_url
from local.twilio.undocumented import Undocumented
from local.twilio.webhook import Webhooks

TOKEN = "12345"
OK = Says(b"<Response/>")


@pytest.fixture
def primary() -> Iterator[Primary]:
    with Primary() as server:
        server.behaves("", OK)
        yield server


def request(
    url: str,
    form: dict[str, str] | None = None,
    *,
    method: str = "POST",
    undocumented: Undocumented | None = None,
    resolver: Resolver | None = None,
    trust: Path | None = None,
    jar: Jar | None = None,
    medium: str = "voice",
) -> Exchange:
    """What came of one webhook."""
    sent = Exchange(Ask(url, method), 0.0, "CA1", form or {"CallSid": "CA1", "From": "+15550123"})
    webhooks = Webhooks(Tokens(TOKEN), resolver or Resolver(), str(trust) if trust else None, undocumented or Undocumented())
    webhooks.send(sent, "voice" if medium == "voice" else "sms", jar)
    return sent


def test_a_request_is_a_form_signed_as_twilio_signs(primary: Primary) -> None:
    """The SDK's validator accepts what arrives."""
    request(primary.url + "/voice?store=4#ct=900", {"From": "+15550123", "Body": "", "Zoë": "a b&c"})
    received = primary.received[0]
    url = f"{primary.url}/voice?store=4"
    assert received.form == {"From": "+15550123", "Body": "", "Zoë": "a b&c"}
    assert RequestValidator(TOKEN).validate(url, received.form, received.headers["x-twilio-signature"])


def test_a_get_carries_its_parameters_in_the_signed_url(primary: Primary) -> None:
    request(primary.url + "/voice?store=4", {"From": "+15550123", "Body": "a b"}, method="GET")
    received = primary.received[0]
    assert received.query == "store=4&From=%2B15550123&Body=a+b"
    url = f"{primary.url}/voice?{received.query}"
    assert RequestValidator(TOKEN).validate(url, {}, received.headers["x-twilio-signature"])


def test_the_headers_are_those_of_captured_requests(primary: Primary) -> None:
    request(primary.url)
    headers = primary.received[0].headers
    assert headers["user-agent"] == "TwilioProxy/1.1"
    assert headers["content-type"] == "application/x-www-form-urlencoded; charset=UTF-8"
    assert headers["x-home-region"] == "us1"
    assert headers["host"] == f"127.0.0.1:{primary.port}"
    assert len(headers["i-twilio-idempotency-token"]) == 36


# Forms of the URL that Twilio's security page rules out (user info is dropped, HTTPS voice has no port), which the
# libraries accept all the same.
NOT_MADE = {"https-adds-443", "creds-user-only", "creds-user-only-443", "creds-upper-scheme"}


def test_published_signature_vectors(shared: Path) -> None:
    """Every valid vector of Twilio's own libraries comes out of the signer; repeated fields are never sent."""
    vectors = [
        each
        for each in json.loads((shared / "testdata/signature_vectors.json").read_text())["vectors"]
        if each["valid"] and all(isinstance(value, str) for value in each.get("params", {}).values())
    ]
    missed = set()
    for each in vectors:
        form = each.get("params", {})
        made = {signature(each["token"], each["url"], "voice", form), signature(each["token"], each["url"], "sms", form)}
        if each["signature"] not in made:
            missed.add(each["id"])
    assert missed == NOT_MADE


@pytest.mark.parametrize(
    ("medium", "signed"),
    [("voice", "https://h.example/a?b=1"), ("sms", "https://h.example:8443/a?b=1")],
)
def test_user_info_is_not_signed_and_the_port_only_for_texts(medium: str, signed: str) -> None:
    assert signed_url("https://u:p@h.example:8443/a?b=1#rc=2", "voice" if medium == "voice" else "sms") == signed


def test_http_keeps_its_port_in_the_signature() -> None:
    assert signed_url("http://h.example:8080/a", "voice") == "http://h.example:8080/a"


def test_defaults_are_five_seconds_to_connect_one_retry_of_connections() -> None:
    found = overrides("https://h.example/")
    assert (found.connect, found.read, found.total, found.retries) == (5.0, 15.0, None, 1)
    assert (found.policy, found.edges, found.sni) == (frozenset({"ct"}), ("ashburn",), True)


def test_overrides_are_read_from_the_fragment() -> None:
    found = overrides("https://h.example/#ct=300&rt=400&tt=900&rc=3&rp=rt,5xx&sni=n&e=dublin,tokyo")
    assert (found.connect, found.read, found.total, found.retries) == (0.3, 0.4, 0.9, 3)
    assert (found.policy, found.edges, found.sni) == (frozenset({"rt", "5xx"}), ("dublin", "tokyo"), False)


@pytest.mark.parametrize(
    ("fragment", "code"),
    [
        ("e=atlantis", 11240),
        ("e=ashburn-ix", 11242),
        ("rp=6xx", 11243),
        ("ct=50", 11100),
        ("rt=99999", 11100),
        ("tt=soon", 11100),
        ("rc=6", 11100),
        ("sni=maybe", 11100),
        ("timeout=3", 11100),
    ],
)
def test_nonsense_in_the_fragment_is_refused(fragment: str, code: int) -> None:
    with pytest.raises(TwilioError) as refused:
        overrides(f"https://h.example/#{fragment}")
    assert refused.value.code == code


def test_a_closed_port_is_11202_and_tried_twice() -> None:
    with refusing_url() as url:
        sent = request(url)
    assert sent.error_code == 11202
    assert [each.code for each in sent.attempts] == [11202, 11202]


def test_retries_rotate_over_the_edges() -> None:
    with refusing_url() as url:
        sent = request(url + "#rc=2&e=ashburn,umatilla")
    assert [each.edge for each in sent.attempts] == ["ashburn", "umatilla", "ashburn"]


def test_a_host_that_takes_no_connection_is_11201() -> None:
    """A listener whose queue is full drops the handshake, as a firewall would."""
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for each in (first, second):
            each.setblocking(False)
            each.connect_ex(deaf.getsockname())
        sent = request(f"http://127.0.0.1:{deaf.getsockname()[1]}/#ct=100&rc=0")
    assert sent.error_code == 11201


@pytest.mark.parametrize(
    ("behaviour", "fragment", "code", "attempts"),
    [
        (Fails(500), "", 11200, 1),
        (Fails(500), "rc=2&rp=5xx", 11200, 3),
        (Fails(404), "rc=2&rp=5xx", 11200, 1),
        (Fails(404), "rc=2&rp=4xx", 11200, 3),
        (Hangs(), "rt=100", 11200, 1),
        (Hangs(), "rt=100&rc=1&rp=rt", 11200, 2),
        (Hangs(), "rt=5000&tt=150&rc=5&rp=all", 11203, 1),
        (Drips(b"<Response/>", 0.03), "tt=150", 11203, 1),
        (Drips(b"<Response/>", 0.3), "rt=100&rp=all&rc=3", 11200, 1),
        (Closes(), "", 11205, 1),
        (Closes(), "rp=all", 11205, 2),
        (Closes(b"220 mail.example ESMTP\r\n"), "rp=all", 11206, 1),
        (Closes(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<Resp"), "rp=all", 11206, 1),
        (Says(b"", status=304, content_type=""), "", 11216, 1),
        (Says(b"", status=308, headers=(("Location", "/elsewhere"),)), "", 11216, 1),
        (Says(b"", status=302), "", 11216, 1),
    ],
)
def test_what_goes_wrong_has_its_code_and_its_retries(
    primary: Primary, behaviour: Behaviour, fragment: str, code: int, attempts: int
) -> None:
    primary.behaves("", behaviour)
    sent = request(f"{primary.url}/voice#{fragment}")
    assert (sent.error_code, len(sent.attempts)) == (code, attempts)


def test_a_retry_that_succeeds_is_a_success(primary: Primary) -> None:
    primary.behaves("/voice", Fails(503), OK)
    sent = request(primary.url + "/voice#rp=5xx")
    assert (sent.error_code, [each.status for each in sent.attempts]) == (None, [503, 200])


def test_a_slow_drip_within_the_time_is_read(primary: Primary) -> None:
    primary.behaves("", Drips(b"<Response/>", 0.002))
    assert request(primary.url + "/#rt=1000").body == "<Response/>"


def test_compressed_answers_are_read(primary: Primary) -> None:
    primary.behaves("", Says(gzip.compress(b"<Response/>"), headers=(("Content-Encoding", "gzip"),)))
    assert request(primary.url).body == "<Response/>"


@pytest.mark.parametrize("url", ["", "/voice", "voice", "ftp://h.example/", "https:///x", "http://h:99999/", "http://a b/"])
def test_what_is_no_url_is_11100(url: str) -> None:
    assert request(url).error_code == 11100


def test_only_get_and_post() -> None:
    assert request("http://127.0.0.1/", method="PUT").error_code == 11100


def test_hosts_elsewhere_do_not_resolve() -> None:
    """Nothing that the stand-in does leaves this machine."""
    assert request("https://www.example.com/voice").error_code == 11210
    assert request("https://192.0.2.1/voice").error_code == 11210


@pytest.mark.parametrize(("status", "keeps"), [(301, False), (302, False), (303, False), (307, True)])
def test_redirects_are_followed(primary: Primary, status: int, keeps: bool) -> None:
    """The query string goes along, and so do the parameters: as a form after 307, in the query otherwise."""
    primary.behaves("/old", Says(b"", status=status, headers=(("Location", "/new"),)))
    sent = request(primary.url + "/old?store=4", {"Digits": "1"})
    received = primary.received[-1]
    assert (sent.error_code, sent.url.partition("?")[0]) == (None, primary.url + "/new")
    assert received.method == ("POST" if keeps else "GET")
    assert "store=4" in received.query
    assert received.form["Digits"] == "1"
    url = f"{primary.url}/new?{received.query}"
    form = received.form if keeps else {}
    assert RequestValidator(TOKEN).validate(url, form, received.headers["x-twilio-signature"])


def test_ten_redirects_are_followed_and_no_more(primary: Primary) -> None:
    primary.behaves("/loop", *[Says(b"", status=302, headers=(("Location", "/loop"),))] * 10, OK)
    assert request(primary.url + "/loop").error_code is None
    primary.behaves("/loop", Says(b"", status=302, headers=(("Location", "/loop"),)))
    assert request(primary.url + "/loop").error_code == 11215


def test_credentials_are_sent_when_asked_for(primary: Primary) -> None:
    """First without, as Twilio does; the URL is signed without them."""
    asks = Says(b"", status=401, headers=(("WWW-Authenticate", 'Basic realm="x"'),))
    primary.behaves("/voice", asks, OK)
    sent = request(primary.url.replace("//", "//user:p%40ss@") + "/voice")
    first, second = primary.received
    assert sent.error_code is None
    assert "authorization" not in first.headers
    assert second.headers["authorization"] == "Basic dXNlcjpwQHNz"
    assert RequestValidator(TOKEN).validate(f"{primary.url}/voice", second.form, second.headers["x-twilio-signature"])


def certificate(folder: Path, names: list[str], days: int = 2) -> tuple[Path, Path]:
    """A self-signed certificate for these names and its key; `days` below zero: expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=9))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / f"{names[0]}{days}.pem", folder / f"{names[0]}{days}.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return pem, secret


HOST = "abc123.execute-api.us-east-1.amazonaws.com"


def test_a_host_can_be_served_by_this_machine(tmp_path: Path) -> None:
    """The name of an API leads to the local cloud, with the right Host and the right name in TLS."""
    pem, key = certificate(tmp_path, [HOST])
    with Primary(pem, key) as server:
        server.behaves("", OK)
        resolver = Resolver({".execute-api.us-east-1.amazonaws.com": ("127.0.0.1", server.port)})
        sent = request(f"https://{HOST}/v1/voice", resolver=resolver, trust=pem)
        received = server.received[0]
    assert (sent.error_code, received.headers["host"], received.path) == (None, HOST, "/v1/voice")
    assert RequestValidator(TOKEN).validate(f"https://{HOST}/v1/voice", received.form, received.headers["x-twilio-signature"])


@pytest.mark.parametrize(
    ("names", "days", "trusted", "code"),
    [([HOST], 2, True, None), (["other.example"], 2, True, 11235), ([HOST], -2, True, 11236), ([HOST], 2, False, 11237)],
)
def test_certificates_are_checked(tmp_path: Path, names: list[str], days: int, trusted: bool, code: int | None) -> None:
    pem, key = certificate(tmp_path, names, days)
    another, _ = certificate(tmp_path, ["unrelated.example"])
    with Primary(pem, key) as server:
        server.behaves("", OK)
        resolver = Resolver({HOST: ("127.0.0.1", server.port)})
        sent = request(f"https://{HOST}/", resolver=resolver, trust=pem if trusted else another)
    assert sent.error_code == code
    assert len(sent.attempts) == (1 if code is None else 2), "a failed handshake is tried again by default"


def test_https_to_a_port_without_tls_is_11220(primary: Primary) -> None:
    assert request(primary.url.replace("http:", "https:") + "#ct=300").error_code == 11220


def test_a_tls_handshake_that_never_comes_is_11220() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sent = request(f"https://127.0.0.1:{silent.getsockname()[1]}/#ct=150&rc=0")
    assert sent.error_code == 11220


class Clock:
    """Seconds, moved by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_cookies_come_back_to_their_host_and_path() -> None:
    jar = Jar(Clock())
    jar.store("https://a.example/v1/voice/x", [("Set-Cookie", "root=1; Path=/v1"), ("Set-Cookie", "near=2; Secure")])
    assert jar.header("https://a.example/v1/voice") == "root=1; near=2"
    assert jar.header("https://a.example/v1/other") == "root=1"
    assert jar.header("http://a.example/v1/voice") == "root=1"
    assert jar.header("https://b.example/v1/voice") == ""


def test_a_newer_cookie_replaces_and_max_age_ends_it() -> None:
    clock = Clock()
    jar = Jar(clock)
    jar.store("https://a.example/", [("Set-Cookie", "step=1"), ("Set-Cookie", "step=2; Max-Age=60")])
    assert jar.header("https://a.example/") == "step=2"
    clock.now += 60
    assert jar.header("https://a.example/") == ""


@pytest.mark.parametrize(("renewed", "left"), [(True, "seen=1"), (False, "")])
def test_text_cookies_last_four_hours(renewed: bool, left: str) -> None:
    """From their last use, or from when they were set: Twilio's pages disagree."""
    clock = Clock()
    jar = Jar(clock, FOUR_HOURS, renewed)
    jar.store("https://a.example/", [("Set-Cookie", "seen=1; Max-Age=999999")])
    clock.now += FOUR_HOURS - 1
    assert jar.header("https://a.example/") == "seen=1"
    clock.now += FOUR_HOURS - 1
    assert jar.header("https://a.example/") == left
    clock.now += FOUR_HOURS
    assert jar.header("https://a.example/") == ""


@pytest.mark.parametrize("header", ["=nameless", "novalue", "a=\x01"])
def test_cookies_that_break_the_protocol_are_11206(header: str) -> None:
    with pytest.raises(TwilioError) as refused:
        Jar(Clock()).store("https://a.example/", [("Set-Cookie", header)])
    assert refused.value.code == 11206


def test_a_cookie_set_on_the_way_comes_back(primary: Primary) -> None:
    jar = Jar(Clock())
    primary.behaves("", Says(b"<Response/>", headers=(("Set-Cookie", "step=1"),)))
    request(primary.url, jar=jar)
    request(primary.url, jar=jar)
    assert "cookie" not in primary.received[0].headers
    assert primary.received[1].headers["cookie"] == "step=1"


@pytest.mark.parametrize("keeps", [True, False])
def test_the_token_of_a_retry(primary: Primary, keeps: bool) -> None:
    primary.behaves("", Fails(500))
    request(primary.url + "#rp=5xx", undocumented=Undocumented(retries_keep_idempotency_token=keeps))
    tokens = {each.headers["i-twilio-idempotency-token"] for each in primary.received}
    assert len(tokens) == (1 if keeps else 2)


@pytest.mark.parametrize("keeps", [True, False])
def test_a_post_after_a_redirect(primary: Primary, keeps: bool) -> None:
    primary.behaves("/old", Says(b"", status=302, headers=(("Location", "/new"),)))
    request(primary.url + "/old", undocumented=Undocumented(redirects_keep_post=keeps))
    assert primary.received[-1].method == ("POST" if keeps else "GET")


@pytest.mark.parametrize("anew", [True, False])
def test_the_signature_after_a_redirect(primary: Primary, anew: bool) -> None:
    primary.behaves("/old", Says(b"", status=307, headers=(("Location", "/new"),)))
    request(primary.url + "/old", undocumented=Undocumented(redirects_are_signed_anew=anew))
    received = primary.received[-1]
    url = primary.url + ("/new" if anew else "/old")
    assert RequestValidator(TOKEN).validate(url, received.form, received.headers["x-twilio-signature"])


@pytest.mark.parametrize("code", [11200, 11205])
def test_the_code_of_silence(primary: Primary, code: int) -> None:
    primary.behaves("", Hangs())
    assert request(primary.url + "#rt=100", undocumented=Undocumented(silence_code=code)).error_code == code
