"""What may be deployed and is worth a second look: nobody loses a call by it, and a deployment at night must not stop for it."""

import datetime
from collections.abc import Iterator

from answerbook import voices
from answerbook.entries import ENTRIES
from answerbook.grammar import Problem
from answerbook.proofs import Draft
from answerbook.reach import reachable
from config.settings import Settings

FAR = 10  #: years ahead for which nobody knows the holidays yet


def doubts(settings: Settings, draft: Draft) -> Iterator[str]:
    """A line for each, as mistakes are told."""
    yield from _odd_days(settings, datetime.datetime.now(datetime.UTC).date())
    yield from _unused_answers(settings, draft)
    yield from _unknown_voices(draft)


def _odd_days(settings: Settings, today: datetime.date) -> Iterator[str]:
    """Days that are over, because the calendar was not brought up to date, or so far ahead that the year is probably mistyped."""
    for name, calendar in settings.calendar.items():
        for key, days in (("holidays", calendar.holidays), ("days", tuple(calendar.days))):
            for day in days:
                at = f"{settings.place('calendar', name, key, value=day)}: calendar.{name}.{key}: {day}"
                if len(day) == len("2027-01-01") and day < today.isoformat():
                    yield f"{at} is in the past; write the next one, or leave the year out if it returns each year"
                elif len(day) == len("2027-01-01") and int(day[:4]) > today.year + FAR:
                    yield f"{at} is more than {FAR} years ahead; is the year right?"


def _unused_answers(settings: Settings, draft: Draft) -> Iterator[str]:
    """Answers to which no rule leads."""
    strangers = {f"#{document.place}" for document in draft.documents.values()} | set(draft.steps)
    starts = [node for node in strangers if _answer(node) in (settings.unverified.voice, settings.unverified.sms)]
    used = {_answer(node) for node in reachable(draft.edges, *ENTRIES, *starts)}
    for name in settings.answer:
        if name not in used:
            yield f"{settings.place('answer', name)}: answer.{name}: no rule leads to this answer; name it in one, or remove it"


def _unknown_voices(draft: Draft) -> Iterator[str]:
    """Voices that Twilio may have and the table has not, once for each place that names them."""
    said = ((document, element) for document in draft.documents.values() for element in document.elements("Say"))
    named = ((document, element.line, element.attributes.get("voice", "")) for document, element in said)
    yield from {draft.told(document, Problem(line, why, voice)) for document, line, voice in named if (why := voices.doubt(voice))}


def _answer(node: str) -> str:
    """The answer that a step or document belongs to."""
    return node.removeprefix("#").partition("/")[0]
