"""What a command works with: an environment in its regions, the history there, and how much of callers is shown."""

from dataclasses import dataclass
from typing import Any

from config.deployed import Deployed
from config.mistakes import ConfigError
from ops import audit
from ops.command_line import command_line
from ops.deployment import Deployment, OpsError
from ops.history import History, Region
from ops.numbers import View
from ops.screen import err


@dataclass(frozen=True)
class Desk:
    """One environment, deployed in one region or several."""

    deployments: tuple[Deployment, ...]
    history: History
    view: View

    @classmethod
    def open(cls, environment: str, regions: list[str] | None = None, show_numbers: bool = False, what: str = "") -> "Desk":
        """Find what is deployed; whoever wants to see numbers is noted first. Raises OpsError, ConfigError."""
        deployments = tuple(Deployment.find(environment, region) for region in dict.fromkeys(regions or ()) or (None,))
        if show_numbers:
            audit.note(deployments[0], what)
        return cls(deployments, History([region_of(deployment) for deployment in deployments]), View(show_numbers, own(deployments)))

    @property
    def environment(self) -> str:
        """Which environment."""
        return self.deployments[0].environment

    @property
    def deployed(self) -> tuple[Deployed, ...]:
        """The settings that each region's stack publishes."""
        return tuple(deployment.deployed for deployment in self.deployments)

    def command(self, words: str) -> str:
        """A command for this environment and its regions, as it is printed."""
        return command_line(words, self.environment, [deployment.region for deployment in self.deployments])

    @property
    def title(self) -> str:
        """`production, us-west-2`."""
        return ", ".join([self.environment, *(deployment.region for deployment in self.deployments)])

    def at(self, item: dict[str, Any]) -> Deployment:
        """Where an item of the history came from."""
        return next(deployment for deployment in self.deployments if deployment.region == item["region"])


def own(deployments: tuple[Deployment, ...]) -> frozenset[str]:
    """The company's own numbers. Where they are not known every number is masked: nobody is kept from what callers left."""
    try:
        return frozenset(number for deployment in deployments for number in deployment.deployed.own_numbers)
    except (OpsError, ConfigError) as error:
        err.print(f"{error}. Until then the company's own numbers are masked too.", markup=False)
        return frozenset()


def region_of(deployment: Deployment) -> Region:
    """The event table of a deployment."""
    return Region(deployment.region, deployment.client("dynamodb"), deployment["EventTableName"])
