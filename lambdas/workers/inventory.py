"""`inventory`: every hour, is everything there that the stack made, and switched on?

Much of it is missed by nobody until it is needed: an alarm, the queue for deliveries that fail, a role, a schedule. CloudFormation says
what there is to be; what can be switched off has to be on. What is gone makes the run fail, because Lambda's own count of errors needs no
log group and no right; log and error name it. That it does not run at all sets off the same alarm. API Gateway's log role is no part
of the stack, and is looked after all the same.

What is not asked is missed at once by what uses it: the parts of the APIs, the table, the bucket (`stacks/vanished.py`).
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackResources.html
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.answer.journal import NAMESPACE
from lambdas.workers.access_log import GATEWAY_RESPONSES
from lambdas.workers.aws import LOOKING
from lambdas.workers.log_role import is_alive, role_in_force

STACK = os.environ["STACK_NAME"]
JOURNAL = os.environ["JOURNAL_GROUP"]
MOST_NAMED = 10  #: things in the error's text; the log has all
#: What is the stack's no more (the second is still there, because it is retained), or not yet: the first look comes while it is made.
NOT_THE_STACKS = ("DELETE_COMPLETE", "DELETE_SKIPPED", "CREATE_IN_PROGRESS", "CREATE_FAILED")
#: How each service says that there is no such thing.
NO_SUCH = ("ResourceNotFoundException", "NoSuchEntity", "NotFound", "NotFoundException", "QueueDoesNotExist", "NonExistentQueue")

LOGGER = Logger(service="inventory")
CLOUDFORMATION = boto3.client("cloudformation", config=LOOKING)
CLOUDWATCH = boto3.client("cloudwatch", config=LOOKING)
IAM = boto3.client("iam", config=LOOKING)
KMS = boto3.client("kms", config=LOOKING)
LAMBDA = boto3.client("lambda", config=LOOKING)
LOGS = boto3.client("logs", config=LOOKING)
SCHEDULER = boto3.client("scheduler", config=LOOKING)
SECRETS = boto3.client("secretsmanager", config=LOOKING)
SNS = boto3.client("sns", config=LOOKING)
SQS = boto3.client("sqs", config=LOOKING)

Look = Callable[[str], object]


class Gone(RuntimeError):
    """Something of the stack is gone or switched off."""


def handler(_: dict[str, Any], __: LambdaContext) -> None:
    """One look at everything. Raises Gone."""
    gone = list(missing())
    if not is_alive(role_in_force()):
        gone.append("API Gateway's log role")
    if gone:
        LOGGER.error("gone", extra={"gone": gone})
        raise Gone(f"gone or switched off: {', '.join(gone[:MOST_NAMED])}{', ...' if len(gone) > MOST_NAMED else ''}")


def missing() -> Iterator[str]:
    """What the stack made and is not there, or not on; what cannot be looked at, too."""
    for name, kind, known_as in made():
        try:
            if kind in LOOKS and not LOOKS[kind](known_as):
                yield name
        except ClientError as error:
            code = error.response["Error"]["Code"].rpartition(".")[2]
            yield name if code in NO_SUCH else f"{name} ({code})"
        except BotoCoreError as error:
            yield f"{name} ({type(error).__name__})"


def made() -> Iterator[tuple[str, str, str]]:
    """Everything in the stack: logical id, type, and the name that the service gave it."""
    for page in CLOUDFORMATION.get_paginator("list_stack_resources").paginate(StackName=STACK):
        for each in page["StackResourceSummaries"]:
            if each["ResourceStatus"] not in NOT_THE_STACKS:
                yield each["LogicalResourceId"], each["ResourceType"], each.get("PhysicalResourceId", "")


def is_armed(name: str) -> bool:
    """Whether an alarm is there and does something."""
    found = CLOUDWATCH.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return bool(found) and found[0]["ActionsEnabled"]


def is_log_group(name: str) -> bool:
    """Whether a log group is there."""
    found = LOGS.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return any(group["logGroupName"] == name for group in found)


def is_subscribed(name: str) -> bool:
    """Whether the journal has this subscription."""
    found = LOGS.describe_subscription_filters(logGroupName=JOURNAL)["subscriptionFilters"]
    return any(each["filterName"] == name for each in found)


def is_counted(name: str) -> bool:
    """Whether a metric filter is there that counts what API Gateway answered by itself."""
    found = LOGS.describe_metric_filters(metricNamespace=NAMESPACE, metricName=GATEWAY_RESPONSES)["metricFilters"]
    return any(each["filterName"] == name for each in found)


def is_told(subscription: str) -> bool:
    """Whether somebody has confirmed a subscription, and still has it."""
    pages = SNS.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=subscription.rpartition(":")[0])
    return any(each["SubscriptionArn"] == subscription for page in pages for each in page["Subscriptions"])


def has_rights(role: str) -> bool:
    """Whether a role is there, and has a policy: each of ours has one."""
    return bool(IAM.list_role_policies(RoleName=role)["PolicyNames"] or IAM.list_attached_role_policies(RoleName=role)["AttachedPolicies"])


def is_consumed(uuid: str) -> bool:
    """Whether a queue is being read. While it is changed its state is another than these."""
    return LAMBDA.get_event_source_mapping(UUID=uuid)["State"] not in ("Disabled", "Disabling", "Deleting")


#: By type, whether a thing is there and on. What raises one of NO_SUCH is not.
LOOKS: dict[str, Look] = {
    "AWS::CloudWatch::Alarm": is_armed,
    "AWS::IAM::Role": has_rights,
    "AWS::KMS::Key": lambda key: KMS.describe_key(KeyId=key)["KeyMetadata"]["Enabled"],
    "AWS::Lambda::EventSourceMapping": is_consumed,
    "AWS::Lambda::Function": lambda name: LAMBDA.get_function_configuration(FunctionName=name),
    "AWS::Logs::LogGroup": is_log_group,
    "AWS::Logs::MetricFilter": is_counted,
    "AWS::Logs::SubscriptionFilter": is_subscribed,
    "AWS::SNS::Subscription": is_told,
    "AWS::SNS::Topic": lambda arn: SNS.get_topic_attributes(TopicArn=arn),
    "AWS::SQS::Queue": lambda url: SQS.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"]),
    "AWS::Scheduler::Schedule": lambda name: SCHEDULER.get_schedule(Name=name)["State"] == "ENABLED",
    "AWS::SecretsManager::Secret": lambda arn: "DeletedDate" not in SECRETS.describe_secret(SecretId=arn),
}
