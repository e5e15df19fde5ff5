"""What may be deployed and is worth a second look: nobody loses a call by it, and a deployment at night must not stop for it."""

import datetime
from collections.abc import Iterator

from answerbook.entries import ENTRIES
from answerbook.proofs import Draft
from answerbook.reach import reachable
from config.settings import Settings


def doubts(settings: Settings, draft: Draft) -> Iterator[str]:
    """A line for each, as mistakes are told."""
    yield from _past_days(settings, datetime.datetime.now(datetime.UTC).date())
    yield from _unused_answers(settings, draft)


def _past_days(settings: Settings, today: datetime.date) -> Iterator[str]:
    """Days of a year that is over: the calendar was probably not brought up to date."""
    for name, calendar in settings.calendar.items():
        for key, days in (("holidays", calendar.holidays), ("days", tuple(calendar.days))):
            for day in days:
                if len(day) == len("2027-01-01") and day < today.isoformat():
                    at = settings.place("calendar", name, key, value=day)
                    yield f"{at}: calendar.{name}.{key}: {day} is over; write the next one, or leave the year out if it returns each year"


def _unused_answers(settings: Settings, draft: Draft) -> Iterator[str]:
    """Answers to which no rule leads."""
    strangers = {f"#{document.place}" for document in draft.documents.values()} | set(draft.steps)
    starts = [node for node in strangers if _answer(node) in (settings.unverified.voice, settings.unverified.sms)]
    used = {_answer(node) for node in reachable(draft.edges, *ENTRIES, *starts)}
    for name in settings.answer:
        if name not in used:
            yield f"{settings.place('answer', name)}: answer.{name}: no rule leads to this answer; name it in one, or remove it"


def _answer(node: str) -> str:
    """The answer that a step or document belongs to."""
    return node.removeprefix("#").partition("/")[0]
