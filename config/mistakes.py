"""How mistakes in what the platform team wrote are told: each in one line of file, line, key, what is wrong and what to do."""

import difflib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

MISSING = "is missing; add it (docs/configuration.md has an example)"
#: `file:line: key: sentence`, of which line and key may be missing.
_TOLD = re.compile(r"(?P<file>.+?)(?::(?P<line>\d+))?: (?:(?P<key>[\w\[\]-]+(?:\.[^\s:]+)*): )?(?P<sentence>.*)", re.DOTALL)


class ConfigError(ValueError):
    """Mistakes in what the platform team wrote: `mistakes` has a line for each, and its text is all of these lines."""

    def __init__(self, *mistakes: str) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class Told(NamedTuple):
    """A mistake in its parts; line 0: of the file as a whole."""

    file: str
    line: int
    key: str
    sentence: str

    @classmethod
    def of(cls, mistake: str) -> "Told":
        """The parts of a mistake."""
        if not (found := _TOLD.fullmatch(mistake)):
            return cls("", 0, "", mistake)
        return cls(found["file"], int(found["line"] or 0), found["key"] or "", found["sentence"])


class Mistakes:
    """Gathers the mistakes of several checks, so that nobody has to find them one at a time."""

    def __init__(self) -> None:
        self._found: dict[str, None] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, *mistakes: str) -> None:
        """Note mistakes; the same one counts once."""
        self._found |= dict.fromkeys(mistakes)

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Note what the block raises as a ConfigError, and go on after it."""
        try:
            yield
        except ConfigError as error:
            self.add(*error.mistakes)

    def settle(self) -> None:
        """Raise ConfigError with all of them by file and line, if there are any."""
        if self._found:
            raise ConfigError(*sorted(self._found, key=lambda mistake: Told.of(mistake)[:2]))


def nearest(name: str, names: Iterable[str]) -> str:
    """`; did you mean 'x'?`, where something is near."""
    found = near(name, names)
    return f"; did you mean {found!r}?" if found else ""


def shortened(text: str, longest: int = 80) -> str:
    """A value as a message repeats it."""
    return text if len(text) <= longest else f"{text[:longest]}…"


def near(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant."""
    return next(iter(difflib.get_close_matches(name, list(names), 1)), None)
