"""Each worker's share of what Lambda runs at once, and what the account has, asked of Lambda while the stack is synthesized."""

import boto3
from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_
from botocore.exceptions import BotoCoreError, ClientError

from config.capacity import shares, storm
from config.mistakes import ConfigError
from config.settings import Settings
from stacks.standing import AWS, deployed_into

PAGE = "docs/capacity.md"
WORKERS = "lambdas.workers."  #: what the handlers of those begin with who may be late


def share_out(stack: Stack, settings: Settings) -> None:
    """Reserve for each worker its share, which is also the most that it gets. Raises KeyError for a worker that has none."""
    if not (reserved := shares(settings)):
        return
    for each in stack.node.find_all():
        if isinstance(each, lambda_.CfnFunction) and (each.handler or "").startswith(WORKERS):
            each.reserved_concurrent_executions = reserved[str(each.handler).split(".")[2]]


def tell_of_storm(settings: Settings) -> str:
    """What the storm of the settings needs, and where to ask for it where the account has less."""
    holds, sentence = storm(settings)
    return f"note: {sentence}" if holds else f"warning: {sentence}; callers would be hung up on: ask AWS for more ({PAGE})"


def refuse_other_quota(settings: Settings) -> None:
    """Raises ConfigError where the account has less than the settings say: AWS would refuse the shares halfway."""
    has, said = quota_of(settings.region), settings.capacity.quota
    if has and has < said:
        at, remedy = f"{settings.place('capacity', 'quota')}: capacity.quota", f"write {has}, or ask AWS for more ({PAGE})"
        raise ConfigError(f"{at}: Lambda runs {has} executions at once in this account, not {said}; {remedy}")


def quota_of(region: str) -> int | None:
    """How many executions Lambda runs at once in the account that is deployed into; None where nobody can tell."""
    if not deployed_into():
        return None
    try:
        return int(boto3.client("lambda", region_name=region, config=AWS).get_account_settings()["AccountLimit"]["ConcurrentExecutions"])
    except (ClientError, BotoCoreError):
        return None
