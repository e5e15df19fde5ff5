"""One-step mistakes in TwiML: each mutation takes a good document and makes exactly one thing in it wrong.

What counts as wrong is decided by the installed `twilio` package where it knows (names, nesting), else by the notation
of the table (whole numbers, enumerations); never by the checker under test.
"""

import copy
import random
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

from answerbook import twiml
from answerbook.attributes import Kinds
from answerbook.twiml import Medium
from ops.sdk_twiml import ROOTS, WITHHELD, Nesting, nestings

RAW: dict[str, Any] = tomllib.loads(twiml.TABLE.read_text(encoding="utf-8"))
SAMPLES = {
    "text": "words",
    "url": "https://example.com/a",
    "websocket": "wss://example.com/a",
    "stream": "wss://example.com/a",
    "media": "https://example.com/a",
    "json": "{}",
    "hints": "words",
    "boolean": "true",
    "voice": "Google.af-ZA-Standard-A",  # of the first language in the table
    "phone": "+15550100",
    "sip": "sip:desk@example.com",
    "finish_key": "#",
    "finish_keys": "#*",
    "tones": "ww1",
    "amount": "0",
    "duration": "500ms",
}
_RANGE = re.compile(r"(\d+)\.\.(\d*)")


@dataclass(frozen=True)
class Document:
    """A good document; `name` says where it comes from."""

    name: str
    medium: Medium
    text: str


def package_documents() -> Iterator[Document]:
    """For every nesting that the package knows, a document with every attribute that the table gives the child."""
    for medium in ROOTS:
        for nesting in nestings(medium):
            if "/".join(nesting.place) in WITHHELD:
                continue
            yield Document(".".join(nesting.path), medium, _built(medium, nesting))


def _built(medium: Medium, nesting: Nesting) -> str:
    response = element = ROOTS[medium]()
    for method in nesting.path:
        parent, element = element.name, _called(element, method)
        fields = _fields(medium, parent, element.name)
        element.attrs = {name: _sample(fields["attributes"][name]) for name in fields.get("requires", [])}
        element.value = None
    element.attrs = {name: _sample(kind) for name, kind in fields.get("attributes", {}).items()}
    element.value = _sample(fields["text"]) if "text" in fields else None
    if fields.get("needs") == ["element"]:
        child = fields["holds"].split()[0]
        inner = _fields(medium, element.name, child)
        required = {name: _sample(inner["attributes"][name]) for name in inner.get("requires", [])}
        element.add_child(child, _sample(inner["text"]) if "text" in inner else None, **required)
    return str(response)


def _called(element: Any, method: str) -> Any:
    bound = getattr(element, method)
    wanted = bound.__code__.co_varnames[1 : bound.__code__.co_argcount - len(bound.__defaults__ or ())]
    return bound(**dict.fromkeys(wanted, "x"))


def _fields(medium: Medium, parent: str, name: str) -> dict[str, Any]:
    fields: dict[str, Any] = RAW[medium].get(f"{parent}/{name}") or RAW[medium][name]
    return fields


def _sample(kind: str) -> str:
    first = kind.split(" | ", maxsplit=1)[0].split(" ", maxsplit=1)[0]
    if bounds := _RANGE.fullmatch(first):
        return bounds[1]
    if first.startswith("'"):
        return first.strip("'")
    return SAMPLES.get(first) or RAW["enumerations"][first].split()[0]


@cache
def _places(medium: Medium) -> frozenset[tuple[str, str]]:
    """Every pair of a parent and a child that is right."""
    return frozenset({nesting.place for nesting in nestings(medium)} | {("Stop", "Recording")})


@cache
def _known_attributes(medium: Medium, name: str) -> frozenset[str]:
    sets = [nesting.attributes for nesting in nestings(medium) if nesting.child == name]
    return frozenset().union(*sets, RAW[medium].get(name, {}).get("attributes", {}))


@cache
def _kinds() -> Kinds:
    return Kinds(RAW)


type Mutation = Callable[[ET.Element, Medium, random.Random], bool]
"""Changes one thing in the tree and answers True, or finds nothing to change."""


def misspelt_attribute(root: ET.Element, medium: Medium, chance: random.Random) -> bool:
    """A letter of an attribute's name lost, doubled, or swapped with the next."""
    places = [(element, name) for element in root.iter() for name in element.attrib if not name.startswith("{")]
    if not places:
        return False
    element, name = chance.choice(places)
    at = chance.randrange(len(name))
    slips = [
        name[:at] + name[at + 1 :],
        name[:at] + name[at] + name[at:],
        name[:at] + name[at : at + 2][::-1] + name[at + 2 :],
    ]
    known = _known_attributes(medium, element.tag)
    wrong = [slip for slip in slips if re.match(r"[A-Za-z]", slip) and slip not in known and slip not in element.attrib]
    return bool(wrong) and _renamed(element, name, chance.choice(wrong))


def wrong_case(root: ET.Element, medium: Medium, chance: random.Random) -> bool:
    """The name of an element or attribute in capitals, in small letters, or with one letter of the other case."""
    names = [(element, name) for element in root.iter() for name in ("", *element.attrib) if not name.startswith("{")]
    element, attribute = chance.choice(names)
    name = attribute or element.tag
    at = chance.randrange(len(name))
    cases = {name.lower(), name.upper(), name[:at] + name[at].swapcase() + name[at + 1 :]} - {name}
    known = _known_attributes(medium, element.tag) if attribute else {child for _, child in _places(medium)}
    wrong = sorted(case for case in cases if case not in known)
    if not wrong:
        return False
    if attribute:
        return _renamed(element, attribute, chance.choice(wrong))
    element.tag = chance.choice(wrong)
    return True


def wrong_nesting(root: ET.Element, medium: Medium, chance: random.Random) -> bool:
    """A copy of one element of the document put into another that must not hold it."""
    elements = list(root.iter())
    wrong = [(parent, child) for parent in elements for child in elements if (parent.tag, child.tag) not in _places(medium)]
    parent, child = chance.choice(wrong)  # <Response> in <Response> is always among them
    parent.append(copy.deepcopy(child))
    return True


def bad_integer(root: ET.Element, medium: Medium, chance: random.Random) -> bool:
    """A whole number that is none, or is outside its range."""
    places = [(element, name, _RANGE.search(kind)) for element, name, kind in _valued(root, medium) if _RANGE.search(kind)]
    if not places:
        return False
    element, name, bounds = chance.choice(places)
    assert bounds
    bad = ["", "ten", "1.5", "-1", "0x10", "1e2"]
    bad += [str(int(bounds[1]) - 1)] if bounds[1] != "0" else []
    bad += [str(int(bounds[2]) + 1)] if bounds[2] else []
    element.set(name, chance.choice(bad))
    return True


def outside_its_enumeration(root: ET.Element, medium: Medium, chance: random.Random) -> bool:
    """A word that is not among those that the attribute may be."""
    places = [
        (element, name, words)
        for element, name, kind in _valued(root, medium)
        if (words := _kinds().read(kind).words) and not _RANGE.search(kind)
    ]
    if not places:
        return False
    element, name, words = chance.choice(places)
    value = element.get(name, "")
    wrong = [word for word in (f"{value}x", value[:-1], value.swapcase(), "nonsense", "") if word not in words]
    element.set(name, chance.choice([word for word in wrong if not set(word.split()) <= set(words) or not word]))
    return True


MUTATIONS: dict[str, Mutation] = {
    "misspelt attribute": misspelt_attribute,
    "wrong case": wrong_case,
    "wrong nesting": wrong_nesting,
    "bad integer": bad_integer,
    "value outside its enumeration": outside_its_enumeration,
}


def mutants(document: Document, mutation: Mutation, count: int, seed: str) -> Iterator[str]:
    """Up to `count` different documents, each one mistake away from `document`."""
    chance = random.Random(f"{seed} {document.name}")
    different = set()
    for _ in range(count):
        root = ET.fromstring(document.text)
        if mutation(root, document.medium, chance):
            different.add(ET.tostring(root, encoding="unicode"))
    yield from sorted(different)


def _valued(root: ET.Element, medium: Medium) -> Iterator[tuple[ET.Element, str, str]]:
    """Each attribute of the document with the notation of its kind."""
    for parent in root.iter():
        for element in parent:
            kinds = _fields(medium, parent.tag, element.tag).get("attributes", {})
            yield from ((element, name, kinds[name]) for name in element.attrib if name in kinds)


def _renamed(element: ET.Element, old: str, new: str) -> bool:
    element.attrib = {new if name == old else name: value for name, value in element.attrib.items()}
    return True
