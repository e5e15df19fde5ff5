"""`fallback check-config`: all mistakes of all environments of a folder in one go, each once, by line."""

import json
import os
import shlex
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from answerbook.check import check
from config.lines import Lines
from config.mistakes import ConfigError
from config.toml import parse_toml
from ops.cli import app
from ops.command_line import command_line
from tests.unit.books import settings_text

#: A mistake of each kind: of the settings alone, of two tables together, of a rule, of a value that only its document shows.
MISTAKES = settings_text(
    """
[answr.box]
flow = "voicemail"
greeting = "Speak."
language = "de-XX"
[calendar.office]
zone = "Europe/Berln"
[[voice]]
open = false
answer = "box"
[[voice]]
From = "+44*"
answer = "bxo"
[retention]
evnts = 5
""",
    twilio='trunks = ["main"]\nnumbers = ["0049"]',
)
PLACEHOLDER, ACCOUNT = "AC00000000000000000000000000000001", "AC5d41402abc4b2a76b9719d911017c592"
TOLD = [
    "bad.toml:5: twilio.trunks: names are given, but no [[trunk]] rule says what their callers hear; add one",
    "bad.toml:6: twilio.numbers.0: '0049' is not a phone number: write it in E.164, as in +15550100123",
    "bad.toml:16: answr: unknown key; did you mean 'answer'?",
    "bad.toml:21: calendar.office.zone: 'Europe/Berln' is not a time zone; did you mean 'Europe/Berlin'?",
    'bad.toml:23: open = false: name the calendar, as in open = "office"; for when it is closed, let a rule without `open` follow',
    "bad.toml:27: voice.answer: there is no answer 'bxo'; did you mean 'box'?",
    "bad.toml:29: retention.evnts: unknown key; did you mean 'events'?",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One environment that is right, one that is not."""
    (tmp_path / "good.toml").write_text(settings_text().replace(PLACEHOLDER, ACCOUNT))
    (tmp_path / "bad.toml").write_text(MISTAKES.replace(PLACEHOLDER, ACCOUNT))
    return tmp_path


def told(folder: Path, *words: str) -> tuple[int, list[str]]:
    """Exit status and lines of the command."""
    done = CliRunner().invoke(app, ["check-config", "--config", str(folder), *words])
    return done.exit_code, done.stdout.replace(f"{folder}/", "").splitlines()


def test_every_mistake_is_told_once_by_line(folder: Path) -> None:
    """And what follows from one of them is not."""
    with pytest.raises(ConfigError) as caught:
        check("bad", folder)
    lines = [line.replace(f"{folder}/", "") for line in caught.value.mistakes]
    language = next(line for line in lines if "de-XX" in line)
    assert language.startswith("bad.toml:19: answer.box.language: ")
    assert [line for line in lines if line != language] == TOLD


def test_the_command_goes_through_a_folder(folder: Path) -> None:
    status, lines = told(folder)
    assert (status, len(lines)) == (1, len(TOLD) + 1)
    status, lines = told(folder, "-e", "good")
    assert (status, lines) == (0, ["1 environment: no mistakes, no warnings"])


def test_what_has_to_be_filled_in_before_a_deployment_is_a_warning(tmp_path: Path) -> None:
    """`cdk` refuses it for AWS; here somebody may still be writing. The local cloud's own environment keeps it."""
    for name in ("acme", "local"):
        (tmp_path / f"{name}.toml").write_text(settings_text())
    says = f"warning: acme.toml:4: twilio.accounts: {PLACEHOLDER} is a placeholder; write your own before you deploy"
    assert told(tmp_path) == (0, [says, "2 environments: no mistakes, 1 warning"])


def test_what_is_no_text_file_is_one_mistake_and_nobody_waits_for_it(folder: Path) -> None:
    """A pipe that nobody fills, a device without end, a link into the void or a circle, and a file that is none of settings."""
    (folder / "bad.toml").unlink()
    os.mkfifo(folder / "pipe.toml")
    (folder / "dir.toml").mkdir()
    for name, target in (("dead", "gone"), ("loop", "loop.toml"), ("zero", "/dev/zero")):
        (folder / f"{name}.toml").symlink_to(target)
    with (folder / "huge.toml").open("wb") as file:
        file.truncate(5_000_000_000)
    status, lines = told(folder)
    assert (status, lines) == (
        1,
        [
            "dead.toml: there is no such file; there are: dead, dir, good, huge, loop, pipe, zero",
            "dir.toml:1: is no file but a folder, a pipe or a device; rename it, or put a text file there",
            "huge.toml:1: 5000 MB is far more than settings or templates have; is it another file?",
            "loop.toml: cannot be read (Too many levels of symbolic links)",
            "pipe.toml:1: is no file but a folder, a pipe or a device; rename it, or put a text file there",
            "zero.toml:1: is no file but a folder, a pipe or a device; rename it, or put a text file there",
        ],
    )


@pytest.mark.parametrize("name", ["$(id)", "a b", "-x", "a;b", 'a"b', "ä", "x" * 41, "prod\n", "1st"])
def test_an_environment_has_a_name_that_a_stack_may_have(folder: Path, name: str) -> None:
    """It stands in names at AWS, in the journal's lines and in commands that people paste."""
    (folder / f"{name}.toml").write_text((folder / "good.toml").read_text())
    with pytest.raises(ConfigError, match="can be no environment"):
        check(name, folder)


def test_a_command_that_is_pasted_runs_nothing_else() -> None:
    words = shlex.split(command_line("status", "$(id); x", ["us-west-2`id`"]))
    assert words[1:] == ["status", "-e", "$(id); x", "--region", "us-west-2`id`"]


def test_programs_get_an_object_for_each(folder: Path) -> None:
    status, lines = told(folder, "--json")
    first = json.loads(lines[1])
    assert status == 1
    assert (first["kind"], first["line"], first["key"]) == ("error", 6, "twilio.numbers.0")


def test_a_folder_without_environments_is_probably_another_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, says in (("", "there is no environment in this folder"), ("nowhere", "there is no such folder"), ("file", "is a file")):
        done = CliRunner().invoke(app, ["check-config", "--config", str(tmp_path / name)])
        assert f"{tmp_path / name}: {says}" in str(done.exception)


def test_the_folder_that_the_shell_names_is_the_one_that_is_checked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_option = told(folder)
    monkeypatch.setenv("FALLBACK_CONFIG", str(folder))
    done = CliRunner().invoke(app, ["check-config"])
    assert (done.exit_code, done.stdout.replace(f"{folder}/", "").splitlines()) == with_option


def toml(good: int, between: int, mistakes: int) -> str:
    """So many mistakes, good lines before them and between them; every other one is a name that is given twice."""
    lines = [f'good_{number} = "x"\n' for number in range(good)]
    for number in range(mistakes):
        lines += [f"[table_{number}]\nagain = 1\n", "again = 2\n" if number % 2 else "wrong = x\n"]
        lines += [f'between_{line} = ["x",\n"y"]\n' for line in range(between)]
    return "".join(lines)


def characters_read(monkeypatch: pytest.MonkeyPatch, text: str, mistakes: int) -> int:
    """How much is given to Python's reader of TOML until all mistakes are told."""
    read: list[int] = []

    def loads(part: str) -> object:
        read.append(len(part))
        return tomllib.loads(part)

    with monkeypatch.context() as patch:
        patch.setattr("config.toml.tomllib", SimpleNamespace(loads=loads, TOMLDecodeError=tomllib.TOMLDecodeError))
        with pytest.raises(ConfigError) as caught:
            parse_toml(text, "x.toml")
    assert len(caught.value.mistakes) == mistakes
    return sum(read)


@pytest.mark.parametrize(("good", "between"), [(0, 0), (4000, 0), (0, 10), (1000, 3)])
def test_many_mistakes_are_found_in_time_in_proportion_to_the_file(monkeypatch: pytest.MonkeyPatch, good: int, between: int) -> None:
    """Ten times as long a file with ten times as many mistakes is ten times the work."""
    short, long = toml(good, between, 50), toml(good * 10, between, 500)
    works = [characters_read(monkeypatch, text, mistakes) / len(text) for text, mistakes in ((short, 50), (long, 500))]
    assert works[1] < 1.5 * works[0]
    assert max(works) < 64


def test_of_one_long_list_no_more_mistakes_are_told_than_anybody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them is found by reading the list once more."""
    text = "numbers = [\n" + "".join(f"  x{number},\n" for number in range(5000)) + "]\n"
    assert characters_read(monkeypatch, text, 101) < 101 * 3 * len(text)
    with pytest.raises(ConfigError) as caught:
        parse_toml(text, "x.toml")
    assert (
        caught.value.mistakes[0]
        == "x.toml:2: not TOML: x0 is not a TOML value; text needs quotes, and a comma follows each value of a list"
    )
    assert caught.value.mistakes[-1] == "x.toml:101: not TOML: there are more mistakes in this list or text; correct these first"


def test_names_given_twice_far_from_each_other_are_found() -> None:
    tables = "".join(f'[table_{number}]\nkey = "x"\n' for number in range(150))
    with pytest.raises(ConfigError) as caught:
        parse_toml(f"{tables}[table_3]\na = 1\n[table_4]\nb = x\n", "x.toml")
    assert [mistake.partition(": not TOML: ")[::2] for mistake in caught.value.mistakes] == [
        ("x.toml:301", "the table [table_3] is given a second time here; put all its keys under one header"),
        ("x.toml:303", "the table [table_4] is given a second time here; put all its keys under one header"),
        ("x.toml:304", 'b = x: text needs quotes, as in b = "..."; lists need [ ]'),
    ]


def test_a_wrong_value_of_a_long_list_has_its_own_line() -> None:
    """Each is looked up, not looked for: their lines are read once."""
    lines = Lines("codes = [\n" + "".join(f'  "x{number}", # x{number - 1}\n' for number in range(1000)) + "]\nother = 1\n")
    assert [lines.of(("codes", number), f"x{number}") for number in range(1000)] == list(range(2, 1002))
    assert lines.of(("codes",), "1 # x") == 1


def test_wrong_words_end_with_status_two(folder: Path) -> None:
    assert told(folder, "--nonsense")[0] == 2
