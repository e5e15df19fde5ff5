"""The access logs of our APIs: when API Gateway answered by itself.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

MOST = 1000  #: static answers of a window and API that are looked at; so many say enough


class AccessLogs:
    """Some log groups, and the filter pattern of what is looked for."""

    def __init__(self, client: "CloudWatchLogsClient", groups: Sequence[str], pattern: str) -> None:
        self.client = client
        self.groups = groups
        self.pattern = pattern

    def static_answers(self, since: datetime, until: datetime) -> list[datetime]:
        """The moments at which API Gateway answered by itself."""
        return [moment for group in self.groups for moment in self.within(group, since, until)]

    def within(self, group: str, since: datetime, until: datetime) -> list[datetime]:
        """Those of one group."""
        pages = self.client.get_paginator("filter_log_events").paginate(
            logGroupName=group,
            filterPattern=self.pattern,
            startTime=int(since.timestamp() * 1000),
            endTime=int(until.timestamp() * 1000),
            PaginationConfig={"MaxItems": MOST},
        )
        return [datetime.fromtimestamp(int(json.loads(event["message"])["time"]) / 1000, UTC) for page in pages for event in page["events"]]
