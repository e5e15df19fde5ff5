"""Audio files beside the templates: found, checked to be what Twilio plays, and given a name that holds their digest.

A file lies in its flow's folder or in `audio/`, of the team's own templates or of the shipped ones. The address that a document plays,
`{media}/{answer}.{document}.{turn}.{digest}.{ending}`, says which document it belongs to: when Twilio reports it as ErrorUrl, the rules
answer with the words of that very document, without a cookie. The `media` function knows a file by digest and ending.
"""

import hashlib
import struct
from io import BytesIO
from pathlib import Path

from config.folders import Folders
from config.mistakes import ConfigError, nearest
from lambdas.workers.audio import NotAudio, after_tag, chunks, mp3_frames, seconds

SHARED = "audio"  #: the folder of files that several flows use
#: What Twilio plays, of which these can be told from anything else: https://www.twilio.com/docs/voice/twiml/play#supported-audio-file-types
KINDS = (".wav", ".mp3", ".aiff")
#: PCM, A-law and mu-law: what telephony speaks itself. Others may play or not; Twilio lists types of files alone.
CODECS = (1, 6, 7)
EXTENSIBLE = 0xFFFE  #: the codec stands further behind
#: Bytes of side information of an MP3 frame, by whether it is MPEG 1 and whether it is mono (a channel mode)
SIDE_INFORMATION = {(True, False): 32, (True, True): 17, (False, False): 17, (False, True): 9}
MONO = 3
#: A Lambda answer holds 6 MB, and audio in it is base64: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST = 4 * 1024 * 1024


class Audio:
    """The audio files of one synthesis: `files` are those that documents play, by the name that the media function knows."""

    def __init__(self, folders: Folders) -> None:
        self.folders = folders
        self.files: dict[str, str] = {}

    def play(self, flow: str, file: str, place: str) -> str:
        """The name of a file in the address by which a document (`place`: answer/document/turn) plays it. Raises ConfigError."""
        path = self.find(flow, file)
        content = checked(path)
        name = f"{hashlib.sha256(content).hexdigest()[:16]}{path.suffix.lower()}"
        self.files[name] = self.folders.name(path)
        return f"{place.replace('/', '.')}.{name}"

    def find(self, flow: str, file: str) -> Path:
        """Where a file lies."""
        places = [folder / name for folder in self.folders.all for name in (flow, SHARED)]
        for folder in places:
            if (path := folder / file).is_file() and path.parent == folder:
                return path
        there = [path.name for folder in places for path in folder.glob("*") if path.suffix.lower() in KINDS]
        raise FileNotFoundError(f"there is no audio file {file!r} in {' or '.join(map(str, places))}{nearest(file, there)}")


def checked(path: Path) -> bytes:
    """The content of an audio file. Raises ConfigError for what Twilio would not play."""
    ending = path.suffix.lower()
    if ending not in KINDS:
        raise ConfigError(
            f"{path}: Twilio plays no {path.suffix or 'nameless'} files; convert it to WAV or MP3, as in `sox in.ogg -r 8000 -c 1 out.wav`"
        )
    content = path.read_bytes()
    if len(content) > LARGEST:
        raise ConfigError(
            f"{path}: {len(content) / 1e6:.1f} MB is more than the 4 MB that one answer can carry; shorten it or save it as MP3"
        )
    try:
        length = aiff_frames(content) if ending == ".aiff" else seconds(BytesIO(content), ending[1:])
        if ending == ".mp3":
            check_mp3_length(content)
    except NotAudio as error:
        raise ConfigError(f"{path}: this is not a valid {ending[1:].upper()} file, or not all of it; save it again") from error
    if not length > 0:
        raise ConfigError(f"{path}: there is no sound in it; record it again")
    if ending == ".wav" and (codec := codec_of(content)) not in CODECS:
        raise ConfigError(
            f"{path}: its samples are written as format {codec:#06x}; save them as PCM, as in `sox in.wav -e signed -b 16 out.wav`"
        )
    return content


def check_mp3_length(content: bytes) -> None:
    """Refuse an MP3 that lacks frames, as far as its first one, which most encoders write, says how much there should be; some count it
    too, though it holds no sound. A file without it that was cut between two frames cannot be told from a shorter one. Raises NotAudio.

    http://gabriel.mp3-tech.org/mp3infotag.html: `Xing` or `Info` behind the (empty) side information; flags, frames, bytes
    """
    file = BytesIO(content)
    start = after_tag(file)
    header = int.from_bytes(content[start : start + 4], "big")
    mono, newest = header >> 6 & 3 == MONO, header >> 19 & 3 == 3
    at = start + 4 + SIDE_INFORMATION[newest, mono]
    if content[at : at + 4] not in (b"Xing", b"Info"):
        return
    flags, *stated = struct.unpack(">III", content[at + 4 : at + 16].ljust(12, b"\0"))
    frames = stated.pop(0) if flags & 1 else 0
    length = stated.pop(0) if flags & 2 else 0
    if len(content) - start < length or sum(1 for _ in mp3_frames(file)) < frames:
        raise NotAudio("an MP3 file that lacks frames")


def aiff_frames(content: bytes) -> int:
    """How many sample frames an AIFF file holds, as its common chunk says. Raises NotAudio.

    https://www.loc.gov/preservation/digital/formats/fdd/fdd000005.shtml
    """
    if content[:4] != b"FORM" or content[8:12] not in (b"AIFF", b"AIFC"):
        raise NotAudio("no AIFF file")
    if len(content) < (whole := 8 + struct.unpack(">I", content[4:8])[0]):
        raise NotAudio(f"an AIFF file that lacks {whole - len(content)} bytes")
    at = 12
    while len(header := content[at : at + 14]) == 14:
        name, length, _, frames = struct.unpack(">4sIHI", header)
        if name == b"COMM":
            return int(frames)
        at += 8 + length + length % 2
    raise NotAudio("an AIFF file without samples")


def codec_of(content: bytes) -> int:
    """How the samples of a WAV file are written: https://www.rfc-editor.org/rfc/rfc2361 lists the numbers."""
    file = BytesIO(content)
    file.seek(len(b"RIFF....WAVE"))
    fields = next(file.read(length) for name, length in chunks(file) if name == b"fmt ")
    code = int.from_bytes(fields[:2], "little")
    return int.from_bytes(fields[24:26], "little") if code == EXTENSIBLE else code
