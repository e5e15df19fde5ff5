"""Documents: what a template becomes for one turn of one answer, and the functions by which it writes addresses and words."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from markupsafe import Markup, escape

from answerbook import markup
from answerbook.audio import Audio
from answerbook.flows import Flow
from answerbook.markup import Element, MarkupError
from answerbook.templates import Call, Parameter
from answerbook.voices import language_for
from answerbook.words import CLOSE, OPEN, UnknownCaller, Words, as_spoken, bounded, longest_filling
from config.mistakes import nearest
from config.settings import Settings
from lambdas.answer.book import host_of

Medium = Literal["voice", "messaging"]
Node = str  #: a step or a document, by its name in the book: answer/name/turn

#: Connection overrides of our own addresses; they are not inherited, so each address bears them. A text could be answered twice after a
#: time-out, so messaging retries connections alone. https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
OVERRIDES: dict[Medium, str] = {"voice": "#rc=2&rp=all", "messaging": "#rc=2&rp=ct"}
#: Of other people's servers: the caller has waited before, and there is a next one to ask.
ELSEWHERE = "#ct=2000&rt=5000&tt=7000&rc=0"
CALLBACKS = ("recording",)
SAMPLE = {
    ":base": "https://fallback.example.com/v1/voice",
    ":callbacks": "https://callbacks.example.com/v1",
    ":media": "https://media.example.com/v1",
}
#: The nouns of Dial whose `url` is what the person called hears first: https://www.twilio.com/docs/voice/twiml/number#attributes-url
CALLED = ("Number", "Sip", "Client")


@dataclass(eq=False)
class Document:
    """One document as it could be returned. `ways`: the steps that it names; `audio`: the names of the files that it plays."""

    place: Node
    path: Path
    text: str
    ways: list[Node]
    audio: list[str] = field(default_factory=list)
    come_back: Node = ""
    seconds: int = 0
    twin: Node = ""

    @property
    def answer(self) -> str:
        """The answer that it belongs to."""
        return self.place.partition("/")[0]

    @property
    def readable(self) -> bool:
        """Whether it is XML at all."""
        try:
            return bool(self.root)
        except MarkupError:
            return False

    def where(self, value: str) -> str:
        """The file, and the line on which an element has this text or attribute."""
        lines = (element.line for element in self.root.descendants() if value in (element.text.strip(), *element.attributes.values()))
        return f"{self.path}:{next(lines, 1)}"

    @cached_property
    def root(self) -> Element:
        """The document as a tree, with samples for addresses of ours. Raises MarkupError for what is no XML."""
        return markup.parse(sampled(self.text))

    def elements(self, *names: str) -> list[Element]:
        """The elements of these names."""
        return [element for element in self.root.descendants() if element.name in names]

    @cached_property
    def whispers(self) -> list[Node]:
        """The steps that a person called hears before being connected."""
        urls = [element.attributes.get("url", "") for element in self.elements(*CALLED)]
        return [step for step in (own_step(url) for url in urls) if step]

    @cached_property
    def redirects(self) -> list[str]:
        """The addresses elsewhere that take the call over."""
        targets = [element.text.strip() for element in self.elements("Redirect")]
        return [target for target in targets if not own_step(target)]

    @cached_property
    def placeholders(self) -> list[str]:
        """What is filled in when the call comes, without how it is said."""
        return [part if part in SAMPLE else part.partition(":")[0] for part in parts(self.text)[1::2]]

    @cached_property
    def lookups(self) -> list[tuple[str, str]]:
        """What it looks up: a parameter, and the name of a look-up in the book."""
        return [(name, lookup) for name, sign, lookup in (part.partition("@") for part in self.placeholders) if sign]

    @property
    def longest(self) -> int:
        """Its bytes when every value in it is as long as it can be; without look-ups."""
        cut = parts(self.text)
        return sum(len(part.encode()) for part in cut[::2]) + sum(map(longest_filling, cut[1::2]))

    def forms(self, lookups: Mapping[str, Mapping[str, str]]) -> Iterator["Document"]:
        """The document as it is; one that looks things up, for each value of the parameter as it then is."""
        if not self.lookups:
            yield self
            return
        tables = [lookups[lookup] for _, lookup in self.lookups]
        for value in tables[0]:
            if all(value in table for table in tables):
                yield replace(self, text=self.looked_up([table[value] for table in tables]))

    def looked_up(self, found: Sequence[str]) -> str:
        """The text with what was found in the places of the look-ups."""
        text = self.text
        for (name, lookup), value in zip(self.lookups, found, strict=True):
            written = f"{OPEN}{name}@{re.escape(lookup)}(:[^{CLOSE}]*)?{CLOSE}"
            text = re.sub(written, str(escape(value)).replace("\\", r"\\"), text)
        return text

    @cached_property
    def parameters(self) -> list[str]:
        """The caller's parameters that it repeats."""
        return [part for part in self.placeholders if part not in SAMPLE]


class Pen:
    """What a template may call while it writes one document."""

    def __init__(self, flow: Flow, place: Node, medium: Medium, settings: Settings, audio: Audio, audible: bool) -> None:
        self.flow = flow
        self.place = place
        self.medium = medium
        self.settings = settings
        self.audio_files = audio
        self.audible = audible
        self.ways: list[Node] = []
        self.played: list[str] = []
        _, self.document, turn = place.split("/")
        self.number = int(turn)
        self.path = flow.templates.path(flow.answer.flow, self.document)

    def written(self) -> str:
        """The document's text. Raises ConfigError."""
        values = self.flow.answer.values
        named, voice, default = str(values.get("language", "")), str(values.get("voice", "")), self.settings.last_resort.language
        language = named or language_for(voice, default) or default
        words = Words(self.flow.refuse_value, language, voice, bool(named), self.play)
        unknown = UnknownCaller(language, str(values.get("unknown_caller", "")))
        functions: dict[str, Any] = {
            "call": Call(),
            "turn": self.number,
            "step": self.step,
            "callback": self.callback,
            "lookup": self.lookup,
            "identity": self.identity,
            "say": words.say,
            "words": words.words,
            "english": words.english,
            "audio": self.audio,
            "audible": self.audible,
            "elsewhere": self.elsewhere,
        }
        text = self.flow.templates.document(self.flow.answer.flow, self.document, self.flow.given | values | functions)
        return bounded(as_spoken(text, unknown))

    def step(self, wanted: str) -> Markup:
        """The address of a step of this flow, in the same turn."""
        steps = self.flow.turns[self.number - 1].steps
        if wanted not in steps:
            there = (
                f"the flow has no such step{nearest(wanted, steps)}; write it in {self.flow.file}"
                if steps
                else f"the flow has no steps; write them in {self.flow.file}"
            )
            raise ValueError(f"step('{wanted}'): {there}")
        self.ways.append(f"{self.flow.name}/{wanted}/{self.number}")
        return address(":base", f"/{self.ways[-1]}", OVERRIDES[self.medium])

    def lookup(self, wanted: str, parameter: Any) -> Parameter:
        """What a look-up of this flow has for a parameter of the caller's."""
        if wanted not in self.flow.lookups:
            raise ValueError(f"lookup('{wanted}'): the flow has no such look-up{nearest(wanted, self.flow.lookups)}")
        if not isinstance(parameter, Parameter) or "@" in parameter.name:
            raise ValueError(f"lookup('{wanted}', ...): name a parameter of the caller's, as in lookup('{wanted}', call.To)")
        return Parameter(f"{parameter.name}@{self.flow.named_lookups[wanted]}")

    def identity(self, parameter: Any) -> Parameter:
        """The name in a `client:` address of the caller's parameter, as `<Client>` takes it."""
        if not isinstance(parameter, Parameter):
            raise ValueError("identity(...): name a parameter of the caller's, as in identity(call.To)")
        return Parameter(f"{parameter.name}:identity")

    def callback(self, wanted: str) -> Markup:
        """The address of a callback of ours."""
        if wanted not in CALLBACKS:
            raise ValueError(f"callback('{wanted}'): there is no such callback{nearest(wanted, CALLBACKS)}")
        return address(":callbacks", f"/{wanted}", OVERRIDES["voice"])

    @property
    def play(self) -> Any:
        """How a message with audio is played; None where words stand in for it."""
        return self.audio if self.audible else None

    def audio(self, file: str) -> Markup:
        """The address of an audio file beside the template."""
        if not self.audible:
            raise ValueError(
                f"audio('{file}'): nothing would be said if the audio could not be had; write "
                "say({'audio': ..., 'text': ...}), or {% if audible %}<Play>...</Play>{% else %}<Say>...</Say>{% endif %}"
            )
        try:
            self.played.append(self.audio_files.play(self.flow.answer.flow, file, self.place))
        except FileNotFoundError as error:
            raise self.flow.mistake(str(error), file) from error
        return address(":media", f"/{self.played[-1]}", "")

    def elsewhere(self, url: str) -> Markup:
        """An address of other people's that takes the call over; one that does not answer soon is given up."""
        if not host_of(str(url)) or "#" in str(url):
            raise self.flow.mistake(
                f"{url!r} is not an address that could take over; write it whole, as in https://standby.example.com/voice", url
            )
        if host_of(str(url)) in self.settings.api.hosts:
            raise self.flow.mistake(f"{url} is an address of this stack itself, which would be a loop; name another server", url)
        return Markup("{}{}").format(url, ELSEWHERE)


def sheet(place: Node) -> Node:
    """A document as a node among steps, one of which may have its name."""
    return f"#{place}"


def address(base: str, path: str, overrides: str) -> Markup:
    """An address of ours with its connection overrides, escaped for XML."""
    return Markup("{}{}{}").format(f"{OPEN}{base}{CLOSE}", path, overrides)


def own_step(url: str) -> Node:
    """The step that an address of ours (a sample) leads to; nothing for anybody else's."""
    base = SAMPLE[":base"] + "/"
    return url.partition("#")[0].removeprefix(base) if url.startswith(base) else ""


def parts(text: str) -> list[str]:
    """A text cut at its placeholders: literal, name, literal, name, ..., literal."""
    cut: list[str] = []
    for index, piece in enumerate(text.split(OPEN)):
        cut += piece.split(CLOSE, 1) if index else [piece]
    return cut


def sampled(text: str) -> str:
    """A text whose own addresses are filled in with samples, so that they can be checked as URLs."""
    for name, sample in SAMPLE.items():
        text = text.replace(f"{OPEN}{name}{CLOSE}", sample)
    return text
