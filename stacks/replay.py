"""`replay`: the function that hands missed texts and callbacks back. Nothing triggers it but an engineer who may invoke it."""

import json
from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secrets
from constructs import Construct

from config.settings import Settings
from lambdas.workers.hand_back import UNDER_WAY
from stacks.functions import function, log_group, permit

#: One text at a time; a replay that is older than UNDER_WAY and has no end is taken for a crash, so the function must end before.
TIMEOUT = Duration.seconds(UNDER_WAY // 2)


class Replay(Construct):
    """It may read the Auth Tokens, so that people need not."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        code: Path,
        table: dynamodb.TableV2,
        tokens: secrets.Secret,
        keys: secrets.Secret,
    ) -> None:
        super().__init__(scope, name)
        environment = {
            "TABLE_NAME": table.table_name,
            "TOKENS_SECRET": tokens.secret_arn,
            "KEYS_SECRET": keys.secret_arn,
            "PRIMARY_HOSTS": json.dumps(settings.primary.hosts),
            "PRIMARY_HEALTH": json.dumps(settings.primary.health),
            "EVENT_DAYS": str(settings.retention.events),
            "REPLY_MINUTES": str(settings.hand_back.reply_minutes),
        }
        group = log_group(self, "Log", settings.retention.logs)
        self.function: lambda_.Function = function(
            self,
            "Function",
            "lambdas.workers.replay.handler",
            code,
            group,
            environment,
            timeout=TIMEOUT,
            description="Hands a missed text or callback back to the primary, signed as Twilio signs",
        )
        for action in ("GetItem", "PutItem", "UpdateItem", "Query"):
            permit(self.function, f"dynamodb:{action}", table.table_arn)
        for secret in (tokens, keys):
            permit(self.function, "secretsmanager:GetSecretValue", secret.secret_arn)
