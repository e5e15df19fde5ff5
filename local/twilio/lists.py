"""Lists of Twilio's older API: pages, and filters by date, which mean GMT where they name no zone.

https://www.twilio.com/docs/usage/twilios-response#pagination
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

from local.twilio.server import Received

MOST_ON_A_PAGE = 1000


def dated(asked: Mapping[str, str], name: str, at: float) -> bool:
    """Whether a moment (seconds since the epoch) passes the filters `Name`, `Name<` and `Name>`; the last two are inclusive."""
    moment = datetime.fromtimestamp(at, UTC)
    on, before, after = (_moment(asked[each]) if each in asked else None for each in (name, f"{name}<", f"{name}>"))
    return not (on and moment.date() != on.date()) and not (before and moment > before) and not (after and moment < after)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def page(received: Received, name: str, found: Sequence[object]) -> Mapping[str, object]:
    """The page that was asked for. Addresses of pages are paths in this API."""
    asked = dict(parse_qsl(received.query))
    size, number = int(asked.get("PageSize", "50")), int(asked.get("Page", "0"))
    kept = {key: value for key, value in parse_qsl(received.query) if key not in {"Page", "PageSize", "PageToken"}}
    shown, more = found[number * size : (number + 1) * size], (number + 1) * size < len(found)

    def uri(which: int) -> str:
        return f"{received.path}?{urlencode({**kept, 'PageSize': size, 'Page': which})}"

    return {
        name: shown,
        "page": number,
        "page_size": size,
        "start": number * size,
        "end": number * size + max(len(shown) - 1, 0),
        "uri": uri(number),
        "first_page_uri": uri(0),
        "next_page_uri": uri(number + 1) if more else None,
        "previous_page_uri": uri(number - 1) if number else None,
    }
