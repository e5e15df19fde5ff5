"""`config/iam/`: whoever deploys has the rights that the template needs, and no right to what callers said."""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
import yaml

from local.cdk import CLI
from ops.deploy_rights import LONGEST, NARROWED, UNUSED, deployer, execution, matches, needed, resources, written

pytestmark = pytest.mark.slow

NOT_USED = [pattern for patterns in UNUSED.values() for pattern in patterns]


@pytest.fixture(scope="module")
def types() -> list[str]:
    """The resource types of the largest environment."""
    return sorted({resource["Type"] for resource in resources().values() if not resource["Type"].startswith("Custom::")})


@pytest.fixture(scope="module")
def statements() -> list[dict[str, Any]]:
    """What CloudFormation's role may do."""
    return list(execution()["Statement"])


@pytest.fixture(scope="module")
def given(statements: list[dict[str, Any]]) -> list[str]:
    """The actions of all of them."""
    return [action for statement in statements for action in statement["Action"]]


def test_the_files_are_what_the_stack_needs() -> None:
    """`python -m ops.deploy_rights` writes them."""
    files = written()
    assert {path.name: path.read_text() for path in files} == {path.name: text for path, text in files.items()}


def test_each_right_that_a_resource_type_needs_is_given_or_known_to_be_of_no_use(types: list[str], given: list[str]) -> None:
    """A type that is new in the template fails here until its service is in RESOURCES, or its needs are in UNUSED."""
    lacking = {name: [action for action in sorted(needed([name])) if not matches(action, (*given, *NOT_USED))] for name in types}
    assert {name: actions for name, actions in lacking.items() if actions} == {}


def test_nothing_is_taken_out_that_nothing_needs(types: list[str], given: list[str]) -> None:
    """A pattern that has lost its reason would hide the next need."""
    actions = needed(types)
    assert [pattern for pattern in NOT_USED if not any(fnmatchcase(action, pattern) for action in actions)] == []
    assert set(NARROWED) <= set(given)


def test_nothing_is_given_for_every_resource_but_what_cannot_be_narrowed(statements: list[dict[str, Any]]) -> None:
    """Only reading, and making what has no name yet."""
    everywhere = {action for statement in statements if "*" in statement["Resource"][:1] for action in statement["Action"]}
    looking = {action for action in everywhere if action.split(":")[1].startswith(("Describe", "List", "Get"))}
    making = {"kms:CreateKey", "lambda:CreateEventSourceMapping", "sns:SetSubscriptionAttributes", "sns:Unsubscribe"}
    assert everywhere - looking == making


@pytest.mark.parametrize("action", ["s3:GetObject", "dynamodb:GetItem", "dynamodb:Query", "logs:FilterLogEvents", "logs:GetLogEvents"])
def test_cloudformation_cannot_read_what_callers_left(statements: list[dict[str, Any]], action: str) -> None:
    """Of S3 it reads the zips of CDK's own bucket alone."""
    on = [resource for each in statements if matches(action, each["Action"]) for resource in each["Resource"]]
    assert on == (["arn:aws:s3:::cdk-*-assets-*/*"] if action == "s3:GetObject" else [])


def test_a_managed_policy_holds_it() -> None:
    assert len(json.dumps(execution(), separators=(",", ":"))) < LONGEST


def test_the_deployer_takes_on_roles_that_cdk_bootstrap_makes() -> None:
    """By the names in the template of the CDK CLI that this project pins; never CloudFormation's own role."""
    names = bootstrap_roles()
    patterns = [resource.rpartition("/")[2] for resource in deployer()["Statement"][0]["Resource"]]
    assert [pattern for pattern in patterns if not any(fnmatchcase(name, pattern) for name in names)] == []
    assert not any("cfn-exec" in name for name in names if matches(name, patterns))


def bootstrap_roles() -> list[str]:
    """The names of the roles in CDK's bootstrap template."""
    text = (CLI / "lib" / "api" / "bootstrap" / "bootstrap-template.yaml").read_text()
    for mark, value in (("Qualifier", "hnb659fds"), ("AWS::AccountId", "123456789012"), ("AWS::Region", "us-west-2")):
        text = text.replace(f"${{{mark}}}", value)
    found = [resource["Properties"] for resource in yaml.safe_load(text)["Resources"].values() if resource["Type"] == "AWS::IAM::Role"]
    return [role["RoleName"]["Fn::Sub"] for role in found]
