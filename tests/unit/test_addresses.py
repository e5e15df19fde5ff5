"""Addresses: one normal form for every notation, and who withholds the number."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.answer.addresses import called, is_number, is_withheld, normal
from tests.unit.books import book, document, twiml

ME = "+15005550006"
WITHHELD = [
    "anonymous", "Anonymous", "Restricted", "unknown", "UNAVAILABLE", "Blocked", "sip:anonymous@anonymous.invalid",
    "+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253", "266696687", "sip:+266696687@pbx.example.com",
]  # fmt: skip


@pytest.mark.parametrize(
    "written",
    [
        ME,
        "15005550006",
        "%2B15005550006",
        "%2b15005550006",
        " 15005550006",
        "tel:+15005550006",
        "tel:+1-500-555-0006;phone-context=example.com",
        f"sip:{ME}@pbx.example.com",
        "sip:%2b15005550006@pbx.example.com;user=phone",
        "sips:15005550006@pbx.example.com",
        f"<sip:{ME}@pbx.example.com>",
        f'"Front desk" <sip:{ME}@pbx.example.com>;tag=1',
        "+1 (500) 555-0006",
        "+1.500.555.0006",
    ],
)
def test_a_number_at_a_trunk_counts_in_every_notation(written: str) -> None:
    """Its rule and its extension are found however the trunk writes it."""
    assert called(written) == normal(written) == ME
    extensions = f'[answer.desks]\nflow = "directory"\nextensions = {{ "{ME}" = "sip:101@pbx.example.com" }}\ncaller_id = "+12025550100"\n'
    rules = 'otherwise = "sorry"\n[[trunk]]\nTo = "+1500*"\nanswer = "desks"\n[[trunk]]\nanswer = "sorry"\n'
    answers = book(extensions + rules, twilio='trunks = ["main"]')
    assert "<Sip>sip:101@pbx.example.com</Sip>" in twiml(answers, "/trunk/main", To=written, From="+12025550177")


@pytest.mark.parametrize("address", ["client:ann", "sip:ann@pbx.example.com", "whatsapp:+15005550006", "ExampleBank", "", "+", "²"])
def test_an_address_without_a_number_stays_as_it_is(address: str) -> None:
    assert normal(address) == called(address) == address


@pytest.mark.parametrize("number", ["0301234567", "102", "911", "2025550100"])
def test_digits_that_only_the_country_explains_get_no_plus(number: str) -> None:
    """Ten digits of a national number would become one in Egypt."""
    assert normal(f"sip:{number}@pbx.example.com") == number


@pytest.mark.parametrize("address", WITHHELD)
def test_twilios_words_for_nobody_are_no_numbers(address: str) -> None:
    """Also those typed on a keypad: +266696687 is ANONYMOUS, not somebody in Lesotho."""
    rules = 'From = "{}"\nanswer = "marked"\n'
    marked = '[answer.marked]\nflow = "apology"\ntext = "Marked."\n[[voice]]\n'
    assert is_withheld(address)
    assert not is_number(address)
    assert document(book(marked + rules.format("E.164")), From=address) == "sorry/start/1"
    assert document(book(marked + rules.format("+2*")), From=address) == "sorry/start/1"
    assert document(book(marked + rules.format("anonymous")), From=address) == "marked/start/1"
    assert document(book(marked + rules.format("Restricted")), From=address) == "marked/start/1"
    assert document(book(marked + 'FromCountry = "LS"\nanswer = "marked"\n'), From=address, FromCountry="LS") == "sorry/start/1"


@given(st.text(max_size=40))
def test_any_text_has_a_normal_form_that_is_its_own(text: str) -> None:
    assert normal(normal(text)) == normal(text)


# ---- whispers

LINE = f'[answer.line]\nflow = "forward"\nnumbers = ["+12025550171"]\ncaller_id = "{ME}"\notherwise = "sorry"\n'


def test_a_whisper_says_a_number_digit_by_digit() -> None:
    """ "+12025550177" would be twelve billion."""
    whisper = twiml(book(LINE, voice="line"), "/voice/line/whisper/1", From="+12025550177")
    assert "A call from +1 2 0 2 5 5 5 0 1 7 7." in whisper


@pytest.mark.parametrize("address", WITHHELD)
def test_a_whisper_says_that_a_caller_shows_no_number(address: str) -> None:
    """Neither the keypad's digits nor our own number, which Twilio says where it is what the person called sees."""
    answers = book(LINE, voice="line")
    first = twiml(answers, From=address, To=ME)
    assert f'callerId="{ME}"' in first
    assert "/voice/line/whisper_as_us/1" in first
    for step, from_ in (("whisper_as_us", ME), ("whisper", address)):
        assert "A call from an unknown caller." in twiml(answers, f"/voice/line/{step}/1", From=from_)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ('language = "de-DE"\nwhisper = "Ein Anruf von {From}."', "Ein Anruf von unbekannt."),
        ('whisper = "Call from {From}."\nunknown_caller = "somebody & co"', "Call from somebody &amp; co."),
        ('whisper = { text = "Appel de {From}.", language = "fr-FR" }\nunknown_caller = "somebody"', "Appel de un numéro inconnu."),
        ('language = "th-TH"\nwhisper = "{From} x."', "> x."),
    ],
)
def test_the_words_for_an_unknown_caller_fit_the_language(values: str, said: str) -> None:
    answers = book(LINE + values + "\n", voice="line")
    assert said in twiml(answers, "/voice/line/whisper_as_us/1", From=ME)
    assert said in twiml(answers, "/voice/line/whisper/1", From="Restricted")


def test_a_text_repeats_a_number_as_it_is_written() -> None:
    answers = book('[answer.echo]\nflow = "reply"\ntext = "You are {From}."\n', sms="echo")
    assert "You are +12025550177." in twiml(answers, "/sms", From="+12025550177", To=ME, Body="hello")


# ---- how long a filled document may be


@pytest.mark.parametrize("sign", ["x", "&", "\u2603", "\U0001f600"])
@pytest.mark.parametrize("length", [1600, 4000])
@pytest.mark.parametrize("text", ["You wrote: {Body}", "{Body} & {Body}", "{From}: {Body}", "{SpeechResult}"])
def test_a_document_with_the_callers_words_is_never_too_long(text: str, length: int, sign: str) -> None:
    """Twilio refuses a Message of 1,611 characters (14103); what was cut shows."""
    body = f'[answer.echo]\nflow = "reply"\ntext = "{text}"\n[answer.said]\nflow = "apology"\ntext = "{text}"\n'
    answers = book(body, sms="echo", voice="said")
    words = {"From": "+12025550177", "To": ME, "Body": "y " + sign * length, "SpeechResult": sign * length}
    for path, tag, most in (("/sms", "Message", 1600), ("/voice", "Say", 4096)):
        found = ET.fromstring(twiml(answers, path, **words)).findtext(tag) or ""
        assert len(found.encode("utf-16-le")) // 2 <= most
        assert "..." in found or len(found) >= length


def test_what_is_short_enough_is_repeated_whole() -> None:
    answers = book('[answer.echo]\nflow = "reply"\ntext = "You wrote: {Body}"\n', sms="echo")
    body = "\U0001f600" * 700
    assert f"You wrote: {body}<" in twiml(answers, "/sms", From="+12025550177", To=ME, Body=body)
