"""The rules of the entries: those of the settings, and before them those that follow from the answers.

In this order, the first that holds wins:
    the audio that we play cannot be had     -> the same document in words
    an address of ours failed                -> the last resort, which needs nothing
    texting: see `manners.py`                -> silence, or the text that must be sent
    a cookie of ours                         -> the step that an earlier document of this call named (`come_back`)
    the rules of the settings
"""

from collections.abc import Iterable, Mapping, Sequence

from answerbook import manners
from answerbook.documents import Document, Medium
from answerbook.proofs import Draft
from answerbook.reach import Rule
from answerbook.rules import Condition, implied
from config.mistakes import ConfigError, nearest
from config.settings import Settings

ENTRIES: dict[str, Medium] = {"voice": "voice", "trunk": "voice", "sip": "voice", "app": "voice", "sms": "messaging"}
LAST_RESORT = {"voice": "last_resort/voice", "messaging": "last_resort/sms"}


def before_all(draft: Draft, entry: str) -> list[Rule]:
    """The rules that stand before those of the settings."""
    medium = ENTRIES[entry]
    documents = list(draft.following(entry))
    ours = {"if": [["ErrorUrl", "ours", [""]]], "document": LAST_RESORT[medium], "at": "last resort"}
    texting = manners.rules(draft.settings, documents) if medium == "messaging" else []
    return [*in_words(documents), ours, *texting, *coming_back(documents)]


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


def check_rules(entry: str, rules: Sequence[Rule], calendars: Mapping[str, object]) -> None:
    """The last rule takes everybody, and no rule stands where it can never answer."""
    if rules[-1]["if"]:
        raise ConfigError(f"{rules[-1]['at']}: the last [[{entry}]] rule must have no condition, so that nobody is left without answer")
    written: dict[str, list[Condition]] = {}
    for rule in rules:
        written.setdefault(rule["at"], []).extend(rule["if"])
    for index, (at, later) in enumerate(written.items()):
        for earlier_at, earlier in list(written.items())[:index]:
            if implied(later, earlier, calendars):
                raise ConfigError(
                    f"{at}: this rule can never answer: the one at {earlier_at} comes first and takes all that it would; "
                    "move it up or remove it"
                )


def check_names(settings: Settings, rules: Iterable[Rule], entry: str = "") -> None:
    """Trunks, SIP domains, apps and calendars in conditions are those of the settings, and asked where they are known."""
    twilio = settings.twilio
    known = {"trunk": twilio.trunks, "sip": twilio.sip_domains, "app": twilio.apps, "open": tuple(settings.calendar)}
    where = {"trunk": "twilio.trunks", "sip": "twilio.sip_domains", "app": "twilio.apps", "open": "the [calendar] tables"}
    for rule in rules:
        for name, _, values in rule["if"]:
            if entry and name in ENTRIES and name != entry:
                raise ConfigError(f"{rule['at']}: {name} is known in [[{name}]] rules only, so this one could never answer; remove it")
            for value in values if name in known else ():
                if value not in known[name]:
                    raise ConfigError(
                        f"{rule['at']}: {name} = {value!r} is not among {where[name]}{nearest(value, known[name])}; add it there"
                    )
