"""A copy of a cloud assembly without the resources whose type the emulator does not know.

The production templates stay as they are. What is dropped is told, and what pointed at it (`Ref`, `Fn::GetAtt`, `Fn::Sub`, `DependsOn`)
gets a placeholder that says so. Assembly: https://github.com/aws/aws-cdk/tree/main/packages/aws-cdk-lib/cloud-assembly-schema
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

type Json = dict[str, Any]


class Dropped(NamedTuple):
    """A resource that the local cloud goes without."""

    template: str
    logical_id: str
    type: str

    def __str__(self) -> str:
        return f"{self.type} {self.logical_id} ({self.template}): unknown to the local cloud, left out of it"


def adapt(source: Path, target: Path, known: Collection[str]) -> list[Dropped]:
    """Copy the assembly `source` to `target` (made anew), without resources of types not in `known`; returns what was dropped."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=_copy)
    return [dropped for path in sorted(target.rglob("*.template.json")) for dropped in _adapt_template(path, known)]


def _copy(source: str, target: str) -> None:
    """Zips, which nobody changes, are the same file in both; everything else is a copy."""
    if source.endswith(".zip"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def _adapt_template(path: Path, known: Collection[str]) -> Iterator[Dropped]:
    template: Json = json.loads(path.read_text())
    resources: Json = template.get("Resources", {})
    gone = {name: resource["Type"] for name, resource in resources.items() if not _is_known(resource["Type"], known)}
    if gone:
        template["Resources"] = {name: resource for name, resource in resources.items() if name not in gone}
        path.write_text(json.dumps(_without(template, gone)))
    return (Dropped(path.name.removesuffix(".template.json"), name, kind) for name, kind in gone.items())


def _is_known(kind: str, known: Collection[str]) -> bool:
    return kind in known or kind.startswith("Custom::")


def _without(value: Any, gone: Collection[str]) -> Any:
    """The value with every reference to a resource in `gone` replaced."""
    if isinstance(value, list):
        return [_without(item, gone) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (key, target), *_ = value.items()
        if key in _REFERENCES:
            return _REFERENCES[key](target, gone)
    return {key: _dependencies(item, gone) if key == "DependsOn" else _without(item, gone) for key, item in value.items()}


def _dependencies(names: Any, gone: Collection[str]) -> list[str]:
    return [name for name in ([names] if isinstance(names, str) else names) if name not in gone]


def _ref(name: str, gone: Collection[str]) -> Any:
    return _placeholder(name) if name in gone else {"Ref": name}


def _attribute(target: Any, gone: Collection[str]) -> Any:
    name = target.partition(".")[0] if isinstance(target, str) else target[0]
    return _placeholder(name) if name in gone else {"Fn::GetAtt": target}


def _substitution(target: Any, gone: Collection[str]) -> Any:
    """`${Name}` and `${Name.Attribute}` in a text, which may come with a table of its own variables."""
    text, *variables = [target] if isinstance(target, str) else target

    def replace(found: re.Match[str]) -> str:
        return _placeholder(found[1]) if found[1] in gone else found[0]

    text = re.sub(r"\$\{(\w+)(?:\.[\w.]+)?\}", replace, text)
    return {"Fn::Sub": [text, *(_without(table, gone) for table in variables)] if variables else text}


def _placeholder(name: str) -> str:
    return f"left-out-{name}"


_REFERENCES: dict[str, Callable[[Any, Collection[str]], Any]] = {
    "Ref": _ref,
    "Fn::GetAtt": _attribute,
    "Fn::Sub": _substitution,
}
