"""The local cloud: the real stack, deployed by the CDK CLI into an AWS emulator on 127.0.0.1, with TLS and IAM enforced.

    with LocalCloud() as cloud:
        outputs = cloud.deploy()
            ... post to outputs.voice_url, trusting outputs.ca_bundle; cloud.client("dynamodb") reads what was recorded

Everything that is written lies in one directory, `.local/`: `ca.pem` (to be trusted by clients), `outputs.json`, the logs of the
emulator and of the CLI, the cloud assembly and the copy that was deployed. The cloud itself lives in memory and ends with `stop`, with
the `with` block, on Ctrl-C, on SIGTERM, or when this process dies.
"""

import json
import logging
import os
import secrets
import shutil
import signal
import threading
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Any, Self

import boto3
from botocore.config import Config

from answerbook.compile import compile_book
from config import settings as configuration
from config.folders import TEMPLATES
from config.mistakes import ConfigError
from config.tables import Capacity
from local import assembly, certificate
from local.cdk import CLI, ROOT, Cdk
from local.emulator.controls import Controls
from local.emulator.process import CannotStart, Process, free_port, refuse_taken
from local.lock import Lock
from local.outputs import Outputs

logger = logging.getLogger("local.cloud")

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
#: What of a user's shell would lead boto3 and the CLI past the local cloud.
STRAYING = ("AWS_", "CDK_")
#: What would change how Python runs our programs: without its cache each start compiles ministack and the CDK anew.
MEDDLING = ("PYTHONDONTWRITEBYTECODE", "PYTHONWARNINGS")


class LocalCloud:
    """One emulator and what is deployed into it. `port=0` takes any that is free; two clouds need two directories and two ports."""

    def __init__(
        self,
        directory: Path = Path(".local"),
        port: int = 4566,
        environment: str = "local",
        *,
        config: Path = configuration.HERE,
        templates: Path = TEMPLATES,
        project: Path = ROOT,
        retry_seconds: float = 1,
        concurrency: int | None = None,
    ) -> None:
        """`concurrency` is how many executions Lambda runs at once, 10 in a new account. None: what the settings say of a larger
        account, else as many as this machine has memory for. `retry_seconds` is the wait before an asynchronous invocation is first
        tried again (a minute on AWS); the second time it doubles.

        Functions look for Twilio's REST API at `twilio_port` of 127.0.0.1 and nowhere else; its stand-in may be started there.

        Raises `config.mistakes.ConfigError` for mistakes in `<config>/<environment>.toml`.
        """
        self.settings = configuration.load(environment, config)
        self.directory = directory.resolve()
        self.port = port or free_port()
        self.twilio_port = free_port()
        self.endpoint = f"https://localhost:{self.port}"
        self.region = self.settings.region
        self.ca_bundle = self.directory / "ca.pem"
        self.auth_token = secrets.token_hex(16)
        self.api_key = (f"SK{secrets.token_hex(16)}", secrets.token_hex(16))
        self.dropped: list[assembly.Dropped] = []
        self.config, self.templates = config, templates
        self._context = {"environment": environment, "config": str(config), "templates": str(templates)}
        self._extra: Mapping[str, str] = {}
        self._project = project
        self._retry_seconds = retry_seconds
        stated = self.settings.capacity.quota
        self._concurrency = concurrency or (stated if stated > Capacity().quota else None)
        self._process: Process | None = None
        self._lock: Lock | None = None
        self._ready = False

    def start(self) -> None:
        """Start the emulator and return at once; what needs it waits for it.

        Raises `CannotStart` if the directory or the port is in use; no file of whoever uses it was touched then.
        """
        lock = Lock(self.directory)
        try:
            refuse_taken(self.port)
        except CannotStart:
            lock.release()
            raise
        self._lock = lock
        self._forget_the_last()
        self._temporary.mkdir(parents=True)
        files = certificate.write(self.directory)
        self._process = Process(self.port, self._emulator_environ(files), self.directory / "emulator.log")

    def deploy(self, extra_context: Mapping[str, str] | None = None) -> Outputs:
        """Synthesize the app, deploy it, hand the functions token and API key, and write `outputs.json`.

        Deployed again, what changed is updated. Raises `CdkFailed`, `CannotStart`.
        """
        self._extra = extra_context or {}
        cdk = Cdk(self.environ, self._project, self.directory / "cdk.log")
        synthesized, deployed = self.directory / "cdk.out", self.directory / "cdk.local"
        cdk.synthesize(synthesized, {**self._context, **self._extra})
        self.dropped = assembly.adapt(synthesized, deployed, self.controls.resource_types())
        for dropped in self.dropped:
            logger.warning("%s", dropped)
        self._bootstrap()
        cdk.deploy(deployed, self.directory / "stack-outputs.json")
        outputs = self._outputs()
        self.put_tokens(outputs.tokens_secret, {outputs.account_sid: [self.auth_token]})
        key, secret = self.api_key
        self.put_tokens(outputs.keys_secret, {outputs.account_sid: {"key": key, "secret": secret}})
        outputs.write(self.directory / "outputs.json")
        return outputs

    def redeploy(self) -> Outputs:
        """Deploy what the settings and templates say by now. Raises as `deploy` does, and `ConfigError` for what takes a new start."""
        settings = configuration.load(self.settings.environment, self.config)
        if (settings.region, settings.twilio.accounts[0]) != (self.region, self.settings.twilio.accounts[0]):
            raise ConfigError(f"{self.config}: the region or the first account has changed; end `make run` and start it again")
        compile_book(settings, self.templates)
        self.settings = settings
        return self.deploy(self._extra)

    def beside(self, directory: Path, config: Path, environment: str = "") -> "LocalCloud":
        """The same cloud for other settings, of the same environment where none is named. It lasts as long as this one."""
        self._wait()
        other = LocalCloud(directory, self.port, environment or self.settings.environment, config=config, project=self._project)
        other._temporary.mkdir(parents=True)
        other._process, other._ready = self._process, True
        other.ca_bundle, other.auth_token, other.api_key = self.ca_bundle, self.auth_token, self.api_key
        return other

    def stop(self) -> None:
        """End the emulator and every function it runs. Nothing happens if it is not running."""
        if self._process:
            self._process.stop()
        self._process, self._ready = None, False
        if self._lock:
            self._forget_the_last()
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGTERM, _end)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._handler)

    @cached_property
    def environ(self) -> dict[str, str]:
        """The environment for programs that shall use this cloud and no other: boto3, the CLI, `fallback`."""
        kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(STRAYING + MEDDLING)}
        nowhere = str(self._temporary / "none")
        direct = ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), "localhost", "127.0.0.1")))
        return {
            **kept,
            **CREDENTIALS,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CA_BUNDLE": str(self.ca_bundle),
            "AWS_CONFIG_FILE": nowhere,
            "AWS_SHARED_CREDENTIALS_FILE": nowhere,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NODE_EXTRA_CA_CERTS": str(self.ca_bundle),
            "CDK_HOME": str(self.directory / "cdk.home"),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "NO_PROXY": direct,
            "no_proxy": direct,
        }

    def client(self, service: str) -> Any:
        """A boto3 client of this cloud, with rights to everything."""
        self._wait()
        session = boto3.session.Session("test", "test", region_name=self.region)
        config = Config(proxies={}, retries={"total_max_attempts": 2})
        return session.client(service, endpoint_url=self.endpoint, verify=str(self.ca_bundle), config=config)  # type: ignore[call-overload]

    def put_tokens(self, secret: str, tokens: Mapping[str, list[str] | dict[str, str]]) -> None:
        """Set what a secret holds for accounts, auth tokens (a list) or an API key; other accounts' stay."""
        client = self.client("secretsmanager")
        kept = json.loads(client.get_secret_value(SecretId=secret)["SecretString"])
        client.put_secret_value(SecretId=secret, SecretString=json.dumps({**kept, **tokens}))

    @cached_property
    def controls(self) -> Controls:
        """Log deliveries, outages and cold starts as a test wants them."""
        self._wait()
        return Controls(self.endpoint, self.ca_bundle)

    @property
    def _temporary(self) -> Path:
        return self.directory / "tmp"

    def _forget_the_last(self) -> None:
        """Remove what is of no use once the cloud that it belongs to is gone. The telephone first: functions are thousands of files."""
        (self.directory / "phone").unlink(missing_ok=True)
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _wait(self) -> None:
        if not self._ready:
            assert self._process, "start() the local cloud first"
            self._process.wait_until_ready()
            self._ready = True

    def _bootstrap(self) -> None:
        """Make the CDK's toolkit stack from the CLI's own template: `cdk bootstrap` does the same in ten times the time."""
        cloudformation = self.client("cloudformation")
        if any(stack["StackName"] == "CDKToolkit" for stack in cloudformation.describe_stacks()["Stacks"]):
            return
        parameters = {
            "CloudFormationExecutionPolicies": "arn:aws:iam::aws:policy/AdministratorAccess",
            "FileAssetsBucketKmsKeyId": "AWS_MANAGED_KEY",
        }
        cloudformation.create_stack(
            StackName="CDKToolkit",
            TemplateBody=(CLI / "lib" / "api" / "bootstrap" / "bootstrap-template.yaml").read_text(),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        cloudformation.get_waiter("stack_create_complete").wait(StackName="CDKToolkit", WaiterConfig={"Delay": 1, "MaxAttempts": 600})

    def _outputs(self) -> Outputs:
        stacks = json.loads((self.directory / "stack-outputs.json").read_text())
        return Outputs.of(
            stacks,
            endpoint=self.endpoint,
            region=self.region,
            ca_bundle=str(self.ca_bundle),
            trunk=next(iter(self.settings.twilio.trunks), "main"),
            account_sid=self.settings.twilio.accounts[0],
            auth_token=self.auth_token,
        )

    def _emulator_environ(self, files: certificate.Certificate) -> dict[str, str]:
        """Only what is named here: functions inherit it, and Lambda has nothing of the user's shell either."""
        return {
            "PATH": self.environ["PATH"],
            "HOME": str(self._temporary),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self._temporary),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": str(files.server),
            "MINISTACK_SSL_KEY": str(files.key),
            "MINISTACK_REGION": self.region,
            "AUTH": "true",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "LAMBDA_ASYNC_RETRY_BASE_SECONDS": str(self._retry_seconds),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CA_BUNDLE": str(files.authority),
            "SSL_CERT_FILE": str(files.authority),
            "SLOWER": "3",  # how fast this machine is says nothing of the product
            **({"LAMBDA_ACCOUNT_CONCURRENCY": str(self._concurrency)} if self._concurrency else {}),
            "TWILIO_API_BASE": f"http://127.0.0.1:{self.twilio_port}",
        }


def _end(number: int, _frame: FrameType | None) -> None:
    """SIGTERM unwinds the stack, as Ctrl-C does, so that nothing is left running."""
    raise SystemExit(128 + number)
