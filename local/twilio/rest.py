"""Twilio's REST APIs, as far as collecting recordings and media of texts, reconciling and handing back need them, well or badly behaved.

Which host answers for which Region: `local.twilio.hosts`; what it says: `local.twilio.region`. A host that Twilio retired gives no answer.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from pathlib import Path

from local.twilio import hosts
from local.twilio.faults import Fault, spoiled
from local.twilio.platform import Platform
from local.twilio.region import MEDIA_HOST, Region, problem
from local.twilio.server import Behaviour, Closes, Received, Says, Server


class RestApi(Server):
    """The APIs of one account on a port of 127.0.0.1. `keys` are API keys and their secrets, of the platform's Region."""

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
        self._faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._regions = {
            name: Region(platform.account_sid, name, self._next, self._told, media_needs_password=media_needs_password)
            for name in hosts.REGIONS
        }
        self.serve(platform, keys)
        self.before_delete: Callable[[str], object] = str
        """Called with the SID of each recording before it is deleted."""
        self.hosts_down: set[str] = set()
        """Names by which this API answers 503."""
        super().__init__(self._respond, certificate, key, port)

    @property
    def deleted(self) -> list[str]:
        """The recordings that were deleted, in the Region of the first platform."""
        return self._regions[self._platform.region].deleted

    def media_faults(self, *faults: Fault) -> None:
        """What happens to the next requests for media, one each."""
        self._faults["media"].extend(faults)

    def api_faults(self, *faults: Fault) -> None:
        """What happens to the next other requests, one each."""
        self._faults["api"].extend(faults)

    def faults_of(self, sid: str, *faults: Fault) -> None:
        """What happens to the next requests for this alert, or for the media of this recording or text, one each."""
        self._faults[sid].extend(faults)

    def serve(self, platform: Platform, keys: Mapping[str, str] | None = None) -> None:
        """Serve what happens on another platform of the same account too, which may be in another Region, with API keys of its own."""
        region = self._regions[platform.region]
        region.platforms.append(platform)
        region.keys |= keys or {}

    def forget_the_past(self) -> None:
        """Tell no more of what happened on the platforms that were served until now."""
        for region in self._regions.values():
            region.platforms = [each for each in region.platforms if each is self._platform]

    def _respond(self, received: Received) -> Behaviour:
        host = received.headers.get("host", "")
        if host in self.hosts_down:
            return problem(503, 20503, f"{host} is down")
        if host == MEDIA_HOST:
            return self._content(received)
        answering = hosts.served(host)
        if answering is None:
            return Closes()
        product, region = answering
        return self._regions[region].respond(product, received)

    def _content(self, received: Received) -> Behaviour:
        """The content of a medium. An address that is signed takes no other credentials."""
        sid = received.path.rpartition("/")[2]
        platforms = (platform for region in self._regions.values() for platform in region.platforms)
        found = next((each for platform in platforms for each in platform.media if each.sid == sid), None)
        if not found or "authorization" in received.headers:
            return Says(b"<Error><Code>InvalidArgument</Code></Error>", "application/xml", 400)
        return spoiled(self._next(f"content {sid}"), Says(found.content, found.type))

    def _told(self, sid: str) -> None:
        self.before_delete(sid)

    def _next(self, kind: str) -> Fault:
        return self._faults[kind].popleft() if self._faults[kind] else None


def throttled() -> Says:
    """Too many requests at once (20429): not processed, safe to repeat."""
    return problem(429, 20429, "Too many concurrent requests")
