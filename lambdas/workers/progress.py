"""How far a chore has come, noted in the table: a run that was cut short, or a week without one, loses nothing."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

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
        """Where to begin; noted the first time, so that what cannot be asked from the start is made up for."""
        noted = self.noted().get("until")
        if noted is None:
            self.came_to(until - FIRST_LOOK)
        return min(datetime.fromisoformat(noted), until) if noted else until - FIRST_LOOK

    def came_to(self, until: datetime) -> None:
        """Note it."""
        self.table.put_item(Item=self.key | {"until": stamp(until)})

    def failed_at(self, item: str) -> int:
        """Note that a run failed at this item, and return how many have, one after the other."""
        noted = self.noted()
        times = int(noted["times"]) + 1 if noted.get("failed_at") == item else 1
        self.table.put_item(Item=noted | self.key | {"failed_at": item, "times": times})
        return times

    def noted(self) -> dict[str, Any]:
        """What there is."""
        return dict(self.table.get_item(Key=self.key, ConsistentRead=True).get("Item", {}))
