"""What Twilio's error codes mean, in the words of an engineer at night: `error_codes.toml`, read once.

Twilio's list grows, so a code that is not there is no mistake: it comes with the address of Twilio's page alone.
https://www.twilio.com/docs/api/errors
"""

import functools
import tomllib
from pathlib import Path
from typing import NamedTuple

PAGE = "https://www.twilio.com/docs/api/errors/{}"
TABLE = Path(__file__).with_name("error_codes.toml")


class Explanation(NamedTuple):
    """One code: what it means, what usually lies behind it, the first thing to try, who has to act; empty where it is not known."""

    code: str
    page: str
    meaning: str = ""
    cause: str = ""
    first: str = ""
    where: str = ""

    @property
    def line(self) -> str:
        """The code in one line, for messages: `11210: The webhook's host name has no address.`"""
        return f"{self.code}: {self.meaning or self.page}"


@functools.cache
def table() -> dict[str, dict[str, str]]:
    """Every code that is known, as text."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def explain(code: str) -> Explanation:
    """What a code means; with Twilio's page alone where it is not known."""
    return Explanation(code, PAGE.format(code), **table().get(code, {}))
