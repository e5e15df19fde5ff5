"""Rules, from the words of a TOML file to what `lambdas.answer.book` compares."""

import re
from typing import Any

from config.checks import ConfigError, nearest
from lambdas.answer.book import OWN_CONDITIONS
from lambdas.answer.journal import PARAMETERS

Condition = list[Any]

NAMES = PARAMETERS | set(OWN_CONDITIONS)
#: A star is a key of the phone, and a body may be anything: these are compared as they are.
LITERAL = frozenset({"Digits", "Body", "SpeechResult", "open", "trunk"})
CODES = frozenset({"ErrorCode"})


def condition(name: str, values: tuple[str, ...], at: str) -> Condition:
    """`[name, kind, values]` of one condition. Raises ConfigError for an unknown name or a value that cannot be one."""
    if name not in NAMES:
        raise ConfigError(f"{at}: {name!r} is no condition{nearest(name, NAMES)}")
    bad = next((value for value in values if not isinstance(value, str)), None)
    if bad is not None:
        raise ConfigError(f'{at}: {name} = {bad!r}: write the value as text, as in {name} = "{bad}"')
    kinds = {kind_of(name, value) for value in values}
    if len(kinds) != 1:
        raise ConfigError(f"{at}: {name} mixes {' and '.join(sorted(kinds)) or 'nothing'}; give each kind a rule of its own")
    kind = kinds.pop()
    return [name, kind, [compiled(kind, value, at) for value in values]]


def kind_of(name: str, value: str) -> str:
    """How a value is compared."""
    if name == "open":
        return "open"
    if name in LITERAL:
        return "is"
    if name == "ErrorUrl" and value.startswith("/"):
        return "path"
    if name in CODES and re.fullmatch(r"\d+-\d+", value):
        return "range"
    return "prefix" if value.endswith("*") else "is"


def compiled(kind: str, value: str, at: str) -> Any:
    """The value as the book compares it."""
    if kind == "prefix":
        return value[:-1]
    if kind == "path":
        return value.strip("/").split("/")
    if kind == "range":
        first, last = (int(limit) for limit in value.split("-"))
        if first > last:
            raise ConfigError(f"{at}: the range {value} is empty; write the smaller number first")
        return [first, last]
    return value


def implied(later: list[Condition], earlier: list[Condition]) -> bool:
    """Whether every request that meets the later rule meets the earlier one too, so that the later one can never answer."""
    return all(any(covers(wide, narrow) for narrow in later) for wide in earlier)


def covers(wide: Condition, narrow: Condition) -> bool:
    """Whether meeting the narrow condition means meeting the wide one."""
    return bool(wide[0] == narrow[0]) and all(any(includes(wide[1], value, narrow[1], inner) for value in wide[2]) for inner in narrow[2])


def includes(kind: str, value: Any, inner_kind: str, inner: Any) -> bool:
    """Whether one value of a condition takes in another."""
    if kind == inner_kind == "range":
        return bool(value[0] <= inner[0] and inner[1] <= value[1])
    if kind == "range" and inner_kind == "is":
        return str(inner).isdigit() and value[0] <= int(inner) <= value[1]
    if kind == "prefix" and inner_kind in ("is", "prefix"):
        return str(inner).startswith(value)
    if kind == inner_kind == "path":
        return len(value) == len(inner) and all(wide.startswith(":") or wide == part for wide, part in zip(value, inner, strict=True))
    return bool(kind == inner_kind and value == inner)
