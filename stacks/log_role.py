"""The account's one role by which API Gateway writes access logs, and who sets it. `inventory` looks after it."""

from pathlib import Path

from aws_cdk import ArnFormat, Aws, CustomResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct

from config.settings import Settings
from stacks.acknowledged import acknowledge
from stacks.functions import function, keep, log_group, permit

POLICY = "service-role/AmazonAPIGatewayPushToCloudWatchLogs"


class LogRole(Construct):
    """With `log_role = "ensure"` it sets one where there is none, and takes no other's away; with `create` the stack sets its own, whoever
    owned the one before. The role outlives the stack: others may have come to use it."""

    def __init__(self, scope: Construct, name: str, settings: Settings, code: Path) -> None:
        super().__init__(scope, name)
        self.settings = settings
        self.log = log_group(self, "Log", settings.retention.logs)
        self.function = function(self, "Function", "lambdas.workers.log_role.handler", code, self.log, {}, timeout=Duration.minutes(3))
        self.account = Stack.of(self).format_arn(
            service="apigateway", resource="/account", account="", arn_format=ArnFormat.NO_RESOURCE_NAME
        )
        permit(self.function, "apigateway:GET", self.account)
        permit(self.function, "iam:GetRole", f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/*")
        reason = "whose role is in force is not known before; it is read, nothing else"
        acknowledge(self, **{"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:iam::<AWS::AccountId>:role/*]": reason})

    def before(self, *stages: Construct) -> None:
        """Have the role before these stages: API Gateway makes none that shall write a log without it."""
        if self.settings.api.log_role == "existing":
            return
        step = self.ensured() if self.settings.api.log_role == "ensure" else self.created()
        for stage in stages:
            stage.node.add_dependency(step)

    def role(self) -> iam.Role:
        """A role that outlives the stack."""
        policy = iam.ManagedPolicy.from_aws_managed_policy_name(POLICY)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"), managed_policies=[policy])
        role.apply_removal_policy(RemovalPolicy.RETAIN)  # not KEPT: the account points at it as soon as it is made
        keep(role, "LogRole")
        acknowledge(self, **{f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{POLICY}]": "AWS's own, made for this"})
        return role

    def ensured(self) -> Construct:
        """Set where there is none."""
        role = self.role()
        permit(self.function, "apigateway:PATCH", self.account)
        permit(self.function, "iam:PassRole", role.role_arn)
        resource = CustomResource(
            self,
            "Ensured",
            service_token=self.function.function_arn,
            resource_type="Custom::LogRole",
            properties={"RoleArn": role.role_arn},
            service_timeout=Duration.minutes(5),
        )
        resource.node.add_dependency(self.function.role)
        return resource

    def created(self) -> Construct:
        """Set by CloudFormation, whatever was there."""
        account = apigateway.CfnAccount(self, "Account", cloud_watch_role_arn=self.role().role_arn)
        account.apply_removal_policy(RemovalPolicy.RETAIN)
        account.override_logical_id("LogRoleAccount")
        return account
