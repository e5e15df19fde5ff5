"""Audio: found beside the templates, checked, named by its digest, and replaced by words when it cannot be had."""

import shutil
import struct
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from answerbook.compile import TEMPLATES
from tests.unit.books import MEDIA, book, compiled, document, refused, settings_text, twiml

GREETING = '[answer.box]\nflow = "voicemail"\ngreeting = [{ audio = "hello.wav", text = "Hello." }, "Please speak."]\n'


@pytest.fixture
def templates(tmp_path: Path, hello: bytes) -> Path:
    """The project's templates with a recorded greeting."""
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    (tmp_path / "templates" / "voicemail" / "hello.wav").write_bytes(hello)
    return tmp_path / "templates"


def played(sent: str) -> str:
    """The address that a document plays."""
    return sent.partition("<Play>")[2].partition("</Play>")[0]


def test_a_greeting_is_played_from_our_own_address(templates: Path) -> None:
    """Its name holds the digest: other content is another address."""
    sent = twiml(book(GREETING, templates, voice="box"))
    assert played(sent).startswith(f"{MEDIA}/box.start.1.")
    assert '<Say language="en-US">Please speak.</Say>' in sent
    (templates / "voicemail" / "hello.wav").write_bytes((templates / "voicemail" / "hello.wav").read_bytes() + b"\0\0")
    assert played(twiml(book(GREETING, templates, voice="box"))) != played(sent)


@pytest.mark.parametrize("entry", ["/voice", "/sip/office"])
def test_when_the_audio_fails_the_words_are_said(templates: Path, entry: str) -> None:
    """ErrorUrl names the document that played it, so it needs no cookie, and whatever the rules are the same document is said."""
    outgoing = (
        '[answer.out]\nflow = "dial_through"\ncaller_id = "+12025550199"\nprefixes = ["+1"]\notherwise = "box"\n[[sip]]\nanswer = "out"\n'
    )
    answers = book(GREETING + outgoing, templates, voice="box", twilio='sip_domains = ["office"]')
    failed = played(twiml(answers, entry, To="+33"))
    twin = twiml(answers, entry, To="+33", ErrorUrl=failed, ErrorCode="11200", CallStatus="in-progress")
    assert "<Play>" not in twin
    assert '<Say language="en-US">Hello.</Say><Say language="en-US">Please speak.</Say>' in twin
    assert "/voice/box/recorded/1" in twin


def test_each_document_has_words_of_its_own(templates: Path) -> None:
    """Two answers that play the same file are told apart."""
    other = GREETING.replace("answer.box", "answer.other").replace("Hello.", "Welcome.")
    answers = book(GREETING + other + '[[voice]]\nFromCountry = "GB"\nanswer = "other"\n', templates, voice="box")
    british = played(twiml(answers, FromCountry="GB"))
    assert document(answers, FromCountry="US", ErrorUrl=british) == "other/start.said/1"
    assert document(answers, FromCountry="GB", ErrorUrl=played(twiml(answers))) == "box/start.said/1"


def test_audio_of_an_earlier_release_gets_the_last_resort(templates: Path) -> None:
    """Our media host is ours: what failed there and is not known ends the chain."""
    answers = book(GREETING, templates, voice="box")
    assert document(answers, ErrorUrl=f"{MEDIA}/box.start.1.0000000000000000.wav") == "last_resort/voice"


def test_files_are_shared_between_flows(templates: Path, hello: bytes) -> None:
    (templates / "audio").mkdir()
    (templates / "audio" / "jingle.wav").write_bytes(hello)
    made = compiled(settings_text(GREETING.replace("hello.wav", "jingle.wav"), voice="box"), templates)
    assert list(made["audio"].values()) == ["audio/jingle.wav"]


def test_a_template_that_plays_by_itself_needs_words_too(templates: Path, hello: bytes) -> None:
    """`audible` is false in the twin; without one synth stops."""
    (templates / "own").mkdir()
    (templates / "own" / "tune.wav").write_bytes(hello)
    (templates / "own" / "start.xml").write_text("<Response><Play>{{ audio('tune.wav') }}</Play></Response>")
    assert "nothing would be said if the audio could not be had" in refused('[answer.own]\nflow = "own"\n', templates, voice="own")
    both = "<Response>{% if audible %}<Play>{{ audio('tune.wav') }}</Play>{% else %}<Say>La la.</Say>{% endif %}</Response>"
    (templates / "own" / "start.xml").write_text(both)
    answers = book('[answer.own]\nflow = "own"\n', templates, voice="own")
    assert "<Say>La la.</Say>" in twiml(answers, ErrorUrl=played(twiml(answers)))


def test_every_flow_that_plays_has_a_twin_in_words(templates: Path) -> None:
    """Of each document with Play there is one without, reached by its ErrorUrl."""
    made = compiled(settings_text(GREETING, voice="box"), templates)
    playing = {name for name, content in made["documents"].items() if "<Play>" in "".join(content["parts"])}
    rules = [rule for rule in made["steps"]["voice"] if rule["at"] == "audio"]
    assert {name.replace("/start/", "/start.said/") for name in playing} == {rule["document"] for rule in rules} != set()
    assert all("<Play>" not in "".join(made["documents"][rule["document"]]["parts"]) for rule in rules)


def wav(data: bytes, chunk: bytes = b"fmt ") -> bytes:
    """A WAV file with this sound in it, mu-law at 8 kHz."""
    form = chunk + struct.pack("<IHHIIHH", 16, 7, 1, 8000, 8000, 1, 8)
    body = b"WAVE" + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def test_telephone_audio_is_taken(templates: Path) -> None:
    """Mu-law, as PBXes record it."""
    (templates / "voicemail" / "hello.wav").write_bytes(wav(b"\xff" * 8000))
    assert "<Play>" in twiml(book(GREETING, templates, voice="box"))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("hello.wav", b"<html>404</html>", "this is no WAV audio"),
        ("hello.wav", b"", "this is no WAV audio"),
        ("hello.wav", wav(b""), "there is no sound in it"),
        ("hello.mp3", b"ID3\x04" + b"\0" * 300, "this is no MP3 audio"),
        ("hello.ogg", b"OggS", "Twilio plays no .ogg files; convert it to WAV or MP3"),
        ("hello", b"x", "Twilio plays no nameless files"),
        ("hello.wav", wav(b"\xff" * (4 * 1024 * 1024)), "4.2 MB is more than the 4 MB that one answer can carry"),
    ],
)
def test_what_is_no_audio_is_refused(templates: Path, name: str, content: bytes, says: str) -> None:
    """With the file, and what to do."""
    (templates / "voicemail" / name).write_bytes(content)
    message = refused(GREETING.replace("hello.wav", name), templates, voice="box")
    assert message.startswith(f"{templates}/voicemail/{name}: ")
    assert says in message


@pytest.mark.parametrize("name", ["helo.wav", "../voicemail/hello.wav", "/etc/hostname"])
def test_a_file_that_is_not_beside_the_templates_is_refused(templates: Path, name: str) -> None:
    message = refused(GREETING.replace("hello.wav", name), templates, voice="box")
    assert "there is no such audio file" in message
    assert ("did you mean 'hello.wav'?" in message) == (name == "helo.wav")


def test_the_address_is_one_segment(templates: Path) -> None:
    """`GET /{file}` takes one."""
    assert urlsplit(played(twiml(book(GREETING, templates, voice="box")))).path.count("/") == 2
