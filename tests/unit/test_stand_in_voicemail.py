"""<Record> on the stand-in Twilio: the message, the action, the callbacks."""

import re
from collections.abc import Iterator

import pytest

from local.twilio import Caller, StandInTwilio, Undocumented, audio
from local.twilio.primary import Fails, Primary, Received, Says

SID = "AC" + "a" * 32
WORDS = "This is Ann, please call me back about the order from Tuesday"
GONE = "No message was left."


@pytest.fixture
def web() -> Iterator[Primary]:
    with Primary() as server:
        server.behaves("/done", twiml("<Say>Thank you.</Say>"))
        server.behaves("/recording", Says(b"", status=204, content_type=""))
        yield server


def twiml(verbs: str) -> Says:
    return Says(f"<Response>{verbs}</Response>".encode())


def record(attributes: str = "", events: str = "completed absent") -> Says:
    callback = f"recordingStatusCallback='/recording' recordingStatusCallbackEvent='{events}'"
    return twiml(f"<Say>Speak now.</Say><Record action='/done' {callback} {attributes}/><Say>{GONE}</Say>")


def requests(web: Primary, path: str) -> list[Received]:
    return [each for each in web.received if each.path == path]


def twilio(keeps_silent_recordings: bool = True, **switches: object) -> StandInTwilio:
    open_questions = Undocumented(**switches)  # type: ignore[arg-type]
    return StandInTwilio(SID, "12345", undocumented=open_questions, keeps_silent_recordings=keeps_silent_recordings)


def test_a_message_is_recorded_and_announced(web: Primary) -> None:
    web.behaves("/voice", record())
    number = twilio().number("+15550100", voice_url=web.url + "/voice")
    call = number.call("+15550123", Caller(says=WORDS, ends_recording_with="#"))
    recording = call.recordings[0]
    action, callback = requests(web, "/done")[0].form, requests(web, "/recording")[0].form
    assert call.words == ["Speak now.", "Thank you."]
    assert [each.kind for each in call.heard] == ["say", "beep", "say"]
    assert action["RecordingUrl"] == recording.url == f"https://api.twilio.com/2010-04-01/Accounts/{SID}/Recordings/{recording.sid}"
    assert (action["Digits"], action["From"]) == ("#", "+15550123")
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} \+0000", callback.pop("RecordingStartTime")), "as captured"
    assert callback == {
        "AccountSid": SID,
        "CallSid": call.sid,
        "RecordingSid": recording.sid,
        "RecordingUrl": recording.url,
        "RecordingStatus": "completed",
        "RecordingChannels": "1",
        "RecordingSource": "RecordVerb",
        "RecordingDuration": str(recording.seconds),
        "ErrorCode": "0",
    }


def test_the_audio_is_the_words_that_were_spoken(web: Primary) -> None:
    web.behaves("/voice", record())
    call = twilio().number("+15550100", voice_url=web.url + "/voice").call("+15550123", Caller(says=WORDS))
    recording = call.recordings[0]
    assert recording.audio is not None
    assert (recording.heard, recording.audio[:4]) == (WORDS, b"RIFF")
    assert audio.seconds(recording.audio) == pytest.approx(recording.seconds, abs=0.51)


def test_silence_ends_a_recording_and_is_trimmed_from_it(web: Primary) -> None:
    """The action is told the length before that, the callback the length after."""
    web.behaves("/voice", record("timeout='7'"))
    twilio().number("+15550100", voice_url=web.url + "/voice").call("+15550123", Caller(says=WORDS))
    spoken = audio.seconds(audio.speech(WORDS))
    assert requests(web, "/done")[0].form["RecordingDuration"] == str(round(spoken + 7))
    assert "Digits" not in requests(web, "/done")[0].form
    assert requests(web, "/recording")[0].form["RecordingDuration"] == str(round(spoken))


def test_without_trimming_the_silence_stays(web: Primary) -> None:
    web.behaves("/voice", record("timeout='7' trim='do-not-trim'"))
    twilio().number("+15550100", voice_url=web.url + "/voice").call("+15550123", Caller(says=WORDS))
    assert requests(web, "/recording")[0].form["RecordingDuration"] == requests(web, "/done")[0].form["RecordingDuration"]


def test_a_recording_ends_at_its_longest(web: Primary) -> None:
    web.behaves("/voice", record("maxLength='2'"))
    call = twilio().number("+15550100", voice_url=web.url + "/voice").call("+15550123", Caller(says=WORDS * 3))
    assert (call.recordings[0].seconds, requests(web, "/done")[0].form["RecordingDuration"]) == (2, "2")


def test_the_silence_counts_towards_the_longest(web: Primary) -> None:
    longest = int(audio.seconds(audio.speech(WORDS))) + 3
    web.behaves("/voice", record(f"maxLength='{longest}' timeout='30'"))
    call = twilio().number("+15550100", voice_url=web.url + "/voice").call("+15550123", Caller(says=WORDS))
    assert requests(web, "/done")[0].form["RecordingDuration"] == str(longest)
    assert call.heard[-1].at >= longest, "the line was busy for so long"


def test_only_a_finishing_key_finishes(web: Primary) -> None:
    web.behaves("/voice", record("finishOnKey='*'"))
    twilio().number("+15550100", voice_url=web.url + "/voice").call("+15550123", Caller(says=WORDS, ends_recording_with="#"))
    assert "Digits" not in requests(web, "/done")[0].form


def test_a_caller_who_hangs_up_leaves_a_message_all_the_same(web: Primary) -> None:
    """The action is requested with Digits=hangup, and nobody hears its answer."""
    web.behaves("/voice", record())
    number = twilio().number("+15550100", voice_url=web.url + "/voice")
    call = number.call("+15550123", Caller(says=WORDS, hangs_up_during="Record"))
    action = requests(web, "/done")[0].form
    assert (action["Digits"], action["CallStatus"]) == ("hangup", "completed")
    assert (call.words, call.ended_by, call.status) == (["Speak now."], "caller", "completed")
    assert call.recordings[0].status == "completed"
    assert requests(web, "/recording")[0].form["RecordingStatus"] == "completed"


def test_an_action_that_fails_after_the_caller_went_is_noted_and_no_more(web: Primary) -> None:
    web.behaves("/voice", record())
    web.behaves("/done", Fails(500))
    phone = twilio()
    number = phone.number("+15550100", voice_url=web.url + "/voice", voice_fallback_url=web.url + "/fallback")
    number.call("+15550123", Caller(says=WORDS, hangs_up_during="Record"))
    assert requests(web, "/fallback") == []
    assert [each.code for each in phone.alerts] == [11200]


def test_a_message_that_is_too_short_is_absent(web: Primary) -> None:
    web.behaves("/voice", record())
    number = twilio().number("+15550100", voice_url=web.url + "/voice")
    call = number.call("+15550123", Caller(says="Hm", hangs_up_during="Record"))
    callback = requests(web, "/recording")[0].form
    assert (callback["RecordingStatus"], callback["ErrorCode"]) == ("absent", "16101")
    assert "RecordingDuration" not in callback
    assert call.recordings[0].audio is None


@pytest.mark.parametrize(("keeps", "status", "code"), [(True, "completed", "0"), (False, "absent", "16102")])
def test_silence_is_kept_unless_the_account_says_otherwise(web: Primary, keeps: bool, status: str, code: str) -> None:
    web.behaves("/voice", record())
    call = twilio(keeps).number("+15550100", voice_url=web.url + "/voice").call("+15550123")
    callback = requests(web, "/recording")[0].form
    assert (callback["RecordingStatus"], callback["ErrorCode"]) == (status, code)
    assert call.words == ["Speak now.", GONE]


def test_only_the_events_that_were_asked_for_are_sent(web: Primary) -> None:
    web.behaves("/voice", record(events="in-progress completed"))
    twilio().number("+15550100", voice_url=web.url + "/voice").call("+15550123", Caller(says=WORDS))
    assert [each.form["RecordingStatus"] for each in requests(web, "/recording")] == ["in-progress", "completed"]


def test_a_lost_callback_leaves_an_alert(web: Primary) -> None:
    """It has no fallback; what it said can be read in the alert."""
    web.behaves("/voice", record())
    web.behaves("/recording", Fails(503))
    phone = twilio()
    number = phone.number("+15550100", voice_url=web.url + "/voice", voice_fallback_url=web.url + "/fallback")
    call = number.call("+15550123", Caller(says=WORDS))
    alert = phone.alerts[0]
    assert (alert.code, alert.level, alert.response_status) == (15003, "warning", 503)
    assert alert.request_variables["RecordingSid"] == call.recordings[0].sid
    assert requests(web, "/fallback") == []


def test_overrides_let_a_callback_be_tried_again(web: Primary) -> None:
    web.behaves("/voice", twiml("<Record action='/done' recordingStatusCallback='/recording#rc=2&amp;rp=all'/>"))
    web.behaves("/recording", Fails(503), Says(b"", status=204, content_type=""))
    phone = twilio()
    phone.number("+15550100", voice_url=web.url + "/voice").call("+15550123", Caller(says=WORDS))
    assert (len(requests(web, "/recording")), phone.alerts) == (2, [])


def test_without_an_action_the_same_document_runs_again(web: Primary) -> None:
    """The loop that Twilio warns of."""
    web.behaves("/voice", twiml("<Record/>"), twiml("<Say>Again</Say>"))
    call = twilio().number("+15550100", voice_url=web.url + "/voice").call("+15550123", Caller(says=WORDS))
    assert (call.words, "RecordingUrl" in web.received[1].form) == (["Again"], True)


@pytest.mark.parametrize("carries", [True, False])
def test_recording_sid_in_the_action(web: Primary, carries: bool) -> None:
    web.behaves("/voice", record())
    number = twilio(recording_sid_in_action=carries).number("+15550100", voice_url=web.url + "/voice")
    number.call("+15550123", Caller(says=WORDS))
    assert ("RecordingSid" in requests(web, "/done")[0].form) is carries


@pytest.mark.parametrize("falls", [True, False])
def test_where_silence_leads(web: Primary, falls: bool) -> None:
    web.behaves("/voice", record())
    number = twilio(silent_record_falls_through=falls).number("+15550100", voice_url=web.url + "/voice")
    assert number.call("+15550123").words[-1] == (GONE if falls else "Thank you.")
