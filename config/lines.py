"""Where in a TOML file a key or a value stands: `tomllib` gives values without lines, and an error or a journal line should name one."""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator

TABLE = re.compile(r"^\s*\[([^\[\]]+)\]\s*(?:#.*)?$")
ARRAY = re.compile(r"^\s*\[\[([^\[\]]+)\]\]\s*(?:#.*)?$")
KEY = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")

VALUE = re.compile(r""" "([^"]*)" | '([^']*)' | ([\w.+-]+) """, re.VERBOSE)

Path = tuple[str | int, ...]


class Lines:
    """The line (from 1) of every table, array element and key of a TOML text."""

    def __init__(self, text: str) -> None:
        self.text = text.splitlines()
        self.found: dict[Path, int] = {(): 1}
        self.counts: dict[Path, int] = {}
        self.table: Path = ()
        quotes = ""
        for number, line in enumerate(self.text, 1):
            if not quotes:
                self.read(number, line)
            quotes = still_open(line, quotes)
        self.keys = sorted(set(self.found.values()))
        self.read_values: defaultdict[int, dict[str, int]] = defaultdict(dict)

    def read(self, number: int, line: str) -> None:
        """Note what one line begins."""
        if match := ARRAY.match(line):
            name = parts(match[1])
            index = self.counts[name] = self.counts.get(name, -1) + 1
            self.table = (*name, index)
            self.note(name, number)
            self.found[self.table] = number
        elif match := TABLE.match(line):
            self.table = parts(match[1])
            self.note(self.table, number)
            self.found[self.table] = number
        elif match := KEY.match(line):
            self.note((*self.table, *parts(match[1])), number)

    def note(self, path: Path, number: int) -> None:
        """Where a key begins, and each table that it is the first to name."""
        for length in range(1, len(path) + 1):
            self.found.setdefault(path[:length], number)

    def read_as(self, path: Path, meant: Path) -> None:
        """Let what stands below a misspelt key be found below the one that was meant."""
        for written, line in list(self.found.items()):
            if written[: len(path)] == path:
                self.found.setdefault((*meant, *written[len(path) :]), line)

    def of(self, path: Path, value: object = None) -> int:
        """The line of the key, or of the nearest table around it; within a value of several lines, the one on which `value` stands."""
        while path not in self.found:
            path = path[:-1]
        line = self.found[path]
        if value is None:
            return line
        return self.values(line).get(str(value)) or next(self.holding(line, str(value)), line)

    def values(self, first: int) -> dict[str, int]:
        """The values from a line to the next key, each with its own line. They are read once: a list may have thousands of mistakes."""
        if first not in self.read_values:
            for number in range(first, self.next_key(first)):
                for text, literal, bare in VALUE.findall(self.text[number - 1]):
                    self.read_values[first].setdefault(text or literal or bare, number)
        return self.read_values[first]

    def next_key(self, line: int) -> int:
        """The line of the next key or table behind a line."""
        following = bisect_right(self.keys, line)
        return self.keys[following] if following < len(self.keys) else len(self.text) + 1

    def holding(self, first: int, value: str) -> Iterator[int]:
        """The lines from `first` to the next key on which a value stands, be it in a longer text."""
        whole = re.compile(rf"(?<![\w+]){re.escape(value)}(?!\w)")
        yield from (number for number in range(first, self.next_key(first)) if whole.search(self.text[number - 1]))


def parts(dotted: str) -> Path:
    """The parts of a dotted key."""
    return tuple(part.strip("\"' ") for part in re.findall(r"\"[^\"]*\"|'[^']*'|[^.\s]+", dotted))


def still_open(line: str, quotes: str) -> str:
    """The triple quotes that are open after a line, so that what stands inside a long text is no key."""
    for mark in re.findall(r'"""|\'\'\'', line):
        quotes = "" if quotes == mark else quotes or mark
    return quotes
