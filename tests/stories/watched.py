"""What on-call sees of the deployed stack: alarms that ring, messages that come, and the functions that look after it all.

Whatever a story breaks it breaks in a `with`, so that it is whole again however the story ends. What runs by itself stands still
meanwhile: a run of the probe or of `reconcile` in the middle of a story would see what another story left.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from local.emulator.controls import Controls
from stacks.alarms import PROBE, ROWS
from tests.stories.conftest import Deployed, Item

#: Alarms of what has to run again and again.
SILENT = {row.name for row in ROWS + PROBE if row.missing in ("fault", "silence")}
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
        """Let hours go by for the alarms, and everything that watches look once; nothing rings then, and nobody was told yet. What other
        stories left is gone: dead letters, test requests whose lines were lost on purpose, and callers whom nobody believed."""
        self.controls.settled()
        for queue in self.sqs.list_queues(QueueNamePrefix=f"{self.deployed.outputs.stack}-")["QueueUrls"]:
            if "DeadLetters" in queue:
                self.sqs.purge_queue(QueueUrl=queue)
        self.forget(lambda item: item["pk"]["S"].partition("#")[0] in ("probe", "stranger"))
        self.go_on(LATER)
        self.probe(datetime.now(UTC))
        self.invoke("TokenCheckFunctionName")
        self.controls.settled()
        self.until(lambda: not self.ringing(), "no alarm rings")
        self.controls.settled()
        list(self.told())

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Poll until something holds. Raises TimeoutError, which says what rings and why."""
        try:
            self.deployed.until(holds, what)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; ringing: {self.reasons() or 'nothing'}") from None

    def go_on(self, seconds: float) -> None:
        """Set the clock of alarms ahead."""
        Watched.ahead += seconds
        self.controls.ahead(Watched.ahead)

    def ringing(self) -> set[str]:
        """The alarms that ring, judged now, but for those that ring by silence: nothing runs by itself while a story is told."""
        return set(self.reasons()) - SILENT

    def reasons(self) -> dict[str, str]:
        """Why each alarm rings that does."""
        self.controls.ahead(Watched.ahead)
        prefix = "fallback-local-"
        found = self.cloud.client("cloudwatch").describe_alarms(StateValue="ALARM", AlarmNamePrefix=prefix)["MetricAlarms"]
        return {alarm["AlarmName"].removeprefix(prefix): alarm["StateReason"] for alarm in found}

    def is_on(self, alarm: str) -> bool:
        """Whether an alarm rings, by silence too."""
        return alarm in self.reasons()

    def rung_by(self, alarm: str) -> set[str]:
        """What rings once this does and everything has settled: no other should. Raises TimeoutError where it does not."""
        self.until(lambda: alarm in self.ringing(), f"{alarm} rings")
        self.controls.settled()
        return self.ringing()

    @contextmanager
    def broken_worker(self, part: str) -> Iterator[str]:
        """The function of a part of the stack, which cannot be imported."""
        lambda_, name = self.cloud.client("lambda"), self.function_of(part)
        good = lambda_.get_function_configuration(FunctionName=name)["Handler"]
        lambda_.update_function_configuration(FunctionName=name, Handler="no_such_module.handler")
        try:
            yield name
        finally:
            lambda_.update_function_configuration(FunctionName=name, Handler=good)
            self.controls.recycle(name)

    @contextmanager
    def lost_log_role(self) -> Iterator[None]:
        """Somebody else's stack took API Gateway's log role along when it went."""
        gateway = self.cloud.client("apigateway")
        role = gateway.get_account()["cloudwatchRoleArn"]
        set_to = {"op": "replace", "path": "/cloudwatchRoleArn"}
        gateway.update_account(patchOperations=[set_to | {"value": f"{role}-of-a-stack-that-went"}])
        try:
            yield
        finally:
            gateway.update_account(patchOperations=[set_to | {"value": role}])

    @contextmanager
    def forbidden_answer(self) -> Iterator[None]:
        """API Gateway may not invoke the answer function any more."""
        with self.without_policy(FunctionName=self.deployed.outputs.answer_function, Qualifier="live"):
            yield

    @contextmanager
    def forbidden(self, part: str) -> Iterator[None]:
        """Nobody may invoke the function of a part of the stack any more."""
        with self.without_policy(FunctionName=self.function_of(part)):
            yield

    @contextmanager
    def without_policy(self, **function: str) -> Iterator[None]:
        """A function, or its alias, has lost the policy that says who may invoke it."""
        functions = self.cloud.client("lambda")
        statements = json.loads(functions.get_policy(**function)["Policy"])["Statement"]
        for each in statements:
            functions.remove_permission(**function, StatementId=each["Sid"])
        try:
            yield
        finally:
            for each in statements:
                source, service = each["Condition"]["ArnLike"]["AWS:SourceArn"], each["Principal"]["Service"]
                known = {"StatementId": each["Sid"], "Action": "lambda:InvokeFunction", "Principal": service, "SourceArn": source}
                functions.add_permission(**function, **known)

    @contextmanager
    def no_room(self) -> Iterator[None]:
        """Lambda runs no more of the answer function."""
        functions, name = self.cloud.client("lambda"), self.deployed.outputs.answer_function
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
        try:
            yield
        finally:
            functions.delete_function_concurrency(FunctionName=name)

    @contextmanager
    def no_queue_for(self, function: str) -> Iterator[None]:
        """The queue for what a function could not handle is gone."""
        functions = self.cloud.client("lambda")
        which = {"FunctionName": function, "Qualifier": "$LATEST"}
        known = functions.get_function_event_invoke_config(**which)
        kept = {name: known[name] for name in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds")} | which
        good = known["DestinationConfig"]["OnFailure"]["Destination"]
        functions.put_function_event_invoke_config(**kept, DestinationConfig={"OnFailure": {"Destination": f"{good}-of-yesterday"}})
        try:
            yield
        finally:
            functions.put_function_event_invoke_config(**kept, DestinationConfig={"OnFailure": {"Destination": good}})

    def function_of(self, part: str) -> str:
        """The name of the function of a part of the stack."""
        prefix = f"{self.deployed.outputs.stack}-{part}"
        functions = self.cloud.client("lambda").list_functions()["Functions"]
        return next(str(each["FunctionName"]) for each in functions if each["FunctionName"].startswith(prefix))

    @contextmanager
    def broken_table(self) -> Iterator[None]:
        """DynamoDB is down."""
        self.controls.outage(dynamodb="error")
        try:
            yield
        finally:
            self.controls.outage()

    @contextmanager
    def unreadable_secret(self) -> Iterator[None]:
        """Secrets Manager is down, and the answer function starts anew."""
        function = self.deployed.outputs.answer_function
        self.controls.outage(secretsmanager="error")
        try:
            self.controls.recycle(function)
            yield
        finally:
            self.controls.outage()
            self.controls.recycle(function)

    @contextmanager
    def stale_token(self) -> Iterator[None]:
        """Beside the right token lies one that Twilio refuses."""
        outputs = self.deployed.outputs
        self.cloud.put_tokens(outputs.tokens_secret, {outputs.account_sid: [outputs.auth_token, "rotated-at-twilio"]})
        try:
            yield
        finally:
            self.cloud.put_tokens(outputs.tokens_secret, {outputs.account_sid: [outputs.auth_token]})

    @contextmanager
    def impatient_queue(self) -> Iterator[str]:
        """The queue of voicemails, which gives a message up after the first failure."""
        queue = self.deployed.outputs.voicemail_queue
        before = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["RedrivePolicy"])["Attributes"]
        soon = json.dumps(json.loads(before["RedrivePolicy"]) | {"maxReceiveCount": 1})
        self.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": soon})
        try:
            yield queue
        finally:
            self.sqs.set_queue_attributes(QueueUrl=queue, Attributes=before)

    @contextmanager
    def asks_after(self, address: str) -> Iterator[None]:
        """The probe asks for the health of the primary at this address, as `[primary] health` would have it."""
        lambda_, name = self.cloud.client("lambda"), self.outputs["ProbeFunctionName"]
        good = lambda_.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": good | {"HEALTH_URLS": address}})
        try:
            yield
        finally:
            lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": good})
            self.forget(lambda item: item["pk"]["S"] == "primary")

    def told(self) -> Iterator[dict[str, Any]]:
        """What the subscriber got since it was last asked: subject and text."""
        self.controls.settled()
        while messages := self.sqs.receive_message(QueueUrl=self.mailbox, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.mailbox, ReceiptHandle=message["ReceiptHandle"])
                yield json.loads(message["Body"])

    def told_of_outages(self) -> list[dict[str, Any]]:
        """Those of them that are about outages."""
        return [message for message in self.told() if message.get("MessageAttributes", {}).get("kind", {}).get("Value") == "outage"]

    def log_of(self, part: str) -> list[str]:
        """The lines of the log group of a part of the stack."""
        groups = [group["logGroupName"] for group in self.cloud.client("logs").describe_log_groups()["logGroups"]]
        [own] = [name for name in groups if f"{part}Log" in name and self.deployed.outputs.stack in name]
        return self.deployed.log(own)

    def fails(self, output: str, **event: Any) -> None:
        """Invoke the function that an output names; it fails."""
        answer = self.cloud.client("lambda").invoke(FunctionName=self.outputs[output], Payload=json.dumps(event).encode())
        assert answer.get("FunctionError"), output

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

    def alerts_read_until(self, moment: datetime) -> None:
        """`reconcile` goes on with Twilio's alerts from here, wherever an earlier story has led it."""
        key = {"pk": {"S": "reconcile"}, "sk": {"S": f"alerts#{self.deployed.outputs.account_sid}"}}
        mark = key | {"until": {"S": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}}
        self.deployed.table.put_item(TableName=self.deployed.outputs.table, Item=mark)

    def outage(self, after: timedelta = timedelta()) -> None:
        """A look for outages, so long from now."""
        self.invoke("OutageFunctionName", time=(datetime.now(UTC) + after).isoformat())

    def forget_the_past(self) -> None:
        """Remove what earlier stories left on the timeline."""
        self.forget(lambda item: "day_shard" in item or item["pk"]["S"] == "outage")

    def forget(self, gone: Callable[[Item], bool]) -> None:
        """Remove items from the table."""
        table, name = self.deployed.table, self.deployed.outputs.table
        for page in table.get_paginator("scan").paginate(TableName=name):
            for item in filter(gone, page["Items"]):
                table.delete_item(TableName=name, Key={key: item[key] for key in ("pk", "sk")})


def takes_from_topics(queue: str) -> dict[str, Any]:
    """The policy of a queue that topics may write to."""
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue}
    return {"Version": "2012-10-17", "Statement": [statement]}
