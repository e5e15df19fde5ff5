"""The parameters of Twilio's requests, as documented and as captured.

Sources: https://www.twilio.com/docs/voice/twiml (calls), .../messaging/guides/webhook-request (texts),
.../voice/api/sip-twiml (SIP domains); captured requests add Called*, Caller*, CallToken and StirVerstat.
"""

import json
from collections.abc import Sequence
from urllib.parse import quote

import phonenumbers

API_VERSION = "2010-04-01"
_GEOGRAPHY = ("City", "Country", "State", "Zip")
_GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€"
)


def call_parameters(
    account_sid: str, sid: str, from_: str, to: str, *, direction: str = "inbound", geography: bool = True
) -> dict[str, str]:
    """What every request of a call carries, but for CallStatus: that changes."""
    known = {
        "AccountSid": account_sid,
        "ApiVersion": API_VERSION,
        "CallSid": sid,
        "Direction": direction,
        "From": from_,
        "Caller": from_,
        "To": to,
        "Called": to,
    }
    if geography and is_e164(from_) and is_e164(to):
        known |= _places(from_, "From", "Caller") | _places(to, "To", "Called")
    if direction == "inbound" and is_e164(from_):
        known |= {"CallToken": _call_token(sid)}
        if from_.startswith("+1"):
            known["StirVerstat"] = "TN-Validation-Passed-A"
    return known


def text_parameters(account_sid: str, sid: str, from_: str, to: str, body: str, *, media: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What the request for a text carries; `media` is (URL, content type) each."""
    known = {
        "AccountSid": account_sid,
        "ApiVersion": API_VERSION,
        "MessageSid": sid,
        "SmsSid": sid,
        "SmsMessageSid": sid,
        "SmsStatus": "received",
        "From": from_,
        "To": to,
        "Body": body,
        "NumMedia": str(len(media)),
        "NumSegments": str(segments(body)),
    }
    for index, (url, kind) in enumerate(media):
        known |= {f"MediaUrl{index}": url, f"MediaContentType{index}": kind}
    if is_e164(from_) and is_e164(to):
        known |= _places(from_, "From") | _places(to, "To")
    if from_.startswith("whatsapp:"):
        known |= {"ProfileName": "", "WaId": from_.removeprefix("whatsapp:+")}
    return known


def is_e164(number: str) -> bool:
    """Whether this is a telephone number as Twilio writes it."""
    return number.startswith("+") and number.isascii() and number[1:].isdecimal() and 7 <= len(number) - 1 <= 15


def segments(body: str) -> int:
    """How many SMS segments a text takes: 160 or 153 GSM characters, 70 or 67 others."""
    single, several = (160, 153) if set(body) <= _GSM else (70, 67)
    return 1 if len(body) <= single else -(-len(body) // several)


def _places(number: str, *prefixes: str) -> dict[str, str]:
    """City, state and zip are empty, as they often are; the country is the numbering plan's."""
    country = phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""
    if not country and number.startswith("+1"):
        country = "US"
    values = {"Country": country}
    return {f"{prefix}{name}": values.get(name, "") for prefix in prefixes for name in _GEOGRAPHY}


def _call_token(sid: str) -> str:
    """Percent-encoded JSON inside the form, as captured: it has to be kept byte for byte."""
    token = {"parentCallInfoToken": f"e30.{sid[2:]}.AAAA", "identityHeaderTokens": []}
    return quote(json.dumps(token, separators=(",", ":")), safe="")
