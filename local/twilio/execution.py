"""Plays documents one after the other until none is left, the call ends, or nothing can be had any more.

Source: https://www.twilio.com/docs/voice/twilio-voice-failover-best-practices (when the fallback fails too, the caller
hears Twilio's own message).
"""

from collections.abc import Callable, Mapping
from xml.etree.ElementTree import Element

from local.twilio.call import TWILIOS_OWN_ERROR, Call, CallEnded, HungUp
from local.twilio.documents import Document
from local.twilio.error import TwilioError
from local.twilio.exchange import Ask
from local.twilio.fallback import fallback
from local.twilio.schema import is_known

Verb = Callable[[Call, Document, Element], Ask | None]
"""Executes an element; says which document takes over, or None to go on with the next verb."""


class NotPlayedError(NotImplementedError):
    """A verb that Twilio knows and this stand-in does not execute."""


def run(call: Call, ask: Ask, verbs: Mapping[str, Verb]) -> None:
    """Executes TwiML from this request on; `call.ended_by` says how it ended. Raises HungUp for another party."""
    following: Ask | None = ask
    try:
        while following:
            following = _step(call, following, verbs)
        call.ended_by = "document"
    except TwilioError:
        _apologise(call)
    except CallEnded:
        pass
    except HungUp as gone:
        if gone.who is not call:
            raise


def _step(call: Call, ask: Ask, verbs: Mapping[str, Verb]) -> Ask | None:
    try:
        return play(call, call.ask(ask), verbs)
    except TwilioError as error:
        used = any(each.ask.purpose == "fallback" for each in call.exchanges)
        return fallback(call.handler, ask, error, call.platform.undocumented, used=used)


def play(call: Call, document: Document, verbs: Mapping[str, Verb]) -> Ask | None:
    """Elements that the schema check complained about are passed over; they cost a warning, not the call."""
    for element in document.root:
        if element.tag in verbs:
            _check(element)
            call.begin(element.tag)
            following = verbs[element.tag](call, document, element)
            if following:
                return following
        elif is_known(element.tag, "voice"):
            raise NotPlayedError(f"the stand-in for Twilio does not play <{element.tag}> here")
    return None


_NOT_PLAYED = {
    ("Dial", "record"): {"do-not-record", "false"},
    ("Record", "transcribe"): {"false"},
    ("Number", "statusCallback"): set(),
    ("Number", "machineDetection"): set(),
    ("Sip", "statusCallback"): set(),
    ("Client", "statusCallback"): set(),
}
"""Attributes whose effect would be missed if they were passed over, and the values that have none."""


def _check(verb: Element) -> None:
    for element in verb.iter():
        for name, value in element.attrib.items():
            if value not in _NOT_PLAYED.get((element.tag, name), {value}):
                raise NotPlayedError(f"the stand-in for Twilio does not play <{element.tag} {name}={value!r}>")


def _apologise(call: Call) -> None:
    call.ended_by = "error"
    call.answer()
    try:
        call.hear("error", TWILIOS_OWN_ERROR, 6.0)
    except HungUp as gone:
        if gone.who is not call:
            raise
        call.ended_by = "error"
