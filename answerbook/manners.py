"""The manners of texting: to whom and to what no answer is given, as rules that stand before all others of `sms`.

Twilio itself answers STOP and HELP on long codes and toll-free numbers, and refuses what we would add (21610); for short codes nobody
does, so the texts of [compliance] are sent. Two machines that answer each other go on until somebody pays attention (14107), so names,
short codes, our own numbers and our own words get silence. Quiet periods are `come_back` of the flow `reply`.

https://www.twilio.com/docs/messaging/guides/optout-keywords (words, whole text, any case), help articles 223134027 and 223181748.
"""

from collections.abc import Iterable
from typing import Any

from markupsafe import escape

from answerbook.documents import Document, parts
from answerbook.markup import Element
from config.settings import Settings
from config.tables import Compliance
from lambdas.answer.book import plain

STOP = ("stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt out")
HELP = ("help", "info")
#: A document with the caller's own words in it is known by what stands before them, if that is long enough to be nobody else's.
TELLING = 20
AT = "sms manners"
SILENCE = f"{AT}/silence"

Rule = dict[str, Any]


def documents(compliance: Compliance | None) -> dict[str, dict[str, Any]]:
    """Silence, and what short codes must answer."""
    texts = {"stop": compliance.stop, "help": compliance.help} if compliance else {}
    answers = {f"{AT}/{name}": {"parts": [f"<Response><Message>{escape(text)}</Message></Response>\n"]} for name, text in texts.items()}
    return {SILENCE: {"parts": ["<Response/>\n"]}} | answers


def rules(settings: Settings, texts: Iterable[Document]) -> list[Rule]:
    """Who and what is not answered. `texts` are the documents that could be sent."""
    ours = [*settings.twilio.numbers, *settings.twilio.short_codes]
    channels = [f"whatsapp:{number}" for number in settings.twilio.numbers]
    own, beginnings = own_words(settings, texts)
    senders = [["OptOutType", "some", [""]], ["From", "nobody", [""]], ["From", "is", ours + channels], ["From", "same", ["To"]]]
    words = [["Body", "words", [*STOP, *HELP]], ["Body", "words", own], ["Body", "prefix", beginnings]]
    return [*silent(senders), *compliance_rules(settings), *silent(words)]


def silent(conditions: Iterable[list[Any]]) -> list[Rule]:
    """A rule of silence for each condition that has a value."""
    return [rule([condition], SILENCE) for condition in conditions if condition[2]]


def compliance_rules(settings: Settings) -> list[Rule]:
    """STOP and HELP at short codes."""
    codes = list(settings.twilio.short_codes)
    words = {"stop": list(STOP), "help": list(HELP)}
    return [rule([["To", "is", codes], ["Body", "words", words[name]]], f"{AT}/{name}") for name in words if codes]


def rule(conditions: list[Any], document: str) -> Rule:
    """A rule of ours."""
    return {"if": conditions, "document": document, "at": AT}


def own_words(settings: Settings, texts: Iterable[Document]) -> tuple[list[str], list[str]]:
    """Our texts as they would come back, and the beginnings of those that hold words of the caller's."""
    found = [words for document in texts for words in said(document)]
    if settings.compliance:
        found += [settings.compliance.stop, settings.compliance.help]
    whole = sorted({plain(text) for text in found if len(parts(text)) == 1 and plain(text)})
    beginnings = {parts(text)[0] for text in found if len(parts(text)) > 1}
    return whole, sorted(text for text in beginnings if len(text) >= TELLING)


def said(document: Document) -> list[str]:
    """The words of each message in a document."""
    return [words_of(message).strip() for message in document.elements("Message")]


def words_of(message: Element) -> str:
    """The text of a Message, or of the Body in it."""
    return "".join([message.text, *(child.text for child in message.children if child.name == "Body")])
