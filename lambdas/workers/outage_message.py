"""What people are told of an outage: what callers experience first, then why, then the next command, then the page of the runbook."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from lambdas.workers.command import command_line
from lambdas.workers.error_codes import explain
from lambdas.workers.events import Item
from lambdas.workers.publication import attributes_of, subject_of
from lambdas.workers.timeline import is_fallback, is_message

MOST_LISTED = 5  #: codes and URLs in a message
RUNBOOK = "docs/runbook.md, The primary is failing"


@dataclass
class Figures:
    """What happened in an outage: calls and texts by their SIDs, each code and URL once a call."""

    since: datetime
    calls: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    voicemails: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    urls: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, events: Iterable[Item], since: datetime) -> Self:
        """The figures of these events, in order of time; `since` is used where there are none."""
        figures, seen, left = cls(since), set[tuple[str, str, str]](), list[str]()
        for event in events:
            if is_message(event):
                left.append(event["pk"])
            if is_fallback(event):
                figures.take(event, seen)
        figures.voicemails = sum(call in figures.calls for call in left)  # one of an earlier call may be announced late
        return figures

    def take(self, event: Item, seen: set[tuple[str, str, str]]) -> None:
        """One request."""
        if not self.calls and not self.texts:
            self.since = datetime.fromisoformat(event["time"])
        (self.texts if event["medium"] == "sms" else self.calls).add(event["pk"])
        code, url = event.get("error_code", ""), event.get("error_url", "").partition("?")[0]
        if (code or url) and (event["pk"], code, url) not in seen:
            seen.add((event["pk"], code, url))
            self.codes.update([code] if code else [])
            self.urls.update([url] if url else [])

    @property
    def counted(self) -> str:
        """`12 calls, 3 voicemails, 1 text`."""
        numbers = ((len(self.calls), "call"), (self.voicemails, "voicemail"), (len(self.texts), "text"))
        return ", ".join(f"{number} {noun}{'' if number == 1 else 's'}" for number, noun in numbers)


def message(figures: Figures, until: datetime | None, environment: str) -> dict[str, Any]:
    """The arguments of `publish` but for the topic; `until` is None while the outage lasts."""
    subject = f"{'over' if until else 'callers come to the fallback'}: {figures.counted} since {clock(figures.since)}"
    lines = [*(ended(figures, until) if until else begun(figures)), "", *reasons(figures), *steps(environment, until)]
    return written(environment, subject, lines, "end" if until else "begin")


def without_figures(environment: str) -> dict[str, Any]:
    """The same for a beginning of which the alarm alone knows: the event table cannot be used."""
    lines = [
        "Callers ARE being answered, by the fallback. They do not reach the primary.",
        "The event table cannot be used, so there are no figures yet. What happens waits, and is written once the table is back.",
    ]
    return written(
        environment, "callers come to the fallback; the event table cannot be used", [*lines, "", *steps(environment, None)], "begin"
    )


def written(environment: str, subject: str, lines: list[str], state: str) -> dict[str, Any]:
    """The arguments of `publish`."""
    return {
        "Subject": subject_of(f"[{environment}] {subject}"),
        "Message": "\n".join(lines),
        "MessageAttributes": attributes_of({"kind": "outage", "state": state, "environment": environment}),
    }


def begun(figures: Figures) -> list[str]:
    """The first lines of the first message."""
    known = figures.counted if figures.calls or figures.texts else "the first request just came"
    return [f"Callers ARE being answered, by the fallback: {known} since {when(figures.since)}.", "They do not reach the primary."]


def ended(figures: Figures, until: datetime) -> list[str]:
    """The first lines of the second message."""
    minutes = int((until - figures.since).total_seconds() // 60)
    lasted = f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
    return [
        "It is over: callers reach the primary again. Nobody has come to the fallback for 15 minutes.",
        f"The fallback answered {figures.counted}, from {when(figures.since)} to {when(until)} ({lasted}).",
    ]


def reasons(figures: Figures) -> list[str]:
    """What failed: codes with their meaning and page, and addresses, the most frequent first."""
    lines = []
    for code, number in figures.codes.most_common(MOST_LISTED):
        found = explain(code)
        lines += [f"{number} x error {found.line}", *([f"    {found.first}"] if found.first else []), f"    {found.page}"]
    lines += [f"{number} x {url}" for url, number in figures.urls.most_common(MOST_LISTED)]
    return [*lines, ""] if lines else []


def steps(environment: str, until: datetime | None) -> list[str]:
    """What to type next, and where to read on."""
    return [f"Next:      {command_line('voicemails list' if until else 'status', environment)}", f"Runbook:   {RUNBOOK}"]


def when(moment: datetime) -> str:
    """`02:41 UTC on 21 November 2026`."""
    return f"{clock(moment)} on {moment.day} {moment:%B %Y}"


def clock(moment: datetime) -> str:
    """`02:41 UTC`."""
    return f"{moment:%H:%M} UTC"
