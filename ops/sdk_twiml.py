"""What the installed `twilio` package knows of TwiML, learnt by calling every method of its classes."""

import inspect
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from twilio.twiml import TwiML
from twilio.twiml.messaging_response import MessagingResponse
from twilio.twiml.voice_response import VoiceResponse

from answerbook.twiml import TABLE, Medium

#: What the table does not take over from the package: no way to anything deeper leads through it.
WITHHELD = frozenset(tomllib.loads(TABLE.read_text(encoding="utf-8"))["withheld_from_the_sdk"])
ROOTS: dict[Medium, type[Any]] = {"voice": VoiceResponse, "messaging": MessagingResponse}


@dataclass(frozen=True)
class Nesting:
    """The package has a method that puts <child> into <parent>; the child takes these attributes, and text or none."""

    parent: str
    child: str
    attributes: frozenset[str]
    has_text: bool
    path: tuple[str, ...]  # the methods to call, one after the other, from the response down to the child

    @property
    def place(self) -> tuple[str, str]:
        """What stands in what."""
        return self.parent, self.child


@cache
def nestings(medium: Medium) -> tuple[Nesting, ...]:
    """Every way in which the package nests one element in another, each class visited once."""
    found, seen = [], set()
    todo: list[tuple[Any, tuple[str, ...]]] = [(ROOTS[medium](), ())]
    while todo:
        parent, path = todo.pop(0)
        if type(parent) in seen:
            continue
        seen.add(type(parent))
        for method, child in _children(parent):
            here = (*path, method)
            found.append(Nesting(parent.name, child.name, frozenset(child.attrs), bool(child.value), here))
            if f"{parent.name}/{child.name}" not in WITHHELD:
                todo.append((child, here))
    return tuple(found)


def _children(parent: Any) -> Iterator[tuple[str, Any]]:
    for name, method in inspect.getmembers(type(parent), inspect.isfunction):
        if not name.startswith("_") and not hasattr(TwiML, name):
            yield name, method(parent, **dict.fromkeys(_parameters(method), "x"))


def _parameters(method: Any) -> list[str]:
    return [name for name in inspect.signature(method).parameters if name not in ("self", "kwargs")]
