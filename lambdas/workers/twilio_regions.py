"""Twilio's Regions: which there are, under which hosts their APIs answer, and how an account's keys and tokens of one are named.

An account may use several. Each has numbers, calls, texts, recordings, alerts, API keys and Auth Tokens of its own, and knows nothing of
the others': what is in one is 404 in the next. Names such as `api.ie1.twilio.com` answer nothing any more since 2026-04-28.
https://www.twilio.com/docs/global-infrastructure/api-domain-migration-guide
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

HOME = "us1"
#: The city that the host of each Region names; US1 has hosts without any, because its cities no longer choose anything (2026-07-20).
CITIES = {HOME: "", "ie1": "dublin", "au1": "sydney"}
TWILIO_HOST = re.compile(r"(api|messaging|monitor)(\.[a-z0-9-]+){0,2}\.twilio\.com")


class Home(NamedTuple):
    """An account in one of its Regions."""

    account: str
    region: str = HOME

    @property
    def name(self) -> str:
        """How the secrets call it: `AC...`, or `AC...@ie1`."""
        return self.account if self.region == HOME else f"{self.account}@{self.region}"

    @classmethod
    def named(cls, name: str) -> "Home":
        """The reverse. Raises ValueError for a Region that Twilio does not have."""
        account, at, region = name.partition("@")
        if at and region not in CITIES:
            raise ValueError(f"{name}: Twilio has no Region {region!r}; there are {', '.join(CITIES)}")
        return cls(account, region or HOME)


def api_host(region: str, product: str = "api") -> str:
    """Where a product's API answers."""
    return f"{product}.twilio.com" if region == HOME else f"{product}.{CITIES[region]}.{region}.twilio.com"


def region_of(host: str) -> str:
    """The Region that a host names, in an older way of writing too; US1 where it names none that there is."""
    labels = host.removesuffix(".twilio.com").split(".")
    return labels[-1] if len(labels) > 1 and labels[-1] in CITIES else HOME


def living(host: str) -> str:
    """The host of the same product and Region that answers today."""
    return api_host(region_of(host), host.partition(".")[0]) if TWILIO_HOST.fullmatch(host) else host


def names_of(account: str, names: Iterable[str]) -> list[str]:
    """Those names that are of this account, in whichever Region."""
    return [name for name in names if name.partition("@")[0] == account]
