"""A request, read without trusting it."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lambdas.answer.request import LARGEST_BODY, MOST_FIELDS, Request, Unreadable, fields_of, medium_of
from tests.unit.gateway import HOST, event, in_base64

ESCAPES = st.sampled_from(
    ["%2B", "%C3%A9", "%ff", "%00", "%", "%zz", "+", "=", "&", "&&", "a", "é", " ", "%F0%9F%98%80", "%3D", "%1E", "%1f", "\n", "%0A"]
)


@given(st.lists(ESCAPES | st.text(max_size=3)).map("".join))
@example("a=1&a=2&b&=c&d==&%41=%42")
@example("Body=hi%1EFrom%1F%2B15550100&From=%2B15550199")
@example("a=%zz%\rx\n&b=1")
def test_a_form_is_read_as_the_standard_library_reads_it(body: str) -> None:
    """Reading it faster must not mean reading it otherwise: blank fields, repeated fields, broken escapes."""
    body = body.encode("utf-8", "replace").decode()
    fields = fields_of(body)
    expected = parse_qsl(body, keep_blank_values=True)
    assert fields == dict(expected)
    assert {name: fields.getall(name) for name in fields} == {
        name: [value for other, value in expected if other == name] for name, _ in expected
    }


def test_the_url_is_built_from_what_api_gateway_vouches_for() -> None:
    """Whoever sends the request chooses Host and X-Forwarded-Host; neither may choose what is checked, or where a caller goes next."""
    lies = {"Host": "evil.example.com", "X-Forwarded-Host": "evil.example.com", "X-Forwarded-Proto": "http"}
    request = Request(event("/voice/voicemail/recorded/1", "", headers=lies))
    assert request.url == f"https://{HOST}/v1/voice/voicemail/recorded/1"
    assert request.base == f"https://{HOST}/v1"


def test_a_custom_domain_has_a_base_path_of_its_own() -> None:
    """Behind a custom domain the stage does not show; the base path, or nothing, takes its place."""
    bare = event("/voice", "")
    bare["requestContext"] |= {"domainName": "fallback.example.com", "path": "/voice"}
    assert Request(bare).base == "https://fallback.example.com"
    mapped = event("/voice", "")
    mapped["requestContext"] |= {"domainName": "fallback.example.com", "path": "/twilio/voice"}
    assert Request(mapped).base == "https://fallback.example.com/twilio"


def test_a_path_with_escapes_does_not_reach_the_addresses_that_callers_are_sent_to() -> None:
    """It is no path of ours; API Gateway hands it over decoded in one place and as sent in another."""
    request = event("/voice/a b/c/1", "")
    request["requestContext"]["path"] = "/v1/voice/a%20b/c/1"
    assert Request(request).base == f"https://{HOST}/v1"


def test_what_a_stranger_puts_into_a_path_stays_as_it_was_sent() -> None:
    """Braces in a value are no parameter to fill in."""
    sent = "{proxy}/{proxy+}/{proxy}"
    assert Request(event("/voice/x", "", pathParameters={"proxy": sent})).path == f"/voice/{sent}"


def test_a_path_that_repeats_itself_costs_no_more_than_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may send it, and each place at which it might begin is a comparison of the whole."""
    request = event("/voice/" + "voice/A/" * 900, "")
    request["requestContext"]["path"] = "/v1/voice/" + "voice/%41/" * 900 + "x"
    seen: list[str] = []

    def compared(text: str) -> str:
        seen.append(text)
        return text

    monkeypatch.setattr("lambdas.answer.request.unquote", compared)
    assert Request(request).base == f"https://{HOST}/v1"
    assert len(seen) <= 5


def test_headers_are_found_whatever_their_case() -> None:
    assert Request(event("/voice", "", headers={"x-TWILIO-signature": "s"})).headers["x-twilio-signature"] == "s"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("fallback=voicemail/start/1:99", "voicemail/start/1:99"),
        ("other=1; fallback=a/b/1:2; fallbacks=no", "a/b/1:2"),
        ("", ""),
        ("fallback", ""),
        (";;=;", ""),
    ],
)
def test_our_cookie_is_found_among_others(header: str, value: str) -> None:
    assert Request(event("/voice", "", headers={"cookie": header})).cookie == value


def test_a_body_in_base64_is_the_same_body() -> None:
    """API Gateway encodes the bodies of media types that it takes for binary."""
    plain = event("/voice", "Body=caf%C3%A9+au+lait&Empty=")
    assert Request(in_base64(plain)).fields == Request(plain).fields == {"Body": "café au lait", "Empty": ""}


@pytest.mark.parametrize("body", ["no base64!", "YQ", "é", "YWJj\nZGVm*"])
def test_what_claims_to_be_base64_and_is_not_is_unreadable(body: str) -> None:
    with pytest.raises(Unreadable):
        Request(event("/voice", body, isBase64Encoded=True))


def test_bodies_and_forms_have_a_limit() -> None:
    """Far above what Twilio sends, far below what would cost time."""
    assert Request(event("/voice", "&".join(["a=1"] * MOST_FIELDS))).fields.getall("a") == ["1"] * MOST_FIELDS
    for body in ("&".join(["a=1"] * (MOST_FIELDS + 1)), "a=" + "x" * LARGEST_BODY):
        with pytest.raises(Unreadable):
            Request(event("/voice", body))


def test_no_half_of_a_surrogate_pair_gets_in() -> None:
    """It is no character: neither the journal's readers nor XML could take it."""
    for body in ("Body=\ud800x", "Body=%41\udfffx"):
        "".join(Request(event("/sms", body)).fields.values()).encode()
    query = {"Body": ["\ud800x"]}
    "".join(Request(event("/sms", "", method="GET", multiValueQueryStringParameters=query)).fields.values()).encode()


@pytest.mark.parametrize(
    ("path", "medium"),
    [
        ("/voice", "voice"),
        ("/voice/a/b/1", "voice"),
        ("/trunk/main", "voice"),
        ("/sms", "sms"),
        ("/sms/a/b/1", "sms"),
        ("/recording", "callback"),
        ("/smsx", "voice"),
        ("/unknown", "voice"),
        ("", "voice"),
        ("sms", "voice"),
    ],
)
def test_the_medium_is_known_by_the_path_alone(path: str, medium: str) -> None:
    """Even of a request that cannot be read: a caller must hear a voice, a text must not get one."""
    assert medium_of(path) == medium
