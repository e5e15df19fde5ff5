"""`fallback tokens` and `fallback key`: secrets go in and never come out."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from lambdas.answer.book import PROBE_ACCOUNT
from lambdas.answer.tokens import tokens_in
from ops import cli
from ops.deployment import Deployment

ACCOUNT = "AC" + "0" * 31 + "2"
SHARED = "webhooks_sharedkey_01k5h4v2x8r7q9m3n6p0s4t1w2"
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
    """Newest first, the probe's own untouched."""
    for token in (OLD, NEW):
        assert run("tokens", "add", ACCOUNT, typed=token).exit_code == 0
    assert stored(secrets, "tokens") == {PROBE_ACCOUNT: "its own", ACCOUNT: [NEW, OLD]}
    run("tokens", "prune", ACCOUNT)
    assert stored(secrets, "tokens")[ACCOUNT] == [NEW]


def test_each_region_has_its_own_rotation_and_none_is_dropped_unasked(secrets: Any) -> None:
    """A mistyped token, added in the middle of one, must not push out the one that Twilio signs with."""
    abroad = f"{ACCOUNT}@ie1"
    for name, where in ((ACCOUNT, "ashburn"), (abroad, "dublin")):
        for token in ("signs-now-", "mistyped-", "the-next-"):
            assert run("tokens", "add", name, typed=f"{token}of-{where}").exit_code == 0
    assert "tokens prune" in str(run("tokens", "add", abroad, typed="one-too-many-token").exception)
    kept = stored(secrets, "tokens")
    assert kept[abroad] == ["the-next-of-dublin", "mistyped-of-dublin", "signs-now-of-dublin"]
    assert tokens_in(json.dumps(kept))[ACCOUNT] == kept[ACCOUNT] + kept[abroad], "the answer verifies with all of them"
    run("tokens", "prune", ACCOUNT)
    assert {name: stored(secrets, "tokens")[name] for name in (ACCOUNT, abroad)} == {
        ACCOUNT: ["the-next-of-ashburn"],
        abroad: ["the-next-of-dublin"],
    }
    assert f"{abroad}  1" in run("tokens", "list").output


def test_one_region_is_pruned_alone(secrets: Any) -> None:
    abroad = f"{ACCOUNT}@au1"
    for name, token in ((ACCOUNT, OLD), (ACCOUNT, NEW), (abroad, "sydney-old-token-"), (abroad, "sydney-new-token-")):
        run("tokens", "add", name, typed=token)
    run("tokens", "prune", abroad)
    assert stored(secrets, "tokens") == {PROBE_ACCOUNT: "its own", ACCOUNT: [NEW, OLD], abroad: ["sydney-new-token-"]}


def test_us1_is_a_region_that_can_be_named(secrets: Any) -> None:
    """A rotation that goes on in Dublin is none of its business."""
    for name, token in ((ACCOUNT, OLD), (ACCOUNT, NEW), (f"{ACCOUNT}@ie1", "signs-in-dublin-"), (f"{ACCOUNT}@ie1", "follows-in-dublin")):
        run("tokens", "add", name, typed=token)
    run("tokens", "prune", f"{ACCOUNT}@us1")
    assert stored(secrets, "tokens")[ACCOUNT] == [NEW]
    run("tokens", "remove", f"{ACCOUNT}@us1")
    assert stored(secrets, "tokens") == {PROBE_ACCOUNT: "its own", f"{ACCOUNT}@ie1": ["follows-in-dublin", "signs-in-dublin-"]}


def test_an_account_is_removed_with_the_tokens_of_all_its_regions(secrets: Any) -> None:
    """One that stayed would go on vouching for requests."""
    for name in (ACCOUNT, f"{ACCOUNT}@ie1"):
        run("tokens", "add", name, typed=NEW + name[-3:])
    assert run("tokens", "remove", ACCOUNT).exit_code == 0
    assert stored(secrets, "tokens") == {PROBE_ACCOUNT: "its own"}
    assert "has no token here" in str(run("tokens", "remove", PROBE_ACCOUNT).exception)


def test_a_shared_key_with_too_many_secrets_is_pruned(secrets: Any) -> None:
    """As the message says that refuses one more."""
    for number in range(6):
        run("tokens", "add", SHARED, typed=f"the-secret-number-{number}")
    assert "tokens prune" in str(run("tokens", "add", SHARED, typed="the-secret-number-6").exception)
    assert run("tokens", "prune", SHARED).exit_code == 0
    assert stored(secrets, "tokens")[SHARED] == ["the-secret-number-5"]


def test_a_token_that_was_stored_without_its_region_is_moved_there(secrets: Any) -> None:
    """As all had to be until each Region had a name of its own."""
    for token in (OLD, NEW):
        run("tokens", "add", ACCOUNT, typed=token)
    run("tokens", "add", f"{ACCOUNT}@ie1", typed=OLD)
    assert stored(secrets, "tokens") == {PROBE_ACCOUNT: "its own", ACCOUNT: [NEW], f"{ACCOUNT}@ie1": [OLD]}


@pytest.mark.parametrize("words", [("tokens", "add"), ("tokens", "prune"), ("key",)], ids=" ".join)
def test_a_region_that_twilio_does_not_have_is_refused(secrets: Any, words: tuple[str, ...]) -> None:
    more = ("SK" + "1" * 32,) if words == ("key",) else ()
    for region in ("jp1", "dublin", ""):
        said = str(run(*words, f"{ACCOUNT}@{region}", *more, typed=NEW).exception)
        assert "there are us1, ie1, au1" in said
    assert stored(secrets, "keys") == {}


def test_a_shared_key_is_added_listed_and_removed(secrets: Any) -> None:
    """Where a rule of Twilio's Webhooks API names one, requests are signed with it and with no Auth Token."""
    secret = "c2VjcmV0IG9mIGEgc2hhcmVkIGtleQ+/=="
    said = run("tokens", "add", SHARED, typed=secret)
    assert said.exit_code == 0
    assert "tokens check" not in said.output, "it opens nothing, so it cannot be tried"
    assert stored(secrets, "tokens")[SHARED] == [secret]
    assert f"{SHARED}  1" in run("tokens", "list").output
    assert run("tokens", "remove", SHARED).exit_code == 0
    assert stored(secrets, "tokens") == {PROBE_ACCOUNT: "its own"}
    assert "has no token here" in str(run("tokens", "remove", SHARED).exception)


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
    assert run("key", f"{ACCOUNT}@ie1", "SK" + "2" * 32, typed="the-secret-of-dublin").exit_code == 0
    assert stored(secrets, "keys") == {
        ACCOUNT: {"key": "SK" + "1" * 32, "secret": "the-secret-of-the-key"},
        f"{ACCOUNT}@ie1": {"key": "SK" + "2" * 32, "secret": "the-secret-of-dublin"},
    }
