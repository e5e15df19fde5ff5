"""Is this audio, and how long does it play? Read from the file itself: what a server says of it may be wrong.

WAV: RIFF chunks, http://soundfile.sapp.org/doc/WaveFormat/. MP3: the header of every frame, ISO/IEC 11172-3 and 13818-3 (layer III).
Twilio's files: https://www.twilio.com/docs/voice/api/recording#fetch-a-recording-media-file
"""

import os
import struct
from collections.abc import Iterator
from io import BufferedIOBase

TYPES = {"wav": ("audio/x-wav", "audio/wav", "audio/wave", "audio/vnd.wave"), "mp3": ("audio/mpeg", "audio/mp3")}
STORED_AS = {"wav": "audio/vnd.wave", "mp3": "audio/mpeg"}  #: the content type of our copies
STREAMED = (0, 0xFFFFFFFF)  #: a data length written before the length was known
#: kbit/s by index, for MPEG 1 and for MPEG 2 and 2.5, layer III
BITRATES = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
LAYER_3 = 1
ID3V1 = 128  #: bytes of the tag at the end


class NotAudio(ValueError):
    """The file is not what it should be, or not all of it."""


class Incomplete(NotAudio):
    """Something is missing or follows that is no audio, but what there is plays for `seconds`."""

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


def seconds(file: BufferedIOBase, kind: str) -> float:
    """How long a `wav` or `mp3` file plays. Raises NotAudio, or Incomplete where only a part of it does."""
    file.seek(0)
    return wav_seconds(file) if kind == "wav" else mp3_seconds(file)


def plays(file: BufferedIOBase, kind: str) -> bool:
    """Whether this is a `wav` or `mp3` file at all."""
    try:
        return seconds(file, kind) >= 0
    except NotAudio:
        return False


def wav_seconds(file: BufferedIOBase) -> float:
    """From the byte rate and the length of the samples."""
    riff = file.read(12)
    if riff[:4] != b"RIFF" or riff[8:12] != b"WAVE":
        raise NotAudio("no WAV file")
    rate = 0
    for name, length in chunks(file):
        if name == b"fmt ":
            rate = byte_rate(file.read(length))
        elif name == b"data" and rate:
            return samples_seconds(file, length, rate)
    raise NotAudio("a WAV file without samples")


def chunks(file: BufferedIOBase) -> Iterator[tuple[bytes, int]]:
    """Name and length of each chunk, the file at its content; chunks begin at even places."""
    while len(header := file.read(8)) == 8:
        name, length = struct.unpack("<4sI", header)
        following = file.tell() + length + length % 2
        yield name, length
        file.seek(following)


def byte_rate(content: bytes) -> int:
    """Bytes a second, as the format chunk says. Raises NotAudio."""
    if len(content) < 12:
        raise NotAudio("a WAV file whose format cannot be read")
    return int(struct.unpack_from("<I", content, 8)[0])


def samples_seconds(file: BufferedIOBase, length: int, rate: int) -> float:
    """How long samples play, of which the header announced so many bytes. Raises Incomplete when some are missing."""
    there = size(file) - file.tell()
    if length in STREAMED:
        return there / rate
    if length > there:
        raise Incomplete(f"a WAV file that lacks {length - there} bytes", there / rate)
    return length / rate


def mp3_seconds(file: BufferedIOBase) -> float:
    """The sum of all frames. Raises NotAudio, Incomplete."""
    played = 0.0
    try:
        for lasts in mp3_frames(file):
            played += lasts
    except NotAudio as error:
        if played:
            raise Incomplete(f"an MP3 file that ends in something else ({error})", played) from error
        raise
    if not played:
        raise NotAudio("an MP3 file without a frame")
    return played


def mp3_frames(file: BufferedIOBase) -> Iterator[float]:
    """The seconds of each frame. Raises NotAudio."""
    start, end = after_tag(file), size(file)
    while start < end:
        file.seek(start)
        header = file.read(4)
        if header[:3] == b"TAG" and end - start == ID3V1:
            return
        length, lasts = frame(header)
        start += length
        if start > end:
            raise NotAudio("an MP3 file that ends within a frame")
        yield lasts


def after_tag(file: BufferedIOBase) -> int:
    """Where the first frame begins: behind an ID3v2 tag (https://id3.org/id3v2.4.0-structure), if there is one."""
    file.seek(0)
    header = file.read(10)
    if header[:3] != b"ID3" or len(header) < 10:
        return 0
    return 10 + sum(byte << shift for byte, shift in zip(header[6:10], (21, 14, 7, 0), strict=True))


def frame(header: bytes) -> tuple[int, float]:
    """Length in bytes and seconds of the frame that begins so. Raises NotAudio."""
    bits = int.from_bytes(header, "big")
    version, layer, index, rate = bits >> 19 & 3, bits >> 17 & 3, bits >> 12 & 15, bits >> 10 & 3
    if len(header) < 4 or bits >> 21 != 0x7FF or version not in RATES or layer != LAYER_3 or index in (0, 15) or rate == 3:
        raise NotAudio("no MP3 file")
    samples, bitrate, hertz = 1152 if version == 3 else 576, BITRATES[3 if version == 3 else 2][index] * 1000, RATES[version][rate]
    return samples // 8 * bitrate // hertz + (bits >> 9 & 1), samples / hertz


def size(file: BufferedIOBase) -> int:
    """Bytes of the file; its position stays."""
    here = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(here)
    return end
