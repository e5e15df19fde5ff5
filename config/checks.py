"""What a value of the settings may be: each check refuses in a sentence that says how to write it."""

import difflib
import functools
import re
from collections.abc import Iterable
from typing import Annotated
from urllib.parse import urlsplit

import boto3
import phonenumbers
from pydantic import AfterValidator


class ConfigError(ValueError):
    """A mistake in what the platform team wrote; its text is the whole message."""


def nearest(name: str, names: Iterable[str]) -> str:
    """`; did you mean 'x'?`, where something is near."""
    found = difflib.get_close_matches(name, list(names), 1)
    return f"; did you mean {found[0]!r}?" if found else ""


@functools.cache
def regions() -> list[str]:
    """The AWS regions that have Lambda, as the installed SDK knows them."""
    session = boto3.session.Session()
    return [region for part in ("aws", "aws-cn") for region in session.get_available_regions("lambda", part)]


def known_region(name: str) -> str:
    """Refuse what is no region."""
    if name not in regions():
        raise ValueError(f"{name!r} is no AWS region with Lambda{nearest(name, regions())}")
    return name


def account_sid(sid: str) -> str:
    """Refuse what is no account SID (https://www.twilio.com/docs/glossary/what-is-a-sid)."""
    if not re.fullmatch(r"AC[0-9a-f]{32}", sid):
        raise ValueError(f"{sid!r} is no account SID: AC and 32 hexadecimal digits, as the Twilio console shows it")
    return sid


def phone_number(number: str) -> str:
    """Refuse what cannot be a phone number in E.164."""
    try:
        possible = number.startswith("+") and phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        possible = False
    if not possible:
        raise ValueError(f"{number!r} is no phone number: write it in E.164, as in +15550100123")
    return number


def path_name(name: str) -> str:
    """Refuse what cannot stand in a URL's path unescaped."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        raise ValueError(f"{name!r} cannot stand in a URL: use letters, digits, - and _")
    return name


def host_name(name: str) -> str:
    """Refuse what is no host name (a URL, a port)."""
    if not re.fullmatch(r"(?!-)[A-Za-z0-9.-]{1,253}", name) or "." not in name:
        raise ValueError(f"{name!r} is no host name: write it without scheme, port and path, as in www.example.com")
    return name.lower()


def web_address(url: str) -> str:
    """Refuse what is no web address, or one that holds a password."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.fragment:
        raise ValueError(f"{url!r} is no address: write it whole and without user or fragment, as in https://app.example.com/health")
    return url


Region = Annotated[str, AfterValidator(known_region)]
AccountSid = Annotated[str, AfterValidator(account_sid)]
PhoneNumber = Annotated[str, AfterValidator(phone_number)]
PathName = Annotated[str, AfterValidator(path_name)]
HostName = Annotated[str, AfterValidator(host_name)]
WebAddress = Annotated[str, AfterValidator(web_address)]
