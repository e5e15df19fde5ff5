"""How far a request is trusted: `verified`, `unverifiable` or `forged`.

The check itself is Twilio's own `twilio.request_validator`; here none of its exceptions escapes, and every token that an account may
sign with is tried, so that a rotation drops nobody. https://www.twilio.com/docs/usage/security#validating-requests
"""

from hmac import compare_digest

from twilio.request_validator import RequestValidator, get_signature_algorithm

from lambdas.answer.request import Fields, Request

VERIFIED = "verified"
UNVERIFIABLE = "unverifiable"
FORGED = "forged"

type Tokens = dict[str, list[str]]


def trust_of(request: Request, tokens: Tokens | None) -> str:
    """The degree of trust; `tokens` are the secrets by account SID (or shared key id), None where they could not be read."""
    signature = request.headers.get("x-twilio-signature") or ""
    if not signature:
        return FORGED
    if tokens is None:
        return UNVERIFIABLE
    if any(matches(token, request, signature) for token in tokens.get(signer_of(request), [])):
        return VERIFIED
    return UNVERIFIABLE if request.method == "GET" else FORGED


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


def matches(token: str, request: Request, signature: str) -> bool:
    """Whether this token signed the request; False too for whatever the validator cannot digest."""
    algorithm = get_signature_algorithm(settings_of(request))
    url, fields = (f"{request.url}?{request.body}", Fields([])) if request.method == "GET" else (request.url, request.fields)
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
