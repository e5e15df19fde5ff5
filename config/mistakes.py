"""How a mistake in what the platform team wrote is told."""

import difflib
from collections.abc import Iterable

MISSING = "is missing; add it (docs/configuration.md has an example)"


class ConfigError(ValueError):
    """A mistake in what the platform team wrote; its text is the whole message."""


def nearest(name: str, names: Iterable[str]) -> str:
    """`; did you mean 'x'?`, where something is near."""
    found = difflib.get_close_matches(name, list(names), 1)
    return f"; did you mean {found[0]!r}?" if found else ""
