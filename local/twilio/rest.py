"""Twilio's REST API for recordings, as far as collecting and deleting them needs it, well or badly behaved.

Source: https://www.twilio.com/docs/voice/api/recording and Twilio's OpenAPI document `twilio_api_v2010` (a test holds
the answers against it). Media: https://www.twilio.com/docs/voice/api/recording#fetch-a-recordings-media-file: WAV without
or with `.wav`, MP3 with `.mp3`; 404 as XML while they are not there yet.
"""

import json
from base64 import b64decode
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from re import fullmatch
from urllib.parse import parse_qsl, urlencode

from local.twilio import audio
from local.twilio.faults import Fault, NotYet, spoiled
from local.twilio.parameters import API_VERSION
from local.twilio.platform import Platform, Recording, rfc2822
from local.twilio.server import Behaviour, Received, Says, Server

_MOST_ON_A_PAGE = 1000


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
        self._passwords = {platform.account_sid: platform.webhooks.auth_token, **(keys or {})}
        self._media_needs_password = media_needs_password
        self._faults: dict[str, deque[Fault]] = {"media": deque(), "api": deque()}
        self.deleted: list[str] = []
        super().__init__(self._respond, certificate, key, port)

    def media_faults(self, *faults: Fault) -> None:
        """What happens to the next requests for media, one each."""
        self._faults["media"].extend(faults)

    def api_faults(self, *faults: Fault) -> None:
        """What happens to the next other requests, one each."""
        self._faults["api"].extend(faults)

    def _respond(self, received: Received) -> Behaviour:
        base = f"/{API_VERSION}/Accounts/{self._platform.account_sid}"
        if not received.path.startswith(base + "/"):
            return _problem(404, 20404, f"{received.path} was not found")
        path = received.path.removeprefix(base)
        media = fullmatch(r"/Recordings/(RE[0-9a-f]{32})(|\.wav|\.mp3)", path)
        allowed = self._knows(received) or bool(media and not self._media_needs_password)
        if not allowed:
            return _problem(401, 20003, "Authenticate")
        if media and received.method == "GET":
            return self._media(received, media[1], media[2])
        return self._planned("api") or self._resource(received, path)

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
        found = self._find(one[2]) if one else None
        if not found or found.sid in self.deleted:
            return _problem(404, 20404, f"The requested resource {received.path} was not found")
        if received.method == "DELETE":
            return self._delete(found)
        return _json(200, self._described(found))

    def _find(self, sid: str) -> Recording | None:
        return next((each for each in self._platform.recordings if each.sid == sid), None)

    def _delete(self, found: Recording) -> Behaviour:
        """Only what is completed can be deleted; the media is gone for good, the facts stay for 40 days."""
        if found.status != "completed":
            return _problem(409, 20409, "The recording is not completed")
        self.deleted.append(found.sid)
        found.audio = None
        return Says(b"", content_type="", status=204)

    def _media(self, received: Received, sid: str, suffix: str) -> Behaviour:
        fault = self._next("media")
        found = self._find(sid)
        if not found or found.audio is None or isinstance(fault, NotYet):
            return _missing(received.path)
        if received.form.get("RequestedChannels") == "2":
            return _problem(400, 16113, "A mono recording has no second channel")
        body = audio.mp3(found.audio) if suffix == ".mp3" else found.audio
        return spoiled(fault, Says(body, "audio/mpeg" if suffix == ".mp3" else "audio/x-wav"))

    def _planned(self, kind: str) -> Behaviour | None:
        fault = self._next(kind)
        return None if fault is None else spoiled(fault, Says(b""))

    def _next(self, kind: str) -> Fault:
        return self._faults[kind].popleft() if self._faults[kind] else None

    def _list(self, received: Received, call_sid: str) -> Behaviour:
        asked = dict(parse_qsl(received.query))
        size = int(asked.get("PageSize", "50"))
        if not 1 <= size <= _MOST_ON_A_PAGE:
            return _problem(400, 20007, "Page size must be between 1 and 1000")
        matching = self._matching(asked, call_sid or asked.get("CallSid", ""))
        page = int(asked.get("Page", "0"))
        shown = matching[page * size : (page + 1) * size]
        more = (page + 1) * size < len(matching)
        return _json(200, {"recordings": [self._described(each) for each in shown], **_paging(received, page, size, shown, more)})

    def _matching(self, asked: Mapping[str, str], call_sid: str) -> list[Recording]:
        """Newest first. The filters by date are inclusive at the day, as Twilio's are."""
        tests: list[Callable[[Recording], bool]] = [lambda each: each.sid not in self.deleted]
        if asked.get("IncludeSoftDeleted", "").lower() == "true":
            tests = []
        if call_sid:
            tests.append(lambda each: each.call_sid == call_sid)
        for name, fits in _DATES.items():
            if name in asked:
                tests.append(_dated(fits, _moment(asked[name])))
        found = [each for each in self._platform.recordings if all(test(each) for test in tests)]
        return sorted(found, key=lambda each: each.started, reverse=True)

    def _described(self, each: Recording) -> dict[str, object]:
        uri = f"/{API_VERSION}/Accounts/{self._platform.account_sid}/Recordings/{each.sid}"
        done = each.status == "completed"
        return {
            "account_sid": self._platform.account_sid,
            "api_version": API_VERSION,
            "call_sid": each.call_sid,
            "conference_sid": None,
            "channels": 1,
            "date_created": rfc2822(each.started),
            "date_updated": rfc2822(each.started + each.seconds),
            "start_time": rfc2822(each.started),
            "duration": str(each.seconds) if done else "-1",
            "sid": each.sid,
            "price": None,
            "price_unit": None,
            "status": "deleted" if each.sid in self.deleted else each.status,
            "source": each.source,
            "error_code": each.error_code or None,
            "uri": uri + ".json",
            "encryption_details": None,
            "subresource_uris": {"transcriptions": f"{uri}/Transcriptions.json"},
            "media_url": f"{self._platform.media_base}{uri}",
        }


_DATES: dict[str, Callable[[datetime, datetime], bool]] = {
    "DateCreated": lambda started, day: started.date() == day.date(),
    "DateCreated<": lambda started, day: started <= day,
    "DateCreated>": lambda started, day: started >= day,
}


def _moment(text: str) -> datetime:
    """A date or a time; without a zone it is GMT."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _dated(fits: Callable[[datetime, datetime], bool], day: datetime) -> Callable[[Recording], bool]:
    return lambda each: fits(datetime.fromtimestamp(each.started, UTC), day)


def _paging(received: Received, page: int, size: int, shown: Sequence[Recording], more: bool) -> dict[str, object]:
    """Addresses of pages are paths in this API."""
    kept = {key: value for key, value in parse_qsl(received.query) if key not in {"Page", "PageSize", "PageToken"}}

    def uri(number: int) -> str:
        return f"{received.path}?{urlencode({**kept, 'PageSize': size, 'Page': number})}"

    return {
        "page": page,
        "page_size": size,
        "start": page * size,
        "end": page * size + max(len(shown) - 1, 0),
        "uri": uri(page),
        "first_page_uri": uri(0),
        "next_page_uri": uri(page + 1) if more else None,
        "previous_page_uri": uri(page - 1) if page else None,
    }


def _json(status: int, body: Mapping[str, object]) -> Says:
    return Says(json.dumps(body).encode(), "application/json", status)


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
