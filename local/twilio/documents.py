"""What Twilio makes of an answer: TwiML, words, audio, or a refusal with the code of its error dictionary.

Sources: https://www.twilio.com/docs/voice/twiml and .../messaging/twiml (content types), the error pages 11750, 11770,
12100, 12101, 12102, 12200 and 12300, the TwiML changelog of 2024-07-22 (TwiML served as text/plain is executed).
"""

from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from local.twilio.connection import Reply
from local.twilio.error import TwilioError
from local.twilio.schema import warnings
from local.twilio.signing import Medium

_LONGEST = 64 * 1024
_TWIML = {"text/xml", "application/xml", "text/html"}
_AUDIO = {
    "audio/mpeg",
    "audio/wav",
    "audio/wave",
    "audio/x-wav",
    "audio/aiff",
    "audio/x-aifc",
    "audio/x-aiff",
    "audio/x-gsm",
    "audio/gsm",
    "audio/ulaw",
}
"""What <Play> plays: https://www.twilio.com/docs/voice/twiml/play."""


@dataclass(frozen=True)
class Document:
    """A document that is about to be executed."""

    url: str
    """What its relative URLs are resolved against (RFC 3986)."""
    text: str
    root: Element
    warnings: tuple[str, ...] = ()


def read(reply: Reply, url: str, medium: Medium) -> Document:
    """The document in an answer. Raises TwilioError with the code for which Twilio would refuse it."""
    kind = content_type(reply)
    if kind in _TWIML:
        return _twiml(reply, url, medium)
    if kind == "text/plain":
        return _plain(reply, url, medium)
    if kind in _AUDIO and medium == "voice":
        return _written(url, ("Play", url), ("Hangup", ""))
    raise TwilioError(12300, f"content type {kind or 'missing'} is neither TwiML nor anything else that is executed")


def audio(reply: Reply) -> bytes:
    """The bytes of an answer to <Play>. Raises TwilioError 12300 or 11200 for what is no audio."""
    kind = content_type(reply)
    if kind not in _AUDIO:
        raise TwilioError(12300, f"content type {kind or 'missing'} is no audio")
    if (kind.endswith(("wav", "wave")) and reply.body[:4] != b"RIFF") or not reply.body:
        raise TwilioError(11200, f"this is not {kind}")
    return reply.body


def content_type(reply: Reply) -> str:
    """The media type of an answer, without its parameters."""
    return reply.header("Content-Type").partition(";")[0].strip().lower()


def _twiml(reply: Reply, url: str, medium: Medium) -> Document:
    if len(reply.body) > _LONGEST:
        raise TwilioError(11750, f"{len(reply.body)} bytes are more than 64 kB")
    if not reply.body and "chunked" in reply.header("Transfer-Encoding").lower():
        raise TwilioError(11770, "the chunked body is empty")
    root = _parsed(reply.body)
    if root.tag != "Response":
        raise TwilioError(12102, f"the root element is <{root.tag}>")
    if "version" in root.attrib:
        raise TwilioError(12101, "the root element has a version")
    return Document(url, reply.body.decode("utf-8", "replace"), root, tuple(warnings(root, medium)))


def _parsed(body: bytes) -> Element:
    try:
        return ElementTree.fromstring(body)
    except (ElementTree.ParseError, ValueError, LookupError) as problem:
        raise TwilioError(12100, f"no well-formed XML: {problem}") from problem


def _plain(reply: Reply, url: str, medium: Medium) -> Document:
    """Calls: executed if it is TwiML, else read aloud. Texts: sent back as it is."""
    text = reply.body.decode("utf-8", "replace")
    if medium == "sms":
        return _written(url, ("Message", text))
    try:
        return _twiml(reply, url, medium)
    except TwilioError:
        return _written(url, ("Say", text), ("Hangup", ""))


def _written(url: str, *verbs: tuple[str, str]) -> Document:
    root = Element("Response")
    for tag, text in verbs:
        ElementTree.SubElement(root, tag).text = text
    return Document(url, ElementTree.tostring(root, "unicode"), root)
