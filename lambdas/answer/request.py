"""A request as API Gateway hands it over (REST, payload format 1), read without trusting it.

The URL that Twilio signed is built from what API Gateway vouches for, `requestContext.domainName` and `.path` (stage or base path
included), never from `Host` or `X-Forwarded-*`. The route comes from `resource` and `pathParameters`: behind a custom domain `path` holds
the base path, and the stage where the mapping names none (measured on AWS: https://github.com/localstack/localstack/issues/12295, 2025-02).
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import base64
from binascii import a2b_qp
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

TYPE_CHECKING = False  #: for type checkers alone: `typing` is an import that a cold start need not pay (`make bench`)
if TYPE_CHECKING:
    from typing import Any

type Json = dict[str, Any]  #: a JSON object
type Event = Json

#: Twilio sends about thirty fields; far more is no webhook of Twilio's, and each one costs time.
MOST_FIELDS = 400
#: A text of ten media and 1,600 characters stays below 16 kB; a megabyte is no webhook either.
LARGEST_BODY = 128 * 1024
#: Places in a URL at which the path may begin: a base path seldom holds `/voice/` itself, a stranger's path perhaps a thousand times.
MOST_BASES = 4
COOKIE = "fallback"
SEPARATOR = "\x1e"
#: What makes quoted-printable of a form: names and values end in ASCII's record separator, escapes and spaces are its own.
QUOTED_PRINTABLE = bytes.maketrans(b"&=%+", b"\x1e\x1e= ")
NOT_BETWEEN = bytes(set(range(256)) - set(b"&="))


class Unreadable(ValueError):
    """The request is no form that Twilio could have sent."""


class Fields(dict[str, str]):
    """Form fields by name; a repeated field keeps its last value here and all of them in `getall`, as Twilio's validator asks."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__(pairs)
        self.lists: dict[str, list[str]] = {}
        if len(self) < len(pairs):
            for name, value in pairs:
                self.lists.setdefault(name, []).append(value)

    def getall(self, name: str) -> list[str]:
        """Every value of a field, in the order received."""
        return self.lists[name] if self.lists else [self[name]]


class Request:
    """What the answer needs to know of a request.

    `path` is the resource that was matched, with its parameters filled in (`/voice/keys/chosen/1`); `base` is the address before it
    (`https://host/v1`), `url` the whole address without its query, and `query` the parameters of the query in whatever order they came.
    `sender` is the IP address that asked: it is compared and never kept. `values` is what conditions asked for, as the book works it out.
    """

    __slots__ = (
        "base",
        "body",
        "cookie",
        "domain",
        "fields",
        "headers",
        "id",
        "medium",
        "method",
        "path",
        "query",
        "sender",
        "trunk",
        "url",
        "values",
    )

    def __init__(self, event: Event) -> None:
        context = event["requestContext"]
        self.id: str = context.get("requestId") or ""
        self.method: str = event["httpMethod"]
        self.sender: str = (context.get("identity") or {}).get("sourceIp") or ""
        self.path = path_of(event)
        self.medium = medium_of(self.path)
        self.domain: str = context["domainName"]
        self.url = f"https://{self.domain}{context['path']}"
        self.base = base_of(self.url, self.path) or f"https://{self.domain}/{context.get('stage')}"
        self.headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        self.cookie = cookie_of(self.headers.get("cookie") or "")
        self.trunk = self.path.split("/")[2] if self.path.startswith("/trunk/") else ""
        self.query = query_of(event)
        self.body = body_of(event) if self.method == "POST" else urlencode(self.query, errors="replace")
        self.fields = fields_of(self.body)
        self.values: dict[str, str] = {}


def path_of(event: Event) -> str:
    """`/voice/keys/chosen/1` of the resource `/voice/{proxy+}` and its parameter: ours have one at most. What was sent is taken as it is,
    braces too."""
    path, _, parameter = str(event["resource"]).partition("{")
    values = event.get("pathParameters") or {}
    return (path + str(values.get(parameter.rstrip("+}"), ""))).rstrip("/")


def base_of(url: str, path: str) -> str:
    """The address before the path; nothing where the URL does not end in it. A slash at the end, and escapes, make no difference."""
    if url.endswith(path):
        return url[: len(url) - len(path)]
    first, wanted = path[: path.find("/", 1) + 1] or path, unquote(path)
    at = url.find(first)
    for _ in range(MOST_BASES):
        if at > 0 and unquote(url[at:]).rstrip("/") == wanted:
            return url[:at]
        at = url.find(first, at + 1)
    return ""


def medium_of(path: str) -> str:
    """`sms`, `callback` or `voice`, by the path alone: it must be known even of a request that cannot be read."""
    first = path.split("/")[1] if path.startswith("/") else ""
    return {"sms": "sms", "recording": "callback"}.get(first, "voice")


def body_of(event: Event) -> str:
    """The form as sent. Raises Unreadable for one that is too large or wrongly encoded."""
    body = str(event.get("body") or "")
    if len(body) > LARGEST_BODY:
        raise Unreadable("the body is too large")
    if not event.get("isBase64Encoded"):
        return body if body.isascii() else body.encode("utf-8", "replace").decode()
    try:
        return base64.b64decode(body, validate=True).decode("utf-8", "replace")
    except ValueError as error:
        raise Unreadable("the body is not base64") from error


def query_of(event: Event) -> list[tuple[str, str]]:
    """The parameters of the query. API Gateway loses their order and how they were encoded, so what was signed has to be guessed."""
    values = event.get("multiValueQueryStringParameters") or {}
    return [(name, value) for name, all_values in values.items() for value in all_values]


def fields_of(body: str) -> Fields:
    """The fields of a form, blank ones kept: they are signed too. What `parse_qsl` gives, at a fifth of its time: but for its signs, a
    form is quoted-printable, which the standard library decodes in C. Raises Unreadable."""
    raw = body.encode()
    if raw.count(b"&") >= MOST_FIELDS:
        raise Unreadable("the form has too many fields")
    text = a2b_qp(raw.translate(QUOTED_PRINTABLE))
    if not is_plain(raw, text):
        return Fields(slowly(body))
    found = text.decode("utf-8", "replace").split(SEPARATOR)
    return Fields(list(zip(found[::2], found[1::2], strict=True)))


def is_plain(raw: bytes, text: bytes) -> bool:
    """Whether names and values take turns, each escape was one, and no separator came out of one. (A line break would be one of
    quoted-printable's own.)"""
    signs = raw.translate(None, NOT_BETWEEN)
    counts = (len(signs), len(raw) - 2 * raw.count(b"%"))
    return (
        counts == (text.count(b"\x1e"), len(text)) and signs == b"=&" * (len(signs) // 2) + b"=" and b"\n" not in raw and b"\r" not in raw
    )


def slowly(body: str) -> list[tuple[str, str]]:
    """The fields of a form that is malformed or holds the very separators."""
    return parse_qsl(body, keep_blank_values=True, errors="replace")


def cookie_of(header: str) -> str:
    """The value of our own cookie, or nothing."""
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def parts_of(url: str) -> SplitResult:
    """The parts of somebody else's URL; all of them empty where it is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
