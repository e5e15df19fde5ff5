"""What `inventory` may look at, as the template says it."""

from fnmatch import fnmatchcase
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from answerbook.compile import compile_book
from config.settings import load
from stacks.fallback_stack import FallbackStack

LONGEST_OF_ALL = 64  #: letters of the name of a function or schedule
RANDOM = "-1GRP3N0TVA1L"  #: what CloudFormation ends names with


def names(stack: str, logical_id: str) -> str:
    """A name as CloudFormation makes it: of one that is too long, stack and logical id keep about a half each."""
    room = LONGEST_OF_ALL - len(RANDOM) - 1
    shown = logical_id[: max(room - len(stack), room // 2 - 1)]
    return f"{stack[: room - len(shown)]}-{shown}{RANDOM}"


def may_look(template: dict[str, Any], action: str) -> str:
    """The end of the ARN that an action of the function is allowed for."""
    policies = [each["Properties"] for name, each in template["Resources"].items() if name.startswith("WatchInventoryFunctionRole")]
    statements = [one for each in policies if "PolicyDocument" in each for one in each["PolicyDocument"]["Statement"]]
    [resource] = [one["Resource"] for one in statements if one["Action"] == action]
    return str(resource["Fn::Join"][1][-1]).rpartition(":")[2].rpartition("/")[2]


@pytest.mark.parametrize("environment", ["production", "p", "production-of-the-second-one-in-the-west"])
@pytest.mark.parametrize(
    "logical_id", ["Collect", "WatchInventoryFunctionB6A5C3D2", "WatchTokenCheckFunctionAndWhatElseItIsCalled12345678"]
)
def test_what_is_named_by_the_stack_may_be_looked_at_however_long_that_is(environment: str, logical_id: str) -> None:
    settings = load("production").model_copy(update={"environment": environment})
    template = dict(Template.from_stack(FallbackStack(App(), settings, compile_book(settings))).to_json())
    for action in ("lambda:GetFunctionConfiguration", "scheduler:GetSchedule"):
        assert fnmatchcase(names(f"fallback-{environment}", logical_id), may_look(template, action))
    assert not fnmatchcase("fallback-other-Collect", may_look(template, "lambda:GetFunctionConfiguration"))
