"""<Dial>: calls others, lets them hear a whisper, bridges, and says at the end how it went.

Sources: https://www.twilio.com/docs/voice/twiml/dial, .../number, .../sip, .../client; the TwiML changelog of
2020-12-09 (DialBridged; a whisper that hangs up or rejects makes DialCallStatus "completed"; <Dial> never in a whisper; with
answerOnBridge the caller's call keeps ringing until bridged) and 2023-06-01 (parent and child share no cookies); the
error pages 13201 (what a whisper may hold) and 13214 (whose number may be shown).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from local.twilio.call import Call, Dialled, HungUp
from local.twilio.documents import Document
from local.twilio.error import TwilioError
from local.twilio.exchange import Ask
from local.twilio.execution import Verb, run
from local.twilio.fallback import Handler
from local.twilio.gather import gather
from local.twilio.parameters import call_parameters, is_e164
from local.twilio.people import Answers, Busy, Callee, Caller, Mailbox, NoAnswer, Unreachable
from local.twilio.platform import new_sid
from local.twilio.verbs import ENDINGS, PROMPTS, address, redirect, whole
from local.twilio.waiting import conference

_BUSY_AFTER, _UNREACHABLE_AFTER = 2.0, 1.0


@dataclass(frozen=True)
class _Target:
    """Somebody to call: the address as the callee's own request shows it, and who is behind it."""

    to: str
    noun: Element
    callee: Callee


def dial(call: Call, document: Document, verb: Element) -> Ask | None:
    """The request of the action; None to go on with the next verb. Raises HungUp when the caller went."""
    if verb.get("answerOnBridge") != "true":
        call.answer()
    try:
        outcome = _outcome(call, document, verb)
    except HungUp:
        _abandoned(call, document, verb)
        raise
    call.dialled.append(outcome)
    return _action(call, document, verb, outcome)


def _outcome(call: Call, document: Document, verb: Element) -> Dialled:
    if (room := verb.find("Conference")) is not None:
        return conference(call, verb, room)
    targets = _targets(call, verb)
    shown = verb.get("callerId") or call.parameters["From"]
    if not targets or not _may_show(call, verb, shown, targets):
        return Dialled(targets[0].to if targets else "", "failed")
    groups = [[each] for each in targets] if verb.get("sequential") == "true" else [targets]
    for group in groups:
        outcome = _ring(call, document, verb, group, shown)
        if outcome.sid:
            break
    return outcome


def _targets(call: Call, verb: Element) -> list[_Target]:
    """The nouns, ten at most; a text alone is a number."""
    nouns = [each for each in verb if each.tag in {"Number", "Sip", "Client"}]
    plain = (verb.text or "").strip()
    if plain and not nouns:
        nouns = [Element("Number")]
        nouns[0].text = plain
    return [_Target(to, noun, call.script.callees.get(to, NoAnswer())) for noun in nouns[:10] for to in [_to(noun)]]


def _to(noun: Element) -> str:
    text = (noun.text or "").strip()
    if noun.tag == "Client":
        return "client:" + (text or (noun.findtext("Identity") or "").strip())
    return text.partition("?")[0] if noun.tag == "Sip" else "".join(each for each in text if each not in " -().")


def _may_show(call: Call, verb: Element, shown: str, targets: list[_Target]) -> bool:
    """A number may be shown to a telephone if it is the caller's, the called one, the account's or verified (13214)."""
    if not any(each.noun.tag == "Number" for each in targets):
        return True
    if verb.get("callerId") is None and not call.parameters["From"].startswith(("client:", "sip:")):
        return is_e164(shown) or not call.platform.undocumented.foreign_caller_id_fails
    if shown in {call.parameters["From"], call.parameters["To"], *call.platform.caller_ids} and is_e164(shown):
        return True
    call.warn(13214, f"callerId {shown!r} is neither the caller's nor the account's")
    return False


def _ring(call: Call, document: Document, verb: Element, targets: list[_Target], shown: str) -> Dialled:
    """All at once: the first to pick up stays, the others stop ringing."""
    patience = float(whole(verb, "timeout", 30))
    picking = [(each.callee.after, each) for each in targets if isinstance(each.callee, Answers | Mailbox)]
    picking = [each for each in picking if each[0] < patience]
    if not picking:
        return _nobody(call, targets, patience)
    after, target = min(picking, key=lambda each: each[0])
    call.hear("ringing", target.to, after)
    return _answered(call, document, verb, target, shown)


def _nobody(call: Call, targets: list[_Target], patience: float) -> Dialled:
    kinds = {type(each.callee) for each in targets}
    if kinds <= {Busy, Unreachable}:
        busy = Busy in kinds
        call.hear("ringing", targets[0].to, _BUSY_AFTER if busy else _UNREACHABLE_AFTER)
        return Dialled(targets[0].to, "busy" if busy else "failed")
    call.hear("ringing", targets[0].to, patience)
    return Dialled(targets[0].to, "no-answer")


def _answered(call: Call, document: Document, verb: Element, target: _Target, shown: str) -> Dialled:
    leg = _leg(call, target, shown)
    answered = call.line.now
    bridged = _whisper(call, document, leg, target)
    if bridged:
        call.answer()
        _talk(call, verb, target)
    leg.status = "completed"
    status = "completed" if bridged else call.platform.undocumented.refused_whisper_status
    return Dialled(target.to, status, bridged, round(call.line.now - answered), leg.sid, leg)


def _leg(call: Call, target: _Target, shown: str) -> Call:
    known = call_parameters(call.platform.account_sid, new_sid("CA"), shown, target.to, direction="outbound-dial")
    known["ParentCallSid"] = call.sid
    pressed = target.callee.presses if isinstance(target.callee, Answers) else ()
    gone = isinstance(target.callee, Answers) and target.callee.hangs_up_in_whisper
    script = Caller(digits=(pressed,) if isinstance(pressed, str) else pressed, hangs_up_after=0.0 if gone else None)
    return Call(call.platform, known, Handler(""), script, status="in-progress", parent=call)


def _whisper(call: Call, document: Document, leg: Call, target: _Target) -> bool:
    """Whether the two are connected: a whisper that ends without <Hangup> means yes. It has no fallback."""
    source = target.noun.get("url")
    if not source:
        return True
    run(leg, Ask(address(document, source), target.noun.get("method", "POST"), {}, "whisper"), _whispered(call))
    if leg.ended_by == "error":
        return call.platform.undocumented.failed_whisper_connects
    return leg.ended_by == "document"


def _whispered(call: Call) -> Mapping[str, Verb]:
    """What a whisper may hold; anything else is refused with 13201."""
    allowed: dict[str, Verb] = {"Say": PROMPTS["Say"], "Play": PROMPTS["Play"], "Gather": gather, **ENDINGS}
    others: dict[str, Verb] = {"Pause": PROMPTS["Pause"], "Redirect": redirect}
    if not call.platform.undocumented.whisper_may_pause_and_redirect:
        others = dict.fromkeys(others, _refuse)
    return {**allowed, **others, "Dial": _refuse, "Record": _refuse}


def _refuse(call: Call, document: Document, verb: Element) -> None:
    error = TwilioError(13201, f"<{verb.tag}> in a document for the person who is called", document.url)
    call.exchanges[-1].error = error
    call.platform.note(error, call.exchanges[-1], call.sid)
    raise error


def _talk(call: Call, verb: Element, target: _Target) -> None:
    if isinstance(target.callee, Answers | Mailbox):
        call.hear("talk", target.to, min(target.callee.talks, float(whole(verb, "timeLimit", 14400))))


def _abandoned(call: Call, document: Document, verb: Element) -> None:
    """The caller is gone. The action is still requested, so that the application learns how it ended."""
    last = call.heard[-1]
    if verb.find("Conference") is not None:
        outcome = Dialled(last.what, "answered", last.kind == "talk", round(call.line.now - last.at))
        _told(call, document, verb, outcome)
        return
    outcome = Dialled(last.what, call.platform.undocumented.abandoned_dial_status)
    if last.kind == "talk":
        leg, seconds = call.legs[-1], round(call.line.now - last.at)
        outcome = Dialled(last.what, "completed", True, seconds, leg.sid, leg)
    _told(call, document, verb, outcome)


def _told(call: Call, document: Document, verb: Element, outcome: Dialled) -> None:
    call.dialled.append(outcome)
    call.status = "completed" if call.answered_at is not None else "no-answer"
    following = _action(call, document, verb, outcome)
    if following and call.platform.undocumented.abandoned_dial_asks_action:
        call.tell(following)


def _action(call: Call, document: Document, verb: Element, outcome: Dialled) -> Ask | None:
    if verb.get("action") is None:
        return None
    facts = {"DialCallStatus": outcome.status, "DialCallDuration": str(outcome.seconds)}
    if outcome.sid:
        facts["DialCallSid"] = outcome.sid
    if outcome.bridged or call.platform.undocumented.unbridged_is_said:
        facts["DialBridged"] = "true" if outcome.bridged else "false"
    return Ask(address(document, verb.get("action", "")), verb.get("method", "POST"), facts, "action")
