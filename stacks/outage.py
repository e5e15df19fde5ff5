"""`outage`: asked by the clock and by the alarm `primary-failing`."""

from pathlib import Path

from aws_cdk import Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_sns as sns
from constructs import Construct

from config.settings import Settings
from lambdas.workers.events import TIMELINE
from stacks.functions import function, log_group, permit
from stacks.schedules import Every


class Outage(Construct):
    """What it may: read the timeline, keep its one item, ask one alarm's state, tell people."""

    def __init__(
        self, scope: Construct, name: str, settings: Settings, code: Path, table: dynamodb.TableV2, topic: sns.Topic, alarm: str
    ) -> None:
        """`alarm` is the name of the alarm that sees callers come."""
        super().__init__(scope, name)
        environment = {
            "FALLBACK_ENVIRONMENT": settings.environment,
            "TABLE_NAME": table.table_name,
            "TOPIC_ARN": topic.topic_arn,
            "ALARM_NAME": alarm,
        }
        self.log = log_group(self, "Log", settings.retention.logs)
        self.function = function(
            self, "Function", "lambdas.workers.outage.handler", code, self.log, environment, timeout=Duration.seconds(60)
        )
        for action in ("GetItem", "UpdateItem"):
            permit(self.function, f"dynamodb:{action}", table.table_arn)
        permit(self.function, "dynamodb:Query", f"{table.table_arn}/index/{TIMELINE}")
        permit(self.function, "sns:Publish", topic.topic_arn)
        permit(self.function, "cloudwatch:DescribeAlarms", Stack.of(self).format_arn(service="cloudwatch", resource=f"alarm:{alarm}"))
        Every(self, "Every", "1 minute", self.function, "Has an outage begun or ended?")
