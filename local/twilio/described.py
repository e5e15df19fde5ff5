"""Calls and recordings as Twilio's REST API describes them (OpenAPI document `twilio_api_v2010`)."""

from collections.abc import Sequence
from re import sub

from local.twilio.exchange import Exchange
from local.twilio.parameters import API_VERSION
from local.twilio.platform import Party, Platform, Recording, rfc2822

_EVENTS_AFTER = 15 * 60
"""Seconds after a call's end from which on its requests are listed (https://www.twilio.com/docs/voice/api/call-event-resource)."""


def recording(platform: Platform, each: Recording, deleted: bool) -> dict[str, object]:
    """A recording; what is deleted keeps its facts for 40 days."""
    uri = f"/{API_VERSION}/Accounts/{platform.account_sid}/Recordings/{each.sid}"
    return {
        "account_sid": platform.account_sid,
        "api_version": API_VERSION,
        "call_sid": each.call_sid,
        "conference_sid": None,
        "channels": 1,
        "date_created": rfc2822(each.started),
        "date_updated": rfc2822(each.started + each.seconds),
        "start_time": rfc2822(each.started),
        "duration": str(each.seconds) if each.status == "completed" else "-1",
        "sid": each.sid,
        "price": None,
        "price_unit": None,
        "status": "deleted" if deleted else each.status,
        "source": each.source,
        "error_code": each.error_code or None,
        "uri": uri + ".json",
        "encryption_details": each.encryption,
        "subresource_uris": {"transcriptions": f"{uri}/Transcriptions.json"},
        "media_url": each.stored_at or f"{platform.media_base}{uri}",
    }


def call(platform: Platform, each: Party) -> dict[str, object]:
    """A call, as far as its webhooks know it."""
    known = each.parameters
    return {
        "sid": each.sid,
        "account_sid": platform.account_sid,
        "parent_call_sid": known.get("ParentCallSid"),
        "from": known.get("From", ""),
        "to": known.get("To", ""),
        "status": each.status,
        "direction": "trunking-originating" if each.by_trunk else known.get("Direction", "inbound"),
        "start_time": rfc2822(each.began),
        "end_time": rfc2822(each.began + each.seconds),
        "duration": str(round(each.seconds)),
        "date_created": rfc2822(each.began),
        "date_updated": rfc2822(each.began + each.seconds),
        "forwarded_from": known.get("ForwardedFrom"),
        "api_version": API_VERSION,
        "uri": f"/{API_VERSION}/Accounts/{platform.account_sid}/Calls/{each.sid}.json",
    }


def end(each: Party) -> float:
    """When a call ended."""
    return each.began + each.seconds


def events(platform: Platform, each: Party) -> Sequence[dict[str, object]]:
    """The requests of a call with their answers, once it has been over for a while."""
    is_over = each.status not in ("queued", "ringing", "in-progress")
    if not is_over or platform.clock() < each.began + each.seconds + _EVENTS_AFTER:
        return []
    if each.by_trunk and not platform.undocumented.trunk_requests_are_listed:
        return []
    return [_event(exchange, each.began) for exchange in each.exchanges if exchange.sid == each.sid]


def _event(exchange: Exchange, began: float) -> dict[str, object]:
    """One request: its parameters have names of another kind there."""
    sent = {sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(): value for name, value in exchange.parameters.items()}
    return {
        "request": {"url": exchange.ask.url, "method": exchange.ask.method, "parameters": sent},
        "response": {
            "content_type": "text/xml",
            "date_created": rfc2822(began + exchange.at),
            "request_duration": round(exchange.seconds * 1000),
            "response_body": exchange.body,
            "response_code": exchange.status,
        },
    }
