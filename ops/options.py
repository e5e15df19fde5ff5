"""The options that several commands share."""

import os
from pathlib import Path
from typing import Annotated

import typer

from config.deployed import FOLDER

REGION = "FALLBACK_REGION"
EnvironmentOption = Annotated[str, typer.Option("--environment", "-e", envvar="FALLBACK_ENVIRONMENT", help="which environment")]
RegionsOption = Annotated[
    list[str] | None,
    typer.Option("--region", envvar=REGION, help="region to read, again for several; the one that the settings name if none is given"),
]
RegionOption = Annotated[str | None, typer.Option("--region", envvar=REGION, help="another region than the settings name")]
ConfigOption = Annotated[Path, typer.Option("--config", envvar=FOLDER, help="folder of the settings")]
DryRunOption = Annotated[bool, typer.Option("--dry-run/--no-dry-run", help="only say what would be done")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON for programs, one object a line")]
ShowOption = Annotated[bool, typer.Option("--show-numbers", help="whole numbers and texts; the audit trail notes who saw them")]
SinceOption = Annotated[str | None, typer.Option("--since", help="how far back: 90m, 2h, 3d, or a moment as in 2026-11-21T02:40")]
FromOption = Annotated[str | None, typer.Option("--from", help="beginning: a moment, or so long ago")]
UntilOption = Annotated[str | None, typer.Option("--until", help="end: a moment, or so long ago")]
PRODUCTION = "production"


def remember(config: str | None) -> None:
    """Note the folder of settings that the user named, for `config.deployed.folder`."""
    if config:
        os.environ[FOLDER] = config


FolderOption = Annotated[
    str | None,
    typer.Option(
        "--config",
        callback=remember,
        help="folder of the settings, if they are not this project's own: says the region; what is deployed is read from the stack",
    ),
]
