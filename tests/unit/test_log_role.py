"""API Gateway's log role: set where there is none, never taken from anybody, and missed when it is gone."""

import importlib
import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

OURS = "fallback-role"
TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
LAMBDAS = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The function in an account of its own that never had a role."""
    for name, value in {"FALLBACK_ENVIRONMENT": "tests", "AWS_DEFAULT_REGION": "us-west-2"}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        module = importlib.import_module("lambdas.workers.log_role")
        monkeypatch.setattr(module, "PAUSES", (0, 0, 0))
        yield module


def role(name: str, trust: dict[str, Any] = TRUST) -> str:
    """A role of the account."""
    return str(boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"])


def deployed(worker: ModuleType, monkeypatch: pytest.MonkeyPatch, arn: str, kind: str = "Create") -> dict[str, Any]:
    """What CloudFormation is told."""
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(worker, "answer", lambda event, resource, failure="": told.append({"resource": resource, "failure": failure}))
    worker.handler({"RequestType": kind, "ResourceProperties": {"RoleArn": arn}}, None)
    return told[0]


def test_an_account_that_never_had_a_role_gets_one(worker: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = role(OURS)
    assert deployed(worker, monkeypatch, arn) == {"resource": "log-role", "failure": ""}
    assert worker.role_in_force() == arn


def test_a_role_of_somebody_else_is_left_alone(worker: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = role("theirs")
    deployed(worker, monkeypatch, theirs)
    deployed(worker, monkeypatch, role(OURS))
    assert worker.role_in_force() == theirs


@pytest.mark.parametrize("gone", ["deleted", "of another service"])
def test_a_role_that_is_gone_is_replaced(worker: ModuleType, monkeypatch: pytest.MonkeyPatch, gone: str) -> None:
    """Deleted with the stack that made it, or changed so that API Gateway may not use it."""
    theirs = role("theirs", TRUST if gone == "deleted" else LAMBDAS)
    worker.GATEWAY.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": theirs}])
    if gone == "deleted":
        boto3.client("iam").delete_role(RoleName="theirs")
    arn = role(OURS)
    deployed(worker, monkeypatch, arn)
    assert worker.role_in_force() == arn


def test_a_role_that_may_not_be_read_is_believed(worker: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """An organization may deny it; whoever set the role knew why."""

    def denied(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetRole")

    monkeypatch.setattr(worker.IAM, "get_role", denied)
    assert worker.is_alive("arn:aws:iam::123456789012:role/theirs")


def test_a_new_role_is_tried_until_api_gateway_takes_it(worker: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs some seconds, and takes one change in twenty."""
    codes = ["BadRequestException", "TooManyRequestsException"]
    update = worker.GATEWAY.update_account

    def slow(**given: Any) -> Any:
        if codes:
            raise ClientError({"Error": {"Code": codes.pop(), "Message": "not yet"}}, "UpdateAccount")
        return update(**given)

    monkeypatch.setattr(worker.GATEWAY, "update_account", slow)
    arn = role(OURS)
    assert deployed(worker, monkeypatch, arn)["failure"] == ""
    assert worker.role_in_force() == arn


def test_cloudformation_is_answered_whatever_goes_wrong(worker: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "BadRequestException", "Message": "no such role"}}, "UpdateAccount")

    monkeypatch.setattr(worker.GATEWAY, "update_account", refused)
    assert "no such role" in deployed(worker, monkeypatch, "arn:aws:iam::1:role/x")["failure"]
    assert "KeyError" not in deployed(worker, monkeypatch, "", "Delete")["failure"]


def test_nothing_is_taken_away_when_the_stack_goes(worker: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = role(OURS)
    deployed(worker, monkeypatch, arn)
    deployed(worker, monkeypatch, arn, "Delete")
    assert worker.role_in_force() == arn


def test_it_is_known_whether_the_role_is_there(worker: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not worker.is_alive(worker.role_in_force())
    deployed(worker, monkeypatch, role(OURS))
    assert worker.is_alive(worker.role_in_force())
    boto3.client("iam").delete_role(RoleName=OURS)
    assert not worker.is_alive(worker.role_in_force())
