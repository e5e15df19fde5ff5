"""What is valid TwiML and still goes wrong with callers on the line.

Kept apart from `grammar.check`: Twilio accepts all of this. Each piece of advice follows from what the verb's page
under https://www.twilio.com/docs/voice/twiml says happens next.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise

from answerbook import markup
from answerbook.grammar import Problem
from answerbook.markup import Element, MarkupError
from answerbook.twiml import Medium

#: Seconds; longer ones need an account with calls of 24 hours. https://www.twilio.com/docs/voice/twiml/dial#timelimit
#: `collect` stores files of up to 400 MB: four hours of WAV are 230.
LONGEST_FILE = 14_400


def advice(document: str, medium: Medium) -> list[Problem]:
    """What a careful author would change in `document`, by line; empty for what is no XML, which `check` reports."""
    try:
        root = markup.parse(document)
    except MarkupError:
        return []
    problems = list(_unreachable(root.children))
    for position, verb in enumerate(root.children):
        last = position == len(root.children) - 1
        counsel = _COUNSEL.get(verb.name) if medium == "voice" or verb.name == "Redirect" else None
        problems += [Problem(verb.line, message) for message in (counsel(verb, position == 0, last) if counsel else ())]
    return sorted([*problems, *_endless(root)])


def _endless(root: Element) -> Iterator[Problem]:
    """What is said or played for ever: https://www.twilio.com/docs/voice/twiml/say#loop."""
    for element in root.descendants():
        if element.name in ("Say", "Play") and element.attributes.get("loop") == "0":
            yield Problem(element.line, f'<{element.name} loop="0"> goes on until somebody hangs up; say how often, as in loop="3"')


def _unreachable(verbs: list[Element]) -> Iterator[Problem]:
    """The first verb after one that never hands back."""
    for verb, following in pairwise(verbs):
        if why := _never_returns(verb):
            yield Problem(following.line, f"<{following.name}> is never reached: {why} (line {verb.line})")
            return


def _never_returns(verb: Element) -> str | None:
    if verb.name in ("Hangup", "Reject", "Redirect", "Leave"):
        return f"nothing after <{verb.name}> is carried out"
    if verb.name == "Dial" and "action" in verb.attributes:
        return "after <Dial action> Twilio goes on with what the action answers"
    if verb.name == "Gather" and verb.attributes.get("actionOnEmptyResult") == "true":
        return 'after <Gather actionOnEmptyResult="true"> Twilio goes on with what the action answers'
    return None


def _record(verb: Element, _first: bool, _last: bool) -> Iterator[str]:
    if "action" not in verb.attributes:
        yield "<Record> without action requests this document again, so the recording never ends; set action"
    if "recordingStatusCallback" not in verb.attributes:
        yield "<Record> without recordingStatusCallback: nobody is told when the recording can be fetched"
    if "maxLength" not in verb.attributes:
        yield "<Record> without maxLength may last an hour: timeout does not count while no audio arrives at all"
    if _seconds(verb, "maxLength") > LONGEST_FILE:
        yield f"<Record maxLength> over {LONGEST_FILE} s: most accounts' calls end after four hours, and a longer file cannot be fetched"


def _gather(verb: Element, _first: bool, last: bool) -> Iterator[str]:
    if "action" not in verb.attributes:
        yield "<Gather> without action requests this document again, so the caller goes in a circle; set action"
    if last and verb.attributes.get("actionOnEmptyResult") != "true":
        yield ('a caller who presses nothing is cut off: let a verb follow <Gather>, or set actionOnEmptyResult="true"')


def _dial(verb: Element, _first: bool, last: bool) -> Iterator[str]:
    if "action" not in verb.attributes:
        then = "the call ends, answered or not" if last else "the next verb follows, even after a conversation"
        yield f"<Dial> without action: when it is over, {then}; set action"


def _seconds(verb: Element, attribute: str) -> int:
    """What an attribute says; 0 where it says nothing that is known when it is written."""
    value = verb.attributes.get(attribute, "")
    return int(value) if value.isdecimal() else 0


def _redirect(verb: Element, _first: bool, _last: bool) -> Iterator[str]:
    if not verb.text.strip():
        yield "<Redirect> without a URL requests this document again, for ever"


def _reject(_verb: Element, first: bool, _last: bool) -> Iterator[str]:
    if not first:
        yield "<Reject> refuses a call only as the first verb of a call that nobody has answered"


_COUNSEL: dict[str, Callable[[Element, bool, bool], Iterator[str]]] = {
    "Record": _record,
    "Gather": _gather,
    "Dial": _dial,
    "Redirect": _redirect,
    "Reject": _reject,
}
