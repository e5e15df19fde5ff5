"""Cold and warm starts of the answer function beside a bare handler and the usual one: `make bench`.

Every round starts each variant anew under the real `awslambdaric` and lets it answer; the order turns from round to round, and what
is reported are medians of the ratios within a round, because machines are noisy and their noise hits a round's variants alike. Where
valgrind is installed, the instructions from start to first answer and of a warm answer are counted too: they hardly vary.

Examples:

    make bench
    python -m bench.run --rounds 5 --json
    python -m bench.run --no-instructions --output /tmp/results.json
"""

import argparse
import json
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.runtime_api import ISOLATED, FunctionProcess, Outcome
from bench.variants import Variant, Variants

RESULTS = Path(__file__).with_name("results.json")
BARE, OURS, WITH_TOKENS, USUAL = "bare", "ours, no tokens", "ours, tokens by TLS", "usual"
VALGRIND_PATIENCE = 180.0  #: seconds for one start under valgrind
COUNTED = 100  #: warm answers whose instructions are counted: so many that the varying cost of a TLS handshake hardly shows


@dataclass(frozen=True)
class Sample:
    """One start: milliseconds from the process's start to its first answer, and of the warm answers after it."""

    cold: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Target:
    """A ratio to hold: the measure of one variant over that of another."""

    measure: str
    of: str
    over: str
    holds: Callable[[float], bool]
    bar: str


TARGETS = (
    Target("cold", OURS, BARE, lambda ratio: ratio <= 1.3, "at most 1.3"),
    Target("cold", WITH_TOKENS, BARE, lambda ratio: ratio <= 1.8, "at most 1.8"),
    Target("cold", USUAL, WITH_TOKENS, lambda ratio: ratio >= 4, "at least 4"),
    Target("p50", OURS, BARE, lambda ratio: ratio <= 1.5, "at most 1.5"),
    Target("p50", WITH_TOKENS, BARE, lambda ratio: ratio <= 1.5, "at most 1.5"),
)


class Unanswered(RuntimeError):
    """A variant did not answer; the text says which and how."""


def rehearse(variant: Variant) -> None:
    """One start before those that count, for the machine's file caches and to see in the log that what is measured is what is meant."""
    with tempfile.TemporaryFile() as log:
        with FunctionProcess(variant.handler, variant.folders, variant.environment, log=log.fileno()) as process:
            answered(variant, process.first(variant.event))
        log.seek(0)
        if variant.logs not in (said := log.read()):
            raise Unanswered(f"{variant.name}: {variant.logs!r} is not in its log: {said[-300:]!r}")


def sample(variant: Variant, warm: int) -> Sample:
    """Start a variant, let it answer once cold and so many times warm. Raises Unanswered."""
    with FunctionProcess(variant.handler, variant.folders, variant.environment) as process:
        cold = answered(variant, process.first(variant.event))
        times = sorted(answered(variant, process.invoke(variant.event)) for _ in range(warm))
    return Sample(cold, statistics.median(times), times[int(len(times) * 0.99)])


def answered(variant: Variant, outcome: Outcome) -> float:
    """The milliseconds of an answer that is one. Raises Unanswered."""
    if outcome.kind != "response" or b"<Response>" not in outcome.body:
        raise Unanswered(f"{variant.name}: {outcome.kind} {outcome.body[:300]!r}")
    return outcome.seconds * 1000


def rounds(variants: Sequence[Variant], count: int, warm: int, console: Console) -> list[dict[str, Sample]]:
    """So many rounds; each begins with another variant, and every second one goes backwards."""
    found = []
    for number in track(range(count), "rounds", console=console, transient=True):
        start = number % len(variants)
        order = [*variants[start:], *variants[:start]][:: -1 if number % 2 else 1]
        measured = {variant.name: sample(variant, warm) for variant in order}
        found.append({variant.name: measured[variant.name] for variant in variants})
    return found


def ratio(found: Sequence[Mapping[str, Sample]], measure: str, of: str, over: str) -> float:
    """The median of the ratios within each round."""
    return float(statistics.median(getattr(each[of], measure) / getattr(each[over], measure) for each in found))


def instructions(variant: Variant) -> dict[str, int] | None:
    """Instructions from start to first answer, and of a warm one, by callgrind; None where valgrind is not installed."""
    if not shutil.which("valgrind"):
        return None
    cold = counted(variant, 1)
    return {"cold": cold, "warm": (counted(variant, 1 + COUNTED) - cold) // COUNTED}


def counted(variant: Variant, answers: int) -> int:
    """Instructions from start to the last of so many answers."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        command = ("valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={out}", *ISOLATED)
        process = FunctionProcess(variant.handler, variant.folders, variant.environment, command=command, patience=VALGRIND_PATIENCE)
        with process:
            for _ in range(answers):
                answered(variant, process.invoke(variant.event))
            process.process.terminate()  # at its end callgrind writes what it counted
            process.process.wait(VALGRIND_PATIENCE)
        total = re.search(r"^(?:totals|summary): (\d+)", out.read_text(), re.MULTILINE)
    if not total:
        raise Unanswered(f"{variant.name}: callgrind counted nothing")
    return int(total[1])


def summary(found: Sequence[Mapping[str, Sample]], counts: Mapping[str, dict[str, int] | None]) -> dict[str, Any]:
    """What is written to `results.json`."""
    variants = {}
    for name in found[0]:
        medians = {measure: statistics.median(getattr(each[name], measure) for each in found) for measure in ("cold", "p50", "p99")}
        over_bare = {measure: ratio(found, measure, name, BARE) for measure in medians}
        variants[name] = {
            "milliseconds": {key: round(value, 3) for key, value in medians.items()},
            "over_bare": {key: round(value, 2) for key, value in over_bare.items()},
            "instructions": counts.get(name),
        }
    held = [(target, ratio(found, target.measure, target.of, target.over)) for target in TARGETS]
    targets = [
        {
            "measure": target.measure,
            "of": target.of,
            "over": target.over,
            "bar": target.bar,
            "ratio": round(value, 2),
            "held": target.holds(value),
        }
        for target, value in held
    ]
    return {"python": platform.python_version(), "rounds": len(found), "variants": variants, "targets": targets}


def shown(results: Mapping[str, Any], console: Console) -> None:
    """The tables that a person reads."""
    table = Table("variant", title=f"Starts and answers, medians of {results['rounds']} rounds (x: over the bare handler, within a round)")
    for heading in ("cold ms", "x", "warm p50 ms", "x", "warm p99 ms", "x", "M instructions cold", "warm"):
        table.add_column(heading, justify="right")
    for name, row in results["variants"].items():
        cells = [f"{row[part][measure]:.2f}" for measure in ("cold", "p50", "p99") for part in ("milliseconds", "over_bare")]
        counts = row["instructions"]
        table.add_row(name, *cells, *([f"{counts['cold'] / 1e6:.0f}", f"{counts['warm'] / 1e6:.2f}"] if counts else "--"))
    console.print(table)
    for target in results["targets"]:
        mark = "[green]holds[/]" if target["held"] else "[bold red]missed[/]"
        console.print(f"{mark}  {target['measure']}: {target['of']} over {target['over']} is {target['ratio']}, {target['bar']}")


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="rounds, 15 by default")
    parser.add_argument("--warm", type=int, default=300, help="warm answers of each start, 300 by default")
    parser.add_argument("--no-instructions", action="store_true", help="count no instructions")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the results are written")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 measured (whether or not each target held), 1 when a variant did not answer."""
    options = parsed(arguments)
    err, out = Console(stderr=True), Console(width=None if sys.stdout.isatty() else 150)
    try:
        with Variants() as made:
            variants = made.all()
            for each in variants:
                rehearse(each)
            found = rounds(variants, options.rounds, options.warm, err)
            wanted = [] if options.no_instructions else variants
            counts = {each.name: instructions(each) for each in track(wanted, "instructions", console=err, transient=True)}
    except (Unanswered, subprocess.TimeoutExpired) as error:
        err.print(f"[bold red]error:[/] {error}", highlight=False)
        return 1
    results = summary(found, counts)
    options.output.write_text(json.dumps(results, indent=2) + "\n")
    out.print_json(json.dumps(results)) if options.json else shown(results, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
