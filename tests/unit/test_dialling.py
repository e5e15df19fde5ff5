"""What employees dial: national numbers, extensions, other clients, and emergency numbers by country."""

import pytest

from answerbook.dialling import emergency_numbers_of
from tests.unit.books import book, document, refused, twiml

ME = "+12025550106"
OUT = """
[answer.out]
flow = "dial_through"
caller_id = "{caller_id}"
prefixes = ["+1", "+49", "+44"]
otherwise = "sorry"
extensions = {{ "102" = "sip:102@pbx.example.com", "103" = "client:ann", "0301000" = "+4915112345671" }}
[[sip]]
answer = "out"
[[app]]
answer = "out"
"""
SITES = 'sip_domains = ["office", "berlin"]\napps = ["softphone"]\nnumber_parameters = ["PhoneNumber", "phoneNumber"]\n'
AMERICAN = book(OUT.format(caller_id=ME), twilio=f'{SITES}numbers = ["{ME}"]\ncountries = {{ berlin = "DE" }}')
NUMBER, NOBODY = "out/through/1", "sorry/start/1"


def dialled(user: str, site: str = "sip/office") -> str:
    return document(AMERICAN, f"/{site}", To=f"sip:{user}@office.sip.twilio.com", From="sip:ann@office.sip.twilio.com")


@pytest.mark.parametrize(
    ("site", "user", "number"),
    [
        ("sip/office", "4155550123", "+14155550123"),
        ("sip/office", "14155550123", "+14155550123"),
        ("sip/office", "+14155550123", "+14155550123"),
        ("sip/office", "%2b14155550123", "+14155550123"),
        ("sip/office", "(415) 555-0123", "+14155550123"),
        ("sip/office", "011442071838750", "+442071838750"),
        ("sip/office", "442071838750", "+442071838750"),
        ("sip/berlin", "03012345678", "+493012345678"),
        ("sip/berlin", "004420 7183 8750", "+442071838750"),
        ("sip/berlin", "493012345678", "+493012345678"),
        ("sip/berlin", "+493012345678", "+493012345678"),
    ],
)
def test_a_national_number_is_dialled_in_full(site: str, user: str, number: str) -> None:
    """As in the country of the phone that dials it."""
    assert dialled(user, site) == NUMBER
    sent = twiml(AMERICAN, f"/{site}", To=f"sip:{user}@x.sip.twilio.com", From="sip:ann@x.sip.twilio.com")
    assert f"<Number>{number}</Number>" in sent


@pytest.mark.parametrize(
    ("site", "user"),
    [("sip/office", "5550123"), ("sip/berlin", "12345"), ("sip/berlin", "4155550123"), ("sip/office", "012"), ("sip/office", "bob")],
)
def test_what_is_no_number_of_the_country_is_not_dialled(site: str, user: str) -> None:
    """A local number without its area code could be anybody's."""
    assert dialled(user, site) == NOBODY


def test_without_a_country_nothing_national_goes_through_unchanged() -> None:
    answers = book(OUT.format(caller_id=ME), twilio=SITES)
    assert document(answers, "/sip/office", To="sip:4155550123@x.example") == NOBODY
    assert document(answers, "/sip/office", To="sip:+14155550123@x.example") == NUMBER
    assert "0 begins no number in E.164" in refused(OUT.format(caller_id=ME).replace('"+49"', '"0"'), twilio=SITES)


def test_extensions_and_clients_ring() -> None:
    """Internal calls do not leave the company, and show who calls."""
    ann = twiml(AMERICAN, "/sip/office", To="sip:103@x.example")
    assert "<Client>ann</Client>" in ann
    assert "callerId" not in ann
    assert "<Sip>sip:102@pbx.example.com</Sip>" in twiml(AMERICAN, "/sip/berlin", To="sip:102@x.example")
    assert "<Client>bob</Client>" in twiml(AMERICAN, "/app/softphone", To="client:bob", From="client:ann")
    outside = twiml(AMERICAN, "/sip/berlin", To="sip:0301000@x.example")
    assert "<Number>+4915112345671</Number>" in outside
    assert f'callerId="{ME}"' in outside
    assert "is an emergency number" in refused(OUT.format(caller_id=ME).replace('"102"', '"911"'), twilio=f'{SITES}country = "US"')


@pytest.mark.parametrize("parameter", ["PhoneNumber", "phoneNumber"])
def test_a_client_may_say_the_number_in_a_parameter_of_its_own(parameter: str) -> None:
    """The Voice SDK leaves To empty then."""
    fields = {"To": "", "From": "client:ann", parameter: "(415) 555-0123"}
    assert "<Number>+14155550123</Number>" in twiml(AMERICAN, "/app/softphone", **fields)
    assert document(AMERICAN, "/app/softphone", **fields | {parameter: "911"}) == "out/emergency/1"


# ---- emergency numbers


@pytest.mark.parametrize(
    ("country", "numbers"),
    [
        ("US", {"911", "112", "933"}),
        ("CA", {"911", "112", "933"}),
        ("GB", {"999", "112"}),
        ("DE", {"110", "112"}),
        ("FR", {"15", "17", "18", "112"}),
        ("AU", {"000", "106", "112"}),
        ("JP", {"110", "119"}),
        ("NZ", {"111"}),
        ("", {"911", "112", "999", "933"}),
    ],
)
def test_emergency_numbers_are_those_of_the_country(country: str, numbers: set[str]) -> None:
    """933 reads the address back that help would be sent to."""
    assert set(emergency_numbers_of(country)) == numbers


@pytest.mark.parametrize("number", ["911", "112", "110", "933"])
def test_phones_of_every_site_reach_the_numbers_of_all(number: str) -> None:
    assert dialled(number) == dialled(number, "sip/berlin") == "out/emergency/1"


@pytest.mark.parametrize(
    ("to", "from_"),
    [
        ("sip:911@office.sip.twilio.com", "sip:ann@office.sip.twilio.com"),
        ("sip:933@office.sip.twilio.com", "sip:100@office.sip.twilio.com"),
        ("911", "client:ann"),
        ("tel:112", "client:ann"),
    ],
)
def test_an_emergency_call_that_comes_in_at_voice_is_put_through(to: str, from_: str) -> None:
    """A SIP domain or app that is pointed at /voice by mistake does not lead 911 to a mailbox."""
    assert document(AMERICAN, To=to, From=from_) == "out/emergency/1"
    number = to.partition(":")[2].partition("@")[0] or to
    for known in ("", f'numbers = ["{ME}"]'):
        unaware = book(twilio=known)  # these settings know no phones of the company's
        sent = twiml(unaware, To=to, From=from_)
        assert f"<Number>{number}</Number>" in sent
        assert (f'callerId="{ME}"' in sent) == bool(known)
        assert "dial it on a mobile phone" in twiml(unaware, "/voice/emergency_calls/dialled/1", DialBridged="false")
        assert "<Say" not in twiml(unaware, "/voice/emergency_calls/dialled/1", DialBridged="true")


@pytest.mark.parametrize("user", ["+911", "+1911", "%2B1911", "911#", "911%23", "%39%31%31", "9%2D1%2D1", "+49112", "+112", "+933"])
@pytest.mark.parametrize("site", ["sip/office", "sip/berlin", "app/softphone", "voice"])
def test_an_emergency_number_is_one_however_the_telephone_writes_it(site: str, user: str) -> None:
    """Address books make E.164 of all that is dialled, and some telephones send the key that ends a number too."""
    ann = "sip:ann@x.sip.twilio.com"
    assert document(AMERICAN, f"/{site}", To=f"sip:{user}@x.sip.twilio.com", From=ann) == "out/emergency/1"
    assert document(AMERICAN, f"/{site}", To="", From=ann, PhoneNumber=user) == "out/emergency/1"


@pytest.mark.parametrize("user", ["+19115550123", "19115550123", "+4991155501", "+491125550123"])
def test_numbers_that_begin_like_an_emergency_number_are_none(user: str) -> None:
    assert dialled(user) == NUMBER


def test_other_callers_at_voice_are_answered_as_the_rules_say() -> None:
    for from_ in ("+12025550177", "anonymous", "client:ann", "sip:ann@office.sip.twilio.com"):
        assert document(AMERICAN, To=ME, From=from_) == NOBODY
    assert document(AMERICAN, To="911", From="+911") == "out/emergency/1"
