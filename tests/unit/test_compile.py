"""What the compiler makes of settings and templates (what it refuses: test_proofs.py, test_rules.py, test_settings.py)."""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerbook.compile import TEMPLATES, compile_book
from config.mistakes import ConfigError
from config.settings import HERE, load, parse
from lambdas.answer.journal import PARAMETERS
from tests.unit.books import settings_text
from tests.unit.test_settings import broken

ANSWERS = """
[answer.keys]
flow = "menu"
greeting = "Press 1."
choices = { "1" = "mailbox" }
otherwise = "sorry"
[answer.mailbox]
flow = "voicemail"
greeting = "Speak, {From}."
[answer.echo]
flow = "reply"
text = "You wrote: {Body}"
"""
SETTINGS = parse("test", settings_text(ANSWERS, voice="keys", sms="echo"), Path("test.toml"))
FLOWS = ("apology", "menu", "reply", "silent", "voicemail")
FILES = sorted(path.relative_to(TEMPLATES) for flow in FLOWS for path in (TEMPLATES / flow).iterdir())


@pytest.fixture(params=sorted(path.stem for path in HERE.glob("*.toml")))
def book(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The book of each environment, as Lambda reads it."""
    return dict(json.loads(json.dumps(compile_book(load(request.param)))))


def rules(book: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every rule of a book."""
    yield from (rule for listed in book["steps"].values() for rule in listed)
    yield from book["unverified"].values()


def test_every_way_leads_somewhere(book: dict[str, Any]) -> None:
    """What a rule, a cookie or the last resort names is there: at call time nothing can be missing."""
    for rule in rules(book):
        assert rule.get("step") in book["steps"] or rule.get("document") in book["documents"]
    for document in book["documents"].values():
        assert document.get("come_back") in (None, *book["steps"])
    assert set(book["last_resort"].values()) <= set(book["documents"])
    assert set(book["unverified"]) == set(book["last_resort"]) == {"voice", "sms"}


def test_every_step_answers_everybody(book: dict[str, Any]) -> None:
    """The last rule of each list has no condition, and only the last."""
    for step, listed in book["steps"].items():
        assert [bool(rule["if"]) for rule in listed] == [True] * (len(listed) - 1) + [False], step


def test_documents_alternate_between_text_and_parameters(book: dict[str, Any]) -> None:
    """And no placeholder is left that nothing would fill."""
    for document in book["documents"].values():
        assert len(document["parts"]) % 2 == 1
        assert set(document["parts"][1::2]) <= PARAMETERS | {":base", ":callbacks", ":media"}
        assert not re.search("[\ue000\ue001]|{{|{%", "".join(document["parts"][::2]))


def test_addresses_of_ours_lead_to_steps_of_ours_and_bear_connection_overrides(book: dict[str, Any]) -> None:
    """They are not inherited from the URL of the number; a text is not asked for twice after a time-out."""
    for document in book["documents"].values():
        for name, after in zip(document["parts"][1::2], document["parts"][2::2], strict=True):
            if name == ":base":
                path, fragment, overrides = after.partition('"')[0].partition("<")[0].partition("#")
                assert path.removeprefix("/") in book["steps"]
                assert fragment
                assert overrides.replace("&amp;", "&").split("&")[0].startswith("rc=")
            if name == ":callbacks":
                assert after.startswith("/recording#")


def test_rules_say_where_they_stand(book: dict[str, Any]) -> None:
    """From a line of the log to a line of the settings or of a flow."""
    for rule in rules(book):
        assert re.match(r"[\w./]+\.toml:\d+$|unverified\.|last resort$|sms manners$|$", rule["at"]), rule["at"]


def test_the_id_says_whether_two_books_are_the_same() -> None:
    again = parse("test", settings_text(ANSWERS, voice="keys", sms="echo"), Path("test.toml"))
    other = parse("test", settings_text(ANSWERS.replace("Press 1.", "Press 1!"), voice="keys", sms="echo"), Path("test.toml"))
    assert compile_book(SETTINGS) == compile_book(again)
    assert compile_book(SETTINGS)["id"] != compile_book(other)["id"]


def test_templates_may_come_from_elsewhere(tmp_path: Path) -> None:
    """Nobody needs to fork the project to change a sentence."""
    for flow in FLOWS:
        shutil.copytree(TEMPLATES / flow, tmp_path / flow)
    start = tmp_path / "apology" / "start.xml"
    start.write_text(start.read_text().replace("<Hangup/>", '<Pause length="2"/><Hangup/>'))
    documents = compile_book(SETTINGS, tmp_path)["documents"]
    assert '<Pause length="2"/>' in "".join(documents["sorry/start/1"]["parts"])


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """A template in which some characters were lost or others put in."""
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 12)))
    signs = [
        "",
        "{{ x }}",
        "{% if call.From %}",
        "{{ call",
        "}}",
        "{{ 1 / 0 }}",
        "{{ call.From }}",
        "<",
        "&",
        "\x00",
        '"',
        "[",
        "turns = 9",
        "é",
        "{{ say(3) }}",
    ]
    return text[:start] + draw(st.sampled_from(signs)) + text[end:]


@given(st.data(), st.sampled_from(FILES))
def test_whatever_a_template_says_there_is_a_line_and_no_traceback(data: st.DataObject, file: Path) -> None:
    """Either it compiles, or it is refused in one line that names a file."""
    text = (TEMPLATES / file).read_text()
    with tempfile.TemporaryDirectory() as folder:
        for flow in FLOWS:
            shutil.copytree(TEMPLATES / flow, Path(folder) / flow)
        (Path(folder) / file).write_text(data.draw(damaged(text) | broken(text)))
        try:
            compile_book(SETTINGS, Path(folder))
        except ConfigError as error:
            message = str(error)
        else:
            message = "x.toml: "
    for line in message.split("\n"):
        assert re.match(r"\S+\.(toml|xml)\b", line), message
