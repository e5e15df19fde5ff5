"""`outage`: asked by the clock and by the alarm `primary-failing`."""

from pathlib import Path

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from config.settings import Settings
from lambdas.workers.events import TIMELINE
from lambdas.workers.outage import LIFE
from stacks.alarms import PRIMARY_FAILING
from stacks.alerts import AlertTopic, alarm_name
from stacks.functions import function, log_group, permit
from stacks.schedules import Every


class Outage(Construct):
    """What it may: read the timeline and the alarm, keep its one item, tell people."""

    def __init__(self, scope: Construct, name: str, settings: Settings, code: Path, table: dynamodb.TableV2, alerts: AlertTopic) -> None:
        super().__init__(scope, name)
        environment = {
            "FALLBACK_ENVIRONMENT": settings.environment,
            "TABLE_NAME": table.table_name,
            "TOPIC_ARN": alerts.topic.topic_arn,
            "ALARM_NAME": alarm_name(settings, PRIMARY_FAILING),
        }
        self.log = log_group(self, "Log", settings.retention.logs)
        options = {"timeout": Duration.seconds(LIFE.total_seconds()), "memory_size": 512}
        self.function = function(self, "Function", "lambdas.workers.outage.handler", code, self.log, environment, **options)
        for action in ("GetItem", "UpdateItem"):
            permit(self.function, f"dynamodb:{action}", table.table_arn)
        permit(self.function, "dynamodb:Query", f"{table.table_arn}/index/{TIMELINE}")
        alarm = Stack.of(self).format_arn(
            service="cloudwatch", resource="alarm", resource_name=environment["ALARM_NAME"], arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        permit(self.function, "cloudwatch:DescribeAlarms", alarm)
        alerts.let_publish(self.function)
        Every(self, "Every", "1 minute", self.function, "Has an outage begun or ended?")
