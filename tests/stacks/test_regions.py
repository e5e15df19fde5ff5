"""The stack in other partitions and regions than the one that it is developed for."""

import json
from typing import Any

import pytest
from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from answerbook.compile import compile_book
from config.regions import regions
from config.settings import load
from stacks.fallback_stack import FallbackStack

GOVCLOUD = "us-gov-west-1"


@pytest.fixture(scope="module")
def govcloud() -> dict[str, Any]:
    """The template of production in AWS GovCloud (US), which cdk-nag has nothing to say against."""
    settings = load("production").model_copy(update={"region": GOVCLOUD})
    app = App()
    stack = FallbackStack(app, settings, compile_book(settings))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    template: dict[str, Any] = app.synth().get_stack_by_name(stack.stack_name).template
    return template


def test_no_arn_names_a_partition_by_heart(production: dict[str, Any], govcloud: dict[str, Any]) -> None:
    for template in (production, govcloud):
        assert "arn:aws:" not in json.dumps(template["Resources"])


def test_cfn_lint_accepts_it_there(govcloud: dict[str, Any]) -> None:
    found = lint(json.dumps(govcloud), regions=[GOVCLOUD], config=ManualArgs(ignore_checks=["W3005"]))
    assert [str(match) for match in found] == []


@pytest.mark.parametrize("region", regions())
def test_every_resource_of_the_stack_is_to_be_had_in_each_region_that_the_settings_take(production: dict[str, Any], region: str) -> None:
    """As CloudFormation lists its types by region."""
    types = {each["Type"] for each in production["Resources"].values() if not each["Type"].startswith("Custom::")}
    assert types - set(PROVIDER_SCHEMA_MANAGER.get_resource_types(region)) == set()
