"""`GET /{file}`: one audio file, as Twilio's <Play> asks for it.

A file is known by the last two parts of its name, digest and ending; what stands before says which document plays it, for the rules that
answer when it cannot be had. The content of a name never changes, so whoever holds a copy may keep it; Twilio caches what has an ETag.
https://www.twilio.com/docs/voice/twiml/play#hints-and-advanced-uses
Whatever goes wrong here becomes API Gateway's 503, and Twilio then asks the fallback for the same words, said.
"""

import base64
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

type Json = dict[str, Any]

FOLDER = Path(__file__).with_name("audio")
FILES = frozenset(path.name for path in FOLDER.iterdir())
#: https://www.twilio.com/docs/voice/twiml/play#supported-audio-file-types
TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "aiff": "audio/aiff"}


def handler(event: Json, _: object) -> Json:
    """Answer one request of API Gateway's."""
    name = file_in(event["path"])
    if name not in FILES:
        return {"statusCode": 404, "headers": {"Cache-Control": "no-store"}, "body": ""}
    headers = {"ETag": f'"{name.partition(".")[0]}"', "Cache-Control": "public, max-age=31536000, immutable"}
    if headers["ETag"] in known_copies(event):
        return {"statusCode": 304, "headers": headers, "body": ""}
    headers["Content-Type"] = TYPES[name.rpartition(".")[2]]
    return {"statusCode": 200, "headers": headers, "body": base64.b64encode((FOLDER / name).read_bytes()).decode(), "isBase64Encoded": True}


def file_in(path: str) -> str:
    """`6b86b273ff34fce1.wav` of `/voicemail.start.1.6b86b273ff34fce1.wav`."""
    return ".".join(path.rpartition("/")[2].split(".")[-2:])


def known_copies(event: Json) -> str:
    """The ETags that the client holds."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    return headers.get("if-none-match") or ""
