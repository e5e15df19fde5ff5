"""The tables of an environment's TOML file, one small model each; `docs/configuration.md` is generated from them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SkipValidation, model_validator

from config.checks import (
    AccountSid,
    CalendarDay,
    Country,
    EmailAddress,
    EmergencyNumber,
    EntryAddress,
    HostName,
    Hours,
    KeptParameter,
    OurRegion,
    ParameterName,
    PathName,
    PhoneNumber,
    PlainText,
    Region,
    SecureAddress,
    ShortCode,
    TagKey,
    TagValue,
    TimeZone,
    UrlPath,
    WebAddress,
)
from config.file import File

#: The lists of rules, each for the URL of its name.
ENTRIES = ("voice", "trunk", "sip", "app", "sms")


WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Frozen(BaseModel):
    """A table whose keys are known and whose values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Aws(Frozen):
    """Where it is deployed."""

    account: str | None = Field(
        None,
        pattern=r"^[0-9]{12}$",
        description="the AWS account; with credentials of another one the deployment is refused before anything is made",
        examples=["123456789012"],
    )


class Primary(Frozen):
    """The application that answers when all is well."""

    regions: tuple[Region, ...] = Field(
        (),
        description="AWS regions in which the primary runs; the fallback must be elsewhere",
        examples=[["eu-west-1"]],
    )
    hosts: tuple[HostName, ...] = Field((), description="host names of the primary's webhooks", examples=[["app.example.com"]])
    entry_urls: tuple[WebAddress, ...] = Field(
        (),
        description="webhooks at which calls begin, as numbers point at them; what `retry_primary` may ask once more",
        examples=[["https://app.example.com/voice"]],
    )
    asynchronous: tuple[UrlPath, ...] = Field(
        (),
        description="paths of the primary's status callbacks: nobody is on the line, and Twilio has no fallback for them",
        examples=[["/calls/:call_id/call_ended"]],
    )
    health: tuple[WebAddress, ...] = Field(
        (), description="addresses that answer 2xx while the primary is well", examples=[["https://app.example.com/health"]]
    )


class Twilio(Frozen):
    """What Twilio calls us for."""

    accounts: tuple[AccountSid, ...] = Field(
        min_length=1,
        description="account SIDs (subaccounts too) whose requests are answered",
        examples=[["AC" + "0" * 31 + "1"]],
    )
    trunks: tuple[PathName, ...] = Field(
        (), description="names of Elastic SIP Trunks, as they stand in /trunk/{trunk}", examples=[["main"]]
    )
    numbers: tuple[PhoneNumber, ...] = Field((), description="the company's own numbers on Twilio", examples=[["+15005550006"]])
    verified_caller_ids: tuple[PhoneNumber, ...] = Field(
        (),
        description="numbers elsewhere that Twilio has verified as yours, so that calls may show them as `caller_id`",
        examples=[["+12025550100"]],
    )
    short_codes: tuple[ShortCode, ...] = Field(
        (), description="senders for which Twilio does not answer STOP and HELP itself; needs [compliance]", examples=[["12345"]]
    )
    sip_domains: tuple[PathName, ...] = Field(
        (), description="names of SIP domains whose outgoing calls come here, as they stand in /sip/{domain}", examples=[["office"]]
    )
    apps: tuple[PathName, ...] = Field(
        (), description="names of TwiML apps whose Voice SDK calls come here, as they stand in /app/{app}", examples=[["softphone"]]
    )
    country: Country | None = Field(
        None,
        description="country in which employees dial, its two letters: what national numbers mean, and which are emergency numbers; "
        "left out, that of the first of `numbers`",
        examples=["US"],
    )
    countries: dict[PathName, Country] = Field(
        {}, description="the same of SIP domains and apps whose phones are in another country", examples=[{"office": "DE"}]
    )
    number_parameters: tuple[ParameterName, ...] = Field(
        (),
        description="parameters of your own in which Voice SDK clients pass the number dialled, where they leave To empty",
        examples=[["PhoneNumber"]],
    )
    parameters: tuple[KeptParameter, ...] = Field(
        (),
        description="further parameters that rules may ask for and the journal keeps: those of your own Voice SDK clients, and headers of "
        "SIP phones, which Twilio calls SipHeader_X-...",
        examples=[["Campaign", "SipHeader_X-Customer"]],
    )
    emergency_numbers: tuple[EmergencyNumber, ...] | None = Field(
        None,
        min_length=1,
        description="numbers that phones of SIP domains and apps reach whatever else is decided; left out, those of the countries, and "
        "Twilio's test 933 in the US and Canada",
        examples=[["112", "110"]],
    )


class Unverified(Frozen):
    """The answers for requests that nobody vouches for."""

    voice: str = Field(description="an answer without Dial, Redirect or the caller's data", examples=["voicemail"])
    sms: str = Field(description="an answer that says nothing", examples=["silent"])
    at: str


class Compliance(Frozen):
    """What short codes must answer, and WhatsApp may: Twilio does it for long codes and toll-free numbers only (help article 223181748)."""

    stop: PlainText = Field(
        min_length=1,
        max_length=1600,
        description="answer to STOP",
        examples=["Example Alerts: you will get no more messages. Help: help@example.com"],
    )
    help: PlainText = Field(
        min_length=1,
        max_length=1600,
        description="answer to HELP: who you are, where help is, how to stop",
        examples=["Example Alerts: help at example.com/help. Msg&data rates may apply. Reply STOP to cancel"],
    )
    start: PlainText | None = Field(
        None,
        min_length=1,
        max_length=1600,
        description="answer to START, UNSTOP and YES",
        examples=["Example Alerts: you will get our messages again. Reply STOP to cancel"],
    )


class Calendar(Frozen):
    """When somebody is there: hours for each weekday, and the days that differ."""

    zone: TimeZone = Field(description="time zone by its IANA name", examples=["Europe/Berlin"])
    monday: tuple[Hours, ...] = Field((), description="open hours; none: closed", examples=[["09:00-12:30", "13:30-17:00"]])
    tuesday: tuple[Hours, ...] = Field((), description="the same of Tuesdays", examples=[["09:00-17:00"]])
    wednesday: tuple[Hours, ...] = Field((), description="the same of Wednesdays", examples=[["09:00-17:00"]])
    thursday: tuple[Hours, ...] = Field((), description="the same of Thursdays", examples=[["09:00-17:00"]])
    friday: tuple[Hours, ...] = Field((), description="the same of Fridays", examples=[["09:00-16:00"]])
    saturday: tuple[Hours, ...] = Field((), description="the same of Saturdays", examples=[["10:00-14:00"]])
    sunday: tuple[Hours, ...] = Field((), description="the same of Sundays", examples=[["00:00-24:00"]])
    holidays: tuple[CalendarDay, ...] = Field(
        (), description="days that are closed; without a year: every year", examples=[["12-25", "2027-03-26"]]
    )
    days: dict[CalendarDay, tuple[Hours, ...]] = Field(
        {}, description="days with hours of their own", examples=[{"12-24": ["09:00-12:00"]}]
    )

    @model_validator(mode="after")
    def closed_or_open(self) -> "Calendar":
        """A day is a holiday or has hours, not both."""
        if both := sorted(set(self.holidays) & self.days.keys()):
            raise ValueError(f"{both[0]} is a holiday and has hours of its own; remove one of the two")
        return self


class LastResort(Frozen):
    """What a caller hears when even this stack fails."""

    text: PlainText = Field(
        "We are sorry, we cannot take your call right now. Please try again later.",
        min_length=1,
        max_length=500,
        description="said before hanging up; also API Gateway's own answer when the function is broken",
    )
    language: str = Field(
        "en-US",
        pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,4})*$",
        description="language of that text; Twilio's own voice speaks English, the account's default all others",
        examples=["de-DE"],
    )


class Api(Frozen):
    """API Gateway."""

    log_role: Literal["ensure", "existing", "create"] = Field(
        "ensure",
        description="API Gateway's log role, of which an account has one in each region: `ensure` sets one where there is none, and leaves "
        "another's alone; `existing` sets none; `create` sets this stack's own, whatever was there",
    )
    rate: int = Field(
        2000,
        ge=1,
        le=100_000,
        description="requests a second that each stage lets through; Twilio does not slow down when told to",
    )
    burst: int = Field(1000, ge=1, le=100_000, description="size of the token bucket behind `rate`")
    hosts: tuple[HostName, ...] = Field((), description="custom domain names that lead to these APIs", examples=[["fallback.example.com"]])


class Capacity(Frozen):
    """How much Lambda runs at once."""

    quota: int = Field(
        10,
        ge=10,
        description="executions that Lambda runs at once in this account, less what its other stacks need; new accounts have 10. From 200 "
        "on each worker has a share of its own and no more, and callers have the rest (docs/capacity.md)",
        examples=[1000],
    )
    storm: int = Field(10, ge=1, le=100_000, description="calls and texts in the worst second; the synthesis says what they need")
    record: int | None = Field(
        None, ge=8, le=1000, description="executions of `record` at most; unset: a twentieth of the quota, at least 20", examples=[50]
    )


class Function(Frozen):
    """The answer function."""

    memory: int = Field(512, ge=128, le=10_240, description="memory of the answer function in MB; CPU grows with it")
    reserved_concurrency: int | None = Field(
        None,
        ge=1,
        description="executions reserved for answering, which are also the most; needs [capacity] quota. Unset: what is left",
        examples=[200],
    )


class Privacy(Frozen):
    """What is kept of callers."""

    store: Literal["full", "masked"] = Field("full", description="`masked` keeps no whole number and switches hand-back off")
    keep_query: tuple[str, ...] = Field((), description="query parameters of ErrorUrl whose values may be kept", examples=[["tenant"]])


class Voicemail(Frozen):
    """What becomes of messages that callers leave."""

    format: Literal["wav", "mp3"] = Field("wav", description="`wav` as Twilio recorded it, or `mp3` of a quarter of the size")
    shortest_seconds: int = Field(2, ge=0, le=10, description="a recording below this counts as empty: somebody listened and hung up")
    delete_at_twilio: bool = Field(False, description="delete a recording at Twilio once its copy in the bucket was read back and matched")
    customer_key: bool = Field(False, description="encrypt bucket and notifications with a KMS key of this stack instead of S3's own")
    concurrency: int | None = Field(
        None,
        ge=2,
        le=1000,
        description="recordings fetched at once; unset: 10, or a fifth of a small quota. Twilio limits requests at a time (error 20429)",
        examples=[10],
    )


class Reconcile(Frozen):
    """How often Twilio is asked what we missed."""

    #: Its alarms count what failed hour by hour (`stacks/alarms.py`): more seldom, and two hours running never come about.
    minutes: int = Field(15, ge=5, le=60, description="minutes between two runs")


class Probe(Frozen):
    """The test requests by which the fallback proves itself."""

    minutes: Literal[0, 1, 2, 5, 10] = Field(
        1, description="minutes between two test requests, each entry and rule in turn; 0 sends none and leaves out their alarms"
    )
    urls: tuple[EntryAddress, ...] = Field(
        (),
        description="the entries as they stand at Twilio, where a custom domain of `[api] hosts` leads to them: test requests go there, "
        "and its certificate is watched; without any they go to API Gateway's own addresses",
        examples=[["https://fallback.example.com/voice", "https://fallback.example.com/sms"]],
    )


class Alerts(Frozen):
    """Who is told when callers come to the fallback, and when something of it is broken."""

    emails: tuple[EmailAddress, ...] = Field(
        (), description="addresses that get every alert; each confirms its subscription once", examples=[["oncall@example.com"]]
    )
    webhooks: tuple[SecureAddress, ...] = Field(
        (), description="HTTPS endpoints that get every alert, as PagerDuty gives them", examples=[["https://events.example.com/sns/1"]]
    )
    heartbeat: SecureAddress | None = Field(
        None,
        description="an address outside the region that the probe asks after each sound test request, as long as on-call's topic has a "
        "subscriber; the service there tells people once it stays away",
        examples=["https://heartbeat.example.com/fallback"],
    )
    customer_key: bool = Field(False, description="encrypt alerts with a KMS key of this stack; the key of AWS would shut alarms out")
    dashboard: bool = Field(True, description="a CloudWatch dashboard; the account's first three are free")


class HandBack(Frozen):
    """What happens when missed texts and callbacks are given back to the primary."""

    reply_minutes: int = Field(
        60, ge=0, le=1440, description="minutes after a text came in which the primary's reply to it may still be sent to its sender"
    )


class Retention(Frozen):
    """How long things are kept, in days."""

    events: int = Field(400, ge=1, le=3650, description="events in DynamoDB")
    originals: int = Field(30, ge=1, le=400, description="texts as they came, kept for hand-back")
    voicemails: int = Field(400, ge=1, le=3650, description="voicemails and media of texts in the bucket, and their state")
    replaced: int = Field(30, ge=1, le=365, description="what was deleted from the bucket, as an earlier version")
    journal: Literal[1, 3, 5, 7, 14, 30, 60, 90] = Field(14, description="the journal log group, from which events can be rebuilt")
    logs: Literal[1, 3, 5, 7, 14, 30, 60, 90, 180, 365] = Field(30, description="log groups without personal data")


class Rule(Frozen):
    """One rule: conditions, all of which must hold, and the answer."""

    conditions: dict[str, tuple[Any, ...]]
    answer: str
    at: str


class Answer(Frozen):
    """A flow with its values filled in."""

    flow: str
    values: dict[str, Any]
    at: str


class Settings(Frozen):
    """One environment."""

    environment: str
    file: SkipValidation[File] = Field(exclude=True, repr=False)
    region: OurRegion = Field(description="where the fallback runs; never where the primary runs", examples=["us-west-2"])
    protect: bool = Field(False, description="termination protection of the stack; set it in production")
    tags: dict[TagKey, TagValue] = Field({}, description="tags on every resource", examples=[{"team": "telephony"}])
    aws: Aws = Aws()
    primary: Primary = Primary()
    twilio: Twilio
    unverified: Unverified
    compliance: Compliance | None = None
    last_resort: LastResort = LastResort()
    api: Api = Api()
    capacity: Capacity = Capacity()
    function: Function = Function()
    privacy: Privacy = Privacy()
    voicemail: Voicemail = Voicemail()
    reconcile: Reconcile = Reconcile()
    hand_back: HandBack = HandBack()
    probe: Probe = Probe()
    alerts: Alerts = Alerts()
    retention: Retention = Retention()
    calendar: dict[PathName, Calendar] = Field({}, description="hours that rules ask for by `open`")
    answer: dict[PathName, Answer] = Field(min_length=1)
    voice: tuple[Rule, ...] = Field(min_length=1)
    sms: tuple[Rule, ...] = Field(min_length=1)
    trunk: tuple[Rule, ...] = ()
    sip: tuple[Rule, ...] = ()
    app: tuple[Rule, ...] = ()

    def place(self, *path: str | int, value: object = None) -> str:
        """File and line of a key, or of a value in it, as messages name them."""
        return self.file.place(*path, value=value)
