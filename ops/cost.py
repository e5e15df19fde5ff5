"""Writes what a stack costs into `docs/cost.md`: resources are counted in the synthesized template, multiplied by dated list prices.

python -m ops.cost            writes it
python -m ops.cost --check    exit status 1 if the page is not what the template says (`make test` runs it)
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import App
from aws_cdk.assertions import Template

from answerbook.compile import compile_book
from config.settings import Settings, load
from ops.generated import write_or_check
from stacks.fallback_stack import FallbackStack

PAGE = Path(__file__).parents[1] / "docs" / "cost.md"
BEGIN, END = "<!-- the figures: written by `python -m ops.cost` -->\n", "<!-- end of the figures -->\n"
MONTH = 30 * 24 * 60  #: minutes
LOOKED_UP, TO_BE_CHECKED = "looked up on 2026-11-21", "2026-11-21, to be checked"

Json = dict[str, Any]


@dataclass(frozen=True)
class Price:
    """A list price of us-east-1 in dollars: of `per` units, how sure it is, and how many units a month are free."""

    dollars: float
    per: int
    unit: str
    dated: str
    free: int = 0

    def of(self, quantity: float) -> float:
        """What so much costs, without the free tier."""
        return quantity * self.dollars / self.per

    def count(self, quantity: float) -> str:
        """So many units, as people write them."""
        return f"{quantity:,.0f} {self.unit.removesuffix('s') if quantity == 1 else self.unit}"


PRICES = {
    "API Gateway REST request": Price(3.50, 1_000_000, "requests", LOOKED_UP),
    "Lambda request": Price(0.20, 1_000_000, "requests", LOOKED_UP, free=1_000_000),
    "Lambda time, ARM64": Price(13.3334, 1_000_000, "GB-seconds", LOOKED_UP, free=400_000),
    "DynamoDB write, on demand": Price(0.625, 1_000_000, "units", LOOKED_UP),
    "DynamoDB read, on demand": Price(0.125, 1_000_000, "units", LOOKED_UP),
    "CloudWatch alarm": Price(0.10, 1, "alarms", LOOKED_UP, free=10),
    "CloudWatch metric of ours": Price(0.30, 1, "metrics", LOOKED_UP, free=10),
    "CloudWatch dashboard": Price(3.00, 1, "dashboards", TO_BE_CHECKED, free=3),
    "CloudWatch Logs, taken in": Price(0.50, 1_000_000, "kB", TO_BE_CHECKED, free=5_000_000),
    "Secrets Manager secret": Price(0.40, 1, "secrets", TO_BE_CHECKED),
    "KMS key": Price(1.00, 1, "keys", TO_BE_CHECKED),
    "EventBridge Scheduler": Price(1.00, 1_000_000, "invocations", TO_BE_CHECKED, free=14_000_000),
    "SQS request": Price(0.40, 1_000_000, "requests", TO_BE_CHECKED, free=1_000_000),
    "S3 PUT": Price(5.00, 1_000_000, "requests", TO_BE_CHECKED),
    "S3 storage, a month": Price(0.023, 1_000_000, "kB", TO_BE_CHECKED),
}
#: By resource type of the template.
COUNTED = {
    "AWS::CloudWatch::Alarm": "CloudWatch alarm",
    "AWS::CloudWatch::Dashboard": "CloudWatch dashboard",
    "AWS::SecretsManager::Secret": "Secrets Manager secret",
    "AWS::KMS::Key": "KMS key",
}
#: Seconds that a run takes, and kB that it logs, as on the local cloud in November 2026, warm, rounded up.
RUN_SECONDS, RUN_LOG, ANSWER_SECONDS = 0.15, 0.6, 0.005
JOURNAL_LINE, ACCESS_LINE = 1.8, 0.4  #: kB
EVENT_UNITS = 3  #: an event of up to 2 kB, and its entry in the timeline
VOICEMAIL_SECONDS = 60  #: of WAV at 16 kB a second


@dataclass(frozen=True)
class Use:
    """So much of something, and what for."""

    price: str
    quantity: float
    what_for: str

    @property
    def dollars(self) -> float:
        """Without the free tier."""
        return PRICES[self.price].of(self.quantity)


def template(settings: Settings) -> Json:
    """The synthesized template."""
    return dict(Template.from_stack(FallbackStack(App(), settings, compile_book(settings))).to_json())


def of_type(found: Json, kind: str) -> list[Json]:
    """The properties of every resource of a type."""
    return [each["Properties"] for each in found["Resources"].values() if each["Type"] == kind]


def idle(settings: Settings) -> Iterator[Use]:
    """A month in which nobody calls."""
    found = template(settings)
    for kind, price in COUNTED.items():
        if number := len(of_type(found, kind)):
            yield Use(price, number, "there")
    schedules = of_type(found, "AWS::Scheduler::Schedule")
    runs = sum(MONTH / minutes_of(each["ScheduleExpression"]) for each in schedules)
    memory = sum(MONTH / minutes_of(each["ScheduleExpression"]) * memory_of(found, each) for each in schedules) / runs
    yield from invoked(runs, "schedules: `outage`, `reconcile`, the tokens" + (", the probe" if settings.probe.minutes else ""), memory)
    yield Use("EventBridge Scheduler", runs, "schedules")
    yield Use("DynamoDB read, on demand", MONTH * 5, "`outage`: its item, the timeline's four shards")
    if settings.probe.minutes:
        yield from probed(MONTH / settings.probe.minutes)


def memory_of(found: Json, schedule: Json) -> float:
    """The memory in GB of the function that a schedule invokes."""
    return float(found["Resources"][schedule["Target"]["Arn"]["Fn::GetAtt"][0]]["Properties"]["MemorySize"]) / 1024


def invoked(runs: float, what_for: str, memory: float = 0.25) -> Iterator[Use]:
    """Runs of functions of so many GB."""
    yield Use("Lambda request", runs, what_for)
    yield Use("Lambda time, ARM64", runs * RUN_SECONDS * memory, what_for)
    yield Use("CloudWatch Logs, taken in", runs * RUN_LOG, what_for)


def probed(requests: float) -> Iterator[Use]:
    """What a test request sets in motion."""
    yield Use("API Gateway REST request", requests, "test requests")
    yield from answered(requests, "test requests")
    yield from invoked(requests, "`record`, of the test requests")
    yield Use("DynamoDB write, on demand", requests * 4, "their items, not on the timeline, and the probe's notes")
    yield Use("DynamoDB read, on demand", requests * 1.5, "the proof that items come, and what the last request found")
    yield Use("CloudWatch metric of ours", 2, "`ProbeTime`, `JournalLag`: the only ones that are there all the time")


def answered(requests: float, what_for: str) -> Iterator[Use]:
    """The answer function, of 512 MB, and its two lines."""
    yield Use("Lambda request", requests, what_for)
    yield Use("Lambda time, ARM64", requests * ANSWER_SECONDS * 0.5, what_for)
    yield Use("CloudWatch Logs, taken in", requests * (JOURNAL_LINE + ACCESS_LINE + 0.3), f"{what_for}: journal, access log")


def million_calls() -> Iterator[Use]:
    """A million calls of four requests each: entry, recording's end, status callback, one step; a minute's voicemail each."""
    requests = 4_000_000
    yield Use("API Gateway REST request", requests, "four a call")
    yield from answered(requests, "four a call")
    yield from invoked(requests / 20, "`record`, twenty lines a delivery")
    yield Use("DynamoDB write, on demand", requests * EVENT_UNITS, "events")
    yield Use("SQS request", 3_000_000, "a task a voicemail")
    yield Use("Lambda request", 1_000_000, "`collect`")
    yield Use("Lambda time, ARM64", 1_000_000 * 2 * 0.5, "`collect`, two seconds a voicemail")
    yield Use("DynamoDB write, on demand", 1_000_000 * 8, "a voicemail's states")
    yield Use("S3 PUT", 1_000_000, "voicemails")
    yield Use("S3 storage, a month", 1_000_000 * VOICEMAIL_SECONDS * 16, "voicemails, the first month")


def minutes_of(expression: str) -> float:
    """The minutes of `rate(15 minutes)`."""
    number, unit = expression.removeprefix("rate(").removesuffix(")").split()
    return float(number) * {"minute": 1, "hour": 60, "day": 1440}[unit.removesuffix("s")]


def with_free(uses: list[Use]) -> float:
    """What is left to pay in an account that uses its free tier for nothing else."""
    total: dict[str, float] = {}
    for use in uses:
        total[use.price] = total.get(use.price, 0) + use.quantity
    return sum(PRICES[name].of(max(0.0, quantity - PRICES[name].free)) for name, quantity in total.items())


def table(title: str, uses: list[Use]) -> Iterator[str]:
    """One table with its sums; what is less than half a cent is summed up in a line."""
    yield f"\n### {title}\n\n| what | how much | for | $ |\n|---|---:|---|---:|"
    shown = [use for use in uses if use.dollars >= 0.005]
    for use in sorted(shown, key=lambda use: -use.dollars):
        yield f"| {use.price} | {PRICES[use.price].count(use.quantity)} | {use.what_for} | {use.dollars:,.2f} |"
    yield f"| the rest | | | {sum(use.dollars for use in uses if use not in shown):,.2f} |"
    yield f"| together | | | {sum(use.dollars for use in uses):,.2f} |"
    yield f"| **left to pay** where the account's free tier is used for nothing else | | | **{with_free(uses):,.2f}** |"


def figures() -> str:
    """All tables."""
    settings = load("production")
    silent = settings.model_copy(update={"probe": settings.probe.model_copy(update={"minutes": 0})})
    lines = [
        *table("A month in which nobody calls, a probe every minute (the default)", list(idle(settings))),
        *table("The same without a probe (`[probe] minutes = 0`)", list(idle(silent))),
        *table("A million calls of four requests each, a minute's voicemail left in every one", list(million_calls())),
        "\n### Unit prices\n\n| what | $ | for | free a month | dated |\n|---|---:|---|---:|---|",
        *(priced(name, price) for name, price in PRICES.items()),
    ]
    return "\n".join(lines) + "\n"


def priced(name: str, price: Price) -> str:
    """A unit price as a line."""
    free = f"{price.free:,}" if price.free else ""
    return f"| {name} | {price.dollars:g} | {price.count(price.per)} | {free} | {price.dated} |"


def page() -> str:
    """The page as it should be."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    return before + BEGIN + figures() + END + rest.partition(END)[2]


def main() -> int:
    """Write or check."""
    return write_or_check({PAGE: page()}, "the template says", "ops.cost")


if __name__ == "__main__":
    sys.exit(main())
