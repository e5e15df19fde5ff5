"""The manners of texting: to whom and to what no answer is given, as rules that stand before all others of `sms`.

Twilio itself answers STOP, HELP and START on long codes and toll-free numbers, and refuses what we would add (21610); for short codes and
on WhatsApp nobody does, so the texts of [compliance] are sent. The words are those of `lambdas.workers.opt_outs`. Two machines that answer
each other go on until somebody pays attention (14107), so names, short codes, our own numbers and our own words get silence. Quiet periods
are `come_back` of the flow `reply`.

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
from lambdas.workers.opt_outs import HELP, START, STOP, WORDS

#: A document with the caller's own words in it is known by what stands before them, if that is long enough to be nobody else's.
TELLING = 20
AT = "sms manners"
SILENCE = f"{AT}/silence"

Rule = dict[str, Any]


def documents(compliance: Compliance | None) -> dict[str, dict[str, Any]]:
    """Silence, and what short codes must answer."""
    texts = texts_of(compliance).items()
    answers = {f"{AT}/{kind}": {"parts": [f"<Response><Message>{escape(text)}</Message></Response>\n"]} for kind, text in texts}
    return {SILENCE: {"parts": ["<Response/>\n"]}} | answers


def rules(settings: Settings, texts: Iterable[Document]) -> list[Rule]:
    """Who and what is not answered. `texts` are the documents that could be sent."""
    ours = [*settings.twilio.numbers, *settings.twilio.short_codes]
    channels = [f"whatsapp:{number}" for number in settings.twilio.numbers]
    own, beginnings = own_words(settings, texts)
    senders = [["OptOutType", "some", [""]], ["From", "nobody", [""]], ["From", "is", ours + channels], ["From", "same", ["To"]]]
    known = [*WORDS[STOP], *WORDS[HELP], *(word for word in WORDS[START] if word not in asked_for(settings))]
    words = [["Body", "words", known], ["Body", "words", own], ["Body", "prefix", beginnings]]
    return [*silent(senders), *compliance_rules(settings), *silent(words)]


def silent(conditions: Iterable[list[Any]]) -> list[Rule]:
    """A rule of silence for each condition that has a value."""
    return [rule([condition], SILENCE) for condition in conditions if condition[2]]


def compliance_rules(settings: Settings) -> list[Rule]:
    """STOP and HELP, perhaps START, at short codes and by WhatsApp, where Twilio does not answer."""
    texts = texts_of(settings.compliance)
    where = [["To", "is", list(settings.twilio.short_codes)], ["To", "prefix", ["whatsapp:"]]] if texts else []
    asked = [(place, kind) for place in where if place[2] for kind in texts]
    return [rule([place, ["Body", "words", list(WORDS[kind])]], f"{AT}/{kind}") for place, kind in asked]


def texts_of(compliance: Compliance | None) -> dict[str, str]:
    """What is sent, by the kind of the word."""
    texts = {STOP: compliance.stop, HELP: compliance.help, START: compliance.start} if compliance else {}
    return {kind: text for kind, text in texts.items() if text}


def asked_for(settings: Settings) -> set[str]:
    """The words for which the settings have rules of their own: YES may answer a question."""
    return {plain(str(word)) for each in settings.sms for word in each.conditions.get("Body", ())}


def rule(conditions: list[Any], document: str) -> Rule:
    """A rule of ours."""
    return {"if": conditions, "document": document, "at": AT}


def own_words(settings: Settings, texts: Iterable[Document]) -> tuple[list[str], list[str]]:
    """Our texts as they would come back, and the beginnings of those that hold words of the caller's."""
    found = [words for document in texts for words in said(document)]
    if settings.compliance:
        found += texts_of(settings.compliance).values()
    whole = sorted({plain(text) for text in found if len(parts(text)) == 1 and plain(text)})
    beginnings = {parts(text)[0] for text in found if len(parts(text)) > 1}
    return whole, sorted(text for text in beginnings if len(text) >= TELLING)


def said(document: Document) -> list[str]:
    """The words of each message in a document."""
    return [words_of(message).strip() for message in document.elements("Message")]


def words_of(message: Element) -> str:
    """The text of a Message, or of the Body in it."""
    return "".join([message.text, *(child.text for child in message.children if child.name == "Body")])
