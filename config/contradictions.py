"""What the tables of an environment, and its name, must say together, each as the key and a sentence."""

import re
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import urlsplit

from config.capacity import UNRESERVED, most_collected, most_reserved, shares
from config.tables import WEEKDAYS, Settings

Contradiction = tuple[tuple[str, ...], object, str]  #: the key, the one wrong value of a list (or None), and what is wrong

#: What the names of stack and alarms may hold, and short enough for that of the alerts' topic.
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-using-console-create-stack-parameters.html
#: https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html (DisplayName)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38}[A-Za-z0-9])?")
#: What callers are named by in [twilio], and the list of rules that answers them.
_NAMED = (("trunks", "trunk"), ("sip_domains", "sip"), ("apps", "app"))


def contradictions(settings: Settings) -> Iterator[Contradiction]:
    """Every one of them."""
    yield from _unnameable(settings)
    yield from _same_region(settings)
    yield from _unanswered(settings)
    yield from _health_without_probe(settings)
    yield from _probe_elsewhere(settings)
    yield from _shared_hosts(settings)
    yield from _overlapping(settings)
    yield from _crowded(settings)


def _unnameable(settings: Settings) -> Iterator[Contradiction]:
    """The file's name becomes part of names at AWS."""
    if not _NAME.fullmatch(settings.environment):
        yield (
            ("environment",),
            None,
            f"the file's name, {settings.environment!r}, cannot be part of names at AWS; rename it: at most 40 letters, digits and hyphens",
        )


def _same_region(settings: Settings) -> Iterator[Contradiction]:
    """A fallback in the primary's region fails together with it."""
    if settings.region in settings.primary.regions:
        yield (
            ("region",),
            None,
            f"{settings.region} is the primary's own region; a fallback there fails together with it, choose another",
        )


def _unanswered(settings: Settings) -> Iterator[Contradiction]:
    """What is named must be answered."""
    for key, entry in _NAMED:
        if getattr(settings.twilio, key) and not getattr(settings, entry):
            yield ("twilio", key), None, f"names are given, but no [[{entry}]] rule says what their callers hear; add one"
        if getattr(settings, entry) and not getattr(settings.twilio, key):
            yield (entry,), None, f"there are [[{entry}]] rules, but twilio.{key} is empty; name there what may call"
    if settings.twilio.short_codes and not settings.compliance:
        yield (
            ("twilio", "short_codes"),
            None,
            "short codes must answer STOP and HELP themselves; add [compliance] with stop and help",
        )


def _health_without_probe(settings: Settings) -> Iterator[Contradiction]:
    """The function that sends test requests also asks the primary's health addresses."""
    if settings.primary.health and not settings.probe.minutes:
        yield ("primary", "health"), None, "is tested by the probe, but probe.minutes is 0; set it, or remove the addresses"


def _probe_elsewhere(settings: Settings) -> Iterator[Contradiction]:
    """Test requests bear a signature that is good here, so they go nowhere else."""
    for url in settings.probe.urls:
        if (host := urlsplit(url).hostname) not in settings.api.hosts:
            yield ("probe", "urls"), url, f"{host} is not a host of this stack; if it leads to these APIs, add it to [api] hosts"


def _shared_hosts(settings: Settings) -> Iterator[Contradiction]:
    """By its host a failure counts as the primary's or as our own."""
    for host in settings.api.hosts:
        if host in settings.primary.hosts:
            why = "nobody could tell whose failure it is, and missed texts would come back to us; take it out of one of the two"
            yield ("api", "hosts"), host, f"{host} is a host of [primary] hosts too: {why}"


def _overlapping(settings: Settings) -> Iterator[Contradiction]:
    """Hours of one day that overlap: one of the two is not what was meant."""
    for name, calendar in settings.calendar.items():
        weekdays = {(day,): getattr(calendar, day) for day in WEEKDAYS}
        for key, spans in (weekdays | {("days", day): spans for day, spans in calendar.days.items()}).items():
            for earlier, later in pairwise(sorted(spans)):
                if later[:5] < earlier[6:]:
                    yield ("calendar", name, *key), later, f"{earlier} and {later} overlap; correct one of them, or write one span"


def _crowded(settings: Settings) -> Iterator[Contradiction]:
    """AWS refuses a reservation that leaves others too little, halfway through a deployment; callers find no room where workers have it."""
    quota, reserved, collected = settings.capacity.quota, settings.function.reserved_concurrency or 0, settings.voicemail.concurrency or 0
    left, workers = most_reserved(settings), sum(shares(settings).values())
    remedy = "write less, or ask AWS for more (docs/capacity.md) and set [capacity] quota"
    has = f"Lambda runs {quota} executions at once in this account, of which AWS leaves {UNRESERVED} to all functions"
    if workers and left < 0:
        yield ("capacity", "quota"), None, f"{has}; workers would have {workers}: {remedy}"
    elif reserved > max(left, 0):
        most = f"workers have {workers}: at most {max(left, 0)} may be reserved"
        yield ("function", "reserved_concurrency"), None, f"{has}, and {most}; {remedy}"
    if collected > (allowed := most_collected(settings)):
        sentence = f"callers need most of the {quota} executions that Lambda runs at once: at most {allowed}; {remedy}"
        yield ("voicemail", "concurrency"), None, sentence
