"""How far a chore has come, noted in the table: a run that was cut short, or a week without one, loses nothing."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lambdas.workers.timeline import stamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

FIRST_LOOK = timedelta(days=1)  #: how far back the first run goes


class Progress:
    """The mark of one chore: everything before it is done."""

    def __init__(self, table: "Table", chore: str) -> None:
        self.table = table
        self.key = {"pk": "reconcile", "sk": chore}

    def since(self, until: datetime) -> datetime:
        """Where to begin."""
        noted = self.table.get_item(Key=self.key, ConsistentRead=True).get("Item")
        return min(datetime.fromisoformat(str(noted["until"])), until) if noted else until - FIRST_LOOK

    def came_to(self, until: datetime) -> None:
        """Note it."""
        self.table.put_item(Item=self.key | {"until": stamp(until)})
