"""The story of a call: who did what."""

from typing import Any

from lambdas.workers.events import Item
from ops.story import told
from tests.unit.engineer import CALLER, OTHER, OWN, event, sid

CALL, LEG = sid("CA", 1), sid("CA", 2)


def leg(**params: Any) -> Item:
    """A request about the colleague who is called for the caller."""
    known = {"CallSid": LEG, "ParentCallSid": CALL, "From": CALLER, "To": OTHER}
    return event(CALL, error_code=None, error_url=None, to=OTHER, step="voice/line/whisper/1", params=known | params)


def dialled(bridged: str, **params: Any) -> Item:
    """What Twilio says when the call that we made is over."""
    known = {"CallSid": CALL, "DialCallStatus": "completed", "DialBridged": bridged}
    return event(CALL, error_code=None, error_url=None, step="voice/line/dialled/1", params=known | params)


def said(*items: Item) -> list[str]:
    return [line for chapter in told(list(items)) for line in (chapter.title, *chapter.details)]


def test_a_colleague_who_presses_1_is_not_taken_for_the_caller() -> None:
    lines = said(leg(), leg(Digits="1"))
    assert f"{OTHER} picked up" in lines
    assert f"{OTHER} pressed 1" in lines
    assert not [line for line in lines if "the caller" in line]


def test_the_number_that_took_the_call_is_named() -> None:
    assert f"connected with {OTHER}" in said(leg(), leg(Digits="1"), dialled("true", DialCallSid=LEG))
    assert "connected with somebody" in said(dialled("true", DialCallSid=sid("CA", 9)))
    assert "connected with nobody" in said(leg(), dialled("false"))


def test_what_the_caller_does_is_the_callers() -> None:
    known = {"CallSid": CALL, "From": CALLER, "To": OWN, "Digits": "2"}
    assert "the caller pressed 2" in said(event(CALL, params=known))
    assert "the caller hung up" in said(event(CALL, params=known | {"Digits": "hangup"}))
