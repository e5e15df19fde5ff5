"""What counts as a recording, where it is fetched, and where our key never goes."""

import io
import json
import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from lambdas.workers import recordings, transport, twilio_api
from lambdas.workers.recordings import NotYet, Unusable
from lambdas.workers.tasks import Recording
from lambdas.workers.transport import Deadline, NotAllowed, Unreachable, Wire
from lambdas.workers.twilio_api import Keys, NoKey, TwilioApi
from lambdas.workers.twilio_regions import CITIES, Home, api_host, living
from local.twilio import StandInTwilio, audio
from local.twilio import platform as twilios
from local.twilio.faults import Cut, Elsewhere, Fault, Slow
from local.twilio.rest import RestApi, throttled
from local.twilio.server import Closes, Fails, Says
from tests.unit.voicemail_workers import ACCOUNT, KEY, SECRET, WORDS

HOST = "api.twilio.com"
LONG = 30.0  #: seconds
KEY_ABROAD = "SK" + "3" * 32


class Secrets:
    """Secrets Manager with one secret; `value` may change."""

    def __init__(self, value: object) -> None:
        self.value = value

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - boto3's name
        return {"SecretString": json.dumps(self.value)}


@pytest.fixture
def twilio(monkeypatch: pytest.MonkeyPatch) -> Iterator[RestApi]:
    with RestApi(StandInTwilio(ACCOUNT, "12345").platform, keys={KEY: SECRET}, media_needs_password=True) as api:
        monkeypatch.setenv("TWILIO_API_BASE", api.url)
        yield api


@pytest.fixture
def ours() -> TwilioApi:
    keys = Keys(Secrets({ACCOUNT: {"key": KEY, "secret": SECRET}, "none": "x"}), "keys")  # type: ignore[arg-type]
    return TwilioApi(keys, lambda _seconds: None)


def at_twilio(where: RestApi | twilios.Platform) -> Recording:
    """A recording at Twilio, as its callback announces it."""
    platform = where._platform if isinstance(where, RestApi) else where
    sound = audio.speech(WORDS)
    made = twilios.Recording(
        twilios.new_sid("RE"), twilios.new_sid("CA"), "", round(audio.seconds(sound)), "completed", sound, 1_800_000_000
    )
    platform.recordings.append(made)
    return Recording(ACCOUNT, made.call_sid, made.sid, f"https://{HOST}/x", "completed", made.seconds)


def fetched(ours: TwilioApi, recording: Recording, deadline: Deadline | None = None) -> bytes:
    """The content, as far as it counts as a recording."""
    out = io.BytesIO()
    recordings.fetch(ours, recording, "wav", deadline or Deadline(LONG), out, again=False)
    return out.getvalue()


ERROR_PAGE = b"<?xml version='1.0'?><TwilioResponse><RestException><Code>20404</Code></RestException></TwilioResponse>"
NO_RECORDING: dict[str, tuple[Fault, str]] = {
    "an error page of XML with status 200": (Says(ERROR_PAGE, "application/xml"), "content type is application/xml"),
    "an error page that calls itself audio": (Says(ERROR_PAGE, "audio/x-wav"), "no WAV file"),
    "a page of HTML": (Says(b"<html>Welcome</html>", "text/html"), "content type is text/html"),
    "nothing": (Says(b"", "audio/x-wav"), "it is empty"),
    "no content type": (Says(b"RIFF", ""), "content type is missing"),
    "another recording": (Says(audio.silence(9), "audio/x-wav"), "it plays 9.0 s, Twilio announced 3 s"),
    "half of it": (Says(audio.silence(3)[:20_000], "audio/x-wav"), "lacks 28044 bytes"),
    "a server's error": (Fails(403), "the API key was refused"),
}


@pytest.mark.parametrize("what", NO_RECORDING)
def test_what_is_no_recording_is_refused_with_the_reason(twilio: RestApi, ours: TwilioApi, what: str) -> None:
    fault, reason = NO_RECORDING[what]
    recording = at_twilio(twilio)
    twilio.faults_of(recording.sid, fault)
    with pytest.raises(Unusable, match=reason):
        fetched(ours, recording)
    assert fetched(ours, recording) == audio.speech(WORDS), "once it is there it is fetched"


BROKEN: dict[str, tuple[Fault, str]] = {
    "cut in the middle": (Cut(500), "cut short"),
    "cut inside its headers": (Cut(inside_headers=True), "without a length"),
    "no answer": (Closes(b""), "without response"),
    "not HTTP": (Closes(b"220 mail.example.com ESMTP\r\n"), "mail.example.com"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_answer_is_asked_for_once_more(twilio: RestApi, ours: TwilioApi, what: str) -> None:
    recording = at_twilio(twilio)
    twilio.faults_of(recording.sid, BROKEN[what][0])
    assert fetched(ours, recording) == audio.speech(WORDS)
    assert [each.headers["host"] for each in twilio.received] == [HOST, HOST]


@pytest.mark.parametrize("what", BROKEN)
def test_an_answer_that_is_broken_everywhere_is_none(twilio: RestApi, ours: TwilioApi, what: str) -> None:
    fault, reason = BROKEN[what]
    recording = at_twilio(twilio)
    twilio.faults_of(recording.sid, fault, fault, fault)
    with pytest.raises(Unreachable, match=reason):
        fetched(ours, recording)


def test_a_host_that_is_down_is_asked_twice(twilio: RestApi, ours: TwilioApi) -> None:
    """There is no other: since 2026-07-20 the city in a host of US1 chooses nothing."""
    recording = at_twilio(twilio)
    twilio.hosts_down = {HOST}
    with pytest.raises(Unusable, match="Twilio answered 503"):
        fetched(ours, recording)
    assert [each.headers["host"] for each in twilio.received] == [HOST, HOST]


@pytest.mark.parametrize("host", ["api.dublin.ie1.twilio.com", "api.ie1.twilio.com", "api.frankfurt.ie1.twilio.com"])
def test_a_recording_is_fetched_in_the_region_where_it_lies(twilio: RestApi, host: str) -> None:
    """Whatever name its address bears: of one Region there is one host that answers."""
    dublin = StandInTwilio(ACCOUNT, "of Dublin", region="ie1")
    twilio.serve(dublin.platform, {KEY_ABROAD: SECRET})
    recording = at_twilio(dublin.platform)
    abroad = Recording(ACCOUNT, recording.call, recording.sid, f"https://{host}/x", "completed", recording.seconds)
    ours = TwilioApi(Keys(Secrets({f"{ACCOUNT}@ie1": {"key": KEY_ABROAD, "secret": SECRET}}), "keys"))  # type: ignore[arg-type]
    fetched(ours, abroad)
    assert [each.headers["host"] for each in twilio.received] == ["api.dublin.ie1.twilio.com"]


ODD: dict[str, tuple[bytes, str, str]] = {
    "shorter than announced": (audio.silence(1.5), "audio/x-wav", "it plays 1.5 s, Twilio announced 3 s"),
    "longer than announced": (audio.silence(12), "audio/x-wav", "it plays 12.0 s, Twilio announced 3 s"),
    "damaged": (audio.silence(3)[:40_044], "audio/x-wav", "a WAV file that lacks 8000 bytes"),
    "damaged, and so shorter": (audio.silence(3)[:16_044], "audio/x-wav", "lacks 32000 bytes; it plays 1.0 s, Twilio announced 3 s"),
    "of another type by name": (audio.silence(3), "application/octet-stream", ""),
    "of the other format": ((b"\xff\xfb\x90\xc4" + bytes(413)) * 115, "audio/x-wav", ""),
}


@pytest.mark.parametrize("what", ODD)
def test_what_plays_is_kept_the_second_time_and_marked_with_what_is_odd(twilio: RestApi, ours: TwilioApi, what: str) -> None:
    """The first time it may have been cut on its way."""
    body, kind, differs = ODD[what]
    recording, out = at_twilio(twilio), io.BytesIO()
    twilio.faults_of(recording.sid, Says(body, kind), Says(body, kind))
    if differs:
        with pytest.raises(Unusable, match=f"{differs}.*asked for once more"):
            fetched(ours, recording)
    found = recordings.fetch(ours, recording, "wav", Deadline(LONG), out, again=True)
    assert differs in found.differs
    assert bool(differs) == bool(found.differs)
    assert out.getvalue() == body


def test_what_drips_is_given_up_when_the_time_is_used_up(twilio: RestApi, ours: TwilioApi) -> None:
    recording = at_twilio(twilio)
    twilio.faults_of(recording.sid, *[Slow(0.02, 100)] * 3)
    with pytest.raises(Unreachable, match=r"timed out|the time is used up"):
        fetched(ours, recording, Deadline(0.3))


def test_headers_that_drip_are_given_up_too() -> None:
    """A time-out for each byte would let them drip for minutes: after the deadline no byte is read, though there are some."""
    near, far = socket.socketpair()
    with near, far:
        far.sendall(b"HTTP/1.1 200 OK\r\nContent-Ty")
        with pytest.raises(TimeoutError):
            transport.received("GET", "https://api.twilio.com/", Wire(near, Deadline(-1)), io.BytesIO())


def test_twilio_may_ask_for_patience(twilio: RestApi, ours: TwilioApi) -> None:
    """20429: too many requests at a time; it was not processed and is asked again."""
    recording = at_twilio(twilio)
    twilio.faults_of(recording.sid, throttled(), throttled())
    assert fetched(ours, recording) == audio.speech(WORDS)
    twilio.faults_of(recording.sid, *[throttled()] * 6)
    with pytest.raises(Unusable, match="Twilio answered 429"):
        fetched(ours, recording)


def test_what_twilio_does_not_have_is_not_there_yet(twilio: RestApi, ours: TwilioApi) -> None:
    with pytest.raises(NotYet):
        fetched(ours, Recording(ACCOUNT, "CA" + "0" * 32, "RE" + "0" * 32, "", "completed", 3))


@pytest.mark.parametrize(
    "url",
    [
        "http://api.twilio.com/x",
        "https://169.254.169.254/latest/meta-data",
        "https://user:password@media.example.com/x",
        "https://media.example.com:8443/x",
        "file:///etc/passwd",
    ],
)
def test_a_redirect_is_followed_to_public_https_only(twilio: RestApi, ours: TwilioApi, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = at_twilio(twilio)
    monkeypatch.setattr(transport, "stand_in", lambda: None if len(twilio.received) else ("127.0.0.1", twilio.port))
    twilio.faults_of(recording.sid, Elsewhere(url))
    with pytest.raises(NotAllowed):
        fetched(ours, recording)


def test_a_redirect_gets_no_credentials(twilio: RestApi, ours: TwilioApi) -> None:
    recording = at_twilio(twilio)
    twilio.faults_of(recording.sid, Elsewhere("https://media.twiliocdn.com/x"))
    with pytest.raises(Unusable):
        fetched(ours, recording)
    assert [("authorization" in each.headers) for each in twilio.received] == [True, False]


def test_redirects_have_an_end(twilio: RestApi, ours: TwilioApi) -> None:
    recording = at_twilio(twilio)
    twilio.faults_of(recording.sid, *[Elsewhere(f"https://{HOST}{path(recording)}.wav")] * 30)
    with pytest.raises(Unusable, match="401"):
        fetched(ours, recording)


def path(recording: Recording) -> str:
    """Where it is."""
    return recordings.address(recording).partition(".com")[2]


@pytest.mark.parametrize(
    "url", ["https://api.twilio.com.example.com/x", "https://example.com/api.twilio.com", "https://api.a.b.c.twilio.com/", "https://[::1/x"]
)
def test_our_key_goes_to_twilio_alone(ours: TwilioApi, url: str) -> None:
    with pytest.raises(NotAllowed):
        ours.download(ACCOUNT, url, Deadline(LONG), io.BytesIO())


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1"])
def test_a_name_that_leads_into_a_network_is_not_asked(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(0, 0, 0, "", (address, 443))])
    with pytest.raises(NotAllowed):
        transport.addresses("media.example.com")


def test_only_a_loopback_address_stands_in_for_twilio(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong value of the local cloud's variable leads nowhere."""
    for value, found in (
        ("http://127.0.0.1:4567", ("127.0.0.1", 4567)),
        ("http://10.0.0.1:80", None),
        ("https://evil.example.com:1", None),
        ("", None),
    ):
        monkeypatch.setenv("TWILIO_API_BASE", value)
        assert transport.stand_in() == found


def test_a_missing_key_is_said_with_what_to_do(ours: TwilioApi) -> None:
    other = Recording("AC" + "9" * 32, "CA" + "0" * 32, "RE" + "0" * 32, "", "completed", 3)
    with pytest.raises(NoKey, match=r"`fallback key AC9+ SK...`"):
        fetched(ours, other)


def test_each_region_has_keys_of_its_own_and_they_are_read_anew_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = Secrets({ACCOUNT: {"key": "SK1", "secret": "a"}, f"{ACCOUNT}@ie1": {"key": "SK2", "secret": "b"}})
    keys = Keys(secrets, "keys")  # type: ignore[arg-type]
    assert (keys.of(ACCOUNT), keys.of(ACCOUNT, "ie1")) == (("SK1", "a"), ("SK2", "b"))
    with pytest.raises(NoKey, match=f"no API key for {ACCOUNT}@au1"):
        keys.of(ACCOUNT, "au1")
    assert [home.name for home in keys.homes(ACCOUNT)] == [ACCOUNT, f"{ACCOUNT}@ie1"]
    secrets.value = {ACCOUNT: {"key": "SK3", "secret": "c"}}
    assert keys.of(ACCOUNT)[0] == "SK1"
    monkeypatch.setattr(twilio_api, "time", SimpleNamespace(monotonic=lambda: keys.read_at + 301))
    assert keys.of(ACCOUNT)[0] == "SK3"


def test_the_accounts_regions_are_those_of_its_keys() -> None:
    """One that is used abroad alone is not asked for in US1; one without any key is told so there."""
    keys = Keys(Secrets({f"{ACCOUNT}@ie1": {"key": "SK2", "secret": "b"}, f"{ACCOUNT}@jp1": {"key": "SK3", "secret": "c"}}), "keys")  # type: ignore[arg-type]
    assert keys.homes(ACCOUNT) == [Home(ACCOUNT, "ie1")]
    assert keys.homes("AC" + "9" * 32) == [Home("AC" + "9" * 32)]


def test_hosts_of_a_region() -> None:
    assert [api_host(region, "monitor") for region in CITIES] == [
        "monitor.twilio.com",
        "monitor.dublin.ie1.twilio.com",
        "monitor.sydney.au1.twilio.com",
    ]
    for host in ("api.twilio.com", "api.us1.twilio.com", "api.umatilla.us1.twilio.com", "api.jp1.twilio.com"):
        assert living(host) == "api.twilio.com"
    assert living("media.example.com") == "media.example.com"


@pytest.mark.parametrize("region", CITIES)
def test_twilios_client_asks_the_host_of_the_region(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    """Its own default for a Region is a name that answers nothing, and two variables of the environment would lead it anywhere."""
    monkeypatch.setenv("TWILIO_REGION", "jp1")
    monkeypatch.setenv("TWILIO_EDGE", "tokyo")
    api = TwilioApi(Keys(Secrets({Home(ACCOUNT, region).name: {"key": KEY, "secret": SECRET}}), "keys"))  # type: ignore[arg-type]
    client = api.client(ACCOUNT, Deadline(LONG), region)
    for product in ("api", "messaging", "monitor"):
        assert client.get_hostname(f"https://{product}.twilio.com/x") == f"https://{api_host(region, product)}/x"


def test_a_line_break_in_a_header_is_refused() -> None:
    with pytest.raises(ValueError, match="line break"):
        transport.head("GET", transport.allowed("https://api.twilio.com/"), {"X": "a\r\nHost: b"}, b"")
