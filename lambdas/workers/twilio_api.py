"""Twilio's REST API: API keys, a second attempt, patience with rate limits; Twilio's own client runs on top of it.

An API key survives the rotation of an Auth Token (https://www.twilio.com/docs/iam/api-keys), and opens one Region
(`lambdas.workers.twilio_regions`). A host that cannot be reached or answers 5xx is asked once more: a Region has one host, and no other
edge to go to. The limit is on requests at a time: error 20429 was not processed and is tried again after a pause.
"""

import io
import json
import logging
import random
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from io import BufferedIOBase
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from lambdas.workers.transport import Answer, Deadline, NotAllowed, Unreachable, fetch, request
from lambdas.workers.twilio_regions import CITIES, HOME, TWILIO_HOST, Home, living, region_of

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

KEPT = 300.0  #: seconds for which the keys are kept
TOO_MANY = 429
NOT_FOUND = 404
RESOURCES = {"CA": "calls", "SM": "messages", "MM": "messages", "RE": "recordings"}  #: of an account, by how their SIDs begin
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
        name, found = Home(account, region).name, self.current().get(Home(account, region).name)
        if not isinstance(found, dict):
            raise NoKey(f"no API key for {name}: `fallback key {name} SK...` adds it to the secret {self.secret}")
        return str(found.get("key")), str(found.get("secret"))

    def homes(self, account: str) -> list[Home]:
        """The account in each Region where it has a key; in US1 where it has none at all: whoever asks there is told so. Raises ClientError
        and BotoCoreError."""
        homes = [Home(account, region) for region in CITIES]
        return [home for home in homes if isinstance(self.current().get(home.name), dict)] or homes[:1]

    def current(self) -> dict[str, Any]:
        """The keys, read a few minutes ago at most. Raises ClientError, BotoCoreError."""
        if time.monotonic() - self.read_at > KEPT:
            self.read()
        return self.keys

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
        client = Client(key, secret, account, http_client=Transport(self, deadline))
        # Set afterwards: the package prefers TWILIO_REGION and TWILIO_EDGE of the environment to None.
        client.region, client.edge = (None, None) if region == HOME else (region, CITIES[region])
        return client

    def home_of(self, account: str, sid: str, deadline: Deadline) -> Home:
        """The Region that knows a call, text or recording; nobody is asked where there is only one.

        Raises as `client` does, Unreachable, and what Twilio's client raises.
        """
        *others, last = self.keys.homes(account)
        kind = RESOURCES.get(sid[:2])
        return next((home for home in others if kind and self.knows(home, kind, sid, deadline)), last)

    def knows(self, home: Home, kind: str, sid: str, deadline: Deadline) -> bool:
        """Whether a Region has this resource. Raises as `home_of` does."""
        resources = getattr(self.client(home.account, deadline, home.region), kind)
        return unless_gone(lambda: resources(sid).fetch()) is not None

    def download(self, account: str, url: str, deadline: Deadline, out: BufferedIOBase) -> Answer:
        """What is at an address of Twilio's, with the account's key; redirects followed. Raises NoKey, NotAllowed, Unreachable."""
        if not is_twilio(url):
            raise NotAllowed(f"{host_of(url)} is no host of Twilio's API")
        here = at(living(host_of(url)), url)
        headers = {"Authorization": basic(*self.keys.of(account, region_of(host_of(url))))}
        return self.twice(here, deadline, lambda there, until: fetch(there, headers, until, out))

    def twice(self, url: str, deadline: Deadline, ask: Callable[[str, Deadline], Answer]) -> Answer:
        """The first answer below 500 of two attempts, else the second one. Raises Unreachable where that got none."""
        try:
            answer = self.patiently(url, deadline.half, ask)
        except Unreachable:
            return self.patiently(url, deadline, ask)
        return answer if answer.status < 500 else self.patiently(url, deadline, ask)

    def patiently(self, url: str, deadline: Deadline, ask: Callable[[str, Deadline], Answer]) -> Answer:
        """The answer of one host, asked again while it says that there are too many requests."""
        for seconds in PAUSES:
            answer = ask(url, deadline)
            if answer.status != TOO_MANY or deadline.left < seconds:
                return answer
            self.pause(seconds * random.uniform(1, 1.5))  # noqa: S311 - spreads requests, hides nothing
        return ask(url, deadline)


class Transport(HttpClient):  # type: ignore[misc] # Twilio's package has no types
    """Carries the requests of Twilio's client. What changes something is asked once: it may have been done."""

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
        """One request. Raises Unreachable, also for a page that is no JSON with a status of success: a proxy's, or of a broken edge."""
        body = urlencode(data or {}, doseq=True).encode()
        known = dict(headers or {}) | ({"Authorization": basic(*auth)} if auth else {})
        whole = f"{url}?{urlencode(params, doseq=True)}" if params else url
        out = io.BytesIO()

        def ask(there: str, until: Deadline) -> Answer:
            return request(method, there, known, until, out, body)

        carry = self.api.twice if method in ("GET", "DELETE") else self.api.patiently
        answer = carry(whole, self.deadline, ask)
        text = out.getvalue().decode("utf-8", "replace")
        if answer.status < 300 and text and not is_json_object(text):
            raise Unreachable(f"{host_of(url)}: answered {answer.type or 'something without a content type'} instead of JSON")
        return Response(answer.status, text, answer.headers)


def is_json_object(text: str) -> bool:
    """Whether Twilio's client can read an answer: everything that this API answers is one object."""
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def unless_gone[T](ask: Callable[[], T]) -> T | None:
    """What Twilio says; None for what it does not have, or no longer. Raises what Twilio's client raises for anything else."""
    try:
        return ask()
    except TwilioException as error:
        if status_of(error) != NOT_FOUND:
            raise
        return None


def status_of(error: TwilioException) -> int:
    """Twilio's status in an error of its client, which raises one kind for a resource and another one for a list; 0 if there is none."""
    response = error.args[-1] if error.args else None
    return int(error.status if isinstance(error, TwilioRestException) else getattr(response, "status_code", 0))


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


def at(host: str, url: str) -> str:
    """The same address at another host."""
    return urlsplit(url)._replace(netloc=host).geturl()


def basic(user: str, password: str) -> str:
    """The Authorization header of HTTP Basic authentication (RFC 7617)."""
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
