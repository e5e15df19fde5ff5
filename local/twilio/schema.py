"""Which TwiML Twilio accepts without the warning 12200, read off the installed SDK's own builder classes.

The SDK is generated from Twilio's TwiML definition: a method `gather(...)` of `VoiceResponse` that nests a `Gather`
says that the element may stand there and names its attributes. What the SDK does not know (whole numbers, enumerations)
is in the table below, from the verbs' pages under https://www.twilio.com/docs/voice/twiml.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from xml.etree.ElementTree import Element

from twilio.twiml import TwiML, lower_camel, messaging_response, voice_response

from local.twilio.signing import Medium

_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

_BOOLEAN = re.compile("true|false")
_WHOLE = re.compile("[0-9]+")
_METHOD = re.compile("GET|POST")
_URL = re.compile(r"[^\s<>]*")
_RECORDING_EVENTS = re.compile("(in-progress|completed|absent)( (in-progress|completed|absent))*")

_VALUES: dict[tuple[str, str], re.Pattern[str]] = {
    ("Dial", "answerOnBridge"): _BOOLEAN,
    ("Dial", "hangupOnStar"): _BOOLEAN,
    ("Dial", "sequential"): _BOOLEAN,
    ("Dial", "timeLimit"): _WHOLE,
    ("Dial", "timeout"): _WHOLE,
    ("Gather", "actionOnEmptyResult"): _BOOLEAN,
    ("Gather", "bargeIn"): _BOOLEAN,
    ("Gather", "finishOnKey"): re.compile("[0-9*#]*"),
    ("Gather", "input"): re.compile("dtmf|speech|dtmf speech|speech dtmf"),
    ("Gather", "numDigits"): re.compile("[1-9][0-9]*"),
    ("Gather", "timeout"): re.compile("[0-9]+|auto"),
    ("Pause", "length"): _WHOLE,
    ("Play", "digits"): re.compile("[0-9wW*#,]+"),
    ("Play", "loop"): _WHOLE,
    ("Record", "finishOnKey"): re.compile("[0-9*#]*"),
    ("Record", "maxLength"): re.compile("[1-9][0-9]*"),
    ("Record", "playBeep"): _BOOLEAN,
    ("Record", "recordingStatusCallbackEvent"): _RECORDING_EVENTS,
    ("Record", "timeout"): _WHOLE,
    ("Record", "transcribe"): _BOOLEAN,
    ("Record", "trim"): re.compile("trim-silence|do-not-trim"),
    ("Reject", "reason"): re.compile("busy|rejected"),
    ("Say", "loop"): _WHOLE,
}
_EVERYWHERE = {"method": _METHOD, "action": _URL, "url": _URL, "recordingStatusCallback": _URL, "statusCallback": _URL}


@dataclass
class _Shape:
    attributes: set[str] = field(default_factory=set)
    children: dict[str, str] = field(default_factory=dict)
    """Element name to the class that describes it: the <Body> of a message and the <Say> of a call are distinct."""


def warnings(root: Element, medium: Medium) -> list[str]:
    """What Twilio's schema check would complain about in a document, one sentence each."""
    module = voice_response if medium == "voice" else messaging_response
    shapes = _shapes(module)
    return list(_complaints(root, "VoiceResponse" if medium == "voice" else "MessagingResponse", shapes))


def is_known(tag: str, medium: Medium) -> bool:
    """Whether a verb may stand directly below <Response>."""
    if medium == "voice":
        return tag in _shapes(voice_response)["VoiceResponse"].children
    return tag in _shapes(messaging_response)["MessagingResponse"].children


def _complaints(element: Element, kind: str, shapes: dict[str, _Shape]) -> Iterator[str]:
    shape = shapes[kind]
    for name, value in element.attrib.items():
        yield from _attribute(element.tag, name.replace(_XML_LANG, "xml:lang"), value, shape)
    for child in element:
        if child.tag in shape.children:
            yield from _complaints(child, shape.children[child.tag], shapes)
        else:
            yield f"<{child.tag}> is not allowed in <{element.tag}>"


def _attribute(tag: str, name: str, value: str, shape: _Shape) -> Iterator[str]:
    if name not in shape.attributes:
        yield f"<{tag}> has no attribute {name}"
    pattern = _VALUES.get((tag, name)) or _EVERYWHERE.get(name)
    if pattern and not pattern.fullmatch(value):
        yield f"<{tag} {name}> cannot be {value!r}"


@cache
def _shapes(module: ModuleType) -> dict[str, _Shape]:
    """Class name to shape. The builder classes are read, not called: their source names every attribute."""
    tree = ast.parse(inspect.getsource(module))
    classes = {each.name: each for each in tree.body if isinstance(each, ast.ClassDef)}
    shapes = {name: _Shape() for name in classes}
    for parent, definition in classes.items():
        for nested in _nested(definition):
            child = nested.func.id if isinstance(nested.func, ast.Name) else ""
            if child not in classes:
                continue
            shapes[parent].children[_element(classes[child])] = child
            named = {each.arg for each in nested.keywords if each.arg} - _texts(classes[child])
            shapes[child].attributes |= {_xml(each) for each in named}
    return shapes


def _nested(definition: ast.ClassDef) -> Iterator[ast.Call]:
    """The `Child(...)` of every `self.nest(Child(...))`."""
    for node in ast.walk(definition):
        match node:
            case ast.Call(func=ast.Attribute(attr="nest"), args=[ast.Call() as child, *_]):
                yield child


def _texts(definition: ast.ClassDef) -> set[str]:
    """The arguments that a builder takes as the element's text: all that its constructor names."""
    for node in definition.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return {each.arg for each in node.args.args}
    return set()


def _element(definition: ast.ClassDef) -> str:
    """The element that a class writes: `self.name = "Say"`."""
    for node in ast.walk(definition):
        match node:
            case ast.Assign(targets=[ast.Attribute(attr="name")], value=ast.Constant(value=str(name))):
                return name
    return definition.name


def _xml(keyword: str) -> str:
    return str(lower_camel(TwiML.MAP.get(keyword, keyword)))
