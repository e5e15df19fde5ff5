"""The error dictionary: what an engineer reads beside a code at night."""

import re

import pytest

from lambdas.workers.error_codes import explain, table

#: Twilio's codes that concern a fallback: retrieval and TwiML, recordings, texts, SIP and trunks, REST.
CODES = """
10001-10005 11100 11200-11203 11205 11206 11210 11215-11217 11220 11235-11237 11240-11243 11251 11300 11310 11320-11322 11750 11751 11770
12100-12102 12200 12300 12301 12400 13256 13610-13622 13710 14101-14111 15002-15004 16101 16102 16104-16113
20003 20007 20104 20157 20404 20429 21405 21406 21610 21617 21703 21704 30007 30032 30034
32001 32002 32005-32022 32100-32103 32105 32106 32110-32115 32200-32210 32212 32214-32216 32218-32223 32301-32304 32400 32401 97001
"""
PLACES = {"network", "tls", "config", "application", "content", "limit", "platform"}


def listed() -> list[str]:
    spans = (span.split("-") for span in CODES.split())
    return [str(code) for span in spans for code in range(int(span[0]), int(span[-1]) + 1)]


@pytest.mark.parametrize("code", listed())
def test_every_code_that_concerns_a_fallback_is_explained(code: str) -> None:
    found = explain(code)
    assert all((found.meaning, found.cause, found.first))
    assert found.where in PLACES


def test_each_explanation_is_whole_sentences_and_fits_beside_the_code() -> None:
    for code, entry in table().items():
        assert re.fullmatch(r"\d{5}", code)
        for part in ("meaning", "cause", "first"):
            assert entry[part].endswith("."), (code, part)
            assert len(entry[part]) < 140, (code, part)


def test_no_two_codes_of_one_kind_say_the_same_thing() -> None:
    """Otherwise one of them was copied and not thought about."""
    meanings = [entry["meaning"] for entry in table().values()]
    assert {text for text in meanings if meanings.count(text) > 1} <= {"The account may not call numbers in this country."}


def test_a_code_that_nobody_described_comes_with_twilios_page_alone() -> None:
    found = explain("99999")
    assert found.page == "https://www.twilio.com/docs/api/errors/99999"
    assert not found.meaning
    assert found.line == f"99999: {found.page}"


def test_a_line_for_a_message_names_code_and_meaning() -> None:
    assert explain("11210").line == "11210: The webhook's host name has no address."
