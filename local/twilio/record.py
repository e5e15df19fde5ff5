"""<Record>: the beep, the message, the action request and the status callbacks.

Sources: https://www.twilio.com/docs/voice/twiml/record (attributes, parameters; RecordingDuration of the action is the
length before silence is trimmed), help article 360014251313 (absent: 16101 too short, 16102 silent), captured callbacks
(ErrorCode=0 and RecordingStartTime when all is well).
"""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from local.twilio import audio
from local.twilio.call import Call, HungUp
from local.twilio.documents import Document
from local.twilio.exchange import Ask
from local.twilio.platform import Recording, new_sid, rfc2822
from local.twilio.verbs import address, whole

_TOO_SHORT, _SILENT = 16101, 16102
_SHORTEST = 1.0


def record(call: Call, document: Document, verb: Element) -> Ask | None:
    """The request of the action, or None when there was silence only. Raises HungUp when the caller went."""
    call.answer()
    _beep(call, verb)
    session = _Session(call, document, verb, new_sid("RE"), call.line.now)
    session.announce("in-progress", {})
    try:
        take = session.tape()
    except HungUp:
        session.hung_up()
        raise
    session.keep(take)
    if not take.spoken and call.platform.undocumented.silent_record_falls_through:
        return None
    return session.action(take)


def _beep(call: Call, verb: Element) -> None:
    """Whoever hangs up during <Record> does so while it records."""
    call.begin("")
    if verb.get("playBeep", "true") == "true":
        call.hear("beep", "", 0.5)
    call.begin(verb.tag)


@dataclass(frozen=True)
class _Take:
    """What went onto the tape: seconds of words, seconds in all, and how it ended (a key, "hangup" or "")."""

    spoken: float
    taped: float
    ended: str


@dataclass(frozen=True)
class _Session:
    """One execution of <Record>, which began so many seconds after the first ring."""

    call: Call
    document: Document
    verb: Element
    sid: str
    started: float

    @property
    def url(self) -> str:
        """RecordingUrl."""
        platform = self.call.platform
        return f"{platform.media_base}/2010-04-01/Accounts/{platform.account_sid}/Recordings/{self.sid}"

    def tape(self) -> _Take:
        """Words until the longest length, then the key, or the silence that ends a recording. Raises HungUp."""
        longest, patience = whole(self.verb, "maxLength", 3600), whole(self.verb, "timeout", 5)
        spoken = min(self._words(), float(longest))
        self.call.spend(spoken)
        key = self.call.script.ends_recording_with
        if key and key in self.verb.get("finishOnKey", "1234567890*#"):
            return _Take(spoken, spoken, key)
        waited = min(float(patience or longest), longest - spoken)
        self.call.spend(waited)
        return _Take(spoken, spoken + waited, "")

    def hung_up(self) -> None:
        """The action is requested, but its answer can no longer be heard."""
        taped = self.call.line.now - self.started
        take = _Take(min(self._words(), taped), taped, "hangup")
        self.call.status = "completed"
        self.keep(take)
        self.call.tell(self.action(take))

    def keep(self, take: _Take) -> None:
        """Stores the recording, or notes why there is none."""
        trims = self.verb.get("trim", "trim-silence") == "trim-silence"
        length = max(take.spoken, _SHORTEST) if trims else take.taped
        missing = self._missing(take)
        kept = Recording(
            sid=self.sid,
            call_sid=self.call.sid,
            url=self.url,
            seconds=0 if missing else round(length),
            status="absent" if missing else "completed",
            audio=None if missing else self._sound(take, length),
            started=self.call.platform.clock() - (self.call.line.now - self.started),
            error_code=missing,
            heard=self.call.script.says,
        )
        self.call.recordings.append(kept)
        self.call.platform.recordings.append(kept)
        self.announce(kept.status, _outcome(kept))

    def announce(self, status: str, outcome: dict[str, str]) -> None:
        """Queues a status callback if the document wants this one: they come later and carry neither From nor To."""
        wanted = self.verb.get("recordingStatusCallbackEvent", "completed").split()
        target = self.verb.get("recordingStatusCallback")
        if not target or status not in wanted:
            return
        facts = {
            "AccountSid": self.call.platform.account_sid,
            "CallSid": self.call.sid,
            "RecordingSid": self.sid,
            "RecordingUrl": self.url,
            "RecordingStatus": status,
            "RecordingChannels": "1",
            "RecordingSource": "RecordVerb",
            **outcome,
        }
        method = self.verb.get("recordingStatusCallbackMethod", "POST")
        self.call.callbacks.append(Ask(address(self.document, target), method, facts, "callback"))

    def action(self, take: _Take) -> Ask:
        """The request that says that a recording was made."""
        facts = {"RecordingUrl": self.url, "RecordingDuration": str(round(take.taped))}
        if take.ended:
            facts["Digits"] = take.ended
        if self.call.platform.undocumented.recording_sid_in_action:
            facts["RecordingSid"] = self.sid
        target = address(self.document, self.verb.get("action", ""))
        return Ask(target, self.verb.get("method", "POST"), facts, "action")

    def _words(self) -> float:
        return audio.seconds(audio.speech(self.call.script.says)) if self.call.script.says else 0.0

    def _missing(self, take: _Take) -> int:
        """Why there is no recording, as an error code; 0 when there is one."""
        if take.taped < _SHORTEST:
            return _TOO_SHORT
        return _SILENT if not take.spoken and not self.call.platform.keeps_silence else 0

    def _sound(self, take: _Take, length: float) -> bytes:
        return audio.cut(audio.speech(self.call.script.says), length) if take.spoken else audio.silence(length)


def _outcome(kept: Recording) -> dict[str, str]:
    known = {"ErrorCode": str(kept.error_code), "RecordingStartTime": rfc2822(kept.started)}
    return known | ({"RecordingDuration": str(kept.seconds)} if kept.status == "completed" else {})
