"""A stand-in for Twilio on this machine: real webhooks, signed as Twilio signs, and callers who follow the TwiML.

    twilio = StandInTwilio(account_sid, auth_token, resolver=Resolver({...}), ca_bundle=path)
    number = twilio.number("+15550100", voice_url="http://127.0.0.1:9/", voice_fallback_url="https://.../voice")
    call = number.call("+15550123", Caller(says="Please call me back", ends_recording_with="#"))
    call.exchanges, call.heard, call.status, call.recordings, call.documents

Nothing here is shared with the product, so that one mistake cannot hide another. What Twilio does not document is a
switch of `Undocumented`.
"""

from local.twilio.account import StandInTwilio
from local.twilio.call import Call, Heard
from local.twilio.connection import Resolver
from local.twilio.messages import Text
from local.twilio.origination import Origination
from local.twilio.people import Answers, Busy, Caller, Mailbox, NoAnswer, Unreachable
from local.twilio.undocumented import Undocumented, questions

__all__ = [
    "Answers",
    "Busy",
    "Call",
    "Caller",
    "Heard",
    "Mailbox",
    "NoAnswer",
    "Origination",
    "Resolver",
    "StandInTwilio",
    "Text",
    "Undocumented",
    "Unreachable",
    "questions",
]
