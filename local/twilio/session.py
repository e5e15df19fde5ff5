"""<Connect> with a socket: <ConversationRelay> and <Stream>. Twilio really opens the connection; what then happens there is a script.

    refused, not found, no handshake    error 64102 (31902, 31920 for a stream); the action says `failed`
    opened                              the agent of `Caller.agents` talks, then says `end`, or is cut off (64105)
    the caller hangs up                 the action says `completed`, and nobody hears the answer

Sources: https://www.twilio.com/docs/voice/twiml/connect/conversationrelay (parameters of the action), .../stream, RFC 6455 (the handshake),
the error pages 64102, 64105, 31901 to 31922. The number's fallback URL is not asked for a dead socket. What is not documented: whether the
action of a stream says more than of any call; here it does not.
"""

from base64 import b64encode
from secrets import token_bytes
from time import monotonic
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from local.twilio.call import Call, HungUp
from local.twilio.connection import Limits, Request, talk
from local.twilio.documents import Document
from local.twilio.error import TwilioError
from local.twilio.exchange import Ask
from local.twilio.execution import NotPlayedError
from local.twilio.people import Agent
from local.twilio.platform import new_sid
from local.twilio.verbs import address
from local.twilio.webhook import context

_SWITCHING = 101
_PATIENCE = 5.0
_RELAY = "ConversationRelay"
#: What a failure is called, by what went wrong: for a relay and for a stream.
_NOT_WSS, _NOT_REACHED, _NO_HANDSHAKE, _CUT = ("64101", "31922"), ("64102", "31902"), ("64102", "31920"), ("64105", "31903")


def connect(call: Call, document: Document, verb: Element) -> Ask | None:
    """The request of the action; None to go on with the next verb. Raises HungUp when the caller went."""
    noun = next((each for each in verb if each.tag in (_RELAY, "Stream")), None)
    if noun is None:
        raise NotPlayedError(f"the stand-in for Twilio does not play <Connect> with {[each.tag for each in verb]}")
    call.answer()
    begin, session = call.line.now, {"SessionId": new_sid("VX")}
    try:
        session |= _session(call, noun)
    except TwilioError as error:
        call.platform.note(error.at(noun.get("url", "")), call.exchanges[-1], call.sid)
        session |= {"SessionStatus": "failed", "ErrorCode": str(error.code), "ErrorMessage": error.reason}
    except HungUp:
        call.status = "completed"
        if following := _action(call, document, verb, noun, session | {"SessionStatus": "completed"}, begin):
            call.tell(following)
        raise
    return _action(call, document, verb, noun, session, begin)


def _session(call: Call, noun: Element) -> dict[str, str]:
    """The conversation. Raises TwilioError, HungUp."""
    is_stream, url = noun.tag == "Stream", noun.get("url", "")
    _open(call, url, is_stream)
    agent = call.script.agents.get(url, Agent())
    call.hear("talk", url, agent.talks)
    if agent.is_cut_off:
        raise TwilioError(int(_CUT[is_stream]), f"{url} closed the socket")
    return {"SessionStatus": "ended", **({"HandoffData": agent.handoff_data} if agent.handoff_data else {})}


def _open(call: Call, url: str, is_stream: bool) -> None:
    """The handshake. Raises TwilioError."""
    parts = urlsplit(url)
    if parts.scheme != "wss" or not parts.hostname:
        raise TwilioError(int(_NOT_WSS[is_stream]), f"{url!r} is no wss URL")
    webhooks, port = call.platform.webhooks, parts.port or 443
    lines = [
        f"GET {parts.path or '/'} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {b64encode(token_bytes(16)).decode()}",
    ]
    raw = "\r\n".join([*lines, "", ""]).encode()
    limits = Limits(_PATIENCE, _PATIENCE, monotonic() + _PATIENCE, int(_NOT_REACHED[is_stream]), int(_NOT_REACHED[is_stream]))
    try:
        reply = talk(Request(parts.hostname, port, context(webhooks.trust, sni=True), True, "GET", raw), webhooks.resolver, limits)
    except TwilioError as error:
        raise TwilioError(int(_NOT_REACHED[is_stream]), f"{url}: {error.reason}") from error
    if reply.status != _SWITCHING:
        raise TwilioError(int(_NO_HANDSHAKE[is_stream]), f"{url} answered {reply.status}, not {_SWITCHING}")


def _action(call: Call, document: Document, verb: Element, noun: Element, session: dict[str, str], begin: float) -> Ask | None:
    if verb.get("action") is None:
        return None
    facts = session | {"SessionDuration": str(round(call.line.now - begin))} if noun.tag == _RELAY else {}
    return Ask(address(document, verb.get("action", "")), verb.get("method", "POST"), facts, "action")
