"""Whether a call came to us, by what Twilio asked of whom during it: the one witness that our own journal cannot fail.

Twilio lists the requests of a call, with what was answered, from a quarter of an hour after its end on, for thirty days. It is a request of
ours for each call, so only calls about which there is a doubt are asked for.
https://www.twilio.com/docs/voice/api/call-event-resource
"""

from typing import Any

from lambdas.workers.transport import Deadline
from lambdas.workers.twilio_api import TwilioApi, host_of, unless_gone
from lambdas.workers.twilio_regions import Home

PAGE = 1000


class CallEvents:
    """Remembers what Twilio said of a call: it does not change any more."""

    def __init__(self, api: TwilioApi, hosts: frozenset[str]) -> None:
        """`hosts` are ours, in lower case."""
        self.api = api
        self.hosts = hosts
        self.known: dict[str, bool] = {}

    def came_to_us(self, home: Home, call: str, deadline: Deadline) -> bool:
        """Whether a host of ours answered a request of a call; not, as long as Twilio says nothing of it. Raises as `TwilioApi` does."""
        if call not in self.known and (events := self.of(home, call, deadline)):
            self.known[call] = any(self.is_answer_of_ours(event) for event in events)
        return self.known.get(call, False)

    def of(self, home: Home, call: str, deadline: Deadline) -> list[Any]:
        """The requests of a call, as far as Twilio tells of them yet."""
        events = self.api.client(home.account, deadline, home.region).calls(call).events
        return unless_gone(lambda: list(events.stream(page_size=PAGE))) or []

    def is_answer_of_ours(self, event: Any) -> bool:
        """Whether a request went to a host of ours, and was answered well."""
        url, status = (event.request or {}).get("url"), (event.response or {}).get("response_code")
        return host_of(str(url)) in self.hosts and str(status).startswith("2")
