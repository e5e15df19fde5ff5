"""Asking every account at Twilio, each in its Regions: one that cannot be asked keeps no other from its news.

no key, a refused key, silence   the account is counted by its name; its mark stays, and the next run asks again from there
404 to a list outside US1        the Region does not have the product (AU1 has no texts): nothing to tell, and no fault
https://www.twilio.com/docs/global-infrastructure/regional-product-and-feature-availability
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from twilio.base.exceptions import TwilioException

from lambdas.workers.transport import Deadline, Unreachable
from lambdas.workers.twilio_api import NOT_FOUND, NoKey, status_of
from lambdas.workers.twilio_regions import HOME, Home

CANNOT_BE_ASKED = (NoKey, Unreachable, TwilioException)

logger = logging.getLogger("asking")


@dataclass
class Asking:
    """The homes that are asked together; those that could not be asked leave, and `unasked` collects their accounts."""

    homes: list[Home]
    seconds: float
    unasked: set[str]
    whole: Deadline = field(init=False)
    share: float = field(init=False)

    def __post_init__(self) -> None:
        self.whole, self.share = Deadline(self.seconds), self.seconds / max(1, len(self.homes))

    def each[T](self, ask: Callable[[Home, Deadline], T]) -> list[tuple[Home, T]]:
        """What each says; nobody takes more than its share of the time."""
        found = []
        for home in tuple(self.homes):
            try:
                found.append((home, ask(home, Deadline(min(self.share, self.whole.left)))))
            except CANNOT_BE_ASKED as error:
                self.leave(home, error)
        return found

    def leave(self, home: Home, error: Exception) -> None:
        """One could not be asked."""
        if is_not_offered(home, error):
            return
        logger.warning("%s cannot be asked: %s", home.name, error)
        self.homes.remove(home)
        self.unasked.add(home.account)

    def only(self, homes: Iterable[Home]) -> "Asking":
        """Some of them, in the same time."""
        some = Asking(list(homes), self.seconds, self.unasked)
        some.whole, some.share = self.whole, self.share
        return some

    def is_over(self) -> bool:
        """Whether nobody is left, or no time."""
        return not self.homes or self.whole.left <= 0


def is_not_offered(home: Home, error: Exception) -> bool:
    """Whether a Region does not have what was asked for."""
    return home.region != HOME and isinstance(error, TwilioException) and status_of(error) == NOT_FOUND
