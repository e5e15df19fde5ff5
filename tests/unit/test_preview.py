"""`fallback preview` and `fallback flows`: what callers will hear, before anybody deploys it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from answerbook.compile import compile_book
from config.folders import TEMPLATES
from config.settings import HERE, load
from lambdas.answer.book import Book
from ops.cli import app
from ops.walk import ADDRESSES
from tests.unit.books import request, settings_text
from tests.unit.test_flows import desks

LINE = """
[answer.line]
flow = "forward"
numbers = ["+12025550171", "+12025550172"]
caller_id = "+12025550100"
ring_seconds = 12
otherwise = "box"
[answer.box]
flow = "voicemail"
greeting = "Please leave a message."
[[voice]]
To = "+15005550006"
answer = "line"
[calendar.office]
zone = "Europe/Berlin"
thursday = ["09:00-17:00"]
[[voice]]
open = "office"
answer = "box"
[[trunk]]
answer = "box"
"""
AS_SOMEBODY = ("-c", "user.name=a", "-c", "user.email=a@example.com")
TO_THE_LINE = ["--to", "+15005550006", "--from", "+442071838750", "--error-url", "https://app.example.com/voice", "--error-code", "11200"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Settings and templates in a git repository of their own."""
    shutil.copytree(TEMPLATES, tmp_path / "twiml_templates")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "test.toml").write_text(settings_text(LINE, twilio='trunks = ["main"]'))
    for words in (["init", "-q"], ["add", "."], [*AS_SOMEBODY, "commit", "-qm", "first"]):
        subprocess.run(["git", "-C", tmp_path, *words], check=True, capture_output=True)
    return tmp_path


def run(project: Path, *words: str) -> str:
    """What a command prints; fails if it fails."""
    result = invoked(project, *words)
    assert result.exit_code == 0, result.output
    return str(result.output)


def invoked(project: Path, *words: str) -> Any:
    where = ["-e", "test", "--config", str(project / "config"), "--templates", str(project / "twiml_templates")]
    return CliRunner().invoke(app, [*words, *where])


def test_the_rule_and_its_line_are_named(project: Path) -> None:
    shown = run(project, "preview", *TO_THE_LINE)
    assert shown.startswith(f"test.toml:24 answers with line/ring/1 ({project}/twiml_templates/forward/ring.xml)\n")


@pytest.fixture
def overriding(project: Path) -> Path:
    """One document of a team's own, all else shipped."""
    own = project / "own" / "voicemail"
    own.mkdir(parents=True)
    own.joinpath("start.xml").write_text((TEMPLATES / "voicemail" / "start.xml").read_text().replace("<Record", "<Pause/>\n  <Record"))
    return project / "own"


def test_the_file_of_each_document_is_named(project: Path, overriding: Path) -> None:
    """One document is the team's own; the rest of its flow is shipped. `flows` names the team's own alone."""
    where = ["-e", "test", "--config", str(project / "config"), "--templates", str(overriding)]
    asked = ["preview", "--entry", "trunk/main", "--to", "+12025550100"]
    shown = CliRunner().invoke(app, [*asked, *where]).output
    assert f"answers with box/start/1 ({overriding}/voicemail/start.xml)" in shown
    assert "-> box/goodbye/1 (voicemail/goodbye.xml)" in shown
    assert "<Pause/>" in shown
    files = json.loads(CliRunner().invoke(app, [*asked, "--json", *where]).output)["documents"]
    assert (files["box/start/1"]["file"], files["box/goodbye/1"]["file"]) == (f"{overriding}/voicemail/start.xml", "voicemail/goodbye.xml")
    drawn = CliRunner().invoke(app, ["flows", *where]).output
    assert f"otherwise -> box/start ({overriding}/voicemail/start.xml)" in drawn
    assert "goodbye.xml" not in drawn


def test_the_difference_of_one_document_of_ones_own_is_shown(project: Path, overriding: Path) -> None:
    """The shipped flows lie elsewhere, and are today's on both sides."""
    subprocess.run(["git", "-C", project, "add", "."], check=True, capture_output=True)
    subprocess.run(["git", "-C", project, *AS_SOMEBODY, "commit", "-qm", "own"], check=True, capture_output=True)
    start = overriding / "voicemail" / "start.xml"
    start.write_text(start.read_text().replace("<Pause/>", '<Pause length="3"/>'))
    where = ["-e", "test", "--config", str(project / "config"), "--templates", str(overriding)]
    lines = CliRunner().invoke(app, ["preview", "--diff", "HEAD", *where]).output.splitlines()
    assert [line for line in lines if line[:1] in "+-"][2:] == ["-  <Pause/>", '+  <Pause length="3"/>']


def test_every_following_document_is_shown_once(project: Path) -> None:
    """With the step and the rule that lead there, and the caller's details filled in."""
    shown = run(project, "preview", *TO_THE_LINE)
    for words in (
        "line/dialled/1, DialBridged = true forward/steps.toml:21 -> line/hangup/1",
        "line/dialled/1, otherwise forward/steps.toml:21 -> line/ring/2",
        "A call from +4 4 2 0 7 1 8 3 8 7 5 0. Press 1 to take it.",
        "line/dialled/2, otherwise forward/steps.toml:21 -> box/start/1",
        "box/recorded/1, otherwise voicemail/steps.toml:2 -> box/goodbye/1",
    ):
        assert shown.count(words) >= 1
    assert shown.count("Please leave a message.") == 1


def test_total_ring_time_is_shown(project: Path) -> None:
    """Two numbers, twelve seconds each."""
    assert "rings for up to 24 seconds if nobody takes the call" in run(project, "preview", *TO_THE_LINE)
    assert "rings for" not in run(project, "preview", "--to", "+15005550007")


def test_the_twiml_is_what_lambda_answers(project: Path) -> None:
    """To the byte: the same code fills the same book."""
    shown = json.loads(run(project, "preview", "--json", *TO_THE_LINE))
    book = Book(json.loads(json.dumps(compile_book(load("test", project / "config")))))
    asked = request(To="+15005550006", From="+442071838750", ErrorUrl="https://app.example.com/voice", CallStatus="ringing")
    asked.base = "https://fallback.example.com/v1"
    assert shown["document"] == book.choose(asked, 0).document == "line/ring/1"
    assert shown["documents"]["line/ring/1"]["twiml"] == book.fill("line/ring/1", asked, ADDRESSES)
    assert (shown["rule"], shown["rings"]) == ("test.toml:24", 24)


@pytest.mark.parametrize(
    ("at", "document"),
    [("2026-01-01T09:30+01:00", "box/start/1"), ("2026-01-01T07:30", "sorry/start/1"), ("2026-01-02T09:30+01:00", "sorry/start/1")],
)
def test_the_time_can_be_chosen(project: Path, at: str, document: str) -> None:
    assert json.loads(run(project, "preview", "--json", "--at", at))["document"] == document


def test_the_words_instead_of_the_audio_are_shown(project: Path, hello: bytes) -> None:
    (project / "twiml_templates" / "voicemail" / "hello.wav").write_bytes(hello)
    settings = project / "config" / "test.toml"
    played = settings.read_text().replace('"Please leave a message."', '{ audio = "hello.wav", text = "Please speak." }')
    settings.write_text(played.replace('[[trunk]]\nanswer = "box"', '[[trunk]]\nanswer = "sorry"'))
    shown = run(project, "preview", *TO_THE_LINE)
    assert "audio, our audio cannot be had audio -> box/start.said/1" in shown
    assert "Please speak." in shown


def test_other_entries_can_be_asked(project: Path) -> None:
    assert "answers with box/start/1" in run(project, "preview", "--entry", "trunk/main", "--to", "+12025550100")
    assert "sms manners answers with sms manners/silence" in run(project, "preview", "--body", "STOP", "--from", "+442071838750")


BY_PLACE = """
[answer.english]
flow = "voicemail"
greeting = "Speak, please."
[[voice]]
FromCountry = "GB"
answer = "english"
[[voice]]
ToCountry = ["AT", "DE"]
FromCity = "BERLIN"
answer = "english"
[[voice]]
person = "client:*"
ErrorCode = "11200"
answer = "english"
"""


@pytest.fixture
def by_place(project: Path) -> Path:
    """Rules that ask for what Twilio makes of numbers."""
    (project / "config" / "test.toml").write_text(settings_text(BY_PLACE))
    return project


@pytest.mark.parametrize(
    ("words", "document", "unknown"),
    [
        (["--from", "+442071838750"], "english/start/1", []),
        (["--from", "+442071838750", "--param", "FromCountry=IE", "--to", "+442071838751"], "sorry/start/1", []),
        (["--from", "+12025550177", "--to", "+12025550100"], "sorry/start/1", []),
        (["--from", "sip:ann@pbx.acme.com", "--to", "+4930123456"], "sorry/start/1", ["--param FromCountry=…", "--param FromCity=…"]),
        (["--from", "+4930123455", "--to", "+4930123456"], "sorry/start/1", ["--param FromCity=…"]),
        (["--from", "+4930123455", "--to", "+4930123456", "--param", "FromCity=BERLIN"], "english/start/1", []),
        (["--from", "client:ann", "--to", "+12025550100"], "sorry/start/1", ["--param FromCountry=…", "--error-code=…"]),
        ([], "sorry/start/1", ["--from=…", "--to=…", "--param FromCity=…", "--from=…", "--error-code=…"]),
    ],
)
def test_what_twilio_makes_of_a_number_is_known_and_the_rest_is_asked_for(
    by_place: Path, words: list[str], document: str, unknown: list[str]
) -> None:
    """A rule that could not be judged is named, unless something that is known speaks against it."""
    shown = json.loads(run(by_place, "preview", "--json", *words))
    assert (shown["document"], [each["add"] for each in shown["unknown"]]) == (document, unknown)


ASKED = {"voice": ["--entry", "voice"], "trunk": ["--entry", "trunk/main"], "sms": ["--body", "Hello"]}


@pytest.mark.parametrize("part", ["City", "State", "Zip"])
@pytest.mark.parametrize("side", ["From", "To"])
@pytest.mark.parametrize("entry", ASKED)
def test_where_somebody_is_is_asked_for(project: Path, entry: str, side: str, part: str) -> None:
    """Twilio alone knows the city, state and postal code of a number: calls, texts and calls of a trunk bear them."""
    flow = '[answer.there]\nflow = "reply"\ntext = "Yes"\n' if entry == "sms" else '[answer.there]\nflow = "apology"\ntext = "Yes"\n'
    rule = f'[[{entry}]]\n{side}{part} = "BERLIN"\nanswer = "there"\n'
    others = '[[trunk]]\nanswer = "sorry"\n' if entry == "trunk" else ""
    (project / "config" / "test.toml").write_text(settings_text(flow + rule + others, twilio='trunks = ["main"]' if others else ""))
    words = ["preview", "--json", *ASKED[entry], "--from", "+4930123455", "--to", "+4930123456"]
    shown = json.loads(run(project, *words))
    line = 1 + (project / "config" / "test.toml").read_text().splitlines().index(f"[[{entry}]]")
    asked = {"at": f"test.toml:{line}", "parameter": f"{side}{part}", "add": f"--param {side}{part}=…"}
    assert (asked in shown["unknown"], shown["document"].startswith("there")) == (True, False)
    known = json.loads(run(project, *words, "--param", f"{side}{part}=BERLIN"))
    assert (known["unknown"], known["document"].startswith("there")) == ([], True)


def test_what_a_document_says_of_the_caller_is_asked_for(project: Path) -> None:
    """Else a gap in the sentence would look like what callers hear. What only a later request bears is nothing that could be said."""
    words = '"From {From} in {FromCity}: speak. {Digits}"'
    (project / "config" / "test.toml").write_text(settings_text(f'[answer.box]\nflow = "voicemail"\ngreeting = {words}\n', voice="box"))
    asked = json.loads(run(project, "preview", "--json"))["unknown"]
    assert {(each["at"], each["add"]) for each in asked} >= {("box/start/1", "--from=…"), ("box/start/1", "--param FromCity=…")}
    assert "Digits" not in str(asked)
    assert all(each["parameter"].isalpha() for each in asked)
    known = ["--from", "+4930123455", "--to", "+4930123456", "--param", "FromCity=BERLIN"]
    assert json.loads(run(project, "preview", "--json", *known))["unknown"] == []


def test_a_rule_that_could_not_be_judged_is_named_with_its_line(by_place: Path) -> None:
    asked = ["--from", "+4930123455", "--to", "+4930123456"]
    says = "test.toml:21 asks for FromCity, which is unknown here: add --param FromCity=…"
    assert says in run(by_place, "preview", *asked).splitlines()
    assert says in run(by_place, "preview", "--diff", "HEAD", *asked).splitlines()


def test_the_clock_is_said_where_a_calendar_was_asked(project: Path) -> None:
    says = "whether office is open was judged for now: add --at=… for another moment"
    assert says in run(project, "preview", "--to", "+15005550007").splitlines()
    assert says not in run(project, "preview", "--to", "+15005550007", "--at", "2026-01-01T09:30+01:00")
    assert says not in run(project, "preview", *TO_THE_LINE)


def test_the_last_resort_and_other_parameters_can_be_asked(project: Path) -> None:
    ours = ["--error-url", "https://fallback.example.com/v1/voice/line/dialled/1"]
    assert "last resort answers with last_resort/voice" in run(project, "preview", *ours)
    shown = run(project, "preview", "--to", "+15005550006", "--param", "ForwardedFrom=+12025550171", "--from", "+442071838750")
    assert "answers with line/ring/2" in shown


def test_the_difference_to_a_revision_is_shown(project: Path) -> None:
    """What callers hear before and after, for a pull request: of one caller, or everything."""
    assert run(project, "preview", "--diff", "HEAD").strip() == "Callers hear the same before and after."
    settings = project / "config" / "test.toml"
    settings.write_text(settings.read_text().replace("Please leave a message.", "Please speak."))
    everything = run(project, "preview", "--diff", "HEAD")
    assert '-  <Say language="en-US">Please leave a message.</Say>' in everything
    assert '+  <Say language="en-US">Please speak.</Say>' in everything
    assert "Please speak." in run(project, "preview", "--diff", "HEAD", *TO_THE_LINE)
    assert json.loads(run(project, "preview", "--diff", "HEAD", "--json"))["changed"]
    text = ["--body", "hello", "--from", "+442071838750"]
    assert run(project, "preview", "--diff", "HEAD", *text).strip() == "Callers hear the same before and after."


def test_a_revision_that_does_not_compile_is_told_from_what_is_there_now(project: Path) -> None:
    settings = project / "config" / "test.toml"
    good = settings.read_text()
    settings.write_text(good.replace('To = "+15005550006"', 'To = "*"'))
    subprocess.run(["git", "-C", project, *AS_SOMEBODY, "commit", "-qam", "bad"], check=True, capture_output=True)
    settings.write_text(good)
    result = invoked(project, "preview", "--diff", "HEAD")
    assert "(as it was at HEAD, by today's checks; name a revision that passes them)" in str(result.exception)
    assert "/tmp" not in str(result.exception)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--diff", "nowhere"], "git archive: fatal: not a valid object name: nowhere"),
        (["--param", "From"], "write it as NAME=VALUE"),
        (["--entry", "fax"], "it serves voice, trunk, sms"),
        (["--entry", "trunk/mian"], "this environment has no trunk 'mian'; did you mean 'main'?; it serves trunk/main"),
        (["--param", "FormCountry=GB"], "no rule can ask for it; did you mean 'FromCountry'?"),
        (["--param", "FromCountry=England"], "FromCountry: 'England' is not a country code"),
        (["--from", "442071838750"], "From: '442071838750' is not a phone number: write it in E.164"),
        (["--from", "+44 20 7183 8750"], "From: '+44 20 7183 8750' is not a phone number"),
        (["--from", "whatsapp:442071838750"], "From: 'whatsapp:442071838750' contains no phone number in E.164"),
        (["--to", "00442071838750"], "To: '00442071838750' is not a phone number"),
        (["--status", "ringin"], "CallStatus: 'ringin' is never sent; did you mean 'ringing'?"),
        (["--error-code", "timeout"], "ErrorCode: 'timeout' is not an error code"),
        (["--at", "noon"], "write it as 90m, 2h, 3d or 2026-11-21T02:00"),
    ],
)
def test_a_mistake_is_a_sentence(project: Path, words: list[str], says: str) -> None:
    result = invoked(project, "preview", *words)
    assert result.exit_code == 1
    assert says in str(result.exception)


def test_flows_are_drawn_as_a_tree(project: Path) -> None:
    """From the entries on; what was drawn is named, not drawn again."""
    drawn = run(project, "flows")
    assert "To = +15005550006 -> line/start?" in drawn
    assert "DialBridged = true -> line/hangup" in drawn
    assert "otherwise -> line/start? (above)" in drawn
    assert "open = office -> box/start (above)" in drawn
    assert '"unsubscribe", "cancel", 9 more -> sms manners/silence' in drawn  # nothing is cut where no terminal is


def test_flows_are_drawn_as_mermaid(project: Path) -> None:
    """A flowchart whose arrows all join boxes that are there, with labels that do not end early."""
    lines = run(project, "flows", "--mermaid").splitlines()
    assert lines[0] == "flowchart LR"
    boxes = {line.strip().partition("[")[0].partition("{")[0].partition("(")[0] for line in lines if '"' in line and "-->" not in line}
    arrows = [line.split() for line in lines if "-->" in line]
    assert arrows
    assert all(arrow[0] in boxes and arrow[-1] in boxes for arrow in arrows)
    assert all(line.count('"') == 2 for line in lines if "-->" in line)
    assert lines.count("  end") == sum(line.startswith("  subgraph") for line in lines)


def test_flows_are_told_to_programs(project: Path) -> None:
    own = str(project / "twiml_templates" / "voicemail" / "start.xml")
    assert {"start": "voice", "when": "open = office", "end": "box/start", "file": own} in json.loads(run(project, "flows", "--json"))


def test_a_long_hunt_group_is_walked(project: Path) -> None:
    """A hundred numbers are no hundred calls deep in anything that matters."""
    settings = project / "config" / "test.toml"
    numbers = str([f"+1202555{number:04}" for number in range(100)])
    settings.write_text(settings.read_text().replace('["+12025550171", "+12025550172"]', numbers))
    assert json.loads(run(project, "preview", "--json", *TO_THE_LINE))["rings"] == 1200
    assert "rings for up to 1200 seconds" in run(project, "preview", *TO_THE_LINE)
    run(project, "flows")


def test_a_directory_of_hundreds_is_drawn_as_one(project: Path) -> None:
    """Nobody reads a list of numbers; what one of them leads to is shown to whoever asks for it, and a change of one as that one."""
    settings = project / "config" / "test.toml"
    settings.write_text(settings_text(desks(300), twilio='trunks = ["main"]'))
    subprocess.run(["git", "-C", project, *AS_SOMEBODY, "commit", "-qam", "desks"], check=True, capture_output=True)
    drawn = run(project, "flows")
    assert "To is one of the 270 in desks/sip -> desks/ring_sip_as_us" in drawn
    assert "+12022000" not in drawn
    assert "<Sip>sip:2000299@pbx.example.com</Sip>" in run(project, "preview", "--entry", "trunk/main", "--to", "+12022000299")
    settings.write_text(settings.read_text().replace("sip:2000299@", "sip:ann@"))
    changed = [line for line in run(project, "preview", "--diff", "HEAD").splitlines() if line[:1] in "+-"][2:]
    assert changed == ["-  +12022000299 = sip:2000299@pbx.example.com", "+  +12022000299 = sip:ann@pbx.example.com"]


@pytest.mark.parametrize("command", ["preview", "flows"])
def test_help_has_examples(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"]).output
    assert f"fallback {command}" in shown
    assert "Examples" in shown


def test_examples_can_be_previewed() -> None:
    """What docs/configuration.md says to try."""
    where = ["-e", "dialler", "--config", str(HERE / "examples")]
    shown = CliRunner().invoke(app, ["preview", *where, "--error-url", "https://dialler.example.com/calls/1/incoming"]).output
    assert "answers with sorry_to_disturb/start/1" in shown


def test_a_phone_of_the_company_at_voice_is_told_where_it_belongs(project: Path) -> None:
    """Its emergency calls are put through there, and nothing else."""
    shown = run(project, "preview", "--from", "sip:ann@office.sip.twilio.com", "--to", "911")
    assert "SipUrl followed by its name" in shown
    assert "<Number>911</Number>" in shown
    assert "SipUrl" not in run(project, "preview", "--from", "+442071838750", "--to", "+15005550006")


def test_a_terminal_that_takes_ascii_alone_shows_the_rest_somehow() -> None:
    """As `PYTHONIOENCODING=ascii`, or a container without a locale."""
    words = ["preview", "--to", "+15005550006", "--body", "gr\u00fcn \u2013 ?", "--environment", "local"]
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-m", "ops.cli", *words], check=False, env=environ, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr


def test_a_withheld_number_is_played_as_twilio_sends_it(project: Path) -> None:
    for words in ("+266696687", "anonymous", "Restricted"):
        assert "answers with" in run(project, "preview", "--to", "+15005550006", "--from", words)


def test_a_status_callback_is_said_to_be_none_of_a_caller(project: Path) -> None:
    """What a caller would hear says nothing of it."""
    ended = ["preview", "--to", "+15005550006", "--from", "+442071838750", "--status", "completed"]
    assert "nobody waits for an answer" in str(invoked(project, *ended).exception)
    assert "answers with" in run(project, *ended, "--error-url", "https://app.example.com/recorded")
