"""`reconcile`: every few minutes, what Twilio knows and we do not, and what waits and is due.

Each chore stands alone: one that fails is counted and does not keep the others from their work; it is done again in the next run, because
how far each has come is noted in the table. An event `{"since": "2026-11-21T00:00:00Z"}` looks at an earlier time once more.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from lambdas.answer.journal import NAMESPACE
from lambdas.workers.missing import SETTLED, Missing
from lambdas.workers.tasks import body_of, queue
from lambdas.workers.transport import Deadline
from lambdas.workers.twilio_api import Keys, TwilioApi
from lambdas.workers.voicemails import COLLECT, HEAR, NEXT, Voicemails, stamp

ENVIRONMENT = os.environ["FALLBACK_ENVIRONMENT"]
QUEUE_URL = os.environ["QUEUE_URL"]
ACCOUNTS = os.environ["ACCOUNTS"].split()

CHORE_SECONDS = 120.0
LATE = timedelta(hours=1)  #: a message without a file for so long is reported
AGAIN = timedelta(hours=1)  #: what was queued is not queued again before

LOGGER = Logger(service="reconcile")
METRICS = Metrics(namespace=NAMESPACE, service="reconcile")
METRICS.set_default_dimensions(Environment=ENVIRONMENT)
AWS = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 3})
SQS = boto3.client("sqs", config=AWS)
DATABASE = boto3.resource("dynamodb", config=AWS)
TABLE = DATABASE.Table(os.environ["TABLE_NAME"])
VOICEMAILS = Voicemails(TABLE, int(os.environ["VOICEMAIL_DAYS"]))
TWILIO = TwilioApi(Keys(boto3.client("secretsmanager", config=AWS), os.environ["KEYS_SECRET"]))
MISSING = Missing(DATABASE, TABLE, TWILIO, ACCOUNTS)

Chore = Callable[[datetime, datetime | None], None]


@METRICS.log_metrics
def handler(event: dict[str, Any], _: LambdaContext) -> None:
    """One run of all chores."""
    now = datetime.now(UTC)
    since = datetime.fromisoformat(event["since"]) if event.get("since") else None
    failed = [chore.__name__ for chore in CHORES if not done(chore, now, since)]
    count("ChoresFailed", len(failed))


def done(chore: Chore, now: datetime, since: datetime | None) -> bool:
    """Whether a chore could be done."""
    try:
        chore(now, since)
    except Exception:  # the boundary of one item of a batch
        LOGGER.exception("a chore failed", extra={"chore": chore.__name__})
        return False
    return True


def queue_due(now: datetime, _: datetime | None) -> None:
    """Queue again what waits and is due, and count what is late: without a file an hour after it was announced."""
    late = 0
    for todo in (COLLECT, HEAR):
        for item in VOICEMAILS.waiting(todo):
            late += todo == COLLECT and datetime.fromisoformat(item["announced_at"]) < now - LATE
            if item.get(NEXT) and item[NEXT] <= stamp(now) and VOICEMAILS.lease(item, now + AGAIN):
                queue(SQS, QUEUE_URL, [item["task"]])
    count("VoicemailsLate", late)


def queue_missing(now: datetime, since: datetime | None) -> None:
    """Announce and queue the recordings of calls that we answered and whose callback never came. Asked for a time, all of it is seen."""
    found, deadline = 0, Deadline(CHORE_SECONDS)
    until = now if since else now - SETTLED
    for begin, end in MISSING.windows(since or MISSING.since(until), until):
        for recording in MISSING.within(begin, end, deadline):
            VOICEMAILS.announce(recording, now)
            found += queue(SQS, QUEUE_URL, [body_of(recording)])
    count("RecordingsFound", found)


def count(name: str, number: int) -> None:
    """Count what there is: a metric of zeros would cost as much all month."""
    if number:
        METRICS.add_metric(name, MetricUnit.Count, number)


CHORES: tuple[Chore, ...] = (queue_due, queue_missing)
