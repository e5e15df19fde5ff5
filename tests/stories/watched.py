"""What on-call sees of the deployed stack: alarms that ring, messages that come, and the functions that look after it all."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from local.emulator.controls import Controls
from tests.stories.conftest import Deployed

LATER = 3 * 3600  #: seconds after which nothing of an earlier story is judged any more


class Watched:
    """The alarms of the environment `local`, and a subscriber of its alerts."""

    ahead = 0.0  #: of the clock of alarms, over all stories

    def __init__(self, deployed: Deployed) -> None:
        self.deployed = deployed
        self.cloud = deployed.cloud
        stack = self.cloud.client("cloudformation").describe_stacks(StackName=deployed.outputs.stack)["Stacks"][0]
        self.outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
        self.sqs = self.cloud.client("sqs")
        self.mailbox = self.sqs.create_queue(QueueName="on-call")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.mailbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.sqs.set_queue_attributes(QueueUrl=self.mailbox, Attributes={"Policy": json.dumps(takes_from_topics(arn))})
        self.cloud.client("sns").subscribe(TopicArn=self.outputs["AlertTopicArn"], Protocol="sqs", Endpoint=arn)

    @property
    def controls(self) -> Controls:
        """What tests may do to the cloud."""
        return self.cloud.controls

    def calm(self) -> None:
        """Let hours go by for the alarms, and everything that watches look once; nothing rings then, and nobody was told yet."""
        self.go_on(LATER)
        self.probe(datetime.now(UTC))
        self.invoke("TokenCheckFunctionName")
        self.deployed.until(lambda: self.ringing() == set(), "no alarm rings")
        list(self.told())

    def go_on(self, seconds: float) -> None:
        """Set the clock of alarms ahead."""
        Watched.ahead += seconds
        self.controls.ahead(Watched.ahead)

    def ringing(self) -> set[str]:
        """The alarms that ring, judged now."""
        self.controls.ahead(Watched.ahead)
        prefix = "fallback-local-"
        found = self.cloud.client("cloudwatch").describe_alarms(StateValue="ALARM", AlarmNamePrefix=prefix)["MetricAlarms"]
        return {alarm["AlarmName"].removeprefix(prefix) for alarm in found}

    def rings(self, *alarms: str) -> bool:
        """Whether these ring, and, once everything has settled, no other."""
        self.deployed.until(lambda: set(alarms) <= self.ringing(), f"{alarms} ring")
        self.controls.settled()
        return self.ringing() == set(alarms)

    def told(self) -> Iterator[dict[str, Any]]:
        """What the subscriber got since it was last asked: subject and text."""
        while messages := self.sqs.receive_message(QueueUrl=self.mailbox, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.mailbox, ReceiptHandle=message["ReceiptHandle"])
                yield json.loads(message["Body"])

    def told_of_outages(self) -> list[dict[str, Any]]:
        """Those of them that are about outages."""
        return [message for message in self.told() if message.get("MessageAttributes", {}).get("kind", {}).get("Value") == "outage"]

    def invoke(self, output: str, **event: Any) -> None:
        """Invoke the function that an output names, and wait for its end."""
        answer = self.cloud.client("lambda").invoke(FunctionName=self.outputs[output], Payload=json.dumps(event).encode())
        assert "FunctionError" not in answer, answer["Payload"].read()

    def probe(self, moment: datetime) -> dict[str, Any]:
        """The probe's run of a minute, and what it noted."""
        self.invoke("ProbeFunctionName", time=moment.isoformat())
        number = int(moment.timestamp() // 60)
        key = {"pk": {"S": "probe"}, "sk": {"S": str(number)}}
        return dict(self.deployed.table.get_item(TableName=self.deployed.outputs.table, Key=key)["Item"])

    def outage(self, after: timedelta = timedelta()) -> None:
        """A look for outages, so long from now."""
        self.invoke("OutageFunctionName", time=(datetime.now(UTC) + after).isoformat())

    def forget_the_past(self) -> None:
        """Remove what earlier stories left on the timeline."""
        table, name = self.deployed.table, self.deployed.outputs.table
        for page in table.get_paginator("scan").paginate(TableName=name):
            for item in page["Items"]:
                if "day_shard" in item or item["pk"]["S"] == "outage":
                    table.delete_item(TableName=name, Key={key: item[key] for key in ("pk", "sk")})


def takes_from_topics(queue: str) -> dict[str, Any]:
    """The policy of a queue that topics may write to."""
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue}
    return {"Version": "2012-10-17", "Statement": [statement]}
