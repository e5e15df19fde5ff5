"""A hand-back under way: it runs in a thread, one at a time, and the page looks on."""

from collections import Counter, deque
from collections.abc import Iterator
from threading import Event, Thread

from lambdas.workers.hand_back import DELIVERED
from ops.candidates import Candidate
from ops.deployment import OpsError
from ops.replay import REFUSED, Outcome

SHOWN = 20  #: the last outcomes


class Job:
    """One run over what the engineer let go. What breaks it otherwise is told by the terminal, and here by the count that is not full."""

    def __init__(self, total: int, outcomes: Iterator[tuple[Candidate, Outcome]]) -> None:
        self.total = total
        self.outcomes = outcomes
        self.last: deque[tuple[Candidate, Outcome]] = deque(maxlen=SHOWN)
        self.counts: Counter[str] = Counter()
        self.trouble = ""
        self.stopping = Event()
        self.thread = Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        """One after the other, until the last, a failure, or a word of the engineer's."""
        try:
            for candidate, outcome in self.outcomes:
                self.counts[outcome["state"]] += 1
                self.last.appendleft((candidate, outcome))
                if outcome["state"] not in (DELIVERED, REFUSED):
                    self.trouble = f"It stopped by itself: {outcome['reason']}."
                if self.stopping.is_set() and self.done < self.total:
                    self.trouble = "It was stopped."
                    return
        except OpsError as error:
            self.trouble = str(error)

    @property
    def done(self) -> int:
        """How many were tried."""
        return self.counts.total()

    @property
    def delivered(self) -> int:
        """How many the primary took."""
        return self.counts[DELIVERED]

    @property
    def refused(self) -> int:
        """How many were not sent, each for a reason of its own."""
        return self.counts[REFUSED]

    @property
    def finished(self) -> bool:
        """Whether it is over and the primary took every one."""
        return not self.running and not self.trouble and self.delivered == self.total

    @property
    def running(self) -> bool:
        """Whether it is still at it."""
        return self.thread.is_alive()

    def stop(self) -> None:
        """Let the one under way end, and begin no other."""
        self.stopping.set()
