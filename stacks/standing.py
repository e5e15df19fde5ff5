"""Whether a stack stands already, asked of CloudFormation while it is synthesized.

The CDK CLI switches termination protection on before the first create; a first create that fails could then be neither repeated nor
deleted ("cannot be deleted while TerminationProtection is enabled"). So a stack is protected from its second deployment on.
"""

import os

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

#: States of a stack whose first create has not succeeded.
NEVER_STOOD = ("REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_FAILED", "ROLLBACK_COMPLETE")
AWS = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})


def stands(stack: str, region: str) -> bool | None:
    """Whether a stack was ever created. None where nobody can tell: without credentials, or with those of another account than the one
    that the CLI deploys into (https://docs.aws.amazon.com/cdk/v2/guide/configure-env.html)."""
    if not os.environ.get("CDK_DEFAULT_ACCOUNT"):
        return None
    try:
        found = boto3.client("cloudformation", region_name=region, config=AWS).describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        return False if "does not exist" in str(error) and deployed_into() else None
    except BotoCoreError:
        return None
    return found[0]["StackStatus"] not in NEVER_STOOD


def deployed_into() -> bool:
    """Whether our credentials are those of the account that the CLI deploys into."""
    account = os.environ.get("CDK_DEFAULT_ACCOUNT")
    try:
        return bool(account and boto3.client("sts", config=AWS).get_caller_identity()["Account"] == account)
    except (ClientError, BotoCoreError):
        return False
