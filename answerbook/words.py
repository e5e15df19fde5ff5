"""What a template says: messages in one language or several, with SSML, or as audio with the words that stand in for it.

A message in `config/` is one of
    "We are closed."                                                    in the answer's language and voice
    { text = "...", language = "de-DE", voice = "Polly.Vicki" }         in its own; without a voice in the basic one
    { ssml = "One moment. <break time='1s'/>", voice = "Polly.Amy" }    with SSML, which the basic voices do not know
    { audio = "closed.wav", text = "..." }                              played; said where the audio cannot be had
    [ ..., ... ]                                                        one after the other
A parameter of the caller's stands in braces: "You call from {From}."
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import jinja2
from markupsafe import Markup, escape

from answerbook.grammar import check
from config.mistakes import nearest, shortened
from lambdas.answer.journal import PARAMETERS

OPEN, CLOSE = "\ue000", "\ue001"
PARAMETER = re.compile(r"\{([A-Za-z]+)\}")
BRACE = re.compile(r"[{}]")
KEYS = ("text", "ssml", "audio", "language", "voice")
#: Twilio's own voices; https://www.twilio.com/docs/voice/twiml/say/text-speech has SSML with the others only.
BASIC = ("", "man", "woman", "alice")

Play = Callable[[str], Markup]
Mistake = Callable[[str, object], Exception]  #: of a sentence and the wrong value, by which its place is found


class Words:
    """Writes the messages of one document: `mistake` makes the error of what cannot be said, `language` and `voice` are for messages
    without their own, `play` writes the address of audio."""

    def __init__(self, mistake: Mistake, language: str, voice: str, play: Play | None) -> None:
        self.mistake = mistake
        self.language = language
        self.voice = voice
        self.play = play

    def say(self, message: Any) -> Markup:
        """A message as TwiML."""
        messages = message if isinstance(message, list | tuple) and message else [message]
        return Markup("").join(self.one(part if isinstance(part, Mapping) else {"text": part}) for part in messages)

    def one(self, message: Mapping[str, Any]) -> Markup:
        """One message of a list."""
        for key in message:
            if key not in KEYS:
                raise self.mistake(f"a message has no {key!r}{nearest(key, KEYS)}; it may have {', '.join(KEYS)}", message)
        if ("text" in message) == ("ssml" in message):
            also = ", also where audio is played: it stands in for it" * ("audio" in message)
            raise self.mistake(f"a message needs either text or ssml{also}", message)
        if "audio" in message and self.play:
            return Markup("<Play>{}</Play>").format(self.play(str(message["audio"])))
        return self.spoken(message)

    def spoken(self, message: Mapping[str, Any]) -> Markup:
        """A message that is said."""
        voice = str(message.get("voice", "" if "language" in message else self.voice))
        if "ssml" in message and voice in BASIC:
            needs = 'a message with ssml needs a voice that knows it, as in voice = "Polly.Joanna"; Twilio\'s basic voices do not'
            raise self.mistake(needs, message)
        attributes = Markup(' language="{}"').format(message.get("language", self.language))
        if voice:
            attributes += Markup(' voice="{}"').format(voice)
        said = self.words(message["text"]) if "text" in message else self.marked_up(message["ssml"], voice)
        return Markup("<Say{}>{}</Say>").format(attributes, said)

    def marked_up(self, ssml: Any, voice: str) -> Markup:
        """A text with SSML in it."""
        if not isinstance(ssml, str):
            raise self.mistake(f"ssml must be text in quotes; this is {ssml!r}", ssml)
        for problem in check(f'<Response><Say voice="{escape(voice)}">{ssml}</Say></Response>', "voice"):
            raise self.mistake(f"ssml: {problem.message}", ssml)
        return self.filled(Markup(ssml), ssml)  # noqa: S704 - the team's own

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
            raise self.mistake(f"a message must be a text, a table or a list of these, and not empty; this is {text!r}", text)
        return self.filled(escape(text), text)

    def filled(self, said: Markup, text: str) -> Markup:
        """`{From}` as the placeholder that the answer function fills; `text`: as it was written."""
        for name in PARAMETER.findall(text):
            if name not in PARAMETERS:
                raise self.mistake(f"{{{name}}} is not a Twilio parameter that is kept{nearest(name, PARAMETERS)}", text)
        if brace := BRACE.search(PARAMETER.sub("", text)):
            remedy = "write a parameter as in {From}; a lone brace cannot be spoken, so correct or remove it"
            raise self.mistake(f"{brace.group()} stands alone in {shortened(text)!r}: {remedy}", text)
        return Markup(PARAMETER.sub(rf"{OPEN}\1{CLOSE}", said))  # noqa: S704 - escaped before
