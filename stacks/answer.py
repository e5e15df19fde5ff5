"""The answer function: its secret, its journal and the alias that API Gateway calls."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secrets
from constructs import Construct

from config.settings import Settings
from lambdas.answer.book import PROBE_ACCOUNT
from stacks.functions import KEPT, answer_files, function, keep, log_group, permit, zipped

#: Twilio gives up after 15 s; API Gateway (8 s) must have answered in our stead before, and Lambda (5 s) ended before that.
TIMEOUT = Duration.seconds(5)
NO_TOKENS = "{}"  #: until the platform team puts theirs in


class Answer(Construct):
    """The function needs nothing at call time; the one thing it asks at start, the tokens, it can do without."""

    def __init__(
        self, scope: Construct, name: str, settings: Settings, book: Mapping[str, Any], callbacks_url: str, media_url: str = ""
    ) -> None:
        super().__init__(scope, name)
        self.tokens = secrets.Secret(
            self,
            "Tokens",
            description="Twilio Auth Tokens: a JSON object of account SID to a list of tokens",
            generate_secret_string=secrets.SecretStringGenerator(generate_string_key=PROBE_ACCOUNT, secret_string_template=NO_TOKENS),
            removal_policy=KEPT,
        )
        self.journal = log_group(self, "Journal", settings.retention.journal)
        environment = {
            "FALLBACK_ENVIRONMENT": settings.environment,
            "TOKENS_SECRET": self.tokens.secret_arn,
            "CALLBACKS_URL": callbacks_url,
            "MEDIA_URL": media_url,
        }
        self.function = function(
            self,
            "Function",
            "lambdas.answer.handler.handler",
            zipped("answer", answer_files(book)),
            self.journal,
            environment,
            memory_size=settings.function.memory,
            timeout=TIMEOUT,
            reserved_concurrent_executions=settings.function.reserved_concurrency,
            current_version_options=lambda_.VersionOptions(removal_policy=KEPT),
            description="Answers Twilio's fallback and disaster recovery requests with TwiML",
        )
        permit(self.function, "secretsmanager:GetSecretValue", self.tokens.secret_arn)
        self.alias = lambda_.Alias(self, "Live", alias_name="live", version=self.function.current_version)
        keep(self.tokens, "Tokens")
        keep(self.journal, "Journal")
        keep(self.function, "AnswerFunction")
