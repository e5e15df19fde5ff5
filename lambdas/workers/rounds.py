"""What the probe asks in turn: at each entry a plain request, one of somebody whom no rule is likely to name, then one for each way that
the rules lead, so that every answer, in every language, is asked for.

A request is made of what the rules ask. It need not succeed: the probe computes the document that must come back for whatever it sends, and
what cannot be sent (a cookie, a time of the day) is left out.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lambdas.answer.book import OVER, Book

PRIMARY = "https://primary.invalid"
NUMBER = "+15005550006"  #: Twilio's own for tests (https://www.twilio.com/docs/iam/test-credentials)
#: What the rules of most entries leave to the last of them.
OTHERS = {"From": "sip:caller@primary.invalid", "To": "sip:called@primary.invalid"}
#: What follows from earlier answers, from the sender's being nobody, or from Twilio's own opinion of a text: never asked for.
OURS = frozenset({"cookie", "ours", "file", "nobody", "some", "same"})
#: The address or the clock says these.
NOT_SENT = ("trunk", "sip", "app", "open")

Rule = Mapping[str, Any]


def cases(book: Book, entry: str, name: str = "") -> list[dict[str, str]]:
    """The parameters of the requests for an entry (`voice`, `sms`; `trunk`, `sip`, `app` with the name in their URL), each once."""
    found = [asked(book, way) for way in ways(book, book.steps.get(entry, ())) if may_lead(way, entry, name)]
    return [dict(pairs) for pairs in dict.fromkeys(tuple(sorted(case.items())) for case in ({}, OTHERS, *found))]


def ways(book: Book, rules: Iterable[Rule]) -> Iterator[list[Any]]:
    """The conditions of each rule, and of those to which it leads at once."""
    for rule in rules:
        if "step" in rule and not any(kind in OURS for _, kind, _ in rule["if"]):
            yield from ([*rule["if"], *further] for further in ways(book, book.steps[rule["step"]]))
        else:
            yield rule["if"]


def may_lead(conditions: Iterable[Any], entry: str, name: str) -> bool:
    """Whether a request at this URL can meet these conditions."""
    return all(kind not in OURS and (asked != entry or name in values) for asked, kind, values in conditions)


def asked(book: Book, conditions: Iterable[Any]) -> dict[str, str]:
    """Parameters that meet the conditions."""
    found: dict[str, str] = {}
    for name, kind, values in conditions:
        if name not in NOT_SENT:
            found.setdefault("From" if name == "person" else name, value_for(book, kind, values))
    if found.get("CallStatus") in OVER:  # without an address that failed it would be taken for a status callback
        found.setdefault("ErrorUrl", PRIMARY + "/")
    return found


def value_for(book: Book, kind: str, values: list[Any]) -> str:
    """A value that meets a condition."""
    first = values[0]
    if kind == "in":
        return next(iter(book.lookups[first]), "")
    if kind == "number":
        return NUMBER
    if kind == "prefix":
        return str(first) + ("0000000" if first.startswith("+") else "probe")
    if kind == "range":
        return str(first[0])
    if kind in ("path", "url"):
        host, path = (None, first) if kind == "path" else first
        return (f"https://{host}" if host else PRIMARY) + "/" + "/".join(part.lstrip(":") for part in path or ())
    return str(first)
