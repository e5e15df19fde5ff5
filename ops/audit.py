"""Who looked at what: an item in the event table for each view of whole numbers, each message heard, each erasure.

It is written before anything is shown, so whoever may not write it sees nothing. It holds SIDs, never numbers.
"""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

from rich.markup import escape

from lambdas.workers.events import DAY, Item, write
from ops.deployment import Deployment, explained
from ops.history import History, Region
from ops.options import PRODUCTION, EnvironmentOption, JsonOption, RegionsOption, SinceOption
from ops.period import Period, stamp
from ops.screen import out

DAYS = 400  #: for which the trail is kept


def note(deployment: Deployment, what: str, about: str = "") -> None:
    """Note that the person at the keyboard does something. Raises OpsError."""
    now = datetime.now(UTC)
    item: Item = {"pk": f"audit#{now:%Y-%m-%d}", "sk": f"{stamp(now)}#{uuid.uuid4().hex[:8]}", "kind": "audit", "time": stamp(now)}
    item |= {"who": who(deployment), "what": what, "expires": int(now.timestamp()) + DAYS * DAY} | ({"about": about} if about else {})
    with explained("the audit trail, without which nothing private is shown"):
        write(deployment.client("dynamodb"), deployment["EventTableName"], [item])


def who(deployment: Deployment) -> str:
    """The last part of the caller's ARN: a user's name, or a role's and its session's."""
    with explained("who you are"):
        arn: str = deployment.client("sts").get_caller_identity()["Arn"]
    return arn.partition("/")[2] or arn.rpartition(":")[2]


def trail(history: History, period: Period) -> Iterator[Item]:
    """What was noted, newest first."""
    first, last = period.bounds
    for day in period.days():
        found = [item for item in history.under(f"audit#{day}") if first <= item["time"] <= last]
        yield from sorted(found, key=lambda item: str(item["time"]), reverse=True)


def audit(
    since: SinceOption = None, as_json: JsonOption = False, environment: EnvironmentOption = PRODUCTION, region: RegionsOption = None
) -> None:
    """Who saw whole numbers, heard voicemails, handed back or erased.

    Example:

        fallback audit --since 7d
    """
    deployments = [Deployment.find(environment, name) for name in region or (None,)]
    history = History([Region(each.region, each.client("dynamodb"), each["EventTableName"]) for each in deployments])
    for item in trail(history, Period.of(since or "7d", None, None, datetime.now(UTC))):
        told = f"{item['time'][:19]}Z  {item['who']}  {item['what']}  {item.get('about', '')}"
        print(json.dumps(item)) if as_json else out.print(escape(told.rstrip()))
