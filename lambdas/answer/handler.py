"""The entry point of Lambda: check, choose, fill in, journal, answer. It cannot raise.

    request unreadable            -> the unverified answer, a count
    signature wrong or missing    -> the unverified answer, a count
    a status callback at an entry -> silence, an event that names the mistake
    tokens unreadable             -> the unverified answer, the event marked `unverifiable`
    anything else that goes wrong -> the last resort, a count with the place of the fault
    the function itself broken    -> API Gateway's gateway response (stacks/api.py)

Recording callbacks are no callers: Twilio must learn the truth there (204, 403, or 503, after which it tries again).
"""

from __future__ import annotations

import os
import time

from lambdas.answer.book import Book, is_status_callback
from lambdas.answer.journal import Journal, sid_of
from lambdas.answer.request import Event, Json, Request, Unreadable, medium_of
from lambdas.answer.signature import FORGED, UNVERIFIABLE, VERIFIED, trust_of
from lambdas.answer.tokens import TokenStore

type Response = Json

#: What is said when even the answer book cannot be used.
BARE = {
    "voice": '<Response><Say language="en-US" voice="man">We are sorry, we cannot take your call right now. Please try again later.</Say>'
    "<Hangup/></Response>",
    "sms": "<Response/>",
}
SILENCE = "<Response/>"
CALLBACK_STATUS = {VERIFIED: 204, UNVERIFIABLE: 503, FORGED: 403}

ADDRESSES = {":callbacks": os.environ["CALLBACKS_URL"], ":media": os.environ.get("MEDIA_URL", "")}
BOOK = Book.load(os.path.join(os.path.dirname(__file__), "answerbook.json"), ADDRESSES[":media"])
JOURNAL = Journal(BOOK, os.environ["FALLBACK_ENVIRONMENT"])
TOKENS = TokenStore(os.environ["TOKENS_SECRET"])


def handler(event: Event, _: object) -> Response:
    """Answer one request of API Gateway's. Never raises: this is the boundary of an answer."""
    started = time.perf_counter()
    try:
        return readable(event, started)
    except Exception as error:  # noqa: BLE001 - the boundary of an answer
        return failed(medium_of(str(event.get("resource"))) if isinstance(event, dict) else "voice", error)


def readable(event: Event, started: float) -> Response:
    """The answer to a request, or to what is none."""
    try:
        return answer(Request(event), started)
    except Unreadable:
        return unreadable(event)


def answer(request: Request, started: float) -> Response:
    """The answer to a request that could be read. Raises Unreadable for a signed one that names neither call nor message."""
    trust = trust_in(request)
    if trust == VERIFIED and not sid_of(request.fields):
        raise Unreadable("the request has no SID")
    if request.medium == "callback":
        JOURNAL.write(request, trust, None, since(started))
        return {"statusCode": CALLBACK_STATUS[trust], "body": ""}
    if trust == VERIFIED and is_status_callback(request):
        JOURNAL.write(request, trust, None, since(started))
        return twiml(SILENCE)
    now = time.time()
    choice = (BOOK.choose if trust == VERIFIED else BOOK.choose_unverified)(request, now)
    response = twiml(BOOK.fill(choice.document, request, ADDRESSES))
    if cookie := BOOK.cookie(choice.document, now):
        response["headers"]["Set-Cookie"] = cookie
    JOURNAL.write(request, trust, choice, since(started))
    return response


def trust_in(request: Request) -> str:
    """The degree of trust. A wrong signature may mean a rotated token, so the tokens are asked for once more, rarely."""
    tokens = TOKENS.current()
    trust = trust_of(request, tokens, BOOK.domains)
    if trust != VERIFIED and request.headers.get("x-twilio-signature") and request.fields.get("AccountSid") in BOOK.accounts:
        newer = TOKENS.refreshed()
        return trust if newer is tokens else trust_of(request, newer, BOOK.domains)
    return trust


def unreadable(event: Event) -> Response:
    """Nothing of it can be trusted or kept: the unverified answer and a count."""
    medium = medium_of(event["resource"])
    JOURNAL.count(medium, "unreadable")
    if medium == "callback":
        return {"statusCode": 400, "body": ""}
    stranger = Request(event | {"body": "", "isBase64Encoded": False, "multiValueQueryStringParameters": None})
    choice = BOOK.choose_unverified(stranger, time.time())
    return twiml(BOOK.fill(choice.document, stranger, ADDRESSES))


def failed(medium: str, error: Exception) -> Response:
    """A fault of ours: the caller is answered all the same, and the log says where it happened, never what was said."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else "?"
    JOURNAL.count(medium, "failed", error=type(error).__name__, where=where)
    return {"statusCode": 503, "body": ""} if medium == "callback" else twiml(BARE[medium])


def twiml(document: str) -> Response:
    """A document as Twilio wants it. https://www.twilio.com/docs/voice/twiml#twilio-understands-mime-types"""
    return {"statusCode": 200, "headers": {"Content-Type": "text/xml", "Cache-Control": "no-store"}, "body": document}


def since(started: float) -> float:
    """Milliseconds since a moment of `time.perf_counter`."""
    return (time.perf_counter() - started) * 1000
