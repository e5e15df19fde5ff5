"""Places a call and carries it to its end: first request, documents, final status, status callbacks.

Sources: https://www.twilio.com/docs/voice/twiml (status callback parameters), the TwiML changelog of 2024-07-30 (a call
that ends before it was answered is "no-answer") and 2023-06-01 (callbacks share no cookies), error page 15003.
"""

from collections.abc import Mapping
from functools import partial

from local.twilio.call import Call
from local.twilio.dial import dial
from local.twilio.error import TwilioError
from local.twilio.exchange import Ask, Exchange
from local.twilio.execution import Verb, run
from local.twilio.gather import gather
from local.twilio.record import record
from local.twilio.session import connect
from local.twilio.verbs import ENDINGS, PROMPTS, redirect
from local.twilio.waiting import enqueue

_REFUSED_CALLBACK = 15003

VERBS: Mapping[str, Verb] = {
    **PROMPTS,
    **ENDINGS,
    "Redirect": redirect,
    "Gather": gather,
    "Record": record,
    "Dial": dial,
    "Enqueue": enqueue,
    "Connect": connect,
}
"""What a call may do."""


def place(call: Call, first: Ask, status_callback: str = "") -> Call:
    """Carries a call from its first request to its end and returns it."""
    run(call, first, VERBS)
    return finish(call, status_callback)


def finish(call: Call, status_callback: str = "") -> Call:
    """Sets the final status and sends what Twilio sends when a call is over."""
    if call.status not in {"busy", "no-answer", "failed"}:
        call.status = "completed" if call.answered_at is not None else "no-answer"
    if status_callback:
        call.callbacks.append(Ask(status_callback, "POST", _ending(call), "callback"))
    for callback in call.callbacks:
        call.platform.postman.take(partial(deliver, call, callback))
    return call


def deliver(call: Call, callback: Ask) -> Exchange:
    """Sends a callback: no cookies, no fallback; an error costs an alert and the message is lost."""
    exchange = call.request(callback, bare=True, cookies=False)
    if exchange.error:
        code = _REFUSED_CALLBACK if exchange.status else exchange.error.code
        exchange.error = TwilioError(code, exchange.error.reason, callback.url)
        call.platform.note(exchange.error, exchange, call.sid, "warning" if exchange.status else "error")
    return exchange


def _ending(call: Call) -> dict[str, str]:
    seconds = 0.0 if call.answered_at is None else call.line.now - call.answered_at
    return {**call.parameters, "CallStatus": call.status, "CallDuration": str(round(seconds))}
