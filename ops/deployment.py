"""A deployed environment, found by the outputs of its CloudFormation stack `fallback-<environment>`, and the settings that it publishes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
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
from config.deployed import FOLDER, Deployed, NotPublished, NotWhole, folder, path_of, region_in
from config.file import File
from config.mistakes import ConfigError
from config.regions import our_region
from config.version import version
from ops.command_line import command_line
from ops.screen import err

#: Nothing was asked of AWS yet: there is nobody to ask as. https://docs.aws.amazon.com/boto3/latest/guide/error-handling.html
NOBODY = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, TokenRetrievalError, SSOError)
#: CloudFormation's answers where a stack is not there, or not for whoever asks.
ELSEWHERE = ("ValidationError", "AccessDenied", "AccessDeniedException")
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
        """Ask CloudFormation, without a region in each one that may be meant; `AWS_ENDPOINT_URL` leads to the local cloud.

        Raises OpsError, ConfigError.
        """
        refusals = []
        for place in [checked(region)] if region else likely(environment):
            try:
                found = cls.ask(environment, place)
            except OpsError as error:
                if not is_elsewhere(error):
                    raise
                refusals.append(str(error))
                continue
            if refusals:
                err.print(f"{'; '.join(refusals)}. It was found in {place}.", markup=False)
            return found
        raise OpsError("; ".join([*refusals, *unknown(environment)]))

    @classmethod
    def ask(cls, environment: str, region: str) -> "Deployment":
        """The deployment in one region. Raises OpsError."""
        stack = f"fallback-{environment}"
        with explained(f"stack {stack} in {region}"):
            client = made("cloudformation", region)
            found = client.describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
        return cls(environment, region, {output["OutputKey"]: output["OutputValue"] for output in found})

    @cached_property
    def deployed(self) -> Deployed:
        """The settings as they are deployed; of a stack that does not publish them, as the file has them. Raises OpsError, ConfigError."""
        stack = f"stack fallback-{self.environment} in {self.region}"
        try:
            published = Deployed.read(self.parameters())
        except NotWhole:
            raise OpsError(
                f"{stack}: its settings cannot be read as a whole: a deployment is changing them; try again in a minute, "
                "and deploy again if that does not help"
            ) from None
        except NotPublished:
            return self.undeployed(f"{stack} does not publish its settings: an older version deployed it. Deploy this one")
        if difference := difference_from_file(published, self.environment):
            err.print(difference, markup=False)
        return published

    def parameters(self) -> dict[str, str]:
        """What the stack publishes, by name. Raises OpsError."""
        with explained(f"the settings that are deployed, {path_of(self.environment)} in {self.region}"):
            pages = self.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=path_of(self.environment))
            return {each["Name"]: each["Value"] for page in pages for each in page["Parameters"]}

    def undeployed(self, why: str) -> Deployed:
        """The settings of the file. Raises OpsError where there is none, ConfigError."""
        file = written(self.environment)
        if not file:
            raise OpsError(f"{why}, or name the folder of its settings with --config DIR")
        err.print(f"{why}; until then {file.path} is believed", markup=False)
        return Deployed.in_file(file)

    def client(self, service: str, config: Config | None = None) -> Any:
        """A boto3 client in the deployment's region, with the engineer's own credentials; without a config of its own always the same."""
        with MAKING:
            if config or service not in self.clients:
                client = made(service, self.region, config or PATIENT)
                return client if config else self.clients.setdefault(service, client)
        return self.clients[service]

    def command(self, words: str) -> str:
        """A command for this environment and region, as it is printed."""
        return command_line(words, self.environment, [self.region])

    def __getitem__(self, output: str) -> str:
        """One output. Raises OpsError where the stack was deployed by a version that has none of that name."""
        try:
            return self.outputs[output]
        except KeyError:
            other = self.outputs.get("Version", "an older version")
            raise OpsError(
                f"stack fallback-{self.environment} in {self.region} has no output {output}: {other} is deployed, this command is of "
                f"{version()}; use the command of that version, or deploy this one"
            ) from None


def likely(environment: str) -> Iterator[str]:
    """Where an environment may be: where its settings say, else where the user's AWS profile leads. Raises OpsError, ConfigError."""
    wrong: ConfigError | None = None
    first = ""
    try:
        if file := written(environment):
            yield (first := region_in(file))
    except ConfigError as error:  # `difference_from_file` tells it: what somebody is writing keeps nobody from what is deployed
        wrong = error
    own = os.environ.get("AWS_REGION") or boto3.session.Session().region_name
    if own and own != first:
        yield checked(own, "AWS_REGION")
    if not own and not first:
        raise wrong or OpsError("; ".join(unknown(environment)))


def is_elsewhere(error: OpsError) -> bool:
    """Whether there is no such stack in a region, or whoever asks has no business there."""
    return isinstance(error.__cause__, ClientError) and error.__cause__.response["Error"]["Code"] in ELSEWHERE


def difference_from_file(published: Deployed, environment: str) -> str:
    """How the file of an environment differs from what is deployed, if there is one and it does."""
    try:
        file = written(environment)
        differing = published.differences(Deployed.in_file(file)) if file else []
    except ConfigError as error:
        return f"{error} (what is deployed is not affected)"
    return f"{file.path} differs from what is deployed: {', '.join(differing)}" if file and differing else ""


def unknown(environment: str) -> Iterator[str]:
    """Why the settings do not say where an environment is, if they do not, and what else says it."""
    try:
        region_in(File.read(environment, folder()))
    except ConfigError as error:
        yield str(error)
        yield (
            "if it was deployed from a folder elsewhere, name its region (--region, FALLBACK_REGION, AWS_REGION, the region of an AWS "
            f"profile) or that folder (--config, {FOLDER})"
        )


def written(environment: str) -> File | None:
    """The file of an environment's settings; None where this project has none, as of what was deployed from a folder elsewhere.

    Raises ConfigError where the user named the folder and it has none.
    """
    if FOLDER not in os.environ and not (folder() / f"{environment}.toml").exists():
        return None
    return File.read(environment, folder())


def made(service: str, region: str, config: Config = PATIENT) -> Any:
    """A boto3 client. Raises OpsError where `AWS_ENDPOINT_URL` is no address: the region is one, so nothing else can be wrong yet."""
    try:
        return boto3.client(service, region_name=region, config=config)  # type: ignore[call-overload]
    except ValueError as error:
        raise OpsError(f"{error}; correct AWS_ENDPOINT_URL, or unset it") from error


def checked(region: str, named_by: str = "--region") -> str:
    """A region that there is. Raises OpsError."""
    try:
        return our_region(region)
    except ValueError as error:
        raise OpsError(f"{named_by}: {error}") from error


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
