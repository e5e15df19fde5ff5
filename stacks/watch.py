"""What watches the rest of a stack: whom to tell, the probe, the tokens' check, outages, alarms, the dashboard."""

from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import CfnOutput
from constructs import Construct

from config.settings import Settings
from stacks.alerts import Alarms, AlertTopic, Dimensions
from stacks.api import Api
from stacks.dashboard import Dashboard
from stacks.failed_runs import FailedRuns
from stacks.functions import permit
from stacks.gateway_metrics import STATIC_ANSWERS, GatewayMetrics
from stacks.inventory import Inventory
from stacks.outage import Outage
from stacks.probe import Probe, TokenCheck, urls_of

if TYPE_CHECKING:
    from stacks.fallback_stack import FallbackStack


class Watch(Construct):
    """All of it; `parts` are the rest of the stack."""

    def __init__(self, scope: Construct, name: str, settings: Settings, code: Path, parts: "FallbackStack") -> None:
        super().__init__(scope, name)
        self.settings = settings
        self.parts = parts
        self.alerts = AlertTopic(self, "Alerts", settings)
        self.token_check = TokenCheck(self, "TokenCheck", settings, code, parts.answer.tokens)
        self.outage = Outage(self, "Outage", settings, code, parts.events.table, self.alerts)
        self.probe = self.prober(code) if settings.probe.minutes else None
        self.inventory = Inventory(self, "Inventory", settings, code, parts.answer.journal)
        self.inventory.let_look_at(parts.answer.tokens, parts.voicemail.keys, parts.voicemail.key, self.alerts.key)
        self.failed_runs = FailedRuns(self, "FailedRuns")
        self.failed_runs.catch(parts.voicemail.reconcile, parts.log_role.function, self.token_check.function, self.outage.function)
        if self.probe:
            self.failed_runs.catch(self.probe.function, retries=0)  # the next one is due before
        self.alerts.let_publish(parts.record.function)  # of emergency calls
        parts.record.function.add_environment("ALERTS_TOPIC_ARN", self.alerts.topic.topic_arn)
        self.let_reconcile_ask()
        GatewayMetrics(self, "Gateway", (parts.voice, parts.messaging, parts.callbacks))
        Alarms(self, "Alarms", settings, self.dimensions(), self.names(), self.alerts.topic, self.outage.function)
        if settings.alerts.dashboard:
            Dashboard(self, "Dashboard", settings, self.dimensions(), parts.answer.journal)

    def prober(self, code: Path) -> Probe:
        """The probe, which knows the URLs as Twilio does."""
        parts = self.parts
        addresses = {"CALLBACKS_URL": parts.callbacks.url, "MEDIA_URL": parts.media.api.url if parts.media else ""}
        urls = urls_of(self.settings, parts.voice.url, parts.messaging.url)
        probe = Probe(self, "Probe", self.settings, code, urls, addresses, parts.events.table, parts.answer.tokens, self.alerts)
        CfnOutput(parts, "ProbeFunctionName", value=probe.function.function_name)
        return probe

    def let_reconcile_ask(self) -> None:
        """`reconcile` compares what Twilio knows with whose URL it was, and with what API Gateway answered by itself."""
        parts, settings = self.parts, self.settings
        apis, medial = (parts.voice, parts.messaging, parts.callbacks), [parts.media.api] if parts.media else []
        reconcile = parts.voicemail.reconcile
        known = {
            "PRIMARY_HOSTS": settings.primary.hosts,
            "ASYNCHRONOUS_PATHS": settings.primary.asynchronous,
            "OWN_HOSTS": [*(api.host for api in (*apis, *medial)), *settings.api.hosts],
            "VOICE_LOG": [parts.voice.access_log.log_group_name],
            "MESSAGING_LOG": [parts.messaging.access_log.log_group_name],
        }
        for name, values in known.items():
            reconcile.add_environment(name, " ".join(values))
        reconcile.add_environment("STATIC_PATTERN", STATIC_ANSWERS)
        reconcile.add_environment("TRUNKS", str(bool(settings.twilio.trunks)).lower())
        reconcile.add_environment("EVENT_DAYS", str(settings.retention.events))
        reconcile.add_environment("ORIGINAL_DAYS", str(settings.retention.originals))
        permit(reconcile, "dynamodb:BatchWriteItem", parts.events.table.table_arn)
        for api in (parts.voice, parts.messaging):
            permit(reconcile, "logs:FilterLogEvents", api.access_log.log_group_arn)

    def dimensions(self) -> dict[str, Dimensions]:
        """The dimensions of AWS's own metrics, by what the table of alarms calls them.

        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html,
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html,
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html,
        https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
        """
        parts = self.parts
        functions = {"answer": parts.answer.function, "record": parts.record.function, "outage": self.outage.function}
        functions["inventory"] = self.inventory.function
        queues = {"record_dead": parts.record.dead, "voicemail_dead": parts.voicemail.dead, "failed_runs": self.failed_runs.queue}
        subscription = {
            "LogGroupName": parts.answer.journal.log_group_name,
            "DestinationType": "Lambda",
            "FilterName": parts.record.subscription_name,
        }
        apis = {"voice_api": parts.voice.api, "messaging_api": parts.messaging.api}
        return (
            {name: {"FunctionName": function.function_name} for name, function in functions.items()}
            | {name: {"QueueName": queue.queue_name} for name, queue in queues.items()}
            | {name: {"ApiName": api.rest_api_name} for name, api in apis.items()}
            | {"subscription": subscription, "access_log": {"LogGroupName": self.probed().access_log.log_group_name}}
        )

    def probed(self) -> Api:
        """An API that the probe asks every other time at least, so that its access log is never silent for long."""
        urls = urls_of(self.settings, self.parts.voice.url, self.parts.messaging.url)
        return self.parts.messaging if all(url.endswith("/sms") for url in urls) else self.parts.voice

    def names(self) -> dict[str, str]:
        """What the alarms' texts name."""
        logs = {
            "journal": self.parts.answer.journal,
            "access_log": self.probed().access_log,
            "record_log": self.parts.record.log,
            "reconcile_log": self.parts.voicemail.reconcile_log,
            "outage_log": self.outage.log,
            "inventory_log": self.inventory.log,
        } | ({"probe_log": self.probe.log} if self.probe else {})
        plain = {"environment": self.settings.environment, "region": self.settings.region, "rate": str(self.settings.api.rate)}
        plain |= {"failed_runs": self.failed_runs.queue.queue_url}
        return plain | {name: group.log_group_name for name, group in logs.items()}
