"""The TwiML table by itself, and beside the enumerations of Twilio's package for Node (`test_twiml_drift.py`: that for Python)."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from answerbook import twiml
from answerbook.attributes import Kinds
from answerbook.twiml import Medium

RAW: dict[str, Any] = tomllib.loads(twiml.TABLE.read_text(encoding="utf-8"))
MEDIA: tuple[Medium, ...] = get_args(Medium.__value__)
BEYOND = RAW["beyond_the_sdk"]
WITHHELD = RAW["withheld_from_the_sdk"]
FIELDS = {
    *("attributes", "text", "holds", "needs", "requires", "at_most", "most", "alone", "text_or_elements"),
    *("longest", "longest_by_voice", "counted_in", "uncounted"),
}


def name_of(medium: Medium, parent: str, child: str) -> str:
    """The table's name for <child> in <parent>."""
    return f"{parent}/{child}" if f"{parent}/{child}" in RAW[medium] else child


def table_nestings(medium: Medium) -> Iterator[tuple[str, str]]:
    for name, fields in RAW[medium].items():
        yield from ((name.rpartition("/")[2], child) for child in fields.get("holds", "").split())


@pytest.mark.parametrize("medium", MEDIA)
def test_the_table_has_no_element_that_can_stand_nowhere(medium: Medium) -> None:
    reached = {name_of(medium, parent, child) for parent, child in table_nestings(medium)}
    assert not {child for name in RAW[medium] for child in RAW[medium][name].get("alone", "").split()} - {
        name.rpartition("/")[2] for name in reached
    }
    assert set(RAW[medium]) == {*reached, "Response"}


@pytest.mark.parametrize("medium", MEDIA)
def test_entries_have_only_the_fields_that_the_table_explains(medium: Medium) -> None:
    for name, fields in RAW[medium].items():
        assert set(fields) <= FIELDS, name


def test_every_exception_gives_its_reason() -> None:
    reasons = [
        *BEYOND.values(),
        *WITHHELD.values(),
        *(more["because"] for more in RAW["values_beyond_the_sdk"].values()),
    ]
    assert all("page" in reason for reason in reasons)


def test_every_enumeration_and_pattern_is_used() -> None:
    kinds = " ".join(
        [*RAW["connection_overrides"].values()]
        + [kind for medium in MEDIA for entry in RAW[medium].values() for kind in entry.get("attributes", {}).values()]
        + [entry["text"] for medium in MEDIA for entry in RAW[medium].values() if "text" in entry]
    ).split()
    assert {*RAW["enumerations"], *RAW["patterns"]} <= set(kinds)


def test_a_kind_that_does_not_exist_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ValueError, match="'Methud' is no kind of value; did you mean Method"):
        Kinds(RAW).read("Methud")


@pytest.fixture(scope="module")
def node_package(shared: Path) -> dict[str, dict[str, Any]]:
    """Attribute types of Twilio's Node package by class name; the Python package has no enumerations."""
    listed = (shared / "testdata/twiml-attrs-from-npm-twilio.json").read_text(encoding="utf-8")
    voice: dict[str, dict[str, Any]] = json.loads(listed)["voice"]["attrs"]
    return voice


def in_both(node_package: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Element, kind notation and Node type of each attribute that both know."""
    for name, fields in RAW["voice"].items():
        known = node_package.get(name) or node_package.get("Ssml" + name.title().replace("-", "")) or {}
        for attribute, kind in fields.get("attributes", {}).items():
            if attribute in known and f"{name}@{attribute}" not in BEYOND:
                yield f"{name}@{attribute}", kind, known[attribute]


def test_enumerations_are_those_of_twilios_node_package(node_package: dict[str, dict[str, Any]]) -> None:
    kinds = Kinds(RAW)
    compared = 0
    for place, kind, node in in_both(node_package):
        if "enum" not in node or place == "Say@voice":
            continue
        more = RAW["values_beyond_the_sdk"].get(place, {}).get("more", "").split()
        assert not set(more) & set(node["enum"]), f"{place}: no longer beyond the package"
        assert set(kinds.read(kind).words) == {*node["enum"], *more}, place
        assert kind.endswith(" list") == node["list"], place
        compared += 1
    assert compared > 40


def test_numbers_and_booleans_are_those_of_twilios_node_package(node_package: dict[str, dict[str, Any]]) -> None:
    for place, kind, node in in_both(node_package):
        assert (".." in kind and "text" not in kind) or not node["type"].startswith("number"), place
        assert "boolean" in kind or node["type"] != "boolean", place


def test_every_voice_of_twilios_node_package_is_known(node_package: dict[str, dict[str, Any]]) -> None:
    voices = set(Kinds(RAW).read("voice").words)
    listed = set(node_package["Say"]["voice"]["enum"])
    assert listed <= voices
    assert all(voice.startswith("Google.") for voice in voices - listed)


def test_every_voice_of_amazons_speaks_something() -> None:
    """And every name that has a language is a voice."""
    polly = RAW["voices"]["Polly"]
    names = {name for listed in polly.values() for name in listed.split()}
    assert {name for listed in RAW["voices"]["languages"].values() for name in listed.split()} == names
