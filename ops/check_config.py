"""`fallback check-config`: every mistake of every environment in a folder, in one go. Needs no AWS."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from answerbook.check import check
from config.deployable import LOCAL, placeholders
from config.file import HERE, File, environments
from config.folders import TEMPLATES
from config.mistakes import ConfigError, Told
from ops.options import ConfigOption
from ops.screen import err, out
from ops.words import count

Finding = tuple[str, str]  #: "error" or "warning", and the line that tells it


def check_config(
    environment: Annotated[str, typer.Option("--environment", "-e", help="this environment alone; all of the folder if left out")] = "",
    config: ConfigOption = HERE,
    templates: Annotated[Path, typer.Option("--templates", help="folder of your own templates")] = TEMPLATES,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs, one object a line")] = False,
) -> None:
    """List every mistake of settings and templates. Needs no AWS.

    Each with file, line and remedy.

    Examples:

        fallback check-config

        fallback check-config --config ../acme/config --templates ../acme/templates

        fallback check-config -e production --json

    Exit status: 0 nothing is wrong (warnings may be shown), 1 there are mistakes, 2 the words were wrong.
    """
    names = [environment] if environment else environments(config)
    found = list(dict.fromkeys(finding for name in names for finding in findings(name, config, templates)))
    for kind, line in found:
        print(json.dumps(as_object(kind, line)) if as_json else f"warning: {line}" if kind == "warning" else line)
    wrong = sum(kind == "error" for kind, _ in found)
    if not as_json:
        summary = f"{count(len(names), 'environment')}: {count(wrong, 'mistake')}, {count(len(found) - wrong, 'warning')}"
        (err if wrong else out).print(summary, highlight=False, markup=False)
    if wrong:
        raise typer.Exit(1)


def findings(environment: str, config: Path, templates: Path) -> Iterator[Finding]:
    """What is wrong with an environment, or worth a second look."""
    try:
        if environment != LOCAL:
            yield from (("warning", line) for line in placeholders(File.read(environment, config)))
        yield from (("warning", doubt) for doubt in check(environment, config, templates).warnings)
    except ConfigError as error:
        yield from (("error", mistake) for mistake in error.mistakes)


def as_object(kind: str, line: str) -> dict[str, object]:
    """A finding for programs."""
    told = Told.of(line)
    return {"kind": kind, "file": told.file, "line": told.line or None, "key": told.key or None, "message": told.sentence}
