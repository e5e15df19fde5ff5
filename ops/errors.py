"""`fallback errors`: what failed at the primary, newest first, what the codes mean, and how many of each, minute by minute."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from lambdas.answer.addresses import called, normal
from lambdas.workers.events import Item
from ops.deployment import OpsError
from ops.desk import Desk
from ops.follow import Seen, keep_showing
from ops.numbers import off_whatsapp
from ops.options import PRODUCTION, EnvironmentOption, FromOption, JsonOption, RegionsOption, ShowOption, SinceOption, UntilOption
from ops.outages import Outage, code_of, is_error, meaning, moment_of, outages, url_of, with_earlier
from ops.period import Period
from ops.screen import out
from ops.tally import GROUPS, MOST_COLUMNS, Tally, sparkline
from ops.words import clock, count, length

MEDIA = {"voice": ("voice",), "sms": ("sms",), "text": ("sms",), "callback": ("callback",)}
COLUMNS = ("time", "medium", "code", "from", "to", "url", "answer", "rule", "sid", "region")


@dataclass(frozen=True)
class Wanted:
    """Which errors are asked for; what is None is not asked."""

    code: str | None = None
    url: str | None = None
    number: str | None = None
    medium: str | None = None

    def __call__(self, event: Item) -> bool:
        """Whether an event is one of them."""
        return is_error(event) and all(
            (
                self.code in (None, code_of(event)),
                self.url is None or self.url in url_of(event),
                self.number is None or self.number in numbers_of(event),
                self.medium is None or event.get("medium") in MEDIA[self.medium],
            )
        )


def numbers_of(event: Item) -> tuple[str, str]:
    """Who called or wrote, and whom: a person is the same one by WhatsApp."""
    from_, to = (off_whatsapp(str(event.get(name) or "")) for name in ("from", "to"))
    return normal(from_), called(to)


@dataclass
class Found:
    """What a period holds: the newest errors, how many there are, and the outages."""

    newest: list[Item]
    outages: list[Outage]
    count: int = 0

    def counted(self, events: Iterable[Item], matches: Callable[[Item], bool], tallies: Sequence[Tally], limit: int) -> Iterator[Item]:
        """The same events, those that match counted as they pass."""
        for event in events:
            if matches(event):
                self.count += 1
                self.newest += [event] if len(self.newest) < limit else []
                for tally in tallies:
                    tally.add(event)
            yield event


def errors(
    since: SinceOption = None,
    begin: FromOption = None,
    until: UntilOption = None,
    code: Annotated[str | None, typer.Option(help="one error code, as in 11200; `trunk` for dead trunks")] = None,
    url: Annotated[str | None, typer.Option(help="part of the failing address")] = None,
    number: Annotated[str | None, typer.Option(help="caller's or called number, whole")] = None,
    medium: Annotated[str | None, typer.Option(help="voice, sms or callback")] = None,
    group_by: Annotated[str, typer.Option("--group-by", help=f"count by {', '.join(GROUPS)}")] = "code",
    limit: Annotated[int, typer.Option(min=0, help="how many to list; all are counted")] = 30,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="keep printing new ones until Ctrl-C")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="a table for spreadsheets")] = False,
    as_json: JsonOption = False,
    show_numbers: ShowOption = False,
    environment: EnvironmentOption = PRODUCTION,
    region: RegionsOption = None,
) -> None:
    """What failed at the primary, and what the codes mean. Newest first.

    Examples:

        fallback errors --since 2h

        fallback errors --from 2026-11-21T02:00 --until 2026-11-21T04:00 --group-by url

        fallback errors --code 11200 --number +12025550106 --csv > errors.csv

        fallback errors --follow
    """
    if as_csv and as_json:
        raise OpsError("--csv and --json: choose one of them")
    if follow and until:
        raise OpsError("--follow goes on until Ctrl-C: leave --until out")
    period = Period.of(since, begin, until, datetime.now(UTC))
    wanted = Wanted(code, url, number and called(off_whatsapp(number)), checked("medium", medium, MEDIA))
    checked("group-by", group_by, GROUPS)
    desk = Desk.open(environment, region, show_numbers, "numbers in errors")
    seen = Seen(desk, wanted) if follow else None  # before the list: what comes meanwhile may be told twice, and is never left out
    write = writer(desk, as_csv, as_json)
    if as_csv or as_json:
        for event in filter(wanted, desk.history.events(period)):
            write(event)
    else:
        show(desk, period, wanted, group_by, limit)
    if seen:
        with suppress(KeyboardInterrupt):  # how following ends
            keep_showing(seen, write)


def checked(option: str, value: str | None, known: Iterable[str]) -> str | None:
    """The value, if it is known. Raises OpsError."""
    if value is not None and value not in known:
        raise OpsError(f"--{option} {value}: choose one of {', '.join(known)}")
    return value


def show(desk: Desk, period: Period, wanted: Wanted, group_by: str, limit: int) -> None:
    """Outages, groups and the newest, for people."""
    tally = Tally(period, group_by, min(MOST_COLUMNS, out.width // 3))
    found = find(desk, period, wanted, [tally], limit, earlier=True)
    out.print(f"[bold]{desk.title}[/]  {clock(period.start)} to {clock(period.end)} UTC\n")
    if not found.count and wanted != Wanted():
        out.print("No such errors in this period: ask for less (--code, --url, --number, --medium), or further back with `--since 1d`.")
        return
    if not found.count:
        status = desk.command("status")
        out.print(
            f"No errors in this period. `--since 1d` looks further back; `{status}` says whether the recording itself is well.",
            soft_wrap=True,
        )
        return
    for outage in found.outages:
        out.print(outage_line(outage, period.end))
    out.print()
    out.print(groups_table(tally, group_by, desk))
    for line in (*(meanings(tally) if group_by == "code" else ()), "", *newest_lines(found.newest, desk), ""):
        out.print(line)
    if found.count > len(found.newest):
        out.print(f"{count(found.count, 'error')}, the newest {len(found.newest)} shown: --limit shows more, --csv all.")
    out.print(f"The story of one call: {desk.command('call SID')}", soft_wrap=True)


def find(
    desk: Desk,
    period: Period,
    wanted: Wanted,
    tallies: Sequence[Tally] = (),
    limit: int = 0,
    earlier: bool = False,
    last: bool = False,
) -> Found:
    """Read a period once, newest first, and count what is wanted in every tally.

    With `earlier` an outage that was on when the period began is read to its own beginning; and with `last` the last outage of the day
    before is looked for, where the period has none.
    """
    found, events = Found([], []), desk.history.events(period)
    if earlier:
        events = with_earlier(desk.history, events, period.start, last)
    found.outages += outages(found.counted(events, lambda event: moment_of(event) >= period.start and wanted(event), tallies, limit))
    return found


def outage_line(outage: Outage, end: datetime) -> str:
    """An outage in one line; what came after the period's end is not known."""
    now = datetime.now(UTC)
    lasted = now - outage.begin if outage.is_on(now) else outage.length
    going_on = "[bold]still on[/]" if outage.is_on(now) else f"beyond {clock(end)}"
    state = going_on if outage.is_on(end) else f"until {clock(outage.end)}"
    people = f"{count(len(outage.calls), 'call')}, {count(len(outage.texts), 'text')}, {count(len(outage.messages), 'message')}"
    codes = ", ".join(code for code, _ in outage.codes.most_common(3))
    return f"outage  from {clock(outage.begin)} {state}  {length(lasted)}  {people}  {codes}"


def groups_table(tally: Tally, by: str, desk: Desk) -> Table:
    """One row a group with its sparkline, and below a row what a code means."""
    width = length(timedelta(minutes=tally.width))
    table = Table(box=None, pad_edge=False, title=f"one bar is {width}", title_justify="left", title_style="dim")
    for heading in (by, "errors", "when", "last"):
        table.add_column(heading, justify="right" if heading == "errors" else "left", overflow="fold", no_wrap=heading != by)
    for key, group in tally.ranked:
        last = clock(datetime.fromisoformat(group.last))
        table.add_row(f"[bold]{escape(desk.view(key))}[/]", str(group.count), sparkline(tally.columns(group)), last)
    return table


def meanings(tally: Tally) -> Iterator[str]:
    """What each code that occurred means, and what to try first."""
    for code, _ in tally.ranked:
        yield f"[bold]{code:6}[/] {escape(meaning(code))}"


def newest_lines(events: list[Item], desk: Desk) -> Iterator[str]:
    """Two lines an error, which fit on any screen: when, what, who, answered how; below its SID, what failed, and our rule."""
    for event in map(desk.view, events):
        people = f"{event.get('from') or '-'} to {event.get('to') or '-'}"
        when = clock(datetime.fromisoformat(event["time"]))
        yield f"{when}  {event.get('medium'):8} [bold]{code_of(event):6}[/] {escape(people)}  {escape(event.get('answer') or 'no answer')}"
        where = f"{event['pk']}  {url_of(event).removeprefix('https://')}  {event.get('at') or ''}"
        yield f"[dim]{'':{len(when)}}  {escape(where)}[/]"


def facts(event: Item) -> dict[str, Any]:
    """An error for programs."""
    known = {"time": event["time"], "medium": event.get("medium"), "code": code_of(event), "from": event.get("from"), "to": event.get("to")}
    known |= {"url": event.get("error_url"), "answer": event.get("answer"), "rule": event.get("at")}
    return known | {"sid": event["pk"], "region": event["region"]}


def writer(desk: Desk, as_csv: bool, as_json: bool) -> Callable[[Item], object]:
    """How an error is written: a row (the heading is written now), an object, or a line for people."""
    if as_csv:
        rows = csv.DictWriter(sys.stdout, COLUMNS)
        rows.writeheader()
        return lambda event: rows.writerow({name: harmless(value) for name, value in facts(desk.view(event)).items()})
    form = json.dumps if as_json else in_one_line
    return lambda event: print(form(facts(desk.view(event))))


def harmless(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula; a number's plus stays."""
    text = str(value or "")
    return f"'{text}" if text[:1] in ("=", "-", "@", "\t", "\r") or (text[:1] == "+" and not text[1:2].isdigit()) else text


def in_one_line(told: dict[str, Any]) -> str:
    """An error in one line."""
    when, where = clock(datetime.fromisoformat(told["time"])), str(told["url"] or "-").removeprefix("https://")
    people = f"{told['from'] or '-'} to {told['to'] or '-'}"
    return f"{when}  {told['medium']:8} {told['code']:6} {people}  {where}  {told['answer'] or 'no answer'}  {told['sid']}"
