"""The settings of one environment, read from `config/<environment>.toml` into one frozen, validated object.

Every mistake is a line of a ConfigError: file, line, key, what is wrong and what to do about it.
"""

from pathlib import Path

from config.file import HERE, File
from config.judgement import Judgement
from config.mistakes import Mistakes
from config.tables import ENTRIES, Settings

__all__ = ["ENTRIES", "HERE", "Settings", "load", "parse"]


def load(environment: str, directory: Path = HERE) -> Settings:
    """Read `<directory>/<environment>.toml`. Raises ConfigError with all its mistakes."""
    return _checked(environment, File.read(environment, directory))


def parse(environment: str, text: str, path: Path) -> Settings:
    """The settings of a TOML text; `path` is named in errors. Raises ConfigError."""
    return _checked(environment, File(path, text))


def _checked(environment: str, file: File) -> Settings:
    """The settings of a file. Raises ConfigError with all its mistakes."""
    judgement = Judgement(environment, file)
    mistakes = Mistakes()
    mistakes.add(*judgement.mistakes)
    mistakes.settle()
    return judgement.settings
