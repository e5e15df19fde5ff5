"""A batch of SQS messages that its function could not handle comes again soon, not after the queue's visibility timeout.

On AWS a failed message stays hidden for the rest of that timeout, often minutes. Here it comes again as quickly as an asynchronous
invocation (LAMBDA_ASYNC_RETRY_BASE_SECONDS); the number of receives, and with it the way to a dead-letter queue, is counted as on AWS.
Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import time
from typing import Any

from ministack.services import lambda_svc, sqs

from local.emulator.admin import Json


def _run(mapping: Json, function: Json, event: Json, batch: list[Json], queue_url: str, queue_name: str) -> None:
    _run_sqs_batch(mapping, function, event, batch, queue_url, queue_name)
    again = time.time() + lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS
    receipts = {message["receipt_handle"] for message in batch}
    with sqs._queues_lock:
        for message in sqs._get_q(queue_url)["messages"]:
            if message.get("receipt_handle") in receipts:
                message["visible_at"] = min(message["visible_at"], again)


_run_sqs_batch: Any = lambda_svc._run_sqs_batch


def install() -> None:
    """Take over what becomes of a batch."""
    lambda_svc._run_sqs_batch = _run
