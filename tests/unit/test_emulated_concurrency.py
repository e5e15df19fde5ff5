"""The local cloud reserves what AWS would reserve, and lets nobody take what is reserved."""

from typing import Any

import pytest
from ministack.services import lambda_svc

from local.emulator import concurrency


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """Two functions of an account, of which nothing runs yet."""
    found: dict[str, dict[str, Any]] = {name: {"config": {"FunctionName": name}, "concurrency": None} for name in ("answer", "record")}
    monkeypatch.setattr(lambda_svc, "_functions", found)
    monkeypatch.setattr(lambda_svc, "_inflight", {})
    return found


def quota(monkeypatch: pytest.MonkeyPatch, executions: int) -> None:
    monkeypatch.setattr(lambda_svc, "_ACCOUNT_CONCURRENCY_CAP", executions)


def running(functions: dict[str, dict[str, Any]], name: str, wanted: int) -> int:
    """How many of so many executions find room."""
    function = functions[name]
    return sum(concurrency._acquire(function, function["config"])[0] is not None for _ in range(wanted))


@pytest.mark.parametrize(
    ("has", "wanted", "least"), [(10, 1, 10), (99, 1, 99), (110, 11, 100), (1000, 901, 100), (1000, 900, None), (10, 0, None)]
)
def test_aws_leaves_a_hundred_to_functions_without_a_reservation(
    monkeypatch: pytest.MonkeyPatch, functions: dict[str, dict[str, Any]], has: int, wanted: int, least: int | None
) -> None:
    quota(monkeypatch, has)
    refusal = concurrency._refusal("record", wanted)
    assert (refusal and refusal.rpartition("[")[2]) == (least and f"{least}].")


def test_what_others_have_reserved_counts(monkeypatch: pytest.MonkeyPatch, functions: dict[str, dict[str, Any]]) -> None:
    quota(monkeypatch, 300)
    functions["answer"]["concurrency"] = 150
    assert concurrency._refusal("record", 51)
    assert not concurrency._refusal("record", 50)
    assert not concurrency._refusal("answer", 200), "in place of its own"


def test_a_reservation_is_a_floor_and_a_ceiling(monkeypatch: pytest.MonkeyPatch, functions: dict[str, dict[str, Any]]) -> None:
    quota(monkeypatch, 10)
    functions["record"]["concurrency"] = 3
    assert running(functions, "answer", 20) == 7
    assert running(functions, "record", 20) == 3


def test_without_reservations_the_first_to_come_take_all(monkeypatch: pytest.MonkeyPatch, functions: dict[str, dict[str, Any]]) -> None:
    quota(monkeypatch, 10)
    assert running(functions, "record", 20) == 10
    assert running(functions, "answer", 1) == 0
