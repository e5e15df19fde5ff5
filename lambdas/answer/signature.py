"""How far a request is trusted: `verified`, `unverifiable` or `forged`.

The check itself is Twilio's own `twilio.request_validator`; here none of its exceptions escapes, and every token that an account may
sign with is tried, so that a rotation drops nobody. https://www.twilio.com/docs/usage/security#validating-requests
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from hmac import compare_digest
from itertools import chain, islice, permutations
from urllib.parse import quote, urlencode

from twilio.request_validator import RequestValidator, get_signature_algorithm

from lambdas.answer.request import Fields, Request, base_of

VERIFIED = "verified"
UNVERIFIABLE = "unverifiable"
FORGED = "forged"

MOST_TRIED = 48  #: addresses that a signature is compared with
#: What all of them may cost, in characters of the form, each field counting as some more: Twilio's are a few kB, a stranger's may be 128.
MOST_SIGNED = 256 * 1024
A_FIELD = 64
MOST_ORDERED = 4  #: parameters of a query whose orders are all tried

type Tokens = dict[str, list[str]]


def trust_of(request: Request, tokens: Tokens | None, hosts: Collection[str] = ()) -> str:
    """The degree of trust; `tokens` are the secrets by account SID (or shared key id), None where they could not be read.

    `hosts` are names that lead to us by way of somebody else, such as a CDN: Twilio signs the address that it asks. Where one of them was
    signed, the caller's next addresses begin there too.
    """
    signature = request.headers.get("x-twilio-signature") or ""
    if not signature:
        return FORGED
    if tokens is None:
        return UNVERIFIABLE
    secrets = tokens.get(signer_of(request)) or []
    for url, query in addresses(request, hosts) if secrets else ():
        if any(matches(token, request, url + query, signature) for token in secrets):
            request.base = base_of(url, request.path) or request.base
            return VERIFIED
    return UNVERIFIABLE if is_uncheckable(request) else FORGED


def is_uncheckable(request: Request) -> bool:
    """Whether what was signed has to be guessed, so that no match proves nothing."""
    return bool(request.query) or request.method == "GET"


def addresses(request: Request, hosts: Collection[str]) -> Iterator[tuple[str, str]]:
    """The addresses that Twilio may have signed, and their queries; the likeliest first, and not too many: half of them our own."""
    paths = (request.url.removeprefix(f"https://{request.domain}"), request.path)
    others = dict.fromkeys(f"https://{host}{path}" for host in hosts for path in paths if f"https://{host}{path}" != request.url)
    own = islice(queries(request.query), MOST_TRIED // 2 if others else MOST_TRIED)
    tried = min(MOST_TRIED, MOST_SIGNED // (len(request.body) + A_FIELD * len(request.fields) + 1))
    elsewhere = ((url, query) for query in queries(request.query) for url in others)
    return islice(chain(((request.url, query) for query in own), elsewhere), tried)


def queries(pairs: list[tuple[str, str]]) -> Iterator[str]:
    """What may have stood behind the path: a bare question mark leaves no trace here, and neither do order and way of encoding."""
    if not pairs:
        yield from ("", "?")
        return
    for order in permutations(pairs) if len(pairs) <= MOST_ORDERED else (pairs,):
        text = urlencode(order, errors="replace")
        lenient = urlencode(order, safe=":/,@", quote_via=quote, errors="replace")
        for each in dict.fromkeys((text, text.replace("+", "%20"), lenient, text.replace("=&", "&").removesuffix("="))):
            yield f"?{each}"


def signer_of(request: Request) -> str:
    """Whose secret signed: the account of the request, or the shared key that a header names (2026, public beta)."""
    for part in settings_of(request).split(","):
        name, _, value = part.strip().partition("=")
        if name == "key":
            return value
    return request.fields.get("AccountSid") or ""


def settings_of(request: Request) -> str:
    """The header that comes with a shared key's signature: `key=<id>,algorithm=HMAC_SHA256`."""
    return request.headers.get("x-twilio-webhooks-signature-settings") or ""


def matches(token: str, request: Request, url: str, signature: str) -> bool:
    """Whether this token signed the request at this address; False too for whatever the validator cannot digest."""
    algorithm = get_signature_algorithm(settings_of(request))
    fields = Fields([]) if request.method == "GET" else request.fields
    validator = RequestValidator(token)
    try:
        computed = validator.compute_signature(url + signed(fields), None, algorithm)
        if not fields.lists and compare_digest(computed, signature):
            return True
        return bool(validator.validate(url, fields, signature, algorithm))
    except (TypeError, ValueError, AttributeError):
        return False


def signed(fields: Fields) -> str:
    """What is signed of a form in which no field is repeated. The validator does the same, and for every case (ports, repeated fields), at
    ten times the time: it decides where this does not match."""
    return "".join([name + fields[name] for name in sorted(fields)])
