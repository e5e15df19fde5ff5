"""The commands that pages tell people to type, taken out of code blocks, tables and sentences, and each checked by what would run it."""

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel
from typer import Context
from typer._click.exceptions import MissingParameter, UsageError
from typer.core import TyperGroup as Group
from typer.main import get_command

import app as cdk_app
from ops.cli import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
#: What is neither ours nor Amazon's, and whose options are left to the reader's own machine.
FOREIGN = {".", "cd", "cp", "curl", "datasette", "dig", "echo", "export", "git", "mkdir", "openssl", "sha256sum", "sox"}
#: Words of ours and Amazon's by which a piece of code in a sentence is known to be a command.
INLINE = re.compile(r"`((?:\.venv/bin/)?(?:fallback|aws|make|cdk|python3? -m)(?: [^`]+)?)`")
MORE = "…"  #: a command that ends so lacks something that it needs; in a sentence every command may
#: Commands of Amazon's command line that are no operation of a service, and their options. https://docs.aws.amazon.com/cli/latest/reference/
HIGH_LEVEL = {
    ("logs", "tail"): {"--since", "--format", "--filter-pattern", "--follow"},
    ("sso", "login"): {"--profile"},
    ("configure", "list-profiles"): set(),
    ("s3", "rm"): {"--recursive"},
}
CDK = ("bootstrap", "deploy", "destroy", "diff", "drift", "rollback", "synth")
GLOBAL = {"--region", "--profile", "--query", "--output", "--endpoint-url"}


class Wrong(Exception):
    """What is wrong with a command on a page."""


@dataclass(frozen=True)
class Command:
    """A command of a page."""

    page: Path
    words: tuple[str, ...]

    def __str__(self) -> str:
        page = self.page.relative_to(ROOT) if self.page.is_absolute() else self.page
        return f"{page}: {shlex.join(self.words)}"


def commands() -> list[Command]:
    """Those of all pages, each once a page."""
    found = {Command(page, words): None for page in PAGES if page.exists() for line in lines(page.read_text()) for words in split(line)}
    return list(found)


def lines(text: str) -> Iterator[str]:
    """The lines that somebody types: of sh blocks all, of console blocks those behind a $, of sentences those that begin as ours do."""
    blocks = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
    for kind, code in blocks.findall(text):
        joined = re.sub(r"\\\n *", "", code)
        if kind == "sh":
            yield from (line for line in joined.splitlines() if line.strip() and not line.strip().startswith("#"))
        if kind == "console":
            yield from re.findall(r"^ *\$ (.+)$", joined, re.MULTILINE)
    yield from (f"{found} {MORE}" for found in INLINE.findall(blocks.sub("", text)))


def split(line: str) -> Iterator[tuple[str, ...]]:
    """The single commands of a line, without comments, redirections and variables that are set before."""
    parser = shlex.shlex(re.sub(r"\s+#\s.*$", "", line.strip()), posix=True, punctuation_chars="|&;<>")
    parser.whitespace_split, parser.commenters = True, ""
    words: list[str] = []
    for word in [*parser, ";"]:
        if not re.fullmatch(r"[|&;<>]+", word):
            words.append(word)
            continue
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)
        if words and words[0] != "then-a-file":
            yield tuple(words)
        words = ["then-a-file"] if word[0] in "<>" else []


def check(command: Command) -> None:
    """Raises Wrong for what would not run as it stands on the page."""
    first, *words = [word for word in command.words if word != MORE]
    name = first.removeprefix(".venv/bin/")
    if name in FOREIGN:
        return
    checks: dict[str, Callable[[list[str], bool], None]] = {
        "fallback": fallback,
        "make": make,
        "cdk": cdk,
        "aws": aws,
        "python": python,
        "sh": sh,
    }
    if name not in checks:
        raise Wrong(f"nobody checks the command {name!r}")
    checks[name](words, MORE in command.words)


def sh(words: list[str], _more: bool) -> None:
    """A script is there."""
    if not (ROOT / words[0]).is_file():
        raise Wrong(f"there is no {words[0]}")


def fallback(words: list[str], more: bool) -> None:
    """Read the words as the command itself would."""
    typer(get_command(app), words, more)


def typer(command: Any, words: list[str], more: bool) -> None:
    """Read the words of a typer command, without running it."""
    context = Context(command)
    try:
        while isinstance(command, Group) and words and not words[0].startswith("-"):
            name, command, words = command.resolve_command(context, words)
            context = Context(command, parent=context, info_name=name)
        if "--help" not in words and not isinstance(command, Group):
            command.parse_args(context, list(words))
    except MissingParameter as error:
        if not more:
            raise Wrong(str(error)) from error
    except UsageError as error:
        raise Wrong(str(error)) from error


def make(words: list[str], more: bool) -> None:
    """The targets are in the Makefile, and it reads the variables."""
    text = (ROOT / "Makefile").read_text()
    for word in words:
        variable, given, value = word.partition("=")
        if not re.search(rf"\$(?:\({variable}\)|\${variable}\b)" if given else rf"^{re.escape(word)}:", text, re.MULTILINE):
            raise Wrong(f"the Makefile has no {word}")
        if variable == "ARGS":
            cdk(shlex.split(value), more)


def cdk(words: list[str], more: bool) -> None:
    """The command is one of the CDK CLI's, and the context is what app.py reads."""
    if (words or not more) and words[:1] not in [[name] for name in CDK]:
        raise Wrong(f"the CDK CLI is not used by {words[:1]}")
    for option, value in zip(words, [*words, ""][1:], strict=True):
        if option in ("-c", "--context") and value.partition("=")[0] not in cdk_app.KEYS:
            raise Wrong(f"app.py reads no context {value}")
        if option.startswith("--") and option not in cdk_options():
            raise Wrong(f"the CDK CLI has no option {option}")


@cache
def cdk_options() -> set[str]:
    """The long options of all commands of the CLI that this project pins, out of its own description."""
    text = (ROOT / "node_modules" / "aws-cdk" / "lib" / "index.js").read_text()
    return {f"--{name}" for name in re.findall(r'\.option\("([a-z-]+)"', text)}


def aws(words: list[str], more: bool) -> None:
    """A service, one of its operations, parameters that it has, and all that it must have."""
    service, action, *rest = words
    options = {word for word in rest if word.startswith("--")} - GLOBAL
    if (service, action) in HIGH_LEVEL:
        unknown = options - HIGH_LEVEL[service, action]
        missing: set[str] = set()
    else:
        model = operation("s3" if service == "s3api" else service, action)
        known = {f"--{xform_name(name, '-')}": name for name in (model.input_shape.members if model.input_shape else {})}
        flags = {option: option.replace("--no-", "--", 1) for option in options}
        unknown = {option for option, flag in flags.items() if option not in known and flag not in known}
        required = model.input_shape.required_members if model.input_shape else []
        missing = set() if more else {option for option, name in known.items() if name in required} - options
    if unknown or missing:
        raise Wrong(f"unknown: {sorted(unknown)}, missing: {sorted(missing)}")
    for word in rest:
        if word.startswith("file://config/") and not (ROOT / word.removeprefix("file://")).exists():
            raise Wrong(f"there is no {word}")


@cache
def operation(service: str, action: str) -> OperationModel:
    """The model of an operation by its name on the command line. Raises Wrong."""
    try:
        model = SESSION.get_service_model(service)
    except UnknownServiceError as error:
        raise Wrong(f"AWS has no service {service}") from error
    names = {xform_name(name, "-"): name for name in model.operation_names}
    if action not in names:
        raise Wrong(f"{service} has no operation {action}")
    return model.operation_model(names[action])


SESSION = botocore.session.get_session()


def python(words: list[str], more: bool) -> None:
    """A module that there is, and options that it knows; or a file."""
    if words[0] != "-m":
        if not (ROOT / words[0]).exists():
            raise Wrong(f"there is no {words[0]}")
    elif words[1] in ("local.call", "ops.cli"):
        typer(get_command(import_module(words[1]).app), words[2:], more)
    else:
        module(words[1], words[2:])


def module(name: str, words: list[str]) -> None:
    """A module whose source names these options."""
    found = find_spec(name)
    if found is None or found.origin is None:
        raise Wrong(f"there is no module {name}")
    source = Path(found.origin).read_text()
    if lacking := [word for word in words if word.startswith("-") and word not in source]:
        raise Wrong(f"{name} knows no {lacking[0]}")
