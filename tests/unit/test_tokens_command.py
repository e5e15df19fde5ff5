"""`fallback tokens` and `fallback key`: secrets go in and never come out."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from lambdas.answer.book import PROBE_ACCOUNT
from ops import cli
from ops.deployment import Deployment

ACCOUNT = "AC" + "0" * 31 + "2"
OLD, NEW = "an-older-auth-token", "a-newer-auth-token-"


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Both secrets as a fresh deployment leaves them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    outputs = {"TokensSecretArn": "tokens", "TwilioKeysSecretArn": "keys"}
    monkeypatch.setattr(Deployment, "find", lambda environment, region: Deployment(environment, "us-west-2", outputs))
    with mock_aws():
        client = boto3.client("secretsmanager", "us-west-2")
        client.create_secret(Name="tokens", SecretString=json.dumps({PROBE_ACCOUNT: "its own"}))
        client.create_secret(Name="keys", SecretString="{}")
        yield client


def run(*words: str, typed: str = "") -> Any:
    return CliRunner().invoke(cli.app, list(words), input=typed + "\n")


def stored(client: Any, name: str) -> dict[str, Any]:
    return dict(json.loads(client.get_secret_value(SecretId=name)["SecretString"]))


def test_a_rotation_keeps_the_older_token_until_it_is_pruned(secrets: Any) -> None:
    """Newest first, two at most, the probe's own untouched."""
    for token in (OLD, NEW):
        assert run("tokens", "add", ACCOUNT, typed=token).exit_code == 0
    assert stored(secrets, "tokens") == {PROBE_ACCOUNT: "its own", ACCOUNT: [NEW, OLD]}
    run("tokens", "prune", ACCOUNT)
    assert stored(secrets, "tokens")[ACCOUNT] == [NEW]


def test_no_token_is_ever_shown(secrets: Any) -> None:
    """Neither adding nor listing prints one."""
    said = run("tokens", "add", ACCOUNT, typed=NEW).output + run("tokens", "list").output
    assert NEW not in said
    assert f"{ACCOUNT}  1" in said
    assert PROBE_ACCOUNT not in said


def test_what_is_no_token_is_refused_and_nothing_is_written(secrets: Any) -> None:
    """A pasted sentence, a mistyped account."""
    assert "no Auth Token" in str(run("tokens", "add", ACCOUNT, typed="oops").exception)
    assert "not an account SID" in str(run("tokens", "add", "AC12", typed=NEW).exception)
    assert stored(secrets, "tokens") == {PROBE_ACCOUNT: "its own"}


def test_an_api_key_is_set_with_its_secret(secrets: Any) -> None:
    """What recordings are fetched with."""
    assert run("key", ACCOUNT, "SK" + "1" * 32, typed="the-secret-of-the-key").exit_code == 0
    assert stored(secrets, "keys") == {ACCOUNT: {"key": "SK" + "1" * 32, "secret": "the-secret-of-the-key"}}
