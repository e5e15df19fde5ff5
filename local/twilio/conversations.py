"""What Twilio remembers of two numbers that write to each other: cookies, opt-outs, and how fast the replies come.

Sources: https://help.twilio.com/articles/223134027 (STOP, START, HELP on long codes and toll-free numbers; the webhook is
requested all the same), 223181748 (not on short codes), https://www.twilio.com/docs/messaging/twiml (OptOutType), the
error pages 14107 (more than 30 replies, each within 30 seconds of the one before) and 21610 (reply to an opted-out number).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from threading import Lock

from local.twilio.cookies import FOUR_HOURS, Jar
from local.twilio.messages import Reply
from local.twilio.platform import Platform

_WORDS = {
    "STOP": {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"},
    "START": {"START", "YES", "UNSTOP"},
    "HELP": {"HELP", "INFO"},
}
_ANSWERS = {
    "STOP": "You are unsubscribed and will get no more messages from this number. Reply START to resubscribe.",
    "START": "You are subscribed again and will get messages from this number.",
    "HELP": "Reply STOP to unsubscribe. Msg & data rates may apply.",
}
_BURST, _GAP = 30, 30.0


@dataclass
class Conversation:
    """One pair of numbers. Its texts are handled one after the other, under `lock`."""

    jar: Jar
    lock: Lock = field(default_factory=Lock)
    opted_out: bool = False
    replies: int = 0
    replied_at: float = 0.0

    def react(self, word: str) -> str:
        """Notes STOP or START; what Twilio itself answers, or ""."""
        if word == "START" and not self.opted_out:
            return ""
        self.opted_out = (self.opted_out or word == "STOP") and word != "START"
        return _ANSWERS.get(word, "")

    def deliver(self, replies: Iterable[Reply], now: float) -> list[Reply]:
        """The replies with the reason why some do not arrive."""
        return [replace(each, error_code=self._refusal(now)) for each in replies]

    def _refusal(self, now: float) -> int:
        if self.opted_out:
            return 21610
        self.replies = self.replies + 1 if now - self.replied_at < _GAP else 1
        self.replied_at = now
        return 14107 if self.replies > _BURST else 0


class Conversations:
    """All pairs of numbers of an account."""

    def __init__(self, platform: Platform) -> None:
        self._clock: Callable[[], float] = platform.clock
        self._renewed = platform.undocumented.text_cookies_age_from_last_use
        self._pairs: dict[tuple[str, str], Conversation] = {}
        self._lock = Lock()

    def between(self, from_: str, to: str) -> Conversation:
        """The conversation of this pair."""
        with self._lock:
            if (from_, to) not in self._pairs:
                self._pairs[from_, to] = Conversation(Jar(self._clock, FOUR_HOURS, self._renewed))
            return self._pairs[from_, to]


def keyword(body: str) -> str:
    """STOP, START or HELP when the whole text is one of the words for it, else ""."""
    word = body.strip().upper()
    return next((kind for kind, words in _WORDS.items() if word in words), "")
