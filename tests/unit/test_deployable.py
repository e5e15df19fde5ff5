"""What is never deployed to AWS: an environment that nobody named, the local cloud's, and settings with placeholders."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aws_cdk import App

import app
from config.deployable import leads_to_this_machine, placeholders, refuse_undeployable
from config.file import HERE, File
from config.mistakes import ConfigError

ROOT = Path(__file__).parents[2]
OWN = 'region = "us-west-2"\n[primary]\nhosts = ["{host}"]\n[twilio]\naccounts = ["{account}"]\n'
ACCOUNT = "AC5d41402abc4b2a76b9719d911017c592"


def own(environment: str = "acme", host: str = "www.acme-phones.com", account: str = ACCOUNT) -> File:
    """The settings of a company."""
    return File(Path(f"{environment}.toml"), OWN.format(host=host, account=account))


def synthesized(monkeypatch: pytest.MonkeyPatch, context: dict[str, str], **variables: str) -> None:
    """What `app.py` does, in a shell that knows nothing of AWS."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "CDK_", "FALLBACK_"))]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    app.synthesize(App(context=context))


@pytest.mark.parametrize(
    ("context", "says"),
    [
        ({}, "which environment? Say it, as in -c environment=production; in"),
        ({"enviroment": "production"}, "-c enviroment=...: there is no such key; did you mean 'environment'?"),
        ({"environment": "production", "configs": "mine"}, "-c configs=...: there is no such key; did you mean 'config'?"),
        ({"environment": "local"}, "local.toml: the environment 'local' is for the local cloud"),
        ({"environment": "production"}, "production.toml:14: twilio.accounts: AC00000000000000000000000000000002 is a placeholder"),
    ],
)
def test_a_synthesis_for_aws_says_what_it_needs(context: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is deployed by default, and no mistyped word is passed over."""
    with pytest.raises(ConfigError, match=re.escape(says)):
        synthesized(monkeypatch, context)


def test_the_command_line_is_told_in_one_line() -> None:
    known = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    variables = known | {"CDK_CONTEXT_JSON": "{}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "app.py"], cwd=ROOT, check=False, env=variables, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: which environment? ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("context", [{}, {"config": "here"}])
def test_the_folder_is_the_one_that_is_named_on_the_command_line_else_in_the_shell(
    context: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `fallback flows` and `preview` showed is what is deployed."""
    for name in ("here", "shell"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.toml").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=f"there are: {context.get('config', 'shell')}$"):
        synthesized(monkeypatch, context, FALLBACK_CONFIG=str(tmp_path / "shell"))


@pytest.mark.parametrize("account", ["AC" + "0" * 31 + "1", "AC" + "0" * 32, "AC" + "1" * 32, "AC" + "a" * 32])
def test_nobody_has_these_accounts(account: str) -> None:
    assert [line.partition(": ")[2] for line in placeholders(own(account=account))] == [
        f"twilio.accounts: {account} is a placeholder; write your own before you deploy"
    ]


def test_what_the_cdk_itself_writes_is_no_mistake() -> None:
    app.refuse_unknown_keys(
        App(context={"environment": "x", "cli-telemetry": False, "availability-zones:account=1": []}).node.get_all_context()
    )


@pytest.mark.parametrize(
    "endpoint", ["", "https://cloudformation.us-west-2.amazonaws.com", "https://10.0.0.1:4566", "https://[::1", "localhost:4566"]
)
def test_local_and_placeholders_stay_on_this_machine(endpoint: str) -> None:
    """An endpoint elsewhere may be anybody's; only a loopback address is the local cloud's."""
    fictitious = File(Path("acme.toml"), own().text + 'numbers = ["+12025550100"]\n')
    for file in (own("local"), own(host="app.example.com"), own(account="AC" + "0" * 31 + "1"), fictitious):
        with pytest.raises(ConfigError):
            refuse_undeployable(file, {"AWS_ENDPOINT_URL": endpoint})
        for name in ("127.0.0.1", "localhost", "[::1]"):
            refuse_undeployable(file, {"AWS_ENDPOINT_URL": f"https://{name}:4566"})
    refuse_undeployable(own(), {"AWS_ENDPOINT_URL": endpoint})
    assert not leads_to_this_machine(endpoint)


@pytest.mark.parametrize("host", ["app.example.com", "EXAMPLE.ORG", "a.b.example", "pbx.test", "x.invalid"])
def test_nobody_has_these_hosts(host: str) -> None:
    """Names that are reserved for documentation and tests, whatever of the settings holds them."""
    assert list(placeholders(own(host=host))) == [f"acme.toml:3: primary.hosts: {host} is a placeholder; write your own before you deploy"]


@pytest.mark.parametrize("host", ["www.myexample.com", "example.company.com", "test.acme.com", "acme.testing", "example.com.au"])
def test_names_that_look_like_them_are_somebodys(host: str) -> None:
    assert list(placeholders(own(host=host))) == []


NOBODYS = [
    *("+12025550100", "+14165550199", "+18005550199", "+15550100123", "+10005550123", "+12021234567"),
    *(f"+1500555000{digit}" for digit in "012346789"),
    *("+441134960000", "+441144960999", "+441154960123", "+441164960123", "+441174960123", "+441184960123", "+441214960123"),
    *("+441314960123", "+441414960123", "+441514960123", "+441614960123", "+441914980123", "+442079460999", "+442896496123"),
    *("+442920180123", "+441632960123", "+447700900123", "+448081570123", "+449098790123", "+443069990123"),
    *("+493023125000", "+496990009999", "+494066969123", "+492214710123", "+498999998123"),
]
#: Beside them: one too far, another length, toll-free numbers, which the 555 of area codes are not, and one that Twilio does not list.
SOMEBODYS = [
    *("+12025550099", "+12025550200", "+12025560100", "+18005550100", "+18885550123", "+15005550005", "+15005550010"),
    *("+441134961000", "+441194960123", "+441714960123", "+441914960123", "+442079461000", "+442896495123", "+442920181123"),
    *("+441632961000", "+447700901000", "+4477009001234", "+448081571000", "+493023126000", "+49302312500", "+4930231250000"),
    *("+33123456789", "+61491570156"),
]


@pytest.mark.parametrize("number", NOBODYS)
def test_nobody_has_these_numbers(number: str) -> None:
    """What regulators keep for films, what Twilio keeps for tests, and what no numbering plan has."""
    file = File(Path("acme.toml"), f'[twilio]\nnumbers = ["{number}"]\n')
    assert list(placeholders(file)) == [f"acme.toml:2: twilio.numbers: {number} is a fictitious number; write your own before you deploy"]


@pytest.mark.parametrize("number", SOMEBODYS)
def test_numbers_beside_them_may_be_somebodys(number: str) -> None:
    assert list(placeholders(File(Path("acme.toml"), f'numbers = ["{number}"]\n'))) == []


def test_fictitious_numbers_are_told_wherever_they_stand_once_for_each_list() -> None:
    """In lists, texts and rules, on WhatsApp, and as keys of a directory, which may have hundreds."""
    text = """[twilio]
numbers = ["+441632111111", "+12025550100", "+12025550101", "+12025550102"]
[answer.people]
greeting = "Call +447700900123."
[answer.people.extensions]
"+441632111112" = "sip:100@pbx.acme-phones.com"
"+493023125001" = "+493023125777"
"+493023125002" = "sip:101@pbx.acme-phones.com"
[[voice]]
From = ["whatsapp:+12025550177", "+44*"]
"""
    assert list(placeholders(File(Path("acme.toml"), text))) == [
        "acme.toml:2: twilio.numbers: +12025550100 is a fictitious number (3 of them here); write your own before you deploy",
        "acme.toml:4: answer.people.greeting: +447700900123 is a fictitious number; write your own before you deploy",
        "acme.toml:7: answer.people.extensions: +493023125001 is a fictitious number (3 of them here); write your own before you deploy",
        "acme.toml:10: voice.From: +12025550177 is a fictitious number; write your own before you deploy",
    ]


def test_what_comes_with_the_project_has_to_be_filled_in() -> None:
    """Each value is named by its own line, all of them at once."""
    for environment in ("production", "staging"):
        found = list(placeholders(File.read(environment, HERE)))
        assert [line.split(": ")[1] for line in found] == ["primary.hosts", "twilio.accounts"]


def test_a_placeholder_is_told_once_however_often_it_stands() -> None:
    """A directory of hundreds may be at one example host."""
    file = File(Path("acme.toml"), 'a = "pbx.example.com"\nb = ["pbx.example.com", "sip:1@pbx.example.com"]\nc = "x.example.net"\n')
    assert list(placeholders(file)) == [
        "acme.toml:1: a: pbx.example.com is a placeholder (here and in 2 more places); write your own before you deploy",
        "acme.toml:3: c: x.example.net is a placeholder; write your own before you deploy",
    ]
