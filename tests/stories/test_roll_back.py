"""An alias that was moved by hand is half of a roll back: the rest of what the runbook says, as CloudFormation itself rolls back."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from local.cloud import LocalCloud
from tests.stories.conftest import Deployed
from tests.stories.scene import attribute, function, resource, role

STACK = "releases"
MORE_THAN_THERE_IS = 100_000


class Releases:
    """A stack with a function behind an alias, as the answer function is; each release says its name."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloudformation, self.functions = cloud.client("cloudformation"), cloud.client("lambda")
        self.cloudformation.create_stack(StackName=STACK, TemplateBody=template("first"), Capabilities=["CAPABILITY_IAM"])
        self.wait("stack_create_complete")
        [output] = self.cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
        self.name = output["OutputValue"]

    def wait(self, event: Any) -> None:
        self.cloudformation.get_waiter(event).wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def deploy(self, release: str) -> None:
        self.cloudformation.update_stack(StackName=STACK, TemplateBody=template(release), Capabilities=["CAPABILITY_IAM"])
        self.wait("stack_update_complete")

    def fail_to_deploy(self, release: str) -> None:
        """A deployment that changes the alias, fails afterwards, and is rolled back."""
        text = template(release, ReservedConcurrentExecutions=MORE_THAN_THERE_IS)
        self.cloudformation.update_stack(StackName=STACK, TemplateBody=text, Capabilities=["CAPABILITY_IAM"])
        with pytest.raises(WaiterError, match="ROLLBACK"):
            self.wait("stack_update_complete")

    def point_at(self, version: str) -> None:
        self.functions.update_alias(FunctionName=self.name, Name="live", FunctionVersion=version)

    @property
    def version(self) -> str:
        return str(self.functions.get_alias(FunctionName=self.name, Name="live")["FunctionVersion"])

    @property
    def heard(self) -> str:
        """What callers hear."""
        return str(json.loads(self.functions.invoke(FunctionName=self.name, Qualifier="live")["Payload"].read()))


def template(release: str, **of_another: Any) -> str:
    """A release: the version's resource is named after what it holds, as the CDK does, and stays at Lambda when the next one comes."""
    version = f"Version{release}"
    of = {"FunctionName": {"Ref": "Answer"}}
    resources = {
        "Role": role("logs:PutLogEvents"),
        "Answer": function(f"def handler(event, context): return {release!r}", "Role", 5),
        version: resource("Lambda::Version", **of) | {"DeletionPolicy": "RetainExceptOnCreate"},
        "Live": resource("Lambda::Alias", Name="live", **of, FunctionVersion=attribute(version, "Version")),
    }
    if of_another:
        resources["Another"] = function("pass", "Role", 5, **of_another) | {"DependsOn": ["Live"]}
    return json.dumps({"Resources": resources, "Outputs": {"Answer": {"Value": {"Ref": "Answer"}}}})


@pytest.fixture
def releases(deployed: Deployed) -> Iterator[Releases]:
    yield Releases(deployed.cloud)
    deployed.cloud.client("cloudformation").delete_stack(StackName=STACK)


def test_after_the_alias_the_release_before_is_deployed(releases: Releases) -> None:
    """Else a deployment that fails leads callers back to the bad release; afterwards it leads them to the good one."""
    good = releases.version
    releases.deploy("bad")
    releases.point_at(good)
    assert releases.heard == "first", "with the next request"
    releases.fail_to_deploy("fix")
    assert releases.heard == "bad", "CloudFormation does not see an alias that was moved by hand"
    releases.point_at(good)
    releases.deploy("first")
    assert (releases.heard, releases.version != good) == ("first", True), "a new version with the old contents"
    releases.fail_to_deploy("fix")
    assert releases.heard == "first"
