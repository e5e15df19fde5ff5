"""A deployed environment, found by the outputs of its CloudFormation stack `fallback-<environment>`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from config.deployable import leads_to_this_machine
from config.place import Place
from config.regions import known_region

#: Nothing was asked of AWS yet: there is nobody to ask as. https://docs.aws.amazon.com/boto3/latest/guide/error-handling.html
NOBODY = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, TokenRetrievalError, SSOError)
#: Whoever waits for an answer is told within half a minute that there is none.
PATIENT = Config(connect_timeout=3, read_timeout=8, retries={"total_max_attempts": 3})
MAKING = Lock()  #: clients may be used by many threads, not made by them. https://docs.aws.amazon.com/boto3/latest/guide/clients.html


class OpsError(Exception):
    """What went wrong and what to do about it, in one sentence; the whole message for the person at the terminal."""


@dataclass(frozen=True)
class Deployment:
    """One environment in one region, by what its stack says of itself."""

    environment: str
    region: str
    outputs: dict[str, str]
    clients: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def find(cls, environment: str, region: str | None = None) -> "Deployment":
        """Ask CloudFormation; `AWS_ENDPOINT_URL` leads to the local cloud. Raises OpsError."""
        where = checked(region) if region else Place.of(environment).region
        stack = f"fallback-{environment}"
        with explained(f"stack {stack} in {where}"):
            client = made("cloudformation", where)
            found = client.describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
        return cls(environment, where, {output["OutputKey"]: output["OutputValue"] for output in found})

    def client(self, service: str, config: Config | None = None) -> Any:
        """A boto3 client in the deployment's region, with the engineer's own credentials; without a config of its own always the same."""
        with MAKING:
            if config or service not in self.clients:
                client = made(service, self.region, config or PATIENT)
                return client if config else self.clients.setdefault(service, client)
        return self.clients[service]

    def __getitem__(self, output: str) -> str:
        """One output. Raises OpsError where the deployed stack is older than this command."""
        try:
            return self.outputs[output]
        except KeyError:
            raise OpsError(f"the stack fallback-{self.environment} has no output {output}: deploy this version first") from None


def made(service: str, region: str, config: Config = PATIENT) -> Any:
    """A boto3 client. Raises OpsError where `AWS_ENDPOINT_URL` is no address: the region is one, so nothing else can be wrong yet."""
    try:
        return boto3.client(service, region_name=region, config=config)  # type: ignore[call-overload]
    except ValueError as error:
        raise OpsError(f"{error}; correct AWS_ENDPOINT_URL, or unset it") from error


def checked(region: str) -> str:
    """A region that there is. Raises OpsError."""
    try:
        return known_region(region)
    except ValueError as error:
        raise OpsError(f"--region: {error}") from error


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what AWS refuses into a sentence with its remedy."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise OpsError(f"{what}: {remedy(error)}") from error


def remedy(error: ClientError | BotoCoreError) -> str:
    """What went wrong on the way to AWS, or what it refused, and what helps."""
    match error:
        case ClientError():
            return refused(error)
        case ProfileNotFound():
            return f"{error}; set AWS_PROFILE to one that `aws configure list-profiles` shows"
        case _ if isinstance(error, NOBODY):
            return f"no AWS credentials ({error}); sign in, for example with `aws sso login`, and try again"
    if isinstance(error, EndpointConnectionError) and leads_to_this_machine(os.environ.get("AWS_ENDPOINT_URL", "")):
        return (
            "`make run` is over, and this shell still speaks with its cloud: start it again, then `. .local/environment`; "
            "to speak with AWS, open another shell"
        )
    return f"AWS cannot be reached ({error})"


def refused(error: ClientError) -> str:
    """An error of AWS's, and what helps."""
    code, message = str(error.response["Error"]["Code"]), str(error.response["Error"].get("Message", ""))
    if code == "RequestTimeTooSkewed" or message.startswith("Signature "):
        return f"this machine's clock is wrong ({message}); set it"
    if "Expired" in code or "expired" in message:
        return "the AWS credentials have expired; sign in again, for example with `aws sso login`, and start a running console anew"
    if code in ("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"):
        return "AWS does not know these credentials; sign in, for example with `aws sso login`, or set AWS_PROFILE"
    if "does not exist" in message or code == "ResourceNotFoundException":
        return "it does not exist; is the environment deployed, and is this the right account? (`fallback --help`: --environment, --region)"
    if code in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation"):
        return f"these credentials may not do that ({message})"
    return f"{code}: {message}"
