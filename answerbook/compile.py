"""Settings and templates -> the answer book: every document that could ever be returned, and the rules that choose among them.

What the compiler refuses, all of it in one ConfigError with a line for each: an unknown flow, answer, step, document, condition or value; a
list of rules that does not end with a rule without conditions; a rule that can never answer; and whatever `proofs.py` cannot prove.
"""

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from markupsafe import escape

from answerbook import emergencies, grammar, manners, proofs, twiml
from answerbook.audio import Audio
from answerbook.calendars import worked_out
from answerbook.dialling import emergency_numbers, plans
from answerbook.documents import Document, Medium, Node, Pen, parts, sheet
from answerbook.entries import ENTRIES, LAST_RESORT, before_all, check_rules, wrong_names_in_steps
from answerbook.flows import Flow, StepRule, Turn, rendered_for
from answerbook.reach import Rule, reachable
from answerbook.rules import SIP_HEADER, alternatives
from answerbook.templates import Templates, Unset
from answerbook.voices import PLAINEST
from config.folders import KINDS, TEMPLATES, Folders
from config.mistakes import ConfigError, Mistakes, nearest
from config.settings import Settings
from lambdas.answer.journal import PARAMETERS

OPPOSITES: dict[Medium, Medium] = {"voice": "messaging", "messaging": "voice"}
FOR: dict[Medium, str] = {"voice": "calls", "messaging": "texts"}
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
        self.mistakes = Mistakes()
        self.shown: set[str] = set()
        self.flows: dict[str, Flow] = {}
        for name in settings.answer:
            with self.rendering(name):
                self.flows[name] = Flow(self.templates, name, settings, self.mistakes)
        self.draft = proofs.Draft(settings, self.flows, self.media())
        self.draft.lookups = {flow.named_lookups[name]: table for flow in self.flows.values() for name, table in flow.lookups.items()}
        self.calendars = {name: worked_out(calendar) for name, calendar in settings.calendar.items()}

    @contextmanager
    def rendering(self, answer: str) -> Iterator[None]:
        """Note what is wrong with a template, once, and for which answer it was rendered: the settings may be what is wrong."""
        try:
            yield
        except Unset as error:
            self.mistakes.add(f"{self.settings.place('answer', answer)}: answer.{answer}.{error}")
        except ConfigError as error:
            new = [mistake for mistake in error.mistakes if mistake not in self.shown]
            self.shown |= set(new)
            here = f"{self.settings.file.path}:"
            self.mistakes.add(*(told if told.startswith(here) else told + rendered_for(self.settings, answer) for told in new))

    def compile(self) -> dict[str, Any]:
        """The answer book."""
        own = self.own_documents()
        for flow in self.flows.values():
            self.add_answer(flow)
        unverified = self.unverified()
        self.mistakes.add(*self.in_wrong_media())
        self.mistakes.add(*proofs.refused(self.draft))
        for entry in ENTRIES:
            self.add_entry(entry)
        self.prove(unverified)
        self.mistakes.add(*self.misspelt(), *self.misspelt_flows(), *self.misspelt_blocks())
        try:
            self.mistakes.settle()
        except ConfigError as error:
            raise ConfigError(*(self.at_its_file(mistake) for mistake in error.mistakes)) from None
        return self.book(unverified, own)

    def at_its_file(self, mistake: str) -> str:
        """A mistake in a flow's steps with the path of the file, which may be a team's own: rules of the book bear its name alone."""
        flow, steps, sentence = mistake.partition("/steps.toml:")
        return f"{self.templates.steps_path(flow)}:{sentence}" if steps and flow in self.templates.flows() else mistake

    def files(self) -> dict[str, str]:
        """The file from which each document was made: of a shipped flow its name there, of the team's own its whole path."""
        return {name: self.folders.shown(document.path) for name, document in self.draft.documents.items()}

    def own_files(self) -> dict[str, str]:
        """The files of those documents alone that are not shipped."""
        own = {name for name, document in self.draft.documents.items() if not document.path.is_relative_to(self.folders.shipped)}
        return {name: file for name, file in self.files().items() if name in own}

    def prove(self, unverified: Mapping[str, Rule]) -> None:
        """Everything that has to hold, as far as there is enough of the book to prove it."""
        written = [rule for name, rules in self.draft.steps.items() if name not in ENTRIES for rule in rules]
        self.mistakes.add(*wrong_names_in_steps(self.settings, written))
        for proof in (proofs.looked_up, proofs.too_large, proofs.handed_on, proofs.endless, proofs.dialled, proofs.rescued, proofs.careful):
            self.mistakes.add(*proof(self.draft))
        for medium, rule in unverified.items():
            self.mistakes.add(*proofs.harmful(self.draft, target_of(rule), medium))

    def misspelt(self) -> Iterator[str]:
        """A document that was to stand in for a shipped one and has nearly its name would never be heard."""
        led_to = {target for targets in self.draft.edges.values() for target in targets}
        for name in self.own_files():
            answer, document, _ = name.split("/")
            flow = self.flows[answer].answer.flow
            shipped = [path.stem for path in (self.folders.shipped / flow).glob("*.xml")]
            if document not in (*shipped, "start") and sheet(name) not in led_to and (near := nearest(document, shipped)):
                yield f"{self.templates.path(flow, document)}: no rule leads to this document{near}"

    def misspelt_flows(self) -> Iterator[str]:
        """A folder with nearly the name of a shipped flow, from which nobody takes anything: what lies in it would never be heard."""
        shipped = [path.name for path in self.folders.shipped.iterdir() if path.is_dir()]
        for folder in {path.parent for kind in KINDS for path in self.folders.own.glob(kind)}:
            whole = folder.name in shipped or (folder / "start.xml").is_file()
            if not whole and (near := nearest(folder.name, shipped)) and not self.templates.mentioned(folder.name):
                yield f"{folder}: no flow has this name, and no template takes anything from it{near}"

    def misspelt_blocks(self) -> Iterator[str]:
        """A block of a template that the one which it extends has not is passed over by Jinja: something else would be heard."""
        for path in {document.path for document in self.draft.documents.values()}:
            yield from self.templates.blocks_of_nobody(path)

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

    def in_wrong_media(self) -> Iterator[str]:
        """Answers of shipped flows for calls where texts are answered, or the other way round: a line for each, not for each of its verbs.
        They are judged no further in that medium."""
        verbs = {medium: set(table["Response"].holds) for medium, table in twiml.table().media.items()}
        for name, media in self.draft.media.items():
            written = {
                element.name
                for document in self.draft.documents.values()
                if document.answer == name and document.readable and document.path.is_relative_to(self.folders.shipped)
                for element in document.root.children
            }
            for medium, other in OPPOSITES.items():
                if medium in media and written & (verbs[other] - verbs[medium]) and not written & (verbs[medium] - verbs[other]):
                    media.remove(medium)
                    here = FOR[medium]
                    yield f"{self.leading_to(name, medium)} {name!r} is for {FOR[other]}, but here it answers {here}; choose one for {here}"

    def leading_to(self, answer: str, medium: Medium) -> str:
        """The first rule of a medium that leads to an answer, as a message begins; the answer itself, where only others lead to it."""
        for entry in (entry for entry, given in ENTRIES.items() if given == medium):
            for index, rule in enumerate(getattr(self.settings, entry)):
                if rule.answer == answer:
                    return f"{self.settings.place(entry, index, 'answer')}: {entry}.answer:"
            if entry in ("voice", "sms") and getattr(self.settings.unverified, entry) == answer:
                return f"{self.settings.place('unverified', entry)}: unverified.{entry}:"
        return f"{self.settings.place('answer', answer)}: answer.{answer}:"

    def looks(self, name: str) -> Medium:
        """The medium of an answer that no rule leads to."""
        flow = self.flows[name]
        paths = [self.templates.path(flow.answer.flow, document) for document in flow.documents]
        return "messaging" if any("<Message" in path.read_text(encoding="utf-8") for path in paths) else "voice"

    def add_answer(self, flow: Flow) -> None:
        """Every turn's steps and documents of one answer."""
        for number, turn in enumerate(flow.turns, 1):
            for step, rules in turn.steps.items():
                with self.mistakes.gathering():
                    self.add_step(flow, f"{flow.name}/{step}/{number}", rules)
            for document in flow.documents:
                with self.rendering(flow.name):
                    self.add_document(flow, f"{flow.name}/{document}/{number}", turn)

    def add_step(self, flow: Flow, node: Node, rules: list[StepRule]) -> None:
        """One step of one turn. `again` in the last turn is no rule: it can match no more."""
        number = int(node.rpartition("/")[2])
        usable = [rule for rule in rules if rule.kind != "again" or number < len(flow.turns)]
        if not usable or usable[-1].conditions:
            step = node.split("/")[1]
            raise ConfigError(
                f"{rules[-1].at if rules else flow.step_place(step)}: {step}: the step needs a last rule without conditions, so that "
                'nobody is left without an answer; add one, as in { document = "goodbye" }'
            )
        self.draft.steps[node] = needed(list(self.compiled(flow, number, usable)))
        self.draft.edges[node] = [target_of(rule) for rule in self.draft.steps[node]]

    def compiled(self, flow: Flow, number: int, rules: Iterable[StepRule]) -> Iterator[Rule]:
        """The rules of a step that lead somewhere."""
        for rule in rules:
            with self.mistakes.gathering():
                if target := self.target(flow, number, rule):
                    yield {"if": rule.conditions, **target, "at": rule.at}

    def target(self, flow: Flow, number: int, rule: StepRule) -> dict[str, str]:
        """Where a step's rule leads."""
        if rule.kind == "answer":
            known = rule.target in self.settings.answer
            return self.start_of(rule.target, rule.at if known else flow.source_of(rule.target) or rule.at)
        if rule.kind == "again":
            return self.place(flow, rule.target, number + 1, rule.at)
        return self.document_named(flow, rule.target, rule.turn or number, rule.at)

    def start_of(self, answer: str, at: str) -> dict[str, str]:
        """Where an answer begins: its step `start` if it has one, else its document `start`. Nowhere if it was found wrong before."""
        if answer not in self.settings.answer:
            raise ConfigError(f"{at}: there is no answer {answer!r}{nearest(answer, self.settings.answer)}")
        return self.place(self.flows[answer], "start", 1, at) if answer in self.flows else {}

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
        document = Document(node, pen.path, pen.written(), pen.ways, pen.played)
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
        rules = list(self.entry_rules(entry))
        with self.mistakes.gathering():
            check_rules(self.settings, entry, rules, self.calendars)
        leading = [rule for rule in rules if "step" in rule or "document" in rule]
        if leading:
            self.draft.edges[entry] = [target_of(rule) for rule in leading]
            self.draft.steps[entry] = before_all(self.draft, entry) + leading

    def entry_rules(self, entry: str) -> Iterator[Rule]:
        """The rules of an entry as they are written, also those that lead nowhere for a mistake that was told."""
        for index, rule in enumerate(getattr(self.settings, entry)):
            target: dict[str, str] = {}
            with self.mistakes.gathering():
                target = self.start_of(rule.answer, f"{self.settings.place(entry, index, 'answer')}: {entry}.answer")
            with self.mistakes.gathering():
                place = functools.partial(self.settings.place, entry, index)
                yield from (
                    {"if": conditions, **target, "at": rule.at}
                    for conditions in alternatives(rule.conditions, place, self.settings.twilio.parameters)
                )

    def unverified(self) -> dict[str, Rule]:
        """The answers for strangers, as rules."""
        found: dict[str, Rule] = {}
        for medium in ("voice", "sms"):
            with self.mistakes.gathering():
                answer, at = str(getattr(self.settings.unverified, medium)), f"unverified.{medium}"
                if target := self.start_of(answer, f"{self.settings.place('unverified', medium)}: {at}"):
                    found[medium] = {"if": [], "answer": answer, **target, "at": at}
        return found

    def own_documents(self) -> dict[str, dict[str, Any]]:
        """The documents that no template wrote. Their words are of the settings, so they are held against the TwiML grammar too."""
        resort = {LAST_RESORT["voice"]: last_resort(self.settings), LAST_RESORT["messaging"]: "<Response/>\n"}
        documents = {name: {"parts": [text]} for name, text in resort.items()} | manners.documents(self.settings.compliance)
        for name, document in documents.items():
            for problem in grammar.check(document["parts"][0], "voice" if name == LAST_RESORT["voice"] else "messaging"):
                table = "last_resort" if name in resort else "compliance"
                said = "text" if name in resort else name.rpartition("/")[2]
                key = "language" if problem.value == self.settings.last_resort.language else said
                self.mistakes.add(f"{self.settings.place(table, key)}: {table}.{key}: {problem.message}")
        return documents

    def dialling(self) -> dict[str, Any]:
        """How to understand what employees dial."""
        return {
            "plans": plans(self.settings),
            "parameters": list(self.settings.twilio.number_parameters),
            "emergency": emergency_numbers(self.settings),
        }

    def kept_parameters(self) -> list[str]:
        """What the journal keeps beside Twilio's own parameters: those that the settings name, and headers for which a rule asks."""
        asked = {name for rules in self.draft.steps.values() for rule in rules for name, *_ in rule["if"]}
        return sorted({name for name in asked if name.startswith(SIP_HEADER)} | {*self.settings.twilio.parameters} - PARAMETERS)

    def book(self, unverified: dict[str, Rule], documents: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """Everything, with a digest as its id."""
        content = {
            "accounts": list(self.settings.twilio.accounts),
            "hosts": list(self.settings.api.hosts),
            "keep_query": list(self.settings.privacy.keep_query),
            "parameters": self.kept_parameters(),
            "masked": self.settings.privacy.store == "masked",
            "steps": self.draft.steps | emergencies.steps(),
            "documents": documents
            | emergencies.documents(self.settings)
            | {name: written_out(document) for name, document in self.draft.documents.items()},
            "lookups": self.draft.lookups,
            "dialling": self.dialling(),
            "calendars": self.calendars,
            "audio": self.audio.files,
            "unverified": unverified,
            "last_resort": {"voice": LAST_RESORT["voice"], "sms": LAST_RESORT["messaging"]},
        }
        return {"id": hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]} | content


def last_resort(settings: Settings) -> str:
    """What a caller hears when everything else fails, as a document that needs nothing: English by Twilio's own voice, other languages by
    the account's (docs/decisions.md). It ends in Hangup, so that a whisper is refused.

    API Gateway answers with it too, by a template of Velocity's, to which `#if`, `##` and `$name` would mean something.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/models-mappings.html
    """
    resort = settings.last_resort
    text = "&#35;".join(str(escape(part)) for part in resort.text.split("#")).replace("$", "&#36;")
    said = PLAINEST if resort.language.partition("-")[0] == "en" else f'language="{resort.language}"'
    return f"<Response><Say {said}>{text}</Say><Hangup/></Response>\n"


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
