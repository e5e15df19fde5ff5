"""What API Gateway answered by itself, counted from its access logs: status 200 hides it from API Gateway's own error metric.

Throttled requests count too: whoever got such an answer got nothing else. The line has the type.

Who asks for an address that does not exist, or sends what no webhook of Twilio's is, is no fault of ours and not counted.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from collections.abc import Sequence

from aws_cdk import aws_logs as logs
from constructs import Construct

from lambdas.answer.journal import NAMESPACE
from lambdas.workers.access_log import GATEWAY_RESPONSES
from stacks.api import SENDERS_FAULT, Api

#: What strangers can bring about by what they send.
STRANGERS_DOING = (
    *SENDERS_FAULT,
    "ACCESS_DENIED", "BAD_REQUEST_BODY", "BAD_REQUEST_PARAMETERS", "EXPIRED_TOKEN", "INVALID_API_KEY", "INVALID_SIGNATURE", "UNAUTHORIZED",
    "WAF_FILTERED",
)  # fmt: skip
NOT_COUNTED = ("-", *STRANGERS_DOING)


def other_than(*names: str) -> str:
    """The filter pattern of lines whose type of gateway response is none of these."""
    return "{ " + " && ".join(f'($.errorType != "{name}")' for name in names) + " }"


STATIC_ANSWERS = other_than(*NOT_COUNTED)


class GatewayMetrics(Construct):
    """One metric filter for each API; the metric bears the environment that the log line names."""

    def __init__(self, scope: Construct, name: str, apis: Sequence[Api]) -> None:
        super().__init__(scope, name)
        for number, api in enumerate(apis):
            logs.MetricFilter(
                self,
                f"{GATEWAY_RESPONSES}{number}",
                log_group=api.access_log,
                filter_pattern=logs.FilterPattern.literal(STATIC_ANSWERS),
                metric_namespace=NAMESPACE,
                metric_name=GATEWAY_RESPONSES,
                metric_value="1",
                dimensions={"Environment": "$.environment"},
            )
