"""Settings and templates -> the answer book: every document that could ever be returned, and the rules that choose among them.

What the compiler refuses, always as a ConfigError of one line: an unknown flow, answer, step, document, condition or value; a list of
rules that does not end with a rule without conditions; a rule that can never answer; and whatever `proofs.py` cannot prove.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from markupsafe import escape

from answerbook import grammar, manners, proofs
from answerbook.audio import Audio
from answerbook.calendars import worked_out
from answerbook.documents import Document, Medium, Node, Pen, parts, sheet
from answerbook.entries import ENTRIES, LAST_RESORT, before_all, check_names, check_rules
from answerbook.flows import Flow, StepRule, Turn
from answerbook.reach import Rule, reachable
from answerbook.rules import alternatives
from answerbook.templates import Templates
from config.folders import TEMPLATES, Folders
from config.mistakes import ConfigError, nearest
from config.settings import Settings

TWIN = ".said"  #: what is added to a document's name for the one in which audio is said


def compile_book(settings: Settings, templates: Path = TEMPLATES, shipped: Path = TEMPLATES) -> dict[str, Any]:
    """The answer book of an environment, as `answerbook.json` holds it; what `templates` has not is `shipped`. Raises ConfigError."""
    return Compiler(settings, Folders(templates, shipped)).compile()


class Compiler:
    """Collects steps and documents, then proves what has to hold of them."""

    def __init__(self, settings: Settings, folders: Folders) -> None:
        self.settings = settings
        self.folders = folders
        self.templates = Templates(folders)
        self.audio = Audio(folders)
        self.flows = {name: self.flow(name) for name in settings.answer}
        self.draft = proofs.Draft(settings, self.media())
        self.draft.lookups = {flow.named_lookups[name]: table for flow in self.flows.values() for name, table in flow.lookups.items()}
        self.calendars = {name: worked_out(calendar) for name, calendar in settings.calendar.items()}

    def flow(self, name: str) -> Flow:
        """The flow of an answer."""
        with shown_in(name, self.settings.answer[name].at):
            return Flow(self.templates, name, self.settings)

    def compile(self) -> dict[str, Any]:
        """The answer book."""
        own = self.own_documents()
        for name, flow in self.flows.items():
            with shown_in(name, flow.answer.at):
                self.add_answer(flow)
        unverified = {medium: self.unverified(medium) for medium in ("voice", "sms")}
        proofs.accepted(self.draft)
        for entry in ENTRIES:
            self.add_entry(entry)
        self.prove(unverified)
        self.refuse_misspelt()
        return self.book(unverified, own)

    def files(self) -> dict[str, str]:
        """The file from which each document was made: of a shipped flow its name there, of the team's own its whole path."""
        return {name: self.folders.shown(document.path) for name, document in self.draft.documents.items()}

    def own_files(self) -> dict[str, str]:
        """The files of those documents alone that are not shipped."""
        own = {name for name, document in self.draft.documents.items() if not document.path.is_relative_to(self.folders.shipped)}
        return {name: file for name, file in self.files().items() if name in own}

    def prove(self, unverified: dict[str, Rule]) -> None:
        """Everything that has to hold."""
        check_names(self.settings, [rule for rules in self.draft.steps.values() for rule in rules])
        proofs.looked_up(self.draft)
        proofs.handed_on(self.draft)
        proofs.ending(self.draft)
        proofs.dialled(self.draft)
        proofs.rescued(self.draft)
        for medium, rule in unverified.items():
            proofs.harmless(self.draft, target_of(rule), medium)
        proofs.careful(self.draft)

    def refuse_misspelt(self) -> None:
        """A document that was to stand in for a shipped one and has nearly its name would never be heard."""
        led_to = {target for targets in self.draft.edges.values() for target in targets}
        for name in self.own_files():
            answer, document, _ = name.split("/")
            flow = self.flows[answer].answer.flow
            shipped = [path.stem for path in (self.folders.shipped / flow).glob("*.xml")]
            if document not in (*shipped, "start") and sheet(name) not in led_to and (near := nearest(document, shipped)):
                raise ConfigError(f"{self.templates.path(flow, document)}: no rule leads to this document{near}")

    def media(self) -> dict[str, set[Medium]]:
        """The media in which each answer may be given: those of the entries that lead to it, else what its documents look like."""
        edges = {
            name: [rule.target for turn in flow.turns for rules in turn.steps.values() for rule in rules if rule.kind == "answer"]
            for name, flow in self.flows.items()
        }
        media: dict[str, set[Medium]] = {name: set() for name in edges}
        for entry, medium in ENTRIES.items():
            strangers = [getattr(self.settings.unverified, entry)] if entry in ("voice", "sms") else []
            for name in reachable(edges, *(rule.answer for rule in getattr(self.settings, entry)), *strangers) & media.keys():
                media[name].add(medium)
        return {name: found or {self.looks(name)} for name, found in media.items()}

    def looks(self, name: str) -> Medium:
        """The medium of an answer that no rule leads to."""
        flow = self.flows[name]
        paths = [self.templates.path(flow.answer.flow, document) for document in flow.documents]
        return "messaging" if any("<Message" in path.read_text(encoding="utf-8") for path in paths) else "voice"

    def add_answer(self, flow: Flow) -> None:
        """Every turn's steps and documents of one answer."""
        for number, turn in enumerate(flow.turns, 1):
            for step, rules in turn.steps.items():
                self.add_step(flow, f"{flow.name}/{step}/{number}", rules)
            for document in flow.documents:
                self.add_document(flow, f"{flow.name}/{document}/{number}", turn)

    def add_step(self, flow: Flow, node: Node, rules: list[StepRule]) -> None:
        """One step of one turn. `again` in the last turn is no rule: it can match no more."""
        number = int(node.rpartition("/")[2])
        usable = [rule for rule in rules if rule.kind != "again" or number < len(flow.turns)]
        compiled = [{"if": rule.conditions, **self.target(flow, number, rule), "at": rule.at} for rule in usable]
        if not compiled or compiled[-1]["if"]:
            raise ConfigError(f"{rules[-1].at if rules else flow.file}: the step {node!r} needs a last rule without conditions")
        self.draft.steps[node] = needed(compiled)
        self.draft.edges[node] = [target_of(rule) for rule in self.draft.steps[node]]

    def target(self, flow: Flow, number: int, rule: StepRule) -> dict[str, str]:
        """Where a step's rule leads."""
        if rule.kind == "answer":
            return self.start_of(rule.target, rule.at)
        if rule.kind == "again":
            return self.place(flow, rule.target, number + 1, rule.at)
        return self.document_named(flow, rule.target, rule.turn or number, rule.at)

    def start_of(self, answer: str, at: str) -> dict[str, str]:
        """Where an answer begins: its step `start` if it has one, else its document `start`."""
        if answer not in self.flows:
            raise ConfigError(f"{at}: there is no answer {answer!r}{nearest(answer, self.flows)}")
        return self.place(self.flows[answer], "start", 1, at)

    def place(self, flow: Flow, what: str, number: int, at: str) -> dict[str, str]:
        """The step of that name, else the document of that name."""
        if what in flow.turns[number - 1].steps:
            return {"step": f"{flow.name}/{what}/{number}"}
        return self.document_named(flow, what, number, at)

    def document_named(self, flow: Flow, document: str, number: int, at: str) -> dict[str, str]:
        """A document of the answer's flow."""
        if document not in flow.documents:
            raise ConfigError(f"{at}: the flow {flow.answer.flow!r} has no document {document!r}{nearest(document, flow.documents)}")
        if not 1 <= number <= len(flow.turns):
            raise ConfigError(f"{at}: there is no turn {number} of {document!r}; turns is {len(flow.turns)}")
        return {"document": f"{flow.name}/{document}/{number}"}

    def add_document(self, flow: Flow, node: Node, turn: Turn) -> None:
        """One document of one turn, and its twin in words if it plays audio."""
        document = self.written(flow, node, turn, audible=True)
        if document.audio:
            twin = self.written(flow, node, turn, audible=False)
            answer, name, number = node.split("/")
            twin.place = document.twin = f"{answer}/{name}{TWIN}/{number}"
            self.keep(twin)
        self.keep(document)

    def written(self, flow: Flow, node: Node, turn: Turn, audible: bool) -> Document:
        """A document as its template writes it."""
        answer, name, number = node.split("/")
        medium: Medium = "messaging" if "messaging" in self.draft.media[answer] else "voice"
        pen = Pen(flow, node, medium, self.settings, self.audio, audible)
        document = Document(node, pen.path, pen.written(), pen.ways, pen.played, at=flow.answer.at)
        if name in turn.come_back:
            document.come_back = f"{answer}/{turn.come_back[name]['step']}/{number}"
            document.seconds = turn.come_back[name].get("for", 0)
        return document

    def keep(self, document: Document) -> None:
        """Add a document and the ways on from it."""
        self.draft.documents[document.place] = document
        back = [document.come_back] if document.come_back else []
        twin = [sheet(document.twin)] if document.twin else []
        self.draft.edges[sheet(document.place)] = document.ways + back + twin

    def add_entry(self, entry: str) -> None:
        """The rules of one entry."""
        rules = [
            {"if": conditions, **self.start_of(rule.answer, rule.at), "at": rule.at}
            for rule in getattr(self.settings, entry)
            for conditions in alternatives(rule.conditions, rule.at)
        ]
        if not rules:
            return
        check_names(self.settings, rules, entry)
        check_rules(entry, rules, self.calendars)
        self.draft.edges[entry] = [target_of(rule) for rule in rules]
        self.draft.steps[entry] = before_all(self.draft, entry) + rules

    def unverified(self, medium: str) -> Rule:
        """The answer for strangers, as a rule."""
        answer = str(getattr(self.settings.unverified, medium))
        at = f"unverified.{medium}"
        return {"if": [], "answer": answer, **self.start_of(answer, f"{self.settings.unverified.at}: {at}"), "at": at}

    def own_documents(self) -> dict[str, dict[str, Any]]:
        """The documents that no template wrote. Their words are of the settings, so they are held against the TwiML grammar too."""
        resort = {LAST_RESORT["voice"]: last_resort(self.settings), LAST_RESORT["messaging"]: "<Response/>\n"}
        documents = {name: {"parts": [text]} for name, text in resort.items()} | manners.documents(self.settings.compliance)
        for name, document in documents.items():
            for problem in grammar.check(document["parts"][0], "voice" if name == LAST_RESORT["voice"] else "messaging"):
                table = "last_resort" if name in resort else "compliance"
                raise ConfigError(f"{self.settings.environment}.toml: [{table}]: {problem.message}")
        return documents

    def book(self, unverified: dict[str, Rule], documents: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """Everything, with a digest as its id."""
        content = {
            "accounts": list(self.settings.twilio.accounts),
            "hosts": list(self.settings.api.hosts),
            "keep_query": list(self.settings.privacy.keep_query),
            "masked": self.settings.privacy.store == "masked",
            "steps": self.draft.steps,
            "documents": documents | {name: written_out(document) for name, document in self.draft.documents.items()},
            "lookups": self.draft.lookups,
            "calendars": self.calendars,
            "audio": self.audio.files,
            "unverified": unverified,
            "last_resort": {"voice": LAST_RESORT["voice"], "sms": LAST_RESORT["messaging"]},
        }
        return {"id": hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]} | content


@contextmanager
def shown_in(answer: str, at: str) -> Iterator[None]:
    """Say of a mistake that shows in a flow's files which answer it shows in: the settings may be what is wrong."""
    try:
        yield
    except ConfigError as error:
        if f"{at}:" in str(error):
            raise
        raise ConfigError(f"{error} (answer {answer!r} at {at})") from error


def last_resort(settings: Settings) -> str:
    """What a caller hears when everything else fails, as a document that needs nothing. It ends in Hangup, so that a whisper is refused."""
    resort = settings.last_resort
    return f'<Response><Say language="{resort.language}">{escape(resort.text)}</Say><Hangup/></Response>\n'


def written_out(document: Document) -> dict[str, Any]:
    """A document as the book holds it."""
    cookie = {"come_back": document.come_back, "for": document.seconds} if document.come_back else {}
    return {"parts": parts(document.text)} | cookie


def needed(rules: list[Rule]) -> list[Rule]:
    """The rules without those that templates wrote for another turn: after the same conditions, or after none."""
    kept: list[Rule] = []
    for rule in rules:
        if not any(earlier["if"] in ([], rule["if"]) for earlier in kept):
            kept.append(rule)
    return kept


def target_of(rule: Rule) -> Node:
    """The node that a rule leads to."""
    return str(rule["step"]) if "step" in rule else sheet(rule["document"])
