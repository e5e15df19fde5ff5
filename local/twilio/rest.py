"""Twilio's REST API, as far as collecting recordings and media of texts, and reconciling, need it, well or badly behaved.

Source: https://www.twilio.com/docs/voice/api/recording and Twilio's OpenAPI document `twilio_api_v2010` (a test holds
the answers against it). Media: https://www.twilio.com/docs/voice/api/recording#fetch-a-recordings-media-file: WAV without
or with `.wav`, MP3 with `.mp3`; 404 as XML while they are not there yet. Media of texts are a redirect to another host,
https://www.twilio.com/docs/messaging/api/media-resource, which refuses credentials as S3 does with a signed address.
"""

import json
from base64 import b64decode
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from pathlib import Path
from re import fullmatch
from urllib.parse import parse_qsl

from local.twilio import audio, described, monitor, texting
from local.twilio.faults import Fault, NotYet, spoiled
from local.twilio.lists import MOST_ON_A_PAGE, dated, page
from local.twilio.parameters import API_VERSION
from local.twilio.platform import Platform, Recording
from local.twilio.server import Behaviour, Received, Says, Server

MEDIA_HOST = "media.twiliocdn.com"


class RestApi(Server):
    """The API of one account on a port of 127.0.0.1. `keys` are API keys and their secrets."""

    def __init__(
        self,
        platform: Platform,
        certificate: Path | None = None,
        key: Path | None = None,
        *,
        keys: Mapping[str, str] | None = None,
        media_needs_password: bool = False,
        port: int = 0,
    ) -> None:
        self._platform = platform
        self._platforms = [platform]
        self._passwords = {platform.account_sid: platform.webhooks.auth_token, **(keys or {})}
        self._media_needs_password = media_needs_password
        self._faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self.hosts_down: set[str] = set()
        """Names by which this API answers 503, as when an edge is down."""
        self.deleted: list[str] = []
        self.before_delete: Callable[[str], object] = str
        """Called with the SID of each recording before it is deleted."""
        super().__init__(self._respond, certificate, key, port)

    def media_faults(self, *faults: Fault) -> None:
        """What happens to the next requests for media, one each."""
        self._faults["media"].extend(faults)

    def api_faults(self, *faults: Fault) -> None:
        """What happens to the next other requests, one each."""
        self._faults["api"].extend(faults)

    def faults_of(self, sid: str, *faults: Fault) -> None:
        """What happens to the next requests for the media of this recording or text, one each."""
        self._faults[sid].extend(faults)

    def serve(self, platform: Platform) -> None:
        """Serve what happens on another platform of the same account too."""
        self._platforms.append(platform)

    def forget_the_past(self) -> None:
        """Tell no more of what happened on the platforms that were served until now."""
        del self._platforms[1:]

    def _respond(self, received: Received) -> Behaviour:
        host = received.headers.get("host", "")
        if host in self.hosts_down:
            return _problem(503, 20503, f"{host} is down")
        return self._content(received) if host == MEDIA_HOST else self._api(received)

    def _api(self, received: Received) -> Behaviour:
        base = f"/{API_VERSION}/Accounts/{self._platform.account_sid}"
        if received.path == f"{base}.json" or received.path.startswith((monitor.PATH, texting.SERVICES)):
            return self._about(received) if self._knows(received) else _problem(401, 20003, "Authenticate")
        if not received.path.startswith(base + "/"):
            return _problem(404, 20404, f"{received.path} was not found")
        path = received.path.removeprefix(base)
        media = fullmatch(r"/Recordings/(RE[0-9a-f]{32})(|\.wav|\.mp3)", path)
        allowed = self._knows(received) or bool(media and not self._media_needs_password)
        if not allowed:
            return _problem(401, 20003, "Authenticate")
        if media and received.method == "GET":
            return self._media(received, media[1], media[2])
        if medium := fullmatch(r"/Messages/M[0-9A-Za-z]{33}/Media/(ME[0-9a-f]{32})", path):
            return self._medium(received, medium[1])
        return self._planned("api") or self._texts(received, path) or self._resource(received, path)

    def _about(self, received: Received) -> Behaviour:
        """The account itself, its alerts, its messaging services."""
        if fault := self._planned("api"):
            return fault
        sid = self._platform.account_sid
        if received.path.endswith(".json"):
            return _json(200, {"sid": sid, "status": "active", "type": "Full", "friendly_name": "stand-in"})
        alerts = [alert for platform in self._platforms for alert in platform.alerts]
        found = monitor.answer(alerts, sid, received.path, received.query) or texting.answer(self._platforms, received, received.path)
        return _json(200, found) if found else _problem(404, 20404, f"{received.path} was not found")

    def _knows(self, received: Received) -> bool:
        scheme, _, encoded = received.headers.get("authorization", "").partition(" ")
        try:
            user, _, password = b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            return False
        return scheme.lower() == "basic" and self._passwords.get(user) == password

    def _resource(self, received: Received, path: str) -> Behaviour:
        one = fullmatch(r"(?:/Calls/(CA[0-9a-f]{32}))?/Recordings/(RE[0-9a-f]{32})\.json", path)
        several = fullmatch(r"(?:/Calls/(CA[0-9a-f]{32}))?/Recordings\.json", path)
        if several and received.method == "GET":
            return self._list(received, several[1] or "")
        if path == "/Calls.json":
            return self._calls(received)
        if known := fullmatch(r"/Calls/(CA[0-9a-f]{32})(/Events)?\.json", path):
            return self._call(received, known[1], requests=bool(known[2]))
        found = self._find(one[2]) if one else None
        if not found or found.sid in self.deleted:
            return _problem(404, 20404, f"The requested resource {received.path} was not found")
        if received.method == "DELETE":
            return self._delete(found)
        return _json(200, self._described(found))

    def _texts(self, received: Received, path: str) -> Behaviour | None:
        """What is known of texts and numbers."""
        told = texting.answer(self._platforms, received, path)
        return None if told is None else _json(200, told)

    def _described(self, each: Recording) -> dict[str, object]:
        return described.recording(self._platform, each, each.sid in self.deleted)

    @property
    def _recordings(self) -> list[Recording]:
        return [each for platform in self._platforms for each in platform.recordings]

    def _find(self, sid: str) -> Recording | None:
        return next((each for each in self._recordings if each.sid == sid), None)

    def _call(self, received: Received, sid: str, *, requests: bool) -> Behaviour:
        found = next(((platform, each) for platform in self._platforms for each in platform.calls if each.sid == sid), None)
        if not found:
            return _problem(404, 20404, f"The requested resource {received.path} was not found")
        return _json(200, page(received, "events", described.events(*found)) if requests else described.call(*found))

    def _calls(self, received: Received) -> Behaviour:
        """The calls that began in a window, newest first."""
        asked = dict(parse_qsl(received.query))
        made = [(platform, each) for platform in self._platforms for each in platform.calls if dated(asked, "StartTime", each.began)]
        made.sort(key=lambda pair: pair[1].began, reverse=True)
        return _json(200, page(received, "calls", [described.call(*pair) for pair in made]))

    def _medium(self, received: Received, sid: str) -> Behaviour:
        """Where the content is, with an address that needs no password."""
        fault = self._next(sid) or self._next("media")
        if isinstance(fault, NotYet) or not any(each.sid == sid for platform in self._platforms for each in platform.media):
            return _missing(received.path)
        address = f"https://{MEDIA_HOST}/{self._platform.account_sid}/{sid}"
        return spoiled(fault, Says(b"", status=307, headers=(("Location", address),)))

    def _content(self, received: Received) -> Behaviour:
        """The content of a medium. An address that is signed takes no other credentials."""
        sid = received.path.rpartition("/")[2]
        found = next((each for platform in self._platforms for each in platform.media if each.sid == sid), None)
        if not found or "authorization" in received.headers:
            return Says(b"<Error><Code>InvalidArgument</Code></Error>", "application/xml", 400)
        return spoiled(self._next(f"content {sid}"), Says(found.content, found.type))

    def _delete(self, found: Recording) -> Behaviour:
        """Only what is completed can be deleted; the media is gone for good, the facts stay for 40 days."""
        if found.status != "completed":
            return _problem(409, 20409, "The recording is not completed")
        self.before_delete(found.sid)
        self.deleted.append(found.sid)
        found.audio = None
        return Says(b"", content_type="", status=204)

    def _media(self, received: Received, sid: str, suffix: str) -> Behaviour:
        fault = self._next(sid) or self._next("media")
        found = self._find(sid)
        if not found or found.audio is None or isinstance(fault, NotYet):
            return _missing(received.path)
        if received.form.get("RequestedChannels") == "2":
            return _problem(400, 16113, "A mono recording has no second channel")
        return spoiled(fault, _as_mp3(found, found.audio) if suffix == ".mp3" else Says(found.audio, "audio/x-wav"))

    def _planned(self, kind: str) -> Behaviour | None:
        fault = self._next(kind)
        return None if fault is None else spoiled(fault, Says(b""))

    def _next(self, kind: str) -> Fault:
        return self._faults[kind].popleft() if self._faults[kind] else None

    def _list(self, received: Received, call_sid: str) -> Behaviour:
        asked = dict(parse_qsl(received.query))
        if not 1 <= int(asked.get("PageSize", "50")) <= MOST_ON_A_PAGE:
            return _problem(400, 20007, "Page size must be between 1 and 1000")
        matching = self._matching(asked, call_sid or asked.get("CallSid", ""))
        return _json(200, page(received, "recordings", [self._described(each) for each in matching]))

    def _matching(self, asked: Mapping[str, str], call_sid: str) -> list[Recording]:
        """Newest first. The filters by date are inclusive at the day, as Twilio's are."""
        with_deleted = asked.get("IncludeSoftDeleted", "").lower() == "true"
        found = [each for each in self._recordings if call_sid in ("", each.call_sid) and dated(asked, "DateCreated", each.started)]
        return sorted((each for each in found if with_deleted or each.sid not in self.deleted), key=lambda each: each.started, reverse=True)


def _json(status: int, body: Mapping[str, object]) -> Says:
    return Says(json.dumps(body).encode(), "application/json", status)


def _as_mp3(found: Recording, content: bytes) -> Says:
    """The MP3 of a recording; what Twilio encrypts there is as WAV alone. https://www.twilio.com/docs/api/errors/16109"""
    if found.encryption:
        return _problem(400, 16109, "The encrypted recording is not available as mp3")
    return Says(audio.mp3(content), "audio/mpeg")


def _problem(status: int, code: int, message: str) -> Says:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return _json(status, {"code": code, "message": message, "more_info": more, "status": status})


def _missing(path: str) -> Says:
    """The XML that must never be stored as a voice message."""
    text = f"The requested resource {path} was not found"
    inner = f"<Code>20404</Code><Message>{text}</Message><MoreInfo>https://www.twilio.com/docs/errors/20404</MoreInfo>"
    body = f'<?xml version="1.0"?><TwilioResponse><RestException>{inner}<Status>404</Status></RestException></TwilioResponse>'
    return Says(body.encode(), "application/xml", 404)


def throttled() -> Says:
    """Too many requests at once (20429): not processed, safe to repeat."""
    return _problem(429, 20429, "Too many concurrent requests")
