"""What on-call's commands need to know of an environment's settings: published by its stack, or as a file of settings says it.

Whoever is on call has a clone of this project, not the folder of settings that was deployed from. So the stack publishes these few
settings (`stacks/published.py`), and the commands believe the stack; the file counts for what is not deployed yet. Nothing else in the file
is checked here: checking all of it takes longer than most questions, and a mistake in what somebody is writing keeps nobody from what
callers left.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.file import HERE, File
from config.mistakes import MISSING, ConfigError
from config.regions import our_region

if TYPE_CHECKING:
    from config.settings import Settings

#: Characters of one parameter of the standard tier.
#: https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
LONGEST = 4096
FOLDER = "FALLBACK_CONFIG"  #: names the folder of settings, where it is not this project's own

Names = tuple[str, ...]


#: The fields that are settings, and their keys in the file.
KEYS = {
    "accounts": ("twilio", "accounts"),
    "numbers": ("twilio", "numbers"),
    "verified_caller_ids": ("twilio", "verified_caller_ids"),
    "short_codes": ("twilio", "short_codes"),
    "primary_hosts": ("primary", "hosts"),
    "asynchronous": ("primary", "asynchronous"),
    "own_hosts": ("api", "hosts"),
    "store": ("privacy", "store"),
    "events_days": ("retention", "events"),
    "originals_days": ("retention", "originals"),
    "voicemails_days": ("retention", "voicemails"),
    "journal_days": ("retention", "journal"),
}


class NotPublished(Exception):
    """A stack that an older version of this project deployed: it publishes nothing."""


class NotWhole(Exception):
    """Parameters that do not belong together: a deployment is changing them."""


@dataclass(frozen=True)
class Deployed:
    """An environment as its stack describes it. No secrets: whoever may look for the stack may read this."""

    region: str
    accounts: Names = ()
    numbers: Names = ()
    verified_caller_ids: Names = ()
    short_codes: Names = ()
    primary_hosts: Names = ()
    asynchronous: Names = ()
    own_hosts: Names = ()
    store: str = "full"
    events_days: int = 400
    originals_days: int = 30
    voicemails_days: int = 400
    journal_days: int = 14
    book: str = ""  #: the id of the answer book
    version: str = ""  #: of this project, when it was deployed

    @classmethod
    def of(cls, settings: "Settings", book: str, version: str) -> "Deployed":
        """What a stack made of these settings publishes."""
        values = {name: _attribute(settings, keys) for name, keys in KEYS.items()}
        return cls(settings.region, **values, book=book, version=version)

    @classmethod
    def in_file(cls, file: File) -> "Deployed":
        """What a file of settings says. Raises ConfigError where it names no region."""
        return cls(region_in(file), **{name: _value(file.data, keys, getattr(cls, name)) for name, keys in KEYS.items()})

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> "Deployed":
        """What a stack published, by the names of its parameters. Raises NotPublished, NotWhole."""
        if not parameters:
            raise NotPublished
        published = "".join(parameters[name] for name in sorted(parameters))
        found = re.match(r"([0-9a-f]{12}) ([0-9]{1,7}) ", published)
        # a longer description that stood here before may not be removed yet
        text = published[found.end() :][: int(found[2])] if found else ""
        if not found or found[1] != _digest(text):
            raise NotWhole
        kinds = {each.name: type(getattr(cls, each.name, "")) for each in fields(cls)}
        try:
            values = {name: _frozen(value) for name, value in json.loads(text).items() if name in kinds}  # a newer stack may publish more
            as_described = all(isinstance(value, kinds[name]) for name, value in values.items())
        except (ValueError, AttributeError):
            raise NotWhole from None
        if not as_described or "region" not in values:
            raise NotWhole
        return cls(**values)

    @property
    def own_numbers(self) -> Names:
        """The company's numbers, on Twilio and elsewhere: no person's."""
        return (*self.numbers, *self.verified_caller_ids)

    @property
    def parameters(self) -> list[str]:
        """The values to publish, to be put together in this order. The digest tells whether all of them belong together."""
        text = json.dumps(asdict(self), separators=(",", ":"))
        whole = f"{_digest(text)} {len(text)} {text}"
        return ["".join(part) for part in batched(whole, LONGEST, strict=False)]

    def differences(self, other: "Deployed") -> list[str]:
        """The settings that differ, as their keys in the file: `twilio.numbers`. The order of names does not count."""
        differing = [name for name in KEYS if _unordered(getattr(self, name)) != _unordered(getattr(other, name))]
        return [".".join(KEYS[name]) for name in differing]


def path_of(environment: str) -> str:
    """Where the parameters of an environment stand."""
    return f"/fallback/{environment}/deployed"


def folder() -> Path:
    """The folder of settings that the user named, or else this project's own."""
    return Path(os.environ.get(FOLDER) or HERE)


def region_in(file: File) -> str:
    """The region of an environment. Raises ConfigError."""
    data = file.data
    try:
        return our_region(str(data["region"]))
    except KeyError:
        raise ConfigError(f"{file.path}:1: region: {MISSING}") from None
    except ValueError as error:
        raise ConfigError(f"{file.path}:{file.lines.of(('region',))}: region: {error}") from error


def _attribute(settings: Any, keys: Names) -> Any:
    """A setting of the checked settings."""
    for key in keys:
        settings = getattr(settings, key)
    return settings


def _value(data: Any, keys: Names, default: Any) -> Any:
    """A setting as it is written; the default where there is none of its kind, which the check of all settings finds fault with."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    if isinstance(default, tuple):
        lower = keys[-1] == "hosts"  # as the check of host names writes them
        return tuple(name.lower() if lower else name for name in data if isinstance(name, str)) if isinstance(data, list) else default
    return data if isinstance(data, type(default)) else default


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _unordered(value: Any) -> Any:
    return frozenset(value) if isinstance(value, tuple) else value


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
