"""`fallback` alone: is there an outage, are callers answered, what waits for somebody, and what to type next."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.markup import escape

from config.version import version
from lambdas.workers.events import Item
from lambdas.workers.hand_back import REPLAY
from lambdas.workers.voicemails import COLLECT, HEAR
from ops.deployment import OpsError, explained
from ops.desk import Desk
from ops.options import PRODUCTION, EnvironmentOption, JsonOption, RegionsOption
from ops.outages import Outage, meaning, outages, with_earlier
from ops.period import Period
from ops.screen import out
from ops.words import clock, count, length
from stacks.alarms import PRIMARY_FAILING

LOOK_BACK = timedelta(days=1)
UNANSWERED = frozenset({"unreachable", "static", "wrong", "unverified"})  #: faults of a test request that callers would meet too
SILENT = timedelta(minutes=5)  #: after which the probe, due every minute, has stopped


@dataclass(frozen=True)
class State:
    """Everything that the first screen says."""

    now: datetime
    outage: Outage | None  #: the last one of a day
    hear: int  #: voicemails that nobody has heard
    collect: int  #: voicemails on their way from Twilio
    replays: int  #: hand-backs that did not end well
    primary: list[Item]  #: the health addresses
    probe: Item | None  #: the last test request
    alarms: list[str]
    blind: str  #: why the alarms could not be read

    @classmethod
    def read(cls, desk: Desk, now: datetime, last: Outage | None) -> "State":
        """As the table and CloudWatch have it; `last` is the last outage."""
        waiting = {todo: sum(1 for _ in desk.history.waiting(todo)) for todo in (HEAR, COLLECT, REPLAY)}
        primary = list(desk.history.under("primary", "health#"))
        probe = desk.history.latest("probe")
        ringing, blind = alarms(desk)
        return cls(now, last, waiting[HEAR], waiting[COLLECT], waiting[REPLAY], primary, probe, ringing, blind)

    @property
    def is_on(self) -> bool:
        """Whether callers come to the fallback."""
        return bool(self.outage and self.outage.is_on(self.now))

    @property
    def primary_words(self) -> str:
        """How the primary is, as far as anybody asked it."""
        if not self.primary:
            return "nobody asks it: name its health addresses in [primary] health"
        return "; ".join(f"{health(item)}: {address_of(item)} ({item.get('seen', '?')})" for item in self.primary)

    @property
    def fallback_is_well(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.alarms and not self.blind and bool(self.probe) and not self.probe_is_late and not self.faults

    @property
    def faults(self) -> list[str]:
        """What the last test request found fault with."""
        return (self.probe or {}).get("faults") or []

    @property
    def probe_fails(self) -> bool:
        """Whether it has to be doubted that callers are answered."""
        return self.probe_is_late or not UNANSWERED.isdisjoint(self.faults)

    @property
    def probe_is_late(self) -> bool:
        """Whether the test requests have stopped."""
        return bool(self.probe) and self.now - datetime.fromisoformat((self.probe or {})["time"]) > SILENT

    @property
    def fallback_words(self) -> str:
        """How the fallback itself is."""
        alarmed = f"ALARM: {', '.join(self.alarms)}" if self.alarms else ""
        return "; ".join(part for part in (alarmed, self.blind, self.probe_words) if part)

    @property
    def probe_words(self) -> str:
        """What the last test request found."""
        if not self.probe:
            return "no test request on record: is the probe deployed, and has it run?"
        ago = length(self.now - datetime.fromisoformat(self.probe["time"]))
        if self.probe_is_late:
            return f"the test requests have STOPPED: the last one was {ago} ago"
        if self.faults:
            return f"the test request {ago} ago FAILED: {', '.join(self.faults)}"
        return f"answered a test request {ago} ago in {self.probe.get('milliseconds', '?')} ms"

    def next(self, desk: Desk) -> Iterator[tuple[str, str]]:
        """What to type, and what for."""
        if self.outage and self.is_on:
            yield desk.command(f"errors --from {self.outage.begin:%Y-%m-%dT%H:%M}"), "what fails, and what to try"
        elif self.outage:
            yield desk.command("replay --since 1d"), "what the primary missed, without sending anything"
        if self.hear:
            yield desk.command("voicemails list"), "who called, and what they said"
        if self.replays:
            yield desk.command("replay --unknown"), "hand-backs that were cut off"
        if not self.fallback_is_well:
            yield "docs/runbook.md", "a section for each alarm"
        yield desk.command("console"), "all of this in a browser"

    @property
    def facts(self) -> dict[str, Any]:
        """As JSON."""
        outage = self.outage.facts | {"on": self.is_on} if self.outage else None
        primary = [{"address": address_of(item), "well": is_well(item), "seen": item.get("seen")} for item in self.primary]
        waiting = {"to_hear": self.hear, "to_collect": self.collect, "replays": self.replays}
        return {"outage": outage, "waiting": waiting, "primary": primary, "fallback_well": self.fallback_is_well, "alarms": self.alarms}


def address_of(item: Item) -> str:
    """The address that a health item is about."""
    return str(item["sk"].partition("#")[2])


def is_well(item: Item) -> bool:
    """Whether the last request to a health address was answered well; `well` alone is what was announced, after several in a row."""
    return bool(item["well"]) == (not item.get("contrary"))


def health(item: Item) -> str:
    """How an address is: `up`, `DOWN`, or what its last answers say against what was announced."""
    if not (contrary := int(item.get("contrary") or 0)):
        return "up" if item["well"] else "DOWN"
    return f"{'up again' if is_well(item) else 'FAILING'}, {count(contrary, 'time')} in a row"


def alarms(desk: Desk) -> tuple[list[str], str]:
    """The alarms of the stack that ring, in every region, but for the one that says that the primary fails: that is no fault of ours. Where
    they cannot be read, why: the rest of the screen must not wait for them."""
    ringing, asked = [], {"StateValue": "ALARM", "AlarmNamePrefix": f"fallback-{desk.environment}-"}
    try:
        for deployment in desk.deployments:
            with explained("the alarms cannot be read"):
                found = deployment.client("cloudwatch").describe_alarms(**asked)
            ringing += [alarm["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for alarm in found.get(kind, [])]
    except OpsError as error:
        return [], str(error)
    return sorted(name for name in ringing if not name.endswith(f"-{PRIMARY_FAILING}")), ""


def state(environment: EnvironmentOption = PRODUCTION, region: RegionsOption = None, as_json: JsonOption = False) -> None:
    """Is there an outage, what waits, what to type next. The same as `fallback` alone.

    Examples:

        fallback

        fallback status --json
    """
    desk = Desk.open(environment, region)
    now = datetime.now(UTC)
    period = Period.last(LOOK_BACK, now)
    events = desk.history.events(period, may_stop=True)
    last = next(outages(with_earlier(desk.history, events, period.start)), None)
    found = State.read(desk, now, last)
    if as_json:
        print(json.dumps(found.facts))
        return
    out.print(f"[bold]{desk.title}[/]  {clock(found.now)} UTC\n")
    for line in (*headline(found), "", *rows(found), *versions(desk), ""):
        out.print(line)
    out.print("Next")
    for command, purpose in found.next(desk):
        out.print(f"  [bold]{escape(command)}[/]\n      {purpose}", soft_wrap=True)


def versions(desk: Desk) -> Iterator[str]:
    """Where another version is deployed than that of this command."""
    for deployment in desk.deployments:
        if (deployed := deployment.outputs.get("Version", "an older version")) != version():
            yield f"Version     {escape(deployed)} is deployed in {deployment.region}, this command is of {version()}"


def headline(found: State) -> Iterator[str]:
    """What callers experience, first."""
    outage = found.outage
    if not outage:
        yield "[bold]No outage[/]: nobody came to the fallback in the last 24 hours."
        return
    people = f"{count(len(outage.calls), 'call')} and {count(len(outage.texts), 'text')}", count(len(outage.messages), "message")
    if outage.is_on(found.now):
        yield f"[bold reverse] OUTAGE [/] since {clock(outage.begin)}, {length(found.now - outage.begin)}."
        if not found.probe_fails:
            yield f"Callers ARE being answered: {people[0]} answered, {people[1]} left."
        else:
            yield f"{people[0]} came to the fallback, {people[1]} left. [bold]But its own test requests FAIL: see below.[/]"
    else:
        yield f"[bold]No outage[/] now. The last one: {clock(outage.begin)} to {clock(outage.end)}; {people[0]} answered, {people[1]} left."
    for code, times in outage.codes.most_common(2):
        yield f"  [bold]{code}[/] {count(times, 'time')}: {escape(meaning(code))}"


def rows(found: State) -> Iterator[str]:
    """The rest, a line each."""
    yield f"Primary     {escape(found.primary_words)}"
    yield f"Fallback    {'well: ' if found.fallback_is_well else ''}{escape(found.fallback_words)}"
    yield f"Voicemails  {found.hear or 'none'} to be heard" + (f", {found.collect} on their way from Twilio" if found.collect else "")
    if found.replays:
        yield f"Hand-back   {count(found.replays, 'message')} of which it is not known whether they arrived, or which did not"
