"""The version of this project, as pyproject.toml states it: the stack bears it, and `fallback --version` prints it."""

import functools
import tomllib
from pathlib import Path


@functools.cache
def version() -> str:
    """Such as `0.1.0`."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])
