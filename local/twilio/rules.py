"""Webhook rules: which Setting applies to a URL, and with which key Twilio then signs.

An exact match comes first, then the longest prefix, then the default. Where a rule matches, its Setting takes the place of what stands
behind the URL's `#`; a Setting retries nothing unless it says so. Rules hold for one account.
https://www.twilio.com/docs/usage/webhooks/webhook-configuration-faq, webhook-rules, webhook-settings, webhook-shared-keys
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal
from uuid import uuid4

from local.twilio.overrides import Overrides

Match = Literal["EXACT_MATCH", "PREFIX_MATCH", "DEFAULT"]
_ORDER: tuple[Match, ...] = ("EXACT_MATCH", "PREFIX_MATCH", "DEFAULT")


@dataclass(frozen=True)
class SharedKey:
    """A key that signs instead of the Auth Token; its secret is shown once, when it is made."""

    secret: str = field(default_factory=lambda: uuid4().hex, repr=False)
    id: str = field(default_factory=lambda: f"webhooks_sharedkey_{uuid4().hex[:26]}")

    @property
    def header(self) -> str:
        """What names it: X-Twilio-Webhooks-Signature-Settings."""
        return f"key={self.id},algorithm=HMAC_SHA256"


@dataclass(frozen=True)
class Setting:
    """How webhooks are delivered and signed where a rule says so; by the Auth Token without a key."""

    shared_key: SharedKey | None = None
    delivery: Overrides = field(default_factory=lambda: Overrides(retries=0))


@dataclass(frozen=True)
class Rule:
    """Which URLs a Setting is for. Raises ValueError for a prefix that does not end with `/`, and for an exact match that does."""

    match: Match
    setting: Setting
    value: str = ""

    def __post_init__(self) -> None:
        if self.match == "DEFAULT" and self.value:
            raise ValueError("the default rule has no value")
        if self.match != "DEFAULT" and self.value.endswith("/") != (self.match == "PREFIX_MATCH"):
            raise ValueError(f"{self.match} {self.value}: a prefix ends with a slash, an exact match does not")

    def fits(self, url: str) -> bool:
        """Whether it is for a URL."""
        return self.match == "DEFAULT" or (url == self.value if self.match == "EXACT_MATCH" else url.startswith(self.value))


def setting_for(url: str, rules: Iterable[Rule]) -> Setting | None:
    """What applies to a URL; None where no rule does."""
    plain = url.partition("#")[0]
    fitting = sorted((rule for rule in rules if rule.fits(plain)), key=lambda rule: (_ORDER.index(rule.match), -len(rule.value)))
    return fitting[0].setting if fitting else None
