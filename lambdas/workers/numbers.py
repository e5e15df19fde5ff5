"""Where Twilio sends the texts of our numbers, as it is set up there.

A messaging service comes before the number, unless it leaves texts to the number, and an application before the number's own address.
https://www.twilio.com/docs/messaging/api/service-resource, https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource
"""

from typing import Any

from lambdas.workers.transport import Deadline
from lambdas.workers.twilio_api import TwilioApi, unless_gone
from lambdas.workers.twilio_regions import Home

Address = tuple[str, str]  #: URL and method; no URL where texts go nowhere
NOWHERE: Address = ("", "POST")


class TextAddresses:
    """Each number and service of an account, in the Region of its texts, is asked for once; what was deleted since leads nowhere.

    Raises NoKey, Unreachable, and what Twilio's client raises."""

    def __init__(self, api: TwilioApi, home: Home, deadline: Deadline) -> None:
        self.api = api
        self.home = home
        self.deadline = deadline
        self.known: dict[tuple[str, str], Address] = {}

    def of(self, number: str, service: str | None) -> Address:
        """Where a text to this number goes that came in through this messaging service, if any."""
        key = (number, service or "")
        if key not in self.known:
            self.known[key] = self.asked(*key)
        return self.known[key]

    def asked(self, number: str, service: str) -> Address:
        """The same, from Twilio."""
        client = self.api.client(self.home.account, self.deadline, self.home.region)
        if service and (found := unless_gone(client.messaging.v1.services(service).fetch)) and not found.use_inbound_webhook_on_number:
            return address(found.inbound_request_url, found.inbound_method)
        lines = client.incoming_phone_numbers.stream(phone_number=number, page_size=50)
        line = next((each for each in lines if each.phone_number == number), None)
        return of_line(client, line) if line else NOWHERE


def of_line(client: Any, line: Any) -> Address:
    """The address of a number itself."""
    owner = unless_gone(client.applications(line.sms_application_sid).fetch) if line.sms_application_sid else line
    return address(owner.sms_url, owner.sms_method) if owner else NOWHERE


def address(url: str | None, method: str | None) -> Address:
    """As Twilio has it, or as it takes it where nothing is said."""
    return url or "", method or "POST"
