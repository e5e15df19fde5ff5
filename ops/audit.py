"""Who looked at what: an item in the event table for each view of whole numbers, each message heard, each erasure.

It is written before anything is shown, so whoever may not write it sees nothing. It holds SIDs, never numbers.
"""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

from lambdas.workers.events import DAY, Item, write
from ops.deployment import Deployment, explained
from ops.history import History
from ops.period import Period, stamp

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
