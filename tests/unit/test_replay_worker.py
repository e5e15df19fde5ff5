"""Handing one text or callback back: what the primary gets, what is refused, what is noted."""

import json
from collections.abc import Iterator
from datetime import timedelta
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest
from twilio.request_validator import RequestValidator

from lambdas.workers.events import Item
from lambdas.workers.hand_back import lost_callback, missed_text
from lambdas.workers.webhook import Ask
from local.twilio import StandInTwilio
from local.twilio.primary import Closes, Fails, Primary, Says, refusing_url
from local.twilio.rest import RestApi
from tests.unit.event_table import TABLE
from tests.unit.replay_worker import ACCOUNT, TOKEN, add, text, wish, worker

REPLY = "<Response><Message>Thank you</Message><Message to='+12025550199'>Copy</Message></Response>"


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    with worker(monkeypatch) as module:
        yield module


@pytest.fixture
def primary() -> Iterator[Primary]:
    with Primary() as server:
        server.answers("<Response/>")
        yield server


@pytest.fixture
def twilio(monkeypatch: pytest.MonkeyPatch) -> Iterator[RestApi]:
    """Twilio's API, which knows none of our numbers."""
    with RestApi(StandInTwilio(ACCOUNT, TOKEN).platform, keys={"SK1": "s"}) as api:
        monkeypatch.setenv("TWILIO_API_BASE", api.url)
        yield api


def missed(url: str, **facts: Any) -> Item:
    """A text that was missed, in the table."""
    items = text(1, url, **facts)
    add(*items)
    return items[0]


def noted(event: Item, sk: str = "replay#text") -> dict[str, Any]:
    """The item of the replay."""
    table = boto3.resource("dynamodb", region_name="us-east-1").Table(TABLE)
    return dict(table.get_item(Key={"pk": event["pk"], "sk": sk})["Item"])


def test_the_primary_gets_what_it_missed_and_can_tell_that_it_is_handed_back(replay: ModuleType, primary: Primary) -> None:
    event = missed(f"{primary.url}/texts?tenant=7")
    assert replay.handler(wish(event), None) == {"state": "delivered", "reason": "", "status": 200, "replies": ""}
    [received] = primary.received
    assert (received.path, received.query) == ("/texts", "tenant=7")
    assert received.form == {name: value for name, value in event["params"].items() if not name.startswith("Error")}
    assert received.headers["x-fallback-replay"] == "1"
    assert received.headers["x-fallback-original-time"] == event["time"]
    assert RequestValidator(TOKEN).validate(f"{primary.url}/texts?tenant=7", received.form, received.headers["x-twilio-signature"])
    assert noted(event)["state"] == "delivered"
    assert "todo" not in noted(event)


def test_what_was_delivered_never_goes_again(replay: ModuleType, primary: Primary) -> None:
    event = missed(f"{primary.url}/texts")
    replay.handler(wish(event), None)
    assert replay.handler(wish(event, again=True), None)["reason"] == "it was delivered before"
    assert len(primary.received) == 1


def test_the_token_of_each_attempt_is_the_same_and_differs_between_texts(replay: ModuleType, primary: Primary) -> None:
    primary.behaves("/texts", Fails(500), Says(b"<Response/>"))
    first, [second, original] = missed(f"{primary.url}/texts"), text(2, f"{primary.url}/texts")
    add(second, original)
    for event, again in ((first, False), (first, True), (second, False)):
        replay.handler(wish(event, again=again), None)
    tokens = [received.headers["i-twilio-idempotency-token"] for received in primary.received]
    assert tokens[0] == tokens[1] != tokens[2]
    assert [received.headers["x-fallback-replay"] for received in primary.received] == ["1", "2", "1"]


def test_a_primary_that_refuses_the_connection_may_be_asked_again(replay: ModuleType) -> None:
    with refusing_url() as url:
        event = missed(f"{url}/texts")
        assert [replay.handler(wish(event), None)["state"] for _ in range(2)] == ["not delivered", "not delivered"]
    assert noted(event)["attempts"] == 2
    assert noted(event)["todo"] == "replay"


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (Fails(500), "the primary answered 500"),
        (Fails(403), "the primary answered 403"),
        (Says(b"<html><body>Down for maintenance</body></html>", "text/html"), "the primary answered HTML instead of TwiML"),
        (Says(b"<Response>", "text/xml"), "the primary answered something that is not TwiML"),
        (Says(b'{"ok": true}', "application/json"), "the primary answered application/json"),
        (Closes(), "no whole answer came (RemoteDisconnected)"),
    ],
)
def test_what_the_primary_perhaps_processed_goes_again_only_when_told(
    replay: ModuleType, primary: Primary, behaviour: Fails | Says | Closes, reason: str
) -> None:
    primary.behaves("/texts", behaviour)
    event = missed(f"{primary.url}/texts")
    first = replay.handler(wish(event), None)
    assert (first["state"], first["reason"]) == ("perhaps", reason)
    assert "add --again" in replay.handler(wish(event), None)["reason"]
    assert len(primary.received) == 1
    assert replay.handler(wish(event, again=True), None)["state"] == "perhaps"
    assert len(primary.received) == 2


MOVED = "a redirect to https://app.example.com/texts/, which is not followed: give Twilio the address that answers"


def redirect(status: int) -> Says:
    """An answer that leads elsewhere."""
    return Says(b"", "", status, (("Location", "https://app.example.com/texts/"),))


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (Fails(404), "the primary answered 404 to POST"),
        (Fails(405), "the primary answered 405 to POST"),
        (Fails(410), "the primary answered 410"),
        (redirect(301), f"the primary answered 301, {MOVED}"),
        (redirect(307), f"the primary answered 307, {MOVED}"),
        (redirect(308), f"the primary answered 308, {MOVED}"),
    ],
)
def test_what_was_certainly_not_processed_may_go_again_at_once(
    replay: ModuleType, primary: Primary, behaviour: Fails | Says, reason: str, twilio: RestApi
) -> None:
    primary.behaves("/texts", behaviour)
    event = missed(f"{primary.url}/texts")
    first = replay.handler(wish(event), None)
    assert (first["state"], first["reason"]) == ("not delivered", reason)
    primary.answers("<Response/>")
    primary.behaves("/texts", Says(b"<Response/>"))
    assert replay.handler(wish(event), None)["state"] == "delivered"
    assert {each.method for each in primary.received} == {"POST"}
    assert not [each for each in twilio.received if each.method != "GET"]


@pytest.mark.parametrize("status", [302, 303])
def test_a_redirect_that_may_follow_upon_what_was_done_is_perhaps(replay: ModuleType, primary: Primary, status: int) -> None:
    primary.behaves("/texts", redirect(status))
    outcome = replay.handler(wish(missed(f"{primary.url}/texts")), None)
    assert (outcome["state"], outcome["reason"]) == ("perhaps", f"the primary answered {status}, {MOVED}")


@pytest.mark.parametrize("status", [404, 405])
def test_a_primary_that_takes_get_alone_gets_it(replay: ModuleType, primary: Primary, twilio: RestApi, status: int) -> None:
    """Twilio's request to the fallback does not tell by which method the primary is asked; its number does."""
    replay.API.keys.read_at = float("-inf")
    line = StandInTwilio(ACCOUNT, TOKEN).number("+12025550106", sms_url=f"{primary.url}/texts#rc=2", sms_method="GET")
    twilio.serve(line.platform, {"SK1": "s"})
    primary.behaves("/texts", Fails(status), Says(b"<Response/>"))
    event = missed(f"{primary.url}/texts")
    assert replay.handler(wish(event), None)["state"] == "delivered"
    assert [each.method for each in primary.received] == ["POST", "GET"]
    received = primary.received[1]
    url = f"{primary.url}/texts?{received.query}"
    assert RequestValidator(TOKEN).validate(url, {}, received.headers["x-twilio-signature"])


def test_a_time_out_needs_include_perhaps(replay: ModuleType, primary: Primary) -> None:
    event = missed(f"{primary.url}/texts", code="11205")
    assert "add --include-perhaps" in replay.handler(wish(event), None)["reason"]
    assert primary.received == []
    assert replay.handler(wish(event, include_perhaps=True), None)["state"] == "delivered"


def test_only_hosts_that_the_settings_name_are_asked(replay: ModuleType) -> None:
    event = missed("https://elsewhere.example.com/texts")
    assert replay.handler(wish(event), None) == {
        "state": "refused",
        "reason": "elsewhere.example.com is no primary of yours: add it to [primary] hosts and deploy, if it is",
        "status": None,
        "replies": "",
    }


def test_an_original_that_has_expired_is_a_sentence(replay: ModuleType, primary: Primary) -> None:
    event, _ = text(1, primary.url)
    add(event)
    assert "its original is not kept" in replay.handler(wish(event), None)["reason"]


def test_calls_and_unknown_events_are_never_replayed(replay: ModuleType, primary: Primary) -> None:
    event, original = text(1, primary.url)
    add(event | {"medium": "voice", "entry": "voice"}, original)
    for asked in (wish(event), {"pk": "SM0", "sk": "none"}):
        assert "calls are never replayed" in replay.handler(asked, None)["reason"]
    assert primary.received == []


def test_somebody_else_sending_at_this_moment_is_waited_for(replay: ModuleType, primary: Primary) -> None:
    event = missed(f"{primary.url}/texts")
    replay.Replays(replay.TABLE, event, 400).begin("somebody else", again=False)
    assert "somebody is sending it at this moment" in replay.handler(wish(event, again=True), None)["reason"]
    assert primary.received == []


def test_a_lost_callback_goes_to_its_own_address_by_its_own_method(replay: ModuleType, primary: Primary) -> None:
    ask = Ask(f"{primary.url}/calls/ended?x=1", f"AccountSid={ACCOUNT}&CallSid=CA1&CallStatus=completed", "voice", "GET")
    event, original = lost_callback("NO1", "2026-11-21T02:41:07Z", "CA1", "11202", ask, (400, 30))
    primary.behaves("/calls/ended", Says(b"", "", 204))
    add(event, original)
    assert replay.handler(wish(event), None)["state"] == "delivered"
    [received] = primary.received
    assert (received.method, received.query) == ("GET", f"x=1&{ask.form}")
    assert noted(event, "replay#2026-11-21T02:41:07Z#NO1")["state"] == "delivered"


@pytest.mark.parametrize(("status", "failing"), [(200, []), (404, []), (503, ["answered 503"])])
def test_the_check_asks_the_primary_before_anything_is_sent(replay: ModuleType, primary: Primary, status: int, failing: list[str]) -> None:
    primary.behaves("/", Says(b"", "", status))
    found = replay.handler({"check": [f"{primary.url}/"]}, None)["failing"]
    assert [sentence.partition(" ")[2] for sentence in found] == failing
    assert "x-twilio-signature" not in primary.received[0].headers


def test_a_health_address_has_to_answer_2xx(monkeypatch: pytest.MonkeyPatch, primary: Primary) -> None:
    primary.behaves("/health", Fails(404))
    with worker(monkeypatch, health=(f"{primary.url}/health",)) as replay:
        assert len(replay.handler({"check": []}, None)["failing"]) == 1


def test_the_check_asks_no_stranger(replay: ModuleType) -> None:
    [failing] = replay.handler({"check": ["http://169.254.169.254/"]}, None)["failing"]
    assert "no primary of yours" in failing


class Sent:
    """Stands where Twilio's API is: what was sent, and what it says to that."""

    def __init__(self) -> None:
        self.messages: list[tuple[dict[str, str], int]] = []

    def __call__(self, _: object, form: dict[str, str], replies: list[Any]) -> int:
        self.messages.append((form, len(replies)))
        return len(replies)


@pytest.fixture
def sent(replay: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Sent:
    spy = Sent()
    monkeypatch.setattr(replay, "send_replies", spy)
    return spy


def test_replies_of_the_primary_go_out_only_when_asked(replay: ModuleType, primary: Primary, sent: Sent) -> None:
    primary.answers(REPLY)
    event = missed(f"{primary.url}/texts")
    assert replay.handler(wish(event), None)["replies"] == "replies of the primary not sent: 1 (--send-replies sends them)"
    assert sent.messages == []


def test_a_reply_goes_to_the_sender_alone(replay: ModuleType, primary: Primary, sent: Sent) -> None:
    primary.answers(REPLY)
    assert replay.handler(wish(missed(f"{primary.url}/texts"), send_replies=True), None)["replies"] == "1 of 1 replies sent"
    assert [(form["From"], count) for form, count in sent.messages] == [("+12025550123", 1)]


def test_a_late_reply_is_not_sent(replay: ModuleType, primary: Primary, sent: Sent) -> None:
    primary.answers(REPLY)
    event = missed(f"{primary.url}/texts", ago=timedelta(hours=2))
    assert "older than 60 minutes" in replay.handler(wish(event, send_replies=True), None)["replies"]
    assert sent.messages == []


def test_who_wrote_stop_gets_no_reply_until_start(replay: ModuleType, primary: Primary, sent: Sent) -> None:
    primary.answers(REPLY)
    said = []
    for number, body in enumerate(("STOP", "One more question", "start", "Thanks")):
        event, *others = text(number, f"{primary.url}/texts", body=body)
        add(event, *others)
        said.append(replay.handler(wish(event, send_replies=True), None)["replies"])
    assert [sentence.endswith("opted out") for sentence in said] == [True, True, True, False]
    assert len(sent.messages) == 1


def test_a_text_of_dublin_is_signed_with_the_token_of_dublin(replay: ModuleType, primary: Primary, monkeypatch: pytest.MonkeyPatch) -> None:
    """The primary checks it as Twilio signs there; where nobody can tell the Region, the first token is as good as any."""
    event, abroad = missed(f"{primary.url}/texts"), f"{ACCOUNT}@ie1"
    secrets = boto3.client("secretsmanager", region_name="us-east-1")
    secrets.put_secret_value(SecretId="tokens", SecretString=json.dumps({ACCOUNT: [TOKEN], abroad: ["of Dublin"]}))
    secrets.put_secret_value(SecretId="keys", SecretString=json.dumps({name: {"key": "SK1", "secret": "s"} for name in (ACCOUNT, abroad)}))
    with RestApi(StandInTwilio(ACCOUNT, TOKEN).platform, keys={"SK1": "s"}) as api:
        dublin = StandInTwilio(ACCOUNT, "of Dublin", region="ie1")
        dublin.number("+12025550106").text("+12025550123", "Is 3 pm fine?")
        dublin.platform.texts[0].parameters["MessageSid"] = event["pk"]
        api.serve(dublin.platform, {"SK1": "s"})
        monkeypatch.setenv("TWILIO_API_BASE", api.url)
        assert replay.handler(wish(event), None)["state"] == "delivered"
    received = primary.received[-1]
    validator = RequestValidator("of Dublin")
    assert validator.validate(f"{primary.url}/texts", received.form, received.headers["x-twilio-signature"])


def test_who_opted_out_by_a_text_that_never_came_to_us_is_not_written_to(replay: ModuleType, primary: Primary, sent: Sent) -> None:
    """Twilio tells of it; that text itself goes back only when somebody says so, because the primary may have it."""
    primary.answers(REPLY)
    event, *others = text(1, f"{primary.url}/texts")
    form = {"AccountSid": ACCOUNT, "MessageSid": "SM" + "2" * 32, "From": "+12025550123", "To": "+12025550106", "Body": "Stop"}
    ask = Ask(f"{primary.url}/texts", urlencode(form), "sms")
    add(event, *others, *missed_text("missed", event["time"][:19] + "Z", form["MessageSid"], "11200", ask, (400, 30)))
    assert replay.handler(wish(event, send_replies=True), None)["replies"].endswith("opted out")
    assert sent.messages == []


@pytest.mark.parametrize("location", ["http://[::1/", "//[", "http://a:b:c/"])
def test_a_redirect_that_leads_nowhere_is_a_sentence(replay: ModuleType, primary: Primary, location: str) -> None:
    primary.behaves("/texts", Closes(f"HTTP/1.1 301 Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()))
    outcome = replay.handler(wish(missed(f"{primary.url}/texts")), None)
    assert (outcome["state"], outcome["reason"][:40]) == ("not delivered", "the primary answered 301, a redirect to ")


@pytest.mark.parametrize("charset", ["undefined", "idna", "hex", "no-such-charset", "utf-8"])
def test_a_charset_that_is_none_is_read_as_utf_8(replay: ModuleType, primary: Primary, charset: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset={charset}\r\nContent-Length: 11\r\n\r\n"
    primary.behaves("/texts", Closes(head.encode() + b"<Response/>"))
    assert replay.handler(wish(missed(f"{primary.url}/texts")), None)["state"] == "delivered"


@pytest.mark.parametrize("body", ["Stop.", "STOP ALL", "opt out", '"stop"', "ARRET"])
def test_who_opted_out_in_whatever_words_is_not_written_to(replay: ModuleType, primary: Primary, sent: Sent, body: str) -> None:
    """Neither to that text nor to one that came before it, whether that text is handed back or not."""
    primary.answers(REPLY)
    before, *others = text(1, f"{primary.url}/texts")
    stop, *more = text(2, f"{primary.url}/texts", body=body, opt_out_type="STOP" if body == "ARRET" else "")
    add(before, *others, stop, *more)
    for event in (before, stop):
        assert replay.handler(wish(event, send_replies=True), None)["replies"].endswith("opted out")
    assert sent.messages == []
