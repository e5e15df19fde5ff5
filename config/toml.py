"""TOML as people write it: what `tomllib` refuses, in words that say what to do, and all of it rather than the first mistake alone."""

import re
import tomllib
from collections.abc import Generator, Iterator
from pathlib import Path
from stat import S_ISREG
from typing import Any

from config.lines import ARRAY, TABLE
from config.mistakes import ConfigError

LARGEST = 4_000_000  #: bytes: thousands of extensions are a few hundred kB
#: Lines of a file that are read at once to find its mistakes, and how many are told of those lines.
PART, MOST_OF_A_PART = 64, 100
#: What word processors and chat programs make of straight quotation marks.
_TYPOGRAPHIC = re.compile("[\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u00ab\u00bb\u2033]")
#: Byte order marks, longest first, and the encodings that begin with them.
_MARKS = {b"\xef\xbb\xbf": "UTF-8 with a byte order mark", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_TEXTS = re.compile(r""" "[^"]*" | '[^']*' """, re.VERBOSE)
_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_HEADER = re.compile(r"^\s*\[")
_PAIR = re.compile(r"^\s*(?P<key>[^=\[\]{}]+?)\s*=\s*(?P<value>.*)$")
_INLINE_TABLE = re.compile(r"=\s*\{(?!.*\})")
_COMMA_BEFORE_BRACE = re.compile(r",\s*\}\s*(?:#.*)?$")
_SPELT = {"True": "true", "False": "false", "TRUE": "true", "FALSE": "false", "yes": "true", "no": "false", "on": "true", "off": "false"}


def read_text(path: Path) -> str:
    """A text file in UTF-8. Raises ConfigError for another encoding and for what is no text file at all, and OSError."""
    status = path.stat()
    if not S_ISREG(status.st_mode):
        raise ConfigError(f"{path}:1: is no file but a folder, a pipe or a device; rename it, or put a text file there")
    if status.st_size > LARGEST:
        raise ConfigError(f"{path}:1: {status.st_size / 1e6:.0f} MB is far more than settings or templates have; is it another file?")
    content = path.read_bytes()
    if encoding := next((name for mark, name in _MARKS.items() if content.startswith(mark)), ""):
        raise ConfigError(f"{path}:1: the file is saved as {encoding}; save it as UTF-8 (in Windows editors: UTF-8 without BOM)")
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        meant = content[error.start : error.start + 1].decode("latin-1")
        hint = f", perhaps {meant!r} of a Latin-1 or Windows file" if meant.isprintable() else ""
        raise ConfigError(f"{path}:{line}: the byte {content[error.start]:#04x} is not UTF-8{hint}; save the file as UTF-8") from error


def parse_toml(text: str, place: str) -> dict[str, Any]:
    """What a TOML text says; `place` is its file. Raises ConfigError with every mistake against the syntax."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = [f"{place}:{line}: not TOML: {sentence}" for line, sentence in sorted(_mistakes(text), key=lambda mistake: mistake[0])]
        raise ConfigError(*found) from error
    except RecursionError as error:
        raise ConfigError(f"{place}:1: not TOML that can be read: brackets are nested hundreds of times; close them") from error


def _mistakes(text: str) -> Iterator[tuple[int, str]]:
    """Each mistake with its line: those that show in a part of the file, then the names that parts far from each other give twice.

    So it takes time in proportion to the file, however many mistakes there are in it.
    """
    lines = text.split("\n")
    start: int | None = 0
    header = ""
    while start is not None and start < len(lines):
        end = yield from _of_part(lines, start, header)
        header = next((line for line in reversed(lines[start:end]) if TABLE.match(line) or ARRAY.match(line)), header)
        start = end
    if start is not None:
        yield from _of_whole(lines)


def _of_part(lines: list[str], start: int, header: str) -> Generator[tuple[int, str], None, int | None]:
    """The mistakes of the part that begins at an index, below a header; they are left out of `lines`. A part grows where a statement goes
    on beyond its end. Where the next one begins; None where only what follows from those mistakes remains."""
    length, last = PART, -1
    for _ in range(MOST_OF_A_PART):
        while "end of document" in str(error := _error(part := [header, *lines[start : start + length]])) and start + length < len(lines):
            length *= 2
        if error is None:
            return start + length
        line = start + _line(error, part) - 1
        if line <= last:
            return None
        yield line, _explained(error, lines, line)
        last, length = _leave_out(lines, line), PART
    yield last, "there are more mistakes in this list or text; correct these first"
    return None


def _of_whole(lines: list[str]) -> Iterator[tuple[int, str]]:
    """What is wrong though each part is right."""
    last = -1
    for _ in range(MOST_OF_A_PART):
        if (error := _error(lines)) is None or (line := _line(error, lines)) <= last:
            return
        yield line, _explained(error, lines, line)
        last = _leave_out(lines, line)
    yield last, "there are more names that are given twice; correct these first"


def _error(lines: list[str]) -> tomllib.TOMLDecodeError | None:
    """The first mistake of a text."""
    try:
        tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError as error:
        return error
    return None


def _line(error: tomllib.TOMLDecodeError, lines: list[str]) -> int:
    """The line on which a mistake begins: what is never closed, where it was opened."""
    position = _POSITION.search(str(error))
    line = int(position[1]) if position and position[1] else len(lines)
    if "Unclosed array" in str(error) and not _typographic(lines[line - 1]):
        before = position and position[2] and not lines[line - 1][: int(position[2]) - 1].strip()
        return _opened(lines, line - 1 if before else line)
    if position and position[1]:
        return line
    quotes = [number for number, text in enumerate(lines, 1) if text.count('"""') % 2 or text.count("'") % 2]
    return quotes[0] if quotes else line


def _typographic(line: str) -> str:
    """A quotation mark that is none of TOML's and stands outside of a text."""
    found = _TYPOGRAPHIC.search(_TEXTS.sub("", line))
    return found.group() if found else ""


def _opened(lines: list[str], before: int) -> int:
    """The line of the last `key = [` up to a line."""
    return next((number for number in range(before, 0, -1) if re.search(r"=\s*\[", lines[number - 1])), before)


def _leave_out(lines: list[str], line: int) -> int:
    """Empty a wrong statement with all its lines, a wrong header with its table. The last line that was emptied."""
    last = line
    if _HEADER.match(lines[line - 1]):
        last = next((number for number in range(line + 1, len(lines) + 1) if _HEADER.match(lines[number - 1])), len(lines) + 1) - 1
    elif _INLINE_TABLE.search(lines[line - 1]):
        last = next((number for number in range(line, len(lines) + 1) if "}" in lines[number - 1]), line)
    elif re.search(r"=\s*\[[^\]]*$", lines[line - 1]):
        end = next((number for number in range(line + 1, len(lines) + 1) if _PAIR.match(lines[number - 1])), len(lines) + 1)
        last = next((number for number in range(line, end) if "]" in lines[number - 1]), line)
    lines[line - 1 : last] = [""] * (last - line + 1)
    return last


def _explained(error: tomllib.TOMLDecodeError, lines: list[str], line: int) -> str:
    """What is wrong and what to write instead."""
    written, reason = lines[line - 1], _POSITION.sub("", str(error))
    if quote := _typographic(written):
        return f'{quote} is a typographic quotation mark; write straight ones, as in "text"'
    if reason.startswith("Invalid value") and not _PAIR.match(written):
        element = written.partition("#")[0].strip(" ,")
        return f"{element} is not a TOML value; text needs quotes, and a comma follows each value of a list"
    return _explained_value(written, reason)


def _explained_value(written: str, reason: str) -> str:
    """The same, of a line in which each sign is one of TOML's."""
    pair = _PAIR.match(written)
    key, value = (pair["key"], pair["value"].partition("#")[0].strip()) if pair else ("", "")
    if _INLINE_TABLE.search(written):
        return f"a table in braces must stand on one line; write {key} = {{ ... }} there, or a [table] of its own that ends in .{key}"
    if _COMMA_BEFORE_BRACE.search(written):
        return "a table in braces must not end with a comma; remove it"
    if pair and not value:
        return f'{key} has no value; write one, as in {key} = "...", or remove the line'
    if value in _SPELT:
        return f"{value} is not a TOML value; write {key} = {_SPELT[value]}"
    for begins, sentence in _SENTENCES.items():
        if reason.startswith(begins):
            return sentence.format(key=key, value=value, name=written.strip().strip("[]"))
    return f"{reason}; compare the line with its neighbours"


#: What `tomllib` says, by its beginning, and how we say it.
_SENTENCES = {
    "Invalid value": '{key} = {value}: text needs quotes, as in {key} = "..."; lists need [ ]',
    "Expected newline or end": '{key} = {value}: one value is expected; text needs quotes, as in {key} = "..."',
    "Expected '='": "a key is followed by = and its value; names of two words need quotes",
    "Cannot overwrite": "{name} is given a second time here; keep one of the two",
    "Cannot declare": "the table [{name}] is given a second time here; put all its keys under one header",
    "Expected ']]'": "the header has two brackets on its left; close it with ]]",
    "Expected ']'": "the header of a table ends with ]; close it",
    "Illegal character '\\n'": "{key}: the text is not closed; end it with a quotation mark on the same line",
    "Illegal character": "{key}: the text contains a control character; remove it",
    'Expected "\'"': "{key}: the text is not closed; end it with a quotation mark on the same line",
    "Unescaped '\\'": "{key}: a backslash is written twice (\\\\), or the text in 'single quotes'",
    "Invalid hex value": "{key}: \\u is followed by four hexadecimal digits; a backslash itself is written twice (\\\\)",
    "Unterminated string": "the text that begins here is not closed; end it with three quotation marks",
    "Unclosed array": "the list that begins here is not closed, or lacks a comma between two values; end it with ]",
    "Invalid initial character": "a key is made of letters, digits, - and _, and others need quotes",
    "Invalid statement": "a line is a [table] or key = value; keys with other letters than a to z need quotes",
    "Invalid date or datetime": "{key} = {value}: there is no such day; correct it",
    "Unclosed inline table": "a table in braces must stand on one line; close it there",
}
