"""What Twilio refuses of an element although each of its attributes is right by itself."""

from collections.abc import Iterator

from answerbook.markup import Element

#: Seconds of a recording that is transcribed: error 13615, https://www.twilio.com/docs/api/errors/13615
LONGEST_TRANSCRIBED = 120
#: SSML that voices of an engine do not know and refuse: https://docs.aws.amazon.com/polly/latest/dg/supportedtags.html (read 2026-11-28)
UNKNOWN_TO = {"Neural": ("emphasis",), "Generative": ("emphasis",)}


def conflicts(element: Element) -> Iterator[tuple[str, str]]:
    """What is wrong with an element, and the value that is."""
    if element.name == "Record":
        yield from _transcribed(element)
    if element.name == "Say":
        yield from _unknown_to_voice(element)


def _transcribed(record: Element) -> Iterator[tuple[str, str]]:
    longest = record.attributes.get("maxLength", "")
    if record.attributes.get("transcribe") == "true" and longest.isdecimal() and int(longest) > LONGEST_TRANSCRIBED:
        remedy = f"make it {LONGEST_TRANSCRIBED} at most, or leave transcribe out"
        yield f'<Record maxLength="{longest}"> is too long for transcribe="true"; {remedy}', longest


def _unknown_to_voice(say: Element) -> Iterator[tuple[str, str]]:
    voice = say.attributes.get("voice", "")
    engine = voice.partition("-")[2] if voice.startswith("Polly.") else ""
    unknown = UNKNOWN_TO.get(engine, ())
    for tag in dict.fromkeys(below.name for below in say.descendants() if below.name in unknown):
        yield f'<Say voice="{voice}"> does not know <{tag}>, and says nothing; leave it out or choose a standard voice', voice
