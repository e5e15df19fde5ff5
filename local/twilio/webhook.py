"""One webhook as Twilio makes it: overrides, retries, redirects, signature, headers, cookies, and what came of it.

Sources: https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides (timers, retries, idempotency token),
https://www.twilio.com/docs/usage/security (signature, HTTP authentication), the error pages 11215 and 11216
(redirects), the TwiML changelog of 2024-01-18 (query parameters survive a redirect) and 2024-07-09 (so do Digits).
"""

import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from time import monotonic
from urllib.parse import SplitResult, unquote, urlencode, urljoin, urlsplit
from uuid import uuid4

from local.twilio.connection import Limits, Reply, Request, Resolver, talk
from local.twilio.cookies import Jar
from local.twilio.error import Retry, TwilioError
from local.twilio.exchange import Attempt, Exchange
from local.twilio.hosts import HOME
from local.twilio.overrides import CAP, Overrides, overrides
from local.twilio.rules import Rule, setting_for
from local.twilio.signing import Medium, Tokens, signature
from local.twilio.undocumented import Undocumented

_FOLLOWED = {301, 302, 303, 307}
_MOST_REDIRECTS = 10


@dataclass(frozen=True)
class Webhooks:
    """Makes webhook requests for one account. Holds no state of calls, so that many threads can share it."""

    tokens: Tokens
    resolver: Resolver
    trust: str | None
    """The file of certificate authorities; None for the system's."""
    undocumented: Undocumented
    region: str = HOME
    rules: list[Rule] = field(default_factory=list)

    def send(self, sent: Exchange, medium: Medium, jar: Jar | None) -> None:
        """Makes the request that `sent.ask` describes with `sent.parameters` and notes in `sent` what came of it."""
        begun = monotonic()
        try:
            setting = setting_for(sent.ask.url, self.rules)
            chosen = setting.delivery if setting else overrides(sent.ask.url)
            limits = _limits(chosen, begun, self.undocumented.silence_code)
            _Delivery(self, sent, medium, jar, chosen, limits).follow()
        except TwilioError as error:
            sent.error = error.at(sent.ask.url)
        sent.seconds = monotonic() - begun


@dataclass(frozen=True)
class _Aim:
    """Where the request goes now, after so many redirects, and the URL that its signature is for."""

    url: str
    method: str
    form: Mapping[str, str]
    signed: str
    redirects: int = 0
    credentials: str = ""


@dataclass(frozen=True)
class _Delivery:
    """One webhook under way."""

    webhooks: Webhooks
    sent: Exchange
    medium: Medium
    jar: Jar | None
    chosen: Overrides
    limits: Limits

    def follow(self) -> None:
        """Requests and follows redirects. Raises TwilioError for anything but a 2xx at the end."""
        sent = self.sent
        aim = _aim(sent.ask.url, sent.ask.method, sent.parameters)
        while True:
            reply = self._tried(aim)
            if self.jar is not None:
                self.jar.store(aim.url, reply.headers)
            if not 300 <= reply.status < 400:
                break
            aim = self._redirected(aim, reply)
        sent.url, sent.reply = aim.url.partition("#")[0], reply
        if reply.status >= 400:
            raise TwilioError(11200, f"HTTP status {reply.status}")

    def _tried(self, aim: _Aim) -> Reply:
        """Up to `rc` + 1 attempts, of which the last one's outcome counts."""
        token = self.sent.ask.token
        for attempt in range(self.chosen.retries + 1):
            edge = self.chosen.edges[attempt % len(self.chosen.edges)]
            self.sent.headers = self._headers(aim, token)
            outcome = self._attempt(aim, edge)
            if not self.chosen.retry(_kind(outcome)):
                break
            if not self.webhooks.undocumented.retries_keep_idempotency_token:
                token = str(uuid4())
        if isinstance(outcome, TwilioError):
            raise outcome
        return outcome

    def _attempt(self, aim: _Aim, edge: str) -> Reply | TwilioError:
        begun = monotonic()
        try:
            outcome: Reply | TwilioError = self._once(aim)
        except TwilioError as error:
            outcome = error
        status, code = (outcome.status, None) if isinstance(outcome, Reply) else (None, outcome.code)
        self.sent.attempts.append(Attempt(aim.url, edge, status, code, monotonic() - begun))
        return outcome

    def _once(self, aim: _Aim) -> Reply:
        """Credentials of the URL are sent when the server asked for them, as the security page says."""
        reply = talk(self._request(aim, self.sent.headers), self.webhooks.resolver, self.limits)
        if reply.status != 401 or not aim.credentials or "basic" not in reply.header("WWW-Authenticate").lower():
            return reply
        known = {**self.sent.headers, "Authorization": f"Basic {b64encode(aim.credentials.encode()).decode()}"}
        return talk(self._request(aim, known), self.webhooks.resolver, self.limits)

    def _request(self, aim: _Aim, headers: Mapping[str, str]) -> Request:
        parts = urlsplit(aim.url)
        secure, sni = parts.scheme == "https", self.chosen.sni
        body = urlencode(aim.form).encode() if aim.method == "POST" else b""
        head = f"{aim.method} {_target(parts)} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        tls = context(self.webhooks.trust, sni) if secure else None
        port = parts.port or (443 if secure else 80)
        return Request(parts.hostname or "", port, tls, sni, aim.method, head.encode() + b"\r\n" + body)

    def _headers(self, aim: _Aim, token: str) -> dict[str, str]:
        """The headers of captured requests; GET parameters are part of the URL and so of what is signed."""
        form = aim.form if aim.method == "POST" else {}
        headers = {
            "Host": urlsplit(aim.url).netloc.rpartition("@")[2],
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
            "Accept-Encoding": "gzip",
            "Connection": "close",
            "I-Twilio-Idempotency-Token": token,
            "X-Home-Region": self.webhooks.region,
            **self._signature(aim, form),
        }
        if aim.method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8"
            headers["Content-Length"] = str(len(urlencode(form).encode()))
        cookies = self.jar.header(aim.url) if self.jar is not None else ""
        return {**headers, "Cookie": cookies} if cookies else headers

    def _signature(self, aim: _Aim, form: Mapping[str, str]) -> dict[str, str]:
        """By the Auth Token, or by the shared key of the rule that matches."""
        setting = setting_for(aim.url, self.webhooks.rules)
        if not setting or not setting.shared_key:
            return {"X-Twilio-Signature": signature(self.webhooks.tokens.primary, aim.signed, self.medium, form)}
        key = setting.shared_key
        signed = signature(key.secret, aim.signed, self.medium, form, "HMAC_SHA256")
        return {"X-Twilio-Signature": signed, "X-Twilio-Webhooks-Signature-Settings": key.header}

    def _redirected(self, aim: _Aim, reply: Reply) -> _Aim:
        undocumented, location = self.webhooks.undocumented, reply.header("Location")
        if reply.status not in _FOLLOWED or not location:
            raise TwilioError(11216, f"HTTP status {reply.status} to {location or 'nowhere'}")
        if aim.redirects == _MOST_REDIRECTS:
            raise TwilioError(11215, "more than 10 redirects")
        keeps = reply.status == 307 or (undocumented.redirects_keep_post and reply.status != 303)
        target = _with_query(urljoin(aim.url, location), urlsplit(aim.url).query)
        aimed = _aim(target, aim.method if keeps else "GET", aim.form)
        signed = aimed.signed if undocumented.redirects_are_signed_anew else aim.signed
        return replace(aimed, signed=signed, redirects=aim.redirects + 1)


def _limits(chosen: Overrides, begun: float, silence: int) -> Limits:
    total = CAP if chosen.total is None else min(chosen.total, CAP)
    exceeded = 11205 if chosen.total is None else 11203
    return Limits(chosen.connect, chosen.read, begun + total, exceeded, silence)


def _aim(url: str, method: str, form: Mapping[str, str]) -> _Aim:
    """Raises TwilioError 11100 for what is no absolute HTTP URL and for an unknown method."""
    if not _is_url(url):
        raise TwilioError(11100, f"{url[:200]!r} is no absolute http or https URL")
    if method not in {"GET", "POST"}:
        raise TwilioError(11100, f"{method} is neither GET nor POST")
    parts = urlsplit(url)
    whole = url if method == "POST" else _with_query(url.partition("#")[0], urlencode(form))
    user = "" if parts.username is None else f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return _Aim(whole, method, form, whole, credentials=user)


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0 and " " not in url
    except ValueError:
        return False


def _with_query(url: str, query: str) -> str:
    """Twilio appends its parameters to those of the URL."""
    parts = urlsplit(url)
    if not query or query in parts.query:
        return url
    return parts._replace(query=f"{parts.query}&{query}" if parts.query else query).geturl()


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _kind(outcome: Reply | TwilioError) -> Retry | None:
    if isinstance(outcome, TwilioError):
        return outcome.retry
    if outcome.status < 400:
        return None
    return "4xx" if outcome.status < 500 else "5xx"


@cache
def context(trust: str | None, sni: bool) -> ssl.SSLContext:
    """TLS 1.2 and up with full verification; without a bundle, the system's authorities."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = sni
    if trust:
        context.load_verify_locations(trust)
    else:
        context.load_default_certs()
    return context
