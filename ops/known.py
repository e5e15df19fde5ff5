"""What is known of a described request: what Twilio would derive from its numbers, and what a rule asks beyond that.

Twilio sends the country of a number, and, where it knows them, city, state and postal code; those are nowhere but at Twilio.
https://www.twilio.com/docs/voice/twiml#request-parameters, https://www.twilio.com/docs/messaging/guides/webhook-request
"""

from collections.abc import Mapping
from typing import NamedTuple

import phonenumbers

from lambdas.answer.addresses import is_number
from ops.numbers import WHATSAPP, off_whatsapp

#: The options of `fallback preview` that say a parameter; any other is said by --param.
OPTIONS = {
    "To": "--to",
    "From": "--from",
    "ErrorUrl": "--error-url",
    "ErrorCode": "--error-code",
    "Body": "--body",
    "CallStatus": "--status",
}
#: What Twilio makes of another parameter.
MADE_OF = {"Caller": "From", "Called": "To", "person": "From", "FromCountry": "From", "ToCountry": "To", "WaId": "From"}
#: The countryless: https://github.com/daviddrysdale/python-phonenumbers (`region_code_for_number`)
WORLD = "001"


class Unknown(NamedTuple):
    """A rule that could not be judged: where it stands, which parameter it asks for, and how to say that one."""

    at: str
    parameter: str
    add: str

    def __str__(self) -> str:
        return f"{self.at} asks for {self.parameter}, which is unknown here: add {self.add}"


def derived(fields: Mapping[str, str], voice: bool) -> dict[str, str]:
    """The parameters as Twilio sends them; what is said already stays."""
    found = {f"{name}Country": country_of(fields.get(name, "")) for name in ("From", "To")}
    if voice:
        found |= {"Caller": fields.get("From", ""), "Called": fields.get("To", "")}
    if fields.get("From", "").startswith(WHATSAPP):
        found["WaId"] = off_whatsapp(fields["From"]).lstrip("+")
    return {name: value for name, value in found.items() if value} | dict(fields)


def country_of(address: str) -> str:
    """The two letters of a number's country; nothing for any other address, and for numbers that have none."""
    if not is_number(address):
        return ""
    try:
        country = phonenumbers.region_code_for_number(phonenumbers.parse(address))
    except phonenumbers.NumberParseException:
        return ""
    return country if country and country != WORLD else ""


def unknown(at: str, parameter: str, fields: Mapping[str, str]) -> Unknown:
    """How to say what a rule asks for: the number from which Twilio would have made it, else the parameter itself."""
    source = MADE_OF.get(parameter, parameter)
    asked = source if source not in fields else parameter
    return Unknown(at, parameter, f"{OPTIONS[asked]}=…" if asked in OPTIONS else f"--param {asked}=…")
