"""Twilio's Monitor, as far as its alerts: https://www.twilio.com/docs/usage/monitor-alert (OpenAPI document `twilio_monitor_v1`).

A list lacks what was sent and what came back; a single alert has both. The filters are inclusive, the newest come first.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from re import fullmatch
from urllib.parse import parse_qsl, urlencode

from local.twilio.platform import Alert

BASE = "https://monitor.twilio.com"
PATH = "/v1/Alerts"
#: Twilio lists so many of a window and no more.
MOST = 10_000
NEVER = "1970-01-01T00:00:00Z"


def answer(alerts: Sequence[Alert], account_sid: str, path: str, query: str) -> Mapping[str, object] | None:
    """What a path of this API says; None where there is nothing."""
    if path == PATH:
        return _page(alerts, account_sid, dict(parse_qsl(query)))
    one = fullmatch(PATH + r"/(NO[0-9a-f]{32})", path)
    found = next((alert for alert in alerts if one and alert.sid == one[1]), None)
    return None if found is None else {**_described(found, account_sid), **_exchanged(found)}


def _page(alerts: Sequence[Alert], account_sid: str, asked: Mapping[str, str]) -> Mapping[str, object]:
    size, page = int(asked.get("PageSize", "50")), int(asked.get("Page", "0"))
    tests: list[Callable[[Alert], bool]] = [
        lambda alert: asked.get("LogLevel", alert.level) == alert.level,
        lambda alert: alert.at >= _moment(asked.get("StartDate", NEVER)),
        lambda alert: alert.at <= _moment(asked.get("EndDate", "9999-01-01T00:00:00Z")),
    ]
    matching = sorted((alert for alert in alerts if all(test(alert) for test in tests)), key=lambda alert: alert.at, reverse=True)[:MOST]
    shown = matching[page * size : (page + 1) * size]
    more = (page + 1) * size < len(matching)

    def url(number: int) -> str:
        return f"{BASE}{PATH}?{urlencode({**asked, 'PageSize': size, 'Page': number})}"

    meta = {"page": page, "page_size": size, "key": "alerts", "url": url(page), "first_page_url": url(0)}
    meta |= {"previous_page_url": url(page - 1) if page else None, "next_page_url": url(page + 1) if more else None}
    return {"alerts": [_described(alert, account_sid) for alert in shown], "meta": meta}


def _described(alert: Alert, account_sid: str) -> dict[str, object]:
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
        "url": f"{BASE}{PATH}/{alert.sid}",
    }


def _exchanged(alert: Alert) -> dict[str, object]:
    return {
        "request_variables": urlencode(alert.request_variables),
        "request_headers": "",
        "response_headers": "",
        "response_body": alert.response_body,
    }


def _moment(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
