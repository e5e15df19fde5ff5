"""A batch of SQS messages that its function could not handle comes again soon, not after the queue's visibility timeout.

On AWS a failed message stays hidden for the rest of that timeout, often minutes. Here it comes again as quickly as an asynchronous
invocation (LAMBDA_ASYNC_RETRY_BASE_SECONDS, which stands for a minute); where the function chose itself for how long to hide it, that time
is shortened in the same measure. The number of receives, and with it the way to a dead-letter queue, is counted as on AWS.
Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import time
from typing import Any

from ministack.services import lambda_svc, sqs

from local.emulator.admin import Json

MINUTE = 60


def _run(mapping: Json, function: Json, event: Json, batch: list[Json], queue_url: str, queue_name: str) -> None:
    hidden = {message["receipt_handle"]: message["visible_at"] for message in batch}
    _run_sqs_batch(mapping, function, event, batch, queue_url, queue_name)
    now, base = time.time(), lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS
    with sqs._queues_lock:
        for message in sqs._get_q(queue_url)["messages"]:
            if (before := hidden.get(message.get("receipt_handle"))) is not None:
                seconds = base if message["visible_at"] == before else (message["visible_at"] - now) * base / MINUTE
                message["visible_at"] = min(message["visible_at"], now + seconds)


_run_sqs_batch: Any = lambda_svc._run_sqs_batch


def install() -> None:
    """Take over what becomes of a batch."""
    lambda_svc._run_sqs_batch = _run
