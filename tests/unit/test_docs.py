"""docs/configuration.md: the page is what the model says, its examples work, and its two walkthroughs end in an environment."""

import json
import re
import shutil
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2
import pytest
from jinja2 import nodes

from answerbook.compile import compile_book
from answerbook.templates import SPOKEN, Templates
from config.folders import TEMPLATES, Folders
from config.mistakes import ConfigError
from config.settings import parse
from lambdas.answer.book import Book
from local.twilio.audio import speech
from ops.docs import PAGE, every_key, required, toml, written
from tests.unit.books import NOW, document, settings_text, twiml

TEXT = PAGE.read_text()
BLOCKS = re.findall(r"^```(\w+)(?: (\w+)=(\S+))?\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
OTHERS = '[answer.voicemail]\nflow = "voicemail"\ngreeting = "Speak."\n[primary]\nhosts = ["app.example.com"]\nentry_urls = ["https://app.example.com/voice"]\n'


def blocks(kind: str) -> list[tuple[str, str]]:
    """The code blocks of the page with such a mark: its value, and the code."""
    return [(value, code) for _, mark, value, code in BLOCKS if mark == kind]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project to which a newcomer has added all that the page says, rules before those that were there."""
    folder = tmp_path_factory.mktemp("newcomer")
    shutil.copytree(TEMPLATES, folder / "twiml_templates")
    for name, code in blocks("file"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(code)
    for name, code in blocks("add"):
        before, rules = (folder / name).read_text().split("[[voice]]", 1)
        (folder / name).write_text(f"{before}{code}[[voice]]{rules}")
    (folder / "twiml_templates" / "audio").mkdir()
    (folder / "twiml_templates" / "audio" / "moved.wav").write_bytes(speech("We have moved."))
    return folder


@pytest.fixture(scope="module")
def newcomers(project: Path) -> Book:
    """The answer book of that project."""
    file = project / "config" / "small.toml"
    return Book(json.loads(json.dumps(compile_book(parse("small", file.read_text(), file), project / "twiml_templates"))))


def test_the_page_lists_every_key_as_the_model_says() -> None:
    """`python -m ops.docs` writes it; this is its --check."""
    assert written(TEXT) == TEXT


def test_every_key_has_a_description_and_an_example() -> None:
    listed = "\n".join(every_key())
    assert "None" not in listed
    assert "null" not in listed


def test_the_examples_of_all_keys_together_are_an_environment() -> None:
    """Copied as they stand, with the rules that they ask for."""
    listed = "\n".join(code for code in re.findall(r"^```toml\n(.*?)^```", "\n".join([*every_key(), ""]), re.MULTILINE | re.DOTALL))
    answers = '[answer.voicemail]\nflow = "voicemail"\ngreeting = "Speak."\n[answer.silent]\nflow = "silent"\n'
    out = '[answer.out]\nflow = "dial_through"\ncaller_id = "+12025550100"\nprefixes = ["+1"]\notherwise = "voicemail"\n'
    rules = "".join(
        f'[[{entry}]]\nanswer = "{answer}"\n'
        for entry, answer in (("voice", "voicemail"), ("trunk", "voicemail"), ("sip", "out"), ("app", "out"), ("sms", "silent"))
    )
    assert compile_book(parse("all", listed + answers + out + rules, Path("all.toml")))["calendars"]["office"]


def test_a_newcomer_adds_a_rule(newcomers: Book) -> None:
    """Germans reach sales in office hours, everybody else the mailbox."""
    call = {"To": "+15005550006", "From": "+4930123456", "FromCountry": "DE"}
    monday = NOW + 4 * 86400 + 9 * 3600
    assert document(newcomers, now=monday, **call) == "sales/ring/1"
    assert document(newcomers, now=monday, **call | {"FromCountry": "FR"}) == "voicemail/start/1"
    assert document(newcomers, now=monday + 12 * 3600, **call) == "voicemail/start/1"


def test_a_newcomer_adds_a_template(newcomers: Book) -> None:
    """Asked three times, then the mailbox; a number is read back."""
    assert document(newcomers, To="+15005550007") == "ticket/start/1"
    assert document(newcomers, "/voice/ticket/typed/1") == "ticket/start/2"
    assert document(newcomers, "/voice/ticket/typed/3") == "voicemail/start/1"
    assert "<Say>4 7 1 1</Say>" in twiml(newcomers, "/voice/ticket/typed/2", Digits="4711")


def test_every_flow_is_explained() -> None:
    assert sorted(flow for flow, _ in blocks("flow")) == Templates(Folders()).flows()


@pytest.mark.parametrize(("flow", "code"), blocks("flow"))
def test_the_example_of_a_flow_works(project: Path, flow: str, code: str) -> None:
    """Copied under an [answer] and named by a rule."""
    compile_book(parse("test", settings_with(flow, code), Path("test.toml")), project / "twiml_templates")


def settings_with(flow: str, values: str) -> str:
    """Settings in which a rule names an answer of a flow."""
    answer = f'{OTHERS}[answer.it]\nflow = "{flow}"\n{values}'
    if flow == "dial_through":
        return settings_text(f'{answer}[[sip]]\nanswer = "it"\n', twilio='sip_domains = ["office"]')
    return settings_text(answer, **{"sms" if flow in ("reply", "silent") else "voice": "it"})


@pytest.mark.parametrize(("flow", "code"), blocks("flow"))
def test_every_value_of_a_flow_stands_in_its_example_with_its_default(flow: str, code: str) -> None:
    """What the page says of values is what the templates do."""
    shown = tomllib.loads(code)
    used = Templates(Folders()).variables(flow) - SPOKEN
    assert set(shown) == used
    for name, value in defaults(flow).items():
        assert shown[name] == value, name


@pytest.mark.parametrize(("flow", "code"), blocks("flow"))
def test_a_flow_says_which_values_it_requires(project: Path, flow: str, code: str) -> None:
    """Exactly those without which its answer is refused for want of them; the rest may be left out, one by one and all at once."""
    shown = tomllib.loads(code)
    lacking = {name for name in shown if f": answer.it.{name}: " in refused_without(project, flow, shown, {name})}
    assert lacking == set(required(flow))
    assert refused_without(project, flow, shown, shown.keys() - lacking) == ""
    stands = {name: value for name, value in shown.items() if name not in lacking}
    optional = {line.partition(" ")[0] for line in code.splitlines() if "# optional: " in line}
    assert {name: value for name, value in defaults(flow).items() if name in stands} == {
        name: value for name, value in stands.items() if name not in optional
    }


def refused_without(project: Path, flow: str, shown: dict[str, Any], names: Iterable[str]) -> str:
    """What is said of the example of a flow without some of its values; nothing where it compiles."""
    values = "".join(f"{name} = {toml(value)}\n" for name, value in shown.items() if name not in names)
    folder = project / "twiml_templates"
    try:
        compile_book(parse("test", settings_with(flow, values), Path("test.toml")), folder, folder)
    except ConfigError as error:
        return str(error)
    return ""


def defaults(flow: str) -> dict[str, Any]:
    """The defaults that a flow's files give to its values."""
    found: dict[str, Any] = {}
    for path in sorted((TEMPLATES / flow).iterdir()):
        if path.suffix in (".xml", ".toml"):
            for node in jinja2.Environment(autoescape=True).parse(path.read_text()).find_all(nodes.Filter):
                if node.name == "default" and isinstance(node.node, nodes.Name):
                    value = node.args[0].args[0] if isinstance(node.args[0], nodes.Call) else node.args[0]
                    found |= {node.node.name: value.value} if isinstance(value, nodes.Const) else {}
    return found
