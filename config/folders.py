"""Where templates and audio lie: a team's own folder first, then the flows that come with the project.

So a team writes only what it wants otherwise: a flow of its own, or one document of a flow that is there. What lies there may come from
somebody else, and is repeated in messages and to callers: so a link is followed only where it stays in the folder.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from config.mistakes import ConfigError

TEMPLATES = Path(__file__).parents[1] / "twiml_templates"  #: the flows that come with the project
#: What is looked for below a folder of templates.
KINDS = ("*/*.xml", "*/steps.toml", "*/*.wav", "*/*.mp3", "*/*.aiff")


@dataclass(frozen=True)
class Folders:
    """Two folders of templates; without one of their own a team has the shipped one alone."""

    own: Path = TEMPLATES
    shipped: Path = TEMPLATES

    def __post_init__(self) -> None:
        """Refuse a folder that holds nothing of the kind: it is probably another one that was meant."""
        if not self.own.is_dir():
            raise ConfigError(f"{self.own}: there is no such folder; templates lie in a folder for each flow, as in twiml_templates/")
        if not any(path for kind in KINDS for path in self.own.glob(kind)):
            raise ConfigError(f"{self.own}: there is no template in it; a document is NAME/start.xml below it, audio lies in audio/")
        read = {*filter(Path.is_dir, self.own.glob("*")), *(path for kind in KINDS for path in self.own.glob(kind))}
        if astray := sorted(filter(None, map(self._astray, read))):
            raise ConfigError(*astray)

    @cached_property
    def all(self) -> tuple[Path, ...]:
        """The folders, in the order in which they are searched."""
        return (self.own,) if self.own.resolve() == self.shipped.resolve() else (self.own, self.shipped)

    def _astray(self, path: Path) -> str:
        """Why a link must not be followed; nothing for what is none, or stays below its folder."""
        if not path.is_symlink():
            return ""
        target = path.readlink()
        if not path.exists():
            return f"{path}: is a link that leads nowhere (to {target}); remove it, or put the file itself there"
        if path.resolve().is_relative_to(self.own.resolve()):
            return ""
        return f"{path}: is a link that leads out of the folder (to {target}); put the file itself there"

    def find(self, name: str) -> Path | None:
        """The first file of that name, below a folder's own folders too. Raises ConfigError for a link that leads out of it."""
        path = first_below(self.all, name)
        links = [each for each in (path, *path.parents) if not self.own.is_relative_to(each)] if path else []
        if refusal := next(filter(None, map(self._astray, links)), ""):
            raise ConfigError(refusal)
        return path

    def files(self, pattern: str) -> Iterator[Path]:
        """The files that are used of those that match: of several with one name the first."""
        found: dict[tuple[str, ...], Path] = {}
        for folder in self.all:
            for path in filter(Path.is_file, folder.glob(pattern)):
                found.setdefault(path.parts[len(folder.parts) :], path)
        return iter(path for _, path in sorted(found.items()))

    def shown(self, path: Path) -> str:
        """A file as people are told of it: of a shipped flow its name there, of the team's own its whole path."""
        return str(path.relative_to(self.shipped)) if path.is_relative_to(self.shipped) else str(path)

    def name(self, path: Path) -> str:
        """A file below one of the folders by the name that `find` takes; any other by its whole path."""
        return next((str(path.relative_to(folder)) for folder in self.all if path.is_relative_to(folder)), str(path))


def first_below(folders: Iterable[Path], name: str) -> Path | None:
    """The first file of that name below one of the folders; what leads out of them is no name of theirs."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        return None
    return next((folder / name for folder in folders if (folder / name).is_file()), None)
