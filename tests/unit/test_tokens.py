"""The tokens: Signature Version 4 held against botocore, and a Secrets Manager that fails in every way, over real TLS on this machine."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from bench.exchange import received, reply
from bench.tls_server import Behaviour, TlsServer, aws
from lambdas.answer import tokens
from lambdas.answer.tokens import (
    LARGEST_ANSWER,
    OLD_AFTER,
    REFRESH_AFTER,
    RETRY_AFTER,
    TOO_OLD_AFTER,
    TokenStore,
    signed_headers,
    tokens_in,
)
from stacks.functions import amazon_roots
from tests.unit.gateway import ACCOUNT, TOKEN, environment

SECRET = json.dumps({ACCOUNT: [TOKEN]})
GOOD = {ACCOUNT: [TOKEN]}
PATIENCE = 20.0  #: seconds; far more than an answer from this machine takes


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested is what becomes of an answer, not how soon a busy machine gives it."""
    monkeypatch.setattr(tokens, "SOCKET_TIMEOUT", PATIENCE)
    monkeypatch.setattr(tokens, "AT_CALL", PATIENCE)


def botocore_headers(credentials: Credentials, region: str, host: str, body: bytes) -> dict[str, str]:
    """The headers of the same request as botocore signs it, now."""
    plain = {"Content-Type": "application/x-amz-json-1.1", "Host": host, "X-Amz-Target": "secretsmanager.GetSecretValue"}
    request = AWSRequest("POST", f"https://{host}/", data=body, headers=plain)
    SigV4Auth(credentials, "secretsmanager", region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@pytest.mark.parametrize("token", [None, "a-session-token/with+signs=="])
@pytest.mark.parametrize(
    ("key", "secret", "region", "host", "name"),
    [
        ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-west-2", "secretsmanager.us-west-2.amazonaws.com", "tokens"),
        ("ASIAEXAMPLE", "x", "eu-central-1", "127.0.0.1:4566", "arn:aws:secretsmanager:eu-central-1:000000000000:secret:Tokens-a1b2c3"),
        ("AKIDEXAMPLE", "é", "us-gov-east-1", "secretsmanager.us-gov-east-1.amazonaws.com", 'a "name" of ünusual signs'),
    ],
)
def test_the_request_is_signed_byte_for_byte_as_botocore_signs_it(
    monkeypatch: pytest.MonkeyPatch, token: str | None, key: str, secret: str, region: str, host: str, name: str
) -> None:
    """Signature Version 4 by hand saves the import of botocore; it must not differ in a single letter."""
    for variable, value in {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": region}.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("AWS_SESSION_TOKEN", token) if token else monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    body = json.dumps({"SecretId": name}).encode()
    theirs = botocore_headers(Credentials(key, secret, token), region, host, body)
    assert signed_headers(host, body, time.strptime(theirs["x-amz-date"], "%Y%m%dT%H%M%SZ")) == theirs


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Behaviour], TlsServer]]:
    """Starts a Secrets Manager that behaves so, and points the function to it."""
    started: list[TlsServer] = []

    def start(behave: Behaviour) -> TlsServer:
        server = TlsServer(tmp_path, behave)
        started.append(server)
        for name, value in environment(server.url, server.authority).items():
            monkeypatch.setenv(name, value)
        return server

    yield start
    for server in started:
        server.__exit__(None, None, None)


def says(answer: bytes) -> Behaviour:
    """Read the request, say this, hang up."""

    def behave(tunnel: ssl.SSLSocket) -> None:
        received(tunnel)
        tunnel.sendall(answer)

    return behave


def status(code: int, body: bytes) -> Behaviour:
    """Read the request and answer with this status."""

    def behave(tunnel: ssl.SSLSocket) -> None:
        received(tunnel)
        reply(tunnel, code, body)

    return behave


def until(done: threading.Event, begin: bytes, drop: bytes) -> Behaviour:
    """Read the request, say something, and go on with a drop every now and then until the test is over (ten seconds at most)."""

    def behave(tunnel: ssl.SSLSocket) -> None:
        received(tunnel)
        tunnel.sendall(begin)
        for _ in range(1000):
            tunnel.sendall(drop)
            if done.wait(0.01):
                return

    return behave


def test_the_tokens_are_fetched(serve: Callable[[Behaviour], TlsServer]) -> None:
    """Over TLS 1.2 or later, from a host whose certificate is checked strictly."""
    serve(aws(SECRET))
    assert TokenStore("tokens", PATIENCE).current() == GOOD


def test_the_request_is_one_that_secrets_manager_takes(serve: Callable[[Behaviour], TlsServer]) -> None:
    """GetSecretValue in JSON 1.1, for the secret that the function was told."""
    seen: list[Any] = []

    def behave(tunnel: ssl.SSLSocket) -> None:
        seen.append(received(tunnel))
        reply(tunnel, 200, json.dumps({"SecretString": SECRET}).encode())

    server = serve(behave)
    TokenStore("the-secret", PATIENCE)
    (call,) = seen
    assert json.loads(call.body) == {"SecretId": "the-secret"}
    assert call.path == "/"
    assert call.headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert call.headers["content-type"] == "application/x-amz-json-1.1"
    assert call.headers["host"] == server.url.removeprefix("https://")


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(says(b""), id="hangs up at once"),
        pytest.param(says(b"HTTP/1.1 200 OK\r\nContent-Le"), id="is cut inside its head"),
        pytest.param(says(b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"SecretString": "{}"}'), id="is cut inside its body"),
        pytest.param(says(b'HTTP/1.1 200 OK\r\n\r\n{"SecretString": "{}"}'), id="has no length"),
        pytest.param(says(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}"), id="has a length that is none"),
        pytest.param(says(b"HTTP/1.1 OK\r\nContent-Length: 2\r\n\r\n{}"), id="has no status"),
        pytest.param(says(b"\x00" * 4096), id="is no HTTP"),
        pytest.param(says(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b"x" * (LARGEST_ANSWER + 1)), id="is huge"),
        pytest.param(status(400, b'{"__type": "ResourceNotFoundException"}'), id="there is no such secret"),
        pytest.param(status(400, b'{"__type": "AccessDeniedException"}'), id="IAM refuses"),
        pytest.param(status(500, b"{}"), id="fails"),
        pytest.param(status(200, b"no JSON"), id="is no JSON"),
        pytest.param(status(200, b"[]"), id="is no object"),
        pytest.param(status(200, b'{"SecretBinary": "e30="}'), id="is binary"),
        pytest.param(status(200, b'{"SecretString": "not JSON"}'), id="the secret is no JSON"),
        pytest.param(status(200, b'{"SecretString": "[1]"}'), id="the secret is no object"),
        pytest.param(status(200, b'{"SecretString": ' + b"[" * 60_000 + b'"]"}'), id="is nested without end"),
    ],
)
def test_whatever_comes_back_the_last_good_value_is_kept(
    serve: Callable[[Behaviour], TlsServer], behave: Behaviour, capfd: pytest.CaptureFixture[str]
) -> None:
    """A stale token verifies most callers; none would verify nobody. Nothing is said about it: the journal's events are marked."""
    server = serve(aws(SECRET))
    store = TokenStore("tokens", PATIENCE)
    server.behave = behave
    store.tried -= REFRESH_AFTER + 1
    asked = server.connections
    assert store.refreshed() == GOOD
    assert server.connections == asked + 1
    assert TokenStore("tokens", PATIENCE).current() is None
    assert capfd.readouterr() == ("", "")


def test_nobody_listens(serve: Callable[[Behaviour], TlsServer], monkeypatch: pytest.MonkeyPatch) -> None:
    """Connection refused, and a name that does not resolve."""
    serve(aws(SECRET))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"https://127.0.0.1:{taken.getsockname()[1]}")
        assert TokenStore("tokens", PATIENCE).current() is None
    for host in ("name.invalid", "ünknown.invalid", "x" * 300, ""):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"https://{host}")
        assert TokenStore("tokens", PATIENCE).current() is None


def test_a_host_that_cannot_prove_its_name_gets_no_request(
    serve: Callable[[Behaviour], TlsServer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Amazon's roots are the only ones trusted; the credentials stay here."""
    called = threading.Event()

    def behave(_: ssl.SSLSocket) -> None:
        called.set()

    serve(behave)
    monkeypatch.delenv("AWS_CA_BUNDLE")
    roots = tmp_path / "roots.pem"
    roots.write_text(amazon_roots())
    monkeypatch.setattr(tokens, "ROOTS", str(roots))
    assert TokenStore("tokens", PATIENCE).current() is None
    assert not called.is_set()


def late(asked: threading.Event, answer: threading.Event) -> Behaviour:
    """Read the request, and answer it when told to."""

    def behave(tunnel: ssl.SSLSocket) -> None:
        received(tunnel)
        asked.set()
        answer.wait(PATIENCE)
        reply(tunnel, 200, json.dumps({"SecretString": json.dumps({ACCOUNT: ["rotated"]})}).encode())

    return behave


def test_a_caller_waits_no_longer_than_he_may(serve: Callable[[Behaviour], TlsServer], monkeypatch: pytest.MonkeyPatch) -> None:
    """He is answered with what there is; an answer that comes late serves those after him."""
    server = serve(aws(SECRET))
    store = TokenStore("tokens", PATIENCE)
    asked, answer = threading.Event(), threading.Event()
    server.behave = late(asked, answer)
    store.fetch(0.001)
    assert store.tokens == GOOD
    assert asked.wait(PATIENCE)
    answer.set()
    reader = next(thread for thread in threading.enumerate() if thread.name == "tokens")
    reader.join(PATIENCE)
    assert store.tokens == {ACCOUNT: ["rotated"]}


def test_a_drip_ends(serve: Callable[[Behaviour], TlsServer], monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempt itself has an end too, else it would stay in the environment for hours."""
    monkeypatch.setattr(tokens, "LONGEST_ATTEMPT", 0.05)
    done = threading.Event()
    serve(until(done, b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"))
    with pytest.raises(TimeoutError):
        tokens.get_secret_value("tokens")
    done.set()


def test_a_failed_read_is_tried_again_after_half_a_minute(serve: Callable[[Behaviour], TlsServer]) -> None:
    """Not with each call: an outage of Secrets Manager must not become one of ours."""
    server = serve(status(500, b"{}"))
    store = TokenStore("tokens", PATIENCE)
    server.behave = aws(SECRET)
    store.tried -= RETRY_AFTER - PATIENCE
    assert store.current() is None
    assert server.connections == 1
    store.tried -= PATIENCE
    assert store.current() == GOOD
    assert server.connections == 2


def test_bad_signatures_lead_to_one_refresh_a_minute(serve: Callable[[Behaviour], TlsServer]) -> None:
    """However many come: a flood of forged requests asks Secrets Manager once."""
    server = serve(aws(SECRET))
    store = TokenStore("tokens", PATIENCE)
    server.behave = aws(json.dumps({ACCOUNT: ["rotated"]}))
    for _ in range(50):
        assert store.refreshed() == GOOD
    store.tried -= REFRESH_AFTER + 1
    for _ in range(50):
        assert store.refreshed() == {ACCOUNT: ["rotated"]}
    assert server.connections == 2


def test_a_value_of_five_minutes_ago_is_asked_for_anew_and_nobody_waits(serve: Callable[[Behaviour], TlsServer]) -> None:
    """A leaked token that was pruned is gone soon; a new one is known before an outage in which Secrets Manager is down too."""
    server = serve(aws(SECRET))
    store = TokenStore("tokens", PATIENCE)
    answer, let = threading.Event(), aws(json.dumps({ACCOUNT: ["rotated"]}))

    def slow(*given: Any) -> Any:
        answer.wait(PATIENCE)
        return let(*given)

    server.behave = slow
    store.tried -= OLD_AFTER + 1
    store.came -= OLD_AFTER + 1
    assert store.current() == GOOD, "the old one, at once"
    answer.set()
    for thread in threading.enumerate():
        if thread.name == "tokens":
            thread.join(PATIENCE)
    assert store.current() == {ACCOUNT: ["rotated"]}
    assert server.connections == 2


def test_a_value_that_no_thread_could_renew_is_waited_for(serve: Callable[[Behaviour], TlsServer]) -> None:
    """Lambda freezes the environment with the answer: where requests are few, what goes on beside them never ends.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html"""
    server = serve(aws(SECRET))
    store = TokenStore("tokens", PATIENCE)
    server.behave = aws(json.dumps({ACCOUNT: ["rotated"]}))
    store.tried -= TOO_OLD_AFTER + 1
    store.came -= TOO_OLD_AFTER + 1
    assert store.current() == {ACCOUNT: ["rotated"]}


def test_an_answer_that_was_frozen_on_its_way_replaces_no_later_one(serve: Callable[[Behaviour], TlsServer]) -> None:
    """Nor does its value count as one of now: its age is that of the question."""
    server = serve(aws(SECRET))
    store = TokenStore("tokens", PATIENCE)
    asked, answer = threading.Event(), threading.Event()
    server.behave = late(asked, answer)
    store.fetch(0)
    frozen = next(thread for thread in threading.enumerate() if thread.name == "tokens")
    assert asked.wait(PATIENCE)
    server.behave = aws(json.dumps({ACCOUNT: ["newest"]}))
    store.fetch(PATIENCE)
    came = store.came
    answer.set()
    frozen.join(PATIENCE)
    assert (store.tokens, store.came) == ({ACCOUNT: ["newest"]}, came)


def test_an_old_value_is_kept_while_secrets_manager_is_down(serve: Callable[[Behaviour], TlsServer]) -> None:
    """Asked every half minute, and nobody is a stranger for it."""
    server = serve(aws(SECRET))
    store = TokenStore("tokens", PATIENCE)
    server.behave = status(500, b"{}")
    store.came -= OLD_AFTER + 1
    for attempt in range(1, 4):
        store.tried -= RETRY_AFTER + 1
        assert [store.current() for _ in range(5)] == [GOOD] * 5
        for thread in threading.enumerate():
            if thread.name == "tokens":
                thread.join(PATIENCE)
        assert server.connections == 1 + attempt


def test_without_tokens_a_bad_signature_asks_no_sooner(serve: Callable[[Behaviour], TlsServer]) -> None:
    server = serve(status(500, b"{}"))
    store = TokenStore("tokens", PATIENCE)
    store.tried -= RETRY_AFTER - PATIENCE
    assert (store.current(), store.refreshed(), server.connections) == (None, None, 1)


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        ({"AC1": "a"}, {"AC1": ["a"]}),
        ({"AC1": ["a", "b"], "webhooks_sharedkey_1": "k"}, {"AC1": ["a", "b"], "webhooks_sharedkey_1": ["k"]}),
        ({"AC1": ["", 7, None, "a"]}, {"AC1": ["a"]}),
        ({"AC1": ["a", "b"], "AC1@ie1": ["c"], "AC2@au1": "d"}, {"AC1": ["a", "b", "c"], "AC2": ["d"]}),
        ({}, {}),
    ],
)
def test_a_secret_holds_a_token_or_a_list_of_them(secret: Any, expected: Any) -> None:
    """An empty token would verify everybody who can compute an HMAC with an empty key: everybody."""
    assert tokens_in(json.dumps(secret)) == expected


@given(
    st.text()
    | st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)).map(json.dumps)
)
def test_a_secret_is_a_token_list_or_refused(secret: str) -> None:
    """Whoever edits it in the console, nothing but ValueError comes of it."""
    try:
        found = tokens_in(secret)
    except ValueError:
        return
    assert all(isinstance(token, str) and token for listed in found.values() for token in listed)


@pytest.mark.parametrize(
    ("region", "endpoint"),
    [
        ("us-west-2", "https://secretsmanager.us-west-2.amazonaws.com"),
        ("us-gov-east-1", "https://secretsmanager.us-gov-east-1.amazonaws.com"),
    ],
)
def test_the_endpoint_is_that_of_the_region(monkeypatch: pytest.MonkeyPatch, region: str, endpoint: str) -> None:
    for name in ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", region)
    assert tokens.endpoint_url() == endpoint


def test_a_rotation_in_the_right_order_drops_nobody_though_secrets_manager_is_down_later(serve: Callable[[Behaviour], TlsServer]) -> None:
    """Both tokens were in the secret before Twilio signed with the new one. A warm environment has to learn of it without a bad signature:
    when that comes, in an outage an hour later, it is too late to ask."""
    server, both = serve(aws(SECRET)), {ACCOUNT: ["old", "new"]}
    store = TokenStore("tokens", PATIENCE)
    server.behave = aws(json.dumps(both))
    store.tried -= TOO_OLD_AFTER + 1
    store.came -= TOO_OLD_AFTER + 1
    assert store.current() == both, "the probe asks every minute"
    server.behave = status(500, b"{}")
    store.tried -= 3600
    assert store.refreshed() == both
    assert store.current() == both
