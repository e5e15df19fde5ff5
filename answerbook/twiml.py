"""`twiml.toml` as Python reads it, once: which elements each medium has, what they hold and which values they take."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from answerbook.attributes import Kind, Kinds, voices

type Medium = Literal["voice", "messaging"]

TABLE = Path(__file__).with_name("twiml.toml")


@dataclass(frozen=True)
class Entry:
    """What the table says of one verb or noun; the fields are those described at its top."""

    attributes: Mapping[str, Kind]
    text: Kind | None
    holds: tuple[str, ...]
    needs: tuple[str, ...]
    requires: tuple[str, ...]
    at_most: Mapping[str, int]
    most: int | None
    alone: tuple[str, ...]
    text_or_elements: bool
    longest: int | None
    longest_by_voice: Mapping[str, int]
    counted_in: Literal["bytes", "characters"]
    uncounted: tuple[str, ...]

    def longest_for(self, voice: str) -> int | None:
        """How much it may say with a voice; None where there is no limit."""
        return next((most for prefix, most in self.longest_by_voice.items() if voice.startswith(prefix)), self.longest)


@dataclass(frozen=True)
class Table:
    """The whole table: entries by medium and name, and the limits that hold for every document."""

    media: Mapping[Medium, Mapping[str, Entry]]
    whisper: tuple[str, ...]
    bytes: int
    voices: tuple[str, ...]
    voices_compared: str  #: the day on which the voices were compared with those of the companies
    speaks: Mapping[str, tuple[str, ...]]  #: the languages of the basic voices and of Amazon's, the usual one first

    def entry(self, medium: Medium, name: str, parent: str) -> Entry | None:
        """The entry for <name> inside <parent>, or None where the medium has no such element."""
        entries = self.media[medium]
        return entries.get(f"{parent}/{name}") or entries.get(name)


@cache
def table() -> Table:
    """The table, read from disk the first time."""
    data = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    kinds = Kinds(data)
    media: dict[Medium, Mapping[str, Entry]] = {
        "voice": {name: _entry(fields, kinds) for name, fields in data["voice"].items()},
        "messaging": {name: _entry(fields, kinds) for name, fields in data["messaging"].items()},
    }
    return Table(
        media,
        whisper=tuple(data["whisper"]["holds"].split()),
        bytes=data["limits"]["bytes"],
        voices=tuple(voices(data["voices"])),
        voices_compared=data["voices"]["compared"],
        speaks=_speaks(data["voices"]),
    )


def _speaks(table: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """The languages of each voice that has some in the table."""
    basic = {voice: tuple(spoken.split()) for voice, spoken in table["basic"].items()}
    listed = {language: names.split() for language, names in table["languages"].items()}
    amazons = [voice for voice in voices(table) if voice.startswith("Polly.")]
    names = {voice: voice.removeprefix("Polly.").partition("-")[0] for voice in amazons}
    return basic | {voice: tuple(language for language, speakers in listed.items() if names[voice] in speakers) for voice in amazons}


def _entry(fields: Mapping[str, Any], kinds: Kinds) -> Entry:
    return Entry(
        attributes={name: kinds.read(kind) for name, kind in fields.get("attributes", {}).items()},
        text=kinds.read(fields["text"]) if "text" in fields else None,
        holds=tuple(fields.get("holds", "").split()),
        needs=tuple(fields.get("needs", ())),
        requires=tuple(fields.get("requires", ())),
        at_most=fields.get("at_most", {}),
        most=fields.get("most"),
        alone=tuple(fields.get("alone", "").split()),
        text_or_elements=fields.get("text_or_elements", False),
        longest=fields.get("longest"),
        longest_by_voice=fields.get("longest_by_voice", {}),
        counted_in=fields.get("counted_in", "characters"),
        uncounted=tuple(fields.get("uncounted", ())),
    )
