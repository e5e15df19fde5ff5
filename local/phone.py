"""The telephone of `make run`: calls and texts through the stand-in Twilio that is up, asked for over HTTP on 127.0.0.1.

It lives in the process that keeps the cloud up, so that what is recorded can be fetched from the same stand-in afterwards.
"""

import json
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.outputs import Outputs
from local.twilio import Call, Caller, StandInTwilio
from local.twilio.exchange import Exchange
from local.twilio.primary import refusing_url

LINE, TRUNK_LINE = "+15550100199", "+15550100188"

Wish = dict[str, Any]


class Phone:
    """Makes one call or sends one text to a number whose primary is down, and tells what happened line by line."""

    def __init__(self, twilio: StandInTwilio, outputs: Outputs) -> None:
        self.twilio = twilio
        self.outputs = outputs

    def use(self, wish: Wish) -> list[str]:
        """`{"kind": "voice" | "trunk" | "text", "from": ..., "says": ..., "hangs_up_after": ..., "body": ...}`."""
        if wish["kind"] == "text":
            return self.text(wish)
        caller = Caller(says=wish.get("says") or "", hangs_up_after=wish.get("hangs_up_after"), ends_recording_with="#")
        return told(self.trunk(wish["from"], caller) if wish["kind"] == "trunk" else self.voice(wish["from"], caller))

    def voice(self, from_: str, caller: Caller) -> Call:
        """A call to a number whose primary refuses connections."""
        with refusing_url() as primary:
            number = self.twilio.number(LINE, voice_url=f"{primary}/calls/incoming", voice_fallback_url=self.outputs.voice_url)
            return number.call(from_, caller)

    def trunk(self, from_: str, caller: Caller) -> Call:
        """A call to a trunk whose SIP servers are dead."""
        url = self.outputs.trunk_url
        trunk = self.twilio.trunk("main", origination=["sip:127.0.0.1:9"], disaster_recovery_url=url, numbers=[TRUNK_LINE])
        return trunk.call(TRUNK_LINE, from_, caller)

    def text(self, wish: Wish) -> list[str]:
        """A text to a number whose primary refuses connections."""
        with refusing_url() as primary:
            number = self.twilio.number(LINE, sms_url=f"{primary}/texts", sms_fallback_url=self.outputs.sms_url)
            sent = number.text(wish["from"], wish["body"])
        silent = "none: a sender is answered once in a quiet period, opt-out words never"
        return [*asked_of(sent.exchanges), sent.sid, *(f"reply: {body}" for body in sent.bodies or [silent])]


def told(call: Call) -> list[str]:
    """What happened on a call, in order."""
    heard = [f"{heard.at:6.1f} s  {heard.kind}: {heard.what}" for heard in call.heard]
    return [*asked_of(call.exchanges), *heard, f"{call.sid} {call.status} after {call.seconds:.1f} s"]


def asked_of(exchanges: Sequence[Exchange]) -> list[str]:
    """What Twilio asked of whom, and what came."""
    return [f"{exchange.ask.purpose:10} {exchange.error or exchange.status}  {exchange.ask.url}" for exchange in exchanges]


@contextmanager
def ringing(phone: Phone) -> Iterator[str]:
    """The telephone's address while it is plugged in."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            wish = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(phone.use(wish)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Numbers belong into no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def asked(url: str, wish: Wish) -> list[str]:
    """Use the telephone at an address. Raises OSError where none is plugged in."""
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(wish).encode()), timeout=120) as answer:
        return [str(line) for line in json.load(answer)]
