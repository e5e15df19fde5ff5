"""Every command that a page tells people to type is one that runs: parsed by what would run it, and run where that needs no AWS."""

import io
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
from tests.unit import engineer
from tests.unit.page_commands import MORE, ROOT, Command, Wrong, check, commands, lines, split
from tests.unit.page_runs import NOT_RUN, reason, run, typed, whole

#: Of `fallback`, what answers without AWS.
OFFLINE = ("preview", "flows", "check-config")
COMMANDS = commands()


def is_offline(program: str, action: str = "") -> bool:
    """Whether a command is one of `fallback` that needs no AWS."""
    return program.endswith("fallback") and action in OFFLINE


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_of_a_page_can_be_typed(command: Command) -> None:
    check(command)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", sorted({command.words[1:] for command in run("fallback") if is_offline(*command.words[:2])}), ids=" ".join
)
def test_what_needs_no_aws_is_run(words: tuple[str, ...]) -> None:
    """A company's own settings are those of the tests."""
    own = [word.replace("../acme", "tests/company") for word in words]
    done = subprocess.run([sys.executable, "-m", "ops.cli", *own], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.fixture(scope="module")
def stack() -> Iterator[None]:
    """A deployment in moto, with all that the pages' commands ask for."""
    with engineer.deployment(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("FALLBACK_ENVIRONMENT", "pages")
        secrets, queues = engineer.client("secretsmanager"), engineer.client("sqs")
        arns = {name: secrets.create_secret(Name=name, SecretString="{}")["ARN"] for name in ("TokensSecretArn", "TwilioKeysSecretArn")}
        urls = {name: queues.create_queue(QueueName=name)["QueueUrl"] for name in ("VoicemailQueueUrl", "VoicemailDeadLettersUrl")}
        engineer.client("logs").create_log_group(logGroupName="journal")
        engineer.stack("us-east-1", "pages", **arns, **urls, TokenCheckFunctionName="check")
        yield


def asked() -> set[tuple[str, ...]]:
    """The words of those that ask a stack. Region and environment are those of moto."""
    elsewhere = re.compile(r" (?:-e|--region) \S+")
    stands_for = {"CA…": engineer.sid("CA"), "AC…": engineer.sid("AC"), "SK…": engineer.sid("SK")}
    all_words = (command.words[1:] for command in run("fallback") if not is_offline(*command.words[:2]))
    return {tuple(stands_for.get(word, word) for word in elsewhere.sub("", " ".join(("", *words))).split()) for words in all_words}


@pytest.mark.slow
@pytest.mark.parametrize("words", sorted(asked()), ids=" ".join)
@pytest.mark.usefixtures("stack")
def test_what_asks_a_stack_is_run_in_moto(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After an outage with a voicemail; a secret that is asked for is typed."""
    engineer.emptied()
    engineer.add(engineer.event(engineer.sid("CA")), engineer.voicemail(engineer.sid("CA"), engineer.sid("RE"), b"RIFF"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO("a" * 32 + "\n"))
    status = engineer.fallback(monkeypatch, *words)
    assert (status, "error:" in capsys.readouterr().err) == (0, False)


def test_every_command_is_run_or_says_why_not() -> None:
    """Each row of the table is needed, and what it does not name is run here or in a story."""
    running = {command for program in ("fallback", "aws", "python -m local.call") for command in run(program)}
    assert [str(command) for command in whole() if not reason(command) and command not in running] == []
    idle = [pattern for pattern, _ in NOT_RUN if not any(re.match(pattern, typed(command)) for command in whole())]
    assert idle == []


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
