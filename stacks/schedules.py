"""What happens by the clock."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

#: A run that was missed is not made up for: the next one does its work. By default EventBridge Scheduler tries 185 times, for a day.
#: https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html
ONCE = scheduler.CfnSchedule.RetryPolicyProperty(maximum_event_age_in_seconds=60, maximum_retry_attempts=0)
#: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
WHEN = '{"time": "<aws.scheduler.scheduled-time>"}'


class Every(Construct):
    """Invokes a function at a rate such as `1 minute`, telling it for which moment, or something else."""

    def __init__(self, scope: Construct, name: str, rate: str, worker: lambda_.Function, description: str, told: str = WHEN) -> None:
        super().__init__(scope, name)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com"))
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[worker.function_arn]))
        schedule = scheduler.CfnSchedule(
            self,
            "Schedule",
            description=description,
            schedule_expression=f"rate({rate})",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(arn=worker.function_arn, role_arn=role.role_arn, retry_policy=ONCE, input=told),
        )
        schedule.node.add_dependency(role)
