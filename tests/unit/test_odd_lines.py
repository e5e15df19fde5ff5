"""`record` and `rebuild` meet lines that nobody imagined: each is counted and put aside, and takes no other line with it."""

import json
import random
from datetime import UTC, datetime, timedelta
from itertools import batched
from types import ModuleType
from typing import Any

import pytest

from lambdas.answer.journal import MARK, VERSION
from lambdas.workers.events import ASIDE, STRANGER, Item, NotAJournalLine, aside, items_of, line_in
from lambdas.workers.outage import moment
from lambdas.workers.tasks import tasks_of
from lambdas.workers.timeline import Timeline
from tests.unit.gateway import ACCOUNT, CALL
from tests.unit.record_worker import delivery, record_of
from tests.unit.voicemail_workers import CONTEXT, Account

MUTANTS = 10_000
LINES = 25  #: of a delivery
Line = dict[str, Any]

#: What a value may be instead. DynamoDB takes 2,048 bytes of a partition key, 1,024 of a sort key, 400 kB of an item.
ODD: tuple[Any, ...] = (
    None, "", 0, -1, 1.5, True, [], {}, [[]], "yesterday", "2026-11-21", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
    "2026-02-30T00:00:00Z", "2026-11-21T02:41:07+99:99", "x" * 3000, "\ud800", "\x00", "é" * 1500, 10**400, float("nan"), float("inf"),
    "probe", "outage", "reconcile", f"{STRANGER}#1", "CA1", "CA" + "0" * 33, "CA" + "g" * 32, {"S": "x"}, "x" * 500_000, "٣" * 20,
    "9" * 5000,
)  # fmt: skip


def sound(number: int) -> Line:
    """A line as the journal writes it."""
    params = {"AccountSid": ACCOUNT, "CallSid": f"CA{number:032x}", "From": "+15005550001", "RecordingStatus": "completed"}
    params |= {"RecordingSid": f"RE{number:032x}", "RecordingUrl": "https://api.twilio.com/x", "RecordingDuration": "7"}
    params |= {"RecordingStartTime": "Sat, 21 Nov 2026 02:41:07 +0000"}
    line = {MARK: VERSION, "time": "2026-11-21T02:41:07.123456Z", "request": f"r{number}", "medium": "callback", "entry": "recording"}
    return line | {"path": "/recording", "trust": "verified", "book": "b", "ms": 1.5, "params": params}


def mutated(line: Line, chance: random.Random) -> str:
    """The line with one or two things changed, as the text that CloudWatch Logs would hand over."""
    for _ in range(chance.randint(1, 2)):
        inside = chance.random() < 0.4 and isinstance(line.get("params"), dict)
        target = line["params"] if inside else line
        names = [*target, "ParentCallSid", "trunk", "original", "probe"]
        name = chance.choice(names)
        if chance.random() < 0.15:
            target.pop(name, None)
        else:
            target[name] = chance.choice(ODD)
    text = json.dumps(line)
    cut = chance.random()
    return text[: int(len(text) * chance.random())] if cut < 0.05 else f"[{text}]" if cut < 0.08 else text


@pytest.fixture
def record(made: Account) -> ModuleType:
    return record_of(made)


def stored(made: Account) -> list[Item]:
    """Everything in the table."""
    return [dict(item) for item in made.table.scan()["Items"]]


def test_ten_thousand_mutated_lines_become_items_or_are_refused() -> None:
    """Every line gives items that DynamoDB takes, or is no journal line; nothing else comes of it."""
    chance = random.Random(20261127)
    refused = 0
    for number in range(MUTANTS):
        text = mutated(sound(number), chance)
        try:
            line = line_in(text)
        except NotAJournalLine:
            refused += 1
            continue
        list(tasks_of(line))
        for item in items_of(line, 400, 30):
            assert 0 < len(item["pk"].encode()) <= 2048
            assert 0 < len(item["sk"].encode()) <= 1024
            assert item["pk"][:2] in ("CA", "SM", "MM") or item["pk"].startswith(f"{STRANGER}#")
            assert line["time"] in item["sk"]
    assert MUTANTS * 0.3 < refused < MUTANTS * 0.9, "some of each kind, else this shows nothing"


def test_mutated_lines_take_no_neighbour_with_them(made: Account, record: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Deliveries of odd lines around one that is sound: it is in the table, and they are put aside or stored."""
    chance = random.Random(7)
    texts = [mutated(sound(1000 + number), chance) for number in range(400)]
    for number, some in enumerate(batched(texts, LINES - 1, strict=False)):
        record.handler(delivery(*some, json.dumps(sound(number))), CONTEXT)
        assert "Item" in made.table.get_item(Key={"pk": f"CA{number:032x}", "sk": f"2026-11-21T02:41:07.123456Z#r{number}"})
    asides = [item for item in stored(made) if item["pk"].startswith(f"{ASIDE}#")]
    assert asides
    assert all(item["reason"] and len(item["text"]) <= 4096 for item in asides)
    assert "LinesSkipped" in capsys.readouterr().out


def test_an_item_that_dynamodb_refuses_goes_aside_and_the_others_of_its_batch_are_written(made: Account, record: ModuleType) -> None:
    """A line of half a megabyte is no line of ours, but CloudWatch Logs would bring it."""
    large = sound(1) | {"original": "x" * 500_000, "medium": "sms"}
    record.handler(delivery(*(json.dumps(sound(number)) for number in range(2, 12)), json.dumps(large)), CONTEXT)
    found = stored(made)
    assert {f"CA{number:032x}" for number in range(2, 12)} <= {item["pk"] for item in found}
    assert sum(item["pk"].startswith(f"{ASIDE}#") for item in found) == 1


def test_the_same_odd_line_again_is_the_same_item_of_that_day(made: Account, record: ModuleType) -> None:
    for _ in range(3):
        record.handler(delivery("no line"), CONTEXT)
    assert len(made.table.scan()["Items"]) == 1
    late = datetime(2026, 11, 27, 23, 59, 59, tzinfo=UTC)
    keys = [(item["pk"], item["sk"]) for item in (aside("no line", "why", late + timedelta(seconds=after)) for after in (-9, 0, 1))]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("trust", ["forged", "unverifiable"])
@pytest.mark.parametrize("parent", ["probe", "x" * 3000, "CA" + "9" * 32])
def test_what_nobody_vouches_for_chooses_no_key_and_lives_short(made: Account, record: ModuleType, trust: str, parent: str) -> None:
    """Neither in a call's story nor on the timeline, whatever SIDs a stranger sends; and gone within days."""
    line = sound(1)
    line |= {"trust": trust, "medium": "voice", "params": {"AccountSid": ACCOUNT, "CallSid": CALL, "ParentCallSid": parent}}
    record.handler(delivery(json.dumps(line), json.dumps(sound(2))), CONTEXT)
    [stranger] = [item for item in stored(made) if item["kind"] == STRANGER]
    assert stranger["pk"].startswith(f"{STRANGER}#2026-11-21#")
    assert "day_shard" not in stranger
    assert int(stranger["expires"]) - moment(stranger["time"]).timestamp() <= 7 * 86_400
    timeline = Timeline(made.table)
    day = moment("2026-11-21T00:00:00Z"), moment("2026-11-21T23:59:59Z")
    assert [event["pk"] for event in timeline.events(*day)] == [f"CA{2:032x}"]
    assert [event["sid"] for event in timeline.strangers(*day)] == [parent if parent.startswith("CA") else CALL]
