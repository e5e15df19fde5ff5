"""An account in one Region, as Twilio's APIs tell of it: what is there, and nothing of what is in another.

Sources: https://www.twilio.com/docs/voice/api/recording and the OpenAPI documents `twilio_api_v2010`, `twilio_monitor_v1` and
`twilio_messaging_v1` (a test holds the answers against them). Media:
https://www.twilio.com/docs/voice/api/recording#fetch-a-recordings-media-file: WAV without or with `.wav`, MP3 with `.mp3`; 404 as XML while
they are not there yet. Media of texts are a redirect to another host, https://www.twilio.com/docs/messaging/api/media-resource. What is
asked by a method that a resource does not have is refused (error 20004).
"""

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from re import Match, fullmatch

from local.twilio import audio, described, hosts, monitor, texting
from local.twilio.faults import Fault, NotYet, spoiled
from local.twilio.lists import Described, Refused, dated, filters, matching, page
from local.twilio.parameters import API_VERSION
from local.twilio.platform import Alert, Platform, Recording
from local.twilio.server import Behaviour, Received, Says

MEDIA_HOST = "media.twiliocdn.com"


class Region:
    """All that happens on the platforms of one account in a Region. `fault` says what is to go wrong next with media, a SID, or the rest;
    `deleting` hears of each recording that is about to go."""

    def __init__(
        self, account_sid: str, name: str, fault: Callable[[str], Fault], deleting: Callable[[str], None], *, media_needs_password: bool
    ) -> None:
        self.account_sid, self.name, self.fault, self.deleting = account_sid, name, fault, deleting
        self.media_needs_password = media_needs_password
        self.platforms: list[Platform] = []
        self.keys: dict[str, str] = {}
        """API keys and their secrets: a Region has its own."""
        self.deleted: list[str] = []

    def respond(self, product: str, received: Received) -> Behaviour:
        """The answer to a request that came to a host of this product in this Region."""
        base = f"/{API_VERSION}/Accounts/{self.account_sid}"
        path = f"~{received.path.removeprefix(base)}" if received.path.startswith(base) else received.path
        routes = [(route, found) for route in _ROUTES if product in (hosts.ANY, route[0]) and (found := fullmatch(route[2], path))]
        if not routes:
            return problem(404, 20404, f"The requested resource {received.path} was not found")
        if not self.knows(received) and not (path.startswith("~/Recordings/") and self._is_public(path)):
            return problem(401, 20003, "Authenticate")
        for (_, method, _, answer), found in routes:
            if method == received.method:
                return self._answer(answer, received, found)
        return problem(405, 20004, f"Method {received.method} is not allowed for {received.path}")

    def knows(self, received: Received) -> bool:
        """Whether a request bears an Auth Token or an API key of this Region."""
        scheme, _, encoded = received.headers.get("authorization", "").partition(" ")
        try:
            user, _, password = b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            return False
        tokens = [token for platform in self.platforms for token in platform.webhooks.tokens.accepted]
        known = tokens if user == self.account_sid else [self.keys[user]] if user in self.keys else []
        return scheme.lower() == "basic" and password in known

    def _answer(self, answer: "_Answer", received: Received, found: Match[str]) -> Behaviour:
        try:
            told = answer(self, received, *found.groups(""))
        except Refused as refusal:
            return problem(refusal.status, refusal.code, refusal.message)
        if told is None:
            return problem(404, 20404, f"The requested resource {received.path} was not found")
        return told if not isinstance(told, Mapping) else json_of(200, told)

    def _is_public(self, path: str) -> bool:
        return not self.media_needs_password and not path.endswith(".json")

    @property
    def recordings(self) -> list[Recording]:
        """All that there are."""
        return [each for platform in self.platforms for each in platform.recordings]

    def _find(self, sid: str) -> Recording | None:
        return next((each for each in self.recordings if each.sid == sid), None)

    def _described(self, each: Recording) -> Described:
        return described.recording(self.platforms[0], each, each.sid in self.deleted)

    def account(self, _received: Received) -> Described:
        """The account itself."""
        return {"sid": self.account_sid, "status": "active", "type": "Full", "friendly_name": "stand-in"}

    def list_recordings(self, received: Received, call_sid: str = "") -> Described:
        """Newest first. The filters by date are inclusive at the day, as Twilio's are."""
        asked = filters(received.query, ("CallSid", "ConferenceSid", "IncludeSoftDeleted"), ("DateCreated",))
        if (with_deleted := asked.get("IncludeSoftDeleted", "false").lower()) not in ("true", "false"):
            raise Refused(400, 20001, f"IncludeSoftDeleted cannot be {with_deleted!r}")
        made = [each for each in self.recordings if call_sid in ("", each.call_sid) and dated(asked, "DateCreated", each.started)]
        made = [each for each in made if with_deleted == "true" or each.sid not in self.deleted]
        told = [self._described(each) for each in sorted(made, key=lambda each: each.started, reverse=True)]
        return page(received.path, asked, "recordings", matching(told, asked, CallSid="call_sid", ConferenceSid="conference_sid"))

    def recording(self, _received: Received, _call: str, sid: str) -> Described | None:
        """The facts of a recording."""
        found = self._find(sid)
        return None if not found or sid in self.deleted else self._described(found)

    def delete_recording(self, _received: Received, _call: str, sid: str) -> Says | None:
        """Only what is completed can be deleted; the media is gone for good, the facts stay for 40 days."""
        found = self._find(sid)
        if not found or sid in self.deleted:
            return None
        if found.status != "completed":
            return problem(409, 20409, "The recording is not completed")
        self.deleting(sid)
        self.deleted.append(sid)
        found.audio = None
        return Says(b"", content_type="", status=204)

    def media(self, received: Received, sid: str, suffix: str) -> Behaviour:
        """The sound itself."""
        fault = self.fault(sid) or self.fault("media")
        found = self._find(sid)
        if not found or found.audio is None or isinstance(fault, NotYet):
            return _missing(received.path)
        if received.form.get("RequestedChannels") == "2":
            return problem(400, 16113, "A mono recording has no second channel")
        return spoiled(fault, _as_mp3(found, found.audio) if suffix == ".mp3" else Says(found.audio, "audio/x-wav"))

    def list_calls(self, received: Received) -> Described:
        """The calls of a window, newest first."""
        asked = filters(received.query, ("To", "From", "Status", "ParentCallSid"), ("StartTime", "EndTime"))
        made = [(platform, each) for platform in self.platforms for each in platform.calls]
        made = [pair for pair in made if dated(asked, "StartTime", pair[1].began) and dated(asked, "EndTime", described.end(pair[1]))]
        made.sort(key=lambda pair: pair[1].began, reverse=True)
        told = matching(
            [described.call(*pair) for pair in made], asked, To="to", From="from", Status="status", ParentCallSid="parent_call_sid"
        )
        return page(received.path, asked, "calls", told)

    def place_call(self, _received: Received) -> Says:
        """Nobody here picks up: a test places calls with `StandInTwilio.call`, and says who does."""
        return problem(501, 20501, "this stand-in for Twilio places no calls for its API")

    def call(self, _received: Received, sid: str) -> Described | None:
        """One call."""
        return next((described.call(platform, each) for platform in self.platforms for each in platform.calls if each.sid == sid), None)

    def call_events(self, received: Received, sid: str) -> Described | None:
        """The requests of one call."""
        asked = filters(received.query, ())
        found = next((described.events(platform, each) for platform in self.platforms for each in platform.calls if each.sid == sid), None)
        return None if found is None else page(received.path, asked, "events", found)

    def list_alerts(self, received: Received) -> Described:
        """The alerts of a window."""
        return monitor.alerts(self._alerts(), self.account_sid, hosts.address("monitor", self.name), received.query)

    def alert(self, _received: Received, sid: str) -> Behaviour | Described | None:
        """One alert, with what was sent."""
        fault = self.fault(sid)
        told = monitor.alert(self._alerts(), self.account_sid, hosts.address("monitor", self.name), sid)
        return told if fault is None else spoiled(fault, Says(b""))

    def _alerts(self) -> list[Alert]:
        return [alert for platform in self.platforms for alert in platform.alerts]

    def medium(self, received: Received, sid: str) -> Behaviour:
        """Where the content of a text's medium is, with an address that needs no password."""
        fault = self.fault(sid) or self.fault("media")
        if isinstance(fault, NotYet) or not any(each.sid == sid for platform in self.platforms for each in platform.media):
            return _missing(received.path)
        return spoiled(fault, Says(b"", status=307, headers=(("Location", f"https://{MEDIA_HOST}/{self.account_sid}/{sid}"),)))

    def list_messages(self, received: Received) -> Described:
        """Texts of both directions."""
        return texting.messages(self.platforms, received)

    def send_message(self, received: Received) -> Says:
        """A text that goes out."""
        return json_of(201, texting.send(self.platforms, received.form))

    def message(self, _received: Received, sid: str) -> Described | None:
        """One text."""
        return texting.message(self.platforms, sid)

    def list_media(self, received: Received, sid: str) -> Described:
        """What came with a text."""
        return texting.media(self.platforms, received, sid)

    def list_numbers(self, received: Received) -> Described:
        """The numbers of this Region."""
        return texting.numbers(self.platforms, received)

    def application(self, _received: Received, sid: str) -> Described | None:
        """A TwiML application, as far as its texts go."""
        return texting.application(self.platforms, sid)

    def service(self, _received: Received, sid: str) -> Described | None:
        """A messaging service."""
        return texting.service(self.platforms, sid)


type _Answer = Callable[..., Behaviour | Described | None]


def _planned(answer: _Answer) -> _Answer:
    """The same, unless something is to go wrong with the next request for anything but media."""

    def answered(region: Region, received: Received, *found: str) -> Behaviour | Described | None:
        fault = region.fault("api")
        return answer(region, received, *found) if fault is None else spoiled(fault, Says(b""))

    return answered


_HEX = "[0-9a-f]{32}"
_ROUTES: list[tuple[str, str, str, _Answer]] = [
    *(
        (product, method, pattern, _planned(answer))
        for product, method, pattern, answer in (
            ("api", "GET", r"~\.json", Region.account),
            ("api", "GET", r"~/Recordings\.json", Region.list_recordings),
            ("api", "GET", rf"~/Calls/(CA{_HEX})/Recordings\.json", Region.list_recordings),
            ("api", "GET", rf"~(?:/Calls/(CA{_HEX}))?/Recordings/(RE{_HEX})\.json", Region.recording),
            ("api", "DELETE", rf"~(?:/Calls/(CA{_HEX}))?/Recordings/(RE{_HEX})\.json", Region.delete_recording),
            ("api", "GET", r"~/Calls\.json", Region.list_calls),
            ("api", "POST", r"~/Calls\.json", Region.place_call),
            ("api", "GET", rf"~/Calls/(CA{_HEX})\.json", Region.call),
            ("api", "GET", rf"~/Calls/(CA{_HEX})/Events\.json", Region.call_events),
            ("api", "GET", r"~/Messages\.json", Region.list_messages),
            ("api", "POST", r"~/Messages\.json", Region.send_message),
            ("api", "GET", rf"~/Messages/([SM]M{_HEX})\.json", Region.message),
            ("api", "GET", rf"~/Messages/([SM]M{_HEX})/Media\.json", Region.list_media),
            ("api", "GET", r"~/IncomingPhoneNumbers\.json", Region.list_numbers),
            ("api", "GET", rf"~/Applications/(AP{_HEX})\.json", Region.application),
            ("monitor", "GET", r"/v1/Alerts", Region.list_alerts),
            ("monitor", "GET", rf"/v1/Alerts/(NO{_HEX})", Region.alert),
            ("messaging", "GET", rf"/v1/Services/(MG{_HEX})", Region.service),
        )
    ),
    ("api", "GET", rf"~/Recordings/(RE{_HEX})(|\.wav|\.mp3)", Region.media),
    ("api", "GET", rf"~/Messages/M[0-9A-Za-z]{{33}}/Media/(ME{_HEX})", Region.medium),
]
"""Product, method, path (`~` is the account), and what answers."""


def json_of(status: int, body: Described) -> Says:
    """An answer in JSON."""
    return Says(json.dumps(body).encode(), "application/json", status)


def problem(status: int, code: int, message: str) -> Says:
    """An error as the APIs tell it."""
    more = f"https://www.twilio.com/docs/errors/{code}"
    return json_of(status, {"code": code, "message": message, "more_info": more, "status": status})


def _as_mp3(found: Recording, content: bytes) -> Says:
    """The MP3 of a recording; what Twilio encrypts there is as WAV alone. https://www.twilio.com/docs/api/errors/16109"""
    if found.encryption:
        return problem(400, 16109, "The encrypted recording is not available as mp3")
    return Says(audio.mp3(content), "audio/mpeg")


def _missing(path: str) -> Says:
    """The XML that must never be stored as a voice message."""
    text = f"The requested resource {path} was not found"
    inner = f"<Code>20404</Code><Message>{text}</Message><MoreInfo>https://www.twilio.com/docs/errors/20404</MoreInfo>"
    body = f'<?xml version="1.0"?><TwilioResponse><RestException>{inner}<Status>404</Status></RestException></TwilioResponse>'
    return Says(body.encode(), "application/xml", 404)
