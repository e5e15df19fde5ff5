"""The kinds of values that TwiML's attributes and texts take, in the notation described at the top of `twiml.toml`."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from answerbook import urls
from answerbook.nearest import did_you_mean
from answerbook.urls import Fault

_RANGE = re.compile(r"(\d+)\.\.(\d*)")
_TEXT = re.compile(r"text \.\.(\d+)")
MOST_HINTS, LONGEST_HINT = 500, 100
_SHORT_LIST = 15  # words that a message still shows; longer lists are looked up in the table


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value may be: `fault` says what it should have been (None: it is right); `words` are right spellings."""

    fault: Fault
    words: tuple[str, ...] = ()

    def complaint(self, value: str) -> str | None:
        """`must be ...; did you mean ...?`, or None when the value is right."""
        if (wanted := self.fault(value)) is None:
            return None
        wrong = next((word for word in value.split() if word not in self.words), value)
        return f"must be {wanted}{did_you_mean(wrong, self.words)}"


class Kinds:
    """Reads kinds; `table` is the whole of twiml.toml, whose enumerations, patterns and voices have names."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.named = {name: one_of(words.split(), name) for name, words in table["enumerations"].items()}
        self.named |= {name: matching(pattern["is"], pattern["says"]) for name, pattern in table["patterns"].items()}
        self.named |= {"text": Kind(lambda _: None), "boolean": one_of(("true", "false"), "boolean")}
        self.named["voice"] = Kind(self.named["voice"].fault, tuple(voices(table["voices"])))
        overrides = {key: self.read(kind).fault for key, kind in table["connection_overrides"].items()}
        self.named |= {"url": Kind(urls.web(overrides)), "websocket": Kind(urls.websocket(overrides))}
        self.named |= {"media": Kind(urls.media(overrides)), "json": Kind(json_fault), "hints": Kind(hints_fault)}
        self.named["stream"] = Kind(urls.stream(overrides))

    def read(self, notation: str) -> Kind:
        """The kind that `notation` describes; ValueError if it describes none."""
        return either([self._alternative(part.strip()) for part in notation.split("|")])

    def _alternative(self, part: str) -> Kind:
        if part.endswith(" list"):
            return each_word(self._alternative(part.removesuffix(" list")))
        if bounds := _RANGE.fullmatch(part):
            return whole_number(int(bounds[1]), int(bounds[2]) if bounds[2] else None)
        if longest := _TEXT.fullmatch(part):
            return at_most(int(longest[1]))
        if part.startswith("'"):
            return one_of((part.strip("'"),), part)
        if part not in self.named:
            raise ValueError(f"twiml.toml: {part!r} is no kind of value{did_you_mean(part, self.named)}")
        return self.named[part]


def whole_number(least: int, most: int | None) -> Kind:
    """A whole number written in ASCII digits, from `least` to `most`; without `most`, as large as you like."""
    wanted = f"a whole number from {least} to {most}" if most is not None else f"a whole number of at least {least}"

    def fault(value: str) -> str | None:
        right = re.fullmatch(r"[0-9]{1,18}", value) and least <= int(value) <= (int(value) if most is None else most)
        return None if right else wanted

    return Kind(fault)


def one_of(words: Sequence[str], name: str) -> Kind:
    """One of `words`, exactly as they are written; `name` is where the table lists them."""
    known = frozenset(words)
    wanted = f"one of those listed in answerbook/twiml.toml under {name}"
    if len(words) <= _SHORT_LIST:
        wanted = " or ".join(words) if len(words) < 3 else f"one of {', '.join(words)}"
    return Kind(lambda value: None if value in known else wanted, tuple(words))


def matching(pattern: str, says: str) -> Kind:
    """A value that matches `pattern` from end to end; `says` describes it to people."""
    compiled = re.compile(pattern)
    return Kind(lambda value: None if compiled.fullmatch(value) else says)


def at_most(longest: int) -> Kind:
    """Any text of at most `longest` characters."""
    return Kind(lambda value: None if len(value) <= longest else f"at most {longest} characters long, not {len(value)}")


def _no_json(name: str) -> None:
    """NaN and Infinity are Python's own. Raises ValueError."""
    raise ValueError(f"{name} is no JSON")


def json_fault(value: str) -> str | None:
    """The attributes of a task: https://www.twilio.com/docs/voice/twiml/enqueue#task"""
    try:
        return None if isinstance(json.loads(value, parse_constant=_no_json), dict) else "a JSON object"
    except (ValueError, RecursionError):
        return 'a JSON object such as {"skill": "sales"}'


def hints_fault(value: str) -> str | None:
    """Words that speech recognition expects: https://www.twilio.com/docs/api/errors/13330"""
    hints = [hint.strip() for hint in value.split(",")]
    if len(hints) > MOST_HINTS:
        return f"at most {MOST_HINTS} hints separated by commas, not {len(hints)}"
    longest = max(hints, key=len)
    if len(longest) > LONGEST_HINT:
        return f"hints of at most {LONGEST_HINT} characters each, separated by commas, unlike {longest[:20]}…"
    return None


def each_word(kind: Kind) -> Kind:
    """One or more values of `kind`, separated by spaces."""

    def fault(value: str) -> str | None:
        wanted = next((wanted for word in value.split() or [""] if (wanted := kind.fault(word))), None)
        return wanted and f"{wanted}, or several of them"

    return Kind(fault, kind.words)


def either(kinds: Sequence[Kind]) -> Kind:
    """A value of any of `kinds`."""
    if len(kinds) == 1:
        return kinds[0]

    def fault(value: str) -> str | None:
        faults = [kind.fault(value) for kind in kinds]
        return " or ".join(wanted for wanted in faults if wanted) if all(faults) else None

    return Kind(fault, tuple(word for kind in kinds for word in kind.words))


def voices(table: Mapping[str, Any]) -> Iterable[str]:
    """The names of voices that the table's [voices] stands for."""
    yield from table["basic"]
    for engine, names in table["Polly"].items():
        yield from (f"Polly.{name}" if engine == "standard" else f"Polly.{name}-{engine}" for name in names.split())
    google = dict(table["Google"])
    for locale, (engine, names) in product(google.pop("locales").split(), google.items()):
        yield from (f"Google.{locale}-{engine}-{name}" for name in names.split())
