"""Conditions of rules as people write them, for those who read what the compiler made of them."""

from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any

from answerbook.rules import Condition

MOST = 4  #: values that are shown of a condition


def when(conditions: Sequence[Condition], lookups: Mapping[str, Sized]) -> str:
    """All conditions of a rule, in words; `lookups` are the tables that some of them ask."""
    return " and ".join(shown(condition, lookups) for condition in conditions) or "otherwise"


def shown(condition: Condition, lookups: Mapping[str, Sized]) -> str:
    """A condition as a person would write it: `From = +44*`."""
    name, kind, values = condition
    if kind == "in":
        return f"{name} is one of the {sum(len(lookups[lookup]) for lookup in values)} in {', '.join(values)}"
    if kind in OURS:
        return OURS[kind].format(*values)
    several = [SHOWN.get(kind, str)(value) for value in values[:MOST]] + [f"{len(values) - MOST} more"] * (len(values) > MOST)
    return f"{name} = {', '.join(several)}"


def url_shown(value: list[Any]) -> str:
    """`app.example.com/calls/:id`, or all of a host."""
    host, path = value
    return f"{host}/{'*' if path is None else '/'.join(path)}"


SHOWN: Mapping[str, Callable[[Any], str]] = {
    "prefix": lambda value: f"{value}*",
    "path": lambda value: "/" + "/".join(value),
    "url": url_shown,
    "range": lambda value: f"{value[0]}-{value[1]}",
    "is": lambda value: value or "(nothing)",
    "words": lambda value: f'"{value}"',
}
#: The conditions of rules that nobody wrote: see `entries.py`.
OURS: Mapping[str, str] = {
    "ours": "an address of ours failed",
    "file": "our audio failed ({0})",
    "cookie": "the cookie says {0}",
    "nobody": "From is no person",
    "same": "From = {0}",
    "some": "OptOutType is set",
}
