"""What the TwiML table (`answerbook/twiml.toml`) and Twilio's package for Python know differently.

    make twiml-drift                     asks the newest package, which is fetched into a folder that is removed again
    python -m ops.twiml_drift            asks the installed one (as `make test` does)

Exit status 1 if there is a difference; each is a line that says what to change.
"""

import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import twilio

from answerbook.twiml import TABLE, Medium
from ops.sdk_twiml import ROOTS, Nesting, nestings

type Known = Mapping[Medium, Sequence[Nesting]]
type Place = tuple[str, str]
"""A parent and a child."""


def installed() -> Known:
    """What the package knows that Python finds."""
    return {medium: nestings(medium) for medium in ROOTS}


def differences(known: Known) -> list[str]:
    """What is to be changed in the table, a line each; empty where the two agree."""
    raw = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return [line for medium, found in known.items() for line in _Comparison(raw, medium, found).lines()]


@dataclass(frozen=True)
class _Comparison:
    """The table and the package, in one medium."""

    raw: Mapping[str, Any]
    medium: Medium
    found: Sequence[Nesting]

    def lines(self) -> Iterator[str]:
        yield from self.places()
        for nesting in self.found:
            name, fields = self.entry(nesting.place)
            if fields is not None:
                yield from self.attributes(name, fields, nesting)
                if ("text" in fields) != nesting.has_text:
                    yield f"<{nesting.child}> in <{nesting.parent}> holds {'text' if nesting.has_text else 'no text'} now: correct `text`"

    def places(self) -> Iterator[str]:
        """What nests in what."""
        known, listed = {nesting.place for nesting in self.found}, set(self.listed())
        beyond, withheld = self.exceptions("beyond_the_sdk"), self.exceptions("withheld_from_the_sdk")
        yield from (f"<{child}> in <{parent}> is new: {_ADD}" for parent, child in sorted(known - listed - withheld))
        yield from (f"<{child}> in <{parent}> is unknown to the package: {_REMOVE}" for parent, child in sorted(listed - known - beyond))
        yield from (f"<{child}> in <{parent}>: {_CAUGHT_UP}" for parent, child in sorted(beyond & known))
        if stale := sorted(withheld - known) if self.medium == "voice" else []:
            yield from (f"<{child}> in <{parent}>: {_NOTHING_TO_WITHHOLD}" for parent, child in stale)

    def attributes(self, name: str, fields: Mapping[str, Any], nesting: Nesting) -> Iterator[str]:
        """Which attributes one element takes."""
        listed = set(fields.get("attributes", {}))
        beyond, withheld = self.exempt("beyond_the_sdk", name), self.exempt("withheld_from_the_sdk", name)
        yield from (f"<{name} {attribute}> is new: {_ADD}" for attribute in sorted(nesting.attributes - listed - withheld))
        yield from (
            f"<{name} {attribute}> is unknown to the package: {_REMOVE}" for attribute in sorted(listed - nesting.attributes - beyond)
        )
        yield from (f"<{name} {attribute}>: {_CAUGHT_UP}" for attribute in sorted(beyond & nesting.attributes))
        yield from (f"<{name} {attribute}>: {_NOTHING_TO_WITHHOLD}" for attribute in sorted(withheld - nesting.attributes))

    def listed(self) -> Iterator[Place]:
        for name, fields in self.raw[self.medium].items():
            yield from ((name.rpartition("/")[2], child) for child in fields.get("holds", "").split())

    def entry(self, place: Place) -> tuple[str, Mapping[str, Any] | None]:
        """The table's name for an element in its place, and what it says of it."""
        table = self.raw[self.medium]
        name = "/".join(place) if "/".join(place) in table else place[1]
        return name, table.get(name)

    def exceptions(self, kind: str) -> set[Place]:
        """The places that the table excepts; the other exceptions name attributes."""
        pairs = (name.split("/") for name in self.raw[kind] if "@" not in name)
        return {(parent, child) for parent, child in pairs}

    def exempt(self, kind: str, name: str) -> set[str]:
        """The attributes of an element that the table excepts."""
        return {place.partition("@")[2] for place in self.raw[kind] if place.startswith(f"{name}@")}


_ADD = "add it to answerbook/twiml.toml with what its page says, or to [withheld_from_the_sdk] with the reason"
_REMOVE = "remove it from answerbook/twiml.toml, or add it to [beyond_the_sdk] with the page that documents it"
_CAUGHT_UP = "the package knows it by now: take it out of [beyond_the_sdk]"
_NOTHING_TO_WITHHOLD = "the package no longer knows it: take it out of [withheld_from_the_sdk]"


def main() -> int:
    """Print the differences; the exit status."""
    found = differences(installed())
    print("\n".join([f"twilio {twilio.__version__}: {len(found)} differences from answerbook/twiml.toml", *found]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
