"""What somebody wants of the telephone of `make run`, and how it is asked for."""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

CALLER = "+12025550177"
WHATSAPP = "whatsapp:"
LONGEST = 300.0  #: seconds for a deployment, which takes longest


class NotInService(Exception):
    """This call or text cannot be made; the text says why and what can."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants of the telephone. It travels as JSON."""

    kind: str
    """voice, trunk, sip, app, text, redeploy, or ready, which does nothing."""
    name: str = ""
    """The trunk, SIP domain or app; "" is the only one."""
    to: str = ""
    from_: str = ""
    digits: Sequence[str] = ()
    """What is pressed at each question in turn."""
    says: str = ""
    hangs_up_after: float | None = None
    picks_up: Sequence[str] = ()
    """Who picks up when they are dialled, and presses 1; all others let it ring."""
    body: str = ""
    photos: Sequence[tuple[str, str]] = ()
    """Content type and base64 of each."""
    primary: str = "refuses"
    """`refuses` connections, or `fails` with HTTP 500."""
    error_url: str = ""
    """The primary's address that is down; Twilio says it as ErrorUrl."""
    at: str = ""
    """The moment at which the answer function believes to be."""


def asked(url: str, wish: Wish) -> dict[str, Any]:
    """Use the telephone at an address. Raises NotInService, and OSError where none is plugged in."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(urllib.request.Request(url, json.dumps(asdict(wish)).encode()), timeout=LONGEST) as answer:
            said: dict[str, Any] = json.load(answer)
            return said
    except urllib.error.HTTPError as refused:
        raise NotInService(json.load(refused)["error"]) from None
