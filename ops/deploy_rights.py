"""Writes `config/iam/`: the IAM policies of whoever deploys, made of what CloudFormation says that each resource type of the stack needs.

    deployer.json     the person or the pipeline: may take on the roles of `cdk bootstrap`, nothing else
    execution.json    CloudFormation itself, for `cdk bootstrap --cloudformation-execution-policies`

python -m ops.deploy_rights            writes them
python -m ops.deploy_rights --check    exit status 1 if they are not what the stack needs (`make test` runs it)

The needs are the `handlers` of AWS's own resource schemas, as cfn-lint ships them. They name the rights for everything that a type can do;
what this stack makes no use of is taken out by `UNUSED`. A test fails while the need of a new type is neither given nor taken out.
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html#schema-properties-handlers
https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-customizing.html
"""

import json
import sys
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from aws_cdk import App
from aws_cdk.assertions import Template
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from answerbook.compile import compile_book
from config.settings import Settings, load
from ops.generated import write_or_check
from stacks.fallback_stack import FallbackStack

FOLDER = Path(__file__).parents[1] / "config" / "iam"
LONGEST = (
    6144  #: characters of a managed policy, without white space. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
)
HANDLERS = ("create", "read", "update", "delete")
REGION = "us-west-2"  #: whose schemas are read

Json = dict[str, Any]

#: By service, the resources that may be touched. CloudFormation names what has no name after the stack, `fallback-<environment>`,
#: and secrets after their logical id alone, so those are added from the template.
RESOURCES = {
    "apigateway": tuple(f"arn:aws:apigateway:*::/{path}" for path in ("restapis", "restapis/*", "account", "tags/*")),
    "application-autoscaling": ("*",),
    "cloudwatch": ("arn:aws:cloudwatch:*:*:alarm:fallback-*", "arn:aws:cloudwatch::*:dashboard/fallback-*"),
    "dynamodb": ("arn:aws:dynamodb:*:*:table/fallback-*",),
    "iam": ("arn:aws:iam::*:role/fallback-*",),
    "kms": ("arn:aws:kms:*:*:key/*",),
    "lambda": ("arn:aws:lambda:*:*:function:fallback-*", "arn:aws:lambda:*:*:event-source-mapping:*"),
    "logs": ("arn:aws:logs:*:*:log-group:fallback-*",),
    "s3": ("arn:aws:s3:::fallback-*",),
    "scheduler": ("arn:aws:scheduler:*:*:schedule/default/fallback-*",),
    "secretsmanager": ("arn:aws:secretsmanager:*:*:secret:fallback-*",),
    "sns": ("arn:aws:sns:*:*:fallback-*",),
    "sqs": ("arn:aws:sqs:*:*:fallback-*",),
    "ssm": ("arn:aws:ssm:*:*:parameter/fallback/*",),
}  # fmt: skip
#: What IAM cannot narrow down to a resource of ours. https://docs.aws.amazon.com/service-authorization/latest/reference/
ANYWHERE = (
    "cloudwatch:Describe*", "cloudwatch:List*", "kms:CreateKey", "kms:List*", "lambda:CreateEventSourceMapping", "logs:Describe*",
    "secretsmanager:GetRandomPassword", "sns:List*", "sns:GetSubscriptionAttributes", "sns:SetSubscriptionAttributes", "sns:Unsubscribe",
)  # fmt: skip
#: Rights to look, by patterns: shorter than one by one, and none of them shows what callers said or what a secret is.
LOOKS = (
    "cloudwatch:Get*", "cloudwatch:Describe*", "cloudwatch:List*", "dynamodb:Describe*", "dynamodb:List*", "dynamodb:GetResourcePolicy",
    "iam:Get*", "iam:List*", "kms:Describe*", "kms:List*", "kms:GetKey*", "lambda:Get*", "lambda:List*", "logs:Describe*",
    "logs:Get*Policy", "logs:List*", "s3:GetBucket*", "s3:Get*Configuration", "s3:ListBucket", "s3:ListTagsForResource", "scheduler:Get*",
    "secretsmanager:DescribeSecret", "sns:Get*", "sns:List*", "sqs:Get*", "sqs:List*", "application-autoscaling:Describe*",
)  # fmt: skip
#: What the types could need, and this stack does not.
UNUSED = {
    "functions in a VPC, with a file system or on capacity of their own": (
        "ec2:*", "elasticfilesystem:*", "s3files:*", "lambda:PassCapacityProvider",
    ),
    "signed code, layers, chosen runtimes, provisioned concurrency": (
        "lambda:*CodeSigning*", "lambda:GetLayerVersion", "lambda:*Runtime*", "lambda:*ProvisionedConcurrency*", "lambda:*Scaling*",
        "lambda:*Recursion*", "codedeploy:*",
    ),
    "tables with replicas, streams, provisioned throughput or policies, and what is in a table": (
        "dynamodb:*Replica*", "dynamodb:*Kinesis*", "kinesis:*", "application-autoscaling:*", "dynamodb:*ResourcePolicy",
        "dynamodb:*Item", "dynamodb:Query", "dynamodb:Scan",
    ),
    "buckets that replicate, log, notify, count or hold web pages, and what is in a bucket": (
        "s3:*Object*", "s3:REST.*", "s3:*Metadata*", "s3tables:*", "s3:*Analytics*", "s3:*Metrics*", "s3:*Inventory*", "s3:*Tiering*",
        "s3:*Website", "s3:*Cors", "s3:*CORS", "s3:*Replication*", "s3:*Accelerate*", "s3:*Logging", "s3:*Notification", "s3:*Acl",
        "s3:*Abac",
    ),
    "people, groups, boundaries, roles that AWS owns": (
        "iam:*User*", "iam:*Group*", "iam:*Boundary", "iam:CreateServiceLinkedRole", "iam:*RoleDescription",
    ),
    "log groups with a key, an index or masks; deliveries of other services": (
        "logs:*KmsKey", "logs:*IndexPolicy", "logs:*IndexPolicies", "logs:*DataProtectionPolicy", "logs:*ResourcePolicy",
        "logs:*Bearer*", "logs:*DeletionProtection", "logs:*LogDelivery", "firehose:*", "cloudwatch:PutMetricData",
    ),
    "what is encrypted; grants": ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:*Grant"),
    "secrets in several regions": ("secretsmanager:Re*",),
    "topics that mask": ("sns:*DataProtectionPolicy",),
}  # fmt: skip
#: Given by statements of their own, on condition.
NARROWED = ("iam:PassRole", "iam:AttachRolePolicy", "iam:DetachRolePolicy")
SECRETS = "AWS::SecretsManager::Secret"
PASSED_TO = ("apigateway.amazonaws.com", "lambda.amazonaws.com", "scheduler.amazonaws.com")
LOG_ROLE = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
VERSION = "arn:aws:ssm:*:*:parameter/cdk-bootstrap/*"
ASSETS = "arn:aws:s3:::cdk-*-assets-*/*"
#: The roles of `cdk bootstrap` that a deployment without Docker takes on.
TAKEN_ON = ("deploy", "file-publishing", "lookup")


def largest() -> Settings:
    """An environment with everything that the settings can switch on."""
    settings = load("production")
    on = {
        "api": {"log_role": "create"},
        "alerts": {"emails": ("oncall@example.com",), "webhooks": ("https://events.example.com/sns/1",), "customer_key": True},
        "voicemail": {"customer_key": True},
    }
    return settings.model_copy(update={name: getattr(settings, name).model_copy(update=values) for name, values in on.items()})


@cache
def resources() -> dict[str, Json]:
    """What the largest environment's template contains, by logical id."""
    settings = largest()
    template = Template.from_stack(FallbackStack(App(), settings, compile_book(settings))).to_json()
    return dict(template["Resources"])


def needed(types: Collection[str]) -> set[str]:
    """The actions that CloudFormation's handlers of these types ask for. Raises KeyError for a type that names none."""
    found = set[str]()
    for name in types:
        handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, name).schema["handlers"]
        found |= {action for kind in HANDLERS for action in handlers.get(kind, {}).get("permissions", [])}
    return found


def matches(action: str, patterns: Collection[str]) -> bool:
    """Whether an action is one of these patterns."""
    return any(fnmatchcase(action, pattern) for pattern in patterns)


def granted(actions: Collection[str]) -> Iterator[str]:
    """What is given of these actions: the rights to look as patterns, the others one by one."""
    looks = {pattern for pattern in LOOKS if any(fnmatchcase(action, pattern) for action in actions)}
    unused = [pattern for patterns in UNUSED.values() for pattern in patterns]
    yield from looks
    yield from (action for action in actions if not matches(action, (*LOOKS, *unused, *NARROWED)))


def execution() -> Json:
    """The policy of CloudFormation's role."""
    found = resources()
    types = {resource["Type"] for resource in found.values()}
    actions = sorted(granted(needed([name for name in types if not name.startswith("Custom::")])))
    anywhere = [action for action in actions if matches(action, ANYWHERE)]
    named = tuple(f"arn:aws:secretsmanager:*:*:secret:{name}-*" for name, each in found.items() if each["Type"] == SECRETS)
    secrets = {"secretsmanager": named}
    statements = [
        allow(
            service,
            [action for action in actions if action.startswith(f"{service}:") and action not in anywhere],
            own + secrets.get(service, ()),
        )
        for service, own in RESOURCES.items()
    ]
    return policy([*statements, allow("anywhere", anywhere, "*"), *by_hand()])


def by_hand() -> Iterator[Json]:
    """What no schema says, or says without a condition."""
    yield allow("PassRoles", ["iam:PassRole"], RESOURCES["iam"]) | {"Condition": {"StringEquals": {"iam:PassedToService": PASSED_TO}}}
    log_role = {"Condition": {"ArnEquals": {"iam:PolicyARN": LOG_ROLE}}}
    yield allow("AttachLogPolicy", ["iam:AttachRolePolicy", "iam:DetachRolePolicy"], RESOURCES["iam"]) | log_role
    yield allow("CheckTokens", ["lambda:InvokeFunction"], RESOURCES["lambda"][:1])
    yield allow("ReadZips", ["s3:GetObject"], [ASSETS])
    yield allow("ReadBootstrapVersion", ["ssm:GetParameters"], [VERSION])


def deployer() -> Json:
    """The policy of the person or the pipeline that types `cdk deploy`."""
    roles = [f"arn:aws:iam::*:role/cdk-*-{role}-role-*" for role in TAKEN_ON]
    return policy(
        [
            allow("TakeOnBootstrapRoles", ["sts:AssumeRole"], roles),
            allow("SeeWhetherItStands", ["cloudformation:DescribeStacks"], ["arn:aws:cloudformation:*:*:stack/fallback-*/*"]),
            allow("SeeTheQuota", ["lambda:GetAccountSettings"], "*"),  # has no resource
        ]
    )


def allow(name: str, actions: Collection[str], on: Collection[str]) -> Json:
    """One statement; its name may hold letters and digits only."""
    sid = "".join(part[0].upper() + part[1:] for part in name.split("-"))
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": on if isinstance(on, str) else list(on)}


def policy(statements: Collection[Json]) -> Json:
    """A policy document; statements without actions are left out."""
    return {"Version": "2012-10-17", "Statement": [statement for statement in statements if statement["Action"]]}


def written() -> dict[Path, str]:
    """Both files as they should be."""
    policies = {"deployer": deployer(), "execution": execution()}
    return {FOLDER / f"{name}.json": json.dumps(document, indent=2) + "\n" for name, document in policies.items()}


def main() -> int:
    """Write or check."""
    return write_or_check(written(), "the stack needs", "ops.deploy_rights")


if __name__ == "__main__":
    sys.exit(main())
