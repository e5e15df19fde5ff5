"""`record`: journal lines into the event table, what they give to collect into the voicemail queue, and emergency calls to on-call.

CloudWatch Logs invokes it asynchronously, so a line may come twice, late, out of order, or after two failed retries not at all:

    a delivery fails (table throttled, denied, gone)  -> Lambda retries twice, then puts it on the on-failure queue
    a delivery comes from that queue                  -> the same code; a message that fails again stays in the queue
    a line that cannot be read, or not be stored      -> counted, put aside (`aside#<day>`); the others of its delivery are written
    lost all the same                                 -> `fallback rebuild` reads the journal group through `items_of`

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html#LambdaFunctionExample
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

import base64
import gzip
import json
import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.answer.journal import NAMESPACE
from lambdas.workers.aws import QUICK, TELLING
from lambdas.workers.emergency import is_emergency, message
from lambdas.workers.events import Item, Line, NotAJournalLine, aside, items_of, line_in, write
from lambdas.workers.tasks import body_of, queue, tasks_of

ENVIRONMENT = os.environ["FALLBACK_ENVIRONMENT"]
TABLE = os.environ["TABLE_NAME"]
EVENT_DAYS = int(os.environ["EVENT_DAYS"])
ORIGINAL_DAYS = int(os.environ["ORIGINAL_DAYS"])
QUEUE_URL = os.environ["QUEUE_URL"]
ALERTS_TOPIC_ARN = os.environ["ALERTS_TOPIC_ARN"]

LOGGER = Logger(service="record")
METRICS = Metrics(namespace=NAMESPACE, service="record")
METRICS.set_default_dimensions(Environment=ENVIRONMENT)
BATCHES = BatchProcessor(event_type=EventType.SQS)
DYNAMODB = boto3.client("dynamodb", config=QUICK)
SQS = boto3.client("sqs", config=QUICK)
SNS = boto3.client("sns", config=TELLING)


@METRICS.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """A delivery of CloudWatch Logs, or messages of the on-failure queue."""
    if "awslogs" in event:
        return deliver(event)
    return process_partial_response(event, redelivered, BATCHES, context)


def redelivered(record: SQSRecord) -> None:  # Powertools passes the message by this name
    """A delivery that failed before, out of the on-failure queue."""
    deliver(record.json_body["requestPayload"])


def deliver(delivery: dict[str, Any]) -> None:
    """Write every line of one delivery, queue what is to be collected, and tell people of emergency calls: again, if the delivery comes
    again; that does no harm."""
    known, odd = sorted_out(messages(delivery))
    items = [item for line in known for item in items_of(line, EVENT_DAYS, ORIGINAL_DAYS)]
    refused = len({(item["pk"], item["sk"]) for item in items}) - write(DYNAMODB, TABLE, items)
    write(DYNAMODB, TABLE, odd)
    if odd or refused:
        METRICS.add_metric("LinesSkipped", MetricUnit.Count, len(odd) + refused)
    if known:
        METRICS.add_metric("JournalLag", MetricUnit.Seconds, lag(known))
    queue(SQS, QUEUE_URL, (body_of(task) for line in known for task in tasks_of(line)))
    for line in filter(is_emergency, known):
        SNS.publish(TopicArn=ALERTS_TOPIC_ARN, **message(line, ENVIRONMENT))


def lag(known: list[Line]) -> float:
    """Seconds between the oldest line of a delivery and its being written."""
    return max(0.0, time.time() - min(datetime.fromisoformat(line["time"]).timestamp() for line in known))


def messages(delivery: dict[str, Any]) -> list[str]:
    """The log events of a delivery; nothing for CloudWatch's test message."""
    data = json.loads(gzip.decompress(base64.b64decode(delivery["awslogs"]["data"])))
    return [event["message"] for event in data["logEvents"]] if data["messageType"] == "DATA_MESSAGE" else []


def sorted_out(texts: Iterable[str]) -> tuple[list[Line], list[Item]]:
    """The journal lines among them, and the items of what cannot be read."""
    known, odd = [], []
    for text in texts:
        try:
            known.append(line_in(text))
        except NotAJournalLine as error:
            LOGGER.warning("a line was put aside", extra={"reason": type(error.__cause__ or error).__name__})
            odd.append(aside(text, str(error), datetime.now(UTC)))
    return known, odd
