"""What is audio, and how long it plays, is read from the file."""

import io
import struct
import wave

import pytest
from tinytag import TinyTag

from lambdas.workers.audio import Incomplete, NotAudio, seconds
from local.twilio import audio

WORDS = audio.speech("Please call me back about the order")


def wav(channels: int = 1, width: int = 2, rate: int = 8000, frames: int = 8000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(width)
        out.setframerate(rate)
        out.writeframes(bytes(frames * channels * width))
    return file.getvalue()


def ulaw(length: float) -> bytes:
    """G.711, which Python's own reader refuses."""
    samples = bytes(int(8000 * length))
    content = struct.pack("<HHIIHH", 7, 1, 8000, 8000, 1, 8)
    body = (
        b"fmt "
        + struct.pack("<I", len(content))
        + content
        + b"LIST\x03\x00\x00\x00abc\x00"
        + b"data"
        + struct.pack("<I", len(samples))
        + samples
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


@pytest.mark.parametrize(
    ("content", "length"),
    [(wav(), 1), (wav(channels=2), 1), (wav(width=1), 1), (wav(rate=16000), 0.5), (wav(frames=0), 0), (ulaw(2.5), 2.5)],
)
def test_wav_files_of_every_kind(content: bytes, length: float) -> None:
    assert seconds(io.BytesIO(content), "wav") == pytest.approx(length)


def test_a_wav_file_whose_length_was_not_known_when_it_began() -> None:
    content = bytearray(wav())
    content[40:44] = b"\xff\xff\xff\xff"
    assert seconds(io.BytesIO(bytes(content)), "wav") == pytest.approx(1)


def test_mp3_files_are_as_long_as_others_say() -> None:
    """TinyTag reads them too."""
    content = audio.mp3(WORDS)
    assert seconds(io.BytesIO(content), "mp3") == pytest.approx(TinyTag.get(file_obj=io.BytesIO(content)).duration, abs=0.2)


def test_tags_before_and_behind_an_mp3_do_not_count() -> None:
    content = audio.mp3(WORDS)
    tagged = b"ID3\x04\x00\x00\x00\x00\x01\x02" + bytes(130) + content + b"TAG" + bytes(125)
    assert seconds(io.BytesIO(tagged), "mp3") == seconds(io.BytesIO(content), "mp3")


@pytest.mark.parametrize(("version", "rate", "samples"), [(3, 44100, 1152), (2, 22050, 576), (0, 8000, 576)])
def test_a_frame_of_each_mpeg_version(version: int, rate: int, samples: int) -> None:
    index = {44100: 0, 22050: 0, 8000: 2}[rate]
    header = (0x7FF << 21 | version << 19 | 1 << 17 | 1 << 16 | 4 << 12 | index << 10).to_bytes(4, "big")
    bitrate = {3: 56, 2: 32, 0: 32}[version] * 1000
    frame = header + bytes(samples // 8 * bitrate // rate - 4)
    assert seconds(io.BytesIO(frame * 10), "mp3") == pytest.approx(10 * samples / rate)


NO_AUDIO = {
    "nothing": b"",
    "XML": b"<?xml version='1.0'?><TwilioResponse/>",
    "half a header": b"RIFF\x00\x00",
    "no samples": wav()[:36],
    "samples without a format": b"RIFF\x00\x00\x00\x00WAVEdata\x00\x00\x00\x00",
    "half of the samples": WORDS[: len(WORDS) // 2],
    "zeros": bytes(5000),
}


@pytest.mark.parametrize("what", NO_AUDIO)
@pytest.mark.parametrize("kind", ["wav", "mp3"])
def test_what_is_no_audio_is_found_out(what: str, kind: str) -> None:
    with pytest.raises(NotAudio):
        seconds(io.BytesIO(NO_AUDIO[what]), kind)


def test_an_mp3_that_ends_within_a_frame_is_not_whole() -> None:
    with pytest.raises(NotAudio, match="within a frame"):
        seconds(io.BytesIO(audio.mp3(WORDS)[:-100]), "mp3")


@pytest.mark.parametrize(
    ("content", "kind", "plays"),
    [
        (wav()[:-8000], "wav", 0.5),
        (b"\xff\xfb\x90\xc4" + bytes(413) + b"garbage", "mp3", 0.026),
        ((b"\xff\xfb\x90\xc4" + bytes(413)) * 10 + b"\xff\xfb\x90\xc4", "mp3", 0.261),
    ],
)
def test_a_file_that_is_damaged_says_how_much_of_it_plays(content: bytes, kind: str, plays: float) -> None:
    with pytest.raises(Incomplete) as caught:
        seconds(io.BytesIO(content), kind)
    assert caught.value.seconds == pytest.approx(plays, abs=0.001)
