"""A subscriber of the notification topic, who counts what comes."""

import json
import time
from typing import Any

from local.cloud import LocalCloud


class Mailbox:
    """A queue of its own that the topic may send to."""

    def __init__(self, cloud: LocalCloud, topic: str) -> None:
        self.sqs, self.sns = cloud.client("sqs"), cloud.client("sns")
        self.got: list[dict[str, Any]] = []
        self.url = self.sqs.create_queue(QueueName=f"mailbox-{time.monotonic_ns()}")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})
        self.subscription = self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]

    def of(self, sid: str) -> list[dict[str, Any]]:
        """The notifications of a recording, so far."""
        self.read()
        return [each for each in self.got if sid in each["Message"]]

    def ids(self) -> list[str]:
        """The ids of all notifications of voicemails, so far."""
        self.read()
        return [each["MessageAttributes"]["id"]["Value"] for each in self.got if "id" in each.get("MessageAttributes", {})]

    def read(self) -> None:
        """Take what is there."""
        while found := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            self.got += [json.loads(each["Body"]) for each in found]
            entries = [{"Id": str(index), "ReceiptHandle": each["ReceiptHandle"]} for index, each in enumerate(found)]
            self.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)

    def close(self) -> None:
        """No more of it."""
        self.sns.unsubscribe(SubscriptionArn=self.subscription)
        self.sqs.delete_queue(QueueUrl=self.url)
