"""Twilio's Monitor, as far as its alerts: https://www.twilio.com/docs/usage/monitor-alert (OpenAPI document `twilio_monitor_v1`).

A list lacks what was sent and what came back; a single alert has both. The filters are inclusive, the newest come first.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

from local.twilio.lists import PAGING, Described, Filters, begins, filters, moment, size
from local.twilio.platform import Alert

_PATH = "/v1/Alerts"
#: Twilio lists so many of a window and no more.
MOST = 10_000


def alerts(known: Sequence[Alert], account_sid: str, base: str, query: str) -> Described:
    """A page of the list; `base` is this API's address. Raises Refused."""
    asked = filters(query, ("LogLevel", "StartDate", "EndDate"))
    told = [_described(alert, account_sid, base) for alert in _within(known, asked)]
    begin, length, page = begins(told, asked), size(asked), int(asked.get("Page", "0"))
    kept = {name: value for name, value in asked.items() if name not in PAGING}

    def url(number: int) -> str:
        return f"{base}{_PATH}?{urlencode({**kept, 'PageSize': length, 'Page': number})}"

    more = begin + length < len(told)
    meta = {"page": page, "page_size": length, "key": "alerts", "url": url(page), "first_page_url": url(0)}
    meta |= {"previous_page_url": url(page - 1) if page else None, "next_page_url": url(page + 1) if more else None}
    return {"alerts": told[begin : begin + length], "meta": meta}


def alert(known: Sequence[Alert], account_sid: str, base: str, sid: str) -> Described | None:
    """A single alert, which has what was sent; None where there is none."""
    found = next((each for each in known if each.sid == sid), None)
    return None if found is None else {**_described(found, account_sid, base), **_exchanged(found)}


def _within(known: Sequence[Alert], asked: Filters) -> list[Alert]:
    since, until = (
        moment(asked.get(name, default)).timestamp() for name, default in (("StartDate", "1970-01-02"), ("EndDate", "9999-01-01"))
    )
    level = asked.get("LogLevel")
    found = [alert for alert in known if level in (None, alert.level) and since <= alert.at <= until]
    return sorted(found, key=lambda alert: alert.at, reverse=True)[:MOST]


def _described(alert: Alert, account_sid: str, base: str) -> dict[str, object]:
    at = datetime.fromtimestamp(alert.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "sid": alert.sid,
        "account_sid": account_sid,
        "error_code": str(alert.code),
        "log_level": alert.level,
        "alert_text": urlencode({"Msg": alert.text, "url": alert.request_url}),
        "request_method": alert.request_method,
        "request_url": alert.request_url,
        "resource_sid": alert.resource_sid,
        "service_sid": None,
        "more_info": f"https://www.twilio.com/docs/errors/{alert.code}",
        "api_version": "2010-04-01",
        "date_created": at,
        "date_generated": at,
        "date_updated": at,
        "url": f"{base}{_PATH}/{alert.sid}",
    }


def _exchanged(alert: Alert) -> dict[str, object]:
    return {
        "request_variables": urlencode(alert.request_variables),
        "request_headers": "",
        "response_headers": "",
        "response_body": alert.response_body,
    }
