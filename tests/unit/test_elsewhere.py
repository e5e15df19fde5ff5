"""What was deployed from a folder elsewhere: the stack is believed, whatever the files of this project say, or that they say nothing."""

import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.deployed import FOLDER, Deployed
from config.settings import HERE, load
from config.version import version
from ops.command_line import program
from tests.unit.engineer import (
    CALLER,
    OTHER,
    OWN,
    add,
    client,
    deployed_in,
    deployment,
    emptied,
    event,
    fallback,
    publish,
    sid,
    stack,
    unpublish,
)

Run = Callable[..., tuple[int, str, str]]
CALL, TEXT = sid("CA", 1), sid("SM", 2)
LOCAL = Deployed.of(load("local"), "0123456789ab", version())
#: As another company's folder has it: another primary, other numbers, other times.
ACME = replace(LOCAL, numbers=(OTHER,), primary_hosts=("calls.acme.example",), journal_days=3)


@pytest.fixture(scope="module", autouse=True)
def cloud() -> Iterator[None]:
    """`local` in us-east-1, and `acme` there too, of which this project has no file."""
    with deployment():
        stack("us-east-1", "acme", Version="0.0.1")
        yield


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command against `acme`; exit status, standard output, standard error."""
    monkeypatch.setenv("FALLBACK_ENVIRONMENT", "acme")
    for name in (FOLDER, "FALLBACK_REGION"):
        monkeypatch.setenv(name, "")  # so that what `--config` notes there is gone after the test
        monkeypatch.delenv(name)
    publish(ACME, environment="acme")
    emptied()

    def running(*words: str) -> tuple[int, str, str]:
        status = fallback(monkeypatch, *words)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return running


def lost(host: str) -> None:
    """A text that the primary missed, and its original."""
    text = event(TEXT, medium="sms", entry="sms", error_code="11202", error_url=f"https://{host}/texts")
    add(text, {"pk": TEXT, "sk": f"original#{text['sk']}", "form": "Body=Hello"})


def test_the_region_is_that_of_the_shell_where_no_file_names_one(run: Run) -> None:
    add(event(CALL))
    status, out, err = run("errors")
    assert (status, err) == (0, "")
    assert "acme, us-east-1" in out


def test_without_any_region_all_that_name_one_are_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    status, _, err = run("errors")
    assert status == 1
    for word in ("acme.toml: there is no such file", "--region", "FALLBACK_REGION", "AWS_REGION", "AWS profile", "--config", FOLDER):
        assert word in " ".join(err.split()), word
    assert run("errors", "--region", "us-east-1")[0] == 0
    monkeypatch.setenv("FALLBACK_REGION", "us-east-1")
    assert run("errors")[0] == 0


def test_the_folder_of_its_settings_names_the_region(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme.toml").write_text((HERE / "local.toml").read_text())
    monkeypatch.delenv("AWS_REGION")
    assert run("errors", "--config", str(tmp_path))[0] == 0
    monkeypatch.setenv(FOLDER, str(tmp_path))
    status, _, err = run("errors")
    assert status == 0
    assert err.strip() == f"{tmp_path / 'acme.toml'} differs from what is deployed: twilio.numbers, primary.hosts, retention.journal"


def test_what_is_not_deployed_yet_is_read_in_the_same_folder(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme.toml").write_text((HERE / "local.toml").read_text())
    monkeypatch.setenv(FOLDER, str(tmp_path))
    assert run("flows", "--json")[0] == 0
    assert run("preview", "--to", OWN, "--from", CALLER)[0] == 0


def test_a_folder_without_the_environment_is_a_mistake_where_nothing_else_names_a_region(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acne.toml").write_text((HERE / "local.toml").read_text())
    status, _, err = run("errors", "--config", str(tmp_path))
    assert status == 0
    assert "acme.toml: there is no such file; did you mean 'acne'?; there are: acne (what is deployed is not affected)" in " ".join(
        err.split()
    )
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    status, _, err = run("errors", "--config", str(tmp_path))
    assert status == 1
    assert "acme.toml: there is no such file" in err


def test_where_it_is_not_where_the_file_says_it_is_found_and_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text((HERE / "local.toml").read_text().replace("us-east-1", "eu-central-1", 1))
    status, out, err = run("errors", "--config", str(tmp_path))
    assert status == 0
    assert "acme, us-east-1" in out
    assert "stack fallback-acme in eu-central-1: it does not exist" in err
    assert "It was found in us-east-1." in err


def test_a_file_that_cannot_be_read_keeps_nobody_from_what_is_deployed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text("region =")
    for words in ([], ["--region", "us-east-1"]):
        status, _, err = run("errors", "--config", str(tmp_path), *words)
        assert status == 0
        assert "acme.toml:1: not TOML" in err
        assert "what is deployed is not affected" in err
        assert "region:" not in err, "the syntax is wrong, not the region"


def test_a_file_that_cannot_be_read_is_told_where_nothing_else_names_a_region(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme.toml").write_text("region =")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    status, _, err = run("errors", "--config", str(tmp_path))
    assert (status, err.count("acme.toml:1: ")) == (1, 1)


def test_neither_an_older_stack_nor_a_broken_file_keeps_anybody_from_what_callers_left(run: Run, tmp_path: Path) -> None:
    unpublish(environment="acme")
    add(event(CALL))
    (tmp_path / "acme.toml").write_text("region =")
    status, out, err = run("errors", "--config", str(tmp_path))
    assert (status, OWN in out) == (0, False)
    assert "the company's own numbers are masked too" in " ".join(err.split())
    assert run("forget", "--config", str(tmp_path), "--number", CALLER)[0] != 0


def test_the_companys_own_numbers_are_those_that_are_deployed(run: Run) -> None:
    add(event(CALL, to=OTHER))
    out = run("errors")[1]
    assert OTHER in out
    assert CALLER not in out


def test_what_is_given_back_goes_to_the_primary_that_is_deployed(run: Run) -> None:
    lost("calls.acme.example")
    assert "1  ready" in run("replay", "--since", "1h")[1]
    emptied()
    lost("app.example.com")
    assert "1  foreign" in run("replay", "--since", "1h")[1]


def test_nobody_forgets_the_companys_own_number(run: Run) -> None:
    add(event(CALL, to=OTHER))
    status, _, err = run("forget", "--number", OTHER, "--no-dry-run")
    assert status == 1
    assert "the company's own number" in err
    assert run("forget", "--number", OWN)[0] == 0, "a number of this project's own example is nobody's"


def test_a_number_elsewhere_that_calls_show_is_the_companys_own_too(run: Run) -> None:
    """Everybody whom the primary called stands beside it."""
    publish(replace(ACME, verified_caller_ids=(OTHER,), numbers=()), environment="acme")
    add(event(CALL, to=OTHER))
    assert OTHER in run("errors")[1]
    assert "the company's own number" in run("forget", "--number", OTHER, "--no-dry-run")[2]


def test_what_remains_is_told_as_it_is_deployed(run: Run) -> None:
    add(event(CALL))
    day = (datetime.now(UTC) - timedelta(minutes=5) + timedelta(days=3)).date()
    assert f"the journal log group: until {day}" in run("forget", "--number", CALLER)[1]


def test_masked_settings_switch_hand_back_off(run: Run) -> None:
    publish(replace(ACME, store="masked"), environment="acme")
    assert 'hand-back is switched off: [privacy] store = "masked"' in run("replay")[2]


def test_a_stack_of_an_older_version_is_asked_of_the_file(run: Run, tmp_path: Path) -> None:
    """Which is said. Without a file nobody is kept from what callers left, but nothing is erased or handed back."""
    unpublish(environment="acme")
    add(event(CALL))
    (tmp_path / "acme.toml").write_text((HERE / "local.toml").read_text())
    status, out, err = run("errors", "--config", str(tmp_path))
    assert (status, OWN in out) == (0, True)
    assert "an older version deployed it" in err
    assert f"{tmp_path / 'acme.toml'} is believed" in err

    del os.environ[FOLDER]
    status, out, err = run("errors")
    assert (status, OWN in out) == (0, False)
    assert "name the folder of its settings with --config DIR" in err
    for words in (["replay"], ["forget", "--number", CALLER]):
        status, _, err = run(*words)
        assert status == 1
        assert "deployed it" in err


def test_settings_that_a_deployment_is_changing_are_not_believed(run: Run) -> None:
    client("ssm").put_parameter(Name="/fallback/acme/deployed/000", Value="0123456789ab 9 [", Type="String", Overwrite=True)
    assert run("errors")[0] == 0
    assert "try again in a minute" in run("forget", "--number", OTHER)[2]


def test_more_parameters_than_one_answer_holds_are_read(run: Run) -> None:
    publish(replace(ACME, numbers=(OTHER, *(f"+1202{number:07}" for number in range(5000)))), environment="acme")
    assert "the company's own number" in run("forget", "--number", "+12020004999")[2]


# --- commands as they are printed


@pytest.mark.parametrize("words", [(), ("errors",), ("voicemails", "list", "--since", "1d"), ("replay",), ("call", CALL)])
def test_every_printed_command_names_environment_and_region(run: Run, words: tuple[str, ...]) -> None:
    """Copied, it asks the same stack."""
    lost("calls.acme.example")
    add(event(CALL))
    _, out, err = run(*words)
    for line in (out + err).splitlines():
        if f"{program()} " in line:
            assert "-e acme --region us-east-1" in line, line


def test_the_next_command_runs_as_it_is_printed(run: Run) -> None:
    add(event(CALL))
    [command] = [line.strip() for line in run()[1].splitlines() if " errors --from " in line]
    assert Path(shlex.split(command)[0]).exists() or shlex.split(command)[0] == "fallback"
    assert run(*shlex.split(command)[1:])[0] == 0


def test_every_region_that_was_asked_is_asked_again(run: Run) -> None:
    """By what is printed."""
    deployed_in("eu-west-1")
    out = run("status", "-e", "local", "--region", "us-east-1", "--region", "eu-west-1")[1]
    assert "console -e local --region us-east-1 --region eu-west-1" in out


# --- versions


def test_another_version_than_the_commands_is_said(run: Run) -> None:
    assert f"Version     0.0.1 is deployed in us-east-1, this command is of {version()}" in run("status")[1]
    assert "Version  " not in run("status", "-e", "local")[1]


def test_the_version_of_the_command(run: Run) -> None:
    assert run("--version")[:2] == (0, f"{version()}\n")


def test_what_another_version_does_not_have_is_said(run: Run) -> None:
    """And which versions they are, so that either can be changed."""
    said = run("tokens", "check")[2]
    assert "has no output TokenCheckFunctionName: 0.0.1 is deployed" in said
    assert f"this command is of {version()}; use the command of that version, or deploy this one" in said
