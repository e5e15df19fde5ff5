"""`fallback voicemails opt-outs`: who asked for no more texts, or for texts again, and when: for whoever answers for consent."""

import csv
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from lambdas.workers.events import Item
from lambdas.workers.opt_outs import KIND
from ops.desk import Desk
from ops.options import PRODUCTION, EnvironmentOption, FromOption, JsonOption, RegionsOption, SinceOption, UntilOption
from ops.period import Period
from ops.screen import err
from ops.words import count

COLUMNS = ("time", "number", "wrote_to", "word", "text")


def opt_outs(
    since: SinceOption = None,
    begin: FromOption = None,
    until: UntilOption = None,
    as_json: JsonOption = False,
    environment: EnvironmentOption = PRODUCTION,
    region: RegionsOption = None,
) -> None:
    """Who opted out of texts, or in again, as CSV. Oldest first; 30 days unless told.

    It shows whole numbers, which the audit trail notes. `word` is stop or start: the last one of a number counts. Twilio blocks a number
    that opted out by itself, but of a short code, of WhatsApp and of other words than Twilio's only this list tells.

    Examples:

        fallback voicemails opt-outs --since 10d > opt_outs.csv

        fallback voicemails opt-outs --from 2026-11-21T02:00 --until 2026-11-21T04:00 --json
    """
    period = Period.of(since or (None if begin else "30d"), begin, until, datetime.now(UTC))
    desk = Desk.open(environment, region, True, "the list of opt-outs")
    found = [row(event) for event in listed(desk, period)]
    if as_json:
        for each in found:
            print(json.dumps(each))
    else:
        writer = csv.DictWriter(sys.stdout, COLUMNS)
        writer.writeheader()
        writer.writerows(found)
    err.print(f"{count(len(found), 'text')} that changed consent", markup=False)


def listed(desk: Desk, period: Period) -> Iterator[Item]:
    """The texts of a period that changed consent, oldest first."""
    return (event for event in desk.history.events(period, newest_first=False) if event["kind"] == KIND)


def row(event: Item) -> dict[str, Any]:
    """One of them."""
    known = {"time": event["time"], "number": event["from"], "wrote_to": event["to"], "word": event["state"]}
    return known | {"text": event.get("sid", "")}
