"""What may be deployed to AWS: not the environment of the local cloud, and no settings with placeholders for account, addresses or numbers.

Reading, checking and previewing such settings is fine; deploying them would answer nobody.
"""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from config.fictitious import FICTITIOUS_NUMBER
from config.file import File
from config.lines import Path
from config.mistakes import ConfigError

LOCAL = "local"  #: the environment of `make run`
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
#: SIDs are random, so so many zeros, or one digit alone, are nobody's.
PLACEHOLDER_ACCOUNT = re.compile(r"AC(?:0{24}[0-9a-f]{8}|([0-9a-f])\1{31})")
#: Nobody has these names: https://www.rfc-editor.org/rfc/rfc2606
PLACEHOLDER_HOST = re.compile(
    r"(?<![\w-])(?:(?:[\w-]+\.)*example\.(?:com|net|org)|(?:[\w-]+\.)+(?:example|test|invalid))(?![\w-]|\.\w)", re.ASCII | re.IGNORECASE
)


def refuse_undeployable(file: File, environ: Mapping[str, str] = os.environ) -> None:
    """Refuse what must not be deployed where this machine would deploy it. Raises ConfigError, a line for each mistake."""
    if leads_to_this_machine(environ.get("AWS_ENDPOINT_URL", "")):
        return
    if file.path.stem == LOCAL:
        raise ConfigError(
            f"{file.path}: the environment {LOCAL!r} is for the local cloud (`make run`) and never deployed to AWS; name another one, "
            "as in -c environment=production"
        )
    if found := list(placeholders(file)):
        raise ConfigError(*found)


def leads_to_this_machine(endpoint: str) -> bool:
    """Whether the AWS endpoint is the local cloud's."""
    try:
        return urlsplit(endpoint).hostname in LOOPBACK
    except ValueError:
        return False


def placeholders(file: File) -> Iterator[str]:
    """A line for each placeholder of the settings, at the first value that holds it: a whole directory may be at one example host."""
    places: dict[str, list[Path]] = {}
    for path, text in texts(file.data):
        for found in (PLACEHOLDER_ACCOUNT.search(text), PLACEHOLDER_HOST.search(text)):
            if found:
                places.setdefault(found.group(), []).append(path)
    yield from _placeholders_told(file, places)
    yield from _fictitious_numbers(file)


def _placeholders_told(file: File, places: Mapping[str, list[Path]]) -> Iterator[str]:
    """A line for each, by where it stands."""
    for placeholder, (path, *others) in places.items():
        more = f" (here and in {len(others)} more places)" if len(others) > 1 else " (here and in one more place)" if others else ""
        at = f"{file.path}:{file.lines.of(path)}: {shown(path)}"
        yield f"{at}: {placeholder} is a placeholder{more}; write your own before you deploy"


def _fictitious_numbers(file: File) -> Iterator[str]:
    """A line for each key or list with numbers that nobody has, at the first of them: a directory may have hundreds."""
    found: dict[Path, dict[str, Path]] = {}
    for path, text in texts(file.data):
        for number in FICTITIOUS_NUMBER.findall(text):
            found.setdefault(_around(path), {}).setdefault(number, path)
    for among, numbers in found.items():
        first, path = next(iter(numbers.items()))
        more = f" ({len(numbers)} of them here)" if len(numbers) > 1 else ""
        at = f"{file.path}:{file.lines.of(path, first)}: {shown(among)}"
        yield f"{at}: {first} is a fictitious number{more}; write your own before you deploy"


def _around(path: Path) -> Path:
    """The key that holds a list of numbers, or a table by numbers; of any other value the key itself."""
    return path[:-1] if isinstance(path[-1], int) or FICTITIOUS_NUMBER.fullmatch(path[-1]) else path


def texts(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text in the settings, the keys of tables too, with the way to it."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key), key
            yield from texts(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from texts(inner, (*path, index))


def shown(path: Path) -> str:
    """A key as a person would name it, without the places of lists."""
    return ".".join(part for part in path if isinstance(part, str))
