"""What a voice speaks. A `<Say>` whose voice and language do not fit fails: in an outage that is silence.

https://www.twilio.com/docs/voice/twiml/say#voice; the voices are those of `[voices]` in `twiml.toml`.
"""

from collections.abc import Mapping

from answerbook import twiml
from answerbook.attributes import Kind
from answerbook.nearest import did_you_mean

#: The <Say> that depends on least: no company but Twilio, and no setting of the account's. docs/decisions.md
PLAINEST = 'language="en-US" voice="man"'

#: Mandarin under two codes, which Twilio and Google use for the same voices.
_ALIKE = {"cmn": "zh"}


def _spoken_by(voice: str) -> tuple[str, ...]:
    """The languages of a voice, the usual one first; empty where the table does not know any."""
    company, _, name = voice.partition(".")
    if company == "Google":
        return ("-".join(name.split("-")[:2]),)
    return twiml.table().speaks.get(voice, ())


def _fits(voice: str, language: str) -> bool:
    """Whether nothing is known against saying a language with a voice."""
    spoken = _spoken_by(voice)
    return not spoken or _canonical(language) in map(_canonical, spoken)


def language_for(voice: str, inherited: str) -> str:
    """The language to write beside a voice where nobody has named one for it: the inherited one where it fits, else the voice's own, rather
    of the same language than of another. Empty, to be left out, for a voice that the table does not know, and for a language that <Say> has
    no code for; without any voice the inherited one, because the account has a voice for each language."""
    spoken = _spoken_by(voice)
    if not voice or (spoken and _fits(voice, inherited)):
        return inherited
    return _as_written(next((language for language in spoken if _first(language) == _first(inherited)), next(iter(spoken), "")))


def mismatch(voice: str, language: str) -> str:
    """What is wrong with a language beside a voice, and the remedies; empty if nothing is known to be, or if <Say> has no such language."""
    if _fits(voice, language) or not _as_written(language):
        return ""
    spoken = _spoken_by(voice)
    own = [f'write language="{each}"' for each in spoken if _first(each) == _first(language)][:1]
    others = [name for name in twiml.table().speaks if _fits(name, language)]
    instead = [f", as in {min(others, key=lambda name: (_engine(name) != _engine(voice), name))}"] if others else [""]
    remedy = " or ".join([*own, f"choose a voice of that language{instead[0]}"])
    return f"speaks {' and '.join(spoken)}, not {language}; {remedy}"


def doubt(voice: str) -> str:
    """Why a voice whose name Twilio might take deserves a second look; empty for one in the table, or for one that the grammar refuses."""
    table = twiml.table()
    if not voice or voice in table.voices or _say()["voice"].fault(voice):
        return ""
    company = voice.partition(".")[0]
    near = did_you_mean(voice, [name for name in table.voices if name.startswith(f"{company}.")])
    known = f"{company} had no voice {voice} when the table was compared ({table.voices_compared})"
    if company == "ElevenLabs":
        known = f"{company}' voices are in no table, so nobody has checked {voice}"
    return f"{known}{near}; a voice that Twilio does not have says nothing, so call once and listen"


def _as_written(language: str) -> str:
    """A language as <Say> takes it; empty where it does not."""
    return next((code for code in _say()["language"].words if code.casefold() == language.casefold()), "")


def _say() -> Mapping[str, Kind]:
    """The attributes of <Say>."""
    return twiml.table().media["voice"]["Say"].attributes


def _engine(voice: str) -> str:
    """How one of Amazon's voices is made; nothing for standard ones, and for other companies'."""
    return voice.partition("-")[2] if voice.startswith("Polly.") else ""


def _canonical(language: str) -> str:
    first, _, place = language.casefold().partition("-")
    return f"{_ALIKE.get(first, first)}-{place}"


def _first(language: str) -> str:
    """`de` of `de-AT`."""
    return _canonical(language).partition("-")[0]
