"""`fallback flows`: an environment's flows as a tree in the terminal, or as Mermaid for a page. Needs no AWS.

Turns are drawn as one: the second number of a hunt group is the same box as the first, and an arrow leads back to it. (The book itself
has no circle: synth proves it.)
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from answerbook.compile import Compiler
from answerbook.documents import sheet
from answerbook.entries import ENTRIES
from config.folders import TEMPLATES, Folders
from config.settings import HERE, load
from ops.conditions import when
from ops.options import PRODUCTION, ConfigOption, EnvironmentOption
from ops.screen import out
from ops.walk import Walk, steps_in

WIDEST = 1000  #: columns, where no terminal says how many there are


class Arrow(NamedTuple):
    """From an entry, a step or a document to where a rule or an address leads; `file` is that of a document that is not shipped."""

    start: str
    when: str
    end: str
    file: str = ""


def flows(
    mermaid: Annotated[bool, typer.Option("--mermaid", help="a Mermaid flowchart, for Markdown")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="the arrows as JSON, for programs")] = False,
    environment: EnvironmentOption = PRODUCTION,
    config: ConfigOption = HERE,
    templates: Annotated[Path, typer.Option("--templates", help="folder of your own templates; what it has not is shipped")] = TEMPLATES,
) -> None:
    """Draw what can happen to calls and texts of an environment. Needs no AWS.

    Examples:

        fallback flows -e production

        fallback flows -e production --mermaid > flows.mmd
    """
    compiler = Compiler(load(environment, config), Folders(templates))
    found = list(arrows(compiler.compile(), compiler.own_files()))
    if as_json:
        print(json.dumps([arrow._asdict() for arrow in found], indent=2))
    elif mermaid:
        print("\n".join(flowchart(found)))
    else:
        wide = out if out.is_terminal else Console(width=WIDEST, emoji=False, highlight=False)
        wide.print(tree(environment, found))


def arrows(book: Mapping[str, Any], own: Mapping[str, str]) -> Iterator[Arrow]:
    """All arrows, from the entries on, each once; `own` are the files of documents that are not shipped."""
    walk = Walk(book, "/voice", {}, 0)
    seen: set[Arrow] = set()
    waiting = [entry for entry in ENTRIES if entry in book["steps"]]
    visited = set(waiting)
    while waiting:
        node = waiting.pop(0)
        for why, end in leaving(book, walk, node):
            if (arrow := Arrow(box(node), why, box(end), own.get(end.removeprefix("#"), "") if end.startswith("#") else "")) not in seen:
                seen.add(arrow)
                yield arrow
            if end not in visited:
                visited.add(end)
                waiting.append(end)


def leaving(book: Mapping[str, Any], walk: Walk, node: str) -> list[tuple[str, str]]:
    """What leaves a step (its rules) or a document (the steps that it names, its words instead of its audio)."""
    if not node.startswith("#"):
        rules = book["steps"][node]
        return [(when(rule["if"], book["lookups"]), rule["step"] if "step" in rule else sheet(rule["document"])) for rule in rules]
    document = walk.document(node[1:])
    back = (
        [("if the other server fails" if document.redirects else "when it happens again", document.come_back)] if document.come_back else []
    )
    said = [("if the audio cannot be had", sheet(twin))] if (twin := walk.twin(node)) else []
    return [("then", step) for step in steps_in(document)] + back + said


def box(node: str) -> str:
    """A step or document without its turn; steps end in a question mark."""
    name = node.removeprefix("#")
    if name.count("/") != 2:
        return name
    return name.rpartition("/")[0] + ("" if node.startswith("#") else "?")


def flowchart(found: Iterable[Arrow]) -> Iterator[str]:
    """Mermaid: https://mermaid.js.org/syntax/flowchart.html; an answer is a box of boxes."""
    found = list(found)
    boxes = list(dict.fromkeys(name for arrow in found for name in (arrow.start, arrow.end)))
    ids = {name: f"n{index}" for index, name in enumerate(boxes)}
    yield "flowchart LR"
    for answer in dict.fromkeys(name.partition("/")[0] for name in boxes):
        inside = [name for name in boxes if name.partition("/")[0] == answer]
        if inside == [answer]:
            yield f'  {ids[answer]}(["{answer}"])'
            continue
        yield f'  subgraph {ids[inside[0]]}s["{answer}"]'
        yield from (f"    {ids[name]}{shape(name.partition('/')[2])}" for name in inside)
        yield "  end"
    for arrow in found:
        yield f'  {ids[arrow.start]} -->|"{quoted(arrow.when)}"| {ids[arrow.end]}'


def shape(name: str) -> str:
    """A rhombus for a step, a rectangle for a document."""
    return f'{{"{name[:-1]}"}}' if name.endswith("?") else f'["{name}"]'


def quoted(text: str) -> str:
    """A label without what ends it."""
    return text.replace("#", "#35;").replace('"', "#quot;")


def tree(environment: str, found: Iterable[Arrow]) -> Tree:
    """The arrows as a tree; a document that was drawn before is named only."""
    known: dict[str, list[Arrow]] = {}
    for arrow in found:
        known.setdefault(arrow.start, []).append(arrow)
    root = Tree(f"[bold]{escape(environment)}[/]")
    drawn: set[str] = set()
    for entry in known:
        if entry in ENTRIES:
            grow(root.add(f"[bold]{escape(entry)}[/]"), entry, known, drawn)
    return root


def grow(branch: Tree, name: str, known: Mapping[str, list[Arrow]], drawn: set[str]) -> None:
    """Add what leaves a box."""
    drawn.add(name)
    for arrow in known.get(name, []):
        again = " [dim](above)[/]" if arrow.end in drawn and known.get(arrow.end) else ""
        own = f" [dim]({escape(arrow.file)})[/]" if arrow.file and arrow.end not in drawn else ""
        twig = branch.add(f"{escape(arrow.when)} -> [cyan]{escape(arrow.end)}[/]{own}{again}")
        if arrow.end not in drawn:
            grow(twig, arrow.end, known, drawn)
