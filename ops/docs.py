"""Writes the list of every key into `docs/configuration.md`, out of the settings model, and which values each flow requires, out of its
templates, so that the page cannot lie.

python -m ops.docs            writes it
python -m ops.docs --check    exit status 1 if the page is not what the model says (`make test` runs it)
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from jinja2 import nodes
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from answerbook.templates import SPOKEN, Templates, environment
from config.folders import Folders
from config.settings import ENTRIES, Settings

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"
BEGIN, END = "<!-- every key: written by `python -m ops.docs` -->\n", "<!-- end of every key -->\n"
#: What the page explains elsewhere, and what the reader of the file adds by itself.
ELSEWHERE = {"environment", "file", "answer", *ENTRIES}
INTERNAL = {"at"}
#: The block of a flow's values, and what was written of those that it requires.
FLOW = re.compile(r"(?<=^```toml flow=)(\w+)\n(?:# Required: .*\n)?", re.MULTILINE)
BARE = re.compile(r"[\w-]+", re.ASCII)  #: a key that needs no quotes
WIDTH = 116  #: characters of a comment's line


def every_key() -> Iterator[str]:
    """The list: keys of the file itself, then table by table, each with what it is for and an example."""
    yield "```toml"
    yield from keys(Settings, simple=True)
    yield "```"
    for name, field in Settings.model_fields.items():
        model = table_of(field.annotation)
        if model and name not in ELSEWHERE:
            yield from table(f"{name}.office" if get_origin(field.annotation) is dict else name, model, field)


def table(name: str, model: type[BaseModel], field: FieldInfo) -> Iterator[str]:
    """One table of the file."""
    needed = "required" if field.is_required() else "may be left out"
    yield f"\n### `[{name}]`"
    yield f"{(model.__doc__ or '').strip()} ({needed})\n"
    yield "```toml"
    yield f"[{name}]"
    yield from keys(model)
    yield "```"


def keys(model: type[BaseModel], simple: bool = False) -> Iterator[str]:
    """The keys of a model, each as an example under a comment; `simple` leaves tables out."""
    for name, field in model.model_fields.items():
        if name in INTERNAL or (simple and (name in ELSEWHERE or table_of(field.annotation))):
            continue
        yield from folded(f"{field.description}. {default(field)}{limits(field)}")
        yield f"{name} = {toml(example(field))}"


def table_of(annotation: Any) -> type[BaseModel] | None:
    """The model of a table, of an optional one, or of a table of tables."""
    parts = [annotation, *get_args(annotation)]
    return next((part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)), None)


def example(field: FieldInfo) -> Any:
    """The example of a key: the one that is written down, else its default."""
    return field.examples[0] if field.examples else field.get_default()


def default(field: FieldInfo) -> str:
    """What holds where a key is left out."""
    if field.is_required():
        return "Required."
    value = field.get_default()
    return f"Left out: {toml(value) if value not in (None, (), {}) else 'none'}."


def limits(field: FieldInfo) -> str:
    """What the value may be, where that is a range or a choice."""
    least = next((part.ge for part in field.metadata if isinstance(part, Ge)), None)
    most = next((part.le for part in field.metadata if isinstance(part, Le)), None)
    if get_origin(field.annotation) is Literal:
        return f" One of {', '.join(toml(choice) for choice in get_args(field.annotation))}."
    return f" From {least} to {most}." if least is not None and most is not None else ""


def toml(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key if BARE.fullmatch(key) else toml(key)} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def folded(text: str) -> Iterator[str]:
    """A comment, on as many lines as it needs."""
    line = "#"
    for word in text.split():
        if len(line) + len(word) >= WIDTH:
            yield line
            line = "#"
        line += f" {word}"
    yield line


def required(flow: str) -> list[str]:
    """The values without which a shipped flow says nothing: those that its files neither give a default nor ask whether they are set."""
    templates = Templates(Folders())
    paths = [templates.steps_path(flow), *(templates.path(flow, document) for document in templates.documents(flow))]
    optional = {name for path in paths if path.exists() for name in optional_in(path.read_text(encoding="utf-8"))}
    return sorted(templates.variables(flow) - optional - SPOKEN)


def optional_in(source: str) -> Iterator[str]:
    """The names that a template gives a default, or asks whether they are set."""
    tree = environment(None, escaped=True).parse(source)
    asked = [*tree.find_all(nodes.Filter), *tree.find_all(nodes.Test)]
    yield from (node.node.name for node in asked if node.name in ("default", "defined") and isinstance(node.node, nodes.Name))


def required_line(flow: str) -> str:
    """What a flow's block begins with."""
    return f"# Required: {', '.join(names)}.\n" if (names := required(flow)) else ""


def written(page: str) -> str:
    """The page with its lists written anew. Raises ValueError where the marks are missing."""
    before, rest = FLOW.sub(lambda found: f"{found[1]}\n{required_line(found[1])}", page).split(BEGIN)
    return before + BEGIN + "\n".join(every_key()) + "\n" + END + rest.split(END)[1]


def main() -> None:
    """Write the page, or check it."""
    page = PAGE.read_text(encoding="utf-8")
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(written(page), encoding="utf-8")
    elif page != written(page):
        sys.exit(f"error: {PAGE.name} is not what config/tables.py and the templates say; run python -m ops.docs")


if __name__ == "__main__":
    main()
