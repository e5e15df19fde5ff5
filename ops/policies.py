"""`fallback policies`: the IAM policy documents of those who use the commands, for the stack as it is deployed.

    reader      sees the state of things, errors and stories, numbers masked or noted in the audit trail
    responder   hears voicemails, acknowledges, hands back
    owner       erases people, rebuilds events, redrives queues, changes the secrets

Each one contains the one before. All a reader may write is the audit trail, and nobody may change a line of it.
"""

import json
from collections.abc import Callable
from typing import Annotated, Any

import typer

from config.deployed import path_of
from lambdas.workers.events import TIMELINE, TODO
from ops.deployment import Deployment, OpsError, explained
from ops.options import PRODUCTION, EnvironmentOption

Statement = dict[str, Any]


def policies(
    role: Annotated[str, typer.Argument(help="reader, responder or owner")],
    environment: EnvironmentOption = PRODUCTION,
    region: Annotated[str | None, typer.Option("--region", help="another region than the settings' own")] = None,
) -> None:
    """The IAM policy of a reader, responder or owner. From the ARNs of the deployed stack.

    Example:

        fallback policies responder > responder.json

        aws iam create-policy --policy-name fallback-responder --policy-document file://responder.json
    """
    if role not in ROLES:
        raise OpsError(f"{role!r} is none of {', '.join(ROLES)}")
    print(json.dumps(document(role, Deployment.find(environment, region)), indent=2))


def document(role: str, deployment: Deployment) -> dict[str, Any]:
    """The policy of a role and of those that it contains."""
    names = list(ROLES)[: list(ROLES).index(role) + 1]
    arns = Arns(deployment)
    return {"Version": "2012-10-17", "Statement": [statement for name in names for statement in ROLES[name](arns)]}


class Arns:
    """The ARNs of a deployment's resources, built from its outputs: whoever asks need not be allowed to describe them."""

    def __init__(self, deployment: Deployment) -> None:
        with explained("who you are"):
            identity = deployment.client("sts").get_caller_identity()
        self.deployment = deployment
        self.partition = identity["Arn"].split(":")[1]
        self.account = identity["Account"]

    def __call__(self, service: str, resource: str) -> str:
        """The ARN of something in the deployment's region."""
        return f"arn:{self.partition}:{service}:{self.deployment.region}:{self.account}:{resource}"

    @property
    def table(self) -> str:
        """The event table."""
        return self("dynamodb", f"table/{self.deployment['EventTableName']}")

    @property
    def bucket(self) -> str:
        """The bucket of voicemails."""
        return f"arn:{self.partition}:s3:::{self.deployment['VoicemailBucketName']}"

    def group(self, output: str) -> tuple[str, str]:
        """The log group that an output names, and its streams."""
        name = self.deployment[output]
        return self("logs", f"log-group:{name}"), self("logs", f"log-group:{name}:*")

    def queue(self, output: str) -> str:
        """The queue that an output names by its URL."""
        return self("sqs", self.deployment[output].rpartition("/")[2])


def allow(sid: str, actions: list[str], *resources: str) -> Statement:
    """One statement."""
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": list(resources)}


def reader(arns: Arns) -> list[Statement]:
    """Sees the state of things, errors and stories."""
    stack = arns("cloudformation", f"stack/fallback-{arns.deployment.environment}/*")
    path = arns("ssm", f"parameter{path_of(arns.deployment.environment)}")
    indexes = [f"{arns.table}/index/{index}" for index in (TIMELINE, TODO)]
    return [
        allow("FindTheStack", ["cloudformation:DescribeStacks"], stack),
        allow("ReadWhatIsDeployed", ["ssm:GetParametersByPath"], path, f"{path}/*"),
        allow("ReadHistory", ["dynamodb:Query", "dynamodb:GetItem", "dynamodb:BatchGetItem"], arns.table, *indexes),
        allow("WriteTheAuditTrail", ["logs:CreateLogStream", "logs:PutLogEvents"], *arns.group("AuditGroupName")),
        allow("SeeAlarms", ["cloudwatch:DescribeAlarms"], "*"),  # a prefix of names is no resource to IAM
    ]


def responder(arns: Arns) -> list[Statement]:
    """Hears voicemails, acknowledges, hands back."""
    statements = [
        allow("HearVoicemails", ["s3:GetObject"], f"{arns.bucket}/*"),
        allow("Acknowledge", ["dynamodb:UpdateItem"], arns.table),
    ]
    if name := arns.deployment.outputs.get("ReplayFunctionName"):
        statements.append(allow("HandBack", ["lambda:InvokeFunction"], arns("lambda", f"function:{name}")))
    if key := arns.deployment.outputs.get("VoicemailKeyArn"):
        statements.append(allow("DecryptVoicemails", ["kms:Decrypt"], key))
    return statements


def owner(arns: Arns) -> list[Statement]:
    """Erases people, rebuilds events, redrives queues, changes the secrets."""
    queues = [arns.queue(output) for output in ("VoicemailQueueUrl", "VoicemailDeadLettersUrl")]
    moving = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "SendMessage", "StartMessageMoveTask", "ListMessageMoveTasks"]
    secrets = [arns.deployment[output] for output in ("TokensSecretArn", "TwilioKeysSecretArn")]
    alarms = f"alarm:fallback-{arns.deployment.environment}-*"
    return [
        allow("EraseAndRebuild", ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PutItem"], arns.table),
        allow("EraseFiles", ["s3:DeleteObjectVersion"], f"{arns.bucket}/*"),
        allow("FindVersions", ["s3:ListBucketVersions"], arns.bucket),
        allow("ReadJournalAndAuditTrail", ["logs:FilterLogEvents"], *arns.group("JournalGroupName"), *arns.group("AuditGroupName")),
        allow("SeeWhenAlarmsWentOff", ["cloudwatch:DescribeAlarmHistory"], arns("cloudwatch", alarms)),
        allow("Redrive", [f"sqs:{action}" for action in moving], *queues),
        allow("TryTokens", ["lambda:InvokeFunction"], arns("lambda", f"function:{arns.deployment['TokenCheckFunctionName']}")),
        allow("ChangeSecrets", ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"], *secrets),
    ]


ROLES: dict[str, Callable[[Arns], list[Statement]]] = {"reader": reader, "responder": responder, "owner": owner}
