"""Settings and templates -> the answer book: every document that could ever be returned, and the rules that choose among them.

What the compiler refuses, always as a ConfigError of one line: an unknown flow, answer, step, document, condition or value; a list of
rules that does not end with a rule without conditions; a circle; a document that Twilio would refuse; an `unverified` answer that could
cost money or tell something.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from markupsafe import Markup, escape

from answerbook import grammar
from answerbook.flows import StepRule, Turn, unroll
from answerbook.rules import condition, implied
from answerbook.templates import CLOSE, OPEN, Templates
from config.checks import ConfigError, nearest
from config.settings import Settings
from config.tables import Rule

Medium = Literal["voice", "messaging"]
Node = str  #: a step or a document, by its name in the book

TEMPLATES = Path(__file__).parents[1] / "twiml_templates"
ENTRIES: dict[str, Medium] = {"voice": "voice", "trunk": "voice", "sms": "messaging"}
#: Connection overrides of our own addresses; they are not inherited, so each address bears them. A text could be answered twice after a
#: time-out, so messaging retries connections alone. https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
OVERRIDES: dict[Medium, str] = {"voice": "#rc=2&rp=all", "messaging": "#rc=2&rp=ct"}
CALLBACKS = ("recording",)
SAMPLE = {":base": "https://fallback.example.com/v1/voice", ":callbacks": "https://callbacks.example.com/v1"}


class Compiler:
    """Collects steps and documents, then proves what has to hold of them."""

    def __init__(self, settings: Settings, templates: Path = TEMPLATES) -> None:
        self.settings = settings
        self.templates = Templates(templates)
        self.turns = {name: unroll(self.templates, name, answer) for name, answer in settings.answer.items()}
        self.steps: dict[Node, list[dict[str, Any]]] = {}
        self.texts: dict[Node, str] = {}
        self.documents: dict[Node, dict[str, Any]] = {}
        self.edges: dict[Node, list[Node]] = {}

    def compile(self) -> dict[str, Any]:
        """The answer book as `answerbook.json` holds it."""
        for name in self.settings.answer:
            self.add_answer(name)
        for entry in ENTRIES:
            self.add_entry(entry)
        unverified = {medium: self.unverified(medium) for medium in ("voice", "sms")}
        self.refuse_circles()
        self.check_documents()
        return self.book(unverified)

    def add_answer(self, name: str) -> None:
        """Every turn's steps and documents of one answer."""
        for number, turn in enumerate(self.turns[name], 1):
            for step, rules in turn.steps.items():
                self.add_step(name, step, number, rules)
            for document in self.templates.documents(self.settings.answer[name].flow):
                self.add_document(name, document, number, turn)

    def add_step(self, name: str, step: str, number: int, rules: list[StepRule]) -> None:
        """One step of one turn."""
        compiled = [rule for rule in (self.step_rule(name, number, rule) for rule in rules) if rule]
        if not compiled or compiled[-1]["if"]:
            raise ConfigError(f"{rules[0].at if rules else name}: the step {step!r} needs a last rule without conditions")
        node = f"{name}/{step}/{number}"
        self.steps[node] = compiled
        self.edges[node] = [target_of(rule) for rule in compiled]

    def step_rule(self, name: str, number: int, rule: StepRule) -> dict[str, Any] | None:
        """One rule as the book holds it; None for `again` in the last turn: it can match no more."""
        if rule.kind == "again" and number == len(self.turns[name]):
            return None
        return {"if": rule.conditions, **self.target(name, number, rule), "at": rule.at}

    def target(self, name: str, number: int, rule: StepRule) -> dict[str, str]:
        """Where a step's rule leads."""
        if rule.kind == "answer":
            return self.start_of(rule.target, rule.at)
        if rule.kind == "again":
            return self.place(name, rule.target, number + 1, rule.at)
        return self.document_named(name, rule.target, rule.turn or number, rule.at)

    def start_of(self, answer: str, at: str) -> dict[str, str]:
        """Where an answer begins: its step `start` if it has one, else its document `start`."""
        if answer not in self.settings.answer:
            raise ConfigError(f"{at}: there is no answer {answer!r}{nearest(answer, list(self.settings.answer))}")
        return self.place(answer, "start", 1, at)

    def place(self, name: str, what: str, number: int, at: str) -> dict[str, str]:
        """The step of that name, else the document of that name."""
        if what in self.turns[name][number - 1].steps:
            return {"step": f"{name}/{what}/{number}"}
        return self.document_named(name, what, number, at)

    def document_named(self, name: str, document: str, number: int, at: str) -> dict[str, str]:
        """A document of the answer's flow."""
        flow = self.settings.answer[name].flow
        there = self.templates.documents(flow)
        if document not in there:
            raise ConfigError(f"{at}: the flow {flow!r} has no document {document!r}{nearest(document, there)}")
        return {"document": f"{name}/{document}/{number}"}

    def add_document(self, name: str, document: str, number: int, turn: Turn) -> None:
        """One document of one turn, its placeholders and the ways on from it."""
        answer = self.settings.answer[name]
        node = f"{name}/{document}/{number}"
        ways: list[Node] = []
        path = self.templates.directory / answer.flow / f"{document}.xml"

        def step(wanted: str) -> Markup:
            if wanted not in turn.steps:
                raise ConfigError(f"{path}: step('{wanted}'): the flow has no such step{nearest(wanted, set(turn.steps))}")
            ways.append(f"{name}/{wanted}/{number}")
            return address(":base", f"/{name}/{wanted}/{number}", self.medium_of(name))

        def callback(wanted: str) -> Markup:
            if wanted not in CALLBACKS:
                raise ConfigError(f"{path}: callback('{wanted}'): there is no such callback{nearest(wanted, CALLBACKS)}")
            return address(":callbacks", f"/{wanted}", "voice")

        self.texts[node] = self.templates.document(answer.flow, document, answer.values, number, step, callback)
        self.documents[node] = {"parts": parts(self.texts[node])} | self.cookie(name, document, number, turn, ways)
        self.edges[node] = ways

    def cookie(self, name: str, document: str, number: int, turn: Turn, ways: list[Node]) -> dict[str, Any]:
        """The step by which a re-entry continues after this document."""
        target = turn.come_back.get(document)
        if not target:
            return {}
        ways.append(f"{name}/{target['step']}/{number}")
        return {"come_back": ways[-1], "for": int(target.get("for", 0))}

    def medium_of(self, name: str) -> Medium:
        """The medium of an answer, by the entries whose rules name it."""
        texts = {rule.answer for rule in self.settings.sms} | {self.settings.unverified.sms}
        return "messaging" if name in texts else "voice"

    def add_entry(self, entry: str) -> None:
        """The rules of one entry."""
        rules: tuple[Rule, ...] = getattr(self.settings, entry)
        compiled = [
            {"if": [condition(name, values, rule.at) for name, values in rule.conditions.items()]}
            | self.start_of(rule.answer, rule.at)
            | {"at": rule.at}
            for rule in rules
        ]
        if not compiled:
            return
        if compiled[-1]["if"]:
            raise ConfigError(
                f"{compiled[-1]['at']}: the last [[{entry}]] rule must have no condition, so that nobody is left without answer"
            )
        refuse_unreachable(compiled)
        self.steps[entry] = compiled
        self.edges[entry] = [target_of(rule) for rule in compiled]

    def unverified(self, medium: str) -> dict[str, Any]:
        """The answer for strangers, as a rule; it may neither dial nor redirect nor repeat what the request said."""
        answer = str(getattr(self.settings.unverified, medium))
        rule = self.start_of(answer, f"{self.settings.environment}.toml: unverified.{medium}")
        for node in self.reachable(target_of(rule)):
            text = self.texts.get(node, "")
            if "<Dial" in text or "<Redirect" in text or any(part not in SAMPLE for part in parts(text)[1::2]):
                raise ConfigError(
                    f"unverified.{medium}: {node} dials, redirects or repeats the caller's data; choose an answer that does not"
                )
        return {"if": [], "answer": answer, **rule, "at": f"unverified.{medium}"}

    def reachable(self, node: Node) -> set[Node]:
        """Every step and document that can follow."""
        seen: set[Node] = set()
        waiting = [node]
        while waiting:
            current = waiting.pop()
            if current not in seen:
                seen.add(current)
                waiting += self.edges.get(current, [])
        return seen

    def refuse_circles(self) -> None:
        """Every call must end: a chain that returns to where it was is refused, and printed."""
        done: set[Node] = set()

        def visit(node: Node, path: list[Node]) -> None:
            if node in path:
                raise ConfigError(f"{self.settings.environment}.toml: this never ends: {' -> '.join([*path[path.index(node) :], node])}")
            if node in done:
                return
            for way in self.edges.get(node, []):
                visit(way, [*path, node])
            done.add(node)

        for node in self.edges:
            visit(node, [])

    def check_documents(self) -> None:
        """Each document against the TwiML grammar, in every medium that reaches it."""
        media = {node: medium for entry, medium in ENTRIES.items() for node in self.reachable(entry)}
        for node, text in self.texts.items():
            name, document, _ = node.split("/")
            path = self.templates.directory / self.settings.answer[name].flow / f"{document}.xml"
            for problem in grammar.check(sampled(text), media.get(node, self.medium_of(name))):
                raise ConfigError(f"{path}:{problem.line}: {problem.message} (answer {name!r})")

    def book(self, unverified: dict[str, Any]) -> dict[str, Any]:
        """Everything, with a digest as its id."""
        resort = {"voice": last_resort(self.settings), "sms": "<Response/>\n"}
        for medium, text in resort.items():
            self.documents[f"last_resort/{medium}"] = {"parts": [text]}
        content = {
            "accounts": list(self.settings.twilio.accounts),
            "hosts": list(self.settings.api.hosts),
            "keep_query": list(self.settings.privacy.keep_query),
            "steps": self.steps,
            "documents": self.documents,
            "calendars": {},
            "unverified": unverified,
            "last_resort": {medium: f"last_resort/{medium}" for medium in resort},
        }
        return {"id": hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]} | content


def compile_book(settings: Settings, templates: Path = TEMPLATES) -> dict[str, Any]:
    """The answer book of an environment. Raises ConfigError."""
    return Compiler(settings, templates).compile()


def last_resort(settings: Settings) -> str:
    """What a caller hears when everything else fails, as a document that needs nothing. It ends in Hangup, so that a whisper is refused."""
    resort = settings.last_resort
    return f'<Response><Say language="{resort.language}">{escape(resort.text)}</Say><Hangup/></Response>\n'


def target_of(rule: dict[str, Any]) -> Node:
    """The node that a rule leads to."""
    return str(rule.get("step") or rule.get("document"))


def address(base: str, path: str, medium: Medium) -> Markup:
    """An address of ours with its connection overrides, escaped for XML."""
    return Markup("{}{}{}").format(f"{OPEN}{base}{CLOSE}", path, OVERRIDES[medium])


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


def refuse_unreachable(rules: list[dict[str, Any]]) -> None:
    """A rule that an earlier one answers already is a mistake, not a rule."""
    for index, later in enumerate(rules):
        for earlier in rules[:index]:
            if implied(later["if"], earlier["if"]):
                raise ConfigError(
                    f"{later['at']}: this rule can never answer: the one at {earlier['at']} comes first and takes all that it would"
                )
