"""What on-call's commands need to know of the deployed settings, in AWS Systems Manager: nobody needs the folder that was deployed from.

Parameters of the standard tier cost nothing, and many of them hold the numbers of a large company. One output of the stack could not, and
metadata of the template is not updated where nothing else changes.
"""

from aws_cdk import aws_ssm as ssm
from constructs import Construct

from config.deployed import Deployed, path_of
from config.settings import Settings
from config.version import version


class Published(Construct):
    """The description of an environment, read by `ops.deployment`."""

    def __init__(self, scope: Construct, name: str, settings: Settings, book: str) -> None:
        """`book` is the id of the answer book."""
        super().__init__(scope, name)
        for index, value in enumerate(Deployed.of(settings, book, version()).parameters):
            part = f"{index:03}"
            ssm.CfnParameter(self, part, name=f"{path_of(settings.environment)}/{part}", type="String", tier="Standard", value=value)
