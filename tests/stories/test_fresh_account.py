"""A fresh AWS account: no API Gateway log role, ten executions of Lambda at once, and a first deployment that fails halfway.

The same command is typed again and succeeds, though production is protected: nothing of the first attempt is in its way, and nothing of it
is to be paid for.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from config.settings import load
from lambdas.workers.tasks import Recording, body_of
from local.cdk import CdkFailed
from local.cloud import LocalCloud
from local.demo import rest_api, twilio_for
from local.outputs import Outputs
from local.twilio import Caller

QUOTA = 10  #: executions at once
STACK = "fallback-production"
GREETING = load("production").answer["voicemail"].values["greeting"]
UNCHECKED = {"unchecked": "yes"}  #: by cdk-nag, which has tests of its own
LATE = "AWS::ApiGateway::Stage"  #: what CloudFormation makes after nearly everything else


@pytest.fixture(autouse=True)
def calm() -> None:
    """The cloud of the other stories is none of ours."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """An account in which nothing was ever deployed, with the settings of production as they come with the project."""
    directory: Path = tmp_path_factory.mktemp("fresh")
    with LocalCloud(directory, port=0, environment="production", retry_seconds=0.2, concurrency=QUOTA) as made, rest_api(made):
        yield made


@pytest.fixture(scope="module")
def failed(cloud: LocalCloud) -> CdkFailed:
    """How the first attempt ended."""
    assert not cloud.client("apigateway").get_account().get("cloudwatchRoleArn")
    cloud.controls.refuse(**{LATE: 1})
    with pytest.raises(CdkFailed) as caught:
        cloud.deploy(UNCHECKED)
    return caught.value


@pytest.fixture(scope="module")
def left(cloud: LocalCloud, failed: CdkFailed) -> dict[str, list[str]]:
    """What is there of the first attempt, before the second."""
    return {kind: found for kind, names in WHAT_MAY_BE_LEFT.items() if (found := names(cloud))}


@pytest.fixture(scope="module")
def outputs(cloud: LocalCloud, left: dict[str, list[str]]) -> Outputs:
    """The same command once more."""
    return cloud.deploy(UNCHECKED)


def listed(service: str, operation: str, key: str, name: str = "", **given: Any) -> Callable[[LocalCloud], list[str]]:
    """The names of what AWS lists."""

    def names(cloud: LocalCloud) -> list[str]:
        found = getattr(cloud.client(service), operation)(**given).get(key, [])
        return sorted(each[name] if name else each for each in found)

    return names


WHAT_MAY_BE_LEFT = {
    "tables": listed("dynamodb", "list_tables", "TableNames"),
    "buckets": listed("s3", "list_buckets", "Buckets", "Name"),
    "queues": listed("sqs", "list_queues", "QueueUrls"),
    "topics": listed("sns", "list_topics", "Topics", "TopicArn"),
    "secrets": listed("secretsmanager", "list_secrets", "SecretList", "Name", IncludePlannedDeletion=True),
    "log groups": listed("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "functions": listed("lambda", "list_functions", "Functions", "FunctionName"),
    "APIs": listed("apigateway", "get_rest_apis", "items", "name"),
    "alarms": listed("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    "schedules": listed("scheduler", "list_schedules", "Schedules", "Name"),
    "dashboards": listed("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    "parameters": listed("ssm", "get_parameters_by_path", "Parameters", "Name", Path="/fallback", Recursive=True),
    "roles": listed("iam", "list_roles", "Roles", "RoleName"),
}


def state(cloud: LocalCloud) -> dict[str, Any]:
    """What CloudFormation says of the stack."""
    return dict(cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0])


def test_a_first_attempt_that_fails_leaves_nothing_that_blocks_or_costs(failed: CdkFailed, left: dict[str, list[str]]) -> None:
    """But an empty table, which is protected and free, and the log role, which API Gateway uses by now; the rest is the CDK's own."""
    assert "Too Many Requests" in str(failed)
    own = {kind: [name for name in names if not name.startswith("cdk-")] for kind, names in left.items()}
    tables, roles = own.pop("tables"), own.pop("roles")
    assert {kind: names for kind, names in own.items() if names} == {}
    assert [name.startswith(f"{STACK}-EventTable") for name in tables] == [True]
    assert [name.startswith(f"{STACK}-LogRole") for name in roles] == [True]


def test_the_same_command_then_makes_the_stack(cloud: LocalCloud, outputs: Outputs) -> None:
    """Though its settings protect it, which the CLI does before the first create: it is protected once it stands."""
    assert cloud.settings.protect
    assert (state(cloud)["StackStatus"], state(cloud)["EnableTerminationProtection"]) == ("CREATE_COMPLETE", False)
    role = cloud.client("apigateway").get_account()["cloudwatchRoleArn"].rpartition("/")[2]
    assert cloud.client("iam").get_role(RoleName=role)


def tasks(outputs: Outputs, number: int) -> list[dict[str, str]]:
    """Voicemails that wait to be collected, as the queue's entries."""
    at = "https://api.twilio.com/"
    made = [Recording(outputs.account_sid, f"CA{each:032x}", f"RE{each:032x}", at, "completed") for each in range(number)]
    return [{"Id": task.sid, "MessageBody": body_of(task)} for task in made]


def call(cloud: LocalCloud, outputs: Outputs) -> str:
    """What somebody hears first who calls while the primary is down."""
    number = twilio_for(cloud).number("+12025550106", voice_url="http://127.0.0.1:9/", voice_fallback_url=outputs.voice_url)
    return next(iter(number.call("+12025550177", Caller(ends_recording_with="#")).words), "nothing")


def three_at_once(cloud: LocalCloud, outputs: Outputs) -> list[str]:
    """What three people hear first who call at the same time."""
    with ThreadPoolExecutor(3) as callers:
        return list(callers.map(lambda _: call(cloud, outputs), range(3)))


def test_ten_voicemails_leave_room_for_three_callers_at_once(cloud: LocalCloud, outputs: Outputs) -> None:
    """The table hangs, so `collect` holds what it has: ten executions would be all that Lambda runs, and callers would be hung up on."""
    cloud.controls.deliveries(lose=True)
    cloud.controls.until(lambda: three_at_once(cloud, outputs) == [GREETING] * 3, "three executions that have started, however slowly")
    cloud.controls.outage(dynamodb="hang")
    cloud.client("sqs").send_message_batch(QueueUrl=outputs.voicemail_queue, Entries=tasks(outputs, QUOTA))
    cloud.controls.until(lambda: cloud.controls.running() >= 2, "voicemails that are collected")
    heard = three_at_once(cloud, outputs)
    cloud.controls.outage()
    assert heard == [GREETING] * 3


def test_nothing_can_be_reserved_there(cloud: LocalCloud, outputs: Outputs) -> None:
    """Neither by a call nor by a template: which is why the stack does not try."""
    functions, cloudformation = cloud.client("lambda"), cloud.client("cloudformation")
    with pytest.raises(functions.exceptions.InvalidParameterValueException, match=r"below its minimum value of \[10\]"):
        functions.put_function_concurrency(FunctionName=outputs.collect_function, ReservedConcurrentExecutions=1)
    role = functions.get_function_configuration(FunctionName=outputs.collect_function)["Role"]
    basics = {"Runtime": "python3.13", "Handler": "index.handler", "Code": {"ZipFile": "pass"}, "Role": role}
    reserving = {"Type": "AWS::Lambda::Function", "Properties": basics | {"ReservedConcurrentExecutions": 1}}
    cloudformation.create_stack(StackName="reserving", TemplateBody=json.dumps({"Resources": {"Function": reserving}}))
    with pytest.raises(WaiterError, match="ROLLBACK"):
        cloudformation.get_waiter("stack_create_complete").wait(StackName="reserving", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    events = cloudformation.describe_stack_events(StackName="reserving")["StackEvents"]
    assert [True for each in events if "below its minimum value of [10]" in each.get("ResourceStatusReason", "")]
