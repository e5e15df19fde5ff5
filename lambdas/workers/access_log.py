"""The access log of one of our APIs: when API Gateway answered by itself.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

GATEWAY_RESPONSES = "GatewayResponses"  #: the metric of what API Gateway answered by itself
MOST = 100_000  #: static answers of a window that are looked at: an hour of 27 a second


class AccessLog:
    """A log group, and the filter pattern of what is looked for."""

    def __init__(self, client: "CloudWatchLogsClient", group: str, pattern: str) -> None:
        self.client = client
        self.group = group
        self.pattern = pattern

    def static_answers(self, since: datetime, until: datetime) -> list[datetime]:
        """The moments of a window at which API Gateway answered by itself."""
        pages = self.client.get_paginator("filter_log_events").paginate(
            logGroupName=self.group,
            filterPattern=self.pattern,
            startTime=int(since.timestamp() * 1000),
            endTime=int(until.timestamp() * 1000),
            PaginationConfig={"MaxItems": MOST},
        )
        return [datetime.fromtimestamp(int(json.loads(event["message"])["time"]) / 1000, UTC) for page in pages for event in page["events"]]
