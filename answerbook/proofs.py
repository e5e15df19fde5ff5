"""What is proved of every answer book before anybody depends on it. Each proof raises ConfigError with the place and the remedy.

A document is what Twilio accepts; a call ends, also when Twilio loses our cookie; a caller for whom Twilio has no fallback is never
handed on; nobody is dialled who leads back here; a stranger costs nothing; who dials an emergency number reaches it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from answerbook import grammar
from answerbook.advice import advice
from answerbook.documents import Document, Medium, Node, sampled, sheet
from answerbook.flows import given
from answerbook.reach import Known, Rule, answering, circle, followed, possible, reachable
from answerbook.rules import check
from config.checks import phone_number
from config.mistakes import ConfigError
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
    media: dict[str, set[Medium]]
    steps: dict[Node, list[Rule]] = field(default_factory=dict)
    documents: dict[Node, Document] = field(default_factory=dict)
    edges: dict[Node, list[Node]] = field(default_factory=dict)
    lookups: dict[str, dict[str, str]] = field(default_factory=dict)

    def following(self, *starts: Node) -> Iterator[Document]:
        """The documents that may follow from steps or documents."""
        return (self.documents[node[1:]] for node in sorted(reachable(self.edges, *starts)) if node.startswith("#"))


def accepted(draft: Draft) -> None:
    """Each document against the TwiML grammar, in every medium that its answer is given in, and whispers as whispers."""
    for document in draft.documents.values():
        for medium in sorted(draft.media[document.answer]):
            for form in document.forms(draft.lookups):
                refuse_problems(form, medium, whisper=False)
    for document in whispered(draft):
        for form in document.forms(draft.lookups):
            refuse_problems(form, "voice", whisper=True)


def refuse_problems(document: Document, medium: Medium, whisper: bool) -> None:
    """The first thing that Twilio would refuse."""
    for problem in grammar.check(sampled(document.text), medium, whisper=whisper):
        heard = ", which a person called hears before being connected" if whisper else ""
        raise ConfigError(f"{document.path}:{problem.line}: {problem.message} ({document.whose}{heard})")


def careful(draft: Draft) -> None:
    """No verb that Twilio takes and that still goes wrong with somebody on the line: without an action a document is asked for again."""
    for document in draft.documents.values():
        for medium in sorted(draft.media[document.answer]):
            for problem in advice(sampled(document.text), medium):
                raise ConfigError(f"{document.path}:{problem.line}: {problem.message} ({document.whose})")


def looked_up(draft: Draft) -> None:
    """Nobody gets a document that looks something up and does not find it; what is looked up can be a value of the parameter."""
    rules = [rule for rules in draft.steps.values() for rule in rules if rule.get("document") in draft.documents]
    for rule in rules:
        refuse_unfound(draft.documents[rule["document"]], rule)
    for name, lookup in sorted({asked for rule in rules for asked in asked_lookups(rule)}):
        refuse_value(draft, name, lookup)


def asked_lookups(rule: Rule) -> set[tuple[str, str]]:
    """The parameters that a rule finds in look-ups before it leads anywhere."""
    return {(name, lookup) for name, kind, values in rule["if"] if kind == "in" for lookup in values}


def refuse_unfound(document: Document, rule: Rule) -> None:
    """A rule that does not ask for what its document looks up."""
    for name, lookup in document.lookups:
        if (name, lookup) not in asked_lookups(rule):
            own = lookup.partition("/")[2]
            raise ConfigError(
                f"{rule['at']}: {document.path} looks {name} up in {own!r}, where this rule may find nothing; add "
                f'{name}.in = "{own}" to it ({document.whose})'
            )


def refuse_value(draft: Draft, name: str, lookup: str) -> None:
    """A value that the parameter never has."""
    answer, _, own = lookup.partition("/")
    for value in draft.lookups[lookup]:
        try:
            check(name, "is", value)
        except ValueError as error:
            raise ConfigError(f"{draft.settings.answer[answer].at}: answer {answer!r}, lookup.{own}: {name}: {error}") from error


def whispered(draft: Draft) -> list[Document]:
    """What people hear whom we call, before they are connected."""
    steps = [step for document in draft.documents.values() for step in document.whispers]
    return list(draft.following(*steps))


def ending(draft: Draft) -> None:
    """No way leads back to where it began: neither by our own addresses, nor by another server that fails, with our cookie or without."""
    refuse_circle(draft, draft.edges, "")
    lost = {sheet(document.place): without_cookie(draft, document) for document in draft.documents.values()}
    refuse_circle(draft, {node: [*ways, *lost.get(node, ())] for node, ways in draft.edges.items()}, " when Twilio loses the cookie")


def refuse_circle(draft: Draft, edges: dict[Node, list[Node]], when: str) -> None:
    """Print the circle, if there is one."""
    if found := circle(edges):
        rules = [rule["at"] for node in found for rule in draft.steps.get(node, []) if rule["at"]]
        way = " -> ".join(node.removeprefix("#") for node in found)
        at = rules[0] if rules else f"{draft.settings.environment}.toml"
        answer = draft.settings.answer[found[0].removeprefix("#").partition("/")[0]]
        raise ConfigError(f"{at}: this never ends{when}: {way}; let one of these answers lead to another (the first is at {answer.at})")


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


def handed_on(draft: Draft) -> None:
    """Only servers that the settings allow take a call over, and only where Twilio comes back when they fail."""
    for document in draft.documents.values():
        for url in document.redirects:
            refuse_target(draft, document, url)
    for document in draft.following("trunk"):
        refuse_one_way(document, "under /trunk Twilio has nothing to fall back to")
    for document in whispered(draft):
        refuse_one_way(document, "a person called who hears this before being connected has nothing to fall back to")


def refuse_target(draft: Draft, document: Document, url: str) -> None:
    """A redirect whose target is the caller's choice, or the primary's verb, or that waits too long."""
    known = given(draft.settings)
    if "\ue000" in url or "#" not in url:
        raise ConfigError(
            f"{document.where(url)}: <Redirect>: write {{{{ elsewhere('https://...') }}}} with an address from the settings "
            f"({document.whose})"
        )
    on_primary = any(on_url([host, None], url) for host in known["primary_hosts"])
    if on_primary and url.partition("#")[0] not in known["entry_urls"]:
        raise ConfigError(
            f"{document.where(url)}: {document.whose} hands the call to {url.partition('#')[0]}, which is on the primary and not in "
            "primary.entry_urls; a verb's action would miss its Digits, so name an address at which calls begin"
        )


def refuse_one_way(document: Document, why: str) -> None:
    """A document that depends on somebody who may fail, where nobody would notice."""
    if document.redirects:
        raise ConfigError(
            f"{document.where(document.redirects[0])}: {document.whose} hands the call to another server, but {why}; "
            "choose another answer there"
        )
    if document.audio:
        raise ConfigError(f"{document.path}: {document.whose} plays audio, but {why} if it cannot be had; let it be said there")


def dialled(draft: Draft) -> None:
    """Whom we call is a possible number, not one of ours, and not the caller's choice except for employees."""
    employees, others = set(draft.following(*DIALLED)), set(draft.following(*OTHERS))
    for document in draft.documents.values():
        for form in document.forms(draft.lookups) if document.elements("Dial") else ():
            refuse_dialled(draft, form, document in employees and document not in others)


def refuse_dialled(draft: Draft, document: Document, employee: bool) -> None:
    """A number that must not be called, or cannot be shown to whom is called."""
    for dial in document.elements("Dial"):
        targets = [dial.text, *(child.text for child in dial.children if child.name == "Number")]
        for target in filter(None, (text.strip() for text in targets)):
            refuse_number(draft, document, target, employee)
        if caller_id := dial.attributes.get("callerId"):
            refuse_caller_id(document, caller_id)


def refuse_number(draft: Draft, document: Document, number: str, employee: bool) -> None:
    """A number that cannot be, or leads back here, or that the caller chose."""
    place = f"{document.where(number)}: {document.whose}"
    if "\ue000" in number:
        if number == "\ue000To\ue001" and employee:
            return
        raise ConfigError(f"{place} dials what the caller says; only answers of [[sip]] and [[app]] may, and only call.To")
    try:
        phone_number(number)
    except ValueError as error:
        raise ConfigError(f"{place} dials it: {error}") from error
    if number in draft.settings.twilio.numbers:
        raise ConfigError(
            f"{place} dials {number}, which is in twilio.numbers: the call would come back here; dial a number that is elsewhere"
        )


def refuse_caller_id(document: Document, caller_id: str) -> None:
    """A caller ID that Twilio would refuse (13214)."""
    try:
        phone_number(caller_id)
    except ValueError as error:
        raise ConfigError(
            f"{document.where(caller_id)}: {document.whose}, callerId: {error}, one of yours on Twilio or verified there"
        ) from error


def harmless(draft: Draft, start: Node, medium: str) -> None:
    """What strangers get costs nothing, reveals nothing and depends on nothing."""
    for document in draft.following(start):
        bad = [name for name in ("Dial", "Redirect", "Message", "Play") if document.elements(name)]
        if bad or document.parameters:
            does = {"Dial": "dials", "Redirect": "redirects", "Message": "sends a text", "Play": "plays audio"}
            what = does[bad[0]] if bad else "repeats what the request said"
            raise ConfigError(
                f"{draft.settings.unverified.at}: unverified.{medium}: {document.place} {what}, but nobody vouches for these requests; "
                "choose another answer"
            )


def rescued(draft: Draft) -> None:
    """Whatever else is decided for employees' calls, an emergency number is dialled."""
    for entry in DIALLED:
        for number in draft.settings.twilio.emergency_numbers if entry in draft.steps else ():
            for rule in followed(draft.steps[entry], Known(values={"To": number})):
                for node in sorted(answering(draft.steps, rule, Known(values={"To": number}))):
                    if not dials_as_asked(draft.documents[node]):
                        raise ConfigError(
                            f"{rule['at']}: [[{entry}]]: somebody who dials {number} may get {node} instead; "
                            'let each rule of [[sip]] and [[app]] lead to an answer with flow = "dial_through"'
                        )


def dials_as_asked(document: Document) -> bool:
    """Whether a document calls what the caller dialled."""
    return any(number.text.strip() == "\ue000To\ue001" for number in document.elements("Number"))
