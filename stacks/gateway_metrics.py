"""What API Gateway answered by itself, counted from its access logs: status 200 hides it from API Gateway's own error metric.

Who asks for an address that does not exist, or sends what no webhook of Twilio's is, is no fault of ours and not counted.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from collections.abc import Sequence

from aws_cdk import aws_logs as logs
from constructs import Construct

from lambdas.answer.journal import NAMESPACE
from stacks.api import SENDERS_FAULT, Api

#: Five seconds and more, of milliseconds that are written as text. A pattern takes no brackets.
SLOW = "{ $.latency = %^[5-9][0-9]{3}$|^[0-9]{5}% }"
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


STATIC_ANSWERS = other_than(*NOT_COUNTED)  #: throttled ones too: whoever got one got nothing else
PATTERNS = {
    "GatewayResponses": other_than(*NOT_COUNTED, "THROTTLED"),
    "Throttled": '{ $.errorType = "THROTTLED" }',
    "SlowAnswers": SLOW,
}


class GatewayMetrics(Construct):
    """One metric filter for each API and pattern; the metrics bear the environment that the log line names."""

    def __init__(self, scope: Construct, name: str, apis: Sequence[Api]) -> None:
        super().__init__(scope, name)
        for number, api in enumerate(apis):
            for metric, pattern in PATTERNS.items():
                logs.MetricFilter(
                    self,
                    f"{metric}{number}",
                    log_group=api.access_log,
                    filter_pattern=logs.FilterPattern.literal(pattern),
                    metric_namespace=NAMESPACE,
                    metric_name=metric,
                    metric_value="1",
                    dimensions={"Environment": "$.environment"},
                )
