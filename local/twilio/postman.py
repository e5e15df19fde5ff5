"""When callbacks arrive: Twilio sends them asynchronously, at best effort and in no certain order.

Source: https://www.twilio.com/docs/usage/webhooks/webhooks-faq; the default here is at once and in order.
"""

from collections import deque
from collections.abc import Callable
from random import Random
from threading import Lock
from typing import Literal

Fate = Literal["now", "late", "twice", "never"]
Delivery = Callable[[], object]


class Postman:
    """Carries callbacks. Shared by all threads."""

    def __init__(self) -> None:
        self._fates: deque[Fate] = deque()
        self._late: list[Delivery] = []
        self._lock = Lock()
        self.lost = 0
        """How many callbacks never left."""

    def fates(self, *fates: Fate) -> None:
        """What becomes of the next callbacks, one each; those after them go now. "late" waits for `bring`."""
        with self._lock:
            self._fates.extend(fates)

    def take(self, delivery: Delivery) -> None:
        """Accepts a callback and does with it what was planned."""
        with self._lock:
            fate = self._fates.popleft() if self._fates else "now"
            self.lost += fate == "never"
            if fate == "late":
                self._late.append(delivery)
        for _ in range({"now": 1, "twice": 2}.get(fate, 0)):
            delivery()

    def bring(self, dice: Random | None = None) -> int:
        """Delivers what is late and says how much it was; with dice, in an order that they choose."""
        with self._lock:
            waiting, self._late = self._late, []
        if dice:
            dice.shuffle(waiting)
        for delivery in waiting:
            delivery()
        return len(waiting)
