"""Who is told: the topic, its subscribers and keys; commands that exist; tags by which environments are told apart."""

import json
import re
from typing import Any

import boto3
import pytest
from aws_cdk import App
from aws_cdk.assertions import Template
from botocore import xform_name
from typer.core import TyperGroup
from typer.main import get_command

from answerbook.compile import compile_book
from config.settings import Settings, load
from ops.cli import app
from stacks.alarms import PROBE, ROWS, Row, unasked
from stacks.fallback_stack import FallbackStack
from tests.stacks.test_templates import Json, of_type

#: Commands that the AWS CLI has beyond the services' own operations.
OF_THE_CLI = {("logs", "tail")}


def synthesized(**alerts: Any) -> Json:
    """Production, with these settings of alerts."""
    settings: Settings = load("production")
    changed = settings.model_copy(update={"alerts": settings.alerts.model_copy(update=alerts)})
    return dict(Template.from_stack(FallbackStack(App(), changed, compile_book(changed))).to_json())


def test_subscribers_are_those_of_the_settings() -> None:
    template = synthesized(emails=("oncall@example.com",), webhooks=("https://events.example.com/sns/1",))
    found = [each["Properties"] for each in of_type(template, "AWS::SNS::Subscription").values()]
    told = {(each["Protocol"], each["Endpoint"]) for each in found if each["TopicArn"] == {"Ref": "AlertTopic"}}
    assert told == {("email", "oncall@example.com"), ("https", "https://events.example.com/sns/1")}


def test_a_customer_key_lets_alarms_publish() -> None:
    """Under Amazon's own key for SNS an alarm could not: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html"""
    template = synthesized(customer_key=True)
    assert "AlertKey" in json.dumps(of_type(template, "AWS::SNS::Topic")["AlertTopic"]["Properties"]["KmsMasterKeyId"])
    statements = template["Resources"]["AlertKey"]["Properties"]["KeyPolicy"]["Statement"]
    alarms = [each for each in statements if each["Principal"] == {"Service": "cloudwatch.amazonaws.com"}]
    assert {action for each in alarms for action in each["Action"]} == {"kms:Decrypt", "kms:GenerateDataKey*"}
    policies = [json.dumps(each) for each in of_type(template, "AWS::IAM::Policy").values()]
    publish = [each for each in policies if "AlertKey" in each and "kms:GenerateDataKey" in each]
    assert len(publish) == 3, "`outage`, the probe and `record` publish too"


def test_the_probe_asks_the_custom_domain_and_the_primarys_health_where_the_settings_name_them() -> None:
    settings: Settings = load("production")
    urls, health = ("https://fallback.example.com/voice", "https://fallback.example.com/sms"), ("https://app.example.com/health",)
    probe = settings.probe.model_copy(update={"urls": urls})
    changed = settings.model_copy(update={"probe": probe, "primary": settings.primary.model_copy(update={"health": health})})
    template = dict(Template.from_stack(FallbackStack(App(), changed, compile_book(changed))).to_json())
    known = [each["Properties"].get("Environment", {}).get("Variables", {}) for each in of_type(template, "AWS::Lambda::Function").values()]
    [variables] = [each for each in known if "PROBE_URLS" in each]
    assert (variables["PROBE_URLS"], variables["HEALTH_URLS"]) == (" ".join(urls), health[0])


def test_a_dashboard_can_be_left_out() -> None:
    assert of_type(synthesized(dashboard=False), "AWS::CloudWatch::Dashboard") == {}


def test_only_alarms_of_this_account_may_publish(production: Json) -> None:
    policies = [
        each["Properties"]
        for each in of_type(production, "AWS::SNS::TopicPolicy").values()
        if {"Ref": "AlertTopic"} in each["Properties"]["Topics"]
    ]
    statements = [each for policy in policies for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]
    assert [each["Principal"] for each in statements] == [{"Service": "cloudwatch.amazonaws.com"}]
    assert statements[0]["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


@pytest.mark.parametrize("row", [*ROWS, *PROBE, unasked("AC1")], ids=lambda row: row.name)
def test_the_command_of_an_alarm_exists(row: Row) -> None:
    """Who types it at night must not read `no such command`."""
    program, *words = row.command.split()
    if program == "aws":
        service, operation = words[:2]
        operations = boto3.client(service, region_name="us-east-1").meta.service_model.operation_names  # type: ignore[call-overload]
        known = {xform_name(name, "-") for name in operations}
        assert operation in known or (service, operation) in OF_THE_CLI
        return
    command: Any = get_command(app)
    for word in (word for word in words if re.fullmatch(r"[a-z]+", word)):
        if isinstance(command, TyperGroup):
            command = command.get_command(None, word)  # type: ignore[arg-type]
            assert command, row.command
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options, row.command


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_everything_of_an_environment_bears_its_tag(templates: dict[str, Template], environment: str) -> None:
    """One account holds both, and one bill."""
    taggable = ("AWS::Lambda::Function", "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::S3::Bucket", "AWS::Logs::LogGroup", "AWS::IAM::Role")
    resources = dict(templates[environment].to_json())["Resources"]
    for name, resource in resources.items():
        if resource["Type"] in taggable:
            tags = {tag["Key"]: tag["Value"] for tag in resource["Properties"]["Tags"]}
            assert tags == {"service": "twilio-fallback", "environment": environment}, name
