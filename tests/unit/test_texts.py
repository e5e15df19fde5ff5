"""Texts that nobody got: those that Twilio lists, in windows with gaps, and that nothing else tells of."""

import time
from datetime import UTC, datetime
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

import pytest
from boto3.dynamodb.conditions import Key

from lambdas.workers.gaps import Known
from lambdas.workers.hand_back import NothingToGiveBack, ask_of, is_candidate, replay_key
from lambdas.workers.timeline import Timeline
from local.twilio.messages import Text
from local.twilio.numbers import Application, MessagingService, Number
from local.twilio.platform import Alert, new_sid
from tests.unit.test_calls import HOUR, access_log, event, probed, static_answer
from tests.unit.voicemail_workers import CONTEXT, Account

LINE, WRITER = "+12025550199", "+12025550123"
PRIMARY = "https://app.example.com/texts"
LOG = "messaging-access"


@pytest.fixture
def made(made: Account) -> Account:
    access_log(LOG)
    return made


@pytest.fixture
def reconcile(made: Account) -> ModuleType:
    worker = made.worker("reconcile")
    return made.worker("reconcile", CHORES=(worker.ask_alerts, worker.ask_texts))


@pytest.fixture
def line(made: Account) -> Number:
    """A number whose texts go to the primary; nothing is listening, and nobody asks it here."""
    number = made.twilio.number(LINE)
    number.sms = type(number.sms)(PRIMARY)
    return number


def text(line: Number, body: str = "Is 3 pm fine?", ago: float = HOUR, **facts: Any) -> Text:
    """A text at Twilio, so long ago."""
    address, line.sms = line.sms, type(line.sms)("")
    found = line.text(WRITER, body, **facts)
    line.sms, found.received = address, time.time() - ago
    return found


def gap(made: Account, found: Text) -> None:
    """API Gateway answered a text by itself, while the primary was failing."""
    static_answer(found.received + 5, LOG)
    event(made, found.received - 300)


def items(made: Account, found: Text) -> list[dict[str, Any]]:
    """The event of a text and its original, as far as there are any."""
    known = [dict(item) for item in made.table.query(KeyConditionExpression=Key("pk").eq(found.sid))["Items"]]
    return sorted(known, key=lambda item: item["sk"].startswith("original"))


def test_a_text_that_got_the_static_answer_is_on_the_timeline_and_can_be_handed_back(
    made: Account, reconcile: ModuleType, line: Number
) -> None:
    found = text(line)
    gap(made, found)
    reconcile.handler({}, CONTEXT)
    known, original = items(made, found)
    assert is_candidate(known)
    assert (known["kind"], known["from"], known["to"], known["error_url"]) == ("unheard", WRITER, LINE, PRIMARY)
    assert datetime.fromisoformat(known["time"]).timestamp() == int(found.received)
    ask = ask_of(known, original)
    assert (ask.url, ask.method, ask.medium) == (PRIMARY, "POST", "sms")
    sent = dict(parse_qsl(ask.form, keep_blank_values=True))
    geography = {name for name in found.parameters if name.endswith(("City", "State", "Zip", "Country"))}
    assert sent == {name: value for name, value in found.parameters.items() if name not in geography}


def test_photos_of_such_a_text_are_named_as_twilio_names_them(made: Account, reconcile: ModuleType, line: Number) -> None:
    found = text(line, files=[(b"a photo", "image/jpeg"), (b"another", "image/png")])
    gap(made, found)
    reconcile.handler({}, CONTEXT)
    sent = dict(parse_qsl(ask_of(*items(made, found)).form))
    wanted = ("NumMedia", "MediaUrl0", "MediaContentType0", "MediaUrl1", "MediaContentType1")
    assert [sent[name] for name in wanted] == [found.parameters[name] for name in wanted]


def test_twilio_is_not_asked_where_there_are_no_gaps(made: Account, reconcile: ModuleType, line: Number) -> None:
    event(made, text(line).received)
    reconcile.handler({}, CONTEXT)
    assert not any("Messages" in each.path for each in made.api.received)


def test_texts_that_came_to_us_or_went_out_or_were_earlier_are_left_alone(made: Account, reconcile: ModuleType, line: Number) -> None:
    lost, ours, earlier = text(line), text(line), text(line, ago=HOUR + 600)
    gap(made, lost)
    event(made, ours.received + 1, ours.sid, medium="sms")
    reconcile.handler({}, CONTEXT)
    assert [len(items(made, each)) for each in (lost, ours, earlier)] == [2, 1, 0]


def test_a_healthy_primary_has_its_texts(made: Account, reconcile: ModuleType, line: Number) -> None:
    """A flood of strangers is throttled meanwhile."""
    found = text(line)
    static_answer(found.received + 5, LOG)
    reconcile.handler({}, CONTEXT)
    assert items(made, found) == []


def test_static_answers_to_the_probe_are_nobodys(made: Account, reconcile: ModuleType, line: Number) -> None:
    found = text(line)
    event(made, found.received - 300)
    probed(made, found.received + 5, "/sms")
    reconcile.handler({}, CONTEXT)
    assert items(made, found) == []


def alert(made: Account, found: Text, **sent: str) -> Alert:
    """What Twilio says of a text that the primary did not take."""
    told = Alert(new_sid("NO"), 11205, "error", "failed", found.sid, "POST", PRIMARY, found.parameters | sent, None, "", found.received + 1)
    made.twilio.platform.alerts.append(told)
    return told


def test_a_text_of_which_an_alert_tells_is_there_once(made: Account, reconcile: ModuleType, line: Number) -> None:
    """And a static answer that it explains says nothing of other texts."""
    found, other = text(line), text(line)
    alert(made, found)
    gap(made, found)
    reconcile.handler({}, CONTEXT)
    known, original = items(made, found)
    assert (known["kind"], known["error_code"], len(items(made, other))) == ("missed", "11205", 0)
    assert ask_of(known, original).url == PRIMARY


def test_an_alert_that_comes_later_takes_the_place_of_what_the_list_told(made: Account, reconcile: ModuleType, line: Number) -> None:
    """It knows the code, so that the text goes back without further leave; and it goes back once."""
    found = text(line)
    gap(made, found)
    reconcile.handler({}, CONTEXT)
    before = items(made, found)[0]
    alert(made, found)
    since = datetime.fromtimestamp(found.received - HOUR, UTC).isoformat()
    for _ in range(2):
        reconcile.handler({"since": since}, CONTEXT)
    after, _ = items(made, found)
    assert (before["kind"], after["kind"], after["error_code"]) == ("unheard", "missed", "11205")
    assert replay_key(before) == replay_key(after)


def test_what_the_list_tells_never_takes_the_place_of_what_an_alert_told(made: Account, reconcile: ModuleType, line: Number) -> None:
    """The alert came a second before, and the timeline, an index, does not show it yet: its code must stay."""
    found = text(line)
    alert(made, found)
    gap(made, found)
    reconcile.ask_alerts(datetime.now(UTC), None)
    told = items(made, found)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Timeline, "events", lambda *_, **__: iter([]))
        patch.setattr(reconcile.TEXTS.gaps, "within", lambda *_: [datetime.fromtimestamp(found.received + 5, UTC)])
        patch.setattr(Known, "was_failing", lambda *_: True)
        reconcile.ask_texts(datetime.now(UTC), None)
    assert told[0]["error_code"] == "11205"
    assert items(made, found) == told


def test_a_text_of_which_twilio_only_says_that_we_failed_is_found(made: Account, reconcile: ModuleType, line: Number) -> None:
    """The alert names it, and no longer tells what was sent."""
    found = text(line)
    event(made, found.received + 8, found.sid, "failure", medium="sms")
    reconcile.handler({}, CONTEXT)
    assert {item.get("kind", "original") for item in items(made, found)} == {"failure", "unheard", "original"}


def test_with_masked_storage_such_a_text_is_known_and_nothing_whole_of_it_is_kept(
    made: Account, reconcile: ModuleType, line: Number
) -> None:
    made.monkeypatch.setenv("PRIVACY_STORE", "masked")
    found = text(line)
    gap(made, found)
    reconcile.handler({}, CONTEXT)
    [known] = items(made, found)
    assert (known["kind"], known["from"]) == ("unheard", "+1202*****23")
    assert "3 pm" not in str(known)


def test_the_address_is_that_of_the_messaging_service_then_of_the_application_then_of_the_number(
    made: Account, reconcile: ModuleType, line: Number
) -> None:
    """As Twilio itself decides; a service may leave texts to their number."""
    other = type(line.sms)
    application = Application(made.twilio.platform, "texts", sms=other("https://app.example.com/application"))
    service = MessagingService("reminders", other("https://app.example.com/service"))
    deferring = MessagingService("deferring", other("https://app.example.com/nowhere"), use_inbound_webhook_on_number=True)
    found = []
    for line.sms_application, line.service, wanted in (
        (None, None, PRIMARY),
        (application, None, "https://app.example.com/application"),
        (application, service, "https://app.example.com/service"),
        (application, deferring, "https://app.example.com/application"),
    ):
        found.append((text(line), wanted))
        gap(made, found[-1][0])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(made.twilio.platform, "texts", [found[-1][0]])
            reconcile.handler({"since": datetime.fromtimestamp(time.time() - 2 * HOUR, UTC).isoformat()}, CONTEXT)
    assert [ask_of(*items(made, each)).url for each, _ in found] == [wanted for _, wanted in found]


def test_a_text_to_a_number_without_an_address_is_known_and_cannot_be_handed_back(
    made: Account, reconcile: ModuleType, line: Number
) -> None:
    found = text(line)
    line.sms = type(line.sms)("")
    gap(made, found)
    reconcile.handler({}, CONTEXT)
    [known] = items(made, found)
    with pytest.raises(NothingToGiveBack):
        ask_of(known, None)
