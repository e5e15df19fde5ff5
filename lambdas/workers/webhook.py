"""One request as Twilio makes it: signed by Twilio's own SDK, sent once, never redirected, with an end to every wait.

What goes wrong is told apart, because it decides what may be done next:

    NotSent     no such name, no connection, no TLS: the other side cannot have seen the request
    NoAnswer    it was sent, and no whole answer came in time: the other side may have acted on it

https://www.twilio.com/docs/usage/security#validating-requests
"""

import base64
import http.client
import io
import os
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import SplitResult, quote, unquote, urlsplit

from twilio.request_validator import RequestValidator

from lambdas.answer.request import fields_of

CONNECT = 5.0  #: seconds for the connection and for TLS, each
WAIT = 15.0  #: seconds for the whole answer, Twilio's own limit
LARGEST_ANSWER = 64 * 1024  #: bytes of TwiML that Twilio takes (error 11750)
FORM = "application/x-www-form-urlencoded; charset=UTF-8"

#: What stays as it is in an address: its own signs, and escapes that are there (https://www.rfc-editor.org/rfc/rfc3986#section-2.2).
IN_ADDRESSES = "%!$&'()*+,/:;=?@[]~"
#: How an XML document says what it is written in, where the header does not (https://www.w3.org/TR/xml/#charencoding).
XML_ENCODING = re.compile(rb"""\s*<\?xml[^>]*\bencoding\s*=\s*["']([\w.-]+)["']""")

Medium = Literal["voice", "sms"]


class NotSent(OSError):
    """The request did not reach anybody."""


class NoAnswer(OSError):
    """The request was sent, and what became of it is unknown."""


@dataclass(frozen=True)
class Ask:
    """A request: the URL as Twilio would have it configured, and the parameters as a form, in order."""

    url: str
    form: str
    medium: Medium
    method: str = "POST"


@dataclass(frozen=True)
class Answer:
    """What came back; `certificate_ends` is seconds since the epoch, None without TLS; `location` where a redirect leads."""

    status: int
    content_type: str
    body: str
    seconds: float
    certificate_ends: float | None
    location: str = ""


class _WholeHeaders(http.client.HTTPResponse):
    """An answer that must have an end of its headers: `http.client` takes a connection that breaks off among them for that end."""

    def begin(self) -> None:
        """Read the headers. Raises BadStatusLine where they are cut."""
        stream = self.fp
        lines = _Lines(stream)
        self.fp = cast(io.BufferedReader, lines)
        try:
            super().begin()
        finally:
            if self.fp:  # nothing where it was closed already
                self.fp = stream
        if lines.last not in (b"\r\n", b"\n"):
            raise http.client.BadStatusLine("headers without an end")


class _Lines:
    """A stream, as `HTTPResponse.begin` reads it, that remembers the last line."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self.stream = stream
        self.close = stream.close
        self.last = b""

    def readline(self, size: int = -1) -> bytes:
        """The next line."""
        self.last = self.stream.readline(size)
        return self.last


def send(ask: Ask, token: str, headers: Mapping[str, str], wait: float = WAIT) -> Answer:
    """Sign with an Auth Token (not without one), send, return what came back within so many seconds. Raises NotSent, NoAnswer."""
    began = time.monotonic()
    parts = escaped(urlsplit(address_of(ask)))
    connection = connected(parts)
    ends = certificate_end(connection)
    try:
        target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
        body = ask.form if ask.method == "POST" else None
        connection.request(ask.method, target, body, {**headers, **own_headers(ask, token, parts)})
        response = connection.getresponse()
        text = text_of(response, body_of(response, began + wait))
        kind, location = response.getheader("Content-Type") or "", response.getheader("Location") or ""
        return Answer(response.status, kind, text, time.monotonic() - began, ends, location)
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"no whole answer came ({type(error).__name__})") from error
    finally:
        connection.close()


def address_of(ask: Ask) -> str:
    """The URL that is requested: a GET has its parameters behind those of the URL's own."""
    url = ask.url.partition("#")[0]
    return f"{url}{'&' if '?' in url else '?'}{ask.form}" if ask.method == "GET" and ask.form else url


def escaped(parts: SplitResult) -> SplitResult:
    """The same address as HTTP can carry it, and as the other side sees it: with escapes for what is no ASCII, and for spaces."""
    return parts._replace(path=quote(parts.path, IN_ADDRESSES), query=quote(parts.query, IN_ADDRESSES))


def connected(parts: SplitResult) -> http.client.HTTPConnection:
    """A connection on which nothing has been sent yet. Raises NotSent."""
    try:
        connection = connection_to(parts)
        connection.response_class = _WholeHeaders
        connection.connect()
        connection.sock.settimeout(WAIT)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NotSent(f"{parts.hostname} could not be reached ({error})") from error
    return connection


def connection_to(parts: SplitResult) -> http.client.HTTPConnection:
    """The kind of connection that a URL's scheme asks for. Raises ValueError for a port that is none."""
    host = parts.hostname or ""
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port, timeout=CONNECT)
    kind = LocalGateway if ".execute-api." in host and "AWS_ENDPOINT_URL" in os.environ else http.client.HTTPSConnection
    return kind(host, parts.port, timeout=CONNECT, context=ssl.create_default_context())


class LocalGateway(http.client.HTTPSConnection):
    """A connection to API Gateway where the standard variable leads away from AWS, to the local cloud: by the host's own name, there."""

    def connect(self) -> None:
        """Connect, and check the certificate for the host that was meant."""
        there = urlsplit(os.environ["AWS_ENDPOINT_URL"])
        plain = socket.create_connection((there.hostname or "", there.port or 443), CONNECT)
        self.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)


def own_headers(ask: Ask, token: str, parts: SplitResult) -> dict[str, str]:
    """The signature, the form's type, and the password that a URL may hold."""
    form = fields_of(ask.form) if ask.method == "POST" else {}
    headers = {"X-Twilio-Signature": RequestValidator(token).compute_signature(signed_url(parts, ask.medium), form)} if token else {}
    if ask.method == "POST":
        headers["Content-Type"] = FORM
    if parts.username is not None:
        password = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(password.encode()).decode()
    return headers


def signed_url(parts: SplitResult, medium: Medium) -> str:
    """The URL as it is signed: without user and fragment, and for voice over HTTPS without port."""
    host = parts.netloc.rpartition("@")[2]
    if medium == "voice" and parts.scheme == "https" and parts.port is not None:
        host = host.rpartition(":")[0]
    return parts._replace(netloc=host, fragment="").geturl()


def body_of(response: http.client.HTTPResponse, until: float) -> bytes:
    """The answer's body, its first 64 kB. Raises TimeoutError for one that drips on beyond its time (`time.monotonic`).

    One without a length ends with its connection (https://www.rfc-editor.org/rfc/rfc9112#section-6.3), as older servers do it.
    """
    body = b""
    while len(body) < LARGEST_ANSWER and (part := response.read1(LARGEST_ANSWER)):
        body += part
        if time.monotonic() > until:
            raise TimeoutError
    if response.length and len(body) < LARGEST_ANSWER:
        raise http.client.IncompleteRead(b"", response.length)
    return body


def text_of(response: http.client.HTTPResponse, body: bytes) -> str:
    """The body in the charset that its header names, else the one that its XML names, else UTF-8."""
    declared = XML_ENCODING.match(body)
    charset = response.headers.get_content_charset() or (declared[1].decode() if declared else "utf-8")
    try:
        return body.decode(charset, "replace")
    except (LookupError, UnicodeError):  # a charset of that name is unknown, or is for something else
        return body.decode("utf-8", "replace")


def certificate_end(connection: http.client.HTTPConnection) -> float | None:
    """When the other side's certificate ends."""
    certificate = connection.sock.getpeercert() if isinstance(connection.sock, ssl.SSLSocket) else None
    return ssl.cert_time_to_seconds(str(certificate["notAfter"])) if certificate else None
