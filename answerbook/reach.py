"""What may follow a request of which only some things are known: the ground of the proofs in `proofs.py`.

A condition holds, does not hold, or may hold (None). Rules are followed as `lambdas.answer.book` follows them: a rule that may hold leads
somewhere and leaves the next one possible, a rule that holds for sure ends the list.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from answerbook.rules import Condition
from lambdas.answer.book import MATCHES

Rule = dict[str, Any]
Steps = Mapping[str, Sequence[Rule]]


@dataclass(frozen=True)
class Known:
    """A request without a cookie of ours whose ErrorUrl is on somebody else's host (`host`; any if empty), with these parameters."""

    host: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


def possible(steps: Steps, start: str, known: Known) -> set[str]:
    """The documents that may answer."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        step = waiting.pop()
        if step in seen:
            continue
        seen.add(step)
        targets = list(followed(steps.get(step, ()), known))
        found |= {rule["document"] for rule in targets if "document" in rule}
        waiting += [rule["step"] for rule in targets if "step" in rule]
    return found


def answering(steps: Steps, rule: Rule, known: Known) -> set[str]:
    """The documents that may answer once a rule was chosen."""
    return {rule["document"]} if "document" in rule else possible(steps, rule["step"], known)


def followed(rules: Sequence[Rule], known: Known) -> Iterator[Rule]:
    """The rules of a list that may be the first to hold."""
    for rule in rules:
        verdicts = [verdict(condition, known) for condition in rule["if"]]
        if False not in verdicts:
            yield rule
            if None not in verdicts:
                return


def verdict(condition: Condition, known: Known) -> bool | None:
    """Whether a condition holds; None where that is not known."""
    name, kind, values = condition
    if kind in ("cookie", "ours", "file"):
        return False
    if name == "ErrorUrl":
        return on_host(kind, values, known.host)
    if name in known.values and kind in MATCHES:
        return any(MATCHES[kind](value, known.values[name]) for value in values)
    return None


def on_host(kind: str, values: list[Any], host: str) -> bool | None:
    """Whether a URL of which the host alone is known meets a condition."""
    if kind != "url" or not host:
        return None
    paths = [path for wanted, path in values if wanted in (host, host.partition(":")[0])]
    if not paths:
        return False
    return True if None in paths else None


def reachable(edges: Mapping[str, Sequence[str]], *starts: str) -> set[str]:
    """Every step and document that can follow."""
    seen: set[str] = set()
    waiting = list(starts)
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting += edges.get(current, [])
    return seen


def circle(edges: Mapping[str, Sequence[str]]) -> list[str]:
    """A way that returns to where it began, or nothing: the call of such a caller would never end."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []
