"""Where an environment is: of its settings, what the questions of on-call need.

Nothing else in the file is checked here. Checking all of it takes longer than most questions, and a mistake in what somebody is writing
keeps nobody from what callers left.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.file import HERE, File
from config.mistakes import MISSING, ConfigError
from config.regions import known_region


@dataclass(frozen=True)
class Place:
    """The region an environment runs in, and the company's own numbers."""

    region: str
    numbers: frozenset[str]

    @classmethod
    def of(cls, environment: str, directory: Path = HERE) -> "Place":
        """Read `<directory>/<environment>.toml`. Raises ConfigError."""
        file = File.read(environment, directory)
        return cls(region_in(file), numbers_in(file))


def region_in(file: File) -> str:
    """The region of an environment. Raises ConfigError."""
    try:
        return known_region(str(file.data["region"]))
    except KeyError:
        raise ConfigError(f"{file.path}:1: region: {MISSING}") from None
    except ValueError as error:
        raise ConfigError(f"{file.path}:{file.lines.of(('region',))}: region: {error}") from error


def numbers_in(file: File) -> frozenset[str]:
    """The numbers of an environment; none where there is no list of texts, which the check of all settings finds fault with."""
    twilio: Any = file.data.get("twilio")
    numbers: Any = twilio.get("numbers") if isinstance(twilio, dict) else None
    if not isinstance(numbers, list):
        return frozenset()
    return frozenset(number for number in numbers if isinstance(number, str))
