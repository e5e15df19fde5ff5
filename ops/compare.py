"""What callers hear before and after a change: two answer books, one of them from a revision in git."""

import difflib
import io
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from answerbook.compile import compile_book
from config.folders import TEMPLATES
from config.mistakes import ConfigError
from config.settings import load
from ops.conditions import when
from ops.deployment import OpsError
from ops.walk import Answered, Walk

Json = Mapping[str, Any]


def compiled_at(revision: str, environment: str, config: Path, templates: Path) -> dict[str, Any]:
    """The answer book of a revision's settings and templates, compiled as today. Raises OpsError."""
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        settings, own = (checked_out(revision, path, there / path.name) for path in (config, templates))
        shipped = own if templates.resolve() == TEMPLATES.resolve() else shipped_at(revision, templates, there / "shipped")
        try:
            return compile_book(load(environment, settings), own, shipped)
        except ConfigError as error:
            message = str(error).replace(f"{folder}/", "")
            raise OpsError(f"{message} (as it was at {revision}, by today's checks; name a revision that passes them)") from error


def shipped_at(revision: str, templates: Path, target: Path) -> Path:
    """The shipped flows as they were at a revision, where they are kept together with a team's own; else as they are."""
    return checked_out(revision, TEMPLATES, target) if TEMPLATES.resolve().is_relative_to(root_of(templates)) else TEMPLATES


def root_of(folder: Path) -> Path:
    """The top of the git repository that holds a folder."""
    return Path(git(folder, "rev-parse", "--show-toplevel").decode().strip())


def checked_out(revision: str, path: Path, target: Path) -> Path:
    """A folder as it was at a revision."""
    root = root_of(path)
    inside = path.resolve().relative_to(root)
    target.mkdir()
    with tarfile.open(fileobj=io.BytesIO(git(root, "archive", revision, "--", str(inside)))) as archive:
        archive.extractall(target, filter="data")
    return target / inside


def git(folder: Path, *words: str) -> bytes:
    """What git says. Raises OpsError with its own reason."""
    try:
        return subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True).stdout  # noqa: S603, S607 - fixed words
    except FileNotFoundError as error:
        raise OpsError("git is not installed, and --diff asks it for the revision") from error
    except subprocess.CalledProcessError as error:
        raise OpsError(f"git {words[0]}: {error.stderr.decode().strip() or 'failed'}; name a revision that has {folder}") from error


def changed(before: Json, after: Json, walks: Sequence[Walk] | None, as_json: bool) -> Iterator[str]:
    """The differences as a unified diff: of a described request, or of the whole book."""
    old, new = (list(heard(walk)) for walk in walks) if walks else (list(written(before)), list(written(after)))
    lines = list(difflib.unified_diff(old, new, "before", "after", lineterm="", n=2))
    unknown = list(dict.fromkeys(each for walk in walks or () for each in walk.unknown))
    if as_json:
        yield json.dumps({"changed": bool(lines), "diff": lines, "unknown": [each._asdict() for each in unknown]}, indent=2)
        return
    yield from lines or ["Callers hear the same before and after."]
    yield from (str(each) for each in unknown)


def heard(walk: Walk) -> Iterator[str]:
    """All that one caller can hear, without the lines of the settings, which move."""
    yield from following(walk.first, set())


def following(answered: Answered, told: set[str]) -> Iterator[str]:
    """A document and what can follow it, each once."""
    told.add(answered.name)
    yield f"== {answered.name}"
    yield from answered.twiml.splitlines()
    for way, further in answered.further:
        yield f"   {way.step}, {way.when} -> {further.name}"
        if further.name not in told:
            yield from following(further, told)


def written(book: Json) -> Iterator[str]:
    """A whole book as lines: every step's rules and every document."""
    for step, rules in sorted(book["steps"].items()):
        yield f"[{step}]"
        yield from (f"  {when(rule['if'], book['lookups'])} -> {rule.get('step') or rule['document']}" for rule in rules)
    for name, lookup in sorted(book["lookups"].items()):
        yield f"[{name}]"
        yield from (f"  {value} = {found}" for value, found in sorted(lookup.items()))
    for name, document in sorted(book["documents"].items()):
        yield f"== {name}"
        text = "".join(part if index % 2 == 0 else f"{{{part}}}" for index, part in enumerate(document["parts"]))
        yield from (line for line in text.splitlines() if line.strip())
