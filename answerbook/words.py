"""What a template says: messages in one language or several, with SSML, or as audio with the words that stand in for it.

A message in `config/` is one of
    "We are closed."                                                    in the answer's language and voice
    { text = "...", language = "de-DE", voice = "Polly.Vicki" }         in its own; without a voice in the account's
    { ssml = "One moment. <break time='1s'/>", voice = "Polly.Amy" }    with SSML, which the basic voices do not know
    { audio = "closed.wav", text = "..." }                              played; said where the audio cannot be had
    [ ..., ... ]                                                        one after the other
A parameter of the caller's stands in braces: "You call from {From}."
"""

import html
import re
from collections.abc import Callable, Mapping
from typing import Any

import jinja2
from markupsafe import Markup, escape

from answerbook import twiml
from answerbook.grammar import check
from answerbook.voices import language_for
from config.mistakes import near, nearest, shortened
from lambdas.answer.book import LONGEST_SAID, longest_value
from lambdas.answer.journal import PARAMETERS

OPEN, CLOSE = "\ue000", "\ue001"
PARAMETER = re.compile(r"\{([A-Za-z]+)\}")
BRACE = re.compile(r"[{}]")
KEYS = ("text", "ssml", "audio", "language", "voice")
#: Twilio's own voices, and the account's default, which may be one; https://www.twilio.com/docs/voice/twiml/say/text-speech has SSML with
#: the others only.
BASIC = ("", "man", "woman", "alice")

#: Parameters that may be withheld, and those whose digits are said one by one.
CALLERS = ("From", "Caller", "ForwardedFrom")
SAID_BY_DIGIT = (*CALLERS, "To", "Called", "Digits")
#: Stands for a caller of whom a document must not repeat what Twilio says: it would be the company's own number.
UNKNOWN = f"{OPEN}:unknown{CLOSE}"
OF_CALLER = re.compile(f"{OPEN}(?:{'|'.join(CALLERS)}){CLOSE}")
LONGEST_MESSAGE = 1600  #: characters that Twilio takes: https://www.twilio.com/docs/api/errors/14103
VERB = re.compile(r"<(?P<verb>Message|Say)\b(?P<attributes>[^>]*)>.*?</(?P=verb)>", re.DOTALL)
VOICE = re.compile(r'\bvoice="([^"]*)"')
TAG = re.compile(r"<[^>]*>")
LONGEST_ADDRESS = 512  #: bytes of an address of ours before its path: a host name has 253 at most
PLACEHOLDER = re.compile(f"{OPEN}[^{CLOSE}]*{CLOSE}")
UNBOUNDED = re.compile(f"{OPEN}([^:@{CLOSE}]+){CLOSE}")  #: a parameter that is neither looked up nor said by digit
SAY = re.compile(r"<Say\b(?P<attributes>[^>]*)>.*?</Say>", re.DOTALL)
LANGUAGE = re.compile(r'\blanguage="([^"]*)"')
SPOKEN = re.compile(f"{OPEN}((?:{'|'.join(SAID_BY_DIGIT)})(?:@[^{CLOSE}:]*)?){CLOSE}")
#: What is said in the place of a number that is not shown, by language.
UNKNOWN_CALLER = {
    "da": "et ukendt nummer",
    "de": "unbekannt",
    "en": "an unknown caller",
    "es": "un número desconocido",
    "fr": "un numéro inconnu",
    "it": "un numero sconosciuto",
    "nb": "et ukjent nummer",
    "nl": "een onbekend nummer",
    "pt": "um número desconhecido",
    "sv": "ett okänt nummer",
}

REFUSED = Markup("-")  #: stands for what cannot be said; nobody hears it, because the book is refused

Play = Callable[[str], Markup]
Refuse = Callable[[str, object], None]  #: of a sentence and the wrong value, by which its place is found


class UnknownCaller:
    """What is said in the place of a number that is not shown: the answer's own words, else those of the language, if they are known."""

    def __init__(self, language: str, own: str) -> None:
        self.language = language
        self.own = own

    def words(self, language: str) -> str:
        """The words in a language; the answer's own fit its own language only."""
        if self.own and language == self.language:
            return self.own
        return UNKNOWN_CALLER.get(language.partition("-")[0].lower(), "")


def as_spoken(text: str, unknown: UnknownCaller) -> str:
    """A document in which numbers are said digit by digit, and a caller who shows none by words."""

    def said(found: re.Match[str]) -> str:
        """One <Say>."""
        named = LANGUAGE.search(found["attributes"])
        words = str(escape(unknown.words(named[1] if named else unknown.language)))
        return SPOKEN.sub(lambda each: spoken_part(each[1], words), found[0].replace(UNKNOWN, words))

    return SAY.sub(said, text).replace(UNKNOWN, str(escape(unknown.words(unknown.language))))


def spoken_part(name: str, words: str) -> str:
    """The placeholder of a parameter that is said."""
    return f"{OPEN}{name}:{f'caller:{words}' if name in CALLERS else 'spoken'}{CLOSE}"


def bounded(text: str) -> str:
    """A document in which a value of the caller's, however long, leaves each text short enough for Twilio: where several stand in one, they
    share what is left. Signs count as in UTF-16, an emoji as two, so that no way of counting finds more."""

    def within(found: re.Match[str]) -> str:
        """One verb."""
        names = UNBOUNDED.findall(found[0])
        left = longest_of(found) - units(html.unescape(TAG.sub("", PLACEHOLDER.sub("", found[0]))))
        left -= LONGEST_SAID * (len(PLACEHOLDER.findall(found[0])) - len(names))
        return UNBOUNDED.sub(lambda each: f"{OPEN}{each[1]}:most:{max(0, left // len(names))}{CLOSE}", found[0]) if names else found[0]

    return VERB.sub(within, text)


def longest_of(verb: re.Match[str]) -> int:
    """How much a verb may say."""
    if verb["verb"] == "Message":
        return LONGEST_MESSAGE
    voice = VOICE.search(verb["attributes"])
    return twiml.table().media["voice"]["Say"].longest_for(voice[1] if voice else "") or 0


def longest_filling(part: str) -> int:
    """How many bytes a placeholder becomes at most. A sign of UTF-16 has three in UTF-8 and six where it is escaped (`&quot;`)."""
    if part.startswith(":"):
        return LONGEST_ADDRESS
    name, _, way = part.partition(":")
    way, _, said = way.partition(":")
    if way == "most":
        return 6 * min(int(said), longest_value(name))
    if way in ("spoken", "caller"):
        return max(6 * LONGEST_SAID, len(said.encode()))
    return 6 * longest_value(name)


def units(text: str) -> int:
    """How long a text is in UTF-16."""
    return len(text.encode("utf-16-le")) // 2


class Words:
    """Writes the messages of one document: `refuse` tells what cannot be said, `language` and `voice` are for messages without their own
    (`named`: somebody wrote that language for that voice, and the grammar compares them), `play` writes the address of audio. What was
    refused is written somehow, so that the rest of the document is checked too."""

    def __init__(self, refuse: Refuse, language: str, voice: str, named: bool, play: Play | None) -> None:
        self.refuse = refuse
        self.language = language
        self.voice = voice
        self.named = named
        self.play = play

    def say(self, message: Any, unknown: bool = False) -> Markup:
        """A message as TwiML; with `unknown` words stand for the caller, of whom Twilio names a number of the company's."""
        messages = message if isinstance(message, list | tuple) and message else [message]
        said = Markup("").join(self.one(part if isinstance(part, Mapping) else {"text": part}) for part in messages)
        return Markup(OF_CALLER.sub(UNKNOWN, said)) if unknown else said  # noqa: S704 - escaped before

    def one(self, message: Mapping[str, Any]) -> Markup:
        """One message of a list."""
        known = self.known(message)
        if ("text" in known) == ("ssml" in known):
            also = ", also where audio is played: it stands in for it" * ("audio" in known)
            self.refuse(f"a message needs either text or ssml{also}", message)
            known = {"text": REFUSED}
        if "audio" in known and self.play:
            return Markup("<Play>{}</Play>").format(self.play(str(known["audio"])))
        if "ssml" in known and self.voice_of(known) in BASIC:
            needs = 'a message with ssml needs a voice that knows it, as in voice = "Polly.Joanna"; Twilio\'s basic voices do not'
            self.refuse(needs, message)
            known = {"text": REFUSED}
        return self.spoken(known)

    def known(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """A message with the keys that there are; a misspelt one is read as the one that it resembles."""
        for key in message:
            if key not in KEYS:
                self.refuse(f"a message has no {key!r}{nearest(key, KEYS)}; it may have {', '.join(KEYS)}", message)
        return {key if key in KEYS else near(key, KEYS) or key: value for key, value in message.items()}

    def spoken(self, message: Mapping[str, Any]) -> Markup:
        """A message that is said."""
        voice = self.voice_of(message)
        language = message.get("language") or self.language_beside(voice)
        attributes = Markup(' language="{}"').format(language) if language else Markup("")
        if voice:
            attributes += Markup(' voice="{}"').format(voice)
        said = self.words(message["text"]) if "text" in message else self.marked_up(message["ssml"], voice)
        return Markup("<Say{}>{}</Say>").format(attributes, said)

    def language_beside(self, voice: str) -> str:
        """The language of a message that names none, as far as its voice speaks it."""
        return self.language if self.named and voice == self.voice else language_for(voice, self.language)

    def voice_of(self, message: Mapping[str, Any]) -> str:
        """The voice of a message; nothing for the account's default."""
        return str(message.get("voice", "" if "language" in message else self.voice))

    def marked_up(self, ssml: Any, voice: str) -> Markup:
        """A text with SSML in it."""
        if not isinstance(ssml, str):
            self.refuse(f"ssml must be text in quotes; this is {ssml!r}", ssml)
            return REFUSED
        problems = check(f'<Response><Say voice="{escape(voice)}">{ssml}</Say></Response>', "voice")
        for problem in problems:
            self.refuse(f"ssml: {problem.message}", ssml)
        return REFUSED if problems else self.filled(Markup(ssml), ssml)  # noqa: S704 - the team's own

    def english(self, text: str) -> Mapping[str, str]:
        """A text that stands in a template, as a message: English, and said so where the answer speaks another language."""
        if self.language.startswith("en"):
            return {"text": text}
        return {"text": text, "language": "en-US"}

    def words(self, text: Any) -> Markup:
        """A text with the caller's parameters in their places."""
        if isinstance(text, jinja2.Undefined):
            text = str(text)  # raises, and names the value that is not set
        if not isinstance(text, str) or not text.strip():
            self.refuse(f"a message must be a text, a table or a list of these, and not empty; this is {text!r}", text)
            return REFUSED
        return self.filled(escape(text), text)

    def filled(self, said: Markup, text: str) -> Markup:
        """`{From}` as the placeholder that the answer function fills; `text`: as it was written."""
        for name in PARAMETER.findall(text):
            if name not in PARAMETERS:
                self.refuse(f"{{{name}}} is not a Twilio parameter that is kept{nearest(name, PARAMETERS)}", text)
        if brace := BRACE.search(PARAMETER.sub("", text)):
            remedy = "write a parameter as in {From}; a lone brace cannot be spoken, so correct or remove it"
            self.refuse(f"{brace.group()} stands alone in {shortened(text)!r}: {remedy}", text)
        return Markup(PARAMETER.sub(rf"{OPEN}\1{CLOSE}", said))  # noqa: S704 - escaped before
