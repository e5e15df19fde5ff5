"""XML as Twilio's parser takes it: a document becomes a tree whose elements know their lines.

Built on expat without namespaces. A DOCTYPE is refused before anything in it is read, so no entity is ever expanded and
nothing outside the document is ever fetched.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Never
from xml.parsers import expat


class MarkupError(Exception):
    """The document is no XML that Twilio would read; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(slots=True)
class Element:
    """One element: its attributes as written, its own character data, the line on which its start tag begins."""

    name: str
    attributes: dict[str, str]
    line: int
    children: list["Element"] = field(default_factory=list)
    text: str = ""

    def descendants(self) -> Iterator["Element"]:
        """Every element below this one. Not recursive: a hostile document may nest thousands deep."""
        todo = self.children[::-1]
        while todo:
            element = todo.pop()
            yield element
            todo.extend(element.children[::-1])


def parse(document: str) -> Element:
    """The root element of `document`; raises MarkupError unless it is well-formed UTF-8 XML without a DOCTYPE."""
    if document.startswith("\ufeff"):
        raise MarkupError(1, "there is a byte order mark before the document; save the file as UTF-8 without one")
    return _Reader().read(document)


class _Reader:
    """The expat handlers and the elements that are open while a document is read."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.XmlDeclHandler = self.declaration
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters
        self.open = [Element("", {}, 0)]

    def read(self, document: str) -> Element:
        try:
            self.parser.Parse(document.encode("utf-8", "surrogatepass"), True)
        except expat.ExpatError as error:
            raise MarkupError(error.lineno, self.explain(error.code)) from None
        return self.open[0].children[0]

    def declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() != "utf-8":
            self.refuse(f'the declaration says encoding="{encoding}", but documents are sent as UTF-8')

    def doctype(self, *_: object) -> None:
        self.refuse("a DOCTYPE has no place in TwiML")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        element = Element(name, attributes, self.parser.CurrentLineNumber)
        self.open[-1].children.append(element)
        self.open.append(element)

    def end(self, _name: str) -> None:
        self.open.pop()

    def characters(self, text: str) -> None:
        self.open[-1].text += text

    def refuse(self, message: str) -> Never:
        raise MarkupError(self.parser.CurrentLineNumber, message)

    def explain(self, code: int) -> str:
        """What expat found, in the words of somebody who writes templates."""
        name, line = self.open[-1].name, self.open[-1].line
        match expat.ErrorString(code):
            case "mismatched tag" | "no element found" | "unclosed token" if name:
                return f"<{name}> of line {line} is not closed"
            case "no element found":
                return "the document is empty"
            case "XML or text declaration not at start of entity":
                return "there is something before the XML declaration; it must be the very first thing in the document"
            case "not well-formed (invalid token)":
                return "not well-formed: & is written &amp; and < is written &lt;, and values need quotes"
            case other:
                return f"not well-formed: {other}"
