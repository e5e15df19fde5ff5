"""`log_role`: API Gateway may write logs only by a role that is set once for an account and Region; without it no stage can be made.

A deployment sets the role of this stack, but only where none is set, or one that is gone: another stack's is left alone. `inventory` looks
every hour whether it is gone.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html#set-up-access-logging-permissions
"""

import json
import time
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.workers.aws import MOVING
from lambdas.workers.deployment_step import answer

SERVICE = "apigateway.amazonaws.com"
#: Seconds between attempts. API Gateway takes one UpdateAccount in 20 s, and a new role only some seconds after it was made.
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
PAUSES = (0, 5, 10, 20, 20, 25, 25)
SOON = ("BadRequestException", "TooManyRequestsException")

LOGGER = Logger(service="log_role")
GATEWAY = boto3.client("apigateway", config=MOVING)
IAM = boto3.client("iam", config=MOVING)


def handler(event: dict[str, Any], _: LambdaContext) -> None:
    """Make sure that there is a role, and answer CloudFormation whatever comes of it. Nothing is undone when the stack goes."""
    try:
        if event["RequestType"] != "Delete":
            ensure(event["ResourceProperties"]["RoleArn"])
    except Exception as error:  # the boundary of a deployment's step: CloudFormation would wait for an answer until it gives up
        LOGGER.exception("API Gateway's log role could not be set")
        answer(event, "log-role", f"API Gateway's log role could not be set: {error}")
        return
    answer(event, "log-role")


def ensure(role: str) -> None:
    """Set this role where none that is alive is set. Raises ClientError where API Gateway keeps refusing it."""
    if is_alive(role_in_force()):
        return
    for attempt, pause in enumerate(PAUSES, 1):
        time.sleep(pause)
        try:
            GATEWAY.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}])
        except ClientError as error:
            if error.response["Error"]["Code"] not in SOON or attempt == len(PAUSES):
                raise
            LOGGER.info("not yet", extra={"reason": str(error)})
        else:
            return


def role_in_force() -> str:
    """The ARN of the role that API Gateway uses in this account and Region, if any."""
    return str(GATEWAY.get_account().get("cloudwatchRoleArn") or "")


def is_alive(role: str) -> bool:
    """Whether a role is there and lets API Gateway use it. A role that we may not read is somebody's, and believed."""
    if not role:
        return False
    try:
        trust = IAM.get_role(RoleName=role.rpartition("/")[2])["Role"]["AssumeRolePolicyDocument"]
    except IAM.exceptions.NoSuchEntityException:
        return False
    except (ClientError, BotoCoreError) as error:
        LOGGER.info("the role cannot be read", extra={"reason": str(error)})
        return True
    return SERVICE in json.dumps(trust)
