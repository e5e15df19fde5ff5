"""A walk through an answer book: what a request is answered, and every document that can follow.

The book is asked by the code that runs in Lambda (`lambdas.answer.book`). What a later request will bear (digits, how a dial ended) is not
known yet, so each rule that may hold is followed; what is known (who calls whom, the time) decides already.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from answerbook import emergencies
from answerbook.documents import SAMPLE, Document, own_step
from answerbook.words import CLOSE, OPEN
from lambdas.answer.book import Book, Choice, Condition
from lambdas.answer.request import Request
from lambdas.workers.gateway_event import gateway_event
from ops.conditions import when
from ops.known import Unknown, unknown

#: What the next request may say anew; of everything else it says the same.
LATER = frozenset(
    "Digits SpeechResult Confidence CallStatus DialCallStatus DialBridged DialCallDuration RecordingDuration ErrorCode ErrorUrl".split()
)
#: Conditions that ask for no parameter: the address says the first three, the clock the last.
PATHS = ("trunk", "sip", "app", "open")
#: The kinds of conditions that ask for something of ours, which a described request has not.
OURS = ("ours", "file", "cookie", "some", "same")
ADDRESSES = {name: address for name, address in SAMPLE.items() if name != ":base"}
BASE = SAMPLE[":base"].removesuffix("/voice")
HOST, STAGE = BASE.removeprefix("https://").split("/")


class Way(NamedTuple):
    """A rule by which a document may be reached: the step, its conditions in words, where the rule stands."""

    step: str
    when: str
    at: str


@dataclass
class Answered:
    """A document as it would be sent, the ways that lead on from it, and how long its Dial rings (seconds)."""

    name: str
    twiml: str
    rings: int = 0
    further: list[tuple[Way, "Answered"]] = field(default_factory=list)


class Walk:
    """The walk of one request: `fields` are Twilio's parameters, `now` seconds since the epoch, `path` the entry."""

    def __init__(self, data: Mapping[str, Any], path: str, fields: Mapping[str, str], now: float) -> None:
        self.book = Book(dict(data), SAMPLE[":media"])
        self.now = now
        self.request = request(path, fields)
        self.later = request(path, {name: value for name, value in fields.items() if name not in LATER})
        self.fields = fields
        self.seen: dict[str, Answered] = {}
        self.unknown: dict[Unknown, None] = {}  #: the rules that could not be judged, in the order in which they are asked
        self.calendars: dict[str, None] = {}  #: those that were asked whether they are open

    @cached_property
    def choice(self) -> Choice:
        """What is chosen for the request."""
        if step := self.book.step_of(self.request):
            self.judge(step)
        return self.book.choose(self.request, self.now)

    def judge(self, step: str) -> None:
        """Note what the rules ask that is not known, up to the one that is chosen."""
        for rule in self.book.steps[step]:
            self.note_unknown(rule, self.request, later=frozenset())
            if self.book.holds(rule, self.request, self.now):
                if "step" in rule:
                    self.judge(rule["step"])
                return

    def note_unknown(self, rule: Mapping[str, Any], asked: Request, later: frozenset[str]) -> None:
        """Note what one rule asks that is not known, unless something that is known speaks against it already. Nobody who describes a call
        without its number means an emergency call."""
        if rule["at"] == emergencies.AT:
            return
        asks = [condition for condition in rule["if"] if condition[0] not in later]
        lacking = [condition[0] for condition in asks if self.lacks(condition)]
        if all(self.book.meets(condition, asked, self.now) for condition in asks if condition[0] not in lacking):
            self.unknown |= dict.fromkeys(unknown(rule["at"], name, self.fields) for name in lacking)
        self.calendars |= dict.fromkeys(name for _, kind, names in asks if kind == "open" for name in names)

    def note_unsaid(self, document: Document) -> None:
        """Note what a document repeats of the caller that is not known: it stands in what is shown as a gap."""
        names = {re.split("[@:]", name)[0] for name in document.parameters} - self.fields.keys() - LATER  # without how it is written
        self.unknown |= dict.fromkeys(unknown(document.place, name, self.fields) for name in sorted(names))

    def lacks(self, condition: Condition) -> bool:
        """Whether a condition asks a parameter that the description does not say. Trunks' requests bear no error at all."""
        name, kind, _ = condition
        if kind in OURS or name in PATHS or (self.request.trunk and name in ("ErrorCode", "ErrorUrl")):
            return False
        return ("From" if name == "person" else name) not in self.fields

    @cached_property
    def first(self) -> Answered:
        """The first answer, with everything that can follow."""
        return self.answered(self.choice.document, self.request)

    def answered(self, name: str, asked: Request) -> Answered:
        """A document and what can follow it; each document is followed once."""
        if name not in self.seen:
            document = self.document(name)
            self.note_unsaid(document)
            found = self.seen[name] = Answered(name, self.book.fill(name, asked, ADDRESSES), rings(document))
            found.further = [(way, self.answered(target, self.later)) for way, target in self.ways(document)]
        return self.seen[name]

    def document(self, name: str) -> Document:
        """A document with its placeholders."""
        content = self.book.documents[name]
        text = "".join(part if index % 2 == 0 else f"{OPEN}{part}{CLOSE}" for index, part in enumerate(content["parts"]))
        return Document(name, Path(), text, [], come_back=content.get("come_back", ""))

    def ways(self, document: Document) -> Iterator[tuple[Way, str]]:
        """Where a document leads: by its own addresses, when another server fails, and when its audio cannot be had."""
        for step in steps_in(document):
            yield from self.followed(step, step)
        if document.come_back:
            why = "another server failed" if document.redirects else "the quiet period lasts"
            yield from self.followed(document.come_back, f"{document.come_back} ({why})")
        if twin := self.twin(document.place):
            yield Way("audio", "our audio cannot be had", "audio"), twin

    def twin(self, place: str) -> str:
        """The document in which the audio of this one is said."""
        answer, name, turn = place.split("/") if place.count("/") == 2 else ("", "", "")
        said = f"{answer}/{name}.said/{turn}"
        return said if said in self.book.documents else ""

    def followed(self, step: str, name: str) -> Iterator[tuple[Way, str]]:
        """The documents of a step's rules that may hold."""
        for rule in self.book.steps[step]:
            self.note_unknown(rule, self.later, LATER)
            conditions = [condition for condition in rule["if"] if condition[0] in LATER]
            if all(self.book.meets(condition, self.later, self.now) for condition in rule["if"] if condition[0] not in LATER):
                inner = self.followed(rule["step"], name) if "step" in rule else [(Way(name, "", rule["at"]), rule["document"])]
                for way, document in inner:
                    yield Way(name, both(when(conditions, self.book.lookups), way.when), rule["at"] or way.at), document
                if not conditions:
                    return

    @property
    def ringing(self) -> int:
        """The longest time that a caller hears ringing if nobody ever takes the call, in seconds."""
        known: dict[str, int] = {}

        def longest(answered: Answered) -> int:
            """From this document on."""
            if answered.name not in known:
                known[answered.name] = answered.rings + max((longest(following) for _, following in answered.further), default=0)
            return known[answered.name]

        return longest(self.first)


def both(first: str, second: str) -> str:
    """Two conditions in words, one of which may say nothing."""
    parts = [part for part in (first, second) if part not in ("", "otherwise")]
    return " and ".join(parts) or "otherwise"


def rings(document: Document) -> int:
    """How long the Dial of a document rings, in seconds; 30 is Twilio's default.

    https://www.twilio.com/docs/voice/twiml/dial#timeout
    """
    return sum(int(dial.attributes.get("timeout", "30")) for dial in document.elements("Dial"))


def steps_in(document: Document) -> list[str]:
    """The steps whose addresses stand in a document, in their order."""
    found = [value for element in document.root.descendants() for value in [*element.attributes.values(), element.text.strip()]]
    return list(dict.fromkeys(step for step in (own_step(value) for value in found) if step))


def request(path: str, fields: Mapping[str, str]) -> Request:
    """A request of Twilio's as API Gateway would hand it over."""
    return Request(gateway_event(f"https://{HOST}/{STAGE}", path, fields))
