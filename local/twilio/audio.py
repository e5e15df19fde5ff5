"""What a caller says, as Twilio stores it: WAV, 8 kHz, mono, 16 bit.

Real speech where `espeak-ng` is installed, and everywhere for the one sentence that is shipped as sound. Else a tone a syllable with
the two strongest resonances of its vowel, so that a listener hears where the words are and a program finds sound of the right length.
"""

import io
import math
import re
import shutil
import subprocess
import wave
from array import array
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import lameenc

RATE = 8000
SENTENCE = "Hello, this is a call about my order. Please call me back."
SHIPPED = Path(__file__).with_name("spoken.wav")  #: that sentence, spoken by espeak-ng
_PITCH = 120.0
_FORMANTS = {"a": (800, 1200), "e": (500, 1900), "i": (300, 2300), "o": (500, 900), "u": (320, 800), "y": (300, 2100)}
_SYLLABLE, _GAP = 0.19, 0.07


@lru_cache(maxsize=64)
def speech(text: str, synthesiser: str | None = shutil.which("espeak-ng")) -> bytes:
    """A WAV file of these words; without a working synthesiser the one that is shipped, or tones. Never fails."""
    spoken = _synthesised(text, synthesiser) if synthesiser and text.strip() else None
    return spoken or (SHIPPED.read_bytes() if text == SENTENCE else wav(_tones(text)))


def silence(seconds: float) -> bytes:
    """A WAV file in which nobody speaks."""
    return wav(array("h", bytes(2 * round(seconds * RATE))))


def wav(samples: "array[int]") -> bytes:
    """The WAV file of 8 kHz samples."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())
    return file.getvalue()


def seconds(audio: bytes) -> float:
    """How long an audio file plays; what is no WAV file counts as MP3 of 32 kbit/s, at which Twilio stores it."""
    try:
        with wave.open(io.BytesIO(audio)) as file:
            return float(file.getnframes() / file.getframerate())
    except (wave.Error, EOFError):
        return len(audio) / 4000


def cut(audio: bytes, length: float) -> bytes:
    """The first so many seconds of a WAV file, silence added where it is shorter."""
    with wave.open(io.BytesIO(audio)) as file:
        samples = array("h", file.readframes(round(length * RATE)))
    samples.extend([0] * (round(length * RATE) - len(samples)))
    return wav(samples)


def mp3(audio: bytes) -> bytes:
    """The same in MP3 of 32 kbit/s."""
    encoder = lameenc.Encoder()
    encoder.silence()  # it tells its settings otherwise
    encoder.set_channels(1)
    encoder.set_bit_rate(32)
    encoder.set_in_sample_rate(RATE)
    encoder.set_out_sample_rate(RATE)
    with wave.open(io.BytesIO(audio)) as file:
        return bytes(encoder.encode(file.readframes(file.getnframes())) + encoder.flush())


def _synthesised(text: str, synthesiser: str) -> bytes | None:
    command = [synthesiser, "-v", "en-us", "-s", "150", "--stdout", "--", text]
    try:
        spoken = subprocess.run(command, capture_output=True, timeout=120, check=True).stdout
        return wav(_resampled(spoken))
    except (OSError, subprocess.SubprocessError, wave.Error, EOFError):
        return None


def _resampled(spoken: bytes) -> "array[int]":
    """To 8 kHz: each sample is the mean of those that fall into its time."""
    with wave.open(io.BytesIO(spoken)) as file:
        # a synthesiser that writes to a pipe cannot know the length: the header says 2 GB
        samples, rate = array("h", file.readframes(len(spoken))), file.getframerate()
    step = rate / RATE
    edges = [round(index * step) for index in range(int(len(samples) / step) + 1)]
    return array("h", (sum(samples[a:b]) // max(b - a, 1) for a, b in pairwise(edges)))


def _tones(text: str) -> "array[int]":
    samples = array("h")
    for word in text.split() or [""]:
        for vowel in re.findall("[aeiouy]", word.lower()) or ["e"]:
            samples.extend(_syllable(*_FORMANTS[vowel]))
        samples.extend([0] * round(_GAP * RATE))
    return samples


@lru_cache(maxsize=8)
def _syllable(first: int, second: int) -> "array[int]":
    """Two resonances over a voice of 120 Hz, swelling and fading."""
    count = round(_SYLLABLE * RATE)
    return array("h", (_sample(index / RATE, index / count, first, second) for index in range(count)))


def _sample(at: float, part: float, first: int, second: int) -> int:
    turn = math.tau * at
    voice = 0.5 + 0.5 * math.sin(turn * _PITCH)
    sound = 0.6 * math.sin(turn * first) + 0.4 * math.sin(turn * second)
    return round(12000 * math.sin(math.pi * part) * voice * sound)
