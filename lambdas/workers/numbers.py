"""Where Twilio sends the texts of our numbers, as it is set up there.

A messaging service comes before the number, unless it leaves texts to the number, and an application before the number's own address.
https://www.twilio.com/docs/messaging/api/service-resource, https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource
"""

from typing import Any

from lambdas.workers.transport import Deadline
from lambdas.workers.twilio_api import TwilioApi

Address = tuple[str, str]  #: URL and method; no URL where texts go nowhere
NOWHERE: Address = ("", "POST")


class TextAddresses:
    """Each number and service is asked for once. Raises NoKey, Unreachable, and what Twilio's client raises."""

    def __init__(self, api: TwilioApi, deadline: Deadline) -> None:
        self.api = api
        self.deadline = deadline
        self.known: dict[tuple[str, str, str], Address] = {}

    def of(self, account: str, number: str, service: str | None) -> Address:
        """Where a text to this number goes that came in through this messaging service, if any."""
        key = (account, number, service or "")
        if key not in self.known:
            self.known[key] = self.asked(*key)
        return self.known[key]

    def asked(self, account: str, number: str, service: str) -> Address:
        """The same, from Twilio."""
        client = self.api.client(account, self.deadline)
        if service:
            found = client.messaging.v1.services(service).fetch()
            if not found.use_inbound_webhook_on_number:
                return address(found.inbound_request_url, found.inbound_method)
        lines = client.incoming_phone_numbers.stream(phone_number=number, page_size=50)
        line = next((each for each in lines if each.phone_number == number), None)
        if line is None:
            return NOWHERE
        return of_line(client, line)


def of_line(client: Any, line: Any) -> Address:
    """The address of a number itself."""
    owner = client.applications(line.sms_application_sid).fetch() if line.sms_application_sid else line
    return address(owner.sms_url, owner.sms_method)


def address(url: str | None, method: str | None) -> Address:
    """As Twilio has it, or as it takes it where nothing is said."""
    return url or "", method or "POST"
