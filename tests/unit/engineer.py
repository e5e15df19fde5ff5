"""The `fallback` command against a deployment in moto: a stack with its outputs, the event table, the bucket."""

import contextlib
import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from config.deployed import Deployed, path_of
from config.settings import load
from config.version import version
from lambdas.workers.events import Item, day_shard
from ops import cli
from ops.desk import Desk
from ops.period import stamp
from tests.unit.event_table import TABLE, made, put

BUCKET = "voicemails"
CALLER, OTHER, OWN = "+12025550123", "+13125550142", "+12025550106"


@contextmanager
def deployment() -> Iterator[None]:
    """The environment `local` in us-east-1. It takes a while: tests of one module share it, each after `emptied`."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "AWS_PROFILE"):
            patch.delenv(name, raising=False)
        patch.setenv("FALLBACK_ENVIRONMENT", "local")
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=BUCKET)
        deployed_in("us-east-1")
        yield


def deployed_in(region: str) -> None:
    """A stack and its event table."""
    made(client("dynamodb", region))
    stack(region)


def client(service: str, region: str = "us-east-1") -> Any:
    """A client of this mocked cloud; making one costs more than a test."""
    if not boto3.DEFAULT_SESSION:
        boto3.setup_default_session()
    session = boto3.DEFAULT_SESSION
    known: dict[tuple[str, str], Any] = vars(session).setdefault("of_tests", {})
    return known.get((service, region)) or known.setdefault((service, region), boto3.client(service, region_name=region))  # type: ignore[call-overload]


def emptied() -> None:
    """Forget what an earlier test left."""
    with contextlib.suppress(ClientError):  # a test may have deleted it
        client("dynamodb").delete_table(TableName=TABLE)
    made(client("dynamodb"))
    versions = client("s3").list_object_versions(Bucket=BUCKET)
    for each in (*versions.get("Versions", []), *versions.get("DeleteMarkers", [])):
        client("s3").delete_object(Bucket=BUCKET, Key=each["Key"], VersionId=each["VersionId"])


def stack(region: str, environment: str = "local", **further: str) -> None:
    """What the commands look things up by."""
    outputs = {"EventTableName": TABLE, "VoicemailBucketName": BUCKET, "ReplayFunctionName": "replay", "JournalGroupName": "journal"}
    outputs |= {"AuditGroupName": "audit", "Version": version()}
    outputs |= further
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": {name: {"Value": value} for name, value in outputs.items()}}
    with contextlib.suppress(client("logs", region).exceptions.ResourceAlreadyExistsException):
        client("logs", region).create_log_group(logGroupName="audit")
    publish(Deployed.of(load("local"), "0123456789ab", version()), region, environment)
    client("cloudformation", region).create_stack(StackName=f"fallback-{environment}", TemplateBody=json.dumps(template))


def publish(deployed: Deployed, region: str = "us-east-1", environment: str = "local") -> None:
    """What the stack says of its settings, and nothing of what it said before."""
    unpublish(region, environment)
    for index, value in enumerate(deployed.parameters):
        client("ssm", region).put_parameter(Name=f"{path_of(environment)}/{index:03}", Value=value, Type="String")


def unpublish(region: str = "us-east-1", environment: str = "local") -> None:
    """Nothing, as a stack of an older version."""
    for page in client("ssm", region).get_paginator("get_parameters_by_path").paginate(Path=path_of(environment)):
        for each in page["Parameters"]:
            client("ssm", region).delete_parameter(Name=each["Name"])


def add(*items: Item, region: str = "us-east-1") -> None:
    """Into the event table."""
    put(client("dynamodb", region), *items)


def event(sid: str, ago: timedelta = timedelta(minutes=5), who: str = CALLER, **facts: Any) -> Item:
    """A call that the primary did not take, so long ago."""
    time = stamp(datetime.now(UTC) - ago)
    known = {"kind": "request", "medium": "voice", "entry": "voice", "trust": "verified", "from": who, "to": OWN, "error_code": "11200"}
    known |= {"error_url": "https://app.example.com/calls", "answer": "voicemail", "document": "voicemail/start/1", "at": "local.toml:35"}
    return {"pk": sid, "sk": f"{time}#r", "time": time, "day_shard": day_shard(time, sid)} | known | facts


def voicemail(call: str, sid: str, audio: bytes = b"", who: str = CALLER, **facts: Any) -> Item:
    """A voicemail that waits to be heard; with its audio in the bucket, if there is any."""
    key = f"voicemail/AC1/{call}/{sid}.wav"
    if audio:
        client("s3").put_object(Bucket=BUCKET, Key=key, Body=audio, ContentType="audio/wav")
    time = stamp(datetime.now(UTC) - timedelta(minutes=4))
    item = {
        "pk": call,
        "sk": f"voicemail#{sid}",
        "kind": "voicemail",
        "sid": sid,
        "state": "stored",
        "time": time,
        "todo": "hear",
        "seconds": 7,
    }
    item |= {"from": who, "to": OWN, "key": key, "bytes": len(audio), "sha256": hashlib.sha256(audio).hexdigest()}
    return item | {"day_shard": day_shard(time, call)} | facts


def sid(prefix: str, number: int = 1) -> str:
    """A SID as Twilio writes them."""
    return f"{prefix}{number:032x}"


def fallback(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run the command as a person does; its exit status."""
    monkeypatch.setattr(sys, "argv", ["fallback", *words])
    try:
        cli.main()
    except SystemExit as exit_:
        return int(exit_.code or 0)
    return 0


def desk(show_numbers: bool = False) -> Desk:
    """What a command works with."""
    return Desk.open("local", None, show_numbers, "a test")
