"""Callers find room among what Lambda runs at once: no worker has more than its share, and what AWS would refuse is refused before."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from config.capacity import UNRESERVED, collected_at_once, redelivered_at_once, shares, storm
from config.mistakes import ConfigError
from config.settings import Settings, parse
from stacks.capacity import quota_of, refuse_other_quota, tell_of_storm
from tests.unit.books import settings_text

QUOTAS = (10, 11, 50, 100, 199, 200, 500, 1000, 10_000)


def settings(**tables: str) -> Settings:
    """An environment with these tables: `capacity="quota = 1000"`."""
    return parse("test", settings_text("".join(f"[{name}]\n{keys}\n" for name, keys in tables.items())), Path("test.toml"))


def refused(**tables: str) -> str:
    """The one line with which settings are refused."""
    with pytest.raises(ConfigError) as caught:
        settings(**tables)
    [line] = caught.value.mistakes
    return line


@pytest.mark.parametrize("quota", QUOTAS)
def test_callers_have_more_than_half_of_every_account(quota: int) -> None:
    """What queues bring at once, or what workers have for themselves; in the smallest account two and two, the least that Lambda takes."""
    own = settings(capacity=f"quota = {quota}")
    from_queues = collected_at_once(own) + redelivered_at_once(own)
    assert from_queues <= (4 if quota < 20 else quota / 3)
    assert sum(shares(own).values()) <= quota / 2


@pytest.mark.parametrize("quota", QUOTAS)
def test_what_is_reserved_is_what_aws_lets_reserve(quota: int) -> None:
    """It wants a hundred left; from two hundred on two environments fit into one account."""
    reserved = sum(shares(settings(capacity=f"quota = {quota}")).values())
    assert (reserved > 0) == (quota >= 200)
    assert not reserved or quota - reserved >= UNRESERVED


def test_no_queue_brings_more_than_lambda_takes_from_one() -> None:
    """The largest of accounts too."""
    assert redelivered_at_once(settings(capacity="quota = 100_000")) == 1000


def test_nobody_knows_an_account_before_it_is_asked() -> None:
    """Without a word it is taken for a new one, and nothing is reserved that AWS could refuse."""
    assert (collected_at_once(settings()), redelivered_at_once(settings()), shares(settings())) == (2, 2, {})


def test_what_is_set_is_taken() -> None:
    own = settings(capacity="quota = 1000\nrecord = 80", voicemail="concurrency = 30")
    assert (collected_at_once(own), shares(own)["collect"], shares(own)["record"]) == (30, 32, 80)


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        (
            {"function": "reserved_concurrency = 5"},
            "function.reserved_concurrency: Lambda runs 10 executions at once in this account, of which",
        ),
        ({"function": "reserved_concurrency = 5"}, "at most 0 may be reserved; write less, or ask AWS for more (docs/capacity.md) and set"),
        ({"function": "reserved_concurrency = 60", "capacity": "quota = 200"}, "and workers have 50: at most 50 may be reserved"),
        (
            {"voicemail": "concurrency = 10"},
            "voicemail.concurrency: callers need most of the 10 executions that Lambda runs at once: at most 2",
        ),
        (
            {"capacity": "quota = 200\nrecord = 150"},
            "capacity.quota: Lambda runs 200 executions at once in this account, of which AWS leaves",
        ),
        ({"capacity": "quota = 9"}, "capacity.quota: must be at least 10 (found 9)"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line_and_remedy(tables: dict[str, str], says: str) -> None:
    line = refused(**tables)
    assert line.startswith("test.toml:")
    assert says in line


@pytest.mark.parametrize(
    ("tables", "holds", "says"),
    [
        ({}, False, "a storm of 10 requests a second ([capacity] storm) needs 10 executions at once while functions start (1 s each)"),
        ({}, False, "of the account's 10 ([capacity] quota) it finds 3 at the worst"),
        ({"capacity": "quota = 1000\nstorm = 400"}, True, "400 executions at once while functions start (1 s each) and 40 afterwards"),
        ({"capacity": "quota = 1000\nstorm = 400", "function": "reserved_concurrency = 200"}, False, "it finds 200 at the worst"),
    ],
)
def test_the_synthesis_says_what_a_storm_needs(tables: dict[str, str], holds: bool, says: str) -> None:
    assert storm(settings(**tables))[0] is holds
    told = tell_of_storm(settings(**tables))
    assert told.startswith("note: " if holds else "warning: ")
    assert says in told
    assert ("ask AWS for more (docs/capacity.md)" in told) is not holds


class Lambda:
    """What Lambda says of the account; `sts` says which one it is."""

    def __init__(self, quota: int | Exception, account: str = "123456789012") -> None:
        self.quota = quota
        self.account = account

    def get_account_settings(self) -> dict[str, Any]:
        if isinstance(self.quota, Exception):
            raise self.quota
        return {"AccountLimit": {"ConcurrentExecutions": self.quota}}

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": self.account}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Callable[[Lambda], None]:
    """The account that the CLI deploys into."""

    def use(client: Lambda) -> None:
        for module in ("capacity", "standing"):
            monkeypatch.setattr(f"stacks.{module}.boto3.client", lambda *_, **__: client)

    monkeypatch.setenv("CDK_DEFAULT_ACCOUNT", "123456789012")
    return use


def test_an_account_that_has_less_than_the_settings_say_is_refused_before_anything_is_made(account: Callable[[Lambda], None]) -> None:
    account(Lambda(10))
    refuse_other_quota(settings())
    with pytest.raises(
        ConfigError, match=r"test.toml:\d+: capacity.quota: Lambda runs 10 executions at once in this account, not 1000; write 10, or"
    ):
        refuse_other_quota(settings(capacity="quota = 1000"))


DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetAccountSettings")


@pytest.mark.parametrize("client", [Lambda(DENIED), Lambda(EndpointConnectionError(endpoint_url="https://x")), Lambda(10, "999999999999")])
def test_where_nobody_can_tell_the_settings_are_believed(account: Callable[[Lambda], None], client: Lambda) -> None:
    """Without the right to ask, without a network, with credentials of another account than the CLI's."""
    account(client)
    assert quota_of("us-west-2") is None
    refuse_other_quota(settings(capacity="quota = 1000"))
