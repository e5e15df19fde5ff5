"""What can be called and written to: numbers, applications, messaging services, SIP domains, trunks; and who wins.

Source of precedence: Twilio's OpenAPI documents (api_v2010 IncomingPhoneNumber, messaging_v1 Service): a trunk or an
application overrides a number's own voice URLs, a messaging service that does not defer its own and its application's
text URLs. SIP: https://www.twilio.com/docs/voice/api/sip-twiml; client calls as captured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from local.twilio.call import Call
from local.twilio.calls import place
from local.twilio.conversations import Conversations, keyword
from local.twilio.exchange import Ask
from local.twilio.fallback import Handler
from local.twilio.messages import Text, handle
from local.twilio.parameters import call_parameters, text_parameters
from local.twilio.people import Caller
from local.twilio.platform import Platform, new_sid
from local.twilio.trunk import Trunk

_NOBODY = Handler("")


@dataclass
class Application:
    """A TwiML application: what numbers share, and what Voice SDK clients call."""

    platform: Platform
    name: str
    voice: Handler = _NOBODY
    sms: Handler = _NOBODY
    sid: str = field(default_factory=lambda: new_sid("AP"))

    def call(self, identity: str, to: str = "", caller: Caller | None = None, custom: Mapping[str, str] | None = None) -> Call:
        """A call from a browser or an app; `custom` are the parameters that the client passes."""
        sid = new_sid("CA")
        known = call_parameters(self.platform.account_sid, sid, f"client:{identity}", to, geography=False)
        known |= {"ApplicationSid": self.sid, **(custom or {})}
        call = Call(self.platform, known, self.voice, caller or Caller())
        return place(call, Ask(self.voice.url, self.voice.method))


@dataclass
class SipDomain:
    """A SIP domain: desk phones that register, and dial out, at Twilio."""

    platform: Platform
    name: str
    voice: Handler
    sid: str = field(default_factory=lambda: new_sid("SD"))

    def call(self, user: str, dialled: str, caller: Caller | None = None, headers: Mapping[str, str] | None = None) -> Call:
        """A call that a desk phone makes; `headers` are the X- headers of its INVITE."""
        sid, host = new_sid("CA"), f"{self.name}.sip.us1.twilio.com"
        from_, to = f"sip:{user}@{host}", f"sip:{dialled}@{host}"
        known = call_parameters(self.platform.account_sid, sid, from_, to, geography=False)
        known |= {
            "SipDomain": host,
            "SipDomainSid": self.sid,
            "SipUsername": user,
            "SipCallId": f"{sid[2:18]}@192.0.2.10",
            "SipSourceIp": "192.0.2.10",
        }
        known |= {f"SipHeader_{name}": value for name, value in (headers or {}).items()}
        call = Call(self.platform, known, self.voice, caller or Caller())
        return place(call, Ask(self.voice.url, self.voice.method))


@dataclass
class MessagingService:
    """A messaging service; without a URL of its own it switches inbound texts off."""

    name: str
    inbound: Handler = _NOBODY
    use_inbound_webhook_on_number: bool = False
    advanced_opt_out: bool = False
    sid: str = field(default_factory=lambda: new_sid("MG"))


@dataclass
class Number:
    """A telephone number or short code of the account."""

    platform: Platform
    conversations: Conversations
    number: str
    voice: Handler = _NOBODY
    sms: Handler = _NOBODY
    voice_application: Application | None = None
    sms_application: Application | None = None
    trunk: Trunk | None = None
    service: MessagingService | None = None
    status_callback: str = ""
    short_code: bool = False
    sid: str = field(default_factory=lambda: new_sid("PN"))

    def call(self, from_: str, caller: Caller | None = None, forwarded_from: str = "") -> Call:
        """Somebody calls; returns when the call is over."""
        script = caller or Caller()
        if self.trunk:
            return self.trunk.call(self.number, from_, script)
        handler = self.voice_application.voice if self.voice_application else self.voice
        known = call_parameters(self.platform.account_sid, new_sid("CA"), from_, self.number)
        if forwarded_from:
            known["ForwardedFrom"] = forwarded_from
        call = Call(self.platform, known, handler, script)
        return place(call, Ask(handler.url, handler.method), self.status_callback)

    def text(self, from_: str, body: str, media: Sequence[tuple[str, str]] = (), files: Sequence[tuple[bytes, str]] = ()) -> Text:
        """Somebody writes; `media` is (URL, content type) each, `files` (content, content type) that the REST API then serves.

        Returns when the replies are on their way.
        """
        handler = self._texts()
        word = keyword(body)
        conversation = self.conversations.between(from_, self.number)
        text = Text(self.platform, self._parameters(from_, body, media, files, word), handler, conversation.jar, self.platform.clock())
        self.platform.texts.append(text)
        with conversation.lock:
            if not self.short_code and (own := conversation.react(word)):
                text.by_twilio.append(own)
            if handler.url:
                handle(text)
            text.replies = conversation.deliver(text.replies, self.platform.clock())
        return text

    def _texts(self) -> Handler:
        if self.service and not self.service.use_inbound_webhook_on_number:
            return self.service.inbound
        return self.sms_application.sms if self.sms_application else self.sms

    def _parameters(
        self, from_: str, body: str, media: Sequence[tuple[str, str]], files: Sequence[tuple[bytes, str]], word: str
    ) -> dict[str, str]:
        sid = new_sid("MM" if media or files else "SM")
        kept = [self.platform.attach(sid, content, kind) for content, kind in files]
        whole = [*media, *((each.url, each.type) for each in kept)]
        known = text_parameters(self.platform.account_sid, sid, from_, self.number, body, media=whole)
        if self.service:
            known["MessagingServiceSid"] = self.service.sid
            if self.service.advanced_opt_out and word:
                known["OptOutType"] = word
        return known
