"""What employees dial, country by country: how a national number becomes E.164, and which numbers are emergency numbers.

Both come from libphonenumber (https://github.com/google/libphonenumber, `PhoneNumberMetadata.xml` and `ShortNumberMetadata.xml`), in
the version of the installed `phonenumbers`. The answer function has no such library: it gets a small plan for each country.
"""

import functools
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import phonenumbers
from phonenumbers import PhoneMetadata

from config.settings import Settings

#: Where it is not known where the phones are.
ANYWHERE = ("112", "911", "999")
#: Reads the address back that help would be sent to: https://www.twilio.com/docs/voice/tutorials/emergency-calling-for-programmable-voice
TWILIO_TEST = "933"
WITH_TWILIO_TEST = frozenset({"US", "CA"})
NORTH_AMERICA = 10  #: digits of a number there; fewer are a local one, without its area code
MOST_DIGITS = 5  #: of an emergency number; no country has a longer one
#: Ways to dial abroad where libphonenumber has a pattern and no preference: 10 carriers of Brazil, say, each with a code of its own.
PLAIN_PREFIX = re.compile(r"\d+")


def country(settings: Settings, site: str = "") -> str:
    """The country of a SIP domain or app: its own, else that of all, else that of the company's first number. Nothing if none is known."""
    twilio = settings.twilio
    named = twilio.countries.get(site) or twilio.country
    return named or next((found for number in twilio.numbers if (found := country_of(number))), "")


def country_of(number: str) -> str:
    """The country of a number in E.164."""
    return phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""


def sites(settings: Settings) -> list[str]:
    """The names of SIP domains and apps; the first, which is none, stands for phones that come in by another way."""
    return ["", *dict.fromkeys((*settings.twilio.sip_domains, *settings.twilio.apps))]


def emergency_numbers(settings: Settings) -> list[str]:
    """The numbers that every phone reaches: those of the settings, else those of the countries in which phones are."""
    if settings.twilio.emergency_numbers:
        return list(settings.twilio.emergency_numbers)
    countries = dict.fromkeys(country(settings, site) for site in sites(settings))
    return sorted({number for each in countries for number in emergency_numbers_of(each)})


@functools.cache
def emergency_numbers_of(country: str) -> tuple[str, ...]:
    """The emergency numbers of a country, and Twilio's test of them; for an unknown one the best known."""
    known: Any = PhoneMetadata.short_metadata_for_region(country) if country else None
    if known is None or known.emergency is None:
        return (*ANYWHERE, TWILIO_TEST)
    pattern = re.compile(known.emergency.national_number_pattern)
    lengths = [length for length in known.emergency.possible_length if length <= MOST_DIGITS]
    found = [number for length in lengths for number in map(f"{{:0{length}}}".format, range(10**length)) if pattern.fullmatch(number)]
    return (*found, *([TWILIO_TEST] if country in WITH_TWILIO_TEST else []))


def plans(settings: Settings) -> dict[str, dict[str, Any]]:
    """The plan of each site, as the answer book holds it; sites without a country have none, and what they dial stays as it is."""
    return {site: dict(plan(found)) for site in sites(settings) if (found := country(settings, site))}


@functools.cache
def plan(country: str) -> Mapping[str, Any]:
    """How a national number of a country becomes E.164: what is dialled before it, what that stands for, and how long numbers are."""
    known: Any = PhoneMetadata.metadata_for_region(country)
    code, lengths = str(known.country_code), known.general_desc.possible_length
    abroad = [known.preferred_international_prefix, known.international_prefix]
    prefixes = [[prefix, ""] for prefix in dict.fromkeys(filter(None, abroad)) if PLAIN_PREFIX.fullmatch(prefix)]
    trunk = known.national_prefix
    if trunk:
        prefixes.append([trunk, code])
    if not trunk or trunk == code:  # numbers are dialled as they are, never without their area code
        prefixes.append(["", code])
    return MappingProxyType({"code": code, "prefixes": prefixes, "lengths": [NORTH_AMERICA] if code == "1" else list(lengths)})
