"""<Gather>: prompts, then listens for keys or words.

Sources: https://www.twilio.com/docs/voice/twiml/gather; the TwiML changelog of 2024-02-09 (`finishOnKey` ends it even
as the first key). Without input it goes on with the next verb, or with `actionOnEmptyResult` to its action.
"""

from xml.etree.ElementTree import Element

from local.twilio import audio
from local.twilio.call import Call
from local.twilio.documents import Document
from local.twilio.exchange import Ask
from local.twilio.verbs import PROMPTS, address, whole


def gather(call: Call, document: Document, verb: Element) -> Ask | None:
    """The request of the action with Digits or SpeechResult, or None when there was no input."""
    call.answer()
    for prompt in verb:
        if prompt.tag in PROMPTS:
            PROMPTS[prompt.tag](call, document, prompt)
    kinds = verb.get("input", "dtmf").split()
    heard = _keys(call, verb) if "dtmf" in kinds else {}
    if not heard and "speech" in kinds:
        heard = _speech(call)
    if not heard:
        return _nothing(call, document, verb, kinds)
    return _action(document, verb, heard)


def _keys(call: Call, verb: Element) -> dict[str, str]:
    typed = call.press()
    digits, complete = _collected(typed, verb.get("finishOnKey", "#"), whole(verb, "numDigits", 0))
    call.spend(len(typed) * 0.5)
    if typed and not complete:
        call.hear("silence", "", float(whole(verb, "timeout", 5)))
    return {"Digits": digits} if digits else {}


def _collected(typed: str, finish: str, most: int) -> tuple[str, bool]:
    """The digits that count, and whether <Gather> knew that no more would come."""
    digits = ""
    for key in typed:
        if key in finish:
            return digits, True
        digits += key
        if len(digits) == most:
            return digits, True
    return digits, False


def _speech(call: Call) -> dict[str, str]:
    if not call.script.says:
        return {}
    call.spend(audio.seconds(audio.speech(call.script.says)))
    return {"SpeechResult": call.script.says, "Confidence": "0.9"}


def _nothing(call: Call, document: Document, verb: Element, kinds: list[str]) -> Ask | None:
    call.hear("silence", "", float(whole(verb, "timeout", 5)))
    if verb.get("actionOnEmptyResult") != "true":
        return None
    empty = {"Digits": ""} if "dtmf" in kinds and call.platform.undocumented.empty_digits_are_sent else {}
    return _action(document, verb, empty)


def _action(document: Document, verb: Element, heard: dict[str, str]) -> Ask:
    return Ask(address(document, verb.get("action", "")), verb.get("method", "POST"), heard, "action")
