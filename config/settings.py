"""The settings of one environment, read from `config/<environment>.toml` into one frozen, validated object.

Every mistake is a ConfigError of one line: file, line, key, what is wrong and what to do about it.
"""

from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, model_validator

from config.checks import PathName, Region
from config.file import HERE, File
from config.lines import Lines
from config.mistakes import MISSING, ConfigError, nearest
from config.tables import (
    Alerts,
    Answer,
    Api,
    Calendar,
    Compliance,
    Frozen,
    Function,
    HandBack,
    LastResort,
    Primary,
    Privacy,
    Probe,
    Reconcile,
    Retention,
    Rule,
    Twilio,
    Unverified,
    Voicemail,
)

__all__ = ["HERE", "Settings", "load", "parse"]

TARGETS = ("answer",)
#: The lists of rules, each for the URL of its name.
ENTRIES = ("voice", "trunk", "sip", "app", "sms")
SHOWN = 80  #: characters of a wrong value that a message repeats
#: What pydantic says of a value of the wrong kind, in the words of a TOML file.
KINDS = {
    "tuple_type": "must be a list in brackets",
    "dict_type": "must be a table with keys of its own",
    "model_type": "must be a table with keys of its own",
    "string_type": "must be text in quotes",
    "bool_type": "must be true or false, without quotes",
    "int_type": "must be a whole number, without quotes",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
}


class Settings(Frozen):
    """One environment."""

    environment: str
    region: Region = Field(description="where the fallback runs; never where the primary runs", examples=["us-west-2"])
    protect: bool = Field(False, description="termination protection of the stack; set it in production")
    tags: dict[str, str] = Field({}, description="tags on every resource", examples=[{"team": "telephony"}])
    primary: Primary = Primary()
    twilio: Twilio
    unverified: Unverified
    compliance: Compliance | None = None
    last_resort: LastResort = LastResort()
    api: Api = Api()
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

    @model_validator(mode="after")
    def away_from_the_primary(self) -> "Settings":
        """A fallback in the primary's region fails together with it."""
        if self.region in self.primary.regions:
            raise ValueError(f"region: {self.region} is the primary's own region; a fallback there fails together with it, choose another")
        return self

    @model_validator(mode="after")
    def whole(self) -> "Settings":
        """What is named must be answered."""
        for key, entry in (("trunks", "trunk"), ("sip_domains", "sip"), ("apps", "app")):
            if getattr(self.twilio, key) and not getattr(self, entry):
                raise ValueError(f"twilio.{key}: names are given, but no [[{entry}]] rule says what their callers hear; add one")
            if getattr(self, entry) and not getattr(self.twilio, key):
                raise ValueError(f"{entry}: there are [[{entry}]] rules, but twilio.{key} is empty; name there what may call")
        if self.twilio.short_codes and not self.compliance:
            raise ValueError("twilio.short_codes: short codes must answer STOP and HELP themselves; add [compliance] with stop and help")
        return self

    @model_validator(mode="after")
    def health_needs_the_probe(self) -> "Settings":
        """The function that sends test requests also asks the primary's health addresses."""
        if self.primary.health and not self.probe.minutes:
            raise ValueError("primary.health: is asked by the probe, and probe.minutes is 0; set it, or remove the addresses")
        return self

    @model_validator(mode="after")
    def the_probe_asks_us(self) -> "Settings":
        """Test requests bear a signature that is good here, so they go nowhere else."""
        for url in self.probe.urls:
            if (host := urlsplit(url).hostname) not in self.api.hosts:
                raise ValueError(f"probe.urls: {host} is no host of ours; add it to [api] hosts, if it leads to these APIs")
        return self


def load(environment: str, directory: Path = HERE) -> Settings:
    """Read `<directory>/<environment>.toml`. Raises ConfigError for every mistake."""
    return checked(environment, File.read(environment, directory))


def parse(environment: str, text: str, path: Path) -> Settings:
    """The settings of a TOML text; `path` is named in errors."""
    return checked(environment, File(path, text))


def checked(environment: str, file: File) -> Settings:
    """The settings of a file. Raises ConfigError for every mistake."""
    try:
        return Settings.model_validate(shaped(file.data, file.lines, file.path.name) | {"environment": environment})
    except ValidationError as error:
        raise ConfigError(told(error, file.lines, file.path)) from error


def shaped(data: dict[str, Any], lines: Lines, file: str) -> dict[str, Any]:
    """Answers and rules hold keys of the user's own: gather them, and note the line of each."""
    shaped = dict(data)
    if isinstance(data.get("answer"), dict):
        shaped["answer"] = {name: answer_of(value, f"{file}:{lines.of(('answer', name))}") for name, value in data["answer"].items()}
    if isinstance(data.get("unverified"), dict):
        shaped["unverified"] = data["unverified"] | {"at": f"{file}:{lines.of(('unverified',))}"}
    for entry in ENTRIES:
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
    """The first mistake that pydantic found, in our words; a misspelt key comes before the one that is missing for it."""
    first = min(error.errors(include_url=False), key=lambda found: found["type"] != "extra_forbidden")
    location = tuple(part for part in first["loc"] if part not in ("conditions", "values", "[key]"))
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
        return MISSING
    if key in ENTRIES and first["type"] == "tuple_type":
        return f"must be a list of rules: write [[{key}]]"
    message = KINDS.get(first["type"], str(first["msg"]).removeprefix("Value error, ").replace("Input should", "must"))
    return message if first["type"] == "value_error" else f"{message} (found {shortened(repr(first['input']))})"


def shortened(text: str) -> str:
    """A value as a message repeats it."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def known_keys(location: tuple[str | int, ...]) -> list[str]:
    """The keys that the table of a location may have."""
    model: Any = Settings
    for part in location[:-1]:
        fields = getattr(model, "model_fields", None)
        model = fields[part].annotation if fields and part in fields else next(iter(get_args(model)[1:]), None)
    tables = [table for table in (model, *get_args(model)) if hasattr(table, "model_fields")]
    return list(tables[0].model_fields) if tables else []
