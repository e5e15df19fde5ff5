"""Where in a TOML file a key stands: `tomllib` gives values without lines, and an error or a journal line should name one."""

import re

TABLE = re.compile(r"^\s*\[([^\[\]]+)\]\s*(?:#.*)?$")
ARRAY = re.compile(r"^\s*\[\[([^\[\]]+)\]\]\s*(?:#.*)?$")
KEY = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")

Path = tuple[str | int, ...]


class Lines:
    """The line (from 1) of every table, array element and key of a TOML text."""

    def __init__(self, text: str) -> None:
        self.found: dict[Path, int] = {(): 1}
        self.counts: dict[Path, int] = {}
        self.table: Path = ()
        quotes = ""
        for number, line in enumerate(text.splitlines(), 1):
            if not quotes:
                self.read(number, line)
            quotes = still_open(line, quotes)

    def read(self, number: int, line: str) -> None:
        """Note what one line begins."""
        if match := ARRAY.match(line):
            name = parts(match[1])
            index = self.counts[name] = self.counts.get(name, -1) + 1
            self.table = (*name, index)
            self.found.setdefault(name, number)
            self.found[self.table] = number
        elif match := TABLE.match(line):
            self.table = parts(match[1])
            self.found[self.table] = number
        elif match := KEY.match(line):
            self.found.setdefault((*self.table, *parts(match[1])), number)

    def of(self, path: Path) -> int:
        """The line of the key, or of the nearest table around it."""
        while path not in self.found:
            path = path[:-1]
        return self.found[path]


def parts(dotted: str) -> Path:
    """The parts of a dotted key."""
    return tuple(part.strip("\"' ") for part in re.findall(r"\"[^\"]*\"|'[^']*'|[^.\s]+", dotted))


def still_open(line: str, quotes: str) -> str:
    """The triple quotes that are open after a line, so that what stands inside a long text is no key."""
    for mark in re.findall(r'"""|\'\'\'', line):
        quotes = "" if quotes == mark else quotes or mark
    return quotes
