"""<Enqueue> and <Dial><Conference>: waiting with music until somebody comes, or nobody does.

Sources: https://www.twilio.com/docs/voice/twiml/enqueue (QueueResult, QueueSid, QueueTime; the document of `waitUrl` is asked for again
when it ends, and <Leave> in it leaves the queue), .../conference (the music, DialCallStatus "answered"). Who comes is in `Caller.meets`, by
the name of the queue or conference. TaskRouter is not played.
"""

from collections.abc import Mapping
from xml.etree.ElementTree import Element

from local.twilio.call import LONGEST, Call, Dialled, HungUp
from local.twilio.documents import Document
from local.twilio.error import TwilioError
from local.twilio.exchange import Ask
from local.twilio.execution import NotPlayedError, Verb, play
from local.twilio.gather import gather
from local.twilio.people import Answers
from local.twilio.verbs import ENDINGS, PROMPTS, address, redirect, whole


class _Left(Exception):
    """The document of `waitUrl` said <Leave>."""


def enqueue(call: Call, document: Document, verb: Element) -> Ask | None:
    """The request of the action; None to go on with the next verb. Raises HungUp when the caller went."""
    if verb.get("workflowSid"):
        raise NotPlayedError("the stand-in for Twilio does not play <Enqueue workflowSid>")
    call.answer()
    name, begin = (verb.text or "").strip(), call.line.now
    try:
        result = _queued(call, document, verb, name, begin)
    except HungUp:
        if following := _action(call, document, verb, name, "hangup", begin):
            call.tell(following)
        raise
    return _action(call, document, verb, name, result, begin)


def _queued(call: Call, document: Document, verb: Element, name: str, begin: float) -> str:
    """How somebody got out of a queue."""
    agent, wait = call.script.meets.get(name), verb.get("waitUrl")
    try:
        while wait and (agent is None or call.line.now - begin < agent.after):
            _wait(call, Ask(address(document, wait), verb.get("waitUrlMethod", "POST"), _place(call, name, begin), "wait"))
    except _Left:
        return "leave"
    except TwilioError:
        return "error"
    # Where nobody comes the caller leaves, or Twilio ends the call after four hours.
    call.hear("hold", name, max(0.0, begin + agent.after - call.line.now) if agent else LONGEST + 1)
    call.hear("talk", name, agent.talks if agent else 0.0)
    return "bridged"


def _wait(call: Call, ask: Ask | None) -> None:
    """One document of `waitUrl`, and those to which it leads. Raises _Left, TwilioError."""
    while ask:
        ask = play(call, call.ask(ask), _WAITING)


def _leave(_call: Call, _document: Document, _verb: Element) -> None:
    raise _Left


_WAITING: Mapping[str, Verb] = {**PROMPTS, "Gather": gather, "Redirect": redirect, "Hangup": ENDINGS["Hangup"], "Leave": _leave}


def _place(call: Call, name: str, begin: float) -> dict[str, str]:
    known = {"QueueSid": call.platform.queue(name), "QueueTime": str(round(call.line.now - begin))}
    return {**known, "QueuePosition": "1", "AvgQueueTime": known["QueueTime"], "CurrentQueueSize": "1"}


def _action(call: Call, document: Document, verb: Element, name: str, result: str, begin: float) -> Ask | None:
    if verb.get("action") is None:
        return None
    facts = {"QueueResult": result, "QueueSid": call.platform.queue(name), "QueueTime": str(round(call.line.now - begin))}
    return Ask(address(document, verb.get("action", "")), verb.get("method", "POST"), facts, "action")


def conference(call: Call, verb: Element, noun: Element) -> Dialled:
    """How a conference went for this caller: music until it starts, talk until the other one leaves. Raises HungUp, and CallEnded."""
    call.answer()
    name, longest = (noun.text or "").strip(), float(whole(verb, "timeLimit", 14400))
    other = call.script.meets.get(name)
    if not other or other.after >= longest:
        call.hear("hold", name, longest)
        return Dialled(name, "answered", seconds=round(longest))
    return _met(call, name, other, longest)


def _met(call: Call, name: str, other: Answers, longest: float) -> Dialled:
    begin = call.line.now
    call.hear("hold", name, other.after)
    call.hear("talk", name, min(other.talks, longest - other.after))
    return Dialled(name, "answered", bridged=True, seconds=round(call.line.now - begin))
