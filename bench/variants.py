"""What is measured against what: four functions, each as Lambda would unpack it.

    bare                 a constant: the floor that the runtime itself sets                        (a)
    ours, no tokens      the answer function, Secrets Manager refusing: what every start costs
    ours, tokens by TLS  the answer function with its tokens fetched over TLS from this machine
    usual                Powertools, pydantic, boto3, Twilio's builder                             (b)

All of them bear `.pyc` files that are trusted without a look at the source, and so does the runtime's folder: what is compared is the
code, not who forgot to compile it. (Packages installed by the usual tools bear none or stale ones; (b) would then be slower by far.)
"""

import compileall
import hashlib
import importlib.metadata
import json
import shutil
import socket
import sysconfig
import zipfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Self

from answerbook.compile import compile_book
from bench.event import event
from bench.tls_server import TlsServer, aws
from config.settings import load
from stacks.functions import BUILD, ROOT, answer_files, zipped

SITE = Path(sysconfig.get_path("purelib"))
#: What the managed runtime brings along, and the packages of the usual handler.
RUNTIME = ("awslambdaric", "boto3", "botocore", "dateutil", "jmespath", "runtime_client*", "s3transfer", "simplejson", "six.py",
           "snapshot_restore_py.py", "urllib3")  # fmt: skip
USUAL = ("annotated_types", "aws_lambda_powertools", "jmespath", "pydantic", "pydantic_core", "twilio", "typing_extensions.py",
         "typing_inspection")  # fmt: skip
NOT_COPIED = shutil.ignore_patterns("__pycache__", "rest")
TOKEN = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Variant:
    """One function: where its code lies, how it is called, what it is told, what it is sent, and what its log must show then."""

    name: str
    folders: tuple[Path, Path]
    handler: str
    environment: Mapping[str, str]
    event: bytes
    logs: bytes = b""


class Variants(ExitStack):
    """The four variants and the loopback AWS that two of them ask; closing ends the latter."""

    def __init__(self) -> None:
        super().__init__()
        self.settings = load("local")
        self.runtime = packages("runtime", RUNTIME)

    def __enter__(self) -> Self:
        super().__enter__()
        account = self.settings.twilio.accounts[0]
        BUILD.joinpath("bench").mkdir(parents=True, exist_ok=True)
        self.aws = self.enter_context(TlsServer(BUILD / "bench", aws(json.dumps({account: [TOKEN]}))))
        self.refusing = self.enter_context(socket.socket())
        self.refusing.bind(("127.0.0.1", 0))
        self.event = event(account, TOKEN)
        return self

    def all(self) -> list[Variant]:
        """The variants in the order of the table."""
        without = self.ours("ours, no tokens", self.nobody(), b'"trust": "unverifiable"')
        return [self.bare(), without, self.ours("ours, tokens by TLS", self.aws.url, b'"trust": "verified"'), self.usual()]

    def bare(self) -> Variant:
        """A constant."""
        folder = unpacked(zipped("bench-bare", handlers("bare.py")))
        return Variant("bare", (folder, self.runtime), "bench.handlers.bare.handler", {}, self.event)

    def ours(self, name: str, secrets: str, logs: bytes) -> Variant:
        """The zip that is deployed, with the local environment's answer book."""
        environment = {
            "FALLBACK_ENVIRONMENT": "bench",
            "TOKENS_SECRET": "tokens",
            "CALLBACKS_URL": "https://callbacks.example.com/v1",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets,
        }
        folder = unpacked(zipped("answer", answer_files(compile_book(self.settings))))
        return Variant(name, (folder, self.runtime), "lambdas.answer.handler.handler", environment | self.session(), self.event, logs)

    def usual(self) -> Variant:
        """The handler that is usually written."""
        folder = packages("usual", USUAL)
        with zipfile.ZipFile(zipped("bench-usual", handlers("usual.py"))) as archive:
            archive.extractall(folder)
        environment = {"TABLE": "events", "AWS_ENDPOINT_URL_DYNAMODB": self.aws.url, "POWERTOOLS_SERVICE_NAME": "fallback"}
        return Variant(
            "usual", (folder, self.runtime), "bench.handlers.usual.handler", environment | self.session(), self.event, b'"call":'
        )

    def session(self) -> dict[str, str]:
        """What Lambda gives a role, and the one certificate authority that matters here."""
        return {"AWS_SESSION_TOKEN": "x" * 700, "AWS_CA_BUNDLE": str(self.aws.authority)}

    def nobody(self) -> str:
        """An address that refuses connections: a port that is taken and not listened on."""
        return f"https://127.0.0.1:{self.refusing.getsockname()[1]}"


def handlers(name: str) -> dict[str, bytes]:
    """One of the handlers of `bench/handlers`, as the files of a zip."""
    files = ("bench/__init__.py", "bench/handlers/__init__.py", f"bench/handlers/{name}")
    return {file: (ROOT / file).read_bytes() for file in files}


def unpacked(archive: Path) -> Path:
    """A folder with what the zip holds, made anew."""
    folder = BUILD / "bench" / archive.stem
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    return folder


def packages(name: str, patterns: tuple[str, ...]) -> Path:
    """A folder of installed packages, compiled once for each state of the environment."""
    state = sorted(f"{found.name}=={found.version}" for found in importlib.metadata.distributions())
    digest = hashlib.sha256("\n".join([*patterns, *state]).encode()).hexdigest()[:12]
    folder = BUILD / "bench" / f"{name}-{digest}"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        copied(patterns, folder)
        compileall.compile_dir(folder, quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
        (folder / "ready").touch()
    return folder


def copied(patterns: tuple[str, ...], folder: Path) -> None:
    """Copy packages and modules out of this environment; of Twilio's, without the REST client, which the builder does not load."""
    folder.mkdir(parents=True)
    for path in (path for pattern in patterns for path in SITE.glob(pattern)):
        if path.is_dir():
            shutil.copytree(path, folder / path.name, ignore=NOT_COPIED)
        else:
            shutil.copy(path, folder)
