"""The telephone of `make run`: calls and texts through the stand-in Twilio that is up, asked for over HTTP on 127.0.0.1.

It lives in the process that keeps the cloud up, so that what is recorded can be fetched from the same stand-in afterwards.
"""

import json
import secrets
import threading
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from config.mistakes import ConfigError, nearest
from config.settings import Settings
from local import narration
from local.cdk import CdkFailed
from local.cloud import LocalCloud
from local.outputs import Outputs
from local.primary_down import failing, primary_host, refusing
from local.twilio import Answers, Call, Caller, StandInTwilio, Text
from local.twilio.parameters import is_e164
from local.wish import CALLER, WHATSAPP, NotInService, Wish
from ops.period import NoPeriod, moment

LINE, TRUNK_LINE = "+12025550199", "+12025550188"  #: dialled where the settings name no numbers
WITHHELD = ("anonymous", "Anonymous", "Restricted")
DEAD_SERVER = "sip:127.0.0.1:9"

type Json = dict[str, Any]


class Phone:
    """Makes one call or sends one text at a time, to what the deployed settings serve while the primary is down."""

    def __init__(self, twilio: StandInTwilio, cloud: LocalCloud, outputs: Outputs) -> None:
        self._twilio = twilio
        self._cloud = cloud
        self._outputs = outputs
        self._one_at_a_time = threading.Lock()

    def use(self, wish: Wish) -> Json:
        """What happened, as an object for programs. Raises NotInService, ConfigError, CdkFailed."""
        with self._one_at_a_time, self._moment(wish.at) as at:
            match wish.kind:
                case "ready":
                    return {"environment": self._settings.environment}
                case "redeploy":
                    return self._redeploy()
                case "text":
                    return {"at": at} | narration.of_text(self._cloud, self._outputs, self._text(wish))
            return {"at": at} | narration.of_call(self._cloud, self._outputs, self._call(wish))

    @property
    def _settings(self) -> Settings:
        return self._cloud.settings

    def _redeploy(self) -> Json:
        began = monotonic()
        self._outputs = self._cloud.redeploy()
        return {"deployed": self._outputs.stack, "seconds": round(monotonic() - began, 1)}

    def _call(self, wish: Wish) -> Call:
        makers = {"voice": self._to_number, "trunk": self._to_trunk, "sip": self._from_desk, "app": self._from_app}
        return makers[wish.kind](wish)

    def _to_number(self, wish: Wish) -> Call:
        to, from_ = _number("--to", wish.to or own_number(self._settings)), _caller(wish.from_)
        with self._failing(wish, "/calls/incoming") as primary:
            number = self._twilio.number(to, voice_url=primary, voice_fallback_url=self._outputs.voice_url)
            return number.call(from_, _person(wish))

    def _to_trunk(self, wish: Wish) -> Call:
        name = _served("trunk", wish.name, self._settings.twilio.trunks)
        to, from_ = _number("--to", wish.to or own_number(self._settings, TRUNK_LINE)), _caller(wish.from_)
        url = self._outputs.entry(f"/trunk/{name}")
        trunk = self._twilio.trunk(name, origination=[DEAD_SERVER], disaster_recovery_url=url, numbers=[to])
        return trunk.call(to, from_, _person(wish))

    def _from_desk(self, wish: Wish) -> Call:
        name = _served("SIP domain", wish.name, self._settings.twilio.sip_domains)
        with self._failing(wish, "/calls/outgoing") as primary:
            domain = self._twilio.sip_domain(name, voice_url=primary, voice_fallback_url=self._outputs.entry(f"/sip/{name}"))
            return domain.call(wish.from_ or "100", wish.to or CALLER, _person(wish))

    def _from_app(self, wish: Wish) -> Call:
        name = _served("TwiML app", wish.name, self._settings.twilio.apps)
        with self._failing(wish, "/calls/outgoing") as primary:
            app = self._twilio.application(name, voice_url=primary, voice_fallback_url=self._outputs.entry(f"/app/{name}"))
            return app.call((wish.from_ or "softphone").removeprefix("client:"), wish.to or CALLER, _person(wish))

    def _text(self, wish: Wish) -> Text:
        from_, to = wish.from_ or CALLER, wish.to or own_number(self._settings)
        if from_.startswith(WHATSAPP) or to.startswith(WHATSAPP):
            from_, to = _on_whatsapp("--from", from_), _on_whatsapp("--to", to)
        elif not is_e164(to):
            _served("short code", to, self._settings.twilio.short_codes)
        files = [(b64decode(content), kind) for kind, content in wish.photos]
        with self._failing(wish, "/texts/incoming") as primary:
            short = to in self._settings.twilio.short_codes
            number = self._twilio.number(to, sms_url=primary, sms_fallback_url=self._outputs.sms_url, short_code=short)
            return number.text(from_, wish.body, files=files)

    @contextmanager
    def _failing(self, wish: Wish, path: str) -> Iterator[str]:
        """The address of a primary that is down, as the wish has it."""
        host = _host_of(wish.error_url) if wish.error_url else primary_host(self._settings)
        down = failing if wish.primary == "fails" and not wish.error_url else refusing
        with down(self._twilio, host) as root:
            yield wish.error_url or root + path

    @contextmanager
    def _moment(self, at: str) -> Iterator[str]:
        """The answer function's clock set to a moment meanwhile; what it is set to."""
        if not at:
            yield ""
            return
        when, function = _moment_in(at), self._outputs.answer_function
        self._cloud.controls.function_clock(function, (when - datetime.now(UTC)).total_seconds())
        try:
            yield when.isoformat(timespec="minutes")
        finally:
            self._cloud.controls.function_clock(function, 0)


def _person(wish: Wish) -> Caller:
    callees = {_callee(address): Answers(presses="1") for address in wish.picks_up}
    return Caller(wish.says, wish.digits, ends_recording_with="#", hangs_up_after=wish.hangs_up_after, callees=callees)


def _host_of(url: str) -> str:
    host = urlsplit(url).hostname
    if not host or not url.startswith(("https://", "http://")):
        raise NotInService(f"--error-url {url!r} is not a web address: write it whole, as in https://app.example.com/calls/incoming")
    return host


def own_number(settings: Settings, otherwise: str = LINE) -> str:
    """The first number of the settings."""
    return next(iter(settings.twilio.numbers), otherwise)


def _served(kind: str, name: str, names: Sequence[str]) -> str:
    """The one of this name; the only one where none is named. Raises NotInService."""
    if not names:
        raise NotInService(f"these settings have no {kind}: name it in [twilio] first, then `make redeploy`")
    if not name and len(names) == 1:
        return names[0]
    if name not in names:
        wanted = f"there is no {kind} {name!r}{nearest(name, names)}" if name else f"say which {kind}"
        raise NotInService(f"{wanted}; these settings have {', '.join(names)}")
    return name


def _number(option: str, number: str, otherwise: str = "") -> str:
    if not is_e164(number):
        raise NotInService(f"{option} {number!r} is not a phone number: write it in E.164, as in +12025550123 or +493023125001{otherwise}")
    return number


def _on_whatsapp(option: str, address: str) -> str:
    if not is_e164(number := address.removeprefix(WHATSAPP)):
        raise NotInService(f"{option} {address!r} is not a WhatsApp address: write it as in {WHATSAPP}+12025550123 or +12025550123")
    return WHATSAPP + number


def _caller(from_: str) -> str:
    return from_ if from_ in WITHHELD else _number("--from", from_ or CALLER, ", or anonymous for a caller who shows none")


def _callee(address: str) -> str:
    if not is_e164(address) and not address.startswith(("sip:", "client:")):
        raise NotInService(
            f"--picks-up {address!r} is not an address that can be dialled: write it as in +12025550171, sip:desk@example.com or client:ann"
        )
    return address


def _moment_in(at: str) -> datetime:
    try:
        return moment(at, datetime.now(UTC))
    except NoPeriod as error:
        raise NotInService(f"--at {error}") from None


@contextmanager
def ringing(phone: Phone) -> Iterator[str]:
    """The telephone's address while it is plugged in. It ends in a secret: pages in this machine's browser may post to any port of it."""
    path = f"/{secrets.token_urlsafe(32)}"

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if not secrets.compare_digest(self.path.encode(), path.encode()):
                self.send_error(403)
                return
            wish = Wish(**json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            try:
                status, said = 200, phone.use(wish)
            except (NotInService, ConfigError, CdkFailed, NotImplementedError) as error:
                status, said = 400, {"error": str(error)}
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Numbers belong into no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}{path}"
    finally:
        server.shutdown()
        server.server_close()
