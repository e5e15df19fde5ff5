"""What a command works with: an environment in its regions, the history there, and how much of callers is shown."""

from dataclasses import dataclass
from typing import Any

from config.place import Place
from ops import audit
from ops.deployment import Deployment
from ops.history import History, Region
from ops.numbers import View


@dataclass(frozen=True)
class Desk:
    """One environment, deployed in one region or several."""

    deployments: tuple[Deployment, ...]
    history: History
    view: View

    @classmethod
    def open(cls, environment: str, regions: list[str] | None = None, show_numbers: bool = False, what: str = "") -> "Desk":
        """Find what is deployed; whoever wants to see numbers is noted first. Raises OpsError, ConfigError."""
        place = Place.of(environment)
        deployments = tuple(Deployment.find(environment, region) for region in dict.fromkeys(regions or [place.region]))
        if show_numbers:
            audit.note(deployments[0], what)
        return cls(deployments, History([region_of(deployment) for deployment in deployments]), View(show_numbers, place.numbers))

    @property
    def environment(self) -> str:
        """Which environment."""
        return self.deployments[0].environment

    @property
    def title(self) -> str:
        """`production, us-west-2`."""
        return ", ".join([self.environment, *(deployment.region for deployment in self.deployments)])

    def at(self, item: dict[str, Any]) -> Deployment:
        """Where an item of the history came from."""
        return next(deployment for deployment in self.deployments if deployment.region == item["region"])


def region_of(deployment: Deployment) -> Region:
    """The event table of a deployment."""
    return Region(deployment.region, deployment.client("dynamodb"), deployment["EventTableName"])
