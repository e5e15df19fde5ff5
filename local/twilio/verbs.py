"""The verbs that talk to whoever is on the line, or end the call.

Sources: the verbs' pages under https://www.twilio.com/docs/voice/twiml, and its changelog (2024-03-11: an empty
<Say> answers no more than <Pause> does; <Play> sends no parameters. 2023-06-01: <Play> collects cookies, but not in
<Gather>).
"""

from urllib.parse import urldefrag, urljoin
from xml.etree.ElementTree import Element

from local.twilio import audio
from local.twilio.call import LONGEST, Call, CallEnded
from local.twilio.documents import Document
from local.twilio.documents import audio as audio_of
from local.twilio.error import TwilioError
from local.twilio.exchange import Ask
from local.twilio.execution import Verb

_WORDS_A_SECOND = 2.5


def say(call: Call, _document: Document, verb: Element) -> None:
    """Speaks; 150 words a minute."""
    text = " ".join("".join(verb.itertext()).split())
    if not text:
        return
    call.answer()
    for _ in _times(verb):
        call.hear("say", text, max(len(text.split()) / _WORDS_A_SECOND, 0.5))


def play(call: Call, document: Document, verb: Element) -> None:
    """Fetches audio and plays it. Raises TwilioError when it cannot be had."""
    call.answer()
    if verb.get("digits"):
        call.hear("digits", verb.get("digits", ""), len(verb.get("digits", "")) * 0.5)
    source = (verb.text or "").strip()
    if source:
        _play(call, address(document, source), verb, cookies=verb in list(document.root))


def pause(call: Call, _document: Document, verb: Element) -> None:
    """Waits in silence; does not answer a ringing call."""
    call.hear("silence", "", float(whole(verb, "length", 1)))


def redirect(_call: Call, document: Document, verb: Element) -> Ask:
    """Another document takes over. Nothing is sent with the request but the call's own parameters."""
    return Ask(address(document, (verb.text or "").strip()), verb.get("method", "POST"), {}, "redirect")


def hangup(call: Call, _document: Document, _verb: Element) -> None:
    """Ends the call. Raises CallEnded."""
    if call.platform.undocumented.hangup_answers:
        call.answer()
    call.ended_by = "hangup"
    raise CallEnded


def reject(call: Call, document: Document, verb: Element) -> None:
    """Refuses a ringing call if it is the first verb; ends any other. Raises CallEnded."""
    first = next(iter(document.root)) is verb
    call.ended_by = "hangup"
    if call.status == "ringing" and (first or call.platform.undocumented.late_reject_rejects):
        busy = verb.get("reason") == "busy"
        call.status, call.ended_by = "busy" if busy else "no-answer", "reject"
        call.hear("busy" if busy else "not in service", "", 3.0)
    call.answer()
    raise CallEnded


def address(document: Document, reference: str) -> str:
    """A URL of a document, resolved against the document's own; overrides after its # are not inherited."""
    return urljoin(urldefrag(document.url).url, reference)


def whole(verb: Element, name: str, default: int) -> int:
    """An attribute that is a whole number; nonsense was warned of (12200) and counts as absent."""
    text = verb.get(name, "")
    return int(text) if text.isdecimal() else default


def _times(verb: Element) -> range:
    """`loop`; 0 goes on until somebody hangs up."""
    return range(whole(verb, "loop", 1) or int(LONGEST))


def _play(call: Call, url: str, verb: Element, cookies: bool) -> None:
    exchange = call.request(Ask(url, "GET", {}, "media"), bare=True, cookies=cookies)
    try:
        if exchange.error or exchange.reply is None:
            raise exchange.error or TwilioError(11200, "no answer")
        sound = audio_of(exchange.reply)
    except TwilioError as error:
        exchange.error = error.at(url)
        call.platform.note(error, exchange, call.sid)
        if call.platform.undocumented.play_error_is_fatal:
            raise
        return
    for _ in _times(verb):
        call.hear("play", url, max(audio.seconds(sound), 0.5))


PROMPTS: dict[str, Verb] = {"Say": say, "Play": play, "Pause": pause}
ENDINGS: dict[str, Verb] = {"Hangup": hangup, "Reject": reject}
