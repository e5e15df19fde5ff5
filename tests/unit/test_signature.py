"""Who signed: the vectors of Twilio's own packages, and what reaches a handler on AWS."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from lambdas.answer.request import Fields, Request
from lambdas.answer.signature import FORGED, UNVERIFIABLE, VERIFIED, matches, trust_of
from tests.unit.gateway import ACCOUNT, CALL, CALLED, HOST, STRANGER, TOKEN, AnswerFunction, encoded, event, in_base64, signed

TOKENS = {ACCOUNT: [TOKEN]}
KEY = "webhooks_sharedkey_1"


def as_request(vector: dict[str, Any]) -> Request:
    """A vector's request, its URL put where the handler's is."""
    params = {name: value if isinstance(value, list) else [value] for name, value in vector.get("params", {}).items()}
    return Request(event("/voice", encoded((name, value) for name, values in params.items() for value in values)))


def test_the_vectors_of_twilios_packages_hold(shared: Path, record_property: Any) -> None:
    """Each that is a form: JSON bodies never come to a fallback URL."""
    vectors = json.loads((shared / "testdata/signature_vectors.json").read_text())["vectors"]
    forms = [vector for vector in vectors if "body" not in vector]
    for vector in forms:
        assert matches(vector["token"], as_request(vector), vector["url"], vector["signature"]) is vector["valid"], vector["id"]
    record_property("figure", f"signature vectors: {len(forms)} of {len(vectors)} are forms, all decided rightly")


def test_the_vectors_of_shared_keys_hold(shared: Path) -> None:
    """Signed with HMAC-SHA256 and a key that a header names."""
    data = json.loads((shared / "testdata/signature_vectors.json").read_text())
    for vector in data["generated_hmac_sha256"]:
        request = as_request(vector)
        request.headers["x-twilio-webhooks-signature-settings"] = f"key={KEY},algorithm=HMAC_SHA256"
        assert matches(vector["token"], request, vector["url"], vector["signature"]) is vector["valid"], vector["id"]


def payloads(shared: Path) -> list[dict[str, Any]]:
    """Requests that Twilio sent, or documents that it sends."""
    data = json.loads((shared / "testdata/payloads.json").read_text())["payloads"]
    return [payload for payload in data if payload.get("params")]


def test_what_twilio_sends_is_verified_and_answered(shared: Path, answering: AnswerFunction) -> None:
    """Captured requests, signed anew, through the whole handler: plain and in base64."""
    for payload in payloads(shared):
        fields = payload["params"] | {"AccountSid": ACCOUNT}
        path = "/sms" if "MessageSid" in fields else "/voice"
        if not any(fields.get(name) for name in ("CallSid", "MessageSid")):
            continue
        for request in (signed(path, fields), in_base64(signed(path, fields))):
            answered = answering(request)
            assert answered.status == 200
            assert answered.line["trust"] == VERIFIED, payload["name"]


def test_a_changed_request_is_forged() -> None:
    """Any field, any letter of the path."""
    for change in ({"From": "+15005550009"}, {"Extra": ""}, {"To": ""}):
        request = signed("/voice", CALLED) | {"body": encoded((CALLED | change).items())}
        assert trust_of(Request(request), TOKENS) == FORGED
    moved = signed("/voice", CALLED)
    moved["requestContext"] = moved["requestContext"] | {"path": "/v1/trunk/main"}
    assert trust_of(Request(moved), TOKENS) == FORGED


def test_every_token_of_an_account_is_good() -> None:
    """A rotation drops nobody: the old and the new one are both there for a while."""
    for token in ("the-old-one", "the-new-one"):
        assert trust_of(Request(signed("/voice", CALLED, token)), {ACCOUNT: ["the-old-one", "the-new-one"]}) == VERIFIED


def test_an_account_cannot_sign_for_another() -> None:
    request = Request(signed("/voice", CALLED | {"AccountSid": STRANGER}))
    assert trust_of(request, TOKENS) == FORGED
    assert trust_of(request, TOKENS | {STRANGER: ["its-own"]}) == FORGED


def test_degrees_of_trust() -> None:
    """Without a signature nobody vouches, tokens or not; with one, nobody can tell while there are no tokens."""
    unsigned, request = Request(event("/voice", encoded(CALLED.items()))), Request(signed("/voice", CALLED))
    assert (trust_of(unsigned, TOKENS), trust_of(unsigned, None)) == (FORGED, FORGED)
    assert (trust_of(request, TOKENS), trust_of(request, None), trust_of(request, {})) == (VERIFIED, UNVERIFIABLE, FORGED)


def test_repeated_and_blank_fields_are_signed_too() -> None:
    """Each distinct value once, sorted, as Twilio's packages do; the order of the fields does not matter."""
    pairs = [("AccountSid", ACCOUNT), ("Digits", "5"), ("Digits", "1"), ("Digits", "5"), ("CallerName", ""), ("CallSid", CALL)]
    request = signed("/voice", pairs)
    assert trust_of(Request(request), TOKENS) == VERIFIED
    assert trust_of(Request(request | {"body": encoded(reversed(pairs))}), TOKENS) == VERIFIED
    assert trust_of(Request(request | {"body": encoded([*pairs, ("Digits", "9")])}), TOKENS) == FORGED


def test_a_field_put_before_a_signed_one_of_the_same_name_is_no_part_of_what_was_signed() -> None:
    """Only the last value is used, but the text as it came would be handed on."""
    request = signed("/voice", CALLED)
    assert trust_of(Request(request | {"body": "From=%2B1999&" + request["body"]}), TOKENS) == FORGED


def test_ports_are_as_twilio_has_them() -> None:
    """Twilio signs sometimes with the port and sometimes without; an API behind a custom port is found in either case."""
    for signer, ours in ((f"https://{HOST}:443/v1/voice", HOST), (f"https://{HOST}/v1/voice", f"{HOST}:8443")):
        signature = RequestValidator(TOKEN).compute_signature(signer, CALLED)
        request = event("/voice", encoded(CALLED.items()), headers={"X-Twilio-Signature": signature})
        request["requestContext"]["domainName"] = ours
        assert trust_of(Request(request), TOKENS) == VERIFIED


def test_a_shared_key_signs_with_sha256() -> None:
    """Its id, from the header, chooses the secret; so does no other name, and no other algorithm is taken."""
    url = f"https://{HOST}/v1/voice"
    signature = RequestValidator("the-key").compute_signature(url, CALLED, "HMAC_SHA256")
    tokens = TOKENS | {KEY: ["the-key"]}

    def trust(settings: str) -> str:
        headers = {"X-Twilio-Signature": signature, "X-Twilio-Webhooks-Signature-Settings": settings}
        return trust_of(Request(event("/voice", encoded(CALLED.items()), headers=headers)), tokens)

    assert trust(f"key={KEY},algorithm=HMAC_SHA256") == VERIFIED
    assert trust(f"algorithm=hmac_sha256, key={KEY}") == VERIFIED
    assert {trust(settings) for settings in (f"key={KEY}", "key=x", f"key={KEY},algorithm=MD5", "", ",,=")} == {FORGED}


def test_a_get_is_verified_where_its_query_could_be_rebuilt() -> None:
    """API Gateway loses the order of parameters: in luck the signature matches, out of luck nobody can tell."""
    query = encoded(CALLED.items())
    signature = RequestValidator(TOKEN).compute_signature(f"https://{HOST}/v1/voice?{query}", {})
    in_order = {name: [value] for name, value in CALLED.items()}

    def trust(parameters: dict[str, list[str]]) -> str:
        headers = {"X-Twilio-Signature": signature}
        return trust_of(Request(event("/voice", "", method="GET", headers=headers, multiValueQueryStringParameters=parameters)), TOKENS)

    assert trust(in_order) == VERIFIED
    assert trust(dict(reversed(in_order.items()))) == UNVERIFIABLE


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({f"f{number}": "x" * 300 for number in range(390)}, id="a long form"),
        pytest.param({f"f{number}": "" for number in range(390)}, id="many fields"),
        pytest.param(CALLED, id="a usual one"),
    ],
)
def test_a_wrong_signature_costs_little_however_it_is_sent(monkeypatch: pytest.MonkeyPatch, fields: dict[str, str]) -> None:
    """Whoever knows an account's SID may send 128 kB, 400 fields and a query that could stand in many orders."""
    spent, compute = [], RequestValidator.compute_signature

    def counted(validator: RequestValidator, url: str, params: Any, algorithm: str | None = None) -> Any:
        spent.append(len(url) + sum(len(value) + 64 for value in (params or {}).values()))
        return compute(validator, url, params, algorithm)

    monkeypatch.setattr(RequestValidator, "compute_signature", counted)
    query = {f"q{number}": ["v"] for number in range(4)}
    request = Request(signed("/voice", fields | {"AccountSid": ACCOUNT}, "wrong", multiValueQueryStringParameters=query))
    spent.clear()
    assert trust_of(request, TOKENS, ["one.example.com", "two.example.com"]) == UNVERIFIABLE
    assert 3 <= len(spent) <= 3 * 48
    assert sum(spent) < 3 * 300 * 1024


@given(
    url=st.text(max_size=30),
    pairs=st.lists(st.tuples(st.text(max_size=4), st.text(max_size=8)), max_size=4),
    signature=st.text(max_size=30),
    settings=st.text(max_size=30) | st.just("algorithm=HMAC_SHA256") | st.just("algorithm=none"),
    method=st.sampled_from(["GET", "POST"]),
)
def test_no_exception_of_the_validator_escapes(url: str, pairs: list[tuple[str, str]], signature: str, settings: str, method: str) -> None:
    """It raises on bad ports, odd text and more; all of that is simply no signature."""
    request = Request(event("/voice", "", method=method, headers={"X-Twilio-Webhooks-Signature-Settings": settings}))
    request.url, request.fields = f"https://{url}", Fields(pairs)
    assert matches(TOKEN, request, request.url, signature) is False


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=6)), max_size=6), st.sampled_from(["", ":443", ":8443"]))
def test_what_twilios_validator_accepts_is_accepted(pairs: list[tuple[str, str]], port: str) -> None:
    """The short cut for plain forms decides as the validator does."""
    pairs = [(name.encode("utf-8", "replace").decode(), value.encode("utf-8", "replace").decode()) for name, value in pairs]
    request = Request(event("/voice", encoded(pairs)))
    signature = RequestValidator(TOKEN).compute_signature(f"https://{HOST}{port}/v1/voice", Fields(pairs))
    expected = RequestValidator(TOKEN).validate(request.url, Fields(pairs), signature)
    assert matches(TOKEN, request, request.url, signature) is expected
    assert expected is (port != ":8443")
