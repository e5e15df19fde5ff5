"""The stand-in for Twilio: an account, with everything on it that people can call and write to."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import time

from local.twilio.call import Call
from local.twilio.calls import place
from local.twilio.connection import Resolver
from local.twilio.conversations import Conversations
from local.twilio.exchange import Ask
from local.twilio.fallback import Handler
from local.twilio.hosts import HOME
from local.twilio.numbers import Application, MessagingService, Number, SipDomain
from local.twilio.origination import Origination
from local.twilio.parameters import call_parameters
from local.twilio.people import Caller
from local.twilio.platform import Alert, Platform, Recording, new_sid
from local.twilio.rules import Match, Rule, Setting
from local.twilio.signing import Tokens
from local.twilio.trunk import Trunk
from local.twilio.undocumented import Undocumented
from local.twilio.webhook import Webhooks

#: https://www.twilio.com/docs/voice/answering-machine-detection: at once, or after waiting for the end of a greeting.
ANSWERED_BY = ("human", "machine_start", "fax", "unknown", "machine_end_beep", "machine_end_silence", "machine_end_other")


class StandInTwilio:
    """One Twilio account in one Region, which has Auth Tokens, numbers and everything else of its own.

    Calls and texts run in the thread that makes them; many threads may do so at once.
    """

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        *,
        resolver: Resolver | None = None,
        ca_bundle: Path | None = None,
        undocumented: Undocumented | None = None,
        clock: Callable[[], float] = time,
        verified_caller_ids: Sequence[str] = (),
        keeps_silent_recordings: bool = True,
        region: str = HOME,
    ) -> None:
        open_questions = undocumented or Undocumented()
        trust = str(ca_bundle) if ca_bundle else None
        webhooks = Webhooks(Tokens(auth_token), resolver or Resolver(), trust, open_questions, region=region)
        self.platform = Platform(account_sid, webhooks, open_questions, clock, region)
        self.platform.keeps_silence = keeps_silent_recordings
        self.platform.caller_ids |= set(verified_caller_ids)
        self.numbers: dict[str, Number] = {}
        self._conversations = Conversations(self.platform)

    def create_secondary_token(self, token: str) -> None:
        """A second Auth Token, as a rotation begins: the API takes both, the first one goes on signing."""
        self.platform.webhooks.tokens.secondary = token

    def promote_secondary_token(self) -> None:
        """The end of a rotation: the second token signs, the first one is worth nothing any more."""
        self.platform.webhooks.tokens.promote()

    def rule(self, match: Match, setting: Setting, value: str = "") -> None:
        """A webhook rule of the account. Raises ValueError for a second one of the same key (error 59103)."""
        rules = self.platform.webhooks.rules
        if any((each.match, each.value) == (match, value) for each in rules):
            raise ValueError(f"there is a rule {match} {value} already (59103)")
        rules.append(Rule(match, setting, value))

    @property
    def alerts(self) -> list[Alert]:
        """What Twilio's Monitor would show, oldest first."""
        return self.platform.alerts

    @property
    def recordings(self) -> list[Recording]:
        """Every recording of the account, oldest first."""
        return self.platform.recordings

    def number(
        self,
        number: str,
        *,
        voice_url: str = "",
        voice_fallback_url: str = "",
        sms_url: str = "",
        sms_fallback_url: str = "",
        voice_method: str = "POST",
        sms_method: str = "POST",
        status_callback: str = "",
        voice_application: Application | None = None,
        sms_application: Application | None = None,
        service: MessagingService | None = None,
        short_code: bool = False,
    ) -> Number:
        """A number of the account. Raises ValueError for a fallback without a primary, as Twilio does (21405, 21406)."""
        made = Number(
            self.platform,
            self._conversations,
            number,
            voice=_handler("voice", voice_url, voice_fallback_url, voice_method),
            sms=_handler("sms", sms_url, sms_fallback_url, sms_method),
            voice_application=voice_application,
            sms_application=sms_application,
            service=service,
            status_callback=status_callback,
            short_code=short_code,
        )
        self.numbers[number] = made
        self.platform.numbers.append(made)
        self.platform.caller_ids.add(number)
        return made

    def trunk(
        self,
        name: str,
        *,
        origination: Sequence[str | Origination],
        disaster_recovery_url: str = "",
        disaster_recovery_method: str = "POST",
        numbers: Sequence[str] = (),
    ) -> Trunk:
        """A trunk; `numbers` are put on it and made if the account does not have them. Ten URIs at most."""
        if len(origination) > 10:
            raise ValueError(f"trunk {name}: {len(origination)} origination URIs, Twilio takes 10")
        uris = [Origination(each) if isinstance(each, str) else each for each in origination]
        made = Trunk(self.platform, name, uris, Handler(disaster_recovery_url, disaster_recovery_method))
        for number in numbers:
            found = self.numbers.get(number) or self.number(number)
            found.trunk, found.voice_application = made, None
        return made

    def application(
        self,
        name: str,
        *,
        voice_url: str = "",
        voice_fallback_url: str = "",
        sms_url: str = "",
        sms_fallback_url: str = "",
    ) -> Application:
        """A TwiML application."""
        voice = _handler("voice", voice_url, voice_fallback_url)
        return Application(self.platform, name, voice, _handler("sms", sms_url, sms_fallback_url))

    def sip_domain(self, name: str, *, voice_url: str, voice_fallback_url: str = "") -> SipDomain:
        """A SIP domain."""
        return SipDomain(self.platform, name, _handler("voice", voice_url, voice_fallback_url))

    def messaging_service(
        self,
        name: str,
        *,
        inbound_request_url: str = "",
        fallback_url: str = "",
        use_inbound_webhook_on_number: bool = False,
        advanced_opt_out: bool = False,
    ) -> MessagingService:
        """A messaging service; give it to the numbers in its pool."""
        inbound = _handler("inbound", inbound_request_url, fallback_url)
        return MessagingService(name, inbound, use_inbound_webhook_on_number, advanced_opt_out)

    def call(
        self,
        to: str,
        from_: str,
        *,
        url: str,
        fallback_url: str = "",
        status_callback: str = "",
        caller: Caller | None = None,
        parameters: Mapping[str, str] | None = None,
        answered_by: str = "",
    ) -> Call:
        """A call that the application placed through the API and that was answered; `caller` is who picked up.

        With answering machine detection Twilio says what it takes that for: `answered_by`. Raises ValueError for what it never says.
        """
        if answered_by and answered_by not in ANSWERED_BY:
            raise ValueError(f"AnsweredBy is never {answered_by!r}: one of {', '.join(ANSWERED_BY)}")
        sid = new_sid("CA")
        known = call_parameters(self.platform.account_sid, sid, from_, to, direction="outbound-api")
        handler = Handler(url, fallback_url=fallback_url)
        known |= {"AnsweredBy": answered_by} if answered_by else {}
        known |= parameters or {}
        call = Call(self.platform, known, handler, caller or Caller(), status="in-progress")
        return place(call, Ask(url), status_callback)


def _handler(kind: str, url: str, fallback_url: str, method: str = "POST") -> Handler:
    if fallback_url and not url:
        raise ValueError(f"{kind}: Twilio takes no fallback URL without a primary URL")
    return Handler(url, method, fallback_url)
