"""The probe: what it asks, what it accepts, what it calls what it finds."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from lambdas.answer.book import PROBE_ACCOUNT, Book
from lambdas.answer.request import fields_of
from lambdas.answer.signature import VERIFIED, trust_of
from lambdas.workers.webhook import Answer, Ask, NoAnswer, NotSent, own_headers
from tests.unit.watch_workers import HOST, TOKEN, Watching, counted, watching

MINUTE = 60
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DAYS_90 = 90 * 86_400


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watching]:
    with watching(monkeypatch) as one:
        yield one


@pytest.fixture
def probe(made: Watching) -> ModuleType:
    return made.worker("probe")


class Fallback:
    """Answers as the answer function does, or as told."""

    def __init__(self, probe: ModuleType, made: Watching) -> None:
        self.probe, self.made = probe, made
        self.asked: list[tuple[Ask, str]] = []
        self.more: dict[str, Any] = {}
        self.document: Callable[[Any, Any], str] = lambda book, request: book.choose(request, time.time()).document
        self.error: OSError | None = None
        self.records = True
        self.id = made.book.id  #: of the book from which the journal says that was answered

    def send(self, ask: Ask, token: str, _headers: Any, _wait: float) -> Answer:
        """Takes the place of the network."""
        self.asked.append((ask, token))
        if self.error:
            raise self.error
        fields = fields_of(ask.form)
        run = self.probe.Run(0, ask.url, fields.get("CallSid") or fields["MessageSid"], case=dict(fields))
        if self.records:
            self.made.table.put_item(
                Item={"pk": run.sid, "sk": "2026-11-21T12:00:00.000000Z#r", "kind": "request", "probe": True, "book": self.id}
            )
        request = self.probe.request_of(run)
        body = self.probe.filled(self.document(self.made.book, request), request)
        known = {"status": 200, "content_type": "text/xml", "body": body, "seconds": 0.02, "certificate_ends": time.time() + DAYS_90}
        return Answer(**(known | self.more))


@pytest.fixture
def fallback(probe: ModuleType, made: Watching, monkeypatch: pytest.MonkeyPatch) -> Fallback:
    one = Fallback(probe, made)
    monkeypatch.setattr(probe, "send", one.send)
    return one


def run(probe: ModuleType, minute: int = 0) -> dict[str, Any]:
    """One run, and what was noted of it."""
    moment = NOON.timestamp() + minute * MINUTE
    probe.handler({"time": datetime.fromtimestamp(moment, UTC).isoformat()}, None)
    return dict(probe.TABLE.get_item(Key={"pk": "probe", "sk": str(int(moment // MINUTE))})["Item"])


def faults(captured: pytest.CaptureFixture[str]) -> set[str]:
    """The faults that were counted."""
    return {dimensions["Fault"] for name, dimensions, _ in counted(captured) if name == "ProbeFaults"}


def test_a_sound_fallback_has_no_faults_and_a_time(fallback: Fallback, probe: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    noted = run(probe)
    assert (noted["faults"], noted["milliseconds"]) == ([], 20)
    assert counted(capsys) == [("ProbeTime", {"Environment": "tests", "service": "probe"}, 20.0)]


def test_voice_text_and_trunk_take_turns(fallback: Fallback, probe: ModuleType) -> None:
    for minute in range(4):
        run(probe, minute)
    asked = [ask.url.removeprefix(HOST) for ask, _ in fallback.asked]
    assert set(asked[:3]) == {"/voice", "/sms", "/trunk/main"}
    assert asked[3] == asked[0]


def test_the_request_is_verified_by_the_answer_as_the_probes(fallback: Fallback, probe: ModuleType) -> None:
    """It is signed by Twilio's package and checked by ours; the account is one that Twilio never gives to anybody."""
    for minute in range(3):
        run(probe, minute)
    for ask, token in fallback.asked:
        sid = fields_of(ask.form).get("CallSid") or fields_of(ask.form)["MessageSid"]
        request = probe.request_of(probe.Run(0, ask.url, sid, case=dict(fields_of(ask.form))))
        request.headers |= {name.lower(): value for name, value in own_headers(ask, token, urlsplit(ask.url)).items()}
        assert request.body == ask.form
        assert trust_of(request, {PROBE_ACCOUNT: [TOKEN]}) == VERIFIED


@pytest.mark.parametrize("base", ["https://fallback.example.com", "https://fallback.example.com/phone"])
def test_a_custom_domain_is_asked_as_twilio_asks_it(
    fallback: Fallback, probe: ModuleType, monkeypatch: pytest.MonkeyPatch, base: str
) -> None:
    """With a base path or without; the document that is expected names that domain."""
    monkeypatch.setattr(probe, "URLS", [f"{base}/voice", f"{base}/sms", f"{base}/trunk/main"])
    assert [run(probe, minute)["faults"] for minute in range(3)] == [[], [], []]
    requests = [probe.request_of(probe.Run(0, ask.url, "CA1")) for ask, _ in fallback.asked]
    assert {request.base for request in requests} == {base}
    assert {request.path for request in requests} == {"/voice", "/sms", "/trunk/main"}


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"status": 500}, "wrong"),
        ({"content_type": "application/json"}, "wrong"),
        ({"body": "<html/>"}, "wrong"),
        ({"body": "no xml"}, "wrong"),
        ({"body": "<Response><Say>Something else</Say></Response>"}, "wrong"),
        ({"seconds": 5.1}, "slow"),
        ({"certificate_ends": time.time() + 13 * 86_400}, "certificate"),
    ],
)
def test_what_is_wrong_is_counted_by_its_kind(
    fallback: Fallback, probe: ModuleType, more: dict[str, Any], fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fallback.more = more
    assert run(probe)["faults"] == [fault]
    assert faults(capsys) == {fault}


def test_the_answer_of_api_gateway_is_told_apart(fallback: Fallback, probe: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """By its name; and counted as a wrong one, so that it sets off an alarm where no access log is written."""
    fallback.document = lambda book, request: str(book.last_resort[request.medium])
    assert run(probe)["faults"] == ["static"]
    assert faults(capsys) == {"wrong"}


def test_the_answer_for_strangers_is_told_apart(fallback: Fallback, probe: ModuleType, made: Watching) -> None:
    """The answer function does not know the probe's token. Texts show it: in `local.toml` strangers' texts get silence."""
    apology = dict.fromkeys(("voice", "sms"), made.book.last_resort["voice"])  # else that would be silence too
    made.monkeypatch.setattr(probe.BOOK, "last_resort", apology)
    fallback.document = lambda book, request: str(book.choose_unverified(request, time.time()).document)
    found = [run(probe, minute)["faults"] for minute in range(3)]
    assert ["unverified"] in found


def test_no_connection_is_unreachable_and_has_no_time(fallback: Fallback, probe: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """No time is what its alarm rings by."""
    for error in (NotSent("no such name"), NoAnswer("silence")):
        fallback.error = error
        assert run(probe)["faults"] == ["unreachable"]
    assert "ProbeTime" not in {name for name, _, _ in counted(capsys)}


def as_a_stranger(book: Book, request: Any) -> str:
    """What an unsigned request gets."""
    return str(book.choose_unverified(request, time.time()).document)


def overwritten(made: Watching, _: ModuleType) -> None:
    """Somebody put other tokens in the place of all."""
    made.tokens(**{"AC" + "1" * 32: ["real"]})


def gone(made: Watching, _: ModuleType) -> None:
    """Somebody deleted the secret."""
    made.secrets.delete_secret(SecretId="tokens", ForceDeleteWithoutRecovery=True)


def down(made: Watching, probe: ModuleType) -> None:
    """Secrets Manager answers nothing."""

    def silence(**_: Any) -> Any:
        raise ReadTimeoutError(endpoint_url="https://secretsmanager.example.com")

    made.monkeypatch.setattr(probe.SECRETS, "get_secret_value", silence)


@pytest.mark.parametrize("fault", [overwritten, gone, down])
def test_without_its_token_the_probe_is_a_stranger_and_still_proves_that_callers_are_answered(
    fallback: Fallback, probe: ModuleType, made: Watching, fault: Callable[[Watching, ModuleType], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its time is counted, so nobody is told that callers get no answer; what is told is that the tokens cannot be had."""
    fault(made, probe)
    fallback.document = as_a_stranger
    for minute in range(3):
        assert run(probe, minute)["faults"] == ["unsigned"]
    assert {token for _, token in fallback.asked} == {""}
    found = counted(capsys)
    assert [name for name, _, _ in found].count("ProbeTime") == 3
    assert {dimensions["Fault"] for name, dimensions, _ in found if name == "ProbeFaults"} == {"unverified"}


def test_a_stranger_who_is_believed_is_wrong(fallback: Fallback, probe: ModuleType, made: Watching) -> None:
    """An unsigned request must not get what a signed one gets."""
    overwritten(made, probe)
    found = [run(probe, minute)["faults"] for minute in range(3)]
    assert ["unsigned", "wrong"] in found


@pytest.mark.parametrize("action", ["get_item", "put_item", "query"])
def test_without_the_table_the_answer_is_judged_all_the_same(
    fallback: Fallback, probe: ModuleType, made: Watching, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the probe may no longer do with it: callers are answered, events are not recorded."""
    run(probe, 0)
    counted(capsys)

    def denied(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, action)

    made.monkeypatch.setattr(probe.TABLE, action, denied)
    probe.handler({"time": datetime.fromtimestamp(NOON.timestamp() + 10 * MINUTE, UTC).isoformat()}, None)
    found = counted(capsys)
    assert "ProbeTime" in {name for name, _, _ in found}
    assert {dimensions["Fault"] for name, dimensions, _ in found if name == "ProbeFaults"} == {"unrecorded"}


def test_the_item_of_the_run_ten_minutes_ago_must_be_there(
    fallback: Fallback, probe: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    fallback.records = False
    run(probe, 0)
    for minute in range(1, 10):
        run(probe, minute)
    assert faults(capsys) == set()
    run(probe, 10)
    assert faults(capsys) == {"unrecorded"}


def test_an_item_that_came_says_nothing(fallback: Fallback, probe: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    for minute in (0, 10):
        run(probe, minute)
    assert faults(capsys) == set()


@pytest.mark.parametrize("fault", ["static", "unreachable"])
def test_nothing_is_to_be_proved_of_a_run_that_the_function_never_saw(
    fallback: Fallback, probe: ModuleType, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One broken thing, one alarm."""
    fallback.records = False
    if fault == "static":
        fallback.document = lambda book, request: str(book.last_resort[request.medium])
    else:
        fallback.error = NotSent("no such name")
    run(probe, 0)
    fallback.error, fallback.document = None, lambda book, request: book.choose(request, time.time()).document
    run(probe, 10)
    assert faults(capsys) == {"wrong" if fault == "static" else fault}


@pytest.mark.parametrize(("minutes", "back"), [(1, 10), (2, 5), (5, 2), (10, 1)])
def test_ten_minutes_are_ten_minutes_at_any_rate(
    fallback: Fallback, probe: ModuleType, made: Watching, minutes: int, back: int, capsys: pytest.CaptureFixture[str]
) -> None:
    made.monkeypatch.setattr(probe, "MINUTES", minutes)
    fallback.records = False
    for number in (0, back):
        probe.handler({"time": datetime.fromtimestamp(NOON.timestamp() + number * minutes * MINUTE, UTC).isoformat()}, None)
    assert faults(capsys) == {"unrecorded"}


@pytest.mark.parametrize(("minutes", "rings_at"), [(1, 20), (2, 20), (5, 20), (10, 20)])
def test_an_alias_that_points_at_an_earlier_version_shows_soon(
    fallback: Fallback, probe: ModuleType, made: Watching, minutes: int, rings_at: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Though it says the same: the journal tells from which book. Twenty minutes after a deployment at most, at any rate of requests."""
    made.monkeypatch.setattr(probe, "MINUTES", minutes)
    fallback.id = "an earlier one"
    found = {}
    for number in range(0, 41, minutes):
        probe.handler({"time": datetime.fromtimestamp(NOON.timestamp() + number * MINUTE, UTC).isoformat()}, None)
        found[number] = faults(capsys)
    assert {number for number, what in found.items() if what} == {number for number in found if number >= rings_at}
    assert set.union(*found.values()) == {"old-book"}


def test_a_deployment_under_way_is_no_earlier_version(
    fallback: Fallback, probe: ModuleType, made: Watching, capsys: pytest.CaptureFixture[str]
) -> None:
    """Workers and answer are not changed in the same second; whichever comes first, the other has ten minutes."""
    before = made.book.id
    for minute in range(60):
        if minute == 30:
            made.monkeypatch.setattr(probe.BOOK, "id", "the next one")
        fallback.id = before if minute < 33 else "the next one"
        run(probe, minute)
    assert faults(capsys) == set()


@pytest.mark.parametrize("fault", ["wrong", "static", "unreachable"])
def test_where_the_right_answer_stays_away_it_is_asked_for_again_until_it_comes(fallback: Fallback, probe: ModuleType, fault: str) -> None:
    """Once a round would be no alarm. Then the turns go on."""
    own = fallback.document
    match fault:
        case "wrong":
            fallback.more = {"status": 500}
        case "static":
            fallback.document = lambda book, request: str(book.last_resort[request.medium])
        case _:
            fallback.error = NotSent("no such name")
    asked = [run(probe, minute)["url"] for minute in range(3)]
    fallback.more, fallback.document, fallback.error = {}, own, None
    asked += [run(probe, minute)["url"] for minute in range(3, 6)]
    assert asked[:4] == [asked[0]] * 4
    assert len(set(asked[4:])) == 2


def test_a_schedule_that_does_not_say_when_means_now(probe: ModuleType) -> None:
    assert probe.moment_of({"time": "<aws.scheduler.scheduled-time>"}, 5.0) == 5.0
    assert probe.moment_of({}, 5.0) == 5.0


class Outside:
    """The service that waits for the heartbeat."""

    def __init__(self, probe: ModuleType, made: Watching) -> None:
        self.beats: list[str] = []
        made.monkeypatch.setattr(probe, "HEARTBEAT", "https://heartbeat.example.com/fallback")
        made.monkeypatch.setattr(probe, "status_of", self.asked)
        self.subscribed = made.sns.subscribe(TopicArn=made.topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:on-call")

    def asked(self, url: str) -> tuple[bool, str]:
        """Note a beat."""
        self.beats.append(url)
        return True, "HTTP 200"


@pytest.fixture
def outside(probe: ModuleType, made: Watching) -> Outside:
    return Outside(probe, made)


def test_a_sound_run_is_told_outside(fallback: Fallback, probe: ModuleType, outside: Outside) -> None:
    run(probe)
    assert outside.beats == ["https://heartbeat.example.com/fallback"]


@pytest.mark.parametrize("fault", ["wrong", "unsigned", "unrecorded", "nobody to tell", "no topic"])
def test_whatever_is_wrong_the_heartbeat_stays_away(
    fallback: Fallback, probe: ModuleType, made: Watching, outside: Outside, fault: str
) -> None:
    """So that somebody is told where no alarm can be heard, too."""
    match fault:
        case "wrong":
            fallback.more = {"status": 500}
        case "unsigned":
            overwritten(made, probe)
            fallback.document = as_a_stranger
        case "unrecorded":
            made.monkeypatch.setattr(probe, "fault_in_record", lambda _: ["unrecorded"])
        case "nobody to tell":
            made.sns.unsubscribe(SubscriptionArn=outside.subscribed["SubscriptionArn"])
        case _:
            made.sns.delete_topic(TopicArn=made.topic)
    probe.handler({"time": NOON.isoformat()}, None)
    assert outside.beats == []
