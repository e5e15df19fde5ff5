"""Is the token right? Daily, and at every deployment, each stored Auth Token is tried against Twilio.

A stale token makes every real caller a stranger while the probe, which signs with a token of its own, stays green. What can be wrong:

    refused   Twilio does not accept the token in the Region that it is stored for: rotated away, mistyped, or another Region's
    missing   an account of the settings has no token at all: forgotten, or overwritten. The very first deployment finds none, says so in
              the log, and rings nothing: whoever deploys is about to add them
    unknown   the entry names a Region that Twilio does not have

Twilio out of reach proves nothing and counts as nothing. Entries of shared keys cannot be tried: they sign, and open nothing.
https://www.twilio.com/docs/iam/api/account#fetch-an-account-resource
"""

import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.answer import book as answer_book
from lambdas.answer.book import Book
from lambdas.answer.journal import NAMESPACE
from lambdas.answer.tokens import tokens_by_name
from lambdas.workers.aws import QUICK
from lambdas.workers.deployment_step import answer
from lambdas.workers.transport import Deadline, NotAllowed, Unreachable, request
from lambdas.workers.twilio_api import basic
from lambdas.workers.twilio_regions import Home, api_host, names_of

SECONDS = 10.0  #: for one attempt
ALL_SECONDS = 120.0  #: for all of them, of three minutes that the function has
REFUSED = (401, 403)

LOGGER = Logger(service="auth_tokens")
METRICS = Metrics(namespace=NAMESPACE, service="auth_tokens")
METRICS.set_default_dimensions(Environment=os.environ["FALLBACK_ENVIRONMENT"])
SECRETS = boto3.client("secretsmanager", config=QUICK)
ACCOUNTS = Book.load(str(Path(answer_book.__file__).with_name("answerbook.json"))).accounts


@METRICS.log_metrics
def handler(event: dict[str, Any], _: LambdaContext) -> list[dict[str, str]]:
    """Invoked by the daily schedule, by `fallback tokens check`, or by CloudFormation, whose deployment goes on at once, whatever is found
    and however long Twilio takes."""
    if event.get("ResponseURL"):
        answer(event, "auth-tokens")
    return [] if event.get("RequestType") == "Delete" else check(first=event.get("RequestType") == "Create")


def check(first: bool) -> list[dict[str, str]]:
    """What is wrong, by account. The count tells the alarm, the log names the account, nothing ever the token."""
    tokens = tokens_by_name(SECRETS.get_secret_value(SecretId=os.environ["TOKENS_SECRET"])["SecretString"])
    found = [{"fault": fault, "account": account} for fault, account in faults(tokens)]
    for fault in found:
        LOGGER.error("an Auth Token cannot be right", extra=fault)
    METRICS.add_metric("TokenFaults", MetricUnit.Count, sum(not first or fault["fault"] != "missing" for fault in found))
    return found


def faults(tokens: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    """What is wrong, by account, and Region where it is not US1."""
    deadline = Deadline(ALL_SECONDS)
    for account in sorted(ACCOUNTS):
        names = names_of(account, tokens)
        if not any(tokens[name] for name in names):
            yield "missing", account
        for name in names:
            yield from ((fault, name) for token in tokens[name] if (fault := fault_of(name, token, deadline)))


def fault_of(name: str, token: str, deadline: Deadline) -> str:
    """What is wrong with a token; nothing if it is right, or if nobody can tell."""
    try:
        home = Home.named(name)
    except ValueError:
        return "unknown"
    return "refused" if status_in(home, token, deadline) in REFUSED else ""


def status_in(home: Home, token: str, deadline: Deadline) -> int:
    """What the Region of a token answers to it; 0 if nothing."""
    url = f"https://{api_host(home.region)}/2010-04-01/Accounts/{home.account}.json"
    try:
        left = Deadline(deadline.within(SECONDS))
        return request("GET", url, {"Authorization": basic(home.account, token)}, left, io.BytesIO()).status
    except (Unreachable, NotAllowed, TimeoutError) as error:
        LOGGER.warning("Twilio could not be asked", extra={"region": home.region, "reason": str(error)})
        return 0
