"""The example of an outbound dialler, walked from end to end: each webhook of it has a fitting answer for whoever is on the line."""

import json
from pathlib import Path

import pytest

from answerbook.compile import compile_book
from config.settings import HERE, load
from lambdas.answer.book import Book
from tests.unit.books import ask, cookie_of, document, twiml

SETTINGS = load("dialler", HERE / "examples")
BOOK = Book(json.loads(json.dumps(compile_book(SETTINGS))))

CALLEE = {"Direction": "outbound-api", "From": "+15005550006", "To": "+12025550177", "CallStatus": "in-progress"}
ON_PHONE = {"Direction": "inbound", "From": "+12025550122", "To": "+15005550006", "CallStatus": "in-progress"}
CALLED_ON_PHONE = {"Direction": "outbound-api", "From": "+15005550006", "To": "+12025550122", "CallStatus": "in-progress"}
IN_BROWSER = {"Direction": "inbound", "From": "client:agent7", "To": "", "CallStatus": "in-progress"}

#: What the dialler asks while an agent is on the line.
SESSION = """
    /identify_caller /caller/start_calling /caller/:id/read_instruction_options /caller/:id/callin_choice /caller/:id/ready_to_call
    /caller/:id/next_call /caller/:id/conference_started_phones_only_preview /caller/:id/conference_started_phones_only_power
    /caller/:id/conference_started_phones_only_predictive /caller/:id/gather_response /caller/:caller_id/pause
    /caller/:caller_id/continue_conf /transfer/caller
""".split()
ASYNCHRONOUS = ("/caller/end_session", "/calls/:call_id/call_ended", "/transfer/:id/end")
PEOPLE = [
    ("/calls/:call_id/incoming", CALLEE, "sorry_to_disturb"),
    ("/calls/:call_id/disconnected", CALLEE, "thanks"),
    ("/transfer/callee", CALLEE, "lost_agent"),
    ("/transfer/:id/connect", CALLEE, "transfer_failed"),
    ("/transfer/:id/disconnect", CALLEE, "thanks"),
    ("/callin/create", ON_PHONE, "agent_on_phone"),
    *((path, person, "agent_on_phone") for path in SESSION for person in (ON_PHONE, CALLED_ON_PHONE)),
    *((path, IN_BROWSER, "agent_in_browser") for path in SESSION),
]


def failed(path: str) -> str:
    """The address that failed, with real ids in it."""
    return f"https://dialler.example.com{path.replace(':call_id', '8121').replace(':caller_id', '77').replace(':id', '4711')}?session=1"


@pytest.mark.parametrize(("path", "person", "answer"), PEOPLE)
def test_whoever_is_on_the_line_hears_what_fits(path: str, person: dict[str, str], answer: str) -> None:
    """The person called is not told to call in again, and an agent is not told that an operator is sorry to have called."""
    chosen = ask(BOOK, ErrorUrl=failed(path), ErrorCode="11200", **person)
    assert chosen.document == f"{answer}/start/1"
    assert chosen.at.startswith("dialler.toml:")


@pytest.mark.parametrize("path", ["/calls/:call_id/incoming", "/calls/:call_id/disconnected"])
def test_nothing_is_said_to_a_machine(path: str) -> None:
    """An answering machine would keep an apology that nobody asked for; whoever may be a person hears it."""
    for machine in ("machine_start", "machine_end_beep", "machine_end_silence", "machine_end_other", "fax"):
        assert document(BOOK, ErrorUrl=failed(path), AnsweredBy=machine, **CALLEE) == "machine/start/1"
    for person in ("human", "unknown"):
        assert document(BOOK, ErrorUrl=failed(path), AnsweredBy=person, **CALLEE) == document(BOOK, ErrorUrl=failed(path), **CALLEE)
    assert twiml(BOOK, ErrorUrl=failed(path), AnsweredBy="fax", **CALLEE).strip() == "<Response/>"


def test_an_agent_who_calls_in_is_connected_again_once() -> None:
    """The one address at which calls begin; the second failure ends it."""
    ringing = ON_PHONE | {"CallStatus": "ringing", "ErrorUrl": "https://dialler.example.com/callin/create"}
    assert document(BOOK, **ringing) == "agent_calls_in/hold/1"
    for cookie in ("", cookie_of(BOOK, "agent_calls_in/hold/1")):
        assert document(BOOK, cookie=cookie, **ringing | {"CallStatus": "in-progress"}) == "agent_on_phone/start/1"


def test_every_rule_is_needed() -> None:
    """The walk above reaches every answer of the example."""
    walked = {answer for *_, answer in PEOPLE} | {"agent_calls_in", "machine", "sorry", "silent"}
    assert walked == set(SETTINGS.answer)


def test_addresses_nobody_listed_are_answered_too() -> None:
    assert document(BOOK, ErrorUrl="https://dialler.example.com/new/in/this/release", **ON_PHONE) == "sorry/start/1"


def test_asynchronous_addresses_are_known() -> None:
    """Nobody is on the line there and Twilio has no fallback: later work recovers them from Twilio's alerts."""
    assert SETTINGS.primary.asynchronous == ASYNCHRONOUS


@pytest.mark.parametrize("path", sorted((HERE / "examples").glob("*.toml")), ids=lambda path: path.stem)
def test_every_example_compiles(path: Path) -> None:
    assert compile_book(load(path.stem, path.parent))["steps"]["voice"]
