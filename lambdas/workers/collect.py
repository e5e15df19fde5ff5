"""`collect`: from a task in the queue to a verified file in our bucket, people told, and only then, if so set, deleted at Twilio.

    announce the item -> fetch, check -> store -> read back -> note `stored` -> claim, notify, note -> delete, note

A worker may die between any two of these steps: the task comes again, and each step finds out whether it was done. What fails is tried
again within the hour by the queue, its message hidden for longer each time; after that `next_attempt` is noted in the item, the message
is let go, and `reconcile` queues it again. The dead-letter queue gets only what could not even be noted.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import json
import os
import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from io import BufferedIOBase
from typing import Any, cast

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.answer.journal import NAMESPACE
from lambdas.workers import media, notification, recordings
from lambdas.workers.asking import CANNOT_BE_ASKED
from lambdas.workers.aws import MOVING, QUICK, TELLING
from lambdas.workers.bucket import Bucket
from lambdas.workers.events import Item, as_stored
from lambdas.workers.recordings import Fetched, Format, NotYet
from lambdas.workers.tasks import Media, Recording, Task, task_in
from lambdas.workers.transport import Deadline
from lambdas.workers.twilio_api import Keys, TwilioApi
from lambdas.workers.voicemails import ELSEWHERE, FAILED, OPEN, STORED, WAITING, Voicemails

ENVIRONMENT = os.environ["FALLBACK_ENVIRONMENT"]
QUEUE_URL = os.environ["QUEUE_URL"]
TOPIC = os.environ["TOPIC_ARN"]
FORMAT = cast(Format, os.environ["FORMAT"])
SHORTEST = int(os.environ["SHORTEST_SECONDS"])
DELETE_AT_TWILIO = os.environ["DELETE_AT_TWILIO"] == "true"

FETCH_SECONDS = 60.0
ASK_SECONDS = 10.0
CLAIM = timedelta(seconds=40)  #: longer than publishing takes
NOTE_PAUSES = (1.0, 2.0, 4.0, 8.0)  #: seconds between attempts to note that people were told
#: Within this time after the announcement the queue tries again by itself; then `reconcile` does, at moments that are spread, so that not
#: everything comes at once when a service is well again; and at last nobody.
PATIENCE = timedelta(hours=1)
GIVEN_UP = timedelta(days=14)
LONGEST_PAUSE = timedelta(minutes=30)  #: however long it has been failing: what is well again must be seen soon
LATE_ATTEMPTS = 4  #: after so many a recording is later than usual: some four minutes
HOPELESS_ATTEMPTS = 6  #: after so many nothing will come of one that is too short to be kept: some quarter of an hour
FIRST_HIDDEN, LONGEST_HIDDEN = 15, 900  #: seconds for which a message that failed is hidden; stacks/voicemail.py counts on it

LOGGER = Logger(service="collect")
METRICS = Metrics(namespace=NAMESPACE, service="collect")
METRICS.set_default_dimensions(Environment=ENVIRONMENT)
BATCHES = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
SQS = boto3.client("sqs", config=QUICK)
SNS = boto3.client("sns", config=TELLING)
BUCKET = Bucket(boto3.client("s3", config=MOVING), os.environ["BUCKET_NAME"])
VOICEMAILS = Voicemails(boto3.resource("dynamodb", config=QUICK).Table(os.environ["TABLE_NAME"]), int(os.environ["VOICEMAIL_DAYS"]))
TWILIO = TwilioApi(Keys(boto3.client("secretsmanager", config=QUICK), os.environ["KEYS_SECRET"]))
pause = time.sleep


class TryLater(Exception):
    """Somebody else is at it; it will be done, or free, in a moment."""


@METRICS.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Messages of the queue, one at a time."""
    return process_partial_response(event, one, BATCHES, context)


def one(record: SQSRecord) -> None:  # Powertools passes the message by this name
    """One message. It leaves the queue only when what became of it is noted in its item."""
    task = task_in(record.body)
    item: Item = {}
    try:
        item = VOICEMAILS.announce(task, now())
        collect(task, item)
    except Exception as error:  # noqa: BLE001 - the boundary of one item of a batch
        postpone(record, item, error)


def collect(task: Task, item: Item) -> None:
    """Whatever is left to do."""
    if item["state"] in OPEN:
        settle(task, item)
        item = VOICEMAILS.get(item)
    if item["state"] in OPEN:  # an answer of DynamoDB's that was cut looks like success
        raise TryLater("it was not noted")
    if isinstance(task, Recording) and item["state"] in (STORED, ELSEWHERE):
        notify(item)
        if DELETE_AT_TWILIO and item["state"] == STORED:
            delete(task, item)
    VOICEMAILS.finished(item)


def settle(task: Task, item: Item) -> None:
    """Out of the open states: a file of ours, or the reason why there is none."""
    with tempfile.TemporaryFile() as spool:
        if isinstance(task, Media):
            keep_media(task, item, spool)
        elif task.status != "completed":
            note_empty(item, f"Twilio kept nothing (error {task.error_code or 'unknown'})")
        elif place := elsewhere(task, item):
            VOICEMAILS.elsewhere(item, place)
        else:
            keep_recording(task, item, spool)


def note_empty(item: Item, reason: str) -> None:
    """There is nothing to hear. https://www.twilio.com/docs/api/errors/16101 and 16102"""
    VOICEMAILS.empty(item, reason)
    METRICS.add_metric("VoicemailsEmpty", MetricUnit.Count, 1)


def elsewhere(recording: Recording, item: Item) -> str:
    """Where it is outside Twilio, if it is: what is not at Twilio although it was waited for may be there."""
    place = recordings.place_elsewhere(recording)
    if place or item["state"] != WAITING or int(item["attempts"]) < LATE_ATTEMPTS:
        return place
    try:
        return recordings.place_told(TWILIO, recording, Deadline(ASK_SECONDS))
    except CANNOT_BE_ASKED as error:
        LOGGER.warning("its place is unknown", extra={"recording": recording.sid, "reason": type(error).__name__})
        return ""


def keep_media(task: Media, item: Item, spool: BufferedIOBase) -> None:
    """Fetch a file that came with a text, and store it."""
    kind = media.fetch(TWILIO, task, Deadline(FETCH_SECONDS), spool)
    store(task, item, spool, kind, media.suffix(kind), {"type": kind})


def keep_recording(task: Recording, item: Item, spool: BufferedIOBase) -> None:
    """Fetch a recording, and store it. Empty is one that *plays* for too short a time: what Twilio announces of its length may be wrong."""
    announced = task.seconds
    try:
        fetched = recordings.fetch(TWILIO, task, FORMAT, Deadline(FETCH_SECONDS), spool, again=bool(item["attempts"]))
    except NotYet:
        if announced is None or announced >= SHORTEST or int(item["attempts"]) < HOPELESS_ATTEMPTS:
            raise
        return note_empty(item, f"Twilio announced {announced} s and has no file")
    if fetched.plays is not None and max(fetched.plays, announced or 0) < SHORTEST:
        return note_empty(item, f"it plays {fetched.plays:.1f} s")
    return store(task, item, spool, fetched.type, fetched.suffix, facts_of(fetched, item) | who(task, item))


def facts_of(fetched: Fetched, item: Item) -> dict[str, Any]:
    """What the item has to say of a file: what is odd about it, and then, or where nobody announced one, its own length."""
    facts: dict[str, Any] = {"encryption": json.dumps(fetched.encrypted)} if fetched.encrypted else {}
    facts |= {"differs": fetched.differs} if fetched.differs else {}
    measured = fetched.plays is not None and (fetched.differs or "seconds" not in item)
    return facts | ({"seconds": round(fetched.plays or 0)} if measured else {})


def store(task: Task, item: Item, spool: BufferedIOBase, kind: str, suffix: str, facts: dict[str, Any]) -> None:
    """Store, read back, note."""
    known = {"announced": item["announced_at"], "sid": task.sid}
    copy = BUCKET.store(key_of(task, suffix), spool, kind, known, Deadline(FETCH_SECONDS))
    VOICEMAILS.stored(item, copy, now(), facts)
    METRICS.add_metric("VoicemailsStored" if task.kind == Recording.kind else "MediaStored", MetricUnit.Count, 1)


def key_of(task: Task, suffix: str) -> str:
    """The object's key: SIDs alone, the same however often the task comes."""
    return f"{task.kind}/{task.account}/{task.belongs_to}/{task.sid}.{suffix}"


def who(recording: Recording, item: Item) -> dict[str, str]:
    """Caller and number called: the callback has neither. Events may have come since it was announced; where none tells them, Twilio is
    asked. Unknown where it cannot be."""
    if item.get("from"):
        return {}
    known = VOICEMAILS.caller(recording.call)
    if known.get("from"):
        return known
    try:
        call = recordings.client_of(TWILIO, recording, Deadline(ASK_SECONDS)).calls(recording.call).fetch()
    except Exception as error:  # noqa: BLE001 - whatever comes of asking, the recording is kept
        LOGGER.warning("the caller is unknown", extra={"recording": recording.sid, "reason": type(error).__name__})
        return known
    told = (("from", call._from), ("to", call.to), ("direction", call.direction))
    return known | as_stored({name: value for name, value in told if value})


def notify(item: Item) -> None:
    """Tell people, once. Only a worker that dies between telling and noting it makes it twice, with the same id. Raises TryLater."""
    if item.get("notified_at"):
        return
    moment = now()
    if not VOICEMAILS.claim(item, moment, moment + CLAIM):
        if VOICEMAILS.get(item).get("notified_at"):
            return
        raise TryLater("another worker is telling people")
    SNS.publish(TopicArn=TOPIC, **notification.message(item, ENVIRONMENT, BUCKET.name))
    note_told(item)


def note_told(item: Item) -> None:
    """Note that people were told: tried for longer than anything else, because what is not noted is done again. Raises what AWS does."""
    for seconds in NOTE_PAUSES:
        try:
            return VOICEMAILS.notified(item, now())
        except (ClientError, BotoCoreError):
            pause(seconds)
    return VOICEMAILS.notified(item, now())


def delete(recording: Recording, item: Item) -> None:
    """Delete at Twilio what was read back a moment ago and matches what was noted. What is encrypted nobody could check, what differs
    from Twilio's announcement may not be all, and what a stranger claimed may be the primary's: only once somebody accepted it."""
    if item.get("deleted_at"):
        return
    if not item.get("accepted_at") and (item.get("encryption") or item.get("differs") or VOICEMAILS.is_only_claimed(recording.call)):
        return
    copy = BUCKET.read_back(item["key"], Deadline(FETCH_SECONDS))
    if (copy.sha256, copy.length) != (item["sha256"], int(item["bytes"])):
        raise recordings.Unusable("the copy in the bucket is not the one that was noted")
    recordings.delete(TWILIO, recording, Deadline(ASK_SECONDS))
    VOICEMAILS.deleted(item, now())


def postpone(message: SQSRecord, item: Item, error: Exception) -> None:
    """Note why it failed. Within the hour the error is raised on, so that the message stays in the queue, hidden for a while."""
    moment, state, reason = now(), WAITING if isinstance(error, NotYet) else FAILED, told(error)
    LOGGER.warning("not collected", extra={"sid": item.get("sid"), "reason": reason})
    METRICS.add_metric("CollectPostponed", MetricUnit.Count, 1)
    age = moment - datetime.fromisoformat(item["announced_at"]) if item else timedelta(0)
    if age < PATIENCE:
        hidden = min(FIRST_HIDDEN * 2 ** (int(message.attributes.approximate_receive_count) - 1), LONGEST_HIDDEN)
        SQS.change_message_visibility(QueueUrl=QUEUE_URL, ReceiptHandle=message.receipt_handle, VisibilityTimeout=hidden)
        if item:
            VOICEMAILS.retry(item, state, reason, moment + timedelta(seconds=hidden) + CLAIM)
        raise error
    VOICEMAILS.retry(item, state, reason, moment + LONGEST_PAUSE * random.uniform(0.5, 1) if age < GIVEN_UP else None)  # noqa: S311


def told(error: Exception) -> str:
    """Why, for the item and the log: our own errors are sentences, others need their name."""
    return str(error) if type(error).__module__.startswith("lambdas.") else f"{type(error).__name__}: {error}"


def now() -> datetime:
    """This moment in UTC."""
    return datetime.now(UTC)
