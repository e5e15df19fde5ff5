"""What the templates promise: answers when the function is broken, rights no wider than needs, names that never change."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Validations
from aws_cdk.assertions import Template
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from answerbook import grammar
from answerbook.compile import compile_book
from config.deployed import Deployed
from config.egress import edges_near
from config.settings import load
from config.version import version
from stacks.api import CONTENT_TYPES
from stacks.fallback_stack import FallbackStack
from tests.stacks.conftest import ENVIRONMENTS
from tests.stacks.response_types import DEFAULT

Json = dict[str, Any]


def of_type(template: Json, kind: str) -> dict[str, Json]:
    """The resources of a type, by logical id."""
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == kind}


def responses(template: Json, api: str) -> dict[str, Json]:
    """The gateway response of an API to whatever may happen: one of its own, or else what the default says."""
    found = [each["Properties"] for each in of_type(template, "AWS::ApiGateway::GatewayResponse").values()]
    own = {each["ResponseType"]: each for each in found if each["RestApiId"] == {"Ref": api}}
    return {name: own[name if name in own else default] for name, default in DEFAULT.items()}


@pytest.mark.parametrize(("api", "medium"), [("VoiceApi", "voice"), ("MessagingApi", "messaging")])
def test_every_way_to_fail_is_answered_with_twiml(production: Json, api: str, medium: Any) -> None:
    """Each type of gateway response is status 200 and a document that Twilio takes, under every content type."""
    for response in responses(production, api).values():
        assert response["StatusCode"] == "200"
        assert response["ResponseParameters"] == {"gatewayresponse.header.Content-Type": "'text/xml'"}
        assert set(response["ResponseTemplates"]) == set(CONTENT_TYPES)
        for document in response["ResponseTemplates"].values():
            assert grammar.check(document, medium) == []
            assert ("<Hangup/>" in document) == (medium == "voice")


def test_a_callback_learns_that_we_failed(production: Json) -> None:
    """Twilio tries again after 503; what it did wrong itself gets its own status."""
    found = {name: response["StatusCode"] for name, response in responses(production, "CallbacksApi").items()}
    for name, status in {"MISSING_AUTHENTICATION_TOKEN": "404", "RESOURCE_NOT_FOUND": "404", "REQUEST_TOO_LARGE": "413"}.items():
        assert found.pop(name) == status
    assert found.pop("UNSUPPORTED_MEDIA_TYPE") == "415"
    assert set(found.values()) == {"503"}


@pytest.mark.parametrize("api", ["VoiceApi", "MessagingApi", "CallbacksApi"])
@pytest.mark.parametrize("name", ["INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT", "THROTTLED", "DEFAULT_5XX"])
def test_what_happens_when_the_function_is_broken_is_said_of_itself(production: Json, api: str, name: str) -> None:
    """That a type takes the status of its default is documented; nobody has tried it."""
    assert responses(production, api)[name]["ResponseType"] == name


def test_time_limits_are_nested_below_twilios(production: Json) -> None:
    """Lambda ends at 5 s, API Gateway at 8 s, Twilio gives up at 15 s."""
    function = production["Resources"]["AnswerFunction"]["Properties"]
    integrations = [method["Properties"]["Integration"] for method in of_type(production, "AWS::ApiGateway::Method").values()]
    assert function["Timeout"] == 5
    assert {part["TimeoutInMillis"] for part in integrations if part["Type"] == "AWS_PROXY"} <= {8000, None}


def test_api_gateway_calls_the_alias(production: Json) -> None:
    """A bad release is undone by pointing the alias back at the version before, which is kept."""
    [(alias, _)] = list(of_type(production, "AWS::Lambda::Alias").items())
    for method in of_type(production, "AWS::ApiGateway::Method").values():
        integration = method["Properties"]["Integration"]
        if integration["Type"] == "AWS_PROXY" and "Answer" in json.dumps(integration["Uri"]):
            assert alias in json.dumps(integration["Uri"])
    for published in of_type(production, "AWS::Lambda::Version").values():
        assert published["DeletionPolicy"] == "RetainExceptOnCreate"


#: What every number at Twilio, or the company's data, hangs on.
NEVER_REPLACED = {
    "VoiceApi": "AWS::ApiGateway::RestApi",
    "MessagingApi": "AWS::ApiGateway::RestApi",
    "CallbacksApi": "AWS::ApiGateway::RestApi",
    "VoiceStage": "AWS::ApiGateway::Stage",
    "MessagingStage": "AWS::ApiGateway::Stage",
    "CallbacksStage": "AWS::ApiGateway::Stage",
    "EventTable": "AWS::DynamoDB::GlobalTable",
    "Journal": "AWS::Logs::LogGroup",
    "Tokens": "AWS::SecretsManager::Secret",
    "RecordFailed": "AWS::SQS::Queue",
    "RecordDeadLetters": "AWS::SQS::Queue",
    "VoicemailBucket": "AWS::S3::Bucket",
    "VoicemailQueue": "AWS::SQS::Queue",
    "VoicemailDeadLetters": "AWS::SQS::Queue",
    "NotificationTopic": "AWS::SNS::Topic",
    "TwilioKeys": "AWS::SecretsManager::Secret",
}
#: Properties of them that CloudFormation can only change by replacing the resource.
FIXED: dict[str, Json] = {
    "AWS::ApiGateway::RestApi": {},
    "AWS::ApiGateway::Stage": {"StageName": "v1"},
    "AWS::DynamoDB::GlobalTable": {"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]},
}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_must_never_be_replaced_keeps_its_logical_id(templates: dict[str, Template], environment: str) -> None:
    """A changed logical id makes CloudFormation create a new resource: numbers point at a host that is gone, data is left behind."""
    resources = templates[environment].to_json()["Resources"]
    for name, kind in NEVER_REPLACED.items():
        assert name in resources, (
            f"{name} is gone: a deploy would replace this {kind}; every number or item that depends on it would be lost"
        )
        resource = resources[name]
        assert resource["Type"] == kind
        assert FIXED.get(kind, {}).items() <= resource["Properties"].items(), f"a deploy would replace {name}, a {kind}"
        if kind.split("::")[1] in ("DynamoDB", "Logs", "S3", "SecretsManager", "SQS"):
            deletion = "Retain" if name == "EventTable" else "RetainExceptOnCreate"
            assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == (deletion, "Retain"), f"{name} would be deleted"


def test_production_has_termination_protection() -> None:
    """`cdk destroy` of production is refused."""
    settings = load("production")
    assert FallbackStack(App(), settings, compile_book(settings)).termination_protection


def statements(template: Json) -> Iterator[tuple[str, Json]]:
    """Every statement of every role's policy."""
    for name, policy in of_type(template, "AWS::IAM::Policy").items():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            yield name, statement


def test_no_role_has_a_wildcard(production: Json) -> None:
    """One action a need, on one resource."""
    for name, statement in statements(production):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if "*" in action], name
        assert statement["Resource"] != "*", name


def test_every_function_has_a_role_of_its_own(production: Json) -> None:
    """No function lends its rights to another."""
    functions = list(of_type(production, "AWS::Lambda::Function").values())
    roles = [json.dumps(function["Properties"]["Role"]) for function in functions]
    assert len(roles) == len(set(roles))


def test_the_answer_may_read_its_tokens_and_write_its_journal_and_nothing_else(production: Json) -> None:
    """What is reached by strangers can do almost nothing."""
    role = production["Resources"]["AnswerFunction"]["Properties"]["Role"]["Fn::GetAtt"][0]
    policies = [policy["Properties"] for policy in of_type(production, "AWS::IAM::Policy").values()]
    own = [policy["PolicyDocument"]["Statement"] for policy in policies if {"Ref": role} in policy["Roles"]]
    actions = {
        action
        for statement in own[0]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert len(own) == 1
    assert actions == {"logs:CreateLogStream", "logs:PutLogEvents", "secretsmanager:GetSecretValue"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_cdk_nag_has_nothing_left_to_say(environment: str) -> None:
    """Every AwsSolutions finding is mended or acknowledged with its reason."""
    settings = load(environment)
    app = App()
    FallbackStack(app, settings, compile_book(settings))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_cfn_lint_accepts_the_template(templates: dict[str, Template], environment: str) -> None:
    """W3005 is CDK's own habit of writing dependencies twice."""
    found = lint(json.dumps(templates[environment].to_json()), config=ManualArgs(ignore_checks=["W3005"]))
    assert [str(match) for match in found] == []


#: Names that an account and region has once.
NAMES = {"TableName", "FunctionName", "BucketName", "QueueName", "LogGroupName", "TopicName", "AlarmName", "RoleName", "DashboardName"}


def test_environments_share_nothing(templates: dict[str, Template]) -> None:
    """Production and staging side by side in one account: no resource has a name that both would claim."""
    own = templates["staging"].to_json()["Resources"]
    for name, resource in templates["production"].to_json()["Resources"].items():
        for key in NAMES & resource.get("Properties", {}).keys():
            value = resource["Properties"][key]
            assert isinstance(value, dict) or value != own.get(name, {}).get("Properties", {}).get(key), f"{name}.{key} = {value}"


def test_a_mistake_in_the_settings_ends_the_synthesis_with_one_line(tmp_path: Path) -> None:
    """File, line, key, remedy; never a traceback."""
    settings = (Path("config") / "local.toml").read_text().replace("greeting =", "greting =")
    (tmp_path / "local.toml").write_text(settings)
    context = json.dumps({"environment": "local", "config": str(tmp_path)})
    done = subprocess.run(
        [sys.executable, "app.py"], check=False, env={"CDK_CONTEXT_JSON": context, "PATH": ""}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.strip().endswith("did you mean 'greeting'?")
    assert len(done.stderr.strip().splitlines()) == 1


def test_what_is_printed_is_what_twilio_is_pointed_at(production: Json) -> None:
    """With the connection overrides of a fallback URL, so that nobody has to know them."""
    outputs = {name: json.dumps(output["Value"]) for name, output in production["Outputs"].items()}
    edges = ",".join(edges_near(load("production").region))
    assert f'/voice#rc=2&rp=all&e={edges}"' in outputs["VoiceUrl"]
    assert f'/sms#rc=2&rp=ct&e={edges}"' in outputs["SmsUrl"]


def test_the_stack_bears_the_version_of_the_project(production: Json) -> None:
    """As an output, as a tag, and in what it publishes; not in the zips, which a version alone must not change."""
    settings = load("production")
    stack = FallbackStack(App(), settings, compile_book(settings))
    assert production["Outputs"]["Version"]["Value"] == version()
    assert stack.tags.tag_values()["fallback:version"] == version()


def test_what_oncall_must_know_is_published(production: Json) -> None:
    """Readable by whoever may look for the stack, and without a secret."""
    parameters = {each["Properties"]["Name"]: each["Properties"]["Value"] for each in of_type(production, "AWS::SSM::Parameter").values()}
    settings = load("production")
    published = Deployed.read(parameters)
    assert published == Deployed.of(settings, compile_book(settings)["id"], version())
    assert all(name.startswith("/fallback/production/deployed/") for name in parameters)
