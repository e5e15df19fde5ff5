"""What is proved of every answer book before anybody depends on it. Each proof tells every mistake, with its place and the remedy.

A document is what Twilio accepts; a call ends, also when Twilio loses our cookie; a caller for whom Twilio has no fallback is never
handed on; nobody is dialled who leads back here; a stranger costs nothing; who dials an emergency number reaches it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from answerbook import grammar, twiml
from answerbook.advice import advice
from answerbook.dialling import emergency_numbers
from answerbook.documents import Document, Medium, Node, sampled, sheet
from answerbook.flows import Flow, given
from answerbook.grammar import Problem
from answerbook.reach import Known, Rule, answering, circle, followed, possible, reachable
from answerbook.rules import check
from config.checks import phone_number
from config.settings import Settings
from lambdas.answer.book import host_of, on_url

#: The entries at which Twilio has a fallback, so that another server may take the call over, or fail to.
WITH_FALLBACK = ("voice", "sip", "app", "sms")
#: Entries whose callers are employees: what they dial stands in To.
DIALLED = ("sip", "app")
OTHERS = ("voice", "trunk", "sms")
#: What answers a ringing call: https://www.twilio.com/docs/voice/twiml#voice-twiml-verbs (Pause, Redirect and Reject do not)
ANSWERING = ("Say", "Play", "Gather", "Record", "Enqueue", "Connect")


@dataclass
class Draft:
    """A book on its way: `edges` are the ways on from each step and document, `media` the media of each answer, `lookups` what a document
    writes for each value of a parameter."""

    settings: Settings
    flows: Mapping[str, Flow]
    media: dict[str, set[Medium]]
    steps: dict[Node, list[Rule]] = field(default_factory=dict)
    documents: dict[Node, Document] = field(default_factory=dict)
    edges: dict[Node, list[Node]] = field(default_factory=dict)
    lookups: dict[str, dict[str, str]] = field(default_factory=dict)

    def following(self, *starts: Node) -> Iterator[Document]:
        """The documents that may follow from steps or documents; without those that were refused."""
        named = (node[1:] for node in sorted(reachable(self.edges, *starts)) if node.startswith("#"))
        return (self.documents[name] for name in named if name in self.documents)

    def told(self, document: Document, problem: Problem, heard: str = "") -> str:
        """A problem of a document, at the value of the settings that causes it, else at the line of the template."""
        if source := self.flows[document.answer].source_of(problem.value):
            return f"{source}: {problem.message}{heard}"
        return f"{document.path}:{problem.line}: {problem.message}{heard}"

    def place_of(self, document: Document, value: str, written: str = "") -> str:
        """Whose document says a value: the value's line in the settings, else the template's line on which it is `written`."""
        place = self.flows[document.answer].source_of(value) or document.where(written or value)
        return f"{place}: {self.whose(document)}"

    def whose(self, document: Document) -> str:
        """A document's answer, for messages: which documents there are follows from the settings as well as from the templates."""
        return f"answer {document.answer!r} at {self.flows[document.answer].place()}"


def refused(draft: Draft) -> Iterator[str]:
    """What Twilio would refuse: each document against the TwiML grammar, in every medium that its answer is given in, and whispers as
    whispers. A document that is no XML leaves the draft, since nothing more can be said of it."""
    for document in list(draft.documents.values()):
        for medium in sorted(draft.media[document.answer]):
            for form in document.forms(draft.lookups):
                yield from refused_in(draft, form, medium, whisper=False)
        if not document.readable:
            del draft.documents[document.place]
    for document in whispered(draft):
        for form in document.forms(draft.lookups):
            yield from refused_in(draft, form, "voice", whisper=True)


def refused_in(draft: Draft, document: Document, medium: Medium, whisper: bool) -> Iterator[str]:
    """What Twilio would refuse of one document; a wrong caller ID is left to `dialled`, which knows the remedy."""
    shown = {dial.attributes.get("callerId", "") for dial in document.elements("Dial")} - {""} if document.readable else set()
    for problem in grammar.check(sampled(document.text), medium, whisper=whisper):
        heard = " (a person called hears this before being connected)" if whisper else ""
        if problem.value not in shown:
            yield draft.told(document, problem, heard)


def careful(draft: Draft) -> Iterator[str]:
    """Verbs that Twilio takes and that still go wrong with somebody on the line: without an action a document is asked for again."""
    for document in draft.documents.values():
        for medium in sorted(draft.media[document.answer]):
            yield from (draft.told(document, problem) for problem in advice(sampled(document.text), medium))


def too_large(draft: Draft) -> Iterator[str]:
    """Documents that Twilio would refuse (11750) once the longest values stand in them: an apology that is never heard."""
    most = twiml.table().bytes
    for document in draft.documents.values():
        largest = max((form.longest for form in document.forms(draft.lookups)), default=0)
        if largest > most and document.parameters:
            yield (
                f"{document.path}:1: with the longest values of {' and '.join(sorted(set(document.parameters)))} the document has "
                f"{largest} bytes; Twilio takes at most {most} (64 kB); repeat less of what the caller said ({draft.whose(document)})"
            )


def looked_up(draft: Draft) -> Iterator[str]:
    """Nobody gets a document that looks something up and does not find it; what is looked up can be a value of the parameter."""
    rules = [rule for rules in draft.steps.values() for rule in rules if rule.get("document") in draft.documents]
    for rule in rules:
        yield from unfound(draft, draft.documents[rule["document"]], rule)
    for name, lookup in sorted({asked for rule in rules for asked in asked_lookups(rule)}):
        yield from wrong_values(draft, name, lookup)


def asked_lookups(rule: Rule) -> set[tuple[str, str]]:
    """The parameters that a rule finds in look-ups before it leads anywhere."""
    return {(name, lookup) for name, kind, values in rule["if"] if kind == "in" for lookup in values}


def unfound(draft: Draft, document: Document, rule: Rule) -> Iterator[str]:
    """A rule that does not ask for what its document looks up."""
    for name, lookup in document.lookups:
        if (name, lookup) not in asked_lookups(rule):
            own = lookup.partition("/")[2]
            yield (
                f"{rule['at']}: {document.path} looks {name} up in {own!r}, where this rule may find nothing; add "
                f'{name}.in = "{own}" to it ({draft.whose(document)})'
            )


def wrong_values(draft: Draft, name: str, lookup: str) -> Iterator[str]:
    """The values that the parameter never has."""
    answer, _, own = lookup.partition("/")
    for value in draft.lookups[lookup]:
        try:
            check(name, "is", value)
        except ValueError as error:
            flow = draft.flows[answer]
            yield f"{flow.source_of(value) or flow.at()}: lookup.{own}: {name}: {error}"


def whispered(draft: Draft) -> list[Document]:
    """What people hear whom we call, before they are connected."""
    steps = [step for document in draft.documents.values() for step in document.whispers]
    return list(draft.following(*steps))


def endless(draft: Draft) -> Iterator[str]:
    """No way leads back to where it began: neither by our own addresses, nor by another server that fails, with our cookie or without."""
    lost = {sheet(document.place): without_cookie(draft, document) for document in draft.documents.values()}
    forgetful = {node: [*ways, *lost.get(node, ())] for node, ways in draft.edges.items()}
    found = [*endless_along(draft, draft.edges, "")]
    yield from found or endless_along(draft, forgetful, " when Twilio loses the cookie")


def endless_along(draft: Draft, edges: dict[Node, list[Node]], when: str) -> Iterator[str]:
    """The circle, if there is one."""
    if found := circle(edges):
        rules = [rule["at"] for node in found for rule in draft.steps.get(node, []) if rule["at"]]
        way = " -> ".join(node.removeprefix("#") for node in found)
        at = rules[0] if rules else f"{draft.settings.environment}.toml"
        answer = draft.settings.answer[found[0].removeprefix("#").partition("/")[0]]
        yield f"{at}: this never ends{when}: {way}; let one of these answers lead to another (the first is at {answer.at})"


def without_cookie(draft: Draft, document: Document) -> Iterator[Node]:
    """What may answer when the server to which a document hands the call fails, and Twilio comes back without our cookie."""
    status = {"CallStatus": "in-progress"} if answers(document) else {}
    for entry in WITH_FALLBACK if document.redirects else ():
        if sheet(document.place) in reachable(draft.edges, entry):
            for url in document.redirects:
                yield from (sheet(place) for place in possible(draft.steps, entry, Known(host_of(url), status)))


def answers(document: Document) -> bool:
    """Whether a ringing call is answered by this document before it is handed on."""
    verbs = [element.name for element in document.root.children]
    return any(verb in ANSWERING for verb in verbs[: verbs.index("Redirect")]) if "Redirect" in verbs else False


def handed_on(draft: Draft) -> Iterator[str]:
    """Only servers that the settings allow take a call over, and only where Twilio comes back when they fail."""
    for document in draft.documents.values():
        for url in document.redirects:
            yield from wrong_target(draft, document, url)
    for document in draft.following("trunk"):
        yield from one_way(draft, document, "under /trunk Twilio has nothing to fall back to")
    for document in whispered(draft):
        yield from one_way(draft, document, "a person called who hears this before being connected has nothing to fall back to")


def wrong_target(draft: Draft, document: Document, url: str) -> Iterator[str]:
    """A redirect whose target is the caller's choice, or the primary's verb, or that waits too long."""
    known = given(draft.settings)
    target = url.partition("#")[0]
    if "\ue000" in url or "#" not in url:
        yield (
            f"{document.where(url)}: <Redirect>: write {{{{ elsewhere('https://...') }}}} with an address from the settings "
            f"({draft.whose(document)})"
        )
    elif any(on_url([host, None], url) for host in known["primary_hosts"]) and target not in known["entry_urls"]:
        yield (
            f"{draft.place_of(document, target, url)} hands the call to {target}, which is on the primary and not in "
            "primary.entry_urls; a verb's action would miss its Digits, so name an address at which calls begin"
        )


def one_way(draft: Draft, document: Document, why: str) -> Iterator[str]:
    """A document that depends on somebody who may fail, where nobody would notice."""
    at = f"{draft.flows[document.answer].place()}: answer.{document.answer}"
    if document.redirects:
        place = document.where(document.redirects[0])
        yield f"{at}: it hands the call to another server, but {why}; choose another answer there ({place})"
    if document.audio:
        yield f"{at}: it plays audio, but {why} if it cannot be had; let it be said there ({document.path})"


def dialled(draft: Draft) -> Iterator[str]:
    """Whom we call is a possible number, not one of ours, and not the caller's choice except for employees."""
    employees, others = set(draft.following(*DIALLED)), set(draft.following(*OTHERS))
    for document in draft.documents.values():
        for form in document.forms(draft.lookups) if document.elements("Dial") else ():
            yield from wrongly_dialled(draft, form, document in employees and document not in others)


def wrongly_dialled(draft: Draft, document: Document, employee: bool) -> Iterator[str]:
    """Numbers that must not be called, or cannot be shown to whom is called."""
    for dial in document.elements("Dial"):
        targets = [dial.text, *(child.text for child in dial.children if child.name == "Number")]
        for target in filter(None, (text.strip() for text in targets)):
            if wrong := wrong_number(draft, target, employee):
                yield f"{draft.place_of(document, target)} {wrong}"
        caller_id = dial.attributes.get("callerId")
        if caller_id and (wrong := wrong_caller_id(draft, caller_id)):
            yield f"{draft.place_of(document, caller_id)}{wrong}"


def wrong_number(draft: Draft, number: str, employee: bool) -> str:
    """Why a number must not be called: it cannot be one, or leads back here, or the caller chose it. Nothing if it may."""
    if "\ue000" in number:
        may = number == "\ue000To\ue001" and employee
        return "" if may else "dials what the caller says; only answers of [[sip]] and [[app]] may, and only call.To"
    if wrong := fault_of(number):
        return f"dials it: {wrong}"
    if number in draft.settings.twilio.numbers:
        return f"dials {number}, which is in twilio.numbers: the call would come back here; dial a number that is elsewhere"
    return ""


def fault_of(number: str) -> str:
    """Why a phone number cannot be one; nothing if it can."""
    try:
        phone_number(number)
    except ValueError as error:
        return str(error)
    return ""


def wrong_caller_id(draft: Draft, caller_id: str) -> str:
    """Why Twilio would refuse a caller ID (13214), which must be a number of the account's or verified there; nothing if it would not.
    Judged only where the settings list the company's numbers. https://www.twilio.com/docs/voice/twiml/dial#callerid"""
    twilio = draft.settings.twilio
    if wrong := fault_of(caller_id):
        return f", callerId: {wrong}, one of yours on Twilio or verified there"
    if twilio.numbers and caller_id not in (*twilio.numbers, *twilio.verified_caller_ids):
        return (
            f" shows {caller_id} as the caller, and Twilio refuses such a call unless the number is yours; add it to twilio.numbers, "
            "or to twilio.verified_caller_ids if it is verified there"
        )
    return ""


def harmful(draft: Draft, start: Node, medium: str) -> Iterator[str]:
    """What strangers get must cost nothing, reveal nothing and depend on nothing."""
    for document in draft.following(start):
        bad = [name for name in ("Dial", "Redirect", "Message", "Play") if document.elements(name)]
        if bad or document.parameters:
            does = {"Dial": "dials", "Redirect": "redirects", "Message": "sends a text", "Play": "plays audio"}
            what = does[bad[0]] if bad else "repeats what the request said"
            yield (
                f"{draft.settings.place('unverified', medium)}: unverified.{medium}: {document.place} {what}, "
                "but these requests are unverified; choose another answer"
            )
            return


def rescued(draft: Draft) -> Iterator[str]:
    """Whatever else is decided for employees' calls, an emergency number is dialled."""
    for entry in DIALLED:
        for number in emergency_numbers(draft.settings) if entry in draft.steps else ():
            known = Known(values={"To": number})
            for rule in followed(draft.steps[entry], known):
                for node in sorted(answering(draft.steps, rule, known) & draft.documents.keys()):
                    if not dials_as_asked(draft.documents[node]):
                        yield (
                            f"{rule['at']}: [[{entry}]]: somebody who dials {number} may get {node} instead; "
                            'let each rule of [[sip]] and [[app]] lead to an answer with flow = "dial_through"'
                        )


def dials_as_asked(document: Document) -> bool:
    """Whether a document calls what the caller dialled."""
    return any(number.text.strip() == "\ue000To\ue001" for number in document.elements("Number"))
