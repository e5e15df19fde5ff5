"""The file of an environment, `config/<environment>.toml`, as it is written; nothing of it is checked yet."""

import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from config.lines import Lines
from config.mistakes import ConfigError, nearest

HERE = Path(__file__).parent


@dataclass(frozen=True)
class File:
    """A TOML text: where it stands and what it says."""

    path: Path
    text: str

    @classmethod
    def read(cls, environment: str, directory: Path = HERE) -> "File":
        """The file of an environment. Raises ConfigError, which names those that there are."""
        path = directory / f"{environment}.toml"
        try:
            return cls(path, path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            there = [file.stem for file in directory.glob("*.toml")]
            known = ", ".join(sorted(there)) or "none"
            raise ConfigError(
                f"{path}: cannot be read ({type(error).__name__}){nearest(environment, there)}; there are: {known}"
            ) from error

    @cached_property
    def data(self) -> dict[str, Any]:
        """What it says. Raises ConfigError where it is not TOML."""
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"line (\d+)", str(error))
            raise ConfigError(f"{self.path}:{line[1] if line else 1}: not TOML: {error}") from error

    @cached_property
    def lines(self) -> Lines:
        """On which line each key stands."""
        return Lines(self.text)
