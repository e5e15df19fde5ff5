"""Checks a document against what Twilio accepts as TwiML, before any caller depends on it.

`check` reports what Twilio would refuse or ignore (errors 11750, 12100, 12102, warning 12200, and the 13xxx and 14xxx
of single verbs); the facts are in `twiml.toml`. Texts and attribute values may hold placeholders of the caller's own
parameters, U+E000 name U+E001: what these will become is not known, so such a value is not judged, but names are.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from answerbook import markup, twiml, voices
from answerbook.conflicts import conflicts
from answerbook.markup import Element, MarkupError
from answerbook.nearest import did_you_mean, nearest
from answerbook.twiml import Entry, Medium

PLACEHOLDER = re.compile("\ue000([^\ue000\ue001]*)\ue001")

_BELONGS: dict[Medium, Medium] = {"voice": "messaging", "messaging": "voice"}
_SHOWN = 60  # characters of a wrong value that a message repeats


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong, on a line counted from 1; the message offers the nearest right name if there is one."""

    line: int
    message: str
    value: str = field(default="", compare=False)  #: the attribute's value or the text that is wrong, by which its source is found


def check(document: str, medium: Medium, *, whisper: bool = False) -> list[Problem]:
    """Everything in `document` that Twilio would refuse in a reply of `medium`, by line; empty if there is nothing.

    `whisper`: the document of a <Number url>, which may hold less. Never raises, whatever `document` is.
    """
    problems = list(_size(document))
    try:
        root = markup.parse(document)
    except MarkupError as error:
        return [*problems, Problem(error.line, error.message)]
    if root.name != "Response":
        return [*problems, Problem(root.line, f"the root element is <{root.name}>; Twilio wants <Response>")]
    return sorted({*problems, *_Checker(medium, whisper).problems(root)})


def _size(document: str) -> Iterator[Problem]:
    size = len(PLACEHOLDER.sub("", document).encode("utf-8", "surrogatepass"))
    if size > twiml.table().bytes:
        yield Problem(1, f"the document has {size} bytes; Twilio takes at most {twiml.table().bytes} (64 kB)")


class _Checker:
    """Walks a document of one medium."""

    def __init__(self, medium: Medium, whisper: bool) -> None:
        self.medium = medium
        self.whisper = whisper
        self.table = twiml.table()

    def problems(self, root: Element) -> Iterator[Problem]:
        todo = [(root, self.table.media[self.medium]["Response"])]
        while todo:
            element, entry = todo.pop()
            yield from self.within(element, entry)
            yield from (problem for child in element.children if (problem := self.place(child, element, entry)))
            found = ((child, self.table.entry(self.medium, child.name, element.name)) for child in element.children)
            todo.extend((child, entry) for child, entry in found if entry)

    def within(self, element: Element, entry: Entry) -> Iterator[Problem]:
        """What is wrong with one element as such."""
        complaints = (*_attributes(element, entry), *_text(element, entry), *_voice(element), *conflicts(element))
        yield from (Problem(element.line, message, value) for message, value in complaints)
        yield from (Problem(element.line, message) for message in _contents(element, entry))

    def place(self, child: Element, parent: Element, entry: Entry) -> Problem | None:
        """What is wrong with where `child` stands."""
        holds = self.table.whisper if self.whisper and parent.name == "Response" else entry.holds
        if child.name in holds:
            return None
        return Problem(child.line, self.misplaced(child.name, parent.name, holds))

    def misplaced(self, name: str, parent: str, holds: tuple[str, ...]) -> str:
        """Why <`name`> may not stand in <`parent`>, from the most to the least helpful reason."""
        if self.table.entry(self.medium, name, parent) is None:
            return self.unknown(name, parent, holds)
        if self.whisper and parent == "Response":
            return f"<{name}> does nothing in a whisper document, which may hold {_elements(holds)} only"
        if not holds:
            return f"<{parent}> holds no elements, so <{name}> may not stand in it"
        return f"<{name}> may not stand in <{parent}>, which holds {_elements(holds)}"

    def unknown(self, name: str, parent: str, holds: tuple[str, ...]) -> str:
        elsewhere = self.table.media[_BELONGS[self.medium]]
        if name in elsewhere:
            near = did_you_mean(name, holds, "<{}>")
            return f"<{name}> belongs to {_BELONGS[self.medium]} documents, and this is a {self.medium} document{near}"
        what = "verb" if parent == "Response" else "noun"
        known = holds if nearest(name, holds) else [name.rpartition("/")[2] for name in self.table.media[self.medium]]
        return f"<{name}> is not a TwiML {what}{did_you_mean(name, known, '<{}>')}"


type _Complaint = tuple[str, str]
"""What is wrong, and the value that is."""


def _attributes(element: Element, entry: Entry) -> Iterator[_Complaint]:
    for name, value in element.attributes.items():
        if name not in entry.attributes:
            yield f"<{element.name}> has no attribute {name}{did_you_mean(name, entry.attributes)}", ""
        elif not PLACEHOLDER.search(value) and (complaint := entry.attributes[name].complaint(value)):
            yield f'<{element.name} {name}="{_short(value)}"> {complaint}', value
    for name in entry.requires:
        if name not in element.attributes:
            yield f"<{element.name}> lacks its attribute {name}", ""


def _voice(element: Element) -> Iterator[_Complaint]:
    """A language that its voice cannot speak, of which Twilio may say nothing at all: https://www.twilio.com/docs/voice/twiml/say#voice"""
    voice, language = element.attributes.get("voice", ""), element.attributes.get("language", "")
    if element.name == "Say" and language and (wrong := voices.mismatch(voice, language)):
        yield f'<Say voice="{voice}"> {wrong}', voice


def _text(element: Element, entry: Entry) -> Iterator[_Complaint]:
    text = element.text.strip()
    if text and entry.text is None:
        yield f'<{element.name}> holds no text, but here it holds "{_short(text)}"', text
    elif text and entry.text and not PLACEHOLDER.search(text) and (complaint := entry.text.complaint(text)):
        yield f"<{element.name}>{_short(text)}</{element.name}> {complaint}", text
    if too_long := _too_long(element, entry):
        yield too_long, text


def _too_long(element: Element, entry: Entry) -> str | None:
    longest = entry.longest_for(element.attributes.get("voice", ""))
    if longest is None:
        return None
    said = PLACEHOLDER.sub("", _said(element, entry))
    length = len(said.encode("utf-8", "surrogatepass")) if entry.counted_in == "bytes" else len(said)
    if length <= longest:
        return None
    return f"<{element.name}> says {length} {entry.counted_in}; Twilio takes at most {longest}"


def _said(element: Element, entry: Entry) -> str:
    nested = (below.text for below in element.descendants() if below.name not in entry.uncounted)
    return "".join((element.text, *nested)).strip()


def _contents(element: Element, entry: Entry) -> Iterator[str]:
    if entry.needs and not any(_has(element, need) for need in entry.needs):
        yield f"<{element.name}> is empty; it needs {' or '.join(_named(need) for need in entry.needs)}"
    for name, most in entry.at_most.items():
        count = sum(child.name == name for child in element.children)
        if count > most:
            yield f"<{element.name}> holds {count} <{name}>; Twilio takes at most {most}"
    yield from _together(element, entry)


def _together(element: Element, entry: Entry) -> Iterator[str]:
    """What may stand in an element, but not side by side."""
    if entry.text_or_elements and element.children and (text := element.text.strip()):
        yield f'<{element.name}> holds elements or text, but here it holds <{element.children[0].name}> and "{_short(text)}"'
    if entry.most and len(element.children) > entry.most:
        yield f"<{element.name}> holds {len(element.children)} elements; Twilio takes at most {entry.most}"
    lonely = next((child.name for child in element.children if child.name in entry.alone), "")
    if lonely and len(element.children) > 1:
        yield f"<{lonely}> stands in <{element.name}> alone, and here it holds {len(element.children)} elements"


def _has(element: Element, need: str) -> bool:
    if need.startswith("@"):
        return need[1:] in element.attributes
    return bool(element.text.strip() if need == "text" else element.children)


def _named(need: str) -> str:
    return {"text": "text", "element": "an element in it"}.get(need, f"its attribute {need[1:]}")


def _elements(names: Iterable[str]) -> str:
    *others, last = (f"<{name}>" for name in names)
    return f"{', '.join(others)} and {last}" if others else last


def _short(value: str) -> str:
    value = PLACEHOLDER.sub(r"{\1}", " ".join(value.split()))
    return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"
