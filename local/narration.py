"""What happened on a call or with a text, step by step: who was asked, which rule and document answered, what was heard and pressed."""

import json
from collections.abc import Iterable, Iterator, Mapping
from time import monotonic, sleep
from types import MappingProxyType
from typing import Any

from local.cloud import LocalCloud
from local.outputs import Outputs
from local.twilio import Call, Heard, Text
from local.twilio.exchange import Exchange

PATIENCE = 10.0  #: seconds until a journal line must be readable
UNSEEN = ("callback", "media")  #: requests that tell nothing of what the caller meets
REQUEST_ID = "x-amzn-requestid"
ENDS = {
    "document": "the documents ran out, and with them the call",
    "hangup": "the document hung up",
    "reject": "the call was rejected",
    "caller": "the caller hung up",
    "error": "nobody could answer: Twilio apologised and hung up",
    "limit": "Twilio ended it after four hours",
}

type Json = dict[str, Any]


def of_call(cloud: LocalCloud, outputs: Outputs, call: Call) -> Json:
    """A call as an object; `answered` is whether the fallback had something for the caller."""
    others = {leg.sid: f"{leg.parameters['To']} " for leg in call.legs}
    ended = ENDS.get(call.ended_by, "somebody else hung up")
    return {
        "sid": call.sid,
        "from": call.parameters["From"],
        "to": call.parameters["To"],
        "answered": _answered(call.exchanges) and call.ended_by != "error",
        "steps": _in_order([*_all_heard(call), *_requests(cloud, outputs, call.sid, call.exchanges, others)]),
        "recorded_seconds": [recording.seconds for recording in call.recordings],
        "ended": ended,
        "status": call.status,
        "seconds": round(call.seconds, 1),
    }


def of_text(cloud: LocalCloud, outputs: Outputs, text: Text) -> Json:
    """A text as an object."""
    return {
        "sid": text.sid,
        "from": text.parameters["From"],
        "to": text.parameters["To"],
        "answered": _answered(text.exchanges),
        "steps": _in_order(_requests(cloud, outputs, text.sid, text.exchanges)),
        "replies": text.bodies,
        "by_twilio": text.by_twilio,
    }


def _answered(exchanges: Iterable[Exchange]) -> bool:
    return any(exchange.ask.purpose in ("fallback", "recovery") and not exchange.error for exchange in exchanges)


def _in_order(steps: Iterable[Json]) -> list[Json]:
    """By the clock; of what begins at the same moment, what was heard before comes first."""
    return [step | {"at": round(step["at"], 1)} for step in sorted(steps, key=lambda step: float(step["at"]))]


def _all_heard(call: Call) -> Iterator[Json]:
    yield from (_heard(each) for each in call.heard)
    for leg in call.legs:
        yield from (_heard(each, f"{leg.parameters['To']} ") for each in leg.heard)


def _heard(heard: Heard, who: str = "") -> Json:
    words = {"say": f'hears "{heard.what}"', "play": f"hears {heard.what}", "talk": f"talks with {heard.what}", "silence": "silence"}
    said = words.get(heard.kind, f"hears {heard.kind} {heard.what}".strip())
    return {"at": heard.at, "kind": heard.kind, "what": heard.what, "text": f"{who}{said}"}


def _requests(
    cloud: LocalCloud, outputs: Outputs, sid: str, exchanges: Iterable[Exchange], others: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Json]:
    """Every request with what was pressed before it; `others` names those who were called, by their leg."""
    shown = [exchange for exchange in exchanges if exchange.ask.purpose not in UNSEEN]
    ours = {exchange.reply.header(REQUEST_ID) for exchange in shown if exchange.reply} - {""}
    journal = _journal(cloud, outputs, sid, ours)
    for exchange in shown:
        if pressed := exchange.ask.parameters.get("Digits"):
            who = others.get(exchange.sid, "")
            yield {"at": exchange.at, "kind": "presses", "what": pressed, "text": f"{who}presses {pressed}"}
        yield _request(exchange, journal.get(exchange.reply.header(REQUEST_ID) if exchange.reply else "", {}))


def _request(exchange: Exchange, line: Json) -> Json:
    purpose = exchange.ask.purpose
    step: Json = {"at": exchange.at, "kind": purpose, "url": exchange.ask.url, "status": exchange.status}
    if exchange.error:
        return step | {
            "error": exchange.error_code,
            "text": f"Twilio asks {exchange.ask.url}: {exchange.error_code}, {exchange.error.reason}",
        }
    if not line:
        return step | {"text": f"Twilio asks {exchange.ask.url} ({purpose}): {exchange.status}"}
    rule = f", by the rule at {line['at']}" if line.get("at") else ""
    found = {"document": line.get("document"), "rule": line.get("at"), "trust": line["trust"], "ms": line["ms"]}
    return step | found | {"text": f"{purpose}: {line['path']} answers with {line.get('document')}{rule} ({line['ms']} ms)"}


def _journal(cloud: LocalCloud, outputs: Outputs, sid: str, requests: set[str]) -> dict[str, Json]:
    """The journal lines of a call or text by request, once those of these requests are there."""
    logs, until, found = cloud.client("logs"), monotonic() + PATIENCE, dict[str, Json]()
    while True:
        events = logs.filter_log_events(logGroupName=outputs.journal_group, filterPattern=f'"{sid}"')["events"]
        found = {line["request"]: line for line in (json.loads(event["message"]) for event in events)}
        if requests <= found.keys() or monotonic() > until:
            return found
        sleep(0.05)
