"""The file of an environment, `config/<environment>.toml`, as it is written; nothing of it is checked yet."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from config.lines import Lines
from config.mistakes import ConfigError, nearest
from config.toml import parse_toml, read_text

HERE = Path(__file__).parent
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html, which takes 128 characters with our own before it
NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}")


@dataclass(frozen=True)
class File:
    """A TOML text: where it stands and what it says."""

    path: Path
    text: str

    @classmethod
    def read(cls, environment: str, directory: Path = HERE) -> "File":
        """The file of an environment. Raises ConfigError, which names those that there are."""
        path = directory / f"{environment}.toml"
        if not NAME.fullmatch(environment):
            raise ConfigError(
                f"{path}: {environment!r} can be no environment: its name becomes part of a stack's and of commands; write at most "
                "40 letters, digits and hyphens, a letter first"
            )
        try:
            return cls(path, read_text(path))
        except (FileNotFoundError, NotADirectoryError):
            there = environments(directory)
            others = [name for name in there if name != environment]  # it may be a link that leads nowhere
            raise ConfigError(f"{path}: there is no such file{nearest(environment, others)}; there are: {', '.join(there)}") from None
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error

    @cached_property
    def data(self) -> dict[str, Any]:
        """What it says. Raises ConfigError where it is not TOML."""
        return parse_toml(self.text, str(self.path))

    @cached_property
    def lines(self) -> Lines:
        """On which line each key stands."""
        return Lines(self.text)

    def place(self, *path: str | int, value: object = None) -> str:
        """File and line of a key or of one of its values, as messages name them."""
        return f"{self.path}:{self.lines.of(path, value)}"


def environments(directory: Path) -> list[str]:
    """The environments of a folder. Raises ConfigError where there are none."""
    if directory.is_file():
        raise ConfigError(f"{directory}: is a file; name the folder in which it lies, {directory.parent}")
    if not directory.is_dir():
        raise ConfigError(f"{directory}: there is no such folder; name the one in which the settings lie, as production.toml")
    if names := sorted(path.stem for path in directory.glob("*.toml")):
        return names
    raise ConfigError(f"{directory}: there is no environment in this folder; write one, as in {directory / 'production.toml'}")
