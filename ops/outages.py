"""Outages, read off the events: one begins with the first request after fifteen quiet minutes, and ends with the last before as many.

The same rule as the messages to on-call follow (`lambdas/workers/outage.py`); derived anew, it holds for any period.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from lambdas.workers.error_codes import explain
from lambdas.workers.events import ANSWERED, FAILURE, MISSED, Item
from lambdas.workers.hand_back import LOST
from lambdas.workers.timeline import is_fallback, is_message
from ops.history import History
from ops.period import Period

QUIET = timedelta(minutes=15)
DAY = timedelta(days=1)
LONGEST = 3  #: days before a period in which the beginning of an outage is looked for
TRUNK = "trunk"  #: stands where Twilio gives no code: a trunk's disaster recovery


@dataclass
class Outage:
    """From the first to the last request that the primary did not take, and who was answered meanwhile."""

    begin: datetime
    end: datetime
    calls: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    messages: set[str] = field(default_factory=set)
    codes: Counter[str] = field(default_factory=Counter)
    urls: Counter[str] = field(default_factory=Counter)

    def add(self, event: Item) -> None:
        """Count an event of its time."""
        if is_message(event):
            self.messages.add(event["pk"])
        elif is_fallback(event):
            (self.texts if event["medium"] == "sms" else self.calls).add(event["pk"])
        if is_error(event):
            self.codes[code_of(event)] += 1
            self.urls[url_of(event)] += 1

    def with_its_own(self, earlier: Iterable[Item]) -> "Outage":
        """The same with the messages of its calls that bear an earlier time: Twilio tells the whole second in which a recording began."""
        self.messages |= {event["pk"] for event in earlier if is_message(event) and event["pk"] in self.calls}
        return self

    def is_on(self, now: datetime) -> bool:
        """Whether it may still be going on."""
        return now - self.end < QUIET

    @property
    def length(self) -> timedelta:
        """From the first to the last request."""
        return self.end - self.begin

    @property
    def facts(self) -> dict[str, Any]:
        """As JSON."""
        counts = {"calls": len(self.calls), "texts": len(self.texts), "messages": len(self.messages)}
        span = {"begin": self.begin.isoformat(), "end": self.end.isoformat()}
        return span | counts | {"codes": dict(self.codes), "urls": dict(self.urls)}


def is_error(event: Item) -> bool:
    """Whether a request of Twilio's failed: at the primary, at a whole trunk, or here, where `reconcile` learned of it."""
    failed = bool(event.get("error_code")) or event.get("entry") == "trunk"
    return event.get("kind") in (LOST, FAILURE) or (event.get("kind") in ("request", MISSED, ANSWERED) and failed)


def code_of(event: Item) -> str:
    """Twilio's error code; `trunk` for a call that a trunk's disaster recovery URL took: Twilio gives those no code."""
    return event.get("error_code") or TRUNK


def url_of(event: Item) -> str:
    """The address that failed, without its query, or the trunk."""
    return str(event.get("error_url") or f"trunk {event.get('trunk') or '?'}").partition("?")[0]


def meaning(code: str) -> str:
    """What a code means and what to try first; Twilio's page where it is not known here."""
    if code == TRUNK:
        return "No SIP server of the trunk took the call. Try to reach one of them from outside your network."
    told = explain(code)
    return f"{told.meaning} {told.first}" if told.meaning else told.page


def outages(events: Iterable[Item]) -> Iterator[Outage]:
    """The outages among events that come newest first, newest first. A message belongs to the request before it, or to its own call's."""
    current: Outage | None = None
    later: list[Item] = []
    for event in events:
        later.append(event)
        if not is_fallback(event):
            continue
        when = moment_of(event)
        if current and current.begin - when > QUIET:
            yield current.with_its_own(later)
            current = None
        current = current or Outage(when, when)
        current.begin = when
        for each in later:
            if moment_of(each) - when <= QUIET:
                current.add(each)
        later.clear()
    if current:
        yield current.with_its_own(later)


def with_earlier(history: History, events: Iterable[Item], start: datetime, last: bool = False) -> Iterator[Item]:
    """These events, which go back to `start`, and before it those of the outage that was on then; or, if wanted so, of the last one."""
    after: datetime | None = None  #: the request after this event
    for event in chain(events, before(history, start)):
        when = moment_of(event)
        if when < start and (not last if after is None else after - when > QUIET):
            return
        after = when if is_fallback(event) else after
        yield event


def before(history: History, start: datetime) -> Iterator[Item]:
    """The events before a moment, newest first: of a day, and of the day before it where an outage may have been on when that day began."""
    for _ in range(LONGEST):
        earlier, last = start - DAY, None
        for event in history.events(Period(earlier, start - timedelta(microseconds=1)), may_stop=True):
            last = moment_of(event)
            yield event
        if last is None or last - earlier > QUIET:
            return
        start = earlier


def moment_of(event: Item) -> datetime:
    """When it happened."""
    return datetime.fromisoformat(event["time"])
