"""The rules of the entries: those of the settings, and before them those that follow from the answers.

In this order, the first that holds wins:
    the audio that we play cannot be had     -> the same document in words
    an address of ours failed                -> the last resort, which needs nothing
    texting: see `manners.py`                -> silence, or the text that must be sent
    an emergency number, dialled by a phone  -> it is put through (`emergencies.py`)
    a cookie of ours                         -> the step that an earlier document of this call named (`come_back`)
    the rules of the settings
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from answerbook import emergencies, manners
from answerbook.dialling import emergency_numbers
from answerbook.documents import Document, Medium
from answerbook.proofs import DIALLED, Draft
from answerbook.reach import Known, Rule, followed
from answerbook.rules import Condition, implied
from config.mistakes import ConfigError, nearest
from config.settings import Settings

#: In the order in which they are compiled: emergency calls at `voice` go where `sip` and `app` dial them.
ENTRIES: dict[str, Medium] = {"trunk": "voice", "sip": "voice", "app": "voice", "voice": "voice", "sms": "messaging"}
LAST_RESORT = {"voice": "last_resort/voice", "messaging": "last_resort/sms"}


def before_all(draft: Draft, entry: str) -> list[Rule]:
    """The rules that stand before those of the settings."""
    medium = ENTRIES[entry]
    documents = list(draft.following(entry))
    ours = {"if": [["ErrorUrl", "ours", [""]]], "document": LAST_RESORT[medium], "at": "last resort"}
    texting = manners.rules(draft.settings, documents) if medium == "messaging" else []
    calling_help = emergencies.rules(draft.settings, dialling_help(draft)) if entry == "voice" else []
    return [*in_words(documents), ours, *texting, *calling_help, *coming_back(documents)]


def dialling_help(draft: Draft) -> Rule | None:
    """Where employees' calls to emergency numbers go, if the settings know employees' phones."""
    number = emergency_numbers(draft.settings)[0]
    for entry in DIALLED:
        for rule in followed(draft.steps.get(entry, ()), Known(values={"To": number})):
            return {name: rule[name] for name in ("step", "document") if name in rule}
    return None


def in_words(documents: Iterable[Document]) -> list[Rule]:
    """The twin of each document whose audio is the ErrorUrl."""
    return [
        {"if": [["ErrorUrl", "file", sorted(document.audio)]], "document": document.twin, "at": "audio"}
        for document in documents
        if document.audio
    ]


def coming_back(documents: Iterable[Document]) -> list[Rule]:
    """The step at which a call goes on after each document that sets a cookie. No line of its own: that of the step's rule tells more."""
    steps = sorted({document.come_back for document in documents if document.come_back})
    return [{"if": [["cookie", "cookie", [step]]], "step": step, "at": ""} for step in steps]


def check_rules(settings: Settings, entry: str, rules: Sequence[Rule], calendars: Mapping[str, object]) -> None:
    """The last rule takes everybody, no rule stands where it can never answer, all names are known. Raises ConfigError."""
    if names := list(wrong_names(settings, entry)):
        raise ConfigError(*names)
    written: dict[str, list[Condition]] = {}
    for rule in rules:
        written.setdefault(rule["at"], []).extend(rule["if"])
    mistakes = list(never_answering(settings, written, calendars))
    last = getattr(settings, entry)[-1:]
    if last and last[0].conditions:
        at = in_full(settings, last[0].at)
        mistakes.append(f"{at}: {entry}: end with a [[{entry}]] rule without conditions, so that nobody is left without an answer")
    if mistakes:
        raise ConfigError(*mistakes)


def never_answering(settings: Settings, written: Mapping[str, list[Condition]], calendars: Mapping[str, object]) -> Iterator[str]:
    """The rules for which an earlier one leaves nothing."""
    for index, (at, later) in enumerate(written.items()):
        takes_all = (before for before, earlier in list(written.items())[:index] if implied(later, earlier, calendars))
        if first := next(takes_all, None):
            yield (
                f"{in_full(settings, at)}: this rule can never answer: the one at {first} comes first and matches all that it would; "
                "move it up or remove it"
            )


def in_full(settings: Settings, at: str) -> str:
    """The place of a rule with its folder, which the book leaves out."""
    return at.replace(settings.file.path.name, str(settings.file.path), 1)


def wrong_names(settings: Settings, entry: str) -> Iterator[str]:
    """What the rules of an entry ask of names that are not there."""
    for index, rule in enumerate(getattr(settings, entry)):
        for name, values in rule.conditions.items():
            for value, sentence in unknown(settings, name, values, entry):
                yield f"{settings.place(entry, index, name, value=value)}: {sentence}"


def wrong_names_in_steps(settings: Settings, rules: Iterable[Rule]) -> Iterator[str]:
    """What the rules of steps ask of names that are not there."""
    for rule in rules:
        for name, _, values in rule["if"]:
            yield from (f"{rule['at']}: {sentence}" for _, sentence in unknown(settings, name, values))


def unknown(settings: Settings, name: str, values: Iterable[Any], entry: str = "") -> Iterator[tuple[Any, str]]:
    """Trunks, SIP domains, apps and calendars in conditions are those of the settings, and asked where they are known."""
    twilio = settings.twilio
    known = {"trunk": twilio.trunks, "sip": twilio.sip_domains, "app": twilio.apps, "open": tuple(settings.calendar)}
    where = {"trunk": "twilio.trunks", "sip": "twilio.sip_domains", "app": "twilio.apps", "open": "the [calendar] tables"}
    if entry and name in ENTRIES and name != entry:
        yield None, f"{name} is known in [[{name}]] rules only, so this one could never answer; remove it"
        return
    for value in values if name in known else ():
        if isinstance(value, str) and value not in known[name]:
            yield value, f"{name} = {value!r} is not among {where[name]}{nearest(value, known[name])}; add it there"
