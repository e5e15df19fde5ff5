"""Is the token right? Tried against a Twilio, daily and at each deployment."""

import io
import json
import urllib.request
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from lambdas.answer.book import PROBE_ACCOUNT
from local.twilio import StandInTwilio
from local.twilio.primary import Primary
from local.twilio.rest import RestApi
from local.twilio.server import Says
from tests.unit.watch_workers import ACCOUNT, Watching, counted, watching


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watching]:
    twilio = StandInTwilio(ACCOUNT, "real")
    with watching(monkeypatch) as one, RestApi(twilio.platform) as api:
        monkeypatch.setenv("TWILIO_API_BASE", api.url)
        one.api, one.twilio = api, twilio  # type: ignore[attr-defined]
        yield one


@pytest.fixture
def check(made: Watching) -> ModuleType:
    return made.worker("auth_tokens")


def found(check: ModuleType, captured: pytest.CaptureFixture[str], **event: Any) -> float:
    """How much is wrong."""
    check.handler(event, None)
    [(name, dimensions, value)] = counted(captured)
    assert (name, dimensions) == ("TokenFaults", {"Environment": "tests", "service": "auth_tokens"})
    return value


def test_a_token_that_twilio_takes_is_right(check: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert found(check, capsys) == 0


def test_a_token_that_twilio_refuses_is_stale(check: ModuleType, made: Watching, capsys: pytest.CaptureFixture[str]) -> None:
    """Its Region alone says so: the hosts that were asked until now answer nothing since 2026-04-28, and nothing is no refusal."""
    made.tokens(**{ACCOUNT: ["rotated away", "real"]})
    assert found(check, capsys) == 1
    assert {each.headers["host"] for each in made.api.received} == {"api.twilio.com"}  # type: ignore[attr-defined]


def test_each_token_is_tried_in_its_own_region(check: ModuleType, made: Watching) -> None:
    """One of Dublin is worth nothing in the United States, and the other way round; where an account has no token nobody is asked."""
    made.api.serve(StandInTwilio(ACCOUNT, "of Dublin", region="ie1").platform)  # type: ignore[attr-defined]
    made.tokens(**{ACCOUNT: ["real", "of Dublin"], f"{ACCOUNT}@ie1": ["of Dublin", "real"]})
    wrong = check.handler({}, None)
    assert wrong == [{"fault": "refused", "account": ACCOUNT}, {"fault": "refused", "account": f"{ACCOUNT}@ie1"}]
    hosts = {each.headers["host"] for each in made.api.received}  # type: ignore[attr-defined]
    assert hosts == {"api.twilio.com", "api.dublin.ie1.twilio.com"}


def test_in_a_rotation_both_tokens_are_right_until_one_is_promoted(check: ModuleType, made: Watching) -> None:
    made.twilio.create_secondary_token("next")  # type: ignore[attr-defined]
    made.tokens(**{ACCOUNT: ["next", "real"]})
    assert check.handler({}, None) == []
    made.twilio.promote_secondary_token()  # type: ignore[attr-defined]
    assert check.handler({}, None) == [{"fault": "refused", "account": ACCOUNT}]


def test_an_account_that_is_used_abroad_alone_lacks_nothing(check: ModuleType, made: Watching) -> None:
    made.api.serve(StandInTwilio(ACCOUNT, "of Dublin", region="ie1").platform)  # type: ignore[attr-defined]
    made.tokens(**{f"{ACCOUNT}@ie1": ["of Dublin"]})
    assert check.handler({}, None) == []
    made.tokens(**{f"{ACCOUNT}@ie1": ["of Dublin"], f"{ACCOUNT}@jp1": ["of Tokyo"]})
    assert check.handler({}, None) == [{"fault": "unknown", "account": f"{ACCOUNT}@jp1"}]


def test_an_account_without_a_token_is_told(check: ModuleType, made: Watching, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody forgot it, or overwrote the secret."""
    made.tokens(**{PROBE_ACCOUNT: "probe"})
    assert found(check, capsys) == 1
    assert found(check, capsys, RequestType="Update") == 1


def test_the_first_deployment_says_that_there_is_no_token_yet_and_rings_nothing(
    check: ModuleType, made: Watching, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    made.tokens(**{PROBE_ACCOUNT: "probe"})
    assert found(check, capsys, RequestType="Create") == 0
    assert any(vars(record).get("fault") == "missing" for record in caplog.records)
    made.tokens(**{ACCOUNT: ["rotated away"]})
    assert found(check, capsys, RequestType="Create") == 1, "a secret that was kept is tried"


def test_twilio_out_of_reach_proves_nothing(check: ModuleType, made: Watching, capsys: pytest.CaptureFixture[str]) -> None:
    made.tokens(**{ACCOUNT: ["rotated away"]})
    made.api.hosts_down = {"api.twilio.com"}  # type: ignore[attr-defined]
    assert found(check, capsys) == 0


def test_tokens_for_which_no_time_is_left_are_not_tried(
    check: ModuleType, made: Watching, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where Twilio hangs, each of many takes ten seconds: the function would be ended before it counted anything."""
    monkeypatch.setattr(check, "ALL_SECONDS", 0.0)
    made.tokens(**{ACCOUNT: ["rotated away"]})
    assert found(check, capsys) == 0
    assert made.api.received == []  # type: ignore[attr-defined]


def test_the_log_names_the_account_and_never_the_token(check: ModuleType, made: Watching, caplog: pytest.LogCaptureFixture) -> None:
    made.tokens(**{ACCOUNT: ["rotated-away-0123456789"]})
    check.handler({}, None)
    logged = str([vars(record) for record in caplog.records])
    assert ACCOUNT in logged
    assert "rotated-away" not in logged


@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_a_deployment_goes_on_whatever_is_found(check: ModuleType, made: Watching, kind: str) -> None:
    made.tokens(**{ACCOUNT: ["rotated away"]})
    told = deployment(check, kind)
    assert (told["Status"], told["RequestId"]) == ("SUCCESS", "r1")


def test_a_deployment_goes_on_even_if_nothing_can_be_asked(check: ModuleType, made: Watching) -> None:
    made.secrets.delete_secret(SecretId="tokens", ForceDeleteWithoutRecovery=True)
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        deployment(check, "Create")
    assert deployment.told["Status"] == "SUCCESS"  # type: ignore[attr-defined]


def deployment(check: ModuleType, kind: str) -> dict[str, Any]:
    """What CloudFormation is told."""
    with Primary() as cloudformation:
        cloudformation.behaves("", Says(b""))
        taken: list[bytes] = []
        original = urllib.request.urlopen

        def take(request: Any, timeout: float) -> Any:
            assert request.get_method() == "PUT"
            taken.append(request.data)
            deployment.told = json.loads(request.data)  # type: ignore[attr-defined]
            return io.BytesIO()

        urllib.request.urlopen = take  # type: ignore[assignment]
        try:
            event = {"RequestType": kind, "ResponseURL": cloudformation.url, "StackId": "s", "RequestId": "r1", "LogicalResourceId": "l"}
            check.handler(event, None)
        finally:
            urllib.request.urlopen = original
    return dict(json.loads(taken[0]))
