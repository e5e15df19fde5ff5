"""The console: who may ask, what each page shows, and that nothing comes from anywhere else."""

import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest
import uvicorn
from botocore.client import BaseClient
from botocore.exceptions import ClientError, EndpointConnectionError

from ops.audit import trail
from ops.candidates import Candidate
from ops.console import app as console_app
from ops.console.app import bound, made, templates
from ops.console.audio import Hearing
from ops.console.guard import POLICY, Guard
from ops.console.job import Job
from ops.console.pages import Pages
from ops.deployment import OpsError
from ops.period import Period
from ops.replay import Outcome
from tests.unit.engineer import CALLER, OTHER, OWN, add, deployment, desk, emptied, event, sid, voicemail

TOKEN = "the-first-token"
CALL, RECORDING = sid("CA", 1), sid("RE", 1)
AUDIO = b"RIFF" + bytes(range(256)) * 40
FILES = Path(console_app.__file__).parent


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[int, Pages]]:
    """A console for all tests: where it listens, and its pages."""
    with deployment(), bound(0) as listening:
        port = listening.getsockname()[1]
        pages = Pages(desk(), templates(), "the-token-of-forms")
        server = uvicorn.Server(uvicorn.Config(Guard(made(pages), port, TOKEN), log_level="warning"))
        thread = Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield port, pages
        server.should_exit = True
        thread.join()


@pytest.fixture
def port(served: tuple[int, Pages]) -> int:
    """Where the console is served."""
    return served[0]


@pytest.fixture
def pages(served: tuple[int, Pages]) -> Iterator[Pages]:
    """The pages of the console, whose hand-back is over afterwards."""
    yield served[1]
    served[1].job = None


@pytest.fixture
def stranger(port: int) -> Iterator[httpx.Client]:
    """A browser that does not know the token."""
    emptied()
    address = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=address, headers={"Origin": address}, trust_env=False) as client:
        yield client


@pytest.fixture
def browser(stranger: httpx.Client) -> httpx.Client:
    """A browser that came by the first URL."""
    answer = stranger.get(f"/?token={TOKEN}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    return stranger


def csrf(browser: httpx.Client) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', browser.get("/voicemails").text)
    assert found
    return found[1]


# --- who may ask


@pytest.mark.parametrize("path", ["/", "/calls", "/voicemails", "/replay", "/static/style.css", "/?token=guessed", "/calls?token=" + TOKEN])
def test_without_the_token_there_is_nothing_to_see(stranger: httpx.Client, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 403
    assert "Open the address that `fallback console` printed" in answer.text


def test_the_token_becomes_a_cookie_that_no_script_reads_and_no_form_of_another_site_bears(stranger: httpx.Client) -> None:
    cookie = stranger.get(f"/?token={TOKEN}").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert TOKEN not in cookie


@pytest.mark.parametrize("other", ['prefs={"theme":"dark"}', "grafana/sess=1", "a b=c", "=", "half"])
def test_cookies_of_other_programs_on_this_machine_shut_nobody_out(browser: httpx.Client, other: str) -> None:
    [(name, value)] = browser.cookies.items()
    assert browser.get("/", headers={"Cookie": f"{other}; {name}={value}"}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example.com", "127.0.0.1", "127.0.0.1:1", "localhost"])
def test_another_name_for_our_address_is_refused(browser: httpx.Client, host: str) -> None:
    assert browser.get("/", headers={"Host": host}).status_code == 421


def test_localhost_is_a_name_of_ours(browser: httpx.Client) -> None:
    [(name, value)] = browser.cookies.items()
    answer = browser.get("/", headers={"Host": f"localhost:{browser.base_url.port}", "Cookie": f"{name}={value}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/replay", "/replay/stop", "/numbers", f"/voicemails/{CALL}/{RECORDING}"])
def test_a_form_without_its_token_or_from_elsewhere_does_nothing(browser: httpx.Client, path: str) -> None:
    assert browser.post(path, data={"csrf": "guessed", "show": "1"}).status_code == 403
    for origin in ("https://evil.example.com", "null", ""):
        assert browser.post(path, data={"csrf": csrf(browser), "show": "1"}, headers={"Origin": origin}).status_code == 403


@pytest.mark.parametrize("path", ["/", "/calls/none", "/static/htmx.min.js", "/nowhere"])
def test_every_answer_bears_the_strict_policy(browser: httpx.Client, path: str) -> None:
    answer = browser.get(path)
    assert answer.headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"


def test_it_listens_on_loopback_and_says_when_a_port_is_taken() -> None:
    with bound(0) as listening:
        host, port = listening.getsockname()
        listening.listen()
        assert host == "127.0.0.1"
        with pytest.raises(OpsError, match="choose another with --port"):
            bound(port)


def test_nothing_comes_from_anywhere_else() -> None:
    for file in (*FILES.glob("templates/*"), *FILES.glob("static/*.css"), *FILES.glob("static/*.svg")):
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"//\w", re.sub(r"removeprefix\(.*?\)", "", text)), file
        assert not re.search(r"<script(?! src=\"/static/)|<style| style=| on\w+=", text), file


# --- what the pages show


def test_the_overview_says_that_an_outage_is_on_and_what_the_codes_mean(browser: httpx.Client) -> None:
    add(event(CALL), event(sid("SM", 2), medium="sms", entry="sms", error_code="11210"), voicemail(CALL, RECORDING))
    text = browser.get("/").text
    assert "<title>OUTAGE" in text
    assert "1 call and 1 text, 1 message left" in text
    assert "Twilio asked for the webhook and got no usable answer" in text
    assert "https://app.example.com/calls" in text
    assert 'role="img"' in text
    assert 'hx-trigger="every 10s"' in text


def test_a_paused_page_does_not_refresh(browser: httpx.Client) -> None:
    assert "hx-get" not in browser.get("/?pause=1").text


def test_a_paused_page_goes_on_with_what_it_showed(browser: httpx.Client) -> None:
    page = browser.get("/?since=1d&pause=1").text
    assert '<a href="/?since=1d">Refresh by itself</a>' in page
    assert 'name="page" value="/?since=1d&amp;pause=1"' in page


def test_after_a_form_that_failed_show_numbers_leads_to_a_page(browser: httpx.Client) -> None:
    page = browser.post(f"/voicemails/{CALL}/{RECORDING}", data={"csrf": csrf(browser)})
    assert page.status_code == 404
    assert 'name="page" value="/"' in page.text


def test_calls_are_filtered_by_time_first(browser: httpx.Client) -> None:
    add(event(CALL), event(sid("CA", 2), timedelta(hours=5), who=OTHER))
    assert "1 error from" in browser.get("/calls?since=1h").text
    assert "2 errors from" in browser.get("/calls?since=12h").text
    assert "+1312*****42" in browser.get(f"/calls?since=12h&number={OTHER.replace('+', '%2B')}").text
    begin = (datetime.now(UTC) - timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M")
    end = (datetime.now(UTC) - timedelta(hours=4)).strftime("%Y-%m-%dT%H:%M")
    assert "1 error from" in browser.get(f"/calls?since=1h&from={begin}&until={end}").text


def test_the_story_of_a_call_has_its_voicemail(browser: httpx.Client) -> None:
    add(event(CALL), voicemail(CALL, RECORDING, AUDIO))
    text = browser.get(f"/calls/{CALL}").text
    assert "the primary failed with 11200" in text
    assert f'src="/voicemails/{CALL}/{RECORDING}/audio"' in text


#: What each page asks of AWS at most: four shards of each day (two of them in the hour after midnight), and again for the last outage;
#: what waits (three kinds), primary, probe, alarms.
ASKED = {"/": 22, "/calls": 8, f"/calls/{CALL}": 1, "/voicemails": 2, "/replay": 8}


@pytest.mark.parametrize("path", ASKED)
def test_a_page_asks_little_of_aws_however_many_events_there_are(browser: httpx.Client, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """And none of it is a scan: so a page opens as fast in a month of storms."""
    asked: list[str] = []
    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def counting(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        asked.append(operation)
        return call(client, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", counting)
    add(event(CALL), *(event(sid("CA", number), timedelta(minutes=9, seconds=number)) for number in range(2, 60)))
    asked.clear()
    assert browser.get(path).status_code == 200
    assert len(asked) <= ASKED[path], asked
    assert "Scan" not in asked


def test_audio_is_served_whole_and_in_parts(browser: httpx.Client) -> None:
    add(voicemail(CALL, RECORDING, AUDIO))
    whole = browser.get(f"/voicemails/{CALL}/{RECORDING}/audio")
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, AUDIO, "audio/wav")
    part = browser.get(f"/voicemails/{CALL}/{RECORDING}/audio", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, AUDIO[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(AUDIO)}"
    rest = browser.get(f"/voicemails/{CALL}/{RECORDING}/audio", headers={"Range": "bytes=100-"})
    assert rest.content == AUDIO[100:]


def test_a_part_of_audio_that_there_is_not_is_refused(browser: httpx.Client) -> None:
    add(voicemail(CALL, RECORDING, AUDIO))
    answer = browser.get(f"/voicemails/{CALL}/{RECORDING}/audio", headers={"Range": f"bytes={len(AUDIO)}-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(AUDIO)}")


@pytest.mark.parametrize("span", ["bytes=5-2", "bytes=0-1,4-5", "lines=1-2", "bytes=²-3", "bytes=-", "bytes=1", f"bytes={10**999}-"])
def test_a_range_that_is_none_is_answered_with_the_whole(browser: httpx.Client, span: str) -> None:
    add(voicemail(CALL, RECORDING, AUDIO))
    answer = browser.get(f"/voicemails/{CALL}/{RECORDING}/audio", headers={b"Range": span.encode()})
    assert (answer.status_code, answer.content) == (200, AUDIO)
    assert "content-range" not in answer.headers


@pytest.mark.parametrize("length", [1, 100, 10**9])
def test_the_end_of_audio_is_served_by_its_length(browser: httpx.Client, length: int) -> None:
    add(voicemail(CALL, RECORDING, AUDIO))
    answer = browser.get(f"/voicemails/{CALL}/{RECORDING}/audio", headers={"Range": f"bytes=-{length}"})
    assert (answer.status_code, answer.content) == (206, AUDIO[-length:])
    assert answer.headers["content-range"] == f"bytes {max(0, len(AUDIO) - length)}-{len(AUDIO) - 1}/{len(AUDIO)}"


@pytest.mark.parametrize("limit", ["²", "9" * 5000, "0", "-1", "many"])
def test_a_limit_that_is_none_does_no_harm(browser: httpx.Client, limit: str) -> None:
    add(event(CALL))
    assert CALL in browser.get(f"/calls?limit={limit}").text


@pytest.mark.parametrize("span", ["bytes=1-", "bytes=-100", "bytes=0-9"])
def test_a_voicemail_that_is_heard_is_noted_once_whichever_part_was_asked_for(browser: httpx.Client, pages: Pages, span: str) -> None:
    pages.hearing = Hearing()
    heard = sid("RE", secrets.randbits(60))
    add(voicemail(CALL, heard, AUDIO))
    for _ in range(2):
        assert browser.get(f"/voicemails/{CALL}/{heard}/audio", headers={"Range": span}).status_code == 206
    noted = [each.get("about") for each in trail(desk().deployments, Period.last(timedelta(minutes=1), datetime.now(UTC)))]
    assert noted.count(heard) == 1


def test_a_voicemail_that_is_kept_elsewhere_is_seen_to_here(browser: httpx.Client) -> None:
    add(voicemail(CALL, RECORDING, state="elsewhere", key=None, media_url="https://media.example.com/a.wav"))
    assert "https://media.example.com/a.wav" in browser.get("/voicemails").text
    browser.post(f"/voicemails/{CALL}/{RECORDING}", data={"csrf": csrf(browser), "name": "Kim"})
    assert "Every voicemail has been seen to" in browser.get("/voicemails").text


def test_numbers_are_masked_until_asked_for_which_is_noted(browser: httpx.Client) -> None:
    add(event(CALL), voicemail(CALL, RECORDING, AUDIO))
    assert CALLER not in browser.get("/voicemails").text
    answer = browser.post("/numbers", data={"csrf": csrf(browser), "show": "1", "page": "/voicemails"})
    assert answer.headers["location"] == "/voicemails"
    assert f'href="tel:{CALLER}"' in browser.get("/voicemails").text
    noted = [each["what"] for each in trail(desk().deployments, Period.last(timedelta(minutes=1), datetime.now(UTC)))]
    assert noted.count("whole numbers in the console, 30 minutes") == 1
    browser.post("/numbers", data={"csrf": csrf(browser), "page": "//evil.example.com"})
    assert CALLER not in browser.get("/voicemails").text


@pytest.mark.parametrize("path", ["/calls", "/replay"])
def test_whole_numbers_do_not_stay_on_a_page_that_is_left_open(browser: httpx.Client, path: str) -> None:
    assert "hx-get" not in browser.get(path).text
    browser.post("/numbers", data={"csrf": csrf(browser), "show": "1"})
    assert f'hx-get="{path}" hx-trigger="every 30s"' in browser.get(path).text
    browser.post("/numbers", data={"csrf": csrf(browser)})
    assert "hx-get" not in browser.get(path).text


def test_a_form_leads_back_to_our_own_pages_only(browser: httpx.Client) -> None:
    answer = browser.post("/numbers", data={"csrf": csrf(browser), "page": "//evil.example.com"})
    assert answer.headers["location"] == "/"


def test_a_voicemail_is_seen_to_and_may_wait_again(browser: httpx.Client) -> None:
    add(voicemail(CALL, RECORDING, AUDIO))
    form: dict[str, Any] = {"csrf": csrf(browser), "name": "Kim", "note": "called back", "page": "/voicemails"}
    assert browser.post(f"/voicemails/{CALL}/{RECORDING}", data=form).status_code == 303
    assert "Every voicemail has been seen to" in browser.get("/voicemails").text
    assert "heard by Kim: “called back”" in browser.get("/voicemails?since=1h").text
    browser.post(f"/voicemails/{CALL}/{RECORDING}", data=form | {"again": "1"})
    assert RECORDING in browser.get("/voicemails").text


def test_what_an_outdated_tab_asks_for_is_a_conflict_and_says_who_sees_to_it(browser: httpx.Client) -> None:
    add(voicemail(CALL, RECORDING, AUDIO))
    form = {"csrf": csrf(browser), "name": "Kim"}
    browser.post(f"/voicemails/{CALL}/{RECORDING}", data=form)
    answer = browser.post(f"/voicemails/{CALL}/{RECORDING}", data=form | {"name": "Robin"})
    assert answer.status_code == 409
    assert "is seen to by Kim already" in answer.text
    browser.post(f"/voicemails/{CALL}/{RECORDING}", data=form | {"again": "1"})
    assert browser.post(f"/voicemails/{CALL}/{RECORDING}", data=form | {"again": "1"}).status_code == 409


def test_the_form_of_a_voicemail_is_another_one_once_somebody_sees_to_it(browser: httpx.Client) -> None:
    """So that a page that refreshes itself keeps a half-typed note, and no outdated button."""
    add(voicemail(CALL, RECORDING, AUDIO))
    assert f'id="ack-{RECORDING}-open"' in browser.get("/voicemails").text
    browser.post(f"/voicemails/{CALL}/{RECORDING}", data={"csrf": csrf(browser)})
    assert f'id="ack-{RECORDING}-heard"' in browser.get("/voicemails?since=1h").text


def test_a_preview_of_the_hand_back_sends_nothing(browser: httpx.Client) -> None:
    text = event(sid("SM", 2), medium="sms", entry="sms", error_code="11202", error_url="https://app.example.com/texts")
    add(text, {"pk": text["pk"], "sk": f"original#{text['sk']}", "form": "Body=x"})
    page = browser.get("/replay").text
    assert "the primary certainly did not get it" in page
    assert "Hand 1 message back" in page


def test_a_hand_back_of_which_something_was_refused_does_not_pass_for_done(browser: httpx.Client, pages: Pages) -> None:
    text = event(sid("SM", 2), medium="sms", entry="sms", error_code="11202")
    candidate = Candidate(text, "ready")
    outcomes = [
        {"state": "delivered", "reason": "", "replies": ""},
        {"state": "refused", "reason": "somebody is sending it", "replies": ""},
    ]
    pages.job = Job(2, ((candidate, outcome) for outcome in outcomes))
    pages.job.thread.join()
    page = browser.get("/replay?done").text
    assert "1 message not sent" in page
    assert "somebody is sending it" in page
    assert "The primary has them" not in page


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_hand_back_that_breaks_off_says_so_and_nothing_private(browser: httpx.Client, pages: Pages) -> None:
    def breaking() -> Iterator[tuple[Candidate, Outcome]]:
        yield Candidate(event(sid("SM", 2), medium="sms"), "ready"), {"state": "delivered", "reason": "", "replies": ""}
        raise KeyError(CALLER)

    pages.job = Job(31, breaking())
    pages.job.thread.join()
    page = browser.get("/replay?done").text
    assert "Not finished <small>1 of 31" in page
    assert "It ended before the last one; the terminal where the console runs says why." in page
    assert CALLER not in page
    assert "The primary has them" not in page


def test_a_hand_back_that_ends_before_its_last_message_does_not_pass_for_done(browser: httpx.Client, pages: Pages) -> None:
    pages.job = Job(31, iter(()))
    pages.job.thread.join()
    page = browser.get("/replay?done").text
    assert "It ended before the last one" in page
    assert "The primary has them" not in page


def test_a_hand_back_of_nothing_says_that_nothing_was_sent(browser: httpx.Client, pages: Pages) -> None:
    pages.job = Job(0, iter(()))
    pages.job.thread.join()
    page = browser.get("/replay?done").text
    assert "nothing was sent" in page
    assert "The primary has them" not in page


def test_a_hand_back_is_followed_at_its_own_address_and_found_again_afterwards(browser: httpx.Client, pages: Pages) -> None:
    """A page that refreshes itself while it runs still shows how it ended."""
    blocked = Event()

    def waiting() -> Iterator[tuple[Candidate, Outcome]]:
        yield Candidate(event(sid("SM", 2), medium="sms"), "ready"), {"state": "delivered", "reason": "", "replies": ""}
        blocked.wait()

    pages.job = Job(5, waiting())
    answers = [browser.get(path) for path in ("/replay?since=1h", "/replay?pause=1")]
    assert [(answer.status_code, answer.headers["location"]) for answer in answers] == [
        (303, "/replay?done"),
        (303, "/replay?done&pause=1"),
    ]
    assert "Handing back" in browser.get("/replay?done").text
    blocked.set()
    pages.job.thread.join()
    assert '<a href="/replay?done">The last hand-back: 1 of 5</a>' in browser.get("/replay").text


def test_two_clicks_are_one_hand_back(browser: httpx.Client, pages: Pages) -> None:
    blocked = Event()

    def waiting() -> Iterator[tuple[Candidate, Outcome]]:
        blocked.wait()
        yield from ()

    pages.job = Job(1, waiting())
    answer = browser.post("/replay", data={"csrf": csrf(browser)})
    blocked.set()
    assert "a hand-back is under way" in answer.text


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        (f"/calls/{sid('CA', 404)}", 404, "it never reached the fallback, or its events have expired"),
        ("/?since=99999999999w", 400, "is no time"),
        ("/voicemails?since=2999-01-01", 400, "before it begins"),
        ("/replay?since=0001-01-01T00:00%2B14:00", 400, "is no time"),
        ("/calls?medium=fax", 400, "choose one of voice, sms"),
        (f"/voicemails/{CALL}/{RECORDING}/audio", 404, "There is no voicemail"),
        ("/nowhere", 404, "Not Found"),
    ],
)
def test_bad_input_is_a_sentence_on_a_page(browser: httpx.Client, path: str, status: int, sentence: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == status
    assert sentence in answer.text
    assert "That was not possible" in answer.text


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("since=soon", "write it as 90m, 2h"),
        ("from=2026-11-21T05:00&until=2026-11-21T04:00", "swap from and until"),
        ("until=0001-01-01T00:00", "is no time"),
        ("until=0002-01-01T00:00", "before it begins"),
        ("from=0001-01-01T00:00%2B14:00", "is no time"),
        ("since=99999999999w", "is no time"),
    ],
)
def test_a_time_that_is_none_is_a_sentence_above_the_form_as_it_was(browser: httpx.Client, asked: str, sentence: str) -> None:
    answer = browser.get(f"/calls?{asked}&url=example.com/texts")
    assert answer.status_code == 400
    assert sentence in answer.text
    assert "--" not in answer.text.partition("<main")[2]
    assert 'value="example.com/texts"' in answer.text


def test_with_an_end_alone_the_span_counts_back_from_it(browser: httpx.Client) -> None:
    add(event(CALL), event(sid("CA", 2), timedelta(hours=30)))
    end = (datetime.now(UTC) - timedelta(hours=29)).strftime("%Y-%m-%dT%H:%M")
    assert "1 error from" in browser.get(f"/calls?since=1d&until={end}").text
    ahead = (datetime.now(UTC) + timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M")
    assert "1 error from" in browser.get(f"/calls?since=1h&until={ahead}").text


def test_the_form_of_calls_shows_the_span_of_the_address(browser: httpx.Client) -> None:
    assert "<option selected>2h</option>" in browser.get("/calls?since=2h").text
    assert "<option selected>1d</option>" in browser.get("/calls?since=1d").text


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        (ClientError({"Error": {"Code": "ExpiredTokenException"}}, "Query"), "the AWS credentials have expired; sign in again"),
        (ClientError({"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "slow"}}, "Query"), "slow"),
        (EndpointConnectionError(endpoint_url="https://dynamodb.us-east-1.amazonaws.com"), "AWS cannot be reached"),
    ],
)
def test_what_aws_refuses_is_a_sentence_on_every_page(
    browser: httpx.Client, monkeypatch: pytest.MonkeyPatch, trouble: Exception, sentence: str
) -> None:
    """And the page looks again by itself: once the engineer has signed in, it is there."""

    def refuses(*_: object, **__: object) -> None:
        raise trouble

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", refuses)
    for path in ("/", "/calls", f"/calls/{CALL}", "/voicemails", "/replay"):
        answer = browser.get(path)
        assert (answer.status_code, sentence in answer.text) == (503, True), path
        assert "every 10s" in answer.text


@pytest.mark.parametrize("path", ["/", "/calls", f"/voicemails/{CALL}/{RECORDING}/audio"])
def test_a_mistake_of_the_console_is_a_sentence_and_its_traceback_stays_in_the_terminal(
    browser: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise KeyError(CALLER)

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", breaks)
    answer = browser.get(path)
    assert answer.status_code == 500
    assert "made a mistake of its own (KeyError)" in answer.text
    assert "That was not possible" in answer.text
    assert answer.headers["content-security-policy"] == POLICY
    assert CALLER not in answer.text
    assert "Traceback" not in answer.text
    assert "Exception in ASGI application" in caplog.text


def test_audio_that_is_gone_is_a_sentence(browser: httpx.Client) -> None:
    add(voicemail(CALL, RECORDING))
    answer = browser.get(f"/voicemails/{CALL}/{RECORDING}/audio")
    assert answer.status_code == 503
    assert "is gone" in answer.text


def test_text_of_callers_is_shown_as_text(browser: httpx.Client) -> None:
    add(event(CALL, answer="<script>alert(1)</script>", who="client:<img src=x>"))
    for path in ("/", "/calls", f"/calls/{CALL}"):
        text = browser.get(path).text
        assert "<script>alert" not in text
        assert "<img" not in text


def test_the_company_number_is_whole(browser: httpx.Client) -> None:
    add(event(CALL))
    assert OWN in browser.get("/calls").text
