"""A flow: a folder of `twiml_templates/` with documents and `steps.toml`, unrolled turn by turn for one answer.

`steps.toml` holds `turns` (how often the flow may run, 1 if left out), `come_back` (which document sets the cookie by which a re-entry
continues, and where) and the steps, each a list of rules.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from answerbook.rules import Condition, condition
from answerbook.templates import Templates
from config.checks import ConfigError, nearest
from config.lines import Lines
from config.settings import as_list
from config.tables import Answer

TARGETS = ("answer", "document", "again")
OTHER_KEYS = ("turn",)
#: So many documents of one answer are a mistake in `turns`, not a call.
MOST_TURNS = 200


@dataclass(frozen=True)
class StepRule:
    """A rule of a step: its conditions, its one target (`answer`, `document` or `again`) and where it stands."""

    conditions: list[Condition]
    kind: str
    target: str
    turn: int | None
    at: str


@dataclass(frozen=True)
class Turn:
    """One turn of a flow: its steps and the documents that set a cookie."""

    steps: dict[str, list[StepRule]]
    come_back: dict[str, dict[str, Any]]


def unroll(templates: Templates, name: str, answer: Answer) -> list[Turn]:
    """The turns of an answer's flow. Raises ConfigError for an unknown flow, a value missing or left over, a step that is none."""
    if answer.flow not in templates.flows():
        raise ConfigError(f"{answer.at}: answer.{name}.flow: there is no flow {answer.flow!r}{nearest(answer.flow, templates.flows())}")
    check_values(templates, name, answer)
    first = tables(templates, answer, 1)
    turns = first.get("turns", 1)
    if not isinstance(turns, int) or not 1 <= turns <= MOST_TURNS:
        raise ConfigError(
            f"{where(templates, answer)}: turns is {turns!r}; it must be a whole number from 1 to {MOST_TURNS} (answer {name!r})"
        )
    return [turn_of(templates, answer, turn) for turn in range(1, turns + 1)]


def check_values(templates: Templates, name: str, answer: Answer) -> None:
    """Every value that is set must be used; one that is used and not set stops the rendering."""
    used = templates.variables(answer.flow)
    for value in answer.values:
        if value not in used:
            raise ConfigError(f"{answer.at}: answer.{name}.{value}: the flow {answer.flow!r} uses no such value{nearest(value, set(used))}")


def where(templates: Templates, answer: Answer) -> str:
    """The flow's `steps.toml`, for messages."""
    return str(templates.directory / answer.flow / "steps.toml")


def tables(templates: Templates, answer: Answer, turn: int) -> dict[str, Any]:
    """`steps.toml` of one turn, read."""
    try:
        return tomllib.loads(templates.steps(answer.flow, answer.values, turn))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where(templates, answer)}: not TOML once the values are filled in: {error}") from error


def turn_of(templates: Templates, answer: Answer, turn: int) -> Turn:
    """One turn's steps and cookies."""
    data = tables(templates, answer, turn)
    lines = Lines(templates.steps(answer.flow, answer.values, turn))
    at = f"{answer.flow}/steps.toml"
    steps = {
        step: [step_rule(rule, f"{at}:{lines.of((step,))}") for rule in rules] for step, rules in data.items() if isinstance(rules, list)
    }
    return Turn(steps, checked_come_back(templates, answer, data.get("come_back", {}), steps))


def step_rule(rule: Mapping[str, Any], at: str) -> StepRule:
    """One rule of a step. Raises ConfigError where it has not exactly one target."""
    targets = [key for key in TARGETS if key in rule]
    if len(targets) != 1:
        raise ConfigError(f"{at}: a rule needs exactly one of answer, document, again; this one has {' and '.join(targets) or 'none'}")
    conditions = [condition(key, as_list(value), at) for key, value in rule.items() if key not in TARGETS + OTHER_KEYS]
    return StepRule(conditions, targets[0], str(rule[targets[0]]), rule.get("turn"), at)


def checked_come_back(templates: Templates, answer: Answer, come_back: Any, steps: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """`come_back.<document> = { step = ..., for = seconds }`; names are checked."""
    for document, target in come_back.items():
        at = f"{where(templates, answer)}: come_back.{document}"
        if document not in templates.documents(answer.flow):
            raise ConfigError(f"{at}: the flow has no document {document!r}{nearest(document, templates.documents(answer.flow))}")
        if target.get("step") not in steps:
            raise ConfigError(f"{at}: the flow has no step {target.get('step')!r}{nearest(str(target.get('step')), set(steps))}")
    return dict(come_back)
