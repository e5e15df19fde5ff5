"""Connection overrides: the fragment of a webhook URL (`#ct=2000&rp=ct,rt&e=ashburn,dublin`).

Source: https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides (keys, ranges, defaults, 15 s cap).
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from local.twilio.error import Retry, TwilioError

CAP = 15.0
"""Seconds that Twilio gives a call-related request in all, whatever the overrides say."""

_MILLISECONDS = {"ct": (100, 10_000), "rt": (100, 15_000), "tt": (100, 15_000)}
_POLICIES = {"4xx", "5xx", "ct", "rt", "all"}
_EDGES = {"ashburn", "dublin", "frankfurt", "sao-paulo", "singapore", "sydney", "tokyo", "umatilla"}
_INTERCONNECT = {"ashburn-ix", "frankfurt-ix", "london-ix", "san-jose-ix", "singapore-ix"}


@dataclass(frozen=True)
class Overrides:
    """How one webhook is requested; times in seconds."""

    connect: float = 5.0
    read: float = CAP
    total: float | None = None
    retries: int = 1
    policy: frozenset[str] = frozenset({"ct"})
    sni: bool = True
    edges: tuple[str, ...] = ("ashburn",)

    def retry(self, kind: Retry | None) -> bool:
        """Whether an error of this kind is tried again."""
        return kind is not None and ("all" in self.policy or kind in self.policy)


def overrides(url: str) -> Overrides:
    """The overrides that a URL bears.

    Raises TwilioError 11240, 11242 (edge), 11243 (policy). Twilio names no code for other nonsense; it is refused as 11100
    here, stricter than documented, so that a typing mistake cannot pass unnoticed.
    """
    given = _pairs(urlsplit(url).fragment)
    return Overrides(
        connect=_seconds(given, "ct") or Overrides.connect,
        read=_seconds(given, "rt") or Overrides.read,
        total=_seconds(given, "tt"),
        retries=_count(given.pop("rc", "1")),
        policy=_policy(given.pop("rp", "ct")),
        sni=_yes(given.pop("sni", "y")),
        edges=_edges(given.pop("e", "ashburn")),
    )


def _pairs(fragment: str) -> dict[str, str]:
    pairs = dict(part.partition("=")[::2] for part in fragment.split("&") if part)
    unknown = set(pairs) - {*_MILLISECONDS, "rc", "rp", "sni", "e"}
    if unknown:
        raise TwilioError(11100, f"unknown connection override {sorted(unknown)[0]!r}")
    return pairs


def _seconds(given: dict[str, str], key: str) -> float | None:
    if key not in given:
        return None
    low, high = _MILLISECONDS[key]
    if not given[key].isdecimal() or not low <= int(given[key]) <= high:
        raise TwilioError(11100, f"{key}={given[key]} is not between {low} and {high}")
    return int(given[key]) / 1000


def _count(text: str) -> int:
    if text not in {"0", "1", "2", "3", "4", "5"}:
        raise TwilioError(11100, f"rc={text} is not between 0 and 5")
    return int(text)


def _policy(text: str) -> frozenset[str]:
    policy = frozenset(text.split(","))
    if not policy <= _POLICIES:
        raise TwilioError(11243, f"rp={text} is no retry policy")
    return policy


def _yes(text: str) -> bool:
    if text not in {"y", "n"}:
        raise TwilioError(11100, f"sni={text} is neither y nor n")
    return text == "y"


def _edges(text: str) -> tuple[str, ...]:
    edges = tuple(text.split(","))
    for edge in edges:
        if edge in _INTERCONNECT:
            raise TwilioError(11242, f"e={edge} needs Interconnect")
        if edge not in _EDGES:
            raise TwilioError(11240, f"e={edge} is no edge")
    return edges
