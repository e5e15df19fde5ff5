"""The dashboard: what happened, in the order in which an engineer asks. Codes come from the journal, since a code is never a dimension."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from config.settings import Settings
from lambdas.answer.journal import NAMESPACE
from lambdas.workers.access_log import GATEWAY_RESPONSES
from stacks.alerts import Dimensions

WIDTH, HEIGHT = 12, 6
QUERY = """filter ispresent(params.ErrorCode) and medium != "callback"
stats count(*) as requests by params.ErrorCode as code, params.ErrorUrl as url
sort requests desc
limit 20"""


class Dashboard(Construct):
    """Nine widgets."""

    def __init__(self, scope: Construct, name: str, settings: Settings, dimensions: dict[str, Dimensions], journal: logs.LogGroup) -> None:
        super().__init__(scope, name)
        self.settings = settings
        self.dimensions = dimensions
        dashboard = cloudwatch.Dashboard(
            self, "Dashboard", dashboard_name=f"fallback-{settings.environment}", default_interval=Duration.hours(6)
        )
        codes = cloudwatch.LogQueryWidget(
            title="Requests by error code and failing URL",
            log_group_names=[journal.log_group_name],
            query_string=QUERY.replace("\n", " | "),
            width=WIDTH,
            height=HEIGHT,
        )
        dashboard.add_widgets(self.graph("Requests by medium and outcome", self.by("Requests", "Medium", "Outcome")), codes)
        dashboard.add_widgets(*self.answering())
        dashboard.add_widgets(*self.behind())

    def answering(self) -> list[cloudwatch.IWidget]:
        """How callers are answered."""
        latency: list[cloudwatch.IMetric] = [self.aws("ApiGateway", "Latency", api, "p99") for api in ("voice_api", "messaging_api")]
        latency += [self.by("AnswerTime", "Medium", "Outcome", statistic="p99"), self.own("ProbeTime", "Maximum", service="probe")]
        trusted = [self.own("Requests", Outcome=name) for name in ("verified", "unverifiable", "refused", "forged", "failed", "unreadable")]
        gateway = [self.own(GATEWAY_RESPONSES), *(self.aws("Lambda", name, "answer") for name in ("Errors", "Throttles"))]
        return [
            self.graph("Latency in milliseconds", *latency),
            self.graph("Trust", *trusted),
            self.graph("Answered by API Gateway alone", *gateway),
            self.graph("Probe: what it found", self.by("ProbeFaults", "Fault")),
        ]

    def behind(self) -> list[cloudwatch.IWidget]:
        """What happens behind the answers."""
        lag = [self.own("JournalLag", "Maximum", service="record"), self.own("LinesSkipped", service="record")]
        dead = [self.aws("SQS", "ApproximateNumberOfMessagesVisible", queue, "Maximum") for queue in ("record_dead", "voicemail_dead")]
        dead.append(self.aws("SQS", "NumberOfMessagesSent", "failed_runs"))
        record = [self.aws("Lambda", name, "record") for name in ("Errors", "AsyncEventsDropped", "DestinationDeliveryFailures")]
        collect = [self.own(name, service="collect") for name in ("VoicemailsStored", "VoicemailsEmpty", "MediaStored", "CollectPostponed")]
        late = [self.own(name, "Maximum", service="reconcile") for name in ("VoicemailsLate", "RecordingsFound", "ChoresFailed")]
        return [
            self.graph("Journal lag in seconds", *lag, *record),
            self.graph("Voicemails", *collect, *late),
            self.graph("Dead letters, and runs that failed", *dead),
            self.graph("The fallback itself, and its tokens", *self.itself()),
        ]

    def itself(self) -> list[cloudwatch.IMetric]:
        """What Twilio says of us."""
        return [self.own("FallbackFailures", service="reconcile"), self.own("TokenFaults", "Maximum", service="auth_tokens")]

    def graph(self, title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
        """Lines over time."""
        return cloudwatch.GraphWidget(title=title, left=list(metrics), width=WIDTH, height=HEIGHT)

    def own(self, name: str, statistic: str = "Sum", **dimensions: str) -> cloudwatch.Metric:
        """A metric of ours."""
        named = {"Environment": self.settings.environment} | dimensions
        return cloudwatch.Metric(
            namespace=NAMESPACE, metric_name=name, dimensions_map=named, statistic=statistic, period=Duration.minutes(1)
        )

    def aws(self, namespace: str, name: str, of: str, statistic: str = "Sum") -> cloudwatch.Metric:
        """A metric that AWS emits for one of our resources."""
        return cloudwatch.Metric(
            namespace=f"AWS/{namespace}",
            metric_name=name,
            dimensions_map=self.dimensions[of],
            statistic=statistic,
            period=Duration.minutes(1),
        )

    def by(self, name: str, *dimensions: str, statistic: str = "Sum") -> cloudwatch.MathExpression:
        """Every metric of a name that this environment has, by further dimensions."""
        schema = ",".join((NAMESPACE, "Environment", *dimensions))
        wanted = f'{{{schema}}} MetricName="{name}" Environment="{self.settings.environment}"'
        return cloudwatch.MathExpression(
            expression=f"SEARCH('{wanted}', '{statistic}', 60)", using_metrics={}, label="", period=Duration.minutes(1)
        )
