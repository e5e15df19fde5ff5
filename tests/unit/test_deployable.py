"""What is never deployed to AWS: an environment that nobody named, the local cloud's, and settings with placeholders."""

import json
import os
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
def test_a_synthesis_for_aws_says_what_it_needs(context: dict[str, str], says: str) -> None:
    """Nothing is deployed by default, and no mistyped word is passed over."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    variables = known | {"CDK_CONTEXT_JSON": json.dumps(context), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "app.py"], cwd=ROOT, check=False, env=variables, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert says in done.stderr


@pytest.mark.parametrize("context", [{}, {"config": "here"}])
def test_the_folder_is_the_one_that_is_named_on_the_command_line_else_in_the_shell(context: dict[str, str], tmp_path: Path) -> None:
    """What `fallback flows` and `preview` showed is what is deployed."""
    for name in ("here", "shell"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.toml").touch()
    known = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    variables = known | {"CDK_CONTEXT_JSON": json.dumps(context), "PYTHONPATH": str(ROOT), "FALLBACK_CONFIG": str(tmp_path / "shell")}
    done = subprocess.run([sys.executable, ROOT / "app.py"], cwd=tmp_path, check=False, env=variables, capture_output=True, text=True)
    assert done.stderr.strip().endswith(f"there are: {context.get('config', 'shell')}")


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
    for file in (own("local"), own(host="app.example.com"), own(account="AC" + "0" * 31 + "1")):
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
