"""Audio beside the templates: what is refused at synth, under which name it is served, and what is heard when it cannot be had."""

import hashlib
import io
import shutil
import struct
import wave
from pathlib import Path

import pytest

from answerbook.audio import LARGEST
from config.folders import TEMPLATES
from local.twilio.audio import mp3
from tests.unit.books import book, compiled, document, refused, settings_text, twiml


def wav(codec: int = 1, frames: int = 800, more: bytes = b"") -> bytes:
    """A WAV file of 8 bits a sample, its samples said to be written in this way."""
    form = struct.pack("<HHIIHH", codec, 1, 8000, 8000, 1, 8) + more
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", frames) + bytes(frames)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def aiff(frames: int = 800) -> bytes:
    """An AIFF file of 8 bits a sample; the rate is 8,000 as an 80-bit number."""
    common = struct.pack(">4sIHIHHQ", b"COMM", 18, 1, frames, 8, 0x400B, 8000 << 51)
    name = struct.pack(">4sI", b"NAME", 3) + b"abc\0"
    body = b"AIFF" + name + common + struct.pack(">4sIII", b"SSND", frames + 8, 0, 0) + bytes(frames)
    return b"FORM" + struct.pack(">I", len(body)) + body


def announced(content: bytes, frames: int | None, more: int = 0, kind: bytes = b"Info") -> bytes:
    """An MP3 file behind the frame in which encoders say how much of it there is; `more` bytes than there are."""
    whole = 288 + len(content) + more
    said = kind + (struct.pack(">III", 3, frames, whole) if frames is not None else struct.pack(">II", 2, whole))
    return content[:4] + bytes(9) + said + bytes(288 - 4 - 9 - len(said)) + content


def note(file: str = "hello.wav", more: str = "") -> str:
    """An answer that plays a file."""
    return f'[answer.note]\nflow = "play"\nmessage = {{ audio = "{file}", text = "Hello." }}\n{more}'


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """The templates of the project, to which a test adds audio."""
    for flow in ("apology", "silent", "play", "voicemail", "forward"):
        shutil.copytree(TEMPLATES / flow, tmp_path / flow)
    (tmp_path / "audio").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        (
            "hello.wav",
            b"Hello, this is no sound.",
            "play/hello.wav: this is not a valid WAV file, or not all of it; save it again",
        ),
        ("hello.wav", b"\xff\xfb\x90\x00" + bytes(500), "this is not a valid WAV file"),
        ("hello.wav", wav()[:100], "this is not a valid WAV file, or not all of it"),
        ("hello.aiff", aiff()[:100], "this is not a valid AIFF file, or not all of it"),
        ("hello.mp3", b"", "this is not a valid MP3 file"),
        ("hello.mp3", wav(), "this is not a valid MP3 file"),
        ("hello.aiff", wav(), "this is not a valid AIFF file"),
        ("hello.aiff", aiff()[:20], "this is not a valid AIFF file"),
        ("hello.aiff", aiff(frames=0), "there is no sound in it; record it again"),
        ("hello.ogg", b"OggS", "Twilio plays no .ogg files; convert it to WAV or MP3"),
        ("hello", b"RIFF", "Twilio plays no nameless files"),
        ("hello.wav", wav(frames=0), "there is no sound in it; record it again"),
        ("hello.wav", wav(codec=3), "its samples are written as format 0x0003; save them as PCM"),
        ("hello.wav", wav(codec=0x55), "its samples are written as format 0x0055"),
        ("hello.wav", wav(codec=0xFFFE, more=struct.pack("<HHIH", 22, 8, 0, 3) + bytes(14)), "written as format 0x0003"),
        ("hello.wav", wav(frames=LARGEST), "4.2 MB is more than the 4 MB that one answer can carry"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
def test_what_twilio_would_not_play_stops_synth(templates: Path, file: str, content: bytes, says: str) -> None:
    (templates / "play" / file).write_bytes(content)
    message = refused(note(file), templates, voice="note")
    assert says in message
    assert message.endswith("(answer 'note' at test.toml:14)")


def test_a_file_that_is_not_there_is_named_with_the_nearest(templates: Path) -> None:
    (templates / "audio" / "hello.wav").write_bytes(wav())
    assert "there is no audio file 'helo.wav' in " in refused(note("helo.wav"), templates, voice="note")
    assert "did you mean 'hello.wav'?" in refused(note("helo.wav"), templates, voice="note")
    assert "there is no audio file" in refused(note("../audio/hello.wav"), templates, voice="note")


@pytest.mark.parametrize("codec", [1, 6, 7, 0xFFFE])
def test_what_telephony_speaks_is_played(templates: Path, codec: int) -> None:
    """PCM, A-law and mu-law, also where the format stands further behind."""
    content = wav(codec, more=struct.pack("<HHIH", 22, 8, 0, 1) + bytes(14) if codec == 0xFFFE else b"")
    (templates / "audio" / "HELLO.WAV").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()[:16]
    answers = compiled(settings_text(note("HELLO.WAV"), voice="note"), templates)
    assert answers["audio"] == {f"{digest}.wav": "audio/HELLO.WAV"}


def test_mp3_is_played(templates: Path, hello: bytes) -> None:
    (templates / "play" / "hello.mp3").write_bytes(mp3(hello))
    assert "<Play>" in twiml(book(note("hello.mp3"), templates, voice="note"))


def test_an_mp3_of_which_something_is_missing_is_refused(templates: Path, hello: bytes) -> None:
    """Within a frame, in the middle, and at a frame's end where the file says how many there should be."""
    content = mp3(hello)  # frames of 288 bytes
    frames = len(content) // 288
    lacking = {
        "the end of its last frame": content[:-10],
        "bytes in the middle": content[:1000] + content[1010:],
        "the last frame, by its bytes": announced(content, frames)[:-288],
        "a frame in the middle, by its bytes": announced(content, None, more=288),
        "two frames, by their number": announced(content, frames + 2, more=-576),
        "two frames behind a tag": b"ID3\x04\x00\x00\x00\x00\x01\x02" + bytes(130) + announced(content, frames, kind=b"Xing")[: -2 * 288],
    }
    for what, cut in lacking.items():
        (templates / "play" / "hello.mp3").write_bytes(cut)
        assert "play/hello.mp3: this is not a valid MP3 file, or not all of it; save it again" in refused(
            note("hello.mp3"), templates, voice="note"
        ), what


@pytest.mark.parametrize("kind", [b"Info", b"Xing"])
@pytest.mark.parametrize("counting_itself", [0, 1])
def test_an_mp3_of_which_everything_is_there_is_played(templates: Path, hello: bytes, kind: bytes, counting_itself: int) -> None:
    """Also by an encoder that counts the frame that counts, and with a tag at the end."""
    content = mp3(hello)
    whole = announced(content, len(content) // 288 + counting_itself, kind=kind) + b"TAG" + bytes(125)
    (templates / "play" / "hello.mp3").write_bytes(whole)
    assert "<Play>" in twiml(book(note("hello.mp3"), templates, voice="note"))


def test_aiff_is_played(templates: Path) -> None:
    (templates / "play" / "hello.aiff").write_bytes(aiff())
    assert "<Play>" in twiml(book(note("hello.aiff"), templates, voice="note"))


def test_another_recording_has_another_address(templates: Path) -> None:
    """Twilio keeps what it fetched: https://www.twilio.com/docs/voice/twiml/play#hints-and-advanced-uses."""
    addresses = []
    for frames in (800, 900):
        (templates / "play" / "hello.wav").write_bytes(wav(frames=frames))
        addresses.append(twiml(book(note(), templates, voice="note")).partition("<Play>")[2].partition("</Play>")[0])
    assert addresses[0] != addresses[1]
    assert all(address.startswith("https://media1.execute-api.us-west-2.amazonaws.com/v1/note.start.1.") for address in addresses)


def test_when_the_audio_cannot_be_had_the_same_document_is_said(templates: Path) -> None:
    """By ErrorUrl alone, whatever the other rules say; another failure of ours is the last resort's."""
    (templates / "play" / "hello.wav").write_bytes(wav())
    (templates / "voicemail" / "hello.wav").write_bytes(wav(frames=900))
    box = '[answer.box]\nflow = "voicemail"\ngreeting = { audio = "hello.wav", text = "Please speak." }\n'
    box += '[[voice]]\nTo = "+15005550006"\nanswer = "box"\n'
    answers = book(note() + box, templates, voice="note")
    for fields in ({}, {"To": "+15005550006"}):
        sent = twiml(answers, **fields)
        address = sent.partition("<Play>")[2].partition("</Play>")[0]
        failed = {"ErrorUrl": address, "ErrorCode": "11200", "To": "+12025550100"}
        said = twiml(answers, **failed)
        assert document(answers, **failed).endswith("/start.said/1")
        assert sent.replace(f"<Play>{address}</Play>", "") == said.replace(said[said.index("<Say") : said.index("</Say>") + 6], "", 1)
    assert document(answers, ErrorUrl=address.replace("box.start", "box.end").partition(".wav")[0]) == "last_resort/voice"


def test_audio_is_refused_where_nobody_would_notice_that_it_fails(templates: Path) -> None:
    """A trunk has no fallback, a person called has none, and strangers' audio would cost."""
    (templates / "audio" / "hello.wav").write_bytes(wav())
    assert "plays audio, but under /trunk" in refused(note(more='[[trunk]]\nanswer = "note"\n'), templates, twilio='trunks = ["main"]')
    forward = '[answer.line]\nflow = "forward"\nnumbers = ["+12025550171"]\ncaller_id = "+12025550100"\notherwise = "sorry"\n'
    whisper = forward + 'whisper = { audio = "hello.wav", text = "Press 1." }\n'
    assert "plays audio, but a person called" in refused(whisper, templates, voice="line")


def test_the_samples_are_what_the_header_says() -> None:
    """The test's own files are read by Python too."""
    with wave.open(io.BytesIO(wav())) as file:
        assert (file.getnframes(), file.getframerate()) == (800, 8000)
