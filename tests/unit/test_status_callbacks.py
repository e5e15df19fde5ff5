"""Status callbacks that come where callers are answered: nobody is answered or counted, and the story says what is set wrongly."""

import json
from typing import Any

import pytest

from lambdas.answer.journal import MARK
from lambdas.workers.events import STATUS, items_of, line_in
from lambdas.workers.timeline import is_fallback
from ops.story import told
from tests.unit.gateway import CALLED, MESSAGE, RECORDED, TEXTED, AnswerFunction, signed

OVER = CALLED | {"CallDuration": "12", "CallbackSource": "call-progress-events", "SequenceNumber": "3"}
SENT = {name: TEXTED[name] for name in ("AccountSid", "MessageSid", "From", "To")} | {"SmsSid": MESSAGE}
STATUSES = [
    *(("/voice", OVER | {"CallStatus": status}) for status in ("completed", "busy", "no-answer", "failed", "canceled", "ringing")),
    *(("/sms", SENT | {"MessageStatus": status, "SmsStatus": status}) for status in ("queued", "sent", "delivered", "undelivered", "read")),
    ("/voice", CALLED | {"CallStatus": "completed"}),
    ("/trunk/main", CALLED | {"CallStatus": "completed"}),
    ("/sip/office", CALLED | {"CallStatus": "no-answer"}),
    ("/sms", SENT | {"MessageStatus": "failed", "ErrorCode": "30003"}),
    ("/sms", CALLED | {"CallStatus": "completed"}),
    ("/voice", SENT | {"MessageStatus": "delivered"}),
    ("/voice", RECORDED),
    ("/voice", CALLED | {"CallStatus": "in-progress", "TranscriptionStatus": "completed"}),
    ("/voice", {"AccountSid": CALLED["AccountSid"], "CallSid": CALLED["CallSid"], "StatusCallbackEvent": "participant-join"}),
]
#: The answer path that failed, or the verb that ended: a caller's, although the call may be over.
CALLERS = [
    ("/voice", CALLED | {"CallStatus": "ringing", "ErrorCode": "11205", "ErrorUrl": "https://app.example.com/"}),
    ("/voice", CALLED | {"CallStatus": "in-progress"}),
    ("/voice", CALLED | {"CallStatus": "completed", "ErrorCode": "11200", "ErrorUrl": "https://app.example.com/recorded"}),
    ("/voice", CALLED | {"CallStatus": "completed", "Digits": "hangup", "RecordingUrl": "https://api.twilio.com/x"}),
    ("/voice", CALLED | {"CallStatus": "completed", "DialCallStatus": "completed"}),
    ("/voice/mailbox/recorded/1", CALLED | {"CallStatus": "completed", "RecordingDuration": "3"}),
    ("/voice/keys/chosen/1", CALLED | {"CallStatus": "completed"}),
    ("/sms", TEXTED | {"SmsStatus": "received"}),
]


def events_of(line: dict[str, Any]) -> list[dict[str, Any]]:
    return list(items_of(line_in(json.dumps(line)), 90, 90))


@pytest.mark.parametrize(("path", "fields"), STATUSES)
def test_a_status_callback_is_no_caller(answering: AnswerFunction, path: str, fields: dict[str, str]) -> None:
    """Silence, no alarm (which counts `verified`), no outage, nothing to hand back, and one event."""
    answered = answering(signed(path, fields))
    assert (answered.status, answered.body) == (200, "<Response/>")
    assert answered.headers["Content-Type"] == "text/xml"
    assert answered.line["Outcome"] == "delivered"
    (event,) = events_of(answered.line)
    assert event["kind"] == STATUS
    assert not is_fallback(event)


def test_an_emergency_call_that_ended_is_not_told_once_more(answering: AnswerFunction) -> None:
    """People are told of it when it is dialled."""
    fields = CALLED | {"From": "sip:ann@office.sip.twilio.com", "To": "sip:911@office.sip.twilio.com"}
    assert answering(signed("/sip/office", fields | {"CallStatus": "ringing"})).line["emergency"] == "911"
    assert "emergency" not in answering(signed("/sip/office", fields | {"CallStatus": "completed"})).line


@pytest.mark.parametrize(("path", "fields"), CALLERS)
def test_a_caller_is_none(answering: AnswerFunction, path: str, fields: dict[str, str]) -> None:
    answered = answering(signed(path, fields))
    assert answered.line["Outcome"] == "verified"
    assert answered.line["answer"]
    assert is_fallback(events_of(answered.line)[0])


def test_an_unsigned_one_is_forged_like_any_other(answering: AnswerFunction) -> None:
    answered = answering(signed("/voice", OVER | {"CallStatus": "completed"}, "wrong"))
    assert answered.line["Outcome"] == "refused"
    assert "status_callback" not in answered.line


def test_the_story_says_what_is_set_wrongly(answering: AnswerFunction) -> None:
    line = answering(signed("/sms", SENT | {"MessageStatus": "delivered"})).line
    assert line[MARK] == 1
    (chapter,) = told(events_of(line))
    assert chapter.title == "A status callback, sent here by mistake: MessageStatus=delivered"
    assert chapter.details[0].startswith("it came to /sms, which answers callers and texts")
    assert "status callback URL" in chapter.details[1]
