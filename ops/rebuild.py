"""`fallback rebuild`: what the table lacks, out of the journal group, through the same code as `record`: events, and recordings to collect.

Writing an event again changes nothing, and a recording is stored once however often it is queued, so a period may be rebuilt as often as
one likes.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import Annotated, Any

import typer
from rich.progress import track

from config.deployed import Deployed
from lambdas.answer.journal import MARK
from lambdas.workers.events import Item, Line, NotAJournalLine, items_of, line_in, write
from lambdas.workers.tasks import Task, body_of, queue, tasks_of
from lambdas.workers.voicemails import key_of
from ops.deployment import Deployment, OpsError, explained
from ops.options import PRODUCTION, DryRunOption, EnvironmentOption, JsonOption, RegionOption
from ops.period import moment
from ops.screen import err, out
from ops.words import count
from stacks.alarms import LOSSES

KEYS_A_READ = 100  #: of BatchGetItem
ALARM = "alarm"  #: instead of a time: as far back as the alarms say


def rebuild(
    since: Annotated[str, typer.Option(help="how far back: 2h, 3d, 2026-11-21T02:40, or `alarm`: before the alarms went off")],
    environment: EnvironmentOption = PRODUCTION,
    region: RegionOption = None,
    dry_run: DryRunOption = True,
    as_json: JsonOption = False,
) -> None:
    """Write events that the table lacks, out of the journal group. Queue recordings it does not know; a dry run unless told otherwise.

    Examples:

        fallback rebuild --since 3h

        fallback rebuild --since alarm

        fallback rebuild --since 2026-11-21T02:00 --no-dry-run
    """
    deployment = Deployment.find(environment, region)
    start = first_loss(deployment) if since == ALARM else moment(since, datetime.now(UTC))
    known = list(readable(track(lines(deployment, start), "reading the journal", console=err, transient=True)))
    read = list(items(known, deployment.deployed))
    lacking, unheard = list(missing(deployment, read)), list(uncollected(deployment, known))
    counts = {"journal": len(read), "missing": len(lacking), "written": 0, "uncollected": len(unheard), "queued": 0, "dry_run": dry_run}
    if not dry_run:
        counts["written"] = sum(track(written(deployment, lacking), "writing", console=err, transient=True))
        counts["queued"] = collect(deployment, unheard)
    if as_json:
        print(json.dumps(counts))
        return
    out.print(f"{count(len(read), 'item')} in the journal since {start:%Y-%m-%d %H:%M} UTC")
    out.print(f"{len(lacking)} missing in the table, {counts['written']} written")
    out.print(f"{count(len(unheard), 'file')} at Twilio that the table does not know, {counts['queued']} queued")
    if dry_run and (lacking or unheard):
        out.print("This was a dry run; to write and queue them add --no-dry-run")


def first_loss(deployment: Deployment) -> datetime:
    """Since when the table may lack events, by the alarms that say so. Raises OpsError where none went off.

    An alarm's text cannot know when it will be read, so its command asks. CloudWatch keeps the history of an alarm for weeks.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
    """
    found = [
        when - timedelta(hours=hours)
        for name, hours in LOSSES.items()
        for when in went_off(deployment, f"fallback-{deployment.environment}-{name}")
    ]
    if not found:
        raise OpsError(f"none of the alarms {', '.join(LOSSES)} went off lately: say how far back, as in --since 3h")
    return min(found)


def went_off(deployment: Deployment, alarm: str) -> Iterator[datetime]:
    """When an alarm went off, as far back as CloudWatch knows."""
    pages = deployment.client("cloudwatch").get_paginator("describe_alarm_history")
    with explained(f"the history of the alarm {alarm}"):
        for page in pages.paginate(AlarmName=alarm, HistoryItemType="StateUpdate"):
            for each in page["AlarmHistoryItems"]:
                if json.loads(each["HistoryData"])["newState"]["stateValue"] == ALARM.upper():
                    yield each["Timestamp"]


def lines(deployment: Deployment, start: datetime) -> Iterator[str]:
    """The journal's lines since a moment, oldest first, page by page."""
    pages = deployment.client("logs").get_paginator("filter_log_events")
    asked = {"logGroupName": deployment["JournalGroupName"], "filterPattern": f'"{MARK}"', "startTime": int(start.timestamp() * 1000)}
    with explained(f"the journal group {deployment['JournalGroupName']}"):
        for page in pages.paginate(**asked):
            yield from (event["message"] for event in page["events"])


def readable(texts: Iterable[str]) -> Iterator[Line]:
    """The journal lines among texts; what is none is passed over, as `record` does."""
    for text in texts:
        try:
            yield line_in(text)
        except NotAJournalLine:
            continue


def items(known: Iterable[Line], deployed: Deployed) -> Iterator[Item]:
    """The items of journal lines."""
    for line in known:
        yield from items_of(line, deployed.events_days, deployed.originals_days)


def missing(deployment: Deployment, found: Iterable[Item]) -> Iterator[Item]:
    """Those that the table does not have; what has expired already is not brought back."""
    client, table, now = deployment.client("dynamodb"), deployment["EventTableName"], datetime.now(UTC).timestamp()
    unexpired = {(item["pk"], item["sk"]): item for item in found if item["expires"] > now}
    for keys in batched(unexpired, KEYS_A_READ, strict=False):
        there = stored(client, table, keys)
        yield from (unexpired[key] for key in keys if key not in there)


def uncollected(deployment: Deployment, known: Iterable[Line]) -> Iterator[Task]:
    """The recordings and media of journal lines that nobody has heard of yet: they have no item."""
    client, table = deployment.client("dynamodb"), deployment["EventTableName"]
    tasks = {(str(key["pk"]), str(key["sk"])): task for line in known for task in tasks_of(line) for key in [key_of(task)]}
    for keys in batched(tasks, KEYS_A_READ, strict=False):
        there = stored(client, table, keys)
        yield from (tasks[key] for key in keys if key not in there)


def stored(client: Any, table: str, keys: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of these keys the table has."""
    wanted = {
        table: {"Keys": [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in keys], "ProjectionExpression": "pk, sk", "ConsistentRead": True}
    }
    there: set[tuple[str, str]] = set()
    while wanted:
        answer = client.batch_get_item(RequestItems=wanted)
        there |= {(item["pk"]["S"], item["sk"]["S"]) for item in answer["Responses"].get(table, [])}
        wanted = answer.get("UnprocessedKeys") or {}
    return there


def written(deployment: Deployment, found: list[Item]) -> Iterator[int]:
    """Write items, and say after each batch how many."""
    client = deployment.client("dynamodb")
    for batch in batched(found, 25, strict=False):
        yield write(client, deployment["EventTableName"], batch)


def collect(deployment: Deployment, found: Iterable[Task]) -> int:
    """Queue what is to be collected, and return how many."""
    return queue(deployment.client("sqs"), deployment["VoicemailQueueUrl"], (body_of(task) for task in found))
