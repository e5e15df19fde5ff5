"""From a task in the queue to a file in the bucket: what is kept, what is noted, what people are told."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO

import pytest
from tinytag import TinyTag

from lambdas.workers.voicemails import shown
from local.twilio import audio
from local.twilio.faults import Fault, NotYet
from local.twilio.server import Fails, Says
from tests.unit.voicemail_workers import ACCOUNT, Account, Clock, photo


def test_a_voicemail_is_kept_byte_for_byte(made: Account) -> None:
    recording = made.recording()
    task = made.task(recording)
    assert made.deliver(made.worker("collect"), task)
    item = made.item(task)
    assert made.objects() == {f"voicemail/{ACCOUNT}/{task.call}/{task.sid}.wav": recording.audio}
    assert (item["state"], item["todo"], item["bytes"], item["seconds"]) == ("stored", "hear", len(recording.audio or b""), 3)
    assert "next_attempt" not in item, "nothing is left to do"
    assert made.api.deleted == []


def test_the_key_of_a_file_holds_no_phone_number(made: Account) -> None:
    recording = made.recording()
    made.call(recording)
    made.deliver(made.worker("collect"), made.task(recording))
    assert "+" not in "".join(made.objects())
    assert "2025550" not in json.dumps(made.s3.head_object(Bucket="voicemails", Key=next(iter(made.objects())))["Metadata"])


def test_mp3_where_the_settings_say_so(made: Account) -> None:
    task = made.task(made.recording())
    made.deliver(made.worker("collect", FORMAT="mp3"), task)
    [(key, content)] = made.objects().items()
    assert key.endswith(".mp3")
    assert TinyTag.get(file_obj=BytesIO(content)).duration == pytest.approx(task.seconds, abs=1)


def test_people_are_told_who_called_how_long_when_and_why_we_answered(made: Account) -> None:
    recording = made.recording()
    made.call(recording, error_code="11200", error_url="https://app.example.com/voice")
    made.deliver(made.worker("collect"), made.task(recording, started="2026-11-21T02:41:07Z"))
    [message] = made.messages()
    facts = json.loads(message["Message"])
    assert message["Subject"] == "Voicemail (3 s) for +12025550199 [tests]"
    assert (facts["from"], facts["to"], facts["seconds"], facts["time"]) == ("+12025550123", "+12025550199", 3, "2026-11-21T02:41:07Z")
    assert (facts["error_code"], facts["error_url"]) == ("11200", "https://app.example.com/voice")
    assert facts["command"] == f"fallback voicemails play {recording.sid} --environment tests --region us-east-1"
    assert message["MessageAttributes"]["error_code"] == {"Type": "String", "Value": "11200"}
    assert "2025550123" not in json.dumps(message["MessageAttributes"]), "a filter needs no caller"


def test_a_task_that_comes_twice_changes_nothing(made: Account) -> None:
    task, collect = made.task(made.recording()), made.worker("collect")
    for _ in range(3):
        assert made.deliver(collect, task)
    assert len(made.objects()) == 1
    assert len(made.messages()) == 1


def test_a_message_that_twilio_does_not_have_yet_is_waited_for(made: Account) -> None:
    """Right after a call its recording is often missing; the queue asks again, each time after a longer pause."""
    recording, collect = made.recording(), made.worker("collect")
    task = made.task(recording)
    made.api.faults_of(recording.sid, NotYet(), NotYet(), NotYet())
    for receives in (1, 2, 3):
        assert not made.deliver(collect, task, receives)
        assert shown(made.item(task)) == "waiting"
    assert made.hidden == [15, 30, 60]
    assert made.deliver(collect, task, 4)
    assert (made.item(task)["state"], "reason" in made.item(task)) == ("stored", False)


def test_the_queue_hides_a_message_for_a_quarter_of_an_hour_at_most(made: Account) -> None:
    recording, collect = made.recording(), made.worker("collect")
    made.api.faults_of(recording.sid, NotYet())
    made.deliver(collect, made.task(recording), receives=19)
    assert made.hidden == [900]


def test_after_an_hour_the_message_is_let_go_and_the_item_says_when_it_is_tried_next(made: Account) -> None:
    recording, collect, clock = made.recording(), made.worker("collect"), Clock()
    made.time_of(collect, clock)
    task = made.task(recording)
    made.api.faults_of(recording.sid, *[NotYet()] * 3)
    assert not made.deliver(collect, task)
    clock.pass_by(hours=2)
    assert made.deliver(collect, task), "the queue need not hold it any longer"
    item = made.item(task)
    assert (item["state"], item["todo"], int(item["attempts"])) == ("waiting", "collect", 2)
    assert timedelta(minutes=14) < datetime.fromisoformat(item["next_attempt"]) - clock() <= timedelta(minutes=30)
    clock.pass_by(days=20)
    made.deliver(collect, task)
    assert "next_attempt" not in made.item(task), "after two weeks nobody tries any more"
    assert made.item(task)["todo"] == "collect", "but it stays on the list"


def test_what_failed_for_a_day_is_tried_again_within_half_an_hour(made: Account) -> None:
    """So that it is stored soon after the bucket is well; not all at once."""
    collect, clock = made.worker("collect"), Clock()
    made.time_of(collect, clock)
    tasks = [made.task(made.recording()) for _ in range(5)]
    made.monkeypatch.setattr(collect.BUCKET, "name", "gone")
    for hours in (0, 24):
        clock.pass_by(hours=hours)
        for task in tasks:
            assert made.deliver(collect, task) == bool(hours)
    pauses = {datetime.fromisoformat(made.item(task)["next_attempt"]) - clock() for task in tasks}
    assert all(timedelta(minutes=14) < pause <= timedelta(minutes=30) for pause in pauses)
    assert len(pauses) > 1


def test_twilios_word_that_there_is_nothing_is_an_empty_voicemail(made: Account) -> None:
    collect = made.worker("collect")
    for code, reason in ((16101, "Twilio kept nothing (error 16101)"), (16102, "Twilio kept nothing (error 16102)")):
        task = made.task(made.recording(status="absent", error_code=code), seconds=None)
        assert made.deliver(collect, task)
        assert (made.item(task)["state"], made.item(task)["why_empty"]) == ("empty", reason)
        assert "todo" not in made.item(task)
    assert (made.api.received, made.messages(), made.objects()) == ([], [], {})


def test_a_message_shorter_than_the_settings_say_is_empty(made: Account) -> None:
    collect = made.worker("collect")
    task = made.task(made.recording(audio=audio.silence(1.4)), seconds=1)
    assert made.deliver(collect, task)
    assert (made.item(task)["state"], made.item(task)["why_empty"]) == ("empty", "it plays 1.4 s")
    assert (made.messages(), made.objects()) == ([], {})


def test_a_short_message_of_which_twilio_has_no_file_is_empty_after_some_time(made: Account) -> None:
    collect, recording = made.worker("collect"), made.recording(audio=None)
    task = made.task(recording, seconds=0)
    for receives in range(1, collect.HOPELESS_ATTEMPTS + 1):
        assert not made.deliver(collect, task, receives)
    assert made.deliver(collect, task)
    assert made.item(task)["why_empty"] == "Twilio announced 0 s and has no file"


@pytest.mark.parametrize(("announced", "plays"), [(10, 8.7), (0, 12), (1, 12), (30, 31.5)])
def test_a_message_of_another_length_than_announced_is_kept_told_and_never_deleted_unasked(
    made: Account, announced: int, plays: float
) -> None:
    """It is fetched twice: the first file may have been cut on its way."""
    sound = audio.silence(plays)
    task, collect = made.task(made.recording(audio=sound), seconds=announced), made.worker("collect", DELETE_AT_TWILIO=True)
    assert not made.deliver(collect, task)
    assert made.deliver(collect, task)
    item, differs = made.item(task), f"it plays {plays:.1f} s, Twilio announced {announced} s"
    assert (item["state"], item["todo"], item["differs"], item["seconds"]) == ("stored", "hear", differs, round(plays))
    assert list(made.objects().values()) == [sound]
    facts = json.loads(made.messages()[0]["Message"])
    assert (facts["differs"], facts["seconds"]) == (differs, round(plays))
    assert made.api.deleted == []
    made.table.update_item(
        Key={"pk": item["pk"], "sk": item["sk"]}, UpdateExpression="SET accepted_at = :at", ExpressionAttributeValues={":at": "now"}
    )
    assert made.deliver(collect, task)
    assert made.api.deleted == [task.sid], "somebody accepted it"


def test_a_page_instead_of_the_caller_keeps_no_recording_from_being_stored(made: Account) -> None:
    task = made.task(made.recording())
    made.api.api_faults(*[Says(b"<html>Welcome</html>", "text/html")] * 3)
    assert made.deliver(made.worker("collect"), task)
    assert made.item(task)["state"] == "stored"


def test_a_page_instead_of_its_place_keeps_no_late_recording_from_being_stored(made: Account) -> None:
    recording, collect = made.recording(), made.worker("collect")
    task = made.task(recording)
    made.api.faults_of(recording.sid, *[NotYet()] * collect.LATE_ATTEMPTS)
    for receives in range(1, collect.LATE_ATTEMPTS + 1):
        assert not made.deliver(collect, task, receives)
    made.api.api_faults(*[Says(b"<html>Welcome</html>", "text/html")] * 4)
    assert made.deliver(collect, task)
    assert made.item(task)["state"] == "stored"


def test_a_recording_kept_outside_twilio_is_told_of_and_left_there(made: Account) -> None:
    place = "https://recordings.example.com/RE1.wav"
    task = made.task(made.recording(), url=place)
    assert made.deliver(made.worker("collect", DELETE_AT_TWILIO=True), task)
    assert (made.item(task)["state"], made.item(task)["media_url"]) == ("elsewhere", place)
    assert json.loads(made.messages()[0]["Message"])["media_url"] == place
    assert (made.objects(), made.api.deleted) == ({}, [])


def test_a_recording_kept_outside_twilio_is_found_out_though_its_callback_does_not_say_so(made: Account) -> None:
    """What stays missing at Twilio is asked for; a recording that is only late is not."""
    place = "https://recordings.example.com/RE1.wav"
    recording, collect = made.recording(audio=None, stored_at=place), made.worker("collect")
    task = made.task(recording)
    for receives in range(1, collect.LATE_ATTEMPTS + 1):
        assert not made.deliver(collect, task, receives)
        assert made.item(task)["state"] == "waiting"
    assert not [each for each in made.api.received if f"{task.sid}.json" in each.path]
    assert made.deliver(collect, task)
    assert (made.item(task)["state"], made.item(task)["media_url"]) == ("elsewhere", place)


def test_a_recording_that_nobody_knows_of_is_waited_for(made: Account) -> None:
    recording, collect = made.recording(audio=None), made.worker("collect")
    task = replace(made.task(recording), sid="RE" + "0" * 32)
    for receives in range(1, collect.LATE_ATTEMPTS + 3):
        assert not made.deliver(collect, task, receives)
    assert made.item(task)["state"] == "waiting"


def test_an_encrypted_recording_is_kept_as_it_is_with_what_decrypts_it(made: Account) -> None:
    details = {"encryption_public_key_sid": "CR1", "encryption_cek": "abc", "encryption_iv": "def"}
    task = made.task(made.recording(audio=b"\x07" * 5000, encryption=details))
    assert made.deliver(made.worker("collect", DELETE_AT_TWILIO=True), task)
    assert made.objects() == {f"voicemail/{ACCOUNT}/{task.call}/{task.sid}.wav.encrypted": b"\x07" * 5000}
    assert json.loads(made.item(task)["encryption"]) == details
    assert made.api.deleted == [], "nobody could check it, so Twilio's stays"


@pytest.mark.parametrize(
    ("form", "first"),
    [
        ("wav", Says(b"\x07" * 5000, "application/octet-stream")),
        ("mp3", None),  # refused by Twilio: 16109
        ("mp3", NotYet()),
        ("mp3", Says(b"\x07" * 5000, "audio/mpeg")),
    ],
)
def test_an_encrypted_recording_is_kept_however_twilio_hands_it_out(made: Account, form: str, first: Fault) -> None:
    """As a file of unknown type, and as WAV alone where the settings want MP3 (16109)."""
    recording = made.recording(audio=b"\x07" * 5000, encryption={"encryption_cek": "abc"})
    made.api.faults_of(recording.sid, first)
    task = made.task(recording)
    assert made.deliver(made.worker("collect", FORMAT=form), task)
    assert made.objects() == {f"voicemail/{ACCOUNT}/{task.call}/{task.sid}.wav.encrypted": b"\x07" * 5000}


def test_an_mp3_that_is_late_is_waited_for(made: Account) -> None:
    recording = made.recording()
    made.api.faults_of(recording.sid, NotYet())
    task = made.task(recording)
    assert not made.deliver(made.worker("collect", FORMAT="mp3"), task)
    assert made.item(task)["state"] == "waiting"


def test_a_file_of_unknown_type_that_plays_is_a_recording(made: Account) -> None:
    recording = made.recording()
    made.api.faults_of(recording.sid, Says(recording.audio or b"", "application/octet-stream"))
    task = made.task(recording)
    assert made.deliver(made.worker("collect"), task)
    assert list(made.objects().values()) == [recording.audio]


def test_events_that_come_after_the_task_are_told_of(made: Account) -> None:
    """The lines of one call may reach the table in any order."""
    recording, collect = made.recording(), made.worker("collect")
    made.api.faults_of(recording.sid, NotYet())
    task = made.task(recording)
    made.deliver(collect, task)
    made.call(recording, error_code="11200")
    made.deliver(collect, task)
    assert (made.item(task)["from"], made.item(task)["error_code"]) == ("+12025550123", "11200")


def test_twilio_is_asked_for_the_caller_where_no_event_tells(made: Account) -> None:
    """A callback carries neither From nor To; the call's events may be lost."""
    call = made.twilio.number("+12025550199", voice_url="http://127.0.0.1:9/").call("+12025550123")
    task = made.task(made.recording(call_sid=call.sid))
    made.deliver(made.worker("collect"), task)
    assert (made.item(task)["from"], made.item(task)["to"]) == ("+12025550123", "+12025550199")


def test_a_caller_whom_nobody_knows_is_kept_all_the_same(made: Account) -> None:
    task = made.task(made.recording())
    made.api.api_faults(Fails(500), Fails(500), Fails(500))
    made.deliver(made.worker("collect"), task)
    assert made.item(task)["state"] == "stored"
    assert json.loads(made.messages()[0]["Message"]).get("from") is None


def test_a_photo_is_kept_and_nobody_is_told_but_the_table(made: Account) -> None:
    task = photo(made)
    assert made.deliver(made.worker("collect", DELETE_AT_TWILIO=True), task)
    assert made.objects() == {f"media/{ACCOUNT}/{task.message}/{task.sid}.jpg": b"\xff\xd8\xff\xe0 a photo"}
    assert made.item(task)["state"] == "stored"
    assert "todo" not in made.item(task)
    assert made.messages() == []
    [first, second] = made.api.received
    assert ("authorization" in first.headers, "authorization" in second.headers) == (True, False), "our key goes to Twilio's API alone"


def test_a_photo_that_is_none_is_not_kept(made: Account) -> None:
    task = photo(made, b"<html>not found</html>")
    assert not made.deliver(made.worker("collect"), task)
    assert made.item(task)["reason"] == "it is a page of text and no image/jpeg"
    assert made.objects() == {}


@pytest.mark.parametrize(
    ("announced", "served"),
    [
        ("image/jpg", "image/jpeg"),
        ("audio/ogg; codecs=opus", "audio/ogg"),
        ("audio/ogg", "application/ogg"),
        ("audio/3gpp", "video/3gpp"),
        ("image/jpeg", "application/octet-stream"),
        ("image/jpeg", "binary/octet-stream"),
        ("image/jpeg", ""),
        ("", "image/png"),
        ("application/pdf", "image/png"),
    ],
)
def test_types_that_are_named_otherwise_are_no_reason_to_lose_a_photo(made: Account, announced: str, served: str) -> None:
    task = photo(made, b"\x89PNG\r\n\x1a\n", served)
    assert made.deliver(made.worker("collect"), replace(task, type=announced))
    assert len(made.objects()) == 1


CARD, GPX = b"BEGIN:VCARD\r\nVERSION:3.0\r\nEND:VCARD\r\n", b"<?xml version='1.0'?><gpx version='1.1'></gpx>"
RICH, TABLE, LOG = b"{\\rtf1\\ansi Hello}", b"name;number\r\n", b'{"code": 7, "message": "of the customer\'s own"}'


@pytest.mark.parametrize(
    ("content", "announced", "served"),
    [
        (RICH, "application/rtf", "text/rtf"),
        (RICH, "text/rtf", "application/rtf"),
        (RICH, "application/rtf", "application/rtf"),
        (LOG, "application/octet-stream", "application/octet-stream"),
        (LOG, "application/json", "text/plain"),
        (LOG, "text/plain", "application/octet-stream"),
        (GPX, "application/octet-stream", "application/octet-stream"),
        (GPX, "application/gpx+xml", "text/xml"),
        (GPX, "application/octet-stream", "application/xml"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "image/svg+xml"),
        (CARD, "text/vcard", "text/x-vcard"),
        (CARD, "text/x-vcard", "text/directory"),
        (CARD, "text/vcard", "application/vcard"),
        (CARD, "application/octet-stream", "text/vcard"),
        (TABLE, "text/csv", "application/vnd.ms-excel"),
        (TABLE, "application/vnd.ms-excel", "text/csv"),
        (b"<html><table></table></html>", "application/vnd.ms-excel", "text/html"),
        (b"<html>a page that the customer sent</html>", "text/html", "text/html"),
        (b"<html><head><title>Invoice 512</title></head></html>", "text/html", "text/html"),
        (b"<svg><title>Error rates</title></svg>", "image/svg+xml", "image/svg+xml"),
        (b"BEGIN:VCALENDAR\r\n", "text/calendar", "application/ics"),
    ],
)
def test_a_file_is_kept_as_the_customer_sent_it(made: Account, content: bytes, announced: str, served: str) -> None:
    task = photo(made, content, served)
    assert made.deliver(made.worker("collect"), replace(task, type=announced)), made.item(task).get("reason")
    assert list(made.objects().values()) == [content]


JSON_ERROR = b'{"code": 20404, "message": "x", "more_info": "https://www.twilio.com/docs/errors/20404", "status": 404}'
XML_ERROR = b"<?xml version='1.0'?><TwilioResponse><RestException><Code>20404</Code></RestException></TwilioResponse>"
AMAZON_ERROR = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>no</Message><RequestId>1</RequestId></Error>"


@pytest.mark.parametrize("announced", ["image/jpeg", "application/octet-stream", "text/vcard", "application/json", "text/html", ""])
@pytest.mark.parametrize(
    ("page", "served"),
    [
        (JSON_ERROR, "application/json"),
        (XML_ERROR, "application/xml"),
        (AMAZON_ERROR, "application/octet-stream"),
        (b"\xef\xbb\xbf" + XML_ERROR, "image/jpeg"),
        (b"<html><head><title>502 Bad Gateway</title></head></html>", "text/html"),
        (b"<html><head><title>Error 404 (Not Found)!!</title></head></html>", "text/html"),
    ],
)
def test_an_error_page_is_never_kept_whatever_it_is_called(made: Account, announced: str, page: bytes, served: str) -> None:
    task = photo(made, page, served)
    assert not made.deliver(made.worker("collect"), replace(task, type=announced))
    assert made.item(task)["reason"] == f"it is an error page and no {announced or 'file of a customer'}"
    assert made.objects() == {}


@pytest.mark.parametrize("announced", ["image/jpeg", "text/vcard"])
def test_a_page_instead_of_a_photo_is_not_kept(made: Account, announced: str) -> None:
    task = photo(made, b"gone", "text/html")
    delivered = made.deliver(made.worker("collect"), replace(task, type=announced))
    assert delivered == (announced == "text/vcard"), "a card may be served as any text"
    assert made.item(task).get("reason", "") == ("" if delivered else "it is a page of text and no image/jpeg")


def test_deleted_at_twilio_only_where_the_settings_say_so_and_after_the_copy_was_read_back(made: Account) -> None:
    recording = made.recording()
    kept, seen = recording.audio, []
    made.api.before_delete = lambda _sid: seen.append(list(made.objects().values()))
    task = made.task(recording)
    assert made.deliver(made.worker("collect", DELETE_AT_TWILIO=True), task)
    assert (made.api.deleted, seen) == ([recording.sid], [[kept]])
    assert shown(made.item(task)) == "deleted at Twilio"


def test_a_copy_that_changed_is_no_reason_to_delete(made: Account) -> None:
    recording, collect = made.recording(), made.worker("collect")
    task = made.task(recording)
    made.deliver(collect, task)
    made.s3.put_object(Bucket="voicemails", Key=made.item(task)["key"], Body=b"other", Metadata={"sha256": "0"})
    collect = made.worker("collect", DELETE_AT_TWILIO=True)
    assert not made.deliver(collect, task)
    assert made.api.deleted == []


def test_what_is_gone_at_twilio_already_counts_as_deleted(made: Account) -> None:
    task, collect = made.task(made.recording()), made.worker("collect")
    made.deliver(collect, task)
    made.api.deleted.append(task.sid)
    assert made.deliver(made.worker("collect", DELETE_AT_TWILIO=True), task)
    assert shown(made.item(task)) == "deleted at Twilio"


def test_two_workers_at_once_tell_people_once(made: Account) -> None:
    """The other one waits until it is done, or until the first is known to be dead."""
    task, collect, clock = made.task(made.recording()), made.worker("collect"), Clock()
    made.time_of(collect, clock)
    item = collect.VOICEMAILS.announce(task, clock())
    collect.VOICEMAILS.claim(item, clock(), clock() + collect.CLAIM)
    assert not made.deliver(collect, task)
    assert (made.item(task)["state"], made.messages()) == ("stored", [])
    clock.pass_by(seconds=collect.CLAIM.total_seconds() + 1)
    assert made.deliver(collect, task)
    assert len(made.messages()) == 1


def test_a_message_that_is_no_task_stays_for_the_dead_letters(made: Account) -> None:
    collect = made.worker("collect")
    record = {"messageId": "1", "receiptHandle": "r", "body": '{"kind": "voicemail", "sid": "../../x"}', "attributes": {}}
    answer = collect.handler({"Records": [record]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert made.api.received == []
