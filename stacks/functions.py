"""How a folder becomes a Lambda zip, and a zip a function with a role of its own.

Zips keep the repository's paths (`lambdas.answer.handler.handler`), are named for their content on every machine, and carry `.pyc`
files that Lambda may trust without looking at the sources: timestamps do not survive zipping, and without valid `.pyc` files a cold start
costs up to 2.5 times as much (docs/decisions.md).
"""

import hashlib
import importlib.util
import json
import marshal
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import twilio
from aws_cdk import CfnElement, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

ROOT = Path(__file__).parents[1]
BUILD = ROOT / ".build"
EPOCH = (1980, 1, 1, 0, 0, 0)
UNIX = 3  #: the system that made a zip, as its entries name it
UNUSED = 24 * 3600  #: seconds after which a zip is removed when the next one is made
#: How a zip is made of files, as a part of its name: to be changed together with `zipped` or `pyc`.
RECIPE = b"stored; unchecked-hash pyc, marshal 2"
#: The workers' packages, without what the runtime has (boto3) and what only Twilio's asynchronous client needs (aiohttp).
WORKER_PACKAGES = (
    "aws-lambda-powertools", "certifi", "charset-normalizer", "idna", "jmespath", "pyjwt", "requests", "twilio",
    "typing-extensions", "urllib3",
)  # fmt: skip
#: Of Twilio's REST client, 30 MB, the products that are called.
TWILIO_PRODUCTS = ("api", "messaging", "monitor")
#: The roots that Amazon's own endpoints chain to. https://www.amazontrust.com/repository/
ROOT_SUBJECTS = (*(f"Amazon Root CA {number}" for number in (1, 2, 3, 4)), "Starfield Services Root Certificate Authority")

#: What stays when the stack goes, or when a change would replace it. What a create that failed had made goes: else the next attempt
#: would find it in its way, or leave it behind to be paid for.
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
KEPT = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE

Files = dict[str, bytes]


def sources(*folders: str) -> Files:
    """The Python and TOML files of folders of the repository, by their path."""
    found = [path for folder in folders for path in sorted((ROOT / folder).glob("*")) if path.suffix in (".py", ".toml")]
    return {str(path.relative_to(ROOT)): path.read_bytes() for path in found}


def answer_files(book: Mapping[str, Any]) -> Files:
    """What the answer function consists of: its own modules, Twilio's validator, the answer book and Amazon's roots."""
    package = Path(twilio.__file__).parent
    validator = {f"twilio/{name}": (package / name).read_bytes() for name in ("__init__.py", "request_validator.py")}
    own = {
        "lambdas/answer/answerbook.json": json.dumps(book).encode(),
        "lambdas/answer/roots.pem": amazon_roots().encode(),
    }
    return {"lambdas/__init__.py": b""} | sources("lambdas/answer") | validator | own


def worker_files(book: Mapping[str, Any]) -> Files:
    """What the workers consist of: their modules, the answer's with its book, and the packages of the lock for Lambda's platform."""
    vendored = vendor()
    packages = {
        str(path.relative_to(vendored)): path.read_bytes() for path in sorted(vendored.rglob("*")) if wanted(path.relative_to(vendored))
    }
    own = {"lambdas/__init__.py": b"", "lambdas/answer/answerbook.json": json.dumps(book).encode()}
    return packages | own | sources("lambdas/answer", "lambdas/workers")


def wanted(path: Path) -> bool:
    """Whether a file of the packages goes into the zip."""
    parts = path.parts
    if path.suffix not in (".py", ".so", ".pem", ".json", ".typed") or "bin" in parts[:1]:
        return False
    return parts[:2] != ("twilio", "rest") or len(parts) == 3 or parts[2] in TWILIO_PRODUCTS


def vendor() -> Path:
    """The workers' packages below `.build/`, fetched once for each state of the lock. Raises CalledProcessError where uv cannot."""
    lock = locked(WORKER_PACKAGES)
    target = BUILD / f"workers-{hashlib.sha256(lock.encode()).hexdigest()[:12]}"
    if not (target / "ready").exists():
        target.mkdir(parents=True, exist_ok=True)
        (target / "requirements.txt").write_text(lock)
        platform = ("--python-platform", "aarch64-manylinux2014", "--python-version", "3.13", "--only-binary", ":all:")
        chosen = ("--require-hashes", "--no-deps", "-r", str(target / "requirements.txt"), "--target", str(target))
        subprocess.run([Path(sys.executable).with_name("uv"), "pip", "install", "-q", *platform, *chosen], check=True)
        (target / "ready").touch()
    return target


def locked(packages: tuple[str, ...]) -> str:
    """The lines of some packages in `requirements.txt`, hashes included."""
    entries = re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?(==.*(?:\n    --hash.*)+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    return "\n".join(name + rest for name, rest in entries if name in packages) + "\n"


def amazon_roots() -> str:
    """Amazon's root certificates, out of the bundle that comes with the AWS SDK."""
    bundle = importlib.util.find_spec("botocore")
    text = (Path(str(bundle and bundle.origin)).parent / "cacert.pem").read_text(encoding="utf-8")
    blocks = re.findall(r"# Label: \"([^\"]+)\"(?:\n#.*)*\n(-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----)", text)
    return "\n".join(pem for label, pem in blocks if label.startswith(ROOT_SUBJECTS)) + "\n"


def zipped(name: str, files: Files) -> Path:
    """A zip below `.build/` with the files and the `.pyc` of each module, made once for the same content. Nothing is compressed: what
    deflate makes of the same bytes is another thing with each build of zlib."""
    target = BUILD / f"{name}-{digest_of(files)}.zip"
    if target.exists():
        target.touch()
        return target
    _forget_unused(name)
    content = files | {pyc_path(path): pyc(path, source) for path, source in files.items() if path.endswith(".py")}
    BUILD.mkdir(exist_ok=True)
    draft = BUILD / f"{name}.{os.getpid()}.part"
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(content):
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.external_attr, entry.create_system = 0o644 << 16, UNIX
            archive.writestr(entry, content[path])
    return draft.rename(target)


def _forget_unused(name: str) -> None:
    """Remove the zips of a name that nobody has asked for in a day: each change of an answer makes new ones, of 20 MB."""
    for old in BUILD.glob(f"{name}-*.zip"):
        if time.time() - old.stat().st_mtime > UNUSED:
            old.unlink(missing_ok=True)


def digest_of(files: Files) -> str:
    """The name of what the files amount to. The compiler counts by its bytecode's version alone: a later patch of Python may compile
    a line otherwise, which is no other release."""
    digest = hashlib.sha256(RECIPE + importlib.util.MAGIC_NUMBER)
    for path in sorted(files):
        digest.update(f"{path}:{len(files[path])}:".encode() + files[path])
    return digest.hexdigest()[:16]


def pyc_path(path: str) -> str:
    """Where Python looks for the compiled form of a module."""
    folder, _, file = path.rpartition("/")
    return f"{folder}/__pycache__/{file.removesuffix('.py')}.cpython-313.pyc".lstrip("/")


def pyc(path: str, source: bytes) -> bytes:
    """A compiled module with an unchecked hash (PEP 552). Marshal's version 2 leaves out back references, which differ from run to run."""
    code = compile(source, f"/var/task/{path}", "exec", dont_inherit=True, optimize=0)
    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(source) + marshal.dumps(code, 2)


def log_group(scope: Construct, name: str, days: int) -> logs.LogGroup:
    """A log group that forgets after so many days."""
    retention = logs.RetentionDays[next(key for key, value in RETENTION.items() if value == days)]
    return logs.LogGroup(scope, name, retention=retention, removal_policy=KEPT)


RETENTION = {
    "ONE_DAY": 1, "THREE_DAYS": 3, "FIVE_DAYS": 5, "ONE_WEEK": 7, "TWO_WEEKS": 14, "ONE_MONTH": 30, "TWO_MONTHS": 60,
    "THREE_MONTHS": 90, "SIX_MONTHS": 180, "ONE_YEAR": 365,
}  # fmt: skip


def function(
    scope: Construct,
    name: str,
    handler: str,
    code: Path,
    group: logs.LogGroup,
    environment: Mapping[str, str],
    **options: Any,
) -> lambda_.Function:
    """A Python function on ARM64 with a role of its own that may write to its log group and nothing else."""
    chosen: dict[str, Any] = {"logging_format": lambda_.LoggingFormat.TEXT, "memory_size": 256, "timeout": Duration.seconds(30)} | options
    role = iam.Role(scope, f"{name}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    group.grant(role, "logs:CreateLogStream", "logs:PutLogEvents")
    return lambda_.Function(
        scope,
        name,
        runtime=lambda_.Runtime.PYTHON_3_13,
        architecture=lambda_.Architecture.ARM_64,
        handler=handler,
        code=lambda_.Code.from_asset(str(code), asset_hash=code.stem),
        role=role,
        log_group=group,
        environment=dict(environment),
        **chosen,
    )


def permit(worker: lambda_.Function, action: str, arn: str) -> None:
    """One action on one resource."""
    worker.add_to_role_policy(iam.PolicyStatement(actions=[action], resources=[arn]))


def keep(resource: Construct, logical_id: str) -> None:
    """Fix a resource's logical id and keep it whatever happens to the stack: see docs/decisions.md, what must never be replaced."""
    child = resource.node.default_child
    cast(CfnElement, child).override_logical_id(logical_id)


if __name__ == "__main__":
    print(vendor())
