"""The hourly look: what is gone or switched off is named, and the run fails; what is there says nothing."""

import importlib
import json
from collections.abc import Callable, Iterator
from io import BytesIO
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from lambdas.answer.journal import NAMESPACE
from tests.unit.test_log_role import TRUST

STACK = "fallback-tests"
RIGHTS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}]}
TEMPLATE = {
    "Resources": {
        "Journal": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "journal"}},
        "Longer": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "journal-of-another"}},
        "RecordFailed": {"Type": "AWS::SQS::Queue"},
        "AlertTopic": {"Type": "AWS::SNS::Topic"},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {"PolicyName": "rights", "PolicyDocument": RIGHTS, "Roles": [{"Ref": "Role"}]},
        },
    }
}
FILTER: dict[str, Any] = {
    "logGroupName": "journal",
    "filterName": "counts",
    "filterPattern": "x",
    "metricTransformations": [{"metricName": "GatewayResponses", "metricNamespace": NAMESPACE, "metricValue": "1"}],
}
ALARM: dict[str, Any] = {
    "AlarmName": "fallback-tests-refused",
    "ComparisonOperator": "GreaterThanThreshold",
    "EvaluationPeriods": 1,
    "MetricName": "Requests",
    "Namespace": "fallback",
    "Period": 60,
    "Statistic": "Sum",
    "Threshold": 0,
}


class Account:
    """An account with a small stack, and the means to take things out of it."""

    def __init__(self, worker: ModuleType, listed: Callable[[], Iterator[tuple[str, str, str]]]) -> None:
        """`listed` asks CloudFormation."""
        self.worker = worker
        self.listed = listed
        self.names = {name: known_as for name, _, known_as in worker.made()}

    def look(self) -> str:
        """What a run says; nothing where all is well."""
        try:
            self.worker.handler({}, None)
        except self.worker.Gone as gone:
            return str(gone)
        return ""


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name, value in {"AWS_DEFAULT_REGION": "us-west-2", "STACK_NAME": STACK, "JOURNAL_GROUP": "journal"}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        boto3.client("cloudformation").create_stack(StackName=STACK, TemplateBody=json.dumps(TEMPLATE))
        role = boto3.client("iam").create_role(RoleName="log-role", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role}
        boto3.client("apigateway").update_account(patchOperations=[change])
        secret = boto3.client("secretsmanager").create_secret(Name="tokens", SecretString="{}")["ARN"]
        worker = importlib.import_module("lambdas.workers.inventory")
        listed = worker.made
        made = list(listed())
        worker.CLOUDWATCH.put_metric_alarm(**ALARM)
        worker.LOGS.put_metric_filter(**FILTER)
        # CloudFormation makes none of these in moto.
        made += [("Tokens", "AWS::SecretsManager::Secret", secret), ("Alarm", "AWS::CloudWatch::Alarm", ALARM["AlarmName"])]
        topic = next(known_as for name, _, known_as in made if name == "AlertTopic")
        subscribed = worker.SNS.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-west-2:123456789012:on-call")
        made.append(("Subscription", "AWS::SNS::Subscription", subscribed["SubscriptionArn"]))
        made.append(("Counts", "AWS::Logs::MetricFilter", FILTER["filterName"]))
        made.append(("Key", "AWS::KMS::Key", worker.KMS.create_key()["KeyMetadata"]["KeyId"]))
        monkeypatch.setattr(worker, "made", lambda: iter(made))
        yield Account(worker, listed)


def test_where_all_is_there_nothing_is_said(account: Account) -> None:
    assert account.look() == ""


#: How each is taken away by somebody who means something else.
TAKEN: dict[str, Callable[[ModuleType, str], object]] = {
    "Journal": lambda worker, name: worker.LOGS.delete_log_group(logGroupName=name),
    "Counts": lambda worker, name: worker.LOGS.delete_metric_filter(logGroupName="journal", filterName=name),
    "RecordFailed": lambda worker, name: worker.SQS.delete_queue(QueueUrl=name),
    "AlertTopic": lambda worker, name: worker.SNS.delete_topic(TopicArn=name),
    "Subscription": lambda worker, name: worker.SNS.unsubscribe(SubscriptionArn=name),
    "Tokens": lambda worker, name: worker.SECRETS.delete_secret(SecretId=name),
    "Key": lambda worker, name: worker.KMS.disable_key(KeyId=name),
    "Role": lambda worker, name: worker.IAM.delete_role_policy(RoleName=name, PolicyName="rights"),
    "Alarm": lambda worker, name: worker.CLOUDWATCH.delete_alarms(AlarmNames=[name]),
    "API Gateway's log role": lambda worker, _: worker.IAM.delete_role(RoleName="log-role"),
}
#: What cannot be there without another.
WITH = {"AlertTopic": ["Subscription"]}


def take_away(account: Account, what: str) -> None:
    """Take one thing out of the account."""
    TAKEN[what](account.worker, account.names.get(what, ""))


@pytest.mark.parametrize("what", TAKEN)
def test_what_is_gone_is_named(account: Account, what: str) -> None:
    take_away(account, what)
    assert sorted(account.look().removeprefix("gone or switched off: ").split(", ")) == sorted([what, *WITH.get(what, [])])


def test_a_role_that_is_gone_is_named(account: Account) -> None:
    take_away(account, "Role")
    account.worker.IAM.delete_role(RoleName=account.names["Role"])
    assert account.look() == "gone or switched off: Role"


def test_an_alarm_whose_actions_are_switched_off_is_as_good_as_gone(account: Account) -> None:
    account.worker.CLOUDWATCH.disable_alarm_actions(AlarmNames=[ALARM["AlarmName"]])
    assert account.look() == "gone or switched off: Alarm"


def test_being_told_to_slow_down_is_no_fault(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """CloudWatch takes fewer requests a second than there are alarms or log groups, and each is one."""
    refusals, operation = iter(range(5)), "before-send.cloudwatch-logs.DescribeLogGroups"

    def throttled(request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        refused = AWSResponse(request.url, 400, {}, Raw(b'{"__type": "ThrottlingException"}'))  # type: ignore[arg-type]
        return refused if next(refusals, None) is not None else None

    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    account.worker.LOGS.meta.events.register_first(operation, throttled)
    try:
        assert account.look() == ""
    finally:
        account.worker.LOGS.meta.events.unregister(operation, throttled)
    assert next(refusals, None) is None


class Raw(BytesIO):
    """A body as urllib3 hands it over."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def test_what_the_stack_gave_up_or_is_making_is_not_looked_at(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that the settings no longer ask for is retained, and may not be read any more."""
    states = {"Now": "UPDATE_COMPLETE", "Before": "DELETE_COMPLETE", "Kept": "DELETE_SKIPPED", "Soon": "CREATE_IN_PROGRESS"}
    summaries = [
        {"LogicalResourceId": name, "ResourceType": "AWS::KMS::Key", "PhysicalResourceId": name.lower(), "ResourceStatus": state}
        for name, state in states.items()
    ]
    pages = SimpleNamespace(paginate=lambda **_: [{"StackResourceSummaries": summaries}])
    monkeypatch.setattr(account.worker.CLOUDFORMATION, "get_paginator", lambda _: pages)
    assert list(account.listed()) == [("Now", "AWS::KMS::Key", "now")]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "x"), "AlertTopic (AccessDeniedException)"),
        (ReadTimeoutError(endpoint_url="https://sns.example.com"), "AlertTopic (ReadTimeoutError)"),
        (ClientError({"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue", "Message": "no"}}, "x"), "AlertTopic"),
    ],
)
def test_what_cannot_be_looked_at_keeps_nothing_from_being_looked_at(
    account: Account, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def fails(_: str) -> Any:
        raise error

    monkeypatch.setitem(account.worker.LOOKS, "AWS::SNS::Topic", fails)
    take_away(account, "Alarm")
    assert sorted(account.look().removeprefix("gone or switched off: ").split(", ")) == sorted([said, "Alarm"])
