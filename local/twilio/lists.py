"""Lists of Twilio's APIs: pages, and filters; dates mean GMT where they name no zone.

What Twilio does not take is refused as it does, with status 400: a page size that is none or above 1,000 (error 20007), a page or date
that cannot be read. A filter that this stand-in does not know is refused too, though Twilio passes over it: whoever asks for less must not
get all.
https://www.twilio.com/docs/usage/twilios-response#pagination
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

MOST_ON_A_PAGE = 1000
PAGING = ("Page", "PageSize", "PageToken")

Filters = Mapping[str, str]
Described = Mapping[str, object]


class Refused(Exception):
    """A request that Twilio answers with an error."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def filters(query: str, names: Collection[str], dates: Collection[str] = ()) -> Filters:
    """What a list is asked for; `dates` may have `<` or `>` behind their names. Raises Refused."""
    asked = dict(parse_qsl(query, keep_blank_values=True))
    known = {*names, *PAGING, *(name + sign for name in dates for sign in ("", "<", ">"))}
    if unknown := sorted(set(asked) - known):
        raise Refused(400, 20001, f"this stand-in for Twilio does not know the filter {unknown[0]}")
    for name, value in asked.items():
        if name.rstrip("<>") in dates:
            moment(value)
    size(asked)
    return asked


def size(asked: Filters) -> int:
    """How many shall be on a page. Raises Refused."""
    text = asked.get("PageSize", "50")
    if not text.isdecimal() or not 1 <= int(text) <= MOST_ON_A_PAGE:
        raise Refused(400, 20007, f"Page size must be between 1 and {MOST_ON_A_PAGE}, not {text!r}")
    return int(text)


def dated(asked: Filters, name: str, at: float) -> bool:
    """Whether a moment (seconds since the epoch) passes the filters `Name`, `Name<` and `Name>`; the last two are inclusive."""
    when = datetime.fromtimestamp(at, UTC)
    on, before, after = (moment(asked[each]) if each in asked else None for each in (name, f"{name}<", f"{name}>"))
    return not (on and when.date() != on.date()) and not (before and when > before) and not (after and when < after)


def moment(text: str) -> datetime:
    """A date, or a date and time. Raises Refused."""
    with suppress(ValueError):
        read = datetime.fromisoformat(text)
        return read if read.tzinfo else read.replace(tzinfo=UTC)
    raise Refused(400, 20001, f"{text!r} is no date")


def matching(found: Sequence[Described], asked: Filters, **names: str) -> list[Described]:
    """Those whose fields are what the filters say: `From="from"`."""
    wanted = {field: asked[name] for name, field in names.items() if name in asked}
    return [each for each in found if all(each[field] == value for field, value in wanted.items())]


def begins(found: Sequence[Described], asked: Filters) -> int:
    """Where the page begins: behind the one that the token names, else at so many times its size. Raises Refused."""
    if token := asked.get("PageToken"):
        places = [place for place, each in enumerate(found) if f"PA{each.get('sid')}" == token]
        if not places:
            raise Refused(400, 20001, f"{token!r} is no page token of this list")
        return places[0] + 1
    page = asked.get("Page", "0")
    if not page.isdecimal():
        raise Refused(400, 20001, f"{page!r} is no page")
    return int(page) * size(asked)


def page(path: str, asked: Filters, name: str, found: Sequence[Described]) -> Described:
    """The page that was asked for. Addresses of pages are paths in this API."""
    begin, length, number = begins(found, asked), size(asked), int(asked.get("Page", "0"))
    shown, rest = found[begin : begin + length], found[begin + length :]
    kept = {key: value for key, value in asked.items() if key not in PAGING}

    def uri(which: int, token: str = "") -> str:
        more = {"PageToken": token} if token else {}
        return f"{path}?{urlencode({**kept, 'PageSize': length, 'Page': which, **more})}"

    return {
        name: list(shown),
        "page": number,
        "page_size": length,
        "start": begin,
        "end": begin + max(len(shown) - 1, 0),
        "uri": uri(number),
        "first_page_uri": uri(0),
        "next_page_uri": uri(number + 1, f"PA{sid}" if (sid := shown[-1].get("sid")) else "") if rest else None,
        "previous_page_uri": uri(number - 1) if number else None,
    }
