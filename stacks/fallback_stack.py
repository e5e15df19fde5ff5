"""One environment's stack: event table -> voicemail -> answer -> APIs -> record -> what watches all of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import CfnOutput, Environment, Stack, Tags
from constructs import Construct

from config.egress import edges_near
from config.folders import TEMPLATES
from config.settings import Settings
from config.version import version
from stacks.acknowledged import acknowledge
from stacks.answer import Answer
from stacks.api import Api, Static
from stacks.capacity import share_out
from stacks.event_table import EventTable
from stacks.functions import keep, log_group, worker_files, zipped
from stacks.log_role import LogRole
from stacks.media import Media
from stacks.pacing import pace
from stacks.published import Published
from stacks.record import Record
from stacks.replay import Replay
from stacks.voicemail import Voicemail
from stacks.watch import Watch

#: How Twilio is to ask a fallback URL: twice more; for calls whatever failed, for texts where no connection came about.
#: https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
AS_A_FALLBACK = {"voice": "#rc=2&rp=all", "sms": "#rc=2&rp=ct"}

#: Where the company's own phones come in, the outputs by their rules.
EMPLOYEES = {"SipUrl": "sip", "AppUrl": "app"}


class FallbackStack(Stack):
    """Everything that stands behind the fallback URLs of one environment, in a region away from its primary."""

    def __init__(self, scope: Construct, settings: Settings, book: Mapping[str, Any], templates: Path = TEMPLATES) -> None:
        """`templates` is where the audio lies that the book names."""
        super().__init__(
            scope,
            f"fallback-{settings.environment}",
            env=Environment(account=settings.aws.account, region=settings.region),
            termination_protection=settings.protect,
            description=f"Twilio Fallback Stack ({settings.environment})",
            tags={"fallback:version": version()},
        )
        said = {medium: "".join(book["documents"][name]["parts"]) for medium, name in book["last_resort"].items()}
        workers = zipped("workers", worker_files(book))
        self.events = EventTable(self, "Events")
        self.voicemail = Voicemail(self, "Voicemail", settings, workers, self.events.table)
        self.voice = Api(self, "Voice", settings, Static(said["voice"]), "Voice fallback and disaster recovery")
        self.messaging = Api(self, "Messaging", settings, Static(said["sms"]), "Messaging fallback")
        self.callbacks = Api(self, "Callbacks", settings, Static(None), "Recording status callbacks")
        self.media = Media(self, "Media", settings, book["audio"], templates) if book["audio"] else None
        self.answer = Answer(self, "Answer", settings, book, self.callbacks.url, self.media.api.url if self.media else "")
        self.routes(settings)
        self.log_role = LogRole(self, "LogRole", settings, workers)
        apis = [each.api for each in (self.voice, self.messaging, self.callbacks, *([self.media.api] if self.media else []))]
        self.log_role.before(*(api.deployment_stage for api in apis))
        pace(apis)
        self.record = Record(self, "Record", settings, workers, self.answer.journal, self.events.table, self.voicemail.queue)
        self.audit_trail()
        if settings.privacy.store == "full":  # nothing whole is kept otherwise, so nothing can be given back
            replay = Replay(self, "Replay", settings, workers, self.events.table, self.answer.tokens, self.voicemail.keys)
            CfnOutput(self, "ReplayFunctionName", value=replay.function.function_name)
        self.watch = Watch(self, "Watch", settings, workers, self)
        share_out(self, settings)
        Published(self, "Published", settings, book["id"])
        self.outputs(settings)
        acknowledge(self)
        for key, value in settings.tags.items():
            Tags.of(self).add(key, value)

    def routes(self, settings: Settings) -> None:
        """What each API serves by the answer function: employees' own calls only where the settings answer them."""
        outgoing = [path for path, rules in (("sip/{domain}", settings.sip), ("app/{app}", settings.app)) if rules]
        for path in ("voice", "voice/{proxy+}", "trunk/{trunk}", *outgoing):
            self.voice.serve(path, self.answer.alias)
        for path in ("sms", "sms/{proxy+}"):
            self.messaging.serve(path, self.answer.alias)
        self.callbacks.serve("recording", self.answer.alias, ("POST",))

    def audit_trail(self) -> None:
        """Where `fallback` notes who saw whole numbers, heard messages, handed back or erased. It holds no numbers itself."""
        audit = log_group(self, "Audit", 365)
        keep(audit, "AuditTrail")
        CfnOutput(self, "AuditGroupName", value=audit.log_group_name)

    def outputs(self, settings: Settings) -> None:
        """What the platform team points Twilio at, and what the commands look things up by."""
        edges = f"&e={','.join(edges_near(settings.region))}"
        values = {
            "VoiceUrl": f"{self.voice.url}/voice{AS_A_FALLBACK['voice']}{edges}",
            "TrunkUrl": f"{self.voice.url}/trunk/",
            "SmsUrl": f"{self.messaging.url}/sms{AS_A_FALLBACK['sms']}{edges}",
            "RecordingUrl": f"{self.callbacks.url}/recording",
            "VoiceApiId": self.voice.api.rest_api_id,
            "MessagingApiId": self.messaging.api.rest_api_id,
            "CallbacksApiId": self.callbacks.api.rest_api_id,
            "EventTableName": self.events.table.table_name,
            "JournalGroupName": self.answer.journal.log_group_name,
            "TokensSecretArn": self.answer.tokens.secret_arn,
            "AnswerFunctionName": self.answer.function.function_name,
            "VoicemailBucketName": self.voicemail.bucket.bucket_name,
            "VoicemailQueueUrl": self.voicemail.queue.queue_url,
            "VoicemailDeadLettersUrl": self.voicemail.dead.queue_url,
            "NotificationTopicArn": self.voicemail.topic.topic_arn,
            "TwilioKeysSecretArn": self.voicemail.keys.secret_arn,
            "CollectFunctionName": self.voicemail.collect.function_name,
            "ReconcileFunctionName": self.voicemail.reconcile.function_name,
            "AlertTopicArn": self.watch.alerts.topic.topic_arn,
            "FailedRunsUrl": self.watch.failed_runs.queue.queue_url,
            "OutageFunctionName": self.watch.outage.function.function_name,
            "InventoryFunctionName": self.watch.inventory.function.function_name,
            "Version": version(),
            "TokenCheckFunctionName": self.watch.token_check.function.function_name,
        }
        values |= {name: f"{self.voice.url}/{path}/" for name, path in EMPLOYEES.items() if getattr(settings, path)}
        if self.media:
            values["MediaUrl"] = self.media.api.url
        if self.voicemail.key:
            values["VoicemailKeyArn"] = self.voicemail.key.key_arn
        for name, value in values.items():
            CfnOutput(self, name, value=value)
