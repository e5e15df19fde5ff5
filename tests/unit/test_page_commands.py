"""Every command that a page tells people to type is one that runs: parsed by what would run it, and run where that needs no AWS."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer import Context
from typer.core import TyperGroup as Group
from typer.main import get_command

from ops.cli import app
from stacks.alarms import PROBE, ROWS, Row, unasked
from tests.unit.page_commands import MORE, ROOT, Command, Wrong, check, commands, lines, split

#: Of `fallback`, what answers without AWS.
OFFLINE = ("preview", "flows", "check-config")
COMMANDS = commands()


def is_offline(program: str, action: str = "") -> bool:
    """Whether a command is one of `fallback` that needs no AWS."""
    return program.endswith("fallback") and action in OFFLINE


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_of_a_page_can_be_typed(command: Command) -> None:
    check(command)


@pytest.mark.parametrize("words", sorted({command.words for command in COMMANDS if is_offline(*command.words[:2])}), ids=" ".join)
def test_what_needs_no_aws_is_run(words: tuple[str, ...]) -> None:
    """But for what names a file or a branch of the reader's."""
    if not set(words) & {MORE, "--diff", "--config", "--templates"}:
        run = subprocess.run([sys.executable, "-m", "ops.cli", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
        assert (run.returncode, run.stderr) == (0, "")
        assert run.stdout


@pytest.mark.parametrize("row", [*ROWS, *PROBE, unasked("AC1")], ids=lambda row: row.name)
def test_the_command_that_an_alarm_sends_can_be_typed(row: Row) -> None:
    names = dict.fromkeys(re.findall(r"(?<!{){(\w+)}", row.command), "some")
    [words] = split(row.command.format(**names))
    check(Command(Path(row.name), words))


def test_the_examples_in_the_help_can_be_typed() -> None:
    """Of every command and of the whole."""
    examples = [line for text in helps(get_command(app)) for line in re.findall(r"^ *(fallback .*)$", text, re.MULTILINE)]
    assert len(examples) > 40
    for line in examples:
        for words in split(line.partition("  ")[0]):
            check(Command(Path("--help"), words))


def helps(command: Any) -> Iterator[str]:
    """The help texts of a command and of those below it."""
    yield command.help or ""
    if isinstance(command, Group):
        for name in command.list_commands(Context(command)):
            yield from helps(command.get_command(Context(command), name))


def test_the_pages_have_commands() -> None:
    """What finds them finds those in blocks, after a prompt and in sentences."""
    assert {command.words[0].removeprefix(".venv/bin/") for command in COMMANDS} >= {"fallback", "make", "aws", "python"}
    text = "Type `fallback errors --since 2h`.\n```sh\nA=1 make run  # three minutes\nfallback policies reader > a.json\n```\n"
    found = [words for line in lines(text + "```console\n$ echo | aws logs tail X\nout\n```\n") for words in split(line)]
    assert found == [
        ("make", "run"),
        ("fallback", "policies", "reader"),
        ("echo",),
        ("aws", "logs", "tail", "X"),
        ("fallback", "errors", "--since", "2h", MORE),
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("fallback erors", "No such command"),
        ("fallback errors --sinse 2h", "No such option"),
        ("fallback voicemails play", "Missing parameter"),
        ("make rum", "no rum"),
        ("make run PROT=1", "no PROT"),
        ('make cdk ARGS="deploy -c enviroment=production"', "no context"),
        ('make cdk ARGS="deploy --require-aproval never"', "no option"),
        ("aws lamda invoke", "no service"),
        ("aws lambda invoice", "no operation"),
        ("aws lambda invoke --function-name X --pay {}", r"unknown: \['--pay'\]"),
        ("aws lambda invoke out.json", r"missing: \['--function-name'\]"),
        ("aws logs tail X --sinse 1h", "unknown"),
        ("aws iam create-policy --policy-name x --policy-document file://config/iam/no.json", "there is no"),
        ("python -m ops.nothing", "no module"),
        ("python -m ops.cost --chek", "knows no --chek"),
        ("python -m local.call voyce", "No such command"),
        ("falback errors", "nobody checks"),
    ],
)
def test_what_cannot_be_typed_is_found(line: str, says: str) -> None:
    [words] = split(line)
    with pytest.raises(Wrong, match=says):
        check(Command(Path("page.md"), words))
