"""A run that nobody waits for and that fails for good is kept, with the reason, and somebody is told."""

from collections.abc import Iterator
from typing import Any

import pytest

from stacks.alarms import ROWS
from tests.stacks.test_templates import Json, of_type


def referred(value: Any) -> str:
    """The logical id that a reference leads to."""
    return str(value.get("Ref") or value["Fn::GetAtt"][0])


def asynchronous(template: Json) -> Iterator[str]:
    """The functions that a schedule, an alarm, a subscription or CloudFormation invokes, none of which waits for the end."""
    for each in of_type(template, "AWS::Scheduler::Schedule").values():
        yield referred(each["Properties"]["Target"]["Arn"])
    for each in of_type(template, "AWS::Logs::SubscriptionFilter").values():
        yield referred(each["Properties"]["DestinationArn"])
    for each in of_type(template, "AWS::Lambda::Permission").values():
        if each["Properties"]["Principal"] == "lambda.alarms.cloudwatch.amazonaws.com":
            yield referred(each["Properties"]["FunctionName"])
    yield from (
        referred(each["Properties"]["ServiceToken"]) for each in template["Resources"].values() if each["Type"].startswith("Custom::")
    )


@pytest.fixture(scope="module")
def destinations(production: Json) -> dict[str, str]:
    """The queue of each function whose failed runs go into one."""
    found = [each["Properties"] for each in of_type(production, "AWS::Lambda::EventInvokeConfig").values()]
    return {referred(each["FunctionName"]): referred(each["DestinationConfig"]["OnFailure"]["Destination"]) for each in found}


def test_every_function_that_nobody_waits_for_has_a_queue_for_what_fails(production: Json, destinations: dict[str, str]) -> None:
    own_alarm = {name for name in production["Resources"] if name.startswith("WatchInventoryFunction")}  # over its errors, first of all
    assert set(asynchronous(production)) - own_alarm == set(destinations)
    assert set(destinations.values()) == {"RecordFailed", "FailedRuns"}


def test_it_may_put_its_failures_there(production: Json, destinations: dict[str, str]) -> None:
    """Lambda does so by the function's own role."""
    for function, queue in destinations.items():
        role = referred(production["Resources"][function]["Properties"]["Role"])
        statements = [
            statement
            for policy in of_type(production, "AWS::IAM::Policy").values()
            if {"Ref": role} in policy["Properties"]["Roles"]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        ]
        assert {"Action": "sqs:SendMessage", "Effect": "Allow", "Resource": {"Fn::GetAtt": [queue, "Arn"]}} in statements, function


def test_one_alarm_is_over_all_of_them(production: Json) -> None:
    [row] = [row for row in ROWS if row.metric.of == "failed_runs"]
    [alarm] = [each["Properties"] for each in of_type(production, "AWS::CloudWatch::Alarm").values() if row.name in str(each["Properties"])]
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["FailedRuns", "QueueName"]}}]


def test_the_probe_is_not_tried_again(production: Json) -> None:
    """Its next run is due before, and a test request more would be counted."""
    retries = {
        referred(each["Properties"]["FunctionName"]): each["Properties"]["MaximumRetryAttempts"]
        for each in of_type(production, "AWS::Lambda::EventInvokeConfig").values()
    }
    assert [name for name, number in retries.items() if number == 0] == [name for name in retries if "Probe" in name]
