"""An Elastic SIP Trunk: its SIP servers are tried first, and the disaster recovery URL when none takes the call.

Sources: https://www.twilio.com/docs/sip-trunking, the OpenAPI document trunking_v1 (`disaster_recovery_url`; there is no
second one), error pages 32010 and 32011. The request's parameters are not documented: see `Undocumented`.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from urllib.parse import urlsplit

from local.twilio.call import Call, HungUp
from local.twilio.calls import finish, place
from local.twilio.error import TwilioError
from local.twilio.exchange import Ask, Exchange
from local.twilio.fallback import Handler
from local.twilio.origination import SILENCE, Origination, Tried, in_order, is_final, knock
from local.twilio.parameters import call_parameters
from local.twilio.people import Caller
from local.twilio.platform import Platform, new_sid

_REFUSAL = 0.5
_BUSY = {486, 600}


@dataclass
class Trunk:
    """A trunk; `patience` is how many real seconds a SIP server on this machine has for an answer."""

    platform: Platform
    name: str
    origination: Sequence[Origination]
    disaster_recovery: Handler
    patience: float = 10.0
    dice: Random = field(default_factory=Random)
    sid: str = field(default_factory=lambda: new_sid("TK"))

    def call(self, to: str, from_: str, caller: Caller | None = None) -> Call:
        """Somebody calls a number of this trunk; returns when the call is over."""
        geography = self.platform.undocumented.trunk_sends_geography
        known = call_parameters(self.platform.account_sid, new_sid("CA"), from_, to, geography=geography)
        call = Call(self.platform, known, Handler(""), caller or Caller())
        try:
            taken = self._originate(call)
        except HungUp:
            return finish(call)
        return self._connected(call, taken) if taken else self._recovered(call)

    def _originate(self, call: Call) -> Tried | None:
        """The answer at which Twilio leaves it; None when no server took the call. Raises HungUp."""
        for each in in_order(self.origination, self.dice):
            tried = knock(each.uri, self.patience)
            call.tried.append(tried)
            if is_final(tried.status, self.platform.undocumented.trunk_recovers_after_403):
                return tried
            self._note(call, 32011, f"{tried.uri} answered {tried.status or 'nothing'}", tried.uri)
            call.hear("ringing", tried.uri, SILENCE if tried.status is None else _REFUSAL)
        if not call.tried:
            self._note(call, 32010, "no enabled origination URI", self.name)
        return None

    def _connected(self, call: Call, taken: Tried) -> Call:
        status = taken.status or 0
        if status >= 300:
            call.status = "busy" if status in _BUSY else "failed"
            return finish(call)
        call.answer()
        with suppress(HungUp):
            call.hear("talk", taken.uri, 30.0)
        return finish(call)

    def _recovered(self, call: Call) -> Call:
        undocumented = self.platform.undocumented
        if not self.disaster_recovery.url or not (call.tried or undocumented.trunk_recovers_without_uris):
            call.status = "failed"
            return finish(call)
        facts = {}
        if undocumented.trunk_to_is_sip_uri and call.tried:
            uri = f"sip:{call.parameters['To']}@{urlsplit(call.tried[-1].uri).path.rpartition('@')[2]}"
            call.parameters |= {"To": uri, "Called": uri}
        if undocumented.trunk_sends_error_code and call.tried:
            facts = {"ErrorCode": "32011", "ErrorUrl": call.tried[-1].uri}
        return place(call, Ask(self.disaster_recovery.url, self.disaster_recovery.method, facts, "recovery"))

    def _note(self, call: Call, code: int, sentence: str, uri: str) -> None:
        knocked = Exchange(Ask(uri, "INVITE"), call.line.now, call.sid, dict(call.parameters))
        self.platform.note(TwilioError(code, sentence, uri), knocked, call.sid, "warning" if code == 32011 else "error")
