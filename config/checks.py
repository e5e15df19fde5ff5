"""What a value of the settings may be: each check refuses in a sentence that says how to write it."""

import datetime
import functools
import importlib.resources
import re
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

import phonenumbers
from pydantic import AfterValidator

from config.mistakes import nearest
from config.regions import known_region, our_region


def _written(text: str, pattern: str, why_not: str) -> str:
    """Refuse what is not written as a pattern has it."""
    if not re.fullmatch(pattern, text):
        raise ValueError(f"{text!r} {why_not}")
    return text


def account_sid(sid: str) -> str:
    """Refuse what is no account SID (https://www.twilio.com/docs/glossary/what-is-a-sid)."""
    return _written(sid, r"AC[0-9a-f]{32}", "is not an account SID: write AC and 32 hexadecimal digits, as the Twilio console shows it")


def phone_number(number: str) -> str:
    """Refuse what cannot be a phone number in E.164."""
    try:
        possible = re.fullmatch(r"\+[0-9]+", number, re.ASCII) and phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        possible = False
    if not possible:
        raise ValueError(f"{number!r} is not a phone number: write it in E.164, as in +15550100123")
    return number


def path_name(name: str) -> str:
    """Refuse what cannot stand in a URL's path unescaped."""
    return _written(name, r"[A-Za-z0-9_-]{1,64}", "cannot be part of a URL: use letters, digits, - and _")


def plain_text(text: str) -> str:
    """Refuse what no XML document can hold."""
    if wrong := re.search(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text):
        raise ValueError(f"it contains {wrong.group()!r}, which can be neither spoken nor sent; remove it")
    return text


def host_name(name: str) -> str:
    """Refuse what is no host name (a URL, a port)."""
    if not re.fullmatch(r"(?!-)[A-Za-z0-9.-]{1,253}", name) or "." not in name:
        raise ValueError(f"{name!r} is not a host name: write it without scheme, port and path, as in www.example.com")
    return name.lower()


def web_address(url: str) -> str:
    """Refuse what is no web address, or one that holds a password."""
    if wrong := re.search(r"[\s\x00-\x1f\x7f]", url):
        raise ValueError(f"{url!r} contains {wrong.group()!r}, which no web address has; remove it, or write %20 for a space")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.fragment:
        raise ValueError(f"{url!r} is not a complete web address: write it without user or fragment, as in https://app.example.com/health")
    _check_port(parts)
    if not (parts.path + parts.query).isascii():
        raise ValueError(f"{url!r} has letters in its path that no request can hold; write them percent-encoded, as in %C3%BC for ü")
    return url


def _check_port(parts: SplitResult) -> None:
    """Refuse a port that is none."""
    try:
        possible = parts.port != 0
    except ValueError:
        possible = False
    if not possible:
        raise ValueError(f"{parts.netloc!r} has a port that is none: write one from 1 to 65535, or leave it out")


def entry_address(url: str) -> str:
    """Refuse what is no entry of ours, as it stands at Twilio."""
    if not re.fullmatch(r"https://[^/?]+/(?:[^/?]+/)*(?:voice|sms|(?:trunk|sip|app)/[^/?]+)", web_address(url)):
        raise ValueError(
            f"{url!r} is not the URL of an entry: write https, and /voice, /sms, /trunk/NAME, /sip/NAME or /app/NAME at its end, as in "
            "https://fallback.example.com/voice"
        )
    return url


def email_address(address: str) -> str:
    """Refuse what is no e-mail address."""
    return _written(address, r"[^@\s]+@[^@\s]+\.[^@\s]+", "is not an e-mail address: write it as in oncall@example.com")


def secure_address(url: str) -> str:
    """Refuse what is no web address over TLS."""
    if urlsplit(web_address(url)).scheme != "https":
        raise ValueError(f"{url!r} does not begin with https://: notifications go over TLS only")
    return url


def url_path(path: str) -> str:
    """Refuse what is no path of a URL; a segment such as `:id` stands for any one segment."""
    return _written(
        path, r"(/[A-Za-z0-9._~%@-]+|/:[a-z_]+)+/?", "is not a path: write it with a leading slash, as in /calls/:id/call_ended"
    )


def short_code(number: str) -> str:
    """Refuse what is no short code (five or six digits in the US, three to eight elsewhere)."""
    return _written(number, r"[0-9]{3,8}", "is not a short code: write only its digits, as in 12345")


def emergency_number(number: str) -> str:
    """Refuse what is no number that a person in need dials."""
    return _written(number, r"[0-9]{2,6}", "is not an emergency number: write it as it is dialled, as in 112")


def country(code: str) -> str:
    """Refuse what is no country with phones (ISO 3166-1, two letters)."""
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"{code!r} is not a country code: write its two letters, as in GB")
    return code


def parameter_name(name: str) -> str:
    """Refuse what cannot be a parameter that a Voice SDK client passes."""
    return _written(name, r"[A-Za-z][A-Za-z0-9_-]{0,63}", "is not a parameter's name: write it as the client passes it, as in PhoneNumber")


def kept_parameter(name: str) -> str:
    """Refuse what would let whoever reads the journal act for the caller, too."""
    if name in ("CallToken", "StirPassportToken"):
        raise ValueError(f"{name} lets its bearer act for the caller, so it is never kept; leave it out")
    return parameter_name(name)


def time_zone(name: str) -> str:
    """Refuse what the IANA time zone database does not know."""
    if offset := re.fullmatch(r"(?:Etc/)?(?:GMT|UTC)([+-])(\d{1,2})(?::?\d\d)?", name):
        raise ValueError(_named_by_offset(name, offset[1], offset[2]))
    if name not in zones():
        raise ValueError(f"{name!r} is not a time zone{nearest(name, zones()) or '; write it as in Europe/Berlin'}")
    return name


def _named_by_offset(name: str, sign: str, hours: str) -> str:
    """Why an offset is no answer to what the time is: nobody's clocks stay at it, and in Etc/ its sign means the opposite."""
    reversed_sign = f"in {name} the sign is reversed ({hours} h {'behind' if sign == '+' else 'ahead of'} UTC); " * name.startswith("Etc/")
    return f"{name!r} is not the time zone of a place: {reversed_sign}name a city in the zone, as in Europe/Berlin"


def tag_key(key: str) -> str:
    """Refuse what AWS refuses as the key of a tag: https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html"""
    if key.lower().startswith("aws:"):
        raise ValueError(f"{key!r} begins with aws:, which AWS reserves for itself; choose another name")
    return tag_part(key, 1, 128)


def tag_value(value: str) -> str:
    """Refuse what AWS refuses as the value of a tag."""
    return tag_part(value, 0, 256)


def tag_part(text: str, shortest: int, longest: int) -> str:
    """Refuse a key or value of a tag that is too long, or holds what not every service takes."""
    if not shortest <= len(text) <= longest:
        raise ValueError(f"{text[:40]!r} has {len(text)} characters; a tag takes {shortest} to {longest}")
    if wrong := re.search(r"[^\w .:/=+@-]", text):
        raise ValueError(f"{text!r} contains {wrong.group()!r}; a tag may contain letters, digits, spaces and . : / = + @ - _")
    return text


@functools.cache
def zones() -> frozenset[str]:
    """The names of the installed `tzdata` package, so that every machine knows the same ones."""
    listed = importlib.resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8")
    return frozenset(listed.split())


def hours(text: str) -> str:
    """Refuse what is no span of one day."""
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", text)
    if not found or (found[3], found[4]) > ("24", "00"):
        raise ValueError(f"{text!r} is not a span of hours: write it as in 09:00-17:00")
    if text[:5] >= text[6:]:
        raise ValueError(f"{text!r} ends before it begins; hours over midnight are two spans: 22:00-24:00, and 00:00-06:00 of the next day")
    return text


def calendar_day(text: str) -> str:
    """Refuse what is no day; without a year it is a day of every year."""
    try:
        datetime.date.fromisoformat(text if len(text) == 10 else f"2024-{text}")
    except ValueError as error:
        raise ValueError(f"{text!r} is not a date: write it as in 2027-01-01, or 01-01 for every year") from error
    return text


TagKey = Annotated[str, AfterValidator(tag_key)]
TagValue = Annotated[str, AfterValidator(tag_value)]
Region = Annotated[str, AfterValidator(known_region)]
OurRegion = Annotated[str, AfterValidator(our_region)]
AccountSid = Annotated[str, AfterValidator(account_sid)]
PhoneNumber = Annotated[str, AfterValidator(phone_number)]
PathName = Annotated[str, AfterValidator(path_name)]
PlainText = Annotated[str, AfterValidator(plain_text)]
HostName = Annotated[str, AfterValidator(host_name)]
WebAddress = Annotated[str, AfterValidator(web_address)]
EmailAddress = Annotated[str, AfterValidator(email_address)]
SecureAddress = Annotated[str, AfterValidator(secure_address)]
EntryAddress = Annotated[str, AfterValidator(entry_address)]
UrlPath = Annotated[str, AfterValidator(url_path)]
ShortCode = Annotated[str, AfterValidator(short_code)]
EmergencyNumber = Annotated[str, AfterValidator(emergency_number)]
Country = Annotated[str, AfterValidator(country)]
KeptParameter = Annotated[str, AfterValidator(kept_parameter)]
ParameterName = Annotated[str, AfterValidator(parameter_name)]
TimeZone = Annotated[str, AfterValidator(time_zone)]
Hours = Annotated[str, AfterValidator(hours)]
CalendarDay = Annotated[str, AfterValidator(calendar_day)]
