"""Emergency calls of the company's own phones that come in at `/voice`: a SIP domain or TwiML app may be pointed there by mistake, and a
mailbox must not be what answers 911.

They go to the answer by which [[sip]] and [[app]] dial them (`proofs.rescued` has proved that there is one); where the settings know
no such phones, to a document of our own. https://www.twilio.com/docs/voice/sip/emergency-calling
"""

from collections.abc import Mapping
from typing import Any

from answerbook.dialling import emergency_numbers
from answerbook.documents import OVERRIDES, address, parts
from answerbook.reach import Rule
from answerbook.voices import PLAINEST
from answerbook.words import CLOSE, OPEN
from config.settings import Settings

AT = "emergency calls"
DIALLED = f"{AT.replace(' ', '_')}/dialled/1"
CALL, OVER, FAILED = (f"{AT}/{name}" for name in ("call", "over", "failed"))
NOT_REACHED = "The emergency number could not be reached from here. Hang up and dial it on a mobile phone."


def rules(settings: Settings, target: Mapping[str, str] | None) -> list[Rule]:
    """The rule that stands before those of `voice`; `target` is where [[sip]] or [[app]] dial emergency numbers, if anywhere."""
    return [{"if": [["To", "is", emergency_numbers(settings)]], **(target or {"document": CALL}), "at": AT}]


def documents(settings: Settings) -> dict[str, dict[str, Any]]:
    """The call itself, and what follows if it was connected or not."""
    caller_id = next((f' callerId="{number}"' for number in settings.twilio.numbers), "")
    action = address(":base", f"/{DIALLED}", OVERRIDES["voice"])
    dial = f'<Dial action="{action}"{caller_id} answerOnBridge="true" timeout="120" timeLimit="14400">'
    call = f"<Response>{dial}<Number>{OPEN}To{CLOSE}</Number></Dial></Response>\n"
    failed = f"<Response><Say {PLAINEST}>{NOT_REACHED}</Say><Hangup/></Response>\n"
    return {CALL: {"parts": parts(call)}, OVER: {"parts": ["<Response><Hangup/></Response>\n"]}, FAILED: {"parts": [failed]}}


def steps() -> dict[str, list[Rule]]:
    """The step that follows the call."""
    connected: Rule = {"if": [["DialBridged", "is", ["true"]]], "document": OVER, "at": AT}
    return {DIALLED: [connected, {"if": [], "document": FAILED, "at": AT}]}
