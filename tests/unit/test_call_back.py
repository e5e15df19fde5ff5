"""`fallback voicemails call-back`: nobody whose message waits, or who called once more, is missing from the list."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from lambdas.workers.events import Item, day_shard
from ops.period import stamp
from tests.unit.engineer import CALLER, OTHER, OWN, add, deployment, emptied, event, fallback, sid, voicemail

Row = dict[str, str]
Listed = Callable[..., tuple[list[Row], str]]
FIRST, SECOND = sid("CA", 1), sid("CA", 2)


@pytest.fixture(scope="module", autouse=True)
def cloud() -> Iterator[None]:
    with deployment():
        yield


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Listed:
    """The rows of the list, and what is said on standard error."""

    def listing(*options: str) -> tuple[list[Row], str]:
        assert fallback(monkeypatch, "voicemails", "call-back", *options) == 0
        printed = capsys.readouterr()
        return list(csv.DictReader(io.StringIO(printed.out))), printed.err

    emptied()
    return listing


def ago(minutes: int) -> str:
    """A moment so long ago."""
    return stamp(datetime.now(UTC) - timedelta(minutes=minutes))


def message(call: str, recording: int, minutes: int, heard: int | None = None) -> Item:
    """A message of so many minutes ago, perhaps heard meanwhile."""
    facts = {} if heard is None else {"heard_at": ago(heard)}
    return voicemail(call, sid("RE", recording), time=ago(minutes)) | facts


def named(rows: list[Row]) -> list[tuple[str, str]]:
    """What each row says of the message."""
    return [(row["message"], row["recording"]) for row in rows]


def test_who_left_two_messages_is_called_back_until_both_are_heard(listed: Listed) -> None:
    add(event(FIRST, timedelta(minutes=50)), event(SECOND, timedelta(minutes=40)))
    add(message(FIRST, 1, 50), message(SECOND, 2, 40, heard=30))
    assert named(listed()[0]) == [("left a message", sid("RE", 1))]
    add(message(FIRST, 1, 50, heard=10))
    assert listed()[0] == []


def test_who_calls_again_after_the_message_was_heard_is_called_back_again(listed: Listed) -> None:
    add(event(FIRST, timedelta(minutes=50)), message(FIRST, 1, 50, heard=30), event(SECOND, timedelta(minutes=20)))
    [row] = listed()[0]
    assert (row["number"], row["calls"], row["call"], row["message"], row["recording"]) == (CALLER, "2", SECOND, "hung up", "")
    assert listed("--messages")[0] == []


def test_who_called_again_before_the_message_was_heard_was_called_back(listed: Listed) -> None:
    add(event(FIRST, timedelta(minutes=50)), message(FIRST, 1, 50, heard=10), event(SECOND, timedelta(minutes=20)))
    assert listed()[0] == []


def test_each_of_two_messages_in_one_call_must_be_heard(listed: Listed) -> None:
    add(event(FIRST, timedelta(minutes=50)), message(FIRST, 1, 49), message(FIRST, 2, 48, heard=10))
    assert named(listed()[0]) == [("left a message", sid("RE", 1))]


def test_of_several_unheard_messages_the_newest_is_named(listed: Listed) -> None:
    add(event(FIRST, timedelta(minutes=50)), message(FIRST, 7, 49), message(FIRST, 3, 48), event(SECOND, timedelta(minutes=5)))
    [row] = listed()[0]
    assert (row["recording"], row["call"], row["calls"]) == (sid("RE", 3), SECOND, "2")


def test_a_recording_in_which_nothing_was_said_is_no_message(listed: Listed) -> None:
    add(event(FIRST), voicemail(FIRST, sid("RE", 1), state="empty"))
    assert named(listed()[0]) == [("hung up", "")]


def test_numbers_that_came_without_a_plus_are_called_back(listed: Listed) -> None:
    """Written so or so, it is one person."""
    add(event(FIRST, timedelta(minutes=9), who="14155550987"), event(SECOND, who="+14155550987"), event(sid("CA", 3), who="5550100"))
    rows, said = listed()
    assert sorted((row["number"], row["calls"]) for row in rows) == [("+14155550987", "2"), ("5550100", "1")]
    assert said == "2 callers to call back\n"


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        (["anonymous", ""], "2 calls from withheld numbers"),
        (["+266696687", "Restricted"], "2 calls from withheld numbers"),
        (["+123", "1234567890123456"], "2 calls from withheld numbers"),
        (["sip:desk@carrier.example.com"], "1 call from SIP addresses"),
        (["client:desk"], "1 call from apps"),
        (["+1202*****23"], '1 call from numbers kept masked ([privacy] store = "masked")'),
        (["anonymous", "sip:desk@carrier.example.com"], "1 call from SIP addresses, 1 call from withheld numbers"),
    ],
)
def test_who_cannot_be_called_is_counted(listed: Listed, numbers: list[str], why: str) -> None:
    add(event(FIRST, who=OTHER), *(event(sid("CA", 10 + index), who=number) for index, number in enumerate(numbers)))
    rows, said = listed()
    assert [row["number"] for row in rows] == [OTHER]
    assert said == f"1 caller to call back; left out: {why}\n"


def test_whom_the_company_called_is_called_back(listed: Listed) -> None:
    """Of a dialler's calls the person is To; our own number is nobody to call."""
    people = ["+12025550171", "+12025550172"]
    add(*(event(sid("CA", number), who=OWN, to=person, direction="outbound-api") for number, person in enumerate(people, 1)))
    add(event(sid("CA", 9), who=OWN, to=people[0], params={"Direction": "outbound-dial"}))
    rows, said = listed()
    assert sorted((row["number"], row["called"], row["calls"]) for row in rows) == [(people[0], OWN, "2"), (people[1], OWN, "1")]
    assert said == "2 callers to call back\n"


def test_a_person_is_one_whatever_the_notation(listed: Listed) -> None:
    """Also who called by WhatsApp."""
    written = ["+14155550987", "whatsapp:+14155550987", "sip:+14155550987@carrier.example.com", "+1 (415) 555-0987", "tel:+14155550987"]
    add(*(event(sid("CA", number), who=who) for number, who in enumerate(written, 1)))
    assert [(row["number"], row["calls"]) for row in listed()[0]] == [("+14155550987", "5")]


def test_who_opted_out_is_listed_with_the_time(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Oldest first, in again too, for whoever answers for consent."""
    emptied()
    kept = {"kind": "opt-out", "medium": "sms", "from": CALLER, "to": OWN}
    for number, (minutes, word) in enumerate(((5, "start"), (50, "stop")), 1):
        moment = ago(minutes)
        add(kept | {"pk": f"person#{CALLER}", "sk": f"opt-out#{OWN}#{moment}", "time": moment, "state": word, "sid": sid("SM", number)}
            | {"day_shard": day_shard(moment, sid("SM", number))})  # fmt: skip
    assert fallback(monkeypatch, "voicemails", "opt-outs", "--since", "2h") == 0
    printed = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(printed.out)))
    assert [(row["number"], row["wrote_to"], row["word"], row["text"]) for row in rows] == [
        (CALLER, OWN, "stop", sid("SM", 2)),
        (CALLER, OWN, "start", sid("SM", 1)),
    ]
    assert printed.err == "2 texts that changed consent\n"
