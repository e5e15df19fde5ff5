"""The options that several commands share."""

from typing import Annotated

import typer

EnvironmentOption = Annotated[str, typer.Option("--environment", "-e", envvar="FALLBACK_ENVIRONMENT", help="which environment")]
RegionsOption = Annotated[
    list[str] | None, typer.Option("--region", help="region to read, again for several; the settings' own if none is given")
]
RegionOption = Annotated[str | None, typer.Option("--region", help="another region than the environment's settings name")]
DryRunOption = Annotated[bool, typer.Option("--dry-run/--no-dry-run", help="only say what would be done")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON for programs, one object a line")]
ShowOption = Annotated[bool, typer.Option("--show-numbers", help="whole numbers and texts; the audit trail notes who saw them")]
SinceOption = Annotated[str | None, typer.Option("--since", help="how far back: 90m, 2h, 3d, or a moment as in 2026-11-21T02:40")]
FromOption = Annotated[str | None, typer.Option("--from", help="beginning: a moment, or so long ago")]
UntilOption = Annotated[str | None, typer.Option("--until", help="end: a moment, or so long ago")]
PRODUCTION = "production"
