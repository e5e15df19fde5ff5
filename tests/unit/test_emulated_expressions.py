"""The local cloud reads an expression once, however many items it is held against, and judges them as before."""

from typing import Any

import pytest
from ministack.services import dynamodb

from local.emulator import expressions

KEYS, NAMES = "day_shard = :day AND #time BETWEEN :first AND :last", {"#time": "time"}
VALUES = {":day": {"S": "a"}, ":first": {"S": "2"}, ":last": {"S": "4"}}


def item(time: int) -> dict[str, dict[str, str]]:
    return {"day_shard": {"S": "a"}, "time": {"S": str(time)}}


def matching(condition: str = KEYS) -> list[int]:
    return [time for time in range(9) if dynamodb._evaluate_condition(condition, item(time), VALUES, NAMES)]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The expressions that were read, each time they were."""
    found: list[str] = []
    reader, checker = dynamodb._tokenize, dynamodb._condition_syntax_error

    def counting(text: str) -> Any:
        found.append(text)
        return reader(text)

    monkeypatch.setattr(dynamodb, "_tokenize", counting)
    monkeypatch.setattr(dynamodb, "_condition_syntax_error", checker)
    return found


def test_an_expression_is_read_once(read: list[str]) -> None:
    before = matching()
    often = len(read)
    read.clear()
    expressions.install()
    assert matching() == before == [2, 3, 4]
    assert often >= 9
    assert len(read) == 1


def test_expressions_are_told_apart(read: list[str]) -> None:
    expressions.install()
    assert (matching(), matching("day_shard = :day AND #time > :last"), matching()) == ([2, 3, 4], [5, 6, 7, 8], [2, 3, 4])


def test_a_wrong_expression_is_refused_each_time(read: list[str]) -> None:
    expressions.install()
    for _ in range(2):
        with pytest.raises(ValueError, match="Invalid"):
            matching("day_shard = = :day")
