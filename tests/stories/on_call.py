"""An engineer at a terminal of their own, and what an outage leaves them with."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from local.emulator.controls import LONGEST
from local.twilio import Call, Caller
from local.twilio.messages import Text
from local.twilio.primary import Primary, refusing_url
from tests.stories.conftest import Deployed

ROOT = Path(__file__).parents[2]
CALLER, LINE = "+12025550123", "+12025550106"


def environ(deployed: Deployed, keys: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the engineer's shell has: the local cloud, and keys of their own if they are not its owner."""
    own = {"PYTHONPATH": str(ROOT), "FALLBACK_ENVIRONMENT": "local", "COLUMNS": "200", "PYTHONWARNINGS": "error"}
    return {**deployed.cloud.environ, **own, **(keys or {})}


def fallback(
    deployed: Deployed, *words: str, keys: Mapping[str, str] | None = None, typed: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command; `typed` is what it reads from its input."""
    command, shell = [sys.executable, "-m", "ops.cli", *words], environ(deployed, keys)
    return subprocess.run(command, env=shell, cwd=ROOT, input=typed, capture_output=True, text=True, timeout=LONGEST, check=False)


@dataclass
class Outage:
    """What happened while the primary was down, and how to bring it back at the same address."""

    address: str
    texts: list[Text]
    call: Call

    @property
    def port(self) -> str:
        """`:12345`, by which this outage's addresses are told from those of other stories."""
        return f":{urlsplit(self.address).port}"

    @contextmanager
    def over(self) -> Iterator[Primary]:
        """The primary is back where it was."""
        with Primary(port=urlsplit(self.address).port or 0) as primary:
            primary.answers("<Response><Message>Thank you</Message></Response>")
            yield primary


def outage(deployed: Deployed, *bodies: str, says: str = "Hello, please call me back about my order.") -> Outage:
    """The primary refuses connections; people write these texts, and one calls and leaves a message."""
    twilio = deployed.twilio()
    with refusing_url() as address:
        number = twilio.number(
            LINE,
            voice_url=f"{address}/calls",
            voice_fallback_url=deployed.outputs.voice_url,
            sms_url=f"{address}/texts",
            sms_fallback_url=deployed.outputs.sms_url,
        )
        texts = [number.text(f"+1202555{index:04}", body) for index, body in enumerate(bodies, 150)]
        call = number.call(CALLER, Caller(says=says, ends_recording_with="#"))
    for sid in (call.sid, *(text.sid for text in texts)):
        deployed.events(sid)
    deployed.until(lambda: stored(deployed, call), "the voicemail is stored")
    return Outage(address, texts, call)


def stored(deployed: Deployed, call: Call) -> bool:
    """Whether the call's voicemail can be heard."""
    return any(item.get("todo", {}).get("S") == "hear" for item in deployed.items(call.sid))
