"""Twilio's REST API: API keys, edge failover, patience with rate limits; Twilio's own client runs on top of it.

An API key survives the rotation of an Auth Token (https://www.twilio.com/docs/iam/api-keys). Each Region has recordings, keys and hosts of
its own: `api.<edge>.<region>.twilio.com`, and plain `api.twilio.com` is us1
(https://www.twilio.com/docs/global-infrastructure/understanding-twilio-regions). A host that cannot be reached or answers 5xx gives way to
the next edge of the same Region. The limit is on requests at a time: error 20429 was not processed and is tried again after a pause.
"""

import io
import json
import logging
import random
import re
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from io import BufferedIOBase
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from lambdas.workers.transport import Answer, Deadline, NotAllowed, Unreachable, fetch, request

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

TWILIO_HOST = re.compile(r"(api|messaging|monitor)(\.[a-z0-9-]+){0,2}\.twilio\.com")
HOME = "us1"
EDGES = {
    "us1": ("ashburn", "umatilla"),
    "ie1": ("dublin", "frankfurt"),
    "au1": ("sydney", "singapore"),
    "jp1": ("tokyo", "singapore"),
}
KEPT = 300.0  #: seconds for which the keys are kept
TOO_MANY = 429
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)  #: seconds, each up to half as long again

Pause = Callable[[float], None]


class NoKey(LookupError):
    """The secret holds no API key for an account; the text says what to put there."""


class Keys:
    """The API keys by account SID, from their secret: `{"AC...": {"key": "SK...", "secret": "..."}}`, `AC...@ie1` for another Region."""

    def __init__(self, client: "SecretsManagerClient", secret: str) -> None:
        self.client = client
        self.secret = secret
        self.keys: dict[str, Any] = {}
        self.read_at = float("-inf")

    def of(self, account: str, region: str = HOME) -> tuple[str, str]:
        """Key SID and secret. Raises NoKey; ClientError and BotoCoreError where the secret cannot be read."""
        if time.monotonic() - self.read_at > KEPT:
            self.read()
        names = [account] if region == HOME else [f"{account}@{region}", account]
        found = next((self.keys[name] for name in names if isinstance(self.keys.get(name), dict)), None)
        if not found:
            raise NoKey(f'no API key for {account}: add "{names[0]}": {{"key": "SK...", "secret": "..."}} to the secret {self.secret}')
        return str(found.get("key")), str(found.get("secret"))

    def regions(self, account: str) -> list[str]:
        """The Regions in which an account has keys. Raises as `of` does."""
        self.of(account)
        return [HOME, *(name.partition("@")[2] for name in self.keys if name.startswith(f"{account}@"))]

    def read(self) -> None:
        """Ask Secrets Manager."""
        value = json.loads(self.client.get_secret_value(SecretId=self.secret)["SecretString"])
        self.keys, self.read_at = value if isinstance(value, dict) else {}, time.monotonic()


class TwilioApi:
    """What Twilio is asked, for any of our accounts."""

    def __init__(self, keys: Keys, pause: Pause = time.sleep) -> None:
        self.keys = keys
        self.pause = pause

    def client(self, account: str, deadline: Deadline, region: str = HOME) -> Client:
        """Twilio's client for an account, all its requests within the deadline. Raises NoKey."""
        key, secret = self.keys.of(account, region)
        return Client(key, secret, account, region=None if region == HOME else region, http_client=Transport(self, deadline))

    def download(self, account: str, url: str, deadline: Deadline, out: BufferedIOBase) -> Answer:
        """What is at an address of Twilio's, with the account's key; redirects followed. Raises NoKey, NotAllowed, Unreachable."""
        if not is_twilio(url):
            raise NotAllowed(f"{host_of(url)} is no host of Twilio's API")
        headers = {"Authorization": basic(*self.keys.of(account, region_of(host_of(url))))}
        return self.anywhere(url, deadline, lambda there, until: fetch(there, headers, until, out))

    def anywhere(self, url: str, deadline: Deadline, ask: Callable[[str, Deadline], Answer]) -> Answer:
        """The first answer below 500 of this host and its neighbours, else the last one. Raises Unreachable when none answered."""
        *others, last = hosts(host_of(url))
        for host in others:
            try:
                answer = self.patiently(at(host, url), deadline.half, ask)
            except Unreachable:
                continue
            if answer.status < 500:
                return answer
        return self.patiently(at(last, url), deadline, ask)

    def patiently(self, url: str, deadline: Deadline, ask: Callable[[str, Deadline], Answer]) -> Answer:
        """The answer of one host, asked again while it says that there are too many requests."""
        for seconds in PAUSES:
            answer = ask(url, deadline)
            if answer.status != TOO_MANY or deadline.left < seconds:
                return answer
            self.pause(seconds * random.uniform(1, 1.5))  # noqa: S311 - spreads requests, hides nothing
        return ask(url, deadline)


class Transport(HttpClient):  # type: ignore[misc] # Twilio's package has no types
    """Carries the requests of Twilio's client. What changes something is asked of one host only: it may have been done there."""

    def __init__(self, api: TwilioApi, deadline: Deadline) -> None:
        super().__init__(logging.getLogger("twilio"), False)
        self.api = api
        self.deadline = deadline

    def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the deadline holds
        allow_redirects: bool = False,  # noqa: ARG002, FBT001, FBT002, RUF100 - this API never redirects
    ) -> Response:
        """One request. Raises Unreachable."""
        body = urlencode(data or {}, doseq=True).encode()
        known = dict(headers or {}) | ({"Authorization": basic(*auth)} if auth else {})
        whole = f"{url}?{urlencode(params, doseq=True)}" if params else url
        out = io.BytesIO()

        def ask(there: str, until: Deadline) -> Answer:
            return request(method, there, known, until, out, body)

        anywhere = self.api.anywhere if method in ("GET", "DELETE") else self.api.patiently
        answer = anywhere(whole, self.deadline, ask)
        return Response(answer.status, out.getvalue().decode("utf-8", "replace"), answer.headers)


def aware(moment: datetime) -> datetime:
    """A moment as Twilio's package gives it: Twilio's times are UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def is_twilio(url: str) -> bool:
    """Whether an address is at Twilio's own API: our keys go nowhere else."""
    return bool(TWILIO_HOST.fullmatch(host_of(url)))


def host_of(url: str) -> str:
    """The host of an address; nothing where it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def region_of(host: str) -> str:
    """`us1` for api.twilio.com, `ie1` for api.ie1.twilio.com and api.dublin.ie1.twilio.com."""
    labels = host.removesuffix(".twilio.com").split(".")
    return labels[-1] if len(labels) > 1 else HOME


def hosts(host: str) -> list[str]:
    """The host, then the others of its Region."""
    if not TWILIO_HOST.fullmatch(host):
        return [host]
    product, region = host.partition(".")[0], region_of(host)
    others = [f"{product}.{edge}.{region}.twilio.com" for edge in EDGES.get(region, ())]
    return list(dict.fromkeys([host, *others]))


def at(host: str, url: str) -> str:
    """The same address at another host."""
    return urlsplit(url)._replace(netloc=host).geturl()


def basic(user: str, password: str) -> str:
    """The Authorization header of HTTP Basic authentication (RFC 7617)."""
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
