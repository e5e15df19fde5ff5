"""`fallback forget`: what it says of a person is what is kept of that person."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.workers.events import Item, aside
from ops.forget import checked
from tests.unit.engineer import CALLER, OTHER, OWN, add, client, deployment, emptied, event, fallback, sid, voicemail
from tests.unit.event_table import TABLE

pytestmark = pytest.mark.slow

Forget = Callable[..., str]
CALL, TEXT = sid("CA"), sid("SM")


@pytest.fixture(scope="module", autouse=True)
def cloud() -> Iterator[None]:
    with deployment():
        yield


@pytest.fixture
def forget(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Forget:
    """Forgets a caller; what is printed."""

    def forgetting(*options: str) -> str:
        assert fallback(monkeypatch, "forget", "--number", CALLER, *options) == 0
        return capsys.readouterr().out

    emptied()
    return forgetting


def opinion(sender: str) -> Item:
    """That somebody wants no texts."""
    return {"pk": f"person#{sender}", "sk": f"opinion#{OWN}", "kind": "opinion", "opted": "stop"}


def left() -> list[Any]:
    """What is in the table of callers, the audit trail apart."""
    items = client("dynamodb").scan(TableName=TABLE)["Items"]
    return sorted(item["pk"]["S"] for item in items if item.get("kind", {}).get("S") != "audit")


def test_an_opt_out_is_no_call(forget: Forget) -> None:
    add(event(CALL), voicemail(CALL, sid("RE"), b"audio"), event(TEXT, medium="sms"), opinion(CALLER))
    told = json.loads(forget("--json"))
    assert (told["calls"], told["items"], told["files"]) == (2, 4, 1)


def test_backups_hold_whatever_was_in_the_table(forget: Forget) -> None:
    add(opinion(CALLER))
    told = json.loads(forget("--json", "--no-dry-run"))
    assert (told["calls"], told["items"]) == (0, 1)
    assert list(told["remains"]) == ["backups of the table (point-in-time recovery)"]
    assert left() == []


def test_a_person_is_erased_however_their_number_was_written(forget: Forget) -> None:
    """Trunks leave the plus out; a number of which theirs is a part is somebody else's."""
    addresses = (CALLER[1:], f"sip:{CALLER[1:]}@carrier.example.com", f"whatsapp:{CALLER}")
    add(*(event(sid("CA", index), who=address) for index, address in enumerate(addresses)))
    add(opinion(CALLER), opinion(f"whatsapp:{CALLER}"), event(sid("CA", 8), who=f"{CALLER}4"), event(sid("CA", 9), who=OTHER))
    forget("--no-dry-run")
    assert left() == [sid("CA", 8), sid("CA", 9)]


@pytest.mark.parametrize("written", [f"whatsapp:{CALLER}", f"tel:{CALLER}", CALLER[1:]])
def test_a_person_may_be_named_as_the_story_writes_them(written: str) -> None:
    assert checked(written) == CALLER


def claim(who: str, days: int, shard: int) -> Item:
    """A request that nobody vouched for, so many days ago."""
    day, time = (f"{datetime.now(UTC) - timedelta(days=days):{form}}" for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"))
    return {"pk": f"stranger#{day}#{shard}", "sk": f"{time}#{who}", "kind": "stranger", "time": time, "from": who}


def test_claims_and_lines_put_aside_are_searched_too(forget: Forget) -> None:
    """They are in no call's story, and nobody else's goes with them."""
    now = datetime.now(UTC)
    add(*(claim(CALLER, days, shard) for days, shard in ((0, 0), (7, 3))), claim(OTHER, 0, 0))
    add(*(aside(f'{{"From": "{who}"', "cut off", now - timedelta(days=13)) for who in (CALLER, OTHER)))
    told = json.loads(forget("--json", "--no-dry-run"))
    assert (told["calls"], told["items"]) == (0, 3)
    assert "the journal log group" in told["remains"]
    assert [pk.partition("#")[0] for pk in left()] == ["aside", "stranger"]


def test_who_forwarded_a_call_to_us_is_forgotten(forget: Forget) -> None:
    add(event(CALL, who=OTHER, params={"ForwardedFrom": CALLER}), event(sid("CA", 2), who=OTHER))
    assert "1 call and texts" in forget("--no-dry-run")


def test_a_person_whom_the_channel_knows_by_an_id_is_forgotten(
    forget: Forget, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """WhatsApp may hide the number; the number itself is taken in any notation."""
    person = "whatsapp:US.13491208655302741918"
    forget()
    add(event(TEXT, who=person, medium="sms"), event(CALL))
    for number, texts in ((person, "1 call and texts in 1 item"), ("+1 (202) 555-0123", "1 call and texts in 1 item")):
        assert fallback(monkeypatch, "forget", "--number", number) == 0
        assert texts in capsys.readouterr().out
