"""Voicemails: the queue of what is to be collected, the function that does, the bucket, the topic, and the schedule of `reconcile`."""

import json
from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_secretsmanager as secrets
from aws_cdk import aws_sns as sns
from constructs import Construct

from config.capacity import collected_at_once
from config.settings import Settings
from lambdas.workers.events import TIMELINE, TODO
from stacks.acknowledged import acknowledge
from stacks.functions import KEPT, function, keep, log_group, permit
from stacks.record import consume, queue
from stacks.schedules import Every

#: Fetching, storing and reading back take a minute each at most; most take a second.
TIMEOUT = Duration.seconds(200)
RECONCILE_TIMEOUT = Duration.minutes(5)
#: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-queueconfig
VISIBILITY = Duration.seconds(6 * int(TIMEOUT.to_seconds()))
#: Two of these are less than the quarter of an hour after which an outage is over.
CONFIRM, CONFIRMED_EVERY = "confirm_claims", 5
NO_KEYS = "{}"  #: until the platform team puts theirs in


class Voicemail(Construct):
    """From a recording at Twilio to a file in a bucket of our own."""

    def __init__(self, scope: Construct, name: str, settings: Settings, code: Path, table: dynamodb.TableV2) -> None:
        super().__init__(scope, name)
        self.settings = settings
        self.table = table
        self.key = self.customer_key() if settings.voicemail.customer_key else None
        self.bucket = self.private_bucket()
        self.topic = self.notifications()
        self.keys = self.api_keys()
        self.dead = queue(self, "DeadLetters", Duration.days(14))
        self.queue = queue(self, "Queue", Duration.days(14), self.dead, VISIBILITY)
        keep(self.dead, "VoicemailDeadLetters")
        keep(self.queue, "VoicemailQueue")
        self.collect = self.collector(code)
        self.reconcile = self.reconciler(code)

    def customer_key(self) -> kms.Key:
        """A key of this stack, rotated every year."""
        key = kms.Key(self, "Key", enable_key_rotation=True, removal_policy=KEPT, description="Voicemails and notifications")
        keep(key, "VoicemailKey")
        return key

    def private_bucket(self) -> s3.Bucket:
        """Nothing is public, nothing comes without TLS, nothing is overwritten or deleted at once."""
        own = {"encryption": s3.BucketEncryption.KMS, "encryption_key": self.key, "bucket_key_enabled": True}
        bucket = s3.Bucket(
            self,
            "Bucket",
            **(own if self.key else {"encryption": s3.BucketEncryption.S3_MANAGED}),
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            lifecycle_rules=self.lifecycle(),
            removal_policy=KEPT,
        )
        keep(bucket, "VoicemailBucket")
        acknowledge(
            bucket,
            **{"AwsSolutions-S1": "a log of who fetched which file would need a bucket of its own; CloudTrail data events tell the same"},
        )
        return bucket

    def lifecycle(self) -> list[s3.LifecycleRule]:
        """Files expire; what was deleted stays a while; then versions, markers and unfinished uploads go too."""
        retention = self.settings.retention
        files = s3.LifecycleRule(
            id="files",
            expiration=Duration.days(retention.voicemails),
            noncurrent_version_expiration=Duration.days(retention.replaced),
            abort_incomplete_multipart_upload_after=Duration.days(1),
        )
        return [files, s3.LifecycleRule(id="markers", expired_object_delete_marker=True)]

    def notifications(self) -> sns.Topic:
        """The topic that the platform team subscribes to."""
        topic = sns.Topic(
            self, "Notifications", master_key=self.key, enforce_ssl=True, display_name=f"Twilio fallback ({self.settings.environment})"
        )
        keep(topic, "NotificationTopic")
        if not self.key:
            reason = (
                "the AWS-managed key would keep alarms from publishing; voicemail.customer_key = true encrypts with a key of this stack"
            )
            acknowledge(topic, **{"AwsSolutions-SNS2": reason})
        return topic

    def api_keys(self) -> secrets.Secret:
        """Twilio API keys: they survive the rotation of an Auth Token."""
        secret = secrets.Secret(
            self,
            "Keys",
            description='Twilio API keys: a JSON object of account SID to {"key": "SK...", "secret": "..."}',
            generate_secret_string=secrets.SecretStringGenerator(generate_string_key="none", secret_string_template=NO_KEYS),
            removal_policy=KEPT,
        )
        keep(secret, "TwilioKeys")
        return secret

    def environment(self) -> dict[str, str]:
        """What both functions know."""
        return {
            "FALLBACK_ENVIRONMENT": self.settings.environment,
            "PRIVACY_STORE": self.settings.privacy.store,
            "TABLE_NAME": self.table.table_name,
            "QUEUE_URL": self.queue.queue_url,
            "KEYS_SECRET": self.keys.secret_arn,
            "VOICEMAIL_DAYS": str(self.settings.retention.voicemails),
        }

    def collector(self, code: Path) -> lambda_.Function:
        """The function behind the queue, one message at a time."""
        settings = self.settings.voicemail
        environment = self.environment() | {
            "BUCKET_NAME": self.bucket.bucket_name,
            "TOPIC_ARN": self.topic.topic_arn,
            "FORMAT": settings.format,
            "SHORTEST_SECONDS": str(settings.shortest_seconds),
            "DELETE_AT_TWILIO": str(settings.delete_at_twilio).lower(),
        }
        group = log_group(self, "CollectLog", self.settings.retention.logs)
        collect = function(self, "Collect", "lambdas.workers.collect.handler", code, group, environment, timeout=TIMEOUT, memory_size=512)
        consume(self, self.queue, collect, batch_size=1, most_at_once=collected_at_once(self.settings))
        permit(collect, "sqs:ChangeMessageVisibility", self.queue.queue_arn)
        for action in ("GetItem", "PutItem", "UpdateItem", "Query"):
            permit(collect, f"dynamodb:{action}", self.table.table_arn)
        for action in ("PutObject", "GetObject"):
            permit(collect, f"s3:{action}", self.bucket.arn_for_objects("*"))
        permit(collect, "sns:Publish", self.topic.topic_arn)
        permit(collect, "secretsmanager:GetSecretValue", self.keys.secret_arn)
        for action in ("GenerateDataKey", "Decrypt") if self.key else ():
            permit(collect, f"kms:{action}", self.key.key_arn)  # type: ignore[union-attr]
        keep(collect, "CollectFunction")
        acknowledge(self, **{"AwsSolutions-IAM5[Resource::<VoicemailBucket.Arn>/*]": "a voicemail's key is known when it comes"})
        return collect

    def reconciler(self, code: Path) -> lambda_.Function:
        """The function that asks Twilio, and its schedule."""
        environment = self.environment() | {"ACCOUNTS": " ".join(self.settings.twilio.accounts)}
        self.reconcile_log = log_group(self, "ReconcileLog", self.settings.retention.logs)
        options = {"timeout": RECONCILE_TIMEOUT, "memory_size": 512}
        reconcile = function(self, "Reconcile", "lambdas.workers.reconcile.handler", code, self.reconcile_log, environment, **options)
        for action in ("GetItem", "PutItem", "UpdateItem", "Query", "BatchGetItem"):
            permit(reconcile, f"dynamodb:{action}", self.table.table_arn)
        for index in (TIMELINE, TODO):
            permit(reconcile, "dynamodb:Query", f"{self.table.table_arn}/index/{index}")
        permit(reconcile, "sqs:SendMessage", self.queue.queue_arn)
        permit(reconcile, "secretsmanager:GetSecretValue", self.keys.secret_arn)
        keep(reconcile, "ReconcileFunction")
        self.schedule(reconcile)
        return reconcile

    def schedule(self, reconcile: lambda_.Function) -> None:
        """Every few minutes; a run that fails is not repeated, the next one does its work."""
        role = iam.Role(self, "ScheduleRole", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com"))
        target = targets.LambdaInvoke(reconcile, retry_attempts=0, max_event_age=Duration.minutes(1), role=role)
        every = scheduler.ScheduleExpression.rate(Duration.minutes(self.settings.reconcile.minutes))
        scheduler.Schedule(self, "Schedule", schedule=every, target=target, description="What Twilio knows and the event table does not")
        told = json.dumps({"only": CONFIRM})
        Every(self, "Claims", f"{CONFIRMED_EVERY} minutes", reconcile, "Does Twilio know those whom nobody vouches for?", told)
        reason = "the CDK lets a schedule call any version of its function; this one has no versions"
        acknowledge(self, **{"AwsSolutions-IAM5[Resource::<ReconcileFunction.Arn>:*]": reason})
