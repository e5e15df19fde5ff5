"""What the primary missed and what of it may be handed back: each text and lost callback, its class, and how far it has come."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lambdas.workers.events import Item
from lambdas.workers.hand_back import DELIVERED, LOST, NOT_DELIVERED, is_candidate, never_arrived, original_key, replay_key
from lambdas.workers.opt_outs import CONSENT, keyword_of
from ops.history import History
from ops.period import Period

READY, EXPIRED, FOREIGN = "ready", "expired", "foreign"
PERHAPS, UNKNOWN = "perhaps processed", "unknown"
#: What each status means, and what to do about it.
REMEDIES = {
    READY: "the primary certainly did not get it",
    PERHAPS: "the primary may have processed it (time-out, 5xx, bad TwiML); let it go if the primary knows texts by their MessageSid",
    UNKNOWN: "an earlier attempt was cut off or was not answered well; the primary may have it",
    DELIVERED: "handed back before",
    EXPIRED: "the original is not kept ([retention] originals, or too long for the journal): look the text up at Twilio",
    FOREIGN: "the failing address is at no host that [primary] hosts names",
}


@dataclass(frozen=True)
class Allowed:
    """What the engineer lets go: besides what is ready, what was perhaps processed, and what is unknown."""

    include_perhaps: bool = False
    again: bool = False


@dataclass(frozen=True)
class Candidate:
    """One text or callback that the primary missed."""

    event: Item
    status: str
    state: str = ""  #: of its replay, if there was one
    reason: str = ""

    @property
    def is_text(self) -> bool:
        """A text, or else a callback."""
        return bool(self.event["kind"] != LOST)

    @property
    def word(self) -> str:
        """`stop` or `start`, where the text is such a word: these go first."""
        word = keyword_of(self.event.get("params") or {})
        return word if word in CONSENT else ""

    @property
    def origin(self) -> str:
        """The root of the address that failed, by which the primary's health is asked."""
        parts = urlsplit(self.event.get("error_url", ""))
        return f"{parts.scheme}://{parts.netloc}/"

    def goes(self, allowed: Allowed) -> bool:
        """Whether it is sent under what the engineer allows."""
        perhaps = allowed.include_perhaps or never_arrived(self.event.get("error_code", ""))
        return {READY: True, PERHAPS: allowed.include_perhaps, UNKNOWN: allowed.again and perhaps}.get(self.status, False)

    @property
    def facts(self) -> dict[str, Any]:
        """As JSON."""
        names = ("pk", "sk", "time", "medium", "from", "to", "error_code", "error_url")
        known = {name: self.event.get(name) for name in names}
        return known | {"status": self.status, "state": self.state, "reason": self.reason, "word": self.word}


def plan(history: History, period: Period, hosts: Iterable[str]) -> list[Candidate]:
    """What a period holds, in the order in which it goes: STOP and START first, then by time, so that each sender's texts stay in order."""
    return planned(history, [event for event in history.events(period, newest_first=False) if is_candidate(event)], hosts)


def unfinished(history: History, hosts: Iterable[str]) -> list[Candidate]:
    """What was being sent and did not arrive, whenever that was."""
    keys = [(item["pk"], item["event"]) for item in history.waiting("replay")]
    return planned(history, sorted(history.items(keys).values(), key=lambda event: str(event["time"])), hosts)


def planned(history: History, listed: list[Item], hosts: Iterable[str]) -> list[Candidate]:
    """Candidates of these events; a text that Twilio brought twice is one."""
    first = {replay_key(event): event for event in reversed(listed)}
    whole = history.items((event["pk"], event["sk"]) for event in first.values())
    originals = history.items(map(original_key, first.values()), "pk, sk")
    replays = history.items(first)
    found = []
    for key, event in first.items():
        full = whole.get((event["pk"], event["sk"]), event)
        status = status_of(full, replays.get(key), original_key(event) in originals, frozenset(hosts))
        replay = replays.get(key, {})
        found.append(Candidate(full, status, replay.get("state", ""), replay.get("reason", "")))
    return sorted(found, key=lambda candidate: (not candidate.word, candidate.event["time"]))


def status_of(event: Item, replay: Item | None, kept: bool, hosts: frozenset[str]) -> str:
    """How far it has come, and whether it may go."""
    if replay and replay["state"] == DELIVERED:
        return DELIVERED
    if urlsplit(event.get("error_url", "")).hostname not in hosts:
        return FOREIGN
    if not kept:
        return EXPIRED
    if replay and replay["state"] != NOT_DELIVERED:
        return UNKNOWN
    return READY if never_arrived(event.get("error_code", "")) else PERHAPS


def counts(candidates: list[Candidate]) -> list[tuple[str, int]]:
    """How many have each status, those that may go first."""
    found = Counter(candidate.status for candidate in candidates)
    return [(status, found[status]) for status in REMEDIES if found[status]]
