"""`reconcile`: every few minutes, what Twilio knows and we do not, and what waits and is due.

Each chore stands alone: one that fails is counted and does not keep the others from their work; it is done again in the next run, because
how far each has come is noted in the table. An event `{"since": "2026-11-21T00:00:00Z"}` looks at an earlier time once more.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html
"""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from twilio.base.exceptions import TwilioException

from lambdas.answer.journal import NAMESPACE
from lambdas.workers import alerts
from lambdas.workers.access_log import AccessLog
from lambdas.workers.alerts import Alerts, Hosts
from lambdas.workers.aws import QUICK, SEARCHING
from lambdas.workers.call_events import CallEvents
from lambdas.workers.calls import Calls, event_of
from lambdas.workers.events import ANSWERED, FAILURE, Item, write, write_new
from lambdas.workers.gaps import Gaps
from lambdas.workers.missing import SETTLED, Missing
from lambdas.workers.progress import Progress
from lambdas.workers.tasks import Recording, body_of, queue
from lambdas.workers.texts import Texts
from lambdas.workers.transport import Deadline, Unreachable
from lambdas.workers.twilio_api import Keys, NoKey, TwilioApi
from lambdas.workers.voicemails import COLLECT, HEAR, NEXT, Voicemails, stamp

ENVIRONMENT = os.environ["FALLBACK_ENVIRONMENT"]
QUEUE_URL = os.environ["QUEUE_URL"]
ACCOUNTS = os.environ["ACCOUNTS"].split()
TRUNKS = os.environ["TRUNKS"] == "true"

CHORE_SECONDS = 120.0
ASK_SECONDS = 60.0  #: for alerts, for calls and for texts, each
LATE = timedelta(hours=1)  #: a message without a file for so long is reported
AGAIN = timedelta(hours=1)  #: what was queued is not queued again before

LOGGER = Logger(service="reconcile")
METRICS = Metrics(namespace=NAMESPACE, service="reconcile")
METRICS.set_default_dimensions(Environment=ENVIRONMENT)
SQS = boto3.client("sqs", config=QUICK)
DATABASE = boto3.resource("dynamodb", config=QUICK)
DYNAMODB = boto3.client("dynamodb", config=QUICK)
TABLE = DATABASE.Table(os.environ["TABLE_NAME"])
VOICEMAILS = Voicemails(TABLE, int(os.environ["VOICEMAIL_DAYS"]))
TWILIO = TwilioApi(Keys(boto3.client("secretsmanager", config=QUICK), os.environ["KEYS_SECRET"]))
DAYS = (int(os.environ["EVENT_DAYS"]), int(os.environ["ORIGINAL_DAYS"]))
HOSTS = Hosts(
    frozenset(os.environ["PRIMARY_HOSTS"].split()),
    frozenset(os.environ["OWN_HOSTS"].split()),
    tuple(path.strip("/").split("/") for path in os.environ["ASYNCHRONOUS_PATHS"].split()),
)
CALL_EVENTS = CallEvents(TWILIO, HOSTS.own)
MISSING = Missing(DATABASE, TABLE, TWILIO, CALL_EVENTS)
ALERTS = Alerts(TABLE, TWILIO, ACCOUNTS, HOSTS, DAYS)
LOGS = boto3.client("logs", config=SEARCHING)
VOICE_LOG, MESSAGING_LOG = (AccessLog(LOGS, os.environ[name], os.environ["STATIC_PATTERN"]) for name in ("VOICE_LOG", "MESSAGING_LOG"))
CALLS = Calls(TABLE, TWILIO, ACCOUNTS, Gaps(TABLE, VOICE_LOG.static_answers, "voice"), CALL_EVENTS, DAYS[0])
TEXTS = Texts(TABLE, TWILIO, ACCOUNTS, Gaps(TABLE, MESSAGING_LOG.static_answers, "sms"), DAYS)

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
    """Announce and queue the recordings of calls that we answered and whose callback never came. Raises as the last failed account did."""
    each_account(lambda account: queue_missing_of(account, now, since))


def each_account(chore: Callable[[str], None]) -> None:
    """Do something for every account, whatever happens with another. Raises as the last failed account did."""
    failure: Exception | None = None
    for account in ACCOUNTS:
        try:
            chore(account)
        except (NoKey, Unreachable, TwilioException) as error:
            LOGGER.warning("recordings were not listed", extra={"account": account, "reason": str(error)})
            failure = error
    if failure:
        raise failure


def queue_missing_of(account: str, now: datetime, since: datetime | None) -> None:
    """The same for one account. Asked for a time, all of it is seen, and what was just recorded too."""
    found, deadline = 0, Deadline(CHORE_SECONDS / len(ACCOUNTS))
    for begin, end in MISSING.windows(account, since, now if since else now - SETTLED):
        found += sum(queued(recording, now) for recording in MISSING.within(account, begin, end, deadline))
    count("RecordingsFound", found)


def queued(recording: Recording, now: datetime) -> int:
    """Announce and queue a recording of which nothing told us; how many that were."""
    VOICEMAILS.announce(recording, now)
    return queue(SQS, QUEUE_URL, [body_of(recording)])


def queue_missing_by_trunk(now: datetime, since: datetime | None) -> None:
    """Every hour, the same for calls of trunks whose lines were lost, and write who called. Raises as above."""
    if TRUNKS:
        each_account(lambda account: queue_missing_by_trunk_of(account, now - alerts.SETTLED, since))


def queue_missing_by_trunk_of(account: str, until: datetime, since: datetime | None) -> None:
    """The same for one account; at once where we are told since when."""
    begin = since or MISSING.trunks_since(account, until)
    if begin is None:
        return
    found = MISSING.by_trunk(account, begin, until, Deadline(CHORE_SECONDS / len(ACCOUNTS)))
    keep([event_of(call, ANSWERED, DAYS[0]) for _, call in found])
    count("RecordingsFound", sum(queued(recording, until) for recording, _ in found))
    MISSING.trunks(account).came_to(until)


def ask_alerts(now: datetime, since: datetime | None) -> None:
    """Write what Twilio's alerts say of webhooks that never came to us, and count those of our own that failed."""
    progress, deadline, failures = Progress(TABLE, "alerts"), Deadline(ASK_SECONDS), 0
    for begin, end in windows(progress, now, since):
        for moment, items in ALERTS.within(begin, end, deadline):
            keep(items)
            failures += sum(item.get("kind") == FAILURE for item in items)
            progress.came_to(min(moment, now - alerts.SETTLED))
    count("FallbackFailures", failures)


def ask_calls(now: datetime, since: datetime | None) -> None:
    """Write how calls ended, and which calls nobody took."""
    deadline = Deadline(ASK_SECONDS)
    for begin, end in windows(Progress(TABLE, "calls"), now, since):
        keep(CALLS.within(begin, end, deadline))


def ask_texts(now: datetime, since: datetime | None) -> None:
    """Write the texts that nobody got, where no alert has told of them: it knows more, and the index may not show yet what it told. The
    original goes first, so that there is no event without one."""
    deadline = Deadline(ASK_SECONDS)
    for begin, end in windows(Progress(TABLE, "texts"), now, since):
        write_new(DYNAMODB, TABLE.name, reversed(TEXTS.within(begin, end, deadline)))


def windows(progress: Progress, now: datetime, since: datetime | None) -> Iterator[tuple[datetime, datetime]]:
    """The windows of a chore, each noted once it was handled. Asked for a time, all of it is seen, to this moment; what has not settled yet
    is looked at again by the next run."""
    settled = now - alerts.SETTLED
    begin, until = (since, now) if since else (progress.since(settled), settled)
    while begin < until:
        end = min(begin + alerts.WINDOW, until)
        yield begin, end
        progress.came_to(min(end, settled))
        begin = end


def keep(items: list[Item]) -> None:
    """Write items; the same ones again do no harm."""
    write(DYNAMODB, TABLE.name, items)


def count(name: str, number: int) -> None:
    """Count what there is: a metric of zeros would cost as much all month."""
    if number:
        METRICS.add_metric(name, MetricUnit.Count, number)


CHORES: tuple[Chore, ...] = (queue_due, queue_missing, queue_missing_by_trunk, ask_alerts, ask_calls, ask_texts)
