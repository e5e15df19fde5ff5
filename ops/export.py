"""`fallback export`: the history as a SQLite file, which opens in Datasette, or as JSON lines; however much it is, memory stays flat."""

import json
import sqlite3
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import batched
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.progress import track

from lambdas.workers.error_codes import explain
from lambdas.workers.events import Item, person_of
from lambdas.workers.tasks import NO_ERROR
from ops.deployment import OpsError
from ops.desk import Desk
from ops.options import PRODUCTION, EnvironmentOption, FromOption, RegionsOption, ShowOption, SinceOption, UntilOption
from ops.period import Period
from ops.screen import err, out
from ops.words import count

AT_ONCE = 100  #: events whose whole items are read by one request
COLUMNS = (
    "sid", "time", "kind", "medium", "entry", "trust", "answer", "document", "rule", "caller", "called", "direction", "person",
    "error_code", "error_url", "trunk", "call_status", "state", "seconds", "heard_at", "heard_by", "note", "milliseconds", "region",
    "params",
)  # fmt: skip
#: Columns that bear another name than the attribute: words of SQL, and of people.
NAMES = {"sid": "pk", "rule": "at", "caller": "from", "called": "to", "milliseconds": "ms"}
SCHEMA = f"""
CREATE TABLE error_codes (code TEXT PRIMARY KEY, meaning TEXT, cause TEXT, first TEXT, page TEXT);
CREATE TABLE events ({", ".join(COLUMNS)}, FOREIGN KEY (error_code) REFERENCES error_codes (code));
CREATE INDEX events_time ON events (time);
CREATE INDEX events_sid ON events (sid);
"""


def export(
    sqlite: Annotated[Path | None, typer.Option(help="file to make, for Datasette or any SQL")] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="JSON lines on standard output")] = False,
    since: SinceOption = None,
    begin: FromOption = None,
    until: UntilOption = None,
    show_numbers: ShowOption = False,
    environment: EnvironmentOption = PRODUCTION,
    region: RegionsOption = None,
) -> None:
    """The history as a SQLite file or as JSON lines. Oldest first; 30 days unless told.

    Examples:

        fallback export --sqlite outage.db --since 2d && datasette outage.db

        fallback export --jsonl --from 2026-11-01 > november.jsonl
    """
    if bool(sqlite) == jsonl:
        raise OpsError("choose one: --sqlite FILE or --jsonl")
    if sqlite and sqlite.exists():
        raise OpsError(f"{sqlite} is there already: remove it, or choose another name")
    if sqlite and not sqlite.parent.is_dir():
        raise OpsError(f"there is no folder {sqlite.parent}: make it, or choose another")
    period = Period.of(since or (None if begin else "30d"), begin, until, datetime.now(UTC))
    desk = Desk.open(environment, region, show_numbers, "numbers in an export")
    # Closed here: a generator of rich's that lives on until the interpreter ends waits for its thread for ever.
    with closing(cast("Generator[Item]", track(whole(desk, period), "reading", console=err, transient=True))) as events:
        written = write_sqlite(sqlite, events) if sqlite else write_lines(events)
    err.print(f"{count(written, 'event')} exported")
    if sqlite:
        out.print(f"Open it: datasette {sqlite}, or sqlite3 {sqlite}")


def whole(desk: Desk, period: Period) -> Iterator[Item]:
    """Every item of the timeline with all its attributes, oldest first, as it may be shown."""
    for events in batched(desk.history.events(period, newest_first=False), AT_ONCE, strict=False):
        items = desk.history.items((event["pk"], event["sk"]) for event in events)
        for event in events:
            yield desk.view(items.get((event["pk"], event["sk"]), event))


def write_lines(events: Iterable[Item]) -> int:
    """An object a line; how many."""
    written = 0
    for event in events:
        sys.stdout.write(json.dumps(event) + "\n")
        written += 1
    return written


def write_sqlite(file: Path, events: Iterable[Item]) -> int:
    """A table of events and one of the codes that occurred; how many events. The file is there once it is whole. Raises OpsError."""
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(part)) as database, database:
            written = filled(database, events)
    except sqlite3.Error as error:
        raise OpsError(f"{file} cannot be written ({error}): choose another place") from error
    part.replace(file)
    return written


def filled(database: sqlite3.Connection, events: Iterable[Item]) -> int:
    """Fill an empty database; how many events."""
    written, codes = 0, set[str]()
    insert = f"INSERT INTO events VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - our own column names
    database.executescript(SCHEMA)
    for batch in batched(events, 1000, strict=False):
        codes |= {event["error_code"] for event in batch if event.get("error_code", NO_ERROR) != NO_ERROR}
        database.executemany(insert, [row(event) for event in batch])
        written += len(batch)
    database.executemany("INSERT INTO error_codes VALUES (?, ?, ?, ?, ?)", [code_row(code) for code in sorted(codes)])
    return written


def row(event: Item) -> list[Any]:
    """An event as its columns; what is no plain value as JSON."""
    event = event | {"ms": float(event["ms"])} if "ms" in event else event
    event = event | {"error_code": None} if event.get("error_code") == NO_ERROR else event
    event = event | {"person": person_of(event)}
    values = [event.get(NAMES.get(column, column)) for column in COLUMNS]
    return [json.dumps(value) if isinstance(value, dict | list) else value for value in values]


def code_row(code: str) -> tuple[str, str, str, str, str]:
    """What a code means."""
    told = explain(code)
    return code, told.meaning, told.cause, told.first, told.page
