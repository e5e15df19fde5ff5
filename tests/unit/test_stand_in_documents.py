"""What the stand-in Twilio accepts as an answer, and what it sends."""

import json
import wave
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import pytest

from local.twilio import audio
from local.twilio.connection import Reply
from local.twilio.documents import audio as audio_of
from local.twilio.documents import read
from local.twilio.error import TwilioError
from local.twilio.parameters import call_parameters, is_e164, segments, text_parameters
from local.twilio.schema import warnings

URL = "https://h.example/voice"


def reply(body: bytes, kind: str = "text/xml", *headers: tuple[str, str]) -> Reply:
    return Reply(200, (("Content-Type", kind), *headers) if kind else headers, body)


@pytest.mark.parametrize("kind", ["text/xml", "application/xml; charset=utf-8", "TEXT/HTML"])
def test_three_types_are_twiml(kind: str) -> None:
    assert read(reply(b"<Response><Say>Hi</Say></Response>", kind), URL, "voice").root[0].tag == "Say"


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b'{"message": "Internal server error"}', "application/json", 12300),
        (b"<Response/>", "", 12300),
        (b"<Response/>", "application/octet-stream", 12300),
        (b' <?xml version="1.0"?><Response/>', "text/xml", 12100),
        (b"<Response><Say>Q & A</Say></Response>", "text/xml", 12100),
        (b"<Response><Say>Hi</Response>", "text/xml", 12100),
        (b"", "text/xml", 12100),
        (b"<response/>", "text/xml", 12102),
        (b"<html><body>502 Bad Gateway</body></html>", "text/html", 12102),
        (b'<Response version="1.0"/>', "text/xml", 12101),
        (b"<Response><!--" + b"x" * 65536 + b"--></Response>", "text/xml", 11750),
    ],
)
def test_what_twilio_refuses(body: bytes, kind: str, code: int) -> None:
    with pytest.raises(TwilioError) as refused:
        read(reply(body, kind), URL, "voice")
    assert refused.value.code == code


def test_64_kb_are_accepted() -> None:
    padding = 65536 - len("<Response><!----></Response>")
    read(reply(b"<Response><!--" + b"x" * padding + b"--></Response>"), URL, "voice")


def test_an_empty_chunked_body_is_11770() -> None:
    with pytest.raises(TwilioError) as refused:
        read(reply(b"", "text/xml", ("Transfer-Encoding", "chunked")), URL, "voice")
    assert refused.value.code == 11770


def test_plain_text_is_read_aloud_unless_it_is_twiml() -> None:
    spoken = read(reply(b"Sorry & goodbye", "text/plain"), URL, "voice").root
    assert [(each.tag, each.text) for each in spoken] == [("Say", "Sorry & goodbye"), ("Hangup", "")]
    assert read(reply(b"<Response><Reject/></Response>", "text/plain"), URL, "voice").root[0].tag == "Reject"


def test_plain_text_is_sent_back_to_whoever_wrote() -> None:
    sent = read(reply(b"Internal Server Error", "text/plain"), URL, "sms").root
    assert [(each.tag, each.text) for each in sent] == [("Message", "Internal Server Error")]


def test_audio_is_played_in_a_call_and_refused_for_a_text() -> None:
    assert read(reply(b"ID3", "audio/mpeg"), URL, "voice").root[0].tag == "Play"
    with pytest.raises(TwilioError) as refused:
        read(reply(b"ID3", "audio/mpeg"), URL, "sms")
    assert refused.value.code == 12300


def test_only_audio_is_played() -> None:
    assert audio_of(reply(audio.silence(0.1), "audio/x-wav"))
    for wrong, code in ((reply(b"<html/>", "text/html"), 12300), (reply(b"<html/>", "audio/wav"), 11200)):
        with pytest.raises(TwilioError) as refused:
            audio_of(wrong)
        assert refused.value.code == code


def complaints(twiml: str, medium: str = "voice") -> list[str]:
    return warnings(ElementTree.fromstring(twiml), "voice" if medium == "voice" else "sms")


@pytest.mark.parametrize(
    ("twiml", "complaint"),
    [
        ("<Response><say>Hi</say></Response>", "<say> is not allowed in <Response>"),
        ("<Response><Say voise='alice'>Hi</Say></Response>", "<Say> has no attribute voise"),
        ("<Response><Say><Gather/></Say></Response>", "<Gather> is not allowed in <Say>"),
        ("<Response><Gather timeout='five'/></Response>", "<Gather timeout> cannot be 'five'"),
        ("<Response><Record playBeep='yes'/></Response>", "<Record playBeep> cannot be 'yes'"),
        ("<Response><Record action='a b'/></Response>", "<Record action> cannot be 'a b'"),
        ("<Response><Reject reason='bored'/></Response>", "<Reject reason> cannot be 'bored'"),
        ("<Response><Redirect method='PUT'>/x</Redirect></Response>", "<Redirect method> cannot be 'PUT'"),
        ("<Response><Message>Hi</Message></Response>", "<Message> is not allowed in <Response>"),
    ],
)
def test_the_schema_check_warns(twiml: str, complaint: str) -> None:
    assert complaints(twiml) == [complaint]


def test_voice_verbs_are_nothing_for_texts() -> None:
    assert complaints("<Response><Say>Hi</Say></Response>", "sms") == ["<Say> is not allowed in <Response>"]


def test_good_twiml_has_no_warnings() -> None:
    twiml = """<Response><Say voice="Polly.Joanna" language="en-US">Hi <break time="1s"/></Say>
      <Gather numDigits="1" action="/x" actionOnEmptyResult="true"><Say>Press 1.</Say><Pause length="1"/></Gather>
      <Dial action="/d" callerId="+15550100" timeout="20" answerOnBridge="true"><Number url="/w">+15550101</Number></Dial>
      <Record action="/r" maxLength="120" recordingStatusCallback="/c" recordingStatusCallbackEvent="completed absent"/>
      <Hangup/></Response>"""
    assert complaints(twiml) == []
    assert complaints("<Response><Message><Body>Hi</Body><Media>/a.png</Media></Message></Response>", "sms") == []


def test_twilios_own_samples_are_accepted(shared: Path) -> None:
    """All but the two that send a text in the middle of a call, which current TwiML no longer has."""
    corpus = shared / "testdata/twiml-corpus"
    refused = []
    for file in [*corpus.rglob("*.twiml"), *corpus.rglob("*.xml")]:
        text = file.read_bytes()
        if b"<Response" not in text:
            continue
        root = ElementTree.fromstring(text)
        if warnings(root, "voice") and warnings(root, "sms"):
            refused.append(file.name)
    assert refused == ["send-sms-during-call.twiml"] * 2


type Captured = Callable[[str], dict[str, str]]


@pytest.fixture
def captured(shared: Path) -> Captured:
    """The parameters of a request that Twilio sent, by name."""
    payloads = json.loads((shared / "testdata/payloads.json").read_text())["payloads"]
    return {each["name"]: each["params"] for each in payloads}.__getitem__


def test_a_call_carries_what_a_captured_one_did(captured: Captured) -> None:
    known = call_parameters("AC1", "CA1", "+14155550103", "+14155550102")
    assert {*known, "CallStatus"} == set(captured("voice-incoming-captured-2025"))
    assert known["FromCountry"] == known["CallerCountry"] == "US"


def test_the_country_is_that_of_the_number() -> None:
    known = call_parameters("AC1", "CA1", "+442083661177", "+14155550102")
    assert (known["FromCountry"], known["ToCountry"], known["FromCity"]) == ("GB", "US", "")
    assert "StirVerstat" not in known


def test_an_outgoing_call_carries_what_a_captured_one_did(captured: Captured) -> None:
    known = call_parameters("AC1", "CA1", "+14155550108", "+14155550109", direction="outbound-api")
    assert {*known, "CallStatus"} == set(captured("monitor-alert-11200-captured"))


def test_a_text_carries_what_a_captured_one_did(captured: Captured) -> None:
    known = text_parameters("AC1", "SM1", "+14155550108", "+14155550108", "Hi", media=())
    assert set(known) == set(captured("monitor-alert-14101-captured"))


def test_media_are_numbered_from_zero() -> None:
    known = text_parameters("AC1", "MM1", "+14155550108", "+14155550109", "", media=[("https://m/1", "image/png")])
    assert (known["NumMedia"], known["MediaUrl0"], known["MediaContentType0"]) == ("1", "https://m/1", "image/png")


def test_whatsapp_senders_have_no_places() -> None:
    known = text_parameters("AC1", "SM1", "whatsapp:+14155550108", "whatsapp:+14155550109", "Hi", media=())
    assert known["WaId"] == "14155550108"
    assert "FromCountry" not in known


@pytest.mark.parametrize(("body", "count"), [("", 1), ("a" * 160, 1), ("a" * 161, 2), ("ж" * 70, 1), ("ж" * 71, 2), ("é" * 160, 1)])
def test_segments(body: str, count: int) -> None:
    assert segments(body) == count


@pytest.mark.parametrize("number", ["anonymous", "client:ann", "sip:ann@h.example", "5550100", "+1", "+1555x100"])
def test_what_is_no_telephone_number(number: str) -> None:
    assert not is_e164(number)


def shape(sound: bytes) -> tuple[int, int, int]:
    with wave.open(BytesIO(sound)) as file:
        return file.getframerate(), file.getnchannels(), file.getsampwidth()


def test_speech_is_telephone_audio_of_a_fitting_length() -> None:
    """Also without a synthesiser: then a tone a syllable."""
    for synthesiser in (None, "/nonexistent/espeak-ng"):
        spoken = audio.speech("Please call me back about the order", synthesiser)
        assert shape(spoken) == (8000, 1, 2)
        assert 1.5 < audio.seconds(spoken) < 6


def test_the_sentence_of_the_demo_is_spoken_on_every_machine() -> None:
    """It is shipped as sound, so that nobody hears tones for want of a synthesiser."""
    spoken = audio.speech(audio.SENTENCE, None)
    assert spoken == audio.SHIPPED.read_bytes() != audio.wav(audio._tones(audio.SENTENCE))
    assert shape(spoken) == (8000, 1, 2)
    assert 3 < audio.seconds(spoken) < 7


def test_different_words_sound_different() -> None:
    assert audio.speech("yes please", None) != audio.speech("no thanks", None)


def test_a_synthesiser_that_writes_to_a_pipe_is_heard(tmp_path: Path) -> None:
    """Its header promises 2 GB, at 22,050 Hz; what counts is what came."""
    sound = tmp_path / "sound.wav"
    with wave.open(str(sound), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(22050)
        out.writeframes(b"\x00\x10" * 22050)
    raw = bytearray(sound.read_bytes())
    raw[40:44] = b"\xff\xff\xff\x7f"
    sound.write_bytes(raw)
    fake = tmp_path / "espeak-ng"
    fake.write_text(f"#!/bin/sh\ncat '{sound}'\n")
    fake.chmod(0o755)
    spoken = audio.speech("Hello", str(fake))
    assert shape(spoken) == (8000, 1, 2)
    assert audio.seconds(spoken) == pytest.approx(1.0, abs=0.01)


def test_a_recording_can_be_cut_and_filled_up() -> None:
    assert audio.seconds(audio.cut(audio.silence(3), 1.5)) == 1.5
    assert audio.seconds(audio.cut(audio.silence(1), 1.5)) == 1.5
    assert audio.seconds(b"\xff\xfb" * 4000) == 2.0, "MP3 at 32 kbit/s"
