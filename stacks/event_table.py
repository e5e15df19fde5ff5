"""The event table: who called, what failed, what we answered."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from lambdas.workers.events import LISTED, TIMELINE, TODO
from stacks.functions import keep

STRING = dynamodb.AttributeType.STRING


class EventTable(Construct):
    """One table on demand, with the timeline and the sparse index of what waits for somebody."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        moment = dynamodb.Attribute(name="time", type=STRING)
        self.table = dynamodb.TableV2(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="pk", type=STRING),
            sort_key=dynamodb.Attribute(name="sk", type=STRING),
            global_secondary_indexes=[
                dynamodb.GlobalSecondaryIndexPropsV2(
                    index_name=TIMELINE,
                    partition_key=dynamodb.Attribute(name="day_shard", type=STRING),
                    sort_key=moment,
                    projection_type=dynamodb.ProjectionType.INCLUDE,
                    non_key_attributes=list(LISTED),
                ),
                dynamodb.GlobalSecondaryIndexPropsV2(
                    index_name=TODO, partition_key=dynamodb.Attribute(name="todo", type=STRING), sort_key=moment
                ),
            ],
            time_to_live_attribute="expires",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
            deletion_protection=True,
            removal_policy=RemovalPolicy.RETAIN,  # not KEPT: a roll-back could not delete a table that is protected, and would fail
        )
        keep(self.table, "EventTable")
