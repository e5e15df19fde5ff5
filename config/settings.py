"""The settings of one environment, read from `config/<environment>.toml` into one frozen, validated object.

Every mistake is a ConfigError of one line: file, line, key, what is wrong and what to do about it.
"""

import difflib
import functools
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import boto3
import phonenumbers
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from config.lines import Lines

HERE = Path(__file__).parent
TARGETS = ("answer",)


class ConfigError(ValueError):
    """A mistake in what the platform team wrote; its text is the whole message."""


class Frozen(BaseModel):
    """A table whose keys are known and whose values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@functools.cache
def regions() -> list[str]:
    """The AWS regions that have Lambda, as the installed SDK knows them."""
    session = boto3.session.Session()
    return [region for part in ("aws", "aws-cn") for region in session.get_available_regions("lambda", part)]


def known_region(name: str) -> str:
    """Refuse what is no region."""
    if name not in regions():
        raise ValueError(f"{name!r} is no AWS region with Lambda{nearest(name, regions())}")
    return name


def account_sid(sid: str) -> str:
    """Refuse what is no account SID (https://www.twilio.com/docs/glossary/what-is-a-sid)."""
    if not re.fullmatch(r"AC[0-9a-f]{32}", sid):
        raise ValueError(f"{sid!r} is no account SID: AC and 32 hexadecimal digits, as the Twilio console shows it")
    return sid


def phone_number(number: str) -> str:
    """Refuse what cannot be a phone number in E.164."""
    try:
        possible = number.startswith("+") and phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        possible = False
    if not possible:
        raise ValueError(f"{number!r} is no phone number: write it in E.164, as in +15550100123")
    return number


def path_name(name: str) -> str:
    """Refuse what cannot stand in a URL's path unescaped."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        raise ValueError(f"{name!r} cannot stand in a URL: use letters, digits, - and _")
    return name


def host_name(name: str) -> str:
    """Refuse what is no host name (a URL, a port)."""
    if not re.fullmatch(r"(?!-)[A-Za-z0-9.-]{1,253}", name) or "." not in name:
        raise ValueError(f"{name!r} is no host name: write it without scheme, port and path, as in www.example.com")
    return name.lower()


Region = Annotated[str, AfterValidator(known_region)]
AccountSid = Annotated[str, AfterValidator(account_sid)]
PhoneNumber = Annotated[str, AfterValidator(phone_number)]
PathName = Annotated[str, AfterValidator(path_name)]
HostName = Annotated[str, AfterValidator(host_name)]


class Primary(Frozen):
    """The application that answers when all is well."""

    regions: tuple[Region, ...] = Field(
        (),
        description="AWS regions in which the primary runs; the fallback must be elsewhere",
        examples=[["eu-west-1"]],
    )
    hosts: tuple[HostName, ...] = Field((), description="host names of the primary's webhooks", examples=[["app.example.com"]])


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
    api_base: str | None = Field(
        None,
        pattern=r"^http://127\.0\.0\.1:[0-9]{1,5}$",
        description="where the local cloud finds its stand-in for Twilio's REST API; refused outside environments named local",
        examples=["http://127.0.0.1:4567"],
    )


class Unverified(Frozen):
    """The answers for requests that nobody vouches for."""

    voice: str = Field(description="an answer without Dial, Redirect or the caller's data", examples=["voicemail"])
    sms: str = Field(description="an answer that says nothing", examples=["silent"])


class LastResort(Frozen):
    """What a caller hears when even this stack fails."""

    text: str = Field(
        "We are sorry, we cannot take your call right now. Please try again later.",
        min_length=1,
        max_length=500,
        description="said before hanging up; also API Gateway's own answer when the function is broken",
    )
    language: str = Field("en-US", pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,4})*$", description="language of that text", examples=["de-DE"])


class Api(Frozen):
    """API Gateway."""

    log_role: Literal["existing", "create"] = Field(
        "existing",
        description="the account's one API Gateway log role: `create` it here (once an account and region) or use the `existing`",
    )
    rate: int = Field(
        2000,
        ge=1,
        le=100_000,
        description="requests a second that each stage lets through; Twilio does not slow down when told to",
    )
    burst: int = Field(1000, ge=1, le=100_000, description="size of the token bucket behind `rate`")
    hosts: tuple[HostName, ...] = Field((), description="custom domain names that lead to these APIs", examples=[["fallback.example.com"]])


class Function(Frozen):
    """The answer function."""

    memory: int = Field(512, ge=128, le=10_240, description="memory of the answer function in MB; CPU grows with it")
    reserved_concurrency: int | None = Field(
        None, ge=1, description="executions reserved for answering; unset shares the account's limit", examples=[200]
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
    concurrency: int = Field(10, ge=2, le=1000, description="recordings fetched at once; Twilio limits requests at a time (error 20429)")


class Reconcile(Frozen):
    """How often Twilio is asked what we missed."""

    minutes: int = Field(15, ge=5, le=120, description="minutes between two runs")


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

    conditions: dict[str, tuple[str, ...]]
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
    region: Region = Field(description="where the fallback runs; never where the primary runs", examples=["us-west-2"])
    protect: bool = Field(False, description="termination protection of the stack; set it in production")
    tags: dict[str, str] = Field({}, description="tags on every resource", examples=[{"team": "telephony"}])
    primary: Primary = Primary()
    twilio: Twilio
    unverified: Unverified
    last_resort: LastResort = LastResort()
    api: Api = Api()
    function: Function = Function()
    privacy: Privacy = Privacy()
    voicemail: Voicemail = Voicemail()
    reconcile: Reconcile = Reconcile()
    retention: Retention = Retention()
    answer: dict[PathName, Answer] = Field(min_length=1)
    voice: tuple[Rule, ...] = Field(min_length=1)
    sms: tuple[Rule, ...] = Field(min_length=1)
    trunk: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def away_from_the_primary(self) -> "Settings":
        """A fallback in the primary's region fails together with it."""
        if self.region in self.primary.regions:
            raise ValueError(f"region: {self.region} is the primary's own region; a fallback there fails together with it, choose another")
        if self.twilio.trunks and not self.trunk:
            raise ValueError("trunk: twilio.trunks names trunks, but no [[trunk]] rule says what their callers hear")
        return self

    @model_validator(mode="after")
    def real_twilio(self) -> "Settings":
        """Only a laptop's environment may ask anybody but Twilio."""
        if self.twilio.api_base and not self.environment.startswith("local"):
            raise ValueError("twilio.api_base: is for environments named local only; remove it, so that Twilio itself is asked")
        return self


def nearest(name: str, names: Iterable[str]) -> str:
    """`; did you mean 'x'?`, where something is near."""
    found = difflib.get_close_matches(name, list(names), 1)
    return f"; did you mean {found[0]!r}?" if found else ""


def load(environment: str, directory: Path = HERE) -> Settings:
    """Read `<directory>/<environment>.toml`. Raises ConfigError for every mistake."""
    path = directory / f"{environment}.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        there = [file.stem for file in directory.glob("*.toml")]
        known = ", ".join(sorted(there)) or "none"
        raise ConfigError(f"{path}: cannot be read ({type(error).__name__}){nearest(environment, there)}; there are: {known}") from error
    return parse(environment, text, path)


def parse(environment: str, text: str, path: Path) -> Settings:
    """The settings of a TOML text; `path` is named in errors."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise ConfigError(f"{path}:{line[1] if line else 1}: not TOML: {error}") from error
    lines = Lines(text)
    try:
        return Settings.model_validate(shaped(data, lines, path.name) | {"environment": environment})
    except ValidationError as error:
        raise ConfigError(told(error, lines, path)) from error


def shaped(data: dict[str, Any], lines: Lines, file: str) -> dict[str, Any]:
    """Answers and rules hold keys of the user's own: gather them, and note the line of each."""
    shaped = dict(data)
    if isinstance(data.get("answer"), dict):
        shaped["answer"] = {name: answer_of(value, f"{file}:{lines.of(('answer', name))}") for name, value in data["answer"].items()}
    for entry in ("voice", "sms", "trunk"):
        if isinstance(data.get(entry), list):
            shaped[entry] = [rule_of(value, f"{file}:{lines.of((entry, index))}") for index, value in enumerate(data[entry])]
    return shaped


def answer_of(value: Any, at: str) -> Any:
    """`flow` and the values for it."""
    if not isinstance(value, dict):
        return value
    values = {key: item for key, item in value.items() if key != "flow"}
    return {"values": values, "at": at} | {key: value[key] for key in ("flow",) if key in value}


def rule_of(value: Any, at: str) -> Any:
    """The target and the conditions, each a list of strings."""
    if not isinstance(value, dict):
        return value
    conditions = {name: as_list(item) for name, item in value.items() if name not in TARGETS}
    return {"conditions": conditions, "at": at} | {key: value[key] for key in TARGETS if key in value}


def as_list(value: Any) -> Any:
    """One value or a list of them."""
    return tuple(value) if isinstance(value, list) else (value,)


def told(error: ValidationError, lines: Lines, path: Path) -> str:
    """The first mistake that pydantic found, in our words."""
    first = error.errors(include_url=False)[0]
    location = tuple(part for part in first["loc"] if part not in ("conditions", "values"))
    line = lines.of(location or keyed(first["msg"]))
    key = ".".join(str(part) for part in location)
    return f"{path}:{line}: {key + ': ' if key else ''}{reason(first, key)}"


def keyed(message: str) -> tuple[str, ...]:
    """The key that a message of a whole-model check begins with."""
    return tuple(message.removeprefix("Value error, ").partition(":")[0].split("."))


def reason(first: Any, key: str) -> str:
    """What is wrong and what to do."""
    if first["type"] == "extra_forbidden":
        return f"unknown key{nearest(key.rpartition('.')[2], known_keys(first['loc']))}"
    if first["type"] == "missing":
        return "is missing; add it (docs/configuration.md has an example)"
    message = str(first["msg"]).removeprefix("Value error, ")
    return message if first["type"] == "value_error" else f"{message} (found {first['input']!r})"


def known_keys(location: tuple[str | int, ...]) -> list[str]:
    """The keys that the table of a location may have."""
    model: Any = Settings
    for part in location[:-1]:
        field = model.model_fields.get(part) if hasattr(model, "model_fields") else None
        model = field.annotation if field else None
    return list(model.model_fields) if hasattr(model, "model_fields") else []
