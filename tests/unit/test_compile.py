"""What the compiler makes of settings and templates (what it refuses: test_proofs.py, test_rules.py, test_settings.py)."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerbook.compile import compile_book
from config.folders import TEMPLATES
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
        names = {name if name[:1] == ":" else name.partition(":")[0].partition("@")[0] for name in document["parts"][1::2]}
        assert names <= PARAMETERS | {":base", ":callbacks", ":media"}
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
        assert re.match(r"[\w./]+\.toml:\d+$|unverified\.|last resort$|sms manners$|emergency calls$|$", rule["at"]), rule["at"]


def test_the_id_says_whether_two_books_are_the_same() -> None:
    again = parse("test", settings_text(ANSWERS, voice="keys", sms="echo"), Path("test.toml"))
    other = parse("test", settings_text(ANSWERS.replace("Press 1.", "Press 1!"), voice="keys", sms="echo"), Path("test.toml"))
    assert compile_book(SETTINGS) == compile_book(again)
    assert compile_book(SETTINGS)["id"] != compile_book(other)["id"]


def own(folder: Path, **files: str) -> Path:
    """A team's own templates: `flow__document` and what it says."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.{'toml' if name.endswith('steps') else 'xml'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def text_of(book: Mapping[str, Any], document: str) -> str:
    return "".join(book["documents"][document]["parts"])


def test_one_document_of_a_shipped_flow_may_be_ones_own(tmp_path: Path) -> None:
    """Nobody needs to fork the project, nor copy its flows, to change a sentence: that document differs and nothing else."""
    shipped, mine = compile_book(SETTINGS), compile_book(SETTINGS, own(tmp_path, voicemail__goodbye="<Response><Pause/></Response>"))
    differ = {name for name, document in mine["documents"].items() if shipped["documents"][name] != document}
    assert differ == {"mailbox/goodbye/1"}
    assert mine["steps"] == shipped["steps"]
    assert text_of(mine, "mailbox/goodbye/1") == "<Response><Pause/></Response>"


def test_a_template_finds_others_as_the_flow_finds_its_documents(tmp_path: Path) -> None:
    """A team's own first, then the shipped ones; the shipped one of the same name by `shipped/`. The values of both are known."""
    shipped = "shipped/apology/start.xml"
    folder = own(
        tmp_path,
        apology__start=f'{{% if brief | default(false) %}}<Response/>{{% else %}}{{% include "{shipped}" %}}{{% endif %}}',
        voicemail__goodbye='{% extends "apology/start.xml" %}',
    )
    text = ANSWERS.replace('flow = "voicemail"', 'flow = "voicemail"\ntext = "Bye."')
    book = compile_book(parse("test", settings_text(text, voice="keys", sms="echo"), Path("test.toml")), folder)
    assert "Sorry." in text_of(book, "sorry/start/1")
    assert "Bye." in text_of(book, "mailbox/goodbye/1")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"voicemail__goodbye": "<Response>\n<Sayy/></Response>"}, "{own}/voicemail/goodbye.xml:2: "),
        ({"voicemail__goodbye": "<Response>\n{{ nothing }}</Response>"}, "{own}/voicemail/goodbye.xml:2: 'nothing' is undefined"),
        ({"voicemail__goodbye": '\n{% include "parts/x.xml" %}', "parts__x": "\n\n{{ nothing }}"}, "{own}/parts/x.xml:3: 'nothing' is"),
        ({"voicemail__goodbye": '{% include "parts/x.xml" %}', "parts__x": "\n{% if %}"}, "{own}/parts/x.xml:2: Expected an expression"),
        ({"voicemail__goodbye": '{% include "apology/start.xml" %}'}, "test.toml:20: answer.mailbox.text: is missing; add it"),
        ({"voicemail__goodby": "<Response/>"}, "{own}/voicemail/goodby.xml: no rule leads to this document; did you mean 'goodbye'?"),
        (
            {"voicmail__goodbye": "<Response/>"},
            "{own}/voicmail: no flow has this name, and no template takes anything from it",
        ),
        (
            {
                "voicemail__goodbye": '{% extends "parts/y.xml" %}{% block end %}<Hangup/>{% endblock %}\n{% block ed %}{% endblock %}',
                "parts__y": '{% extends "parts/x.xml" %}',
                "parts__x": "<Response>{% block end %}{% endblock %}</Response>",
            },
            "{own}/voicemail/goodbye.xml:2: parts/y.xml has no block 'ed'; did you mean 'end'?",
        ),
        (
            {"voicemail__steps": 'recorded = [{ Digit = "1", document = "goodbye" }]'},
            "{own}/voicemail/steps.toml:1: 'Digit' is not a condition",
        ),
        ({"voicemail__steps": "recorded = [\n"}, "{own}/voicemail/steps.toml: not TOML"),
    ],
)
def test_a_mistake_names_the_file_in_which_it_stands(tmp_path: Path, files: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compile_book(SETTINGS, own(tmp_path, **files))
    assert str(caught.value).startswith(says.format(own=tmp_path, shipped=TEMPLATES))


@pytest.mark.parametrize("name", ["../outside.xml", "/etc/hostname", "shipped/../README.md", "shipped/..", "shipped//etc/hostname", ".."])
def test_a_template_reads_no_file_outside_its_folders(tmp_path: Path, name: str) -> None:
    """Not even to see which values it uses."""
    (tmp_path / "outside.xml").write_text("<Hangup/>")
    with pytest.raises(ConfigError, match=re.escape(f"apology/start.xml:1: there is no template '{name}'")):
        compile_book(
            SETTINGS, own(tmp_path / "own", apology__start=f'<Response><Say>{{{{ text }}}}</Say>{{% include "{name}" %}}</Response>')
        )


@pytest.mark.parametrize(
    "written",
    [
        '{{ "".__class__.__mro__ }}',
        '{{ cycler.__init__.__globals__.os.system("true") }}',
        '{{ "{0.__class__}".format(1) }}',
        "{% for number in range(1000000000) %}{% endfor %}",
    ],
)
def test_a_template_runs_no_code_on_the_machine_that_checks_it(tmp_path: Path, written: str) -> None:
    """It may be a colleague's proposal, and the machine the pipeline's, which may deploy."""
    with pytest.raises(ConfigError, match=r"unsafe|Range too big"):
        compile_book(SETTINGS, own(tmp_path, apology__start=f"<Response><Say>{{{{ text }}}}{written}</Say></Response>"))


def test_what_is_no_file_is_no_template(tmp_path: Path) -> None:
    """A pipe that nobody fills holds nobody up."""
    folder = own(tmp_path, voicemail__goodbye="<Response><Hangup/></Response>")
    os.mkfifo(folder / "voicemail/pipe.xml")
    (folder / "voicemail/folder.xml").mkdir()
    assert not {"voicemail/pipe", "voicemail/folder"} & compile_book(SETTINGS, folder)["documents"].keys()


def test_a_folder_without_templates_is_another_one_that_was_meant(tmp_path: Path) -> None:
    for folder, says in ((tmp_path / "mine", "there is no such folder"), (tmp_path, "there is no template in it")):
        with pytest.raises(ConfigError, match=says):
            compile_book(SETTINGS, folder)


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


@pytest.mark.slow
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


@pytest.mark.parametrize(
    "text", ["Call ## now", "#if($x) a #end", "#* no *# yes", "$context.identity costs $5", "a\\#b", "it's #1 & <b>", "#[[x]]#"]
)
def test_the_last_resort_means_nothing_to_velocity(text: str) -> None:
    """API Gateway would run it: a directive in it breaks the answer of the API, and callers hear Twilio's error message."""
    book = compile_book(parse("test", settings_text(f"[last_resort]\ntext = {json.dumps(text)}"), Path("test.toml")))
    document = book["documents"]["last_resort/voice"]["parts"][0]
    assert not re.search(r"\$|#[^0-9]", document)
    assert ElementTree.fromstring(document)[0].text == text
