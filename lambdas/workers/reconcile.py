"""`reconcile`: every few minutes, what Twilio knows and we do not, and what waits and is due.

Each chore stands alone: one that fails is counted and does not keep the others from their work; it is done again in the next run, because
how far each has come is noted in the table. An event `{"since": "2026-11-21T00:00:00Z"}` looks at an earlier time once more, and
`{"only": "confirm_claims"}` does one chore, which cannot wait as long as the others.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html
"""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.answer.journal import NAMESPACE
from lambdas.workers import alerts
from lambdas.workers.access_log import AccessLog
from lambdas.workers.alerts import Alerts, Hosts
from lambdas.workers.asking import Asking
from lambdas.workers.aws import QUICK, SEARCHING
from lambdas.workers.call_events import CallEvents
from lambdas.workers.calls import Calls, event_of
from lambdas.workers.claims import Claims
from lambdas.workers.events import ANSWERED, FAILURE, Item, write, write_new
from lambdas.workers.gaps import Gaps
from lambdas.workers.missing import SETTLED, Missing
from lambdas.workers.progress import Progress
from lambdas.workers.tasks import Recording, body_of, queue
from lambdas.workers.texts import Texts
from lambdas.workers.transport import Deadline
from lambdas.workers.twilio_api import Keys, TwilioApi
from lambdas.workers.twilio_regions import Home
from lambdas.workers.voicemails import COLLECT, FINISH, HEAR, NEXT, Voicemails, stamp

ENVIRONMENT = os.environ["FALLBACK_ENVIRONMENT"]
QUEUE_URL = os.environ["QUEUE_URL"]
ACCOUNTS = os.environ["ACCOUNTS"].split()
TRUNKS = os.environ["TRUNKS"] == "true"

CHORE_SECONDS = 120.0
ASK_SECONDS = 60.0  #: for alerts, for calls and for texts, each, of all accounts together
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
ALERTS = Alerts(TABLE, TWILIO, HOSTS, DAYS)
LOGS = boto3.client("logs", config=SEARCHING)
VOICE_LOG, MESSAGING_LOG = (AccessLog(LOGS, os.environ[name], os.environ["STATIC_PATTERN"]) for name in ("VOICE_LOG", "MESSAGING_LOG"))
CALLS = Calls(TABLE, TWILIO, Gaps(TABLE, VOICE_LOG.static_answers, "voice"), CALL_EVENTS, DAYS[0])
CLAIMS = Claims(TABLE, TWILIO, DAYS[0])
TEXTS = Texts(TABLE, TWILIO, Gaps(TABLE, MESSAGING_LOG.static_answers, "sms"), DAYS)
UNASKED: set[str] = set()  #: accounts of which Twilio could not be asked in this chore

Chore = Callable[[datetime, datetime | None], None]


@METRICS.log_metrics
def handler(event: dict[str, Any], _: LambdaContext) -> None:
    """One run of all chores, or of one."""
    now = datetime.now(UTC)
    since = datetime.fromisoformat(event["since"]) if event.get("since") else None
    chores = [chore for chore in CHORES if event.get("only") in (None, chore.__name__)]
    failed = [chore.__name__ for chore in chores if not done(chore, now, since)]
    count("ChoresFailed", len(failed))


def done(chore: Chore, now: datetime, since: datetime | None) -> bool:
    """Whether a chore could be done. Who could not be asked is counted at once: a Twilio that hangs may take the run all its time."""
    UNASKED.clear()
    try:
        chore(now, since)
    except Exception:  # the boundary of one item of a batch
        LOGGER.exception("a chore failed", extra={"chore": chore.__name__})
        return False
    finally:
        for account in sorted(UNASKED):
            count_unasked(account)
    return True


def queue_due(now: datetime, _: datetime | None) -> None:
    """Queue again what waits and is due, and count what is late: without a file an hour after it was announced."""
    late = 0
    for todo in (COLLECT, HEAR, FINISH):
        for item in VOICEMAILS.waiting(todo):
            if todo == FINISH and not item.get(NEXT):
                VOICEMAILS.finish_no_more(item)
            late += todo == COLLECT and datetime.fromisoformat(item["announced_at"]) < now - LATE
            if item.get(NEXT) and item[NEXT] <= stamp(now) and VOICEMAILS.lease(item, now + AGAIN):
                queue(SQS, QUEUE_URL, [item["task"]])
    count("VoicemailsLate", late)


def queue_missing(now: datetime, since: datetime | None) -> None:
    """Announce and queue the recordings of calls that we answered and whose callback never came."""
    asking(CHORE_SECONDS).each(lambda home, deadline: queue_missing_of(home, now, since, deadline))


def asking(seconds: float) -> Asking:
    """Every account, in each of its Regions."""
    return Asking([home for account in ACCOUNTS for home in TWILIO.keys.homes(account)], seconds, UNASKED)


def queue_missing_of(home: Home, now: datetime, since: datetime | None, deadline: Deadline) -> None:
    """The same for one account. Asked for a time, all of it is seen, and what was just recorded too."""
    for begin, end in MISSING.windows(home, since, now if since else now - SETTLED):
        count("RecordingsFound", sum(queued(recording, now) for recording in MISSING.within(home, begin, end, deadline)))


def queued(recording: Recording, now: datetime) -> int:
    """Announce and queue a recording of which nothing told us; how many that were."""
    VOICEMAILS.announce(recording, now)
    return queue(SQS, QUEUE_URL, [body_of(recording)])


def queue_missing_by_trunk(now: datetime, since: datetime | None) -> None:
    """Every hour, the same for calls of trunks whose lines were lost, and write who called."""
    if TRUNKS:
        asking(CHORE_SECONDS).each(lambda home, deadline: queue_missing_by_trunk_of(home, now - alerts.SETTLED, since, deadline))


def queue_missing_by_trunk_of(home: Home, until: datetime, since: datetime | None, deadline: Deadline) -> None:
    """The same for one account; at once where we are told since when."""
    begin = since or MISSING.trunks_since(home, until)
    if begin is None:
        return
    found = MISSING.by_trunk(home, begin, until, deadline)
    keep([event_of(call, ANSWERED, DAYS[0]) for _, call in found])
    count("RecordingsFound", sum(queued(recording, until) for recording, _ in found))
    MISSING.trunks(home).came_to(until)


def confirm_claims(now: datetime, since: datetime | None) -> None:
    """Write what Twilio confirms of requests that nobody vouched for, at once: an outage may begin by it; and count it for the alarm."""
    asking(ASK_SECONDS).each(lambda home, deadline: confirm_claims_of(home, now, since, deadline))


def confirm_claims_of(home: Home, now: datetime, since: datetime | None, deadline: Deadline) -> None:
    """The same for one account."""
    progress = mark("claims", home)
    for begin, end in windows(since or progress.since(now), now):
        found = CLAIMS.within(home, begin, end, deadline)
        keep(found)
        count("Refused", len(found))
        progress.came_to(end)


def ask_alerts(now: datetime, since: datetime | None) -> None:
    """Write what Twilio's alerts say of webhooks that never came to us, and count those of our own that failed."""
    asking(ASK_SECONDS).each(lambda home, deadline: ask_alerts_of(home, now, since, deadline))


def ask_alerts_of(home: Home, now: datetime, since: datetime | None, deadline: Deadline) -> None:
    """The same for one account. Each alert is counted when it is written: whatever happens at the next, nobody comes back to it."""
    progress, settled = mark("alerts", home), now - alerts.SETTLED
    for begin, end in windows(since or progress.since(settled), now if since else settled):
        for moment, items in ALERTS.within(home, begin, end, deadline, progress):
            keep(items)
            count("FallbackFailures", sum(item.get("kind") == FAILURE for item in items))
            progress.came_to(min(moment, settled))
        progress.came_to(min(end, settled))


def ask_calls(now: datetime, since: datetime | None) -> None:
    """Write how calls ended, and which calls nobody took."""
    for begin, end, homes in rounds("calls", now, since):
        keep(CALLS.within(begin, end, homes))


def ask_texts(now: datetime, since: datetime | None) -> None:
    """Write the texts that nobody got, where no alert has told of them: it knows more, and the index may not show yet what it told. The
    original goes first, so that there is no event without one."""
    for begin, end, homes in rounds("texts", now, since):
        write_new(DYNAMODB, TABLE.name, reversed(TEXTS.within(begin, end, homes)))


def rounds(chore: str, now: datetime, since: datetime | None) -> Iterator[tuple[datetime, datetime, Asking]]:
    """The windows of a chore that joins what all accounts say, and whom to ask: those that have come equally far.

    What has not settled yet is looked at again by the next run."""
    everybody, settled = asking(ASK_SECONDS), now - alerts.SETTLED
    begins = {home: since or mark(chore, home).since(settled) for home in everybody.homes}
    for begin in sorted(set(begins.values())):
        together = everybody.only(home for home in everybody.homes if begins[home] == begin)
        for start, end in windows(begin, now if since else settled):
            if together.is_over():
                break
            yield start, end, together
            for home in together.homes:
                mark(chore, home).came_to(min(end, settled))


def mark(chore: str, home: Home) -> Progress:
    """How far a chore has come with an account: none keeps the others back."""
    return Progress(TABLE, f"{chore}#{home.name}")


def windows(begin: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """One window after the other."""
    while begin < until:
        yield begin, (begin := min(begin + alerts.WINDOW, until))


def keep(items: list[Item]) -> None:
    """Write items; the same ones again do no harm."""
    write(DYNAMODB, TABLE.name, items)


def count(name: str, number: int) -> None:
    """Count what there is: a metric of zeros would cost as much all month."""
    if number:
        METRICS.add_metric(name, MetricUnit.Count, number)


def count_unasked(account: str) -> None:
    """Count, by its name, an account of which Twilio could not be asked."""
    with single_metric("AccountUnasked", MetricUnit.Count, 1, namespace=NAMESPACE) as metric:
        metric.add_dimension("Environment", ENVIRONMENT)
        metric.add_dimension("Account", account)


CHORES: tuple[Chore, ...] = (queue_due, confirm_claims, queue_missing, queue_missing_by_trunk, ask_alerts, ask_calls, ask_texts)
