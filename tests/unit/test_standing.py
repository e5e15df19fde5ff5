"""Termination protection comes once a stack stands: before, it would block the retry of a first attempt that failed."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

import app
from config.settings import load
from stacks.standing import stands

ACCOUNT, REGION = "123456789012", "us-west-2"
TEMPLATE = '{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}'


@pytest.fixture(autouse=True)
def cli(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CLI tells the app which account it deploys into."""
    monkeypatch.setenv("CDK_DEFAULT_ACCOUNT", ACCOUNT)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)


def test_a_stack_stands_once_it_was_made() -> None:
    with mock_aws():
        assert not stands("fallback-acme", REGION)
        boto3.client("cloudformation").create_stack(StackName="fallback-acme", TemplateBody=TEMPLATE)
        assert stands("fallback-acme", REGION)


@pytest.mark.parametrize(("state", "standing_"), [("ROLLBACK_COMPLETE", False), ("CREATE_FAILED", False), ("REVIEW_IN_PROGRESS", False),
    ("CREATE_COMPLETE", True), ("UPDATE_ROLLBACK_COMPLETE", True), ("UPDATE_IN_PROGRESS", True)])  # fmt: skip
def test_a_first_create_that_failed_does_not_count(monkeypatch: pytest.MonkeyPatch, state: str, standing_: bool) -> None:
    class Client:
        def describe_stacks(self, **_: Any) -> Any:
            return {"Stacks": [{"StackStatus": state}]}

    monkeypatch.setattr("stacks.standing.boto3.client", lambda *_, **__: Client())
    assert stands("fallback-acme", REGION) is standing_


def test_where_nobody_can_tell_what_is_wanted_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials, which only synthesizes; where AWS refuses; with the credentials of another account."""

    class Client:
        def describe_stacks(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not allowed"}}, "DescribeStacks")

    monkeypatch.setattr("stacks.standing.boto3.client", lambda *_, **__: Client())
    assert stands("fallback-acme", REGION) is None
    monkeypatch.delenv("CDK_DEFAULT_ACCOUNT")
    assert stands("fallback-acme", REGION) is None
    monkeypatch.undo()
    monkeypatch.setenv("CDK_DEFAULT_ACCOUNT", "999999999999")
    with mock_aws():
        assert stands("fallback-acme", REGION) is None, "the stack may stand in the account that the CLI means"


@pytest.mark.parametrize(("standing", "protected", "said"), [(True, True, ""), (False, False, "made now"), (None, True, "nobody can tell")])
def test_where_nobody_can_tell_a_stack_is_protected_and_the_remedy_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], standing: bool | None, protected: bool, said: str
) -> None:
    """Losing the protection of a stack that stands would be worse than one more command."""
    monkeypatch.setattr(app, "stands", lambda *_: standing)
    settings = load("production")
    assert settings.protect
    assert app.protected_once_it_stands(settings).protect is protected
    assert said in capsys.readouterr().err
