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
from typing import Any, NoReturn

import jinja2
from markupsafe import Markup, escape

from config.mistakes import ConfigError, nearest
from lambdas.answer.journal import PARAMETERS

OPEN, CLOSE = "\ue000", "\ue001"
PARAMETER = re.compile(r"\{([A-Za-z]+)\}")
KEYS = ("text", "ssml", "audio", "language", "voice")
#: Twilio's own voices; https://www.twilio.com/docs/voice/twiml/say/text-speech has SSML with the others only.
BASIC = ("", "man", "woman", "alice")

Play = Callable[[str], Markup]


class Words:
    """Writes the messages of one document: `language` and `voice` where a message has none of its own, `play` the address of audio."""

    def __init__(self, at: str, language: str, voice: str, play: Play | None) -> None:
        self.at = at
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
                self.refuse(f"a message has no {key!r}{nearest(key, KEYS)}; it may have {', '.join(KEYS)}")
        if ("text" in message) == ("ssml" in message):
            self.refuse(f"a message needs either text or ssml{', also where audio is played: it stands in for it' * ('audio' in message)}")
        if "audio" in message and self.play:
            return Markup("<Play>{}</Play>").format(self.play(str(message["audio"])))
        return self.spoken(message)

    def spoken(self, message: Mapping[str, Any]) -> Markup:
        """A message that is said."""
        voice = str(message.get("voice", "" if "language" in message else self.voice))
        if "ssml" in message and voice in BASIC:
            self.refuse('a message with ssml needs a voice that knows it, as in voice = "Polly.Joanna"; Twilio\'s basic voices do not')
        attributes = Markup(' language="{}"').format(message.get("language", self.language))
        if voice:
            attributes += Markup(' voice="{}"').format(voice)
        said = self.words(message["text"]) if "text" in message else self.filled(Markup(message["ssml"]))  # noqa: S704 - the team's own
        return Markup("<Say{}>{}</Say>").format(attributes, said)

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
            self.refuse(f"a message is a text, a table or a list of them, and not empty; this is {text!r}")
        return self.filled(escape(text))

    def filled(self, text: Markup) -> Markup:
        """`{From}` as the placeholder that the answer function fills."""
        return Markup(PARAMETER.sub(self.placeholder, text))  # noqa: S704 - escaped before

    def placeholder(self, found: re.Match[str]) -> str:
        """One parameter of the caller's."""
        if found[1] not in PARAMETERS:
            self.refuse(f"{found[0]} is no parameter of Twilio's that is kept{nearest(found[1], PARAMETERS)}")
        return f"{OPEN}{found[1]}{CLOSE}"

    def refuse(self, reason: str) -> NoReturn:
        """Stop, and say where."""
        raise ConfigError(f"{self.at}: {reason}")
