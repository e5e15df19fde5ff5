"""Who looked at what: a line in a log group of its own for each view of whole numbers, each message heard, each hand-back and erasure.

It is written before anything is shown, so whoever may not write it sees nothing; nobody can change or delete a line of it. It holds SIDs,
never numbers. https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from ops.deployment import Deployment, explained
from ops.options import PRODUCTION, EnvironmentOption, JsonOption, RegionsOption, SinceOption
from ops.period import Period
from ops.screen import out

Noted = dict[str, Any]  #: time, who, what, about, region


def note(deployment: Deployment, what: str, about: str = "") -> None:
    """Note that the person at the keyboard does something. Raises OpsError."""
    line = {"who": who(deployment), "what": what} | ({"about": about} if about else {})
    stream = f"{datetime.now(UTC):%Y-%m-%d}/{uuid.uuid4().hex}"
    group, logs = deployment["AuditGroupName"], deployment.client("logs")
    with explained("the audit trail, without which nothing private is shown"):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        event = {"timestamp": time.time_ns() // 1_000_000, "message": json.dumps(line)}
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])


def who(deployment: Deployment) -> str:
    """The last part of the caller's ARN: a user's name, or a role's and its session's."""
    with explained("who you are"):
        arn: str = deployment.client("sts").get_caller_identity()["Arn"]
    return arn.partition("/")[2] or arn.rpartition(":")[2]


def trail(deployments: Sequence[Deployment], period: Period) -> Iterator[Noted]:
    """What was noted, newest first."""
    yield from sorted((noted for deployment in deployments for noted in noted_in(deployment, period)), key=lambda each: -each["at"])


def noted_in(deployment: Deployment, period: Period) -> Iterator[Noted]:
    """What was noted in one region."""
    span = {"startTime": int(period.start.timestamp() * 1000), "endTime": int(period.end.timestamp() * 1000)}
    with explained("the audit trail"):
        for page in (
            deployment.client("logs").get_paginator("filter_log_events").paginate(logGroupName=deployment["AuditGroupName"], **span)
        ):
            for event in page["events"]:
                yield {"at": event["timestamp"], **json.loads(event["message"]), "region": deployment.region}


def audit(
    since: SinceOption = None, as_json: JsonOption = False, environment: EnvironmentOption = PRODUCTION, region: RegionsOption = None
) -> None:
    """Who saw numbers, heard voicemails, handed back or erased.

    Example:

        fallback audit --since 7d
    """
    deployments = [Deployment.find(environment, name) for name in region or (None,)]
    for noted in trail(deployments, Period.of(since or "7d", None, None, datetime.now(UTC))):
        moment = datetime.fromtimestamp(noted.pop("at") / 1000, UTC)
        told = f"{moment:%Y-%m-%d %H:%M:%S}  {noted['who']}  {noted['what']}  {noted.get('about', '')}".rstrip()
        out.print(json.dumps({"time": moment.isoformat(), **noted}) if as_json else told, markup=False)
