"""Twilio's REST API for recordings as the stand-in serves it, and callbacks that come late, twice or never."""

import json
import time
import urllib.error
import urllib.request
import wave
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
import requests as http
from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
from tinytag import TinyTag

from local.twilio import Caller, StandInTwilio, audio
from local.twilio.faults import Cut, Elsewhere, NotYet, Slow
from local.twilio.platform import Recording
from local.twilio.primary import Primary
from local.twilio.rest import RestApi, throttled
from local.twilio.server import Fails, Says

SID, TOKEN = "AC" + "a" * 32, "12345"
RECORD = (
    "<Response><Record action='/done' recordingStatusCallback='/recording' "
    "recordingStatusCallbackEvent='in-progress completed absent'/></Response>"
)


@pytest.fixture
def web() -> Iterator[Primary]:
    with Primary() as server:
        server.answers(RECORD, "/voice")
        server.answers("<Response/>", "/done")
        server.behaves("/recording", Says(b"", status=204, content_type=""))
        yield server


@pytest.fixture
def twilio() -> StandInTwilio:
    return StandInTwilio(SID, TOKEN)


@pytest.fixture
def api(twilio: StandInTwilio) -> Iterator[RestApi]:
    with RestApi(twilio.platform, keys={"SK1": "secret"}) as server:
        yield server


@pytest.fixture
def leave(web: Primary, twilio: StandInTwilio) -> Callable[[str], Recording]:
    """Leaves a voicemail of these words."""
    number = twilio.number("+15550100", voice_url=web.url + "/voice")
    return lambda words: number.call("+15550123", Caller(says=words)).recordings[0]


def ask(api: RestApi, path: str, method: str = "GET", user: tuple[str, str] | None = (SID, TOKEN)) -> http.Response:
    return http.request(method, f"{api.url}/2010-04-01/Accounts/{SID}{path}", auth=user, timeout=60, allow_redirects=False)


def test_the_media_is_the_message_in_wav_and_mp3(api: RestApi, leave: Callable[[str], Recording]) -> None:
    recording = leave("Please call me back about the order")
    for suffix in ("", ".wav"):
        answer = ask(api, f"/Recordings/{recording.sid}{suffix}")
        with wave.open(BytesIO(answer.content)) as sound:
            assert (sound.getframerate(), answer.headers["Content-Type"]) == (8000, "audio/x-wav")
            assert sound.getnframes() / 8000 == pytest.approx(recording.seconds, abs=0.51)
    answer = ask(api, f"/Recordings/{recording.sid}.mp3")
    sound = TinyTag.get(file_obj=BytesIO(answer.content))
    assert (answer.headers["Content-Type"], sound.samplerate) == ("audio/mpeg", 8000)
    assert sound.duration == pytest.approx(recording.seconds, abs=0.7)


def test_passwords(api: RestApi, leave: Callable[[str], Recording], twilio: StandInTwilio) -> None:
    """The auth token or an API key; media are public unless the account says otherwise, which is Twilio's default."""
    recording = leave("Hello, this is Ann")
    for user, status in (((SID, TOKEN), 200), (("SK1", "secret"), 200), ((SID, "wrong"), 401), (None, 401)):
        assert ask(api, f"/Recordings/{recording.sid}.json", user=user).status_code == status
    assert ask(api, f"/Recordings/{recording.sid}", user=None).status_code == 200
    with RestApi(twilio.platform, media_needs_password=True) as strict:
        assert ask(strict, f"/Recordings/{recording.sid}", user=None).status_code == 401


def test_media_that_are_not_there_yet_are_xml(api: RestApi, leave: Callable[[str], Recording]) -> None:
    recording = leave("Hello, this is Ann")
    api.media_faults(NotYet(), NotYet())
    statuses = [ask(api, f"/Recordings/{recording.sid}") for _ in range(3)]
    assert [each.status_code for each in statuses] == [404, 404, 200]
    assert (statuses[0].headers["Content-Type"], b"20404" in statuses[0].content) == ("application/xml", True)


def test_media_can_come_badly(api: RestApi, leave: Callable[[str], Recording]) -> None:
    recording = leave("Hello, this is Ann")
    api.media_faults(
        Cut(500), Cut(inside_headers=True), Slow(0.001, 20000), Elsewhere("http://127.0.0.1:1/x"), Fails(503), Says(b"<html/>")
    )
    path = f"/Recordings/{recording.sid}"
    with pytest.raises(http.exceptions.ChunkedEncodingError):
        ask(api, path)
    request = urllib.request.Request(f"{api.url}/2010-04-01/Accounts/{SID}{path}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.read() == b"", "an answer cut inside its headers looks like success with an empty body"
    assert ask(api, path).content == recording.audio
    moved = ask(api, path)
    assert (moved.status_code, moved.headers["Location"]) == (302, "http://127.0.0.1:1/x")
    assert ask(api, path).status_code == 503
    assert ask(api, path).content == b"<html/>"


def test_a_second_channel_is_refused(api: RestApi, leave: Callable[[str], Recording]) -> None:
    answer = ask(api, f"/Recordings/{leave('Hello, this is Ann').sid}?RequestedChannels=2")
    assert (answer.status_code, answer.json()["code"]) == (400, 16113)


def test_what_is_deleted_is_gone(api: RestApi, leave: Callable[[str], Recording]) -> None:
    recording = leave("Hello, this is Ann")
    path = f"/Recordings/{recording.sid}.json"
    assert ask(api, path, "DELETE").status_code == 204
    assert api.deleted == [recording.sid]
    for gone, method in ((path, "GET"), (path, "DELETE"), (path.removesuffix(".json"), "GET")):
        assert ask(api, gone, method).status_code == 404
    assert ask(api, "/Recordings.json").json()["recordings"] == []
    kept = ask(api, "/Recordings.json?IncludeSoftDeleted=true").json()["recordings"]
    assert [each["status"] for each in kept] == ["deleted"]


def test_lists_come_in_pages_newest_first(api: RestApi, leave: Callable[[str], Recording], twilio: StandInTwilio) -> None:
    sids = [leave(words).sid for words in ("one, two", "three, four", "five, six")]
    for number, each in enumerate(twilio.recordings):
        each.started = 1_800_000_000 + number * 86400
    path, found = "/Recordings.json?PageSize=2", []
    while path:
        page = ask(api, path).json()
        found += [each["sid"] for each in page["recordings"]]
        path = (page["next_page_uri"] or "").removeprefix(f"/2010-04-01/Accounts/{SID}")
    assert found == sids[::-1]


def test_lists_can_be_narrowed(api: RestApi, leave: Callable[[str], Recording], twilio: StandInTwilio) -> None:
    old, new = leave("one, two"), leave("three, four")
    old.started, new.started = 1_800_000_000, 1_800_000_000 + 86400

    def sids(query: str) -> list[str]:
        return [each["sid"] for each in ask(api, f"/Recordings.json?{query}").json()["recordings"]]

    assert sids(f"CallSid={old.call_sid}") == [old.sid]
    assert sids("DateCreated=2027-01-15") == [old.sid]
    assert sids("DateCreated>=2027-01-16T00:00:00Z") == [new.sid]
    assert sids("DateCreated<=2027-01-15T23:59:59Z") == [old.sid]
    several = ask(api, f"/Calls/{new.call_sid}/Recordings.json").json()["recordings"]
    assert [each["sid"] for each in several] == [new.sid]


def test_pages_have_a_limit_and_haste_is_refused(api: RestApi) -> None:
    assert ask(api, "/Recordings.json?PageSize=1001").json()["code"] == 20007
    api.api_faults(throttled(), None)
    assert [ask(api, "/Recordings.json").status_code for _ in range(2)] == [429, 200]
    assert ask(api, "/Nothing.json").status_code == 404
    assert http.get(api.url + "/elsewhere", timeout=60).status_code == 404


def contract(shared: Path, spec: str = "twilio_api_v2010", *served: str) -> OpenAPI:
    """Twilio's own description of these paths below the account."""
    document: dict[str, Any] = json.loads((shared / f"testdata/twilio-oai/{spec}.json").read_text())
    ends = tuple(
        served or ("{AccountSid}/Recordings.json", "/Calls/{CallSid}/Recordings.json", "/Recordings/{Sid}.json", "/Calls/{Sid}.json")
    )
    document["paths"] = {path: each for path, each in document["paths"].items() if path.endswith(ends) and "AddOn" not in path}
    return OpenAPI.from_dict(_nullable(document))


def _nullable(node: Any) -> Any:
    """Twilio marks enumerations as nullable without listing null, which the checker takes at its word."""
    if isinstance(node, dict):
        if node.get("nullable") and "enum" in node:
            node["enum"] = [*node["enum"], None]
        return {key: _nullable(value) for key, value in node.items()}
    return [_nullable(each) for each in node] if isinstance(node, list) else node


def test_answers_keep_twilios_openapi_contract(api: RestApi, leave: Callable[[str], Recording], shared: Path) -> None:
    recording, rules = leave("Hello, this is Ann"), contract(shared)
    call = f"/Calls/{recording.call_sid}"
    paths = ["/Recordings.json", f"/Recordings/{recording.sid}.json", f"{call}/Recordings.json", f"{call}.json"]
    for path in paths:
        answer = ask(api, path)
        public = f"https://api.twilio.com/2010-04-01/Accounts/{SID}{path}"
        prepared = http.Request("GET", public, auth=(SID, TOKEN)).prepare()
        rules.validate_response(RequestsOpenAPIRequest(prepared), RequestsOpenAPIResponse(answer))


def test_the_requests_of_a_call_are_told_a_quarter_of_an_hour_after_its_end(
    api: RestApi, leave: Callable[[str], Recording], twilio: StandInTwilio, web: Primary, shared: Path
) -> None:
    """https://www.twilio.com/docs/voice/api/call-event-resource"""
    path, now = f"/Calls/{leave('Hello').call_sid}/Events.json", time.time()
    assert ask(api, path).json()["events"] == []
    twilio.platform.clock = lambda: now + 3600
    answer = ask(api, path)
    first, *_ = answer.json()["events"]
    assert (first["request"]["url"], first["request"]["parameters"]["call_status"]) == (web.url + "/voice", "ringing")
    assert (first["response"]["response_code"], first["response"]["response_body"]) == (200, RECORD)
    prepared = http.Request("GET", f"https://api.twilio.com/2010-04-01/Accounts/{SID}{path}", auth=(SID, TOKEN)).prepare()
    rules = contract(shared, "twilio_api_v2010", "/Calls/{CallSid}/Events.json")
    rules.validate_response(RequestsOpenAPIRequest(prepared), RequestsOpenAPIResponse(answer))


def test_what_is_told_of_texts_keeps_twilios_openapi_contract(api: RestApi, web: Primary, twilio: StandInTwilio, shared: Path) -> None:
    """Messages, their media, numbers, applications, messaging services."""
    web.answers("<Response><Message>Thanks</Message></Response>", "/text")
    application = twilio.application("texts", sms_url=web.url + "/text")
    service = twilio.messaging_service("all", inbound_request_url=web.url + "/text")
    twilio.number("+15550101", sms_application=application)
    sid = twilio.number("+15550100", service=service).text("+15550123", "Look", files=[(b"a photo", "image/jpeg")]).sid
    account = "/2010-04-01/Accounts/{AccountSid}"
    for spec, path, known in (
        ("twilio_api_v2010", f"{account}/Messages.json", {}),
        ("twilio_api_v2010", f"{account}/Messages/{{Sid}}.json", {"Sid": sid}),
        ("twilio_api_v2010", f"{account}/Messages/{{MessageSid}}/Media.json", {"MessageSid": sid}),
        ("twilio_api_v2010", f"{account}/IncomingPhoneNumbers.json", {}),
        ("twilio_api_v2010", f"{account}/Applications/{{Sid}}.json", {"Sid": application.sid}),
        ("twilio_messaging_v1", "/v1/Services/{Sid}", {"Sid": service.sid}),
    ):
        where, rules = path.format(AccountSid=SID, **known), contract(shared, spec, path)
        answer = http.get(api.url + where, auth=(SID, TOKEN), timeout=60)
        public = f"https://{'api' if 'v2010' in spec else 'messaging'}.twilio.com{where}"
        request = RequestsOpenAPIRequest(http.Request("GET", public, auth=(SID, TOKEN)).prepare())
        rules.validate_response(request, RequestsOpenAPIResponse(answer))


def test_texts_are_listed_with_their_replies_newest_first_and_by_date(api: RestApi, web: Primary, twilio: StandInTwilio) -> None:
    """As in Twilio's list, nothing says whether anybody answered."""
    web.answers("<Response><Message>Thanks</Message></Response>", "/text")
    number = twilio.number("+15550100", sms_url=web.url + "/text")
    old, new = (number.text("+15550123", body) for body in ("One", "Two"))
    old.received, new.received = 1_800_000_000, 1_800_000_000 + 86400

    def bodies(query: str) -> list[tuple[str, str]]:
        return [(each["direction"], each["body"]) for each in ask(api, f"/Messages.json?{query}").json()["messages"]]

    assert [body for _, body in bodies("")] == ["Two", "Thanks", "One", "Thanks"]
    assert bodies("DateSent>=2027-01-16T00:00:00Z&To=%2B15550100") == [("inbound", "Two")]
    assert bodies("DateSent<=2027-01-15T23:59:59Z&From=%2B15550100") == [("outbound-reply", "Thanks")]
    assert ask(api, f"/Messages/SM{'0' * 32}.json").status_code == 404


def test_the_sdk_reads_and_deletes(api: RestApi, leave: Callable[[str], Recording]) -> None:
    """Twilio's own client understands what it is told."""
    from twilio.http.http_client import TwilioHttpClient
    from twilio.rest import Client

    class Here(TwilioHttpClient):  # type: ignore[misc]
        def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
            return super().request(method, url.replace("https://api.twilio.com", api.url), *args, **kwargs)

    recording = leave("Hello, this is Ann")
    transport = Here(timeout=60, pool_connections=False)
    client = Client(SID, TOKEN, http_client=transport)
    found = client.recordings.list(page_size=1000)
    assert [(each.sid, each.duration, each.source) for each in found] == [(recording.sid, str(recording.seconds), "RecordVerb")]
    assert client.recordings(recording.sid).delete()
    assert client.recordings.list() == []


def test_a_call_is_told_of(api: RestApi, leave: Callable[[str], Recording]) -> None:
    """The one place where the caller's number is, when no webhook told it."""
    told = ask(api, f"/Calls/{leave('Hello, this is Ann').call_sid}.json").json()
    assert (told["from"], told["to"], told["status"], told["direction"]) == ("+15550123", "+15550100", "completed", "inbound")
    assert ask(api, f"/Calls/CA{'0' * 32}.json").status_code == 404


def test_media_of_a_text_are_elsewhere_and_want_no_password_there(api: RestApi, web: Primary, twilio: StandInTwilio) -> None:
    web.answers("<Response/>", "/text")
    number = twilio.number("+15550100", sms_url=web.url + "/text")
    text = number.text("+15550123", "Look", files=[(b"a photo", "image/jpeg")])
    sent = web.received[-1].form
    assert (sent["NumMedia"], sent["MediaContentType0"], text.sid[:2]) == ("1", "image/jpeg", "MM")
    path = sent["MediaUrl0"].removeprefix(f"https://api.twilio.com/2010-04-01/Accounts/{SID}")
    moved = ask(api, path)
    assert (moved.status_code, ask(api, path, user=None).status_code) == (307, 401)
    place = moved.headers["Location"].partition("media.twiliocdn.com")[2]
    content = http.get(api.url + place, headers={"Host": "media.twiliocdn.com"}, timeout=60)
    assert (content.content, content.headers["Content-Type"]) == (b"a photo", "image/jpeg")
    refused = http.get(api.url + place, headers={"Host": "media.twiliocdn.com"}, auth=(SID, TOKEN), timeout=60)
    assert refused.status_code == 400, "an address that is signed takes no other credentials"


def test_an_edge_can_be_down(api: RestApi) -> None:
    api.hosts_down = {"api.ashburn.us1.twilio.com"}
    known = {"Host": "api.ashburn.us1.twilio.com"}
    path = f"{api.url}/2010-04-01/Accounts/{SID}/Recordings.json"
    assert [http.get(path, headers=headers, auth=(SID, TOKEN), timeout=60).status_code for headers in (known, {})] == [503, 200]


def test_one_api_serves_all_that_happens_on_an_account(api: RestApi, web: Primary) -> None:
    other = StandInTwilio(SID, TOKEN)
    api.serve(other.platform)
    call = other.number("+15550100", voice_url=web.url + "/voice").call("+15550123", Caller(says="Hello, this is Bea"))
    assert ask(api, f"/Recordings/{call.recordings[0].sid}.wav").content == call.recordings[0].audio
    assert ask(api, f"/Calls/{call.sid}.json").status_code == 200


def statuses(web: Primary) -> list[str]:
    return [each.form["RecordingStatus"] for each in web.received if each.path == "/recording"]


def test_callbacks_can_be_late_twice_or_lost(web: Primary, twilio: StandInTwilio, leave: Callable[[str], Recording]) -> None:
    post = twilio.platform.postman
    post.fates("never", "twice")
    leave("Hello, this is Ann")
    assert (statuses(web), post.lost) == (["completed", "completed"], 1)
    post.fates("late", "late")
    leave("Hello, this is Ann")
    assert len(statuses(web)) == 2
    assert (post.bring(), post.bring()) == (2, 0)
    assert statuses(web)[2:] == ["in-progress", "completed"]


def test_callbacks_can_overtake_each_other(web: Primary, twilio: StandInTwilio, leave: Callable[[str], Recording]) -> None:
    twilio.platform.postman.fates("late", "late")
    leave("Hello, this is Ann")
    twilio.platform.postman.bring(Random(3))
    assert statuses(web) == ["completed", "in-progress"]


def test_an_mp3_is_the_sound_itself() -> None:
    """What is said is in it: of the same length, silence is something else."""
    words = audio.mp3(audio.cut(audio.speech(audio.SENTENCE), 3))
    for sound in (words, audio.mp3(audio.silence(3))):
        info = TinyTag.get(file_obj=BytesIO(sound))
        assert (info.bitrate, info.samplerate) == (32, 8000)
        assert info.duration == pytest.approx(3, abs=0.2)
    assert len(zlib.compress(words)) > 5 * len(zlib.compress(audio.mp3(audio.silence(3))))
