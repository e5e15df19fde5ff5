"""Where a request is for, in every shape in which API Gateway hands one over.

Behind a custom domain `path` holds the base path, and the stage where the mapping names none; `requestContext.path` is the same text.
Measured on AWS by others: https://github.com/localstack/localstack/issues/12295 and the pull request 12296 (2025).
"""

from typing import Any, NamedTuple

import pytest
from twilio.request_validator import RequestValidator

from lambdas.answer.signature import MOST_TRIED
from tests.unit.gateway import CALLED, HOST, RECORDED, TEXTED, TOKEN, AnswerFunction, Event, encoded, event

DOMAIN = "fallback.example.com"
CDN = "edge.example.com"


class Way(NamedTuple):
    """One way in: the host, what stands before our path in the URL, and before it in the event's `path`."""

    host: str
    base: str
    before: str


WAYS = {
    "execute-api": Way(HOST, "/v1", ""),
    "domain": Way(DOMAIN, "", ""),
    "domain, base path": Way(DOMAIN, "/phone", "/phone"),
    "domain, no stage in the mapping": Way(DOMAIN, "/v1", "/v1"),
    "domain, base path, no stage in the mapping": Way(DOMAIN, "/phone/v1", "/phone/v1"),
    "domain, base path that looks like ours": Way(DOMAIN, "/sms/voice", "/sms/voice"),
    "domain, base path of several parts": Way(DOMAIN, "/a/b/c", "/a/b/c"),
}
#: What is asked, as what it counts, and the answer that it gets.
ASKED = {
    "/voice": ("voice", "keys"),
    "/sms": ("sms", "echo"),
    "/trunk/main": ("voice", "mailbox"),
    "/sip/office": ("voice", "out"),
    "/app/pbx": ("voice", "out"),
    "/voice/keys/chosen/1": ("voice", "keys"),
    "/voice/mailbox/recorded/1": ("voice", "mailbox"),
    "/recording": ("callback", None),
}
FORMS = {"sms": TEXTED, "voice": CALLED | {"Digits": "7"}, "callback": RECORDED}


def asked(way: Way, path: str, slash: str = "", signed_as: str = "", **more: Any) -> Event:
    """A signed request as AWS hands it over."""
    fields = FORMS[ASKED[path][0]]
    url = signed_as or f"https://{way.host}{way.base}{path}{slash}"
    headers = {"X-Twilio-Signature": RequestValidator(TOKEN).compute_signature(url, fields)}
    request = event(path, encoded(fields.items()), headers=headers, **more)
    request["path"] = way.before + path + slash
    request["requestContext"] |= {"domainName": way.host, "path": way.base + path + slash}
    return request


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize("way", WAYS)
def test_every_shape_leads_to_the_same_answer(answering: AnswerFunction, way: str, path: str, slash: str) -> None:
    """Verified, of the right medium, by the right entry; and what comes next is asked by the same way in."""
    medium, answer = ASKED[path]
    answered = answering(asked(WAYS[way], path, slash))
    line = answered.line
    assert (line["trust"], line["medium"], line.get("answer")) == ("verified", medium, answer)
    assert line["entry"] == path.split("/")[1]
    if medium == "callback":
        assert answered.status == 204
        return
    base = f"https://{WAYS[way].host}{WAYS[way].base}"
    addresses = [part.split('"')[0] for part in answered.body.split('action="')[1:]]
    assert all(address.startswith(f"{base}/voice/") for address in addresses)
    assert bool(addresses) is (path != "/sms" and "recorded" not in path)


@pytest.mark.parametrize("way", WAYS)
def test_an_unreadable_text_gets_no_voice_by_any_way_in(answering: AnswerFunction, way: str) -> None:
    """Its medium has to be known even where nothing else is."""
    answered = answering(asked(WAYS[way], "/sms") | {"isBase64Encoded": True, "body": "no base64!"})
    assert "<Say" not in answered.body
    assert answered.line["Medium"] == "sms"


@pytest.mark.parametrize("decoded", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_escapes_are_no_path_of_ours_but_the_next_address_is(answering: AnswerFunction, way: str, decoded: bool) -> None:
    """Whether API Gateway decodes a parameter or not, callers are sent on by the way they came."""
    request = asked(WAYS[way], "/voice/keys/chosen/1")
    sent = request["requestContext"]["path"].replace("chosen", "a%20b%2Fc")
    request["requestContext"]["path"] = sent
    request["pathParameters"] = {"proxy": "keys/a b/c/1" if decoded else "keys/a%20b%2Fc/1"}
    answered = answering(request)
    assert answered.line["Outcome"] == "refused"
    assert f"https://{WAYS[way].host}{WAYS[way].base}/voice/" in answered.body or "action" not in answered.body


# A query of the customer's own, and a host that stands before ours

QUERIES = {
    "one": ("?tenant=7", {"tenant": ["7"]}),
    "bare": ("?", None),
    "several": ("?tenant=7&line=main&z=1", {"z": ["1"], "line": ["main"], "tenant": ["7"]}),
    "four": ("?d=4&c=3&b=2&a=1", {"a": ["1"], "b": ["2"], "c": ["3"], "d": ["4"]}),
    "repeated": ("?a=2&a=1", {"a": ["2", "1"]}),
    "a space as %20": ("?name=our%20line", {"name": ["our line"]}),
    "a space as +": ("?name=our+line", {"name": ["our line"]}),
    "an address as it is": ("?to=a/b:c@d", {"to": ["a/b:c@d"]}),
    "no value": ("?tenant", {"tenant": [""]}),
    "an empty value": ("?tenant=", {"tenant": [""]}),
    "a sign of another script": ("?n=%C3%A9", {"n": ["é"]}),
}


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("path", ["/voice", "/sms", "/trunk/main"])
def test_a_query_on_the_fallback_url_does_no_harm(answering: AnswerFunction, path: str, query: str) -> None:
    """Twilio signs it with the address; API Gateway tells its parameters without order, and of a bare question mark nothing."""
    text, parameters = QUERIES[query]
    way = WAYS["execute-api"]
    request = asked(way, path, signed_as=f"https://{way.host}{way.base}{path}{text}", multiValueQueryStringParameters=parameters)
    answered = answering(request)
    assert (answered.line["trust"], answered.line["answer"]) == ("verified", ASKED[path][1])


def test_a_query_that_cannot_be_rebuilt_is_not_forged(answering: AnswerFunction) -> None:
    """More parameters than can be tried, or written as nobody would: nobody can tell, and nobody is sent after a stale token."""
    many = {str(number): [str(number)] for number in range(30)}
    for parameters in (many, {"a": ["1"]}):
        request = asked(
            WAYS["execute-api"], "/voice", signed_as="https://elsewhere.example.com/voice", multiValueQueryStringParameters=parameters
        )
        answered = answering(request)
        assert answered.line["trust"] == "unverifiable"


def test_the_tries_are_bounded(answering: AnswerFunction, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger cannot make us compute signatures for long."""
    computed: list[str] = []
    compute = RequestValidator.compute_signature

    def counting(self: RequestValidator, uri: str, *arguments: Any) -> Any:
        computed.append(uri)
        return compute(self, uri, *arguments)

    parameters = {name: [value] for name, value in zip("abcd", "wxyz", strict=True)}
    request = asked(WAYS["execute-api"], "/voice", signed_as="https://elsewhere.example.com/", multiValueQueryStringParameters=parameters)
    monkeypatch.setattr(RequestValidator, "compute_signature", counting)
    answering(request)
    assert len(set(computed)) <= 3 * MOST_TRIED  # the address, and as Twilio's validator has it with and without the port


@pytest.mark.parametrize("stage", ["/v1", ""])
def test_a_host_that_stands_before_ours_may_have_been_signed(answering: AnswerFunction, stage: str) -> None:
    """A CDN asks us by our own name; Twilio signed its name, with our stage or without. The caller goes on by the CDN."""
    answered = answering(asked(WAYS["execute-api"], "/voice", signed_as=f"https://{CDN}{stage}/voice"))
    assert answered.line["trust"] == "verified"
    assert f'action="https://{CDN}{stage}/voice/' in answered.body


def test_a_query_and_a_host_before_ours_go_together(answering: AnswerFunction) -> None:
    """The orders of a query's parameters do not use up the tries of the host that comes next."""
    parameters = {name: [value] for name, value in zip("abcd", "wxyz", strict=True)}
    signed_as = f"https://{CDN}/voice?a=w&b=x&c=y&d=z"
    request = asked(WAYS["execute-api"], "/voice", signed_as=signed_as, multiValueQueryStringParameters=parameters)
    assert answering(request).line["trust"] == "verified"


def test_only_hosts_of_the_settings_may_have_been_signed(answering: AnswerFunction) -> None:
    answered = answering(asked(WAYS["execute-api"], "/voice", signed_as="https://elsewhere.example.com/v1/voice"))
    assert answered.line["Outcome"] == "refused"
