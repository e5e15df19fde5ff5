"""Who is told, and of what: the topic that on-call subscribes to, and the alarms of `stacks/alarms.py`."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from config.settings import Settings
from lambdas.answer.journal import NAMESPACE
from stacks.acknowledged import acknowledge
from stacks.alarms import PRIMARY_FAILING, PROBE, ROWS, Metric, Missing, Row, unasked
from stacks.functions import KEPT, keep, permit

MISSING: dict[Missing, cloudwatch.TreatMissingData] = {
    "well": cloudwatch.TreatMissingData.NOT_BREACHING,
    "fault": cloudwatch.TreatMissingData.BREACHING,
    "silence": cloudwatch.TreatMissingData.BREACHING,
    "last": cloudwatch.TreatMissingData.IGNORE,
}

Dimensions = dict[str, str]


class AlertTopic(Construct):
    """Alarms cannot publish under AWS's own key for SNS: the topic has none, or one of this stack.
    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services"""

    def __init__(self, scope: Construct, name: str, settings: Settings) -> None:
        super().__init__(scope, name)
        self.key = self.customer_key() if settings.alerts.customer_key else None
        shown = f"Twilio fallback alerts ({settings.environment})"
        self.topic = sns.Topic(self, "Topic", master_key=self.key, enforce_ssl=True, display_name=shown)
        keep(self.topic, "AlertTopic")
        self.let_alarms_publish()
        for address in settings.alerts.emails:
            self.topic.add_subscription(subscriptions.EmailSubscription(address))
        for url in settings.alerts.webhooks:
            self.topic.add_subscription(subscriptions.UrlSubscription(url))
        if not self.key:
            reason = "the AWS-managed key would keep alarms from publishing; alerts.customer_key = true encrypts with a key of this stack"
            acknowledge(self.topic, **{"AwsSolutions-SNS2": reason})

    def customer_key(self) -> kms.Key:
        """A key that CloudWatch may use."""
        key = kms.Key(self, "Key", enable_key_rotation=True, removal_policy=KEPT, description="Alerts")
        keep(key, "AlertKey")
        key.grant(iam.ServicePrincipal("cloudwatch.amazonaws.com"), "kms:Decrypt", "kms:GenerateDataKey*")
        return key

    def let_publish(self, worker: lambda_.Function) -> None:
        """A function of ours may tell people too."""
        permit(worker, "sns:Publish", self.topic.topic_arn)
        for action in ("GenerateDataKey", "Decrypt") if self.key else ():
            permit(worker, f"kms:{action}", self.key.key_arn)  # type: ignore[union-attr]

    def let_alarms_publish(self) -> None:
        """A topic with a policy of its own (TLS only) has to name CloudWatch."""
        statement = iam.PolicyStatement(
            actions=["sns:Publish"],
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            resources=[self.topic.topic_arn],
            conditions={"StringEquals": {"aws:SourceAccount": self.topic.env.account}},
        )
        self.topic.add_to_resource_policy(statement)


class Alarms(Construct):
    """The rows as alarms, named for their environment: production and staging stand side by side."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        dimensions: dict[str, Dimensions],
        names: dict[str, str],
        topic: sns.Topic,
        outage: lambda_.Function,
    ) -> None:
        """`dimensions` are those of AWS's own metrics, by what a row calls `of`; `names` fill in the rows' texts."""
        super().__init__(scope, name)
        self.settings = settings
        self.dimensions = dimensions
        self.names = names
        for row in rows(settings):
            alarm = self.alarm(row)
            if row.name == PRIMARY_FAILING:
                invoke = actions.LambdaAction(outage)
                alarm.add_alarm_action(invoke)
                alarm.add_ok_action(invoke)
                continue
            alarm.add_alarm_action(actions.SnsAction(topic))
            alarm.add_ok_action(actions.SnsAction(topic))

    def alarm(self, row: Row) -> cloudwatch.Alarm:
        """One row."""
        comparison, silence = cloudwatch.ComparisonOperator, row.missing == "silence"
        return self.metric(row.metric).create_alarm(
            self,
            row.name,
            alarm_name=alarm_name(self.settings, row.name),
            alarm_description=row.text(self.names),
            threshold=1 if silence else row.above,
            comparison_operator=comparison.LESS_THAN_THRESHOLD if silence else comparison.GREATER_THAN_THRESHOLD,
            evaluation_periods=row.periods,
            datapoints_to_alarm=row.datapoints,
            treat_missing_data=MISSING[row.missing],
        )

    def metric(self, metric: Metric) -> cloudwatch.Metric:
        """A row's metric in this environment."""
        own = {"Environment": self.settings.environment} | metric.dimensions
        return cloudwatch.Metric(
            namespace=metric.namespace or NAMESPACE,
            metric_name=metric.name,
            dimensions_map=self.dimensions[metric.of] if metric.of else own,
            statistic=metric.statistic,
            period=Duration.minutes(metric.minutes or self.settings.probe.minutes),
        )


def rows(settings: Settings) -> tuple[Row, ...]:
    """The alarms of an environment."""
    return ROWS + tuple(unasked(account) for account in settings.twilio.accounts) + (PROBE if settings.probe.minutes else ())


def alarm_name(settings: Settings, name: str) -> str:
    """An alarm's name."""
    return f"fallback-{settings.environment}-{name}"
