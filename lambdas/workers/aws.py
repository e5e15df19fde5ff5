"""How workers ask AWS: how long they wait for an answer, and how often they ask. No other module says so.

A table that hangs holds an execution environment for as long as its client waits, and callers need the account's concurrency. So the usual
wait is short and there is one more attempt: six seconds in all. What fails comes again later, through a queue or a schedule.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

from typing import Literal

from botocore.config import Config

from lambdas.answer.tokens import SLOWER


def patience(seconds: float, attempts: int = 2, mode: Literal["legacy", "standard"] = "legacy") -> Config:
    """A client that waits so long for an answer to each attempt, and half as long, a second at most, for a connection."""
    waits = {"connect_timeout": min(1.0, seconds / 2) * SLOWER, "read_timeout": seconds * SLOWER}
    return Config(**waits, retries={"total_max_attempts": attempts, "mode": mode})  # type: ignore[arg-type]


QUICK = patience(2)
SEARCHING = patience(10)  #: CloudWatch Logs reads what it searches
MOVING = patience(10)  #: S3 answers an upload when it has stored it; API Gateway and IAM are slow as well
#: Who looks at many things one after the other is told to slow down: CloudWatch takes some ten requests of a kind a second, of an account.
#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
LOOKING = patience(2, attempts=6, mode="standard")
#: An answer that is not waited for may come of a publication that was made: another attempt would tell people twice.
TELLING = patience(15, attempts=1)
