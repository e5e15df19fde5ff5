"""One local cloud for all stories: the real stack, deployed by the CDK CLI, with the stand-in Twilio in front of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.cloud import LocalCloud
from local.demo import rest_api, twilio_for
from local.outputs import Outputs
from local.twilio import StandInTwilio
from local.twilio.rest import RestApi
from tests.stories.places import Place, deploy

Item = dict[str, Any]


class Deployed:
    """The local cloud and what is deployed in it, with the questions that stories ask."""

    def __init__(self, cloud: LocalCloud, outputs: Outputs, api: RestApi) -> None:
        self.cloud = cloud
        self.outputs = outputs
        self.api = api
        self.table = cloud.client("dynamodb")

    def twilio(self) -> StandInTwilio:
        """A stand-in Twilio of this account, whose recordings the REST API serves."""
        twilio = twilio_for(self.cloud)
        self.api.serve(twilio.platform)
        return twilio

    def items(self, sid: str) -> list[Item]:
        """Everything in the table of one call or text, in order."""
        key = {"KeyConditionExpression": "pk = :sid", "ExpressionAttributeValues": {":sid": {"S": sid}}}
        return list(self.table.query(TableName=self.outputs.table, **key)["Items"])

    def events(self, sid: str, at_least: int = 1) -> list[Item]:
        """The events of a call or text, once there are so many."""
        self.until(lambda: len(self.events_now(sid)) >= at_least, f"{at_least} events of {sid}")
        return self.events_now(sid)

    def events_now(self, sid: str) -> list[Item]:
        """The events of a call or text that are there now."""
        return [item for item in self.items(sid) if item["sk"]["S"][:1].isdigit()]

    def stranger(self, sid: str) -> Item:
        """The item of a request that names this call or text and that nobody vouches for, once there is one."""
        found: list[Item] = []

        def came() -> bool:
            found[:] = [item for item in self.table.scan(TableName=self.outputs.table)["Items"] if item.get("sid", {}).get("S") == sid]
            return bool(found)

        self.until(came, f"a request that claims {sid}")
        return found[0]

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Poll until something holds. Raises TimeoutError once nothing is under way that could bring it."""
        self.cloud.controls.until(holds, what)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No schedule of the environment comes due: nothing looks in the middle of a story at what it broke."""
        self._switch_schedules("DISABLED")
        try:
            yield
        finally:
            self._switch_schedules("ENABLED")

    def _switch_schedules(self, state: str) -> None:
        client = self.cloud.client("scheduler")
        for each in client.list_schedules()["Schedules"]:
            if each["Name"].startswith(f"{self.outputs.stack}-"):
                known = client.get_schedule(Name=each["Name"], GroupName=each["GroupName"])
                kept = {name: known[name] for name in ("Name", "GroupName", "FlexibleTimeWindow", "ScheduleExpression", "Target")}
                client.update_schedule(**kept, State=state)

    def log(self, group: str) -> list[str]:
        """The messages of a log group."""
        return [event["message"] for event in self.cloud.client("logs").filter_log_events(logGroupName=group)["events"]]


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The environment `local`, deployed once for the whole run."""
    directory: Path = tmp_path_factory.mktemp("cloud")
    with LocalCloud(directory, port=0, retry_seconds=0.2) as cloud, rest_api(cloud) as (_, api):
        yield Deployed(cloud, cloud.deploy(), api)


@pytest.fixture(scope="session")
def flows(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """An environment with every call flow, deployed beside `local` once for the whole run."""
    return deploy(deployed.cloud, "flows", Path(__file__).with_name("config"), tmp_path_factory.mktemp("flows"))


@pytest.fixture
def unrecorded(deployed: Deployed) -> None:
    """For stories about what callers hear: no line reaches the event table, which spares the machine a worker for each."""
    deployed.cloud.controls.deliveries(lose=True)


@pytest.fixture(autouse=True)
def calm(deployed: Deployed) -> Iterator[None]:
    """Each story begins and ends with a cloud in which nothing is broken, and nothing waits for days that Twilio has no longer."""
    yield
    queues = deployed.cloud.client("sqs")
    for url in queues.list_queues().get("QueueUrls", []):
        if "VoicemailQueue" in url:
            queues.purge_queue(QueueUrl=url)
    deployed.cloud.controls.outage()
    deployed.cloud.controls.deliveries(repeat_lines=1, repeat_deliveries=1, lose=False, hold=False)
