"""`inventory`: asked every hour whether everything is there that the stack made."""

from pathlib import Path

from aws_cdk import ArnFormat, Aws, Duration, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secrets
from constructs import Construct

from config.settings import Settings
from stacks.acknowledged import acknowledge
from stacks.functions import function, log_group, permit
from stacks.schedules import Every

#: What may be read of everything whose name begins with the stack's: action, service, resource, and how its ARN separates them.
BY_NAME = (
    ("cloudwatch:DescribeAlarms", "cloudwatch", "alarm", ArnFormat.COLON_RESOURCE_NAME),
    ("lambda:GetFunctionConfiguration", "lambda", "function", ArnFormat.COLON_RESOURCE_NAME),
    ("scheduler:GetSchedule", "scheduler", "schedule/default", ArnFormat.SLASH_RESOURCE_NAME),
    ("sqs:GetQueueAttributes", "sqs", "", ArnFormat.NO_RESOURCE_NAME),
    ("sns:GetTopicAttributes", "sns", "", ArnFormat.NO_RESOURCE_NAME),
    ("sns:ListSubscriptionsByTopic", "sns", "", ArnFormat.NO_RESOURCE_NAME),
)
#: Letters of a stack's name that what it makes bears at least: names of 64, those of functions and schedules, are shortened.
#: https://github.com/convox/rack/issues/2297
LEAST_BORNE = 24
REASON = "only what is there and what it is called is read; the ARN of everything the stack made does not fit into a policy"


class Inventory(Construct):
    """What it may: list the stack, and look at each thing in it."""

    def __init__(self, scope: Construct, name: str, settings: Settings, code: Path, journal: logs.LogGroup) -> None:
        super().__init__(scope, name)
        self.stack = Stack.of(self)
        self.log = log_group(self, "Log", settings.retention.logs)
        environment = {
            "STACK_NAME": self.stack.stack_name,
            "JOURNAL_GROUP": journal.log_group_name,
        }
        options = {"timeout": Duration.minutes(3)}
        self.function = function(self, "Function", "lambdas.workers.inventory.handler", code, self.log, environment, **options)
        permit(self.function, "logs:DescribeSubscriptionFilters", journal.log_group_arn)
        self.let_look()
        Every(self, "Every", "1 hour", self.function, "Is everything there that the stack made?")

    def let_look(self) -> None:
        """One action for each type of thing."""
        region, account, partition = self.stack.region, Aws.ACCOUNT_ID, Aws.PARTITION
        stack = self.stack.format_arn(service="cloudformation", resource="stack", resource_name=f"{self.stack.stack_name}/*")
        self.permit("cloudformation:ListStackResources", stack)
        name = f"{self.stack.stack_name}-"[:LEAST_BORNE] + "*"
        for action, service, resource, form in BY_NAME:
            parts = {"resource": resource, "resource_name": name} if resource else {"resource": name}
            self.permit(action, self.stack.format_arn(service=service, arn_format=form, **parts))
        self.permit("logs:DescribeLogGroups", f"arn:{partition}:logs:{region}:{account}:log-group:*")
        self.permit("lambda:GetEventSourceMapping", f"arn:{partition}:lambda:{region}:{account}:event-source-mapping:*")
        self.permit("logs:DescribeMetricFilters", f"arn:{partition}:logs:{region}:{account}:log-group:*")
        for action in ("GetRole", "ListRolePolicies", "ListAttachedRolePolicies"):
            self.permit(f"iam:{action}", f"arn:{partition}:iam::{account}:role/*")
        self.permit("apigateway:GET", f"arn:{partition}:apigateway:{region}::/account")

    def permit(self, action: str, arn: str) -> None:
        """One action, on more than one thing if need be."""
        permit(self.function, action, arn)
        if arn.endswith("*"):
            [parts] = [value[1] for value in self.stack.resolve(arn).values()]
            shown = "".join(f"<{part['Ref']}>" if isinstance(part, dict) else part for part in parts)
            acknowledge(self, **{f"AwsSolutions-IAM5[Resource::{shown}]": REASON})

    def let_look_at(self, *owned: secrets.Secret | kms.Key | None) -> None:
        """What is named at random."""
        for each in owned:
            if isinstance(each, secrets.Secret):
                permit(self.function, "secretsmanager:DescribeSecret", each.secret_arn)
            elif each:
                permit(self.function, "kms:DescribeKey", each.key_arn)
