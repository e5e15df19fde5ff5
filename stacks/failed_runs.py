"""What becomes of a run that nobody waits for when it fails: Lambda tries it twice more, then puts it into a queue, with the reason.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.acknowledged import acknowledge
from stacks.functions import keep
from stacks.record import hand_over, queue


class FailedRuns(Construct):
    """One queue, with one alarm over it, for all workers that a schedule, an alarm or CloudFormation invokes."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        self.queue: sqs.Queue = queue(self, "Queue", Duration.days(14))
        keep(self.queue, "FailedRuns")
        acknowledge(self.queue, **{"AwsSolutions-SQS3": "nothing consumes it but a person, so nothing can fail to"})

    def catch(self, *workers: lambda_.Function, retries: int = 2) -> None:
        """Put their failed runs into the queue."""
        for worker in workers:
            hand_over(worker, worker, self.queue, retries)
