"""The probe, which asks the public URLs every minute, and the check of the Auth Tokens, daily and at every deployment."""

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_secretsmanager as secrets
from constructs import Construct

from config.settings import Settings
from stacks.alerts import AlertTopic
from stacks.functions import function, log_group, permit
from stacks.schedules import Every


class Probe(Construct):
    """What it may: read the tokens, note its runs, read their items, tell people about the primary's health."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        code: Path,
        urls: Sequence[str],
        addresses: dict[str, str],
        table: dynamodb.TableV2,
        tokens: secrets.Secret,
        alerts: AlertTopic,
    ) -> None:
        """`urls` are the public ones, in the order in which they take turns; `addresses` those that documents name."""
        super().__init__(scope, name)
        environment = addresses | {
            "FALLBACK_ENVIRONMENT": settings.environment,
            "PROBE_URLS": " ".join(urls),
            "PROBE_MINUTES": str(settings.probe.minutes),
            "HEALTH_URLS": " ".join(settings.primary.health),
            "TOKENS_SECRET": tokens.secret_arn,
            "TABLE_NAME": table.table_name,
            "TOPIC_ARN": alerts.topic.topic_arn,
            "HEARTBEAT_URL": settings.alerts.heartbeat or "",
        }
        self.log = log_group(self, "Log", settings.retention.logs)
        timeout = Duration.seconds(min(60 + 15 * len(settings.primary.health), 300))
        self.function = function(self, "Function", "lambdas.workers.probe.handler", code, self.log, environment, timeout=timeout)
        for action in ("GetItem", "PutItem", "Query"):
            permit(self.function, f"dynamodb:{action}", table.table_arn)
        permit(self.function, "secretsmanager:GetSecretValue", tokens.secret_arn)
        alerts.let_publish(self.function)
        permit(self.function, "sns:ListSubscriptionsByTopic", alerts.topic.topic_arn)
        minutes = settings.probe.minutes
        Every(self, "Every", f"{minutes} minute{'' if minutes == 1 else 's'}", self.function, "A test request through the public URLs")


class TokenCheck(Construct):
    """Tries each stored Auth Token against Twilio."""

    def __init__(self, scope: Construct, name: str, settings: Settings, code: Path, tokens: secrets.Secret) -> None:
        super().__init__(scope, name)
        self.log = log_group(self, "Log", settings.retention.logs)
        environment = {"FALLBACK_ENVIRONMENT": settings.environment, "TOKENS_SECRET": tokens.secret_arn}
        self.function = function(
            self, "Function", "lambdas.workers.auth_tokens.handler", code, self.log, environment, timeout=Duration.minutes(3)
        )
        permit(self.function, "secretsmanager:GetSecretValue", tokens.secret_arn)
        Every(self, "Every", "1 day", self.function, "Are the Auth Tokens right?")
        self.at_deployment(code)

    def at_deployment(self, code: Path) -> None:
        """Whenever code or answers changed. It never fails a deployment; should even its own answer stay away, that waits five minutes."""
        resource = CustomResource(
            self,
            "AtDeployment",
            service_token=self.function.function_arn,
            resource_type="Custom::TokenCheck",
            properties={"Release": code.stem},
            service_timeout=Duration.minutes(5),
        )
        resource.node.add_dependency(self.function.role)


def urls_of(settings: Settings, voice: str, messaging: str) -> list[str]:
    """The public URLs that take turns: voice, text, every trunk, SIP domain and app; or those that the settings name, as they stand at
    Twilio."""
    twilio = settings.twilio
    kinds = {"trunk": twilio.trunks, "sip": twilio.sip_domains, "app": twilio.apps}
    named = [f"{kind}/{name}" for kind, names in kinds.items() for name in names]
    return [*settings.probe.urls] or [f"{voice}/voice", f"{messaging}/sms", *(f"{voice}/{each}" for each in named)]
