"""What each function may take of what Lambda runs at once, as the template says it."""

from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from answerbook.compile import compile_book
from config.capacity import shares
from config.settings import Settings, load
from config.tables import Capacity, Function
from stacks.fallback_stack import FallbackStack

Json = dict[str, Any]


def large() -> Settings:
    """Production in an account of 1000, with some for answering."""
    return load("production").model_copy(update={"capacity": Capacity(quota=1000), "function": Function(reserved_concurrency=200)})


@pytest.fixture(scope="module")
def shared_out() -> Json:
    settings = large()
    return dict(Template.from_stack(FallbackStack(App(), settings, compile_book(settings))).to_json())


def reservations(template: Json) -> dict[str, int | None]:
    """What each function has reserved, by its handler's module."""
    functions = [each["Properties"] for each in template["Resources"].values() if each["Type"] == "AWS::Lambda::Function"]
    return {each["Handler"].split(".")[-2]: each.get("ReservedConcurrentExecutions") for each in functions}


def at_once(template: Json) -> dict[str, int]:
    """How many messages of a queue each function gets at once."""
    mappings = [each["Properties"] for each in template["Resources"].values() if each["Type"] == "AWS::Lambda::EventSourceMapping"]
    handlers = {
        name: each["Properties"]["Handler"].split(".")[-2]
        for name, each in template["Resources"].items()
        if "Handler" in each.get("Properties", {})
    }
    return {handlers[each["FunctionName"]["Ref"]]: each["ScalingConfig"]["MaximumConcurrency"] for each in mappings}


def test_a_new_account_reserves_nothing_and_its_queues_bring_little(production: Json) -> None:
    """AWS would refuse the first reservation halfway through the deployment."""
    assert set(reservations(production).values()) == {None}
    assert at_once(production) == {"collect": 2, "record": 2}


def test_in_a_large_account_each_worker_has_its_share_and_callers_the_rest(shared_out: Json) -> None:
    found = reservations(shared_out)
    assert found.pop("handler") == 200, "the answer's"
    assert found == dict(shares(large()))


def test_no_queue_brings_more_than_its_worker_may_run(shared_out: Json) -> None:
    """A message that finds no room comes back, and counts as received."""
    brought, reserved = at_once(shared_out), reservations(shared_out)
    for name, number in brought.items():
        assert number < (reserved[name] or 0), name
