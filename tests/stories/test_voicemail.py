"""A voicemail from the caller's last word to a file in the company's own bucket."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from rich.console import Console

from bench.fates import cases
from bench.faults import broken, run
from bench.mailbox import Mailbox
from lambdas.workers.voicemails import shown
from local.twilio import Call, Caller
from local.twilio.faults import NotYet
from local.twilio.primary import refusing_url
from local.twilio.server import Fails
from ops.history import plain
from tests.stories.conftest import Deployed

CALLER, LINE = "+15550100123", "+15550100199"
WORDS = "Hello, this is Ann, please call me back about the order"


def leave(deployed: Deployed, words: str = WORDS) -> Call:
    """A caller leaves a message while the primary refuses connections."""
    twilio = deployed.twilio()
    with refusing_url() as primary:
        number = twilio.number(LINE, voice_url=f"{primary}/voice", voice_fallback_url=deployed.outputs.voice_url)
        return number.call(CALLER, Caller(says=words, ends_recording_with="#"))


def item(deployed: Deployed, call: Call) -> dict[str, Any]:
    """What is noted of the call's voicemail."""
    found = [plain(each) for each in deployed.items(call.sid)]
    return next((each for each in found if each["sk"].startswith("voicemail#")), {})


def until(deployed: Deployed, call: Call, state: str) -> dict[str, Any]:
    """The voicemail once it is in a state, people told."""
    deployed.until(lambda: item(deployed, call).get("state") == state, f"voicemail {state}")
    if state == "stored":
        deployed.until(lambda: "notified_at" in item(deployed, call), "people told")
    return item(deployed, call)


def content(deployed: Deployed, key: str) -> bytes:
    """An object in the bucket."""
    answer = deployed.cloud.client("s3").get_object(Bucket=deployed.outputs.voicemail_bucket, Key=key)
    return bytes(answer["Body"].read())


@pytest.fixture
def mailbox(deployed: Deployed) -> Iterator[Mailbox]:
    with closing(Mailbox(deployed.cloud, deployed.outputs.notification_topic)) as made:
        yield made


def test_the_callers_words_are_in_the_bucket_and_people_are_told(deployed: Deployed, mailbox: Mailbox) -> None:
    """End to end: call, greeting, message, callback, journal, queue, bucket, notification."""
    call = leave(deployed)
    stored = until(deployed, call, "stored")
    assert content(deployed, stored["key"]) == call.recordings[0].audio
    assert (stored["from"], stored["to"], stored["todo"]) == (CALLER, LINE, "hear")
    sid = call.recordings[0].sid
    deployed.until(lambda: len(mailbox.of(sid)) == 1, "the notification")
    told = json.loads(mailbox.of(sid)[0]["Message"])
    assert (told["recording"], told["error_code"]) == (sid, "11202")
    assert deployed.api.deleted == [], "the settings do not say so"


def test_a_recording_that_is_late_at_twilio_is_waited_for(deployed: Deployed) -> None:
    deployed.api.media_faults(NotYet(), NotYet(), Fails(500), Fails(500), Fails(500))
    call = leave(deployed)
    stored = until(deployed, call, "stored")
    assert content(deployed, stored["key"]) == call.recordings[0].audio


def test_a_callback_that_comes_twice_gives_one_voicemail(deployed: Deployed, mailbox: Mailbox) -> None:
    twilio = deployed.twilio()
    twilio.platform.postman.fates("twice")
    with refusing_url() as primary:
        number = twilio.number(LINE, voice_url=f"{primary}/voice", voice_fallback_url=deployed.outputs.voice_url)
        call = number.call(CALLER, Caller(says=WORDS, ends_recording_with="#"))
    until(deployed, call, "stored")
    deployed.until(lambda: len(mailbox.of(call.recordings[0].sid)) == 1, "the notification")
    deployed.cloud.controls.settled()
    queue = deployed.cloud.client("sqs")
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def empty() -> bool:
        found = queue.get_queue_attributes(QueueUrl=deployed.outputs.voicemail_queue, AttributeNames=counts)["Attributes"]
        return [found[name] for name in counts] == ["0", "0"]

    deployed.until(empty, "the queue empty")
    assert len(mailbox.of(call.recordings[0].sid)) == 1


def test_a_caller_who_says_nothing_leaves_an_empty_voicemail(deployed: Deployed) -> None:
    assert shown(until(deployed, leave(deployed, ""), "empty")) == "empty"


def test_a_lost_callback_is_made_up_for_by_asking_twilio(deployed: Deployed) -> None:
    """`reconcile` joins Twilio's list with the calls that we answered."""
    twilio = deployed.twilio()
    twilio.platform.postman.fates("never")
    with refusing_url() as primary:
        number = twilio.number(LINE, voice_url=f"{primary}/voice", voice_fallback_url=deployed.outputs.voice_url)
        call = number.call(CALLER, Caller(says=WORDS, ends_recording_with="#"))
    deployed.events(call.sid, 2)
    assert item(deployed, call) == {}
    reconcile(deployed)
    until(deployed, call, "stored")


def test_a_trunks_message_is_stored_though_every_line_of_it_is_lost(deployed: Deployed) -> None:
    """Nothing here knows of it, and a trunk leaves no alert: Twilio's recordings and its account of whom it asked do."""
    twilio = deployed.twilio()
    twilio.platform.clock = lambda: time.time() - 1800  # Twilio tells of a call's requests a quarter of an hour later
    deployed.cloud.controls.deliveries(lose=True)
    trunk = twilio.trunk("main", origination=["sip:127.0.0.1:9"], disaster_recovery_url=deployed.outputs.trunk_url, numbers=[LINE])
    call = trunk.call(LINE, CALLER, Caller(says=WORDS, ends_recording_with="#"))
    deployed.cloud.controls.settled()
    deployed.cloud.controls.deliveries(lose=False)
    twilio.platform.clock = time.time
    assert deployed.items(call.sid) == []
    reconcile(deployed)
    assert until(deployed, call, "stored")["from"] == CALLER
    assert [item["kind"]["S"] for item in deployed.events(call.sid)] == ["answered"]


def reconcile(deployed: Deployed) -> None:
    """Ask Twilio about the last hour."""
    since = json.dumps({"since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))})
    deployed.cloud.client("lambda").invoke(FunctionName=deployed.outputs.reconcile_function, Payload=since.encode())


def test_a_callback_that_finds_us_broken_is_tried_again_and_made_up_for(deployed: Deployed) -> None:
    """503 tells Twilio the truth, which tries three times; after that its list tells."""
    twilio, functions = deployed.twilio(), deployed.cloud.client("lambda")
    twilio.platform.postman.fates("late")
    with refusing_url() as primary:
        number = twilio.number(LINE, voice_url=f"{primary}/voice", voice_fallback_url=deployed.outputs.voice_url)
        call = number.call(CALLER, Caller(says=WORDS, ends_recording_with="#"))
    deployed.events(call.sid, 2)
    functions.put_function_concurrency(FunctionName=deployed.outputs.answer_function, ReservedConcurrentExecutions=0)
    try:
        twilio.platform.postman.bring()
    finally:
        functions.delete_function_concurrency(FunctionName=deployed.outputs.answer_function)
    [callback] = [exchange for exchange in call.exchanges if exchange.ask.purpose == "callback"]
    assert [attempt.status for attempt in callback.attempts] == [503, 503, 503]
    assert item(deployed, call) == {}
    reconcile(deployed)
    until(deployed, call, "stored")


def test_a_photo_of_a_text_is_kept(deployed: Deployed) -> None:
    twilio = deployed.twilio()
    photo = b"\xff\xd8\xff\xe0 a photo"
    with refusing_url() as primary:
        number = twilio.number(LINE, sms_url=f"{primary}/sms", sms_fallback_url=deployed.outputs.sms_url)
        text = number.text(CALLER, "Look at this", files=[(photo, "image/jpeg")])

    def kept() -> list[dict[str, Any]]:
        return [plain(each) for each in deployed.items(text.sid) if each["sk"]["S"].startswith("media#")]

    deployed.until(lambda: [each["state"] for each in kept()] == ["stored"], "photo stored")
    assert content(deployed, kept()[0]["key"]) == photo


def test_none_is_lost_whatever_fails_on_its_way(deployed: Deployed, record_property: Any) -> None:
    """Every fifth case of `make faults`: fetch, S3, DynamoDB, SNS and kills; callbacks have stories above."""
    planned = cases()[1::5]
    outcomes = run(deployed.cloud, deployed.outputs, deployed.twilio(), deployed.api, planned, Console(quiet=True))
    assert [each for each in outcomes if broken([each]) or not each.met] == []
    record_property("figure", f"voicemails with a fault on their way: {len(outcomes)}, lost 0, stored twice 0, deleted unverified 0")
