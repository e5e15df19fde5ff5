"""The Auth Tokens, fetched from Secrets Manager by one signed request of the standard library.

boto3 alone costs more at a cold start than the whole answer; this is what is needed of it: Signature Version 4 (held byte for byte against
botocore by a test) and one HTTP exchange. What can go wrong, and what then:

    no network, DNS, TLS, a slow answer   -> the last good value is kept; asked again after 30 s
    refused (IAM, no such secret)         -> the same
    a value that is no token list         -> the same
    a signature that matches no token     -> perhaps a rotation: one refresh a minute at most
    a value of five minutes ago           -> asked anew while the next requests are answered: a token that was taken away is gone soon, and
                                             one that was added is there before anybody signs with it
    a value of ten minutes ago            -> Lambda stops threads between requests, so that few of them may never suffice: waited for

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
import json
import os
import socket
import threading
import time
from hashlib import sha256
from urllib.parse import urlsplit

from lambdas.answer.signature import Tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

#: How many times as long everything may take: set where a laptop, busy with other things, plays the cloud.
SLOWER = float(os.environ.get("SLOWER", "1"))
SOCKET_TIMEOUT = 0.3 * SLOWER  #: seconds, each of connect, handshake and read
AT_START = 1.5 * SLOWER  #: seconds that INIT may wait, name resolution included
AT_CALL = 0.5 * SLOWER  #: seconds that a caller may wait
RETRY_AFTER = 30.0  #: seconds after a failed read
REFRESH_AFTER = 60.0  #: seconds between refreshes after a bad signature
OLD_AFTER = 300.0  #: seconds after which a value is asked for anew, at nobody's cost
TOO_OLD_AFTER = 600.0  #: seconds after which it is waited for
LONGEST_ATTEMPT = 5.0  #: seconds after which an answer that drips is given up
LARGEST_ANSWER = 128 * 1024
#: What a broken answer leads to: no network or TLS; no HTTP, JSON or token list; a part that is missing; an answer nested without end.
FAULTS = (OSError, ValueError, LookupError, TypeError, RecursionError)
ROOTS = os.path.join(os.path.dirname(__file__), "roots.pem")


class TokenStore:
    """The tokens by account SID, refreshed when needed, never at the caller's cost for longer than AT_CALL."""

    def __init__(self, secret: str, wait: float = AT_START) -> None:
        self.secret = secret
        self.tokens: Tokens | None = None
        self.tried = self.came = float("-inf")
        self.fetch(wait)

    def current(self) -> Tokens | None:
        """The last good value; None if there never was one. A failed read is tried again after 30 s."""
        now = time.monotonic()
        age = now - self.came
        if now - self.tried > RETRY_AFTER and age > OLD_AFTER:
            self.fetch(AT_CALL if age > TOO_OLD_AFTER else 0)
        return self.tokens

    def refreshed(self) -> Tokens | None:
        """The value after a bad signature: asked anew once a minute at most, however many bad signatures come."""
        if self.tokens is not None and time.monotonic() - self.tried > REFRESH_AFTER:
            self.fetch(AT_CALL)
        return self.tokens

    def fetch(self, wait: float) -> None:
        """Ask, and wait so long; a thread, because a socket's timeout bounds neither name resolution nor a slow drip."""
        self.tried = time.monotonic()
        thread = threading.Thread(target=self.read, name="tokens", daemon=True)
        thread.start()
        thread.join(wait)

    def read(self) -> None:
        """One attempt; failure leaves things as they are, and so does an answer that was stopped on its way until a later one came."""
        asked = time.monotonic()
        try:
            tokens = tokens_in(get_secret_value(self.secret))
        except FAULTS:
            return
        if asked > self.came:
            self.tokens, self.came = tokens, asked


def tokens_in(secret: str) -> Tokens:
    """The tokens by account SID, or shared key id: those of an account's other Regions, `AC...@ie1`, verify as well. Raises ValueError."""
    found: Tokens = {}
    for name, tokens in tokens_by_name(secret).items():
        found.setdefault(name.partition("@")[0], []).extend(tokens)
    return found


def tokens_by_name(secret: str) -> Tokens:
    """The secret's JSON: `AC...`, `AC...@<Region>` or a shared key id to a token or a list of them. Raises ValueError for anything else."""
    value = json.loads(secret)
    if not isinstance(value, dict):
        raise ValueError("the secret is no JSON object")
    lists = {name: tokens if isinstance(tokens, list) else [tokens] for name, tokens in value.items()}
    return {name: [token for token in tokens if isinstance(token, str) and token] for name, tokens in lists.items()}


def get_secret_value(secret: str) -> str:
    """The secret's string. Raises OSError (network, TLS), ValueError (an answer that is none), KeyError (no string in it)."""
    endpoint = urlsplit(endpoint_url())
    body = json.dumps({"SecretId": secret}).encode()
    headers = signed_headers(endpoint.netloc, body, time.gmtime())
    status, answer = post(endpoint.hostname or "", endpoint.port or 443, headers, body)
    if status != 200:
        raise ValueError(f"Secrets Manager answered {status}")
    return str(json.loads(answer)["SecretString"])


def endpoint_url() -> str:
    """Secrets Manager in this function's region, or where the standard variables point."""
    own = os.environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or os.environ.get("AWS_ENDPOINT_URL")
    return own or f"https://secretsmanager.{os.environ['AWS_REGION']}.amazonaws.com"


def signed_headers(host: str, body: bytes, now: time.struct_time) -> dict[str, str]:
    """The headers of GetSecretValue with Signature Version 4, from the function's own credentials."""
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "host": host,
        "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", now),
        "x-amz-target": "secretsmanager.GetSecretValue",
    }
    if token := os.environ.get("AWS_SESSION_TOKEN"):
        headers["x-amz-security-token"] = token
    headers["authorization"] = authorization(headers, body)
    return headers


def authorization(headers: dict[str, str], body: bytes) -> str:
    """The `Authorization` header over these headers and this body, for a POST to `/`."""
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = f"POST\n/\n\n{lines}\n{names}\n{sha256(body).hexdigest()}"
    stamp = headers["x-amz-date"]
    scope = f"{stamp[:8]}/{os.environ['AWS_REGION']}/secretsmanager/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{sha256(request.encode()).hexdigest()}"
    signature = hmac.new(signing_key(scope), text.encode(), sha256).hexdigest()
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"


def signing_key(scope: str) -> bytes:
    """The key that is derived from the secret access key, step by step along the scope."""
    key = b"AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"].encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), sha256).digest()
    return key


def post(host: str, port: int, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    """One HTTP/1.1 exchange over TLS: status and body. Raises OSError, or ValueError for an answer that is cut or too large."""
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(["POST / HTTP/1.1", *lines, f"content-length: {len(body)}", "connection: close", "", ""])
    name = host.encode("ascii")  # as bytes: text would load the IDNA codec and its tables
    with (
        socket.create_connection((name, port), SOCKET_TIMEOUT) as plain,  # type: ignore[arg-type] # getaddrinfo takes bytes
        tls().wrap_socket(plain, server_hostname=name) as tunnel,
    ):
        tunnel.sendall(head.encode() + body)
        return answer_in(received(tunnel))


def tls() -> ssl.SSLContext:
    """TLS that trusts Amazon's own roots: reading the usual 126 costs as much as the rest of the start."""
    import ssl  # noqa: PLC0415 - not needed where nobody answers, and a fifth of the whole start

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(os.environ.get("AWS_CA_BUNDLE") or ROOTS)
    return context


def received(tunnel: ssl.SSLSocket) -> bytes:
    """Everything until the other side closes or its Content-Length is reached. Raises TimeoutError for an answer that drips."""
    answer = b""
    until = time.monotonic() + LONGEST_ATTEMPT
    while len(answer) < LARGEST_ANSWER and not complete(answer):
        if time.monotonic() > until:
            raise TimeoutError("the answer drips")
        chunk = tunnel.recv(65536)
        if not chunk:
            break
        answer += chunk
    return answer


def complete(answer: bytes) -> bool:
    """Whether head and body have arrived."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    return bool(separator) and len(body) >= content_length(head)


def content_length(head: bytes) -> int:
    """The length that the head announces. Raises ValueError where there is none: an answer that was cut must not count."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise ValueError("the answer has no Content-Length")


def answer_in(answer: bytes) -> tuple[int, bytes]:
    """Status and body of a whole answer. Raises ValueError for one that was cut."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if not complete(answer):
        raise ValueError("the answer was cut")
    return int(head.split(b" ", 2)[1]), body[: content_length(head)]
