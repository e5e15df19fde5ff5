"""`record`: from the journal into the event table, with the queue that catches what failed."""

from pathlib import Path
from typing import cast

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_logs_destinations as destinations
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from config.capacity import redelivered_at_once
from config.settings import Settings
from lambdas.answer.journal import MARK
from stacks.functions import KEPT, function, keep, log_group, permit

TIMEOUT = Duration.seconds(30)
#: What failed comes again so often, each time after a quarter of an hour at most: for nine days, of the fourteen that SQS keeps it.
MOST_RECEIVES, RETRIED_AFTER = 900, Duration.minutes(15)
#: Deliveries of one batch: even if the table hangs, each has its turn within the function's time.
DELIVERIES = 4


class Record(Construct):
    """Invoked asynchronously: two retries, six hours at most, then the on-failure queue, which the function consumes too, for nine days."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        code: Path,
        journal: logs.LogGroup,
        table: dynamodb.TableV2,
        voicemails: sqs.Queue,
    ) -> None:
        super().__init__(scope, name)
        self.dead = queue(self, "DeadLetters", Duration.days(14))
        self.failed = queue(self, "Failed", Duration.days(14), self.dead, RETRIED_AFTER)
        keep(self.dead, "RecordDeadLetters")
        keep(self.failed, "RecordFailed")
        environment = {
            "FALLBACK_ENVIRONMENT": settings.environment,
            "TABLE_NAME": table.table_name,
            "EVENT_DAYS": str(settings.retention.events),
            "ORIGINAL_DAYS": str(settings.retention.originals),
            "QUEUE_URL": voicemails.queue_url,
        }
        self.log = log_group(self, "Log", settings.retention.logs)
        self.function = function(self, "Function", "lambdas.workers.record.handler", code, self.log, environment, timeout=TIMEOUT)
        permit(self.function, "dynamodb:BatchWriteItem", table.table_arn)
        permit(self.function, "sqs:SendMessage", voicemails.queue_arn)
        hand_over(self, self.function, self.failed)
        consume(self, self.failed, self.function, DELIVERIES, redelivered_at_once(settings))
        subscription = logs.SubscriptionFilter(
            self,
            "Subscription",
            log_group=journal,
            filter_pattern=logs.FilterPattern.literal(f'"{MARK}"'),
            destination=destinations.LambdaDestination(self.function),
        )
        #: The filter's name, by which CloudWatch counts what it could not deliver.
        self.subscription_name = cast(logs.CfnSubscriptionFilter, subscription.node.default_child).ref


def hand_over(scope: Construct, worker: lambda_.Function, failed: sqs.Queue, retries: int = 2) -> None:
    """An event that a function could not handle in so many more attempts, or for which it had no time in six hours, goes into a queue,
    together with the reason."""
    failed.grant(worker, "sqs:SendMessage")
    to_queue = lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=failed.queue_arn)
    lambda_.CfnEventInvokeConfig(
        scope,
        "Asynchronous",
        function_name=worker.function_name,
        qualifier="$LATEST",
        maximum_retry_attempts=retries,
        maximum_event_age_in_seconds=6 * 3600,
        destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(on_failure=to_queue),
    ).node.add_dependency(worker.role)


def queue(
    scope: Construct,
    name: str,
    retention: Duration,
    dead: sqs.Queue | None = None,
    visibility: Duration | None = None,
) -> sqs.Queue:
    """An encrypted queue that only TLS may talk to."""
    return sqs.Queue(
        scope,
        name,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=retention,
        visibility_timeout=visibility,
        dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=MOST_RECEIVES, queue=dead) if dead else None,
        removal_policy=KEPT,
    )


def consume(
    scope: Construct, source: sqs.Queue, worker: lambda_.Function, batch_size: int, most_at_once: int | None = None
) -> lambda_.EventSourceMapping:
    """Let a function consume a queue, each message on its own merits."""
    source.grant(worker, "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    return lambda_.EventSourceMapping(
        scope,
        "Consume",
        target=worker,
        event_source_arn=source.queue_arn,
        report_batch_item_failures=True,
        batch_size=batch_size,
        max_concurrency=most_at_once,
    )
