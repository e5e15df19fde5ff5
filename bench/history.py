"""How fast on-call's questions are answered with a full table: 100,000 events of 30 days in a local cloud.

Times are wall clock: of the commands from the start of their process, of pages from the request, of a story from the query.

Examples:

    python -m bench.history
    python -m bench.history --events 20000 --rounds 5
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import batched
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import track
from rich.table import Table

from lambdas.workers.events import items_of, write
from local.cloud import LocalCloud
from local.history import Past, busy_month
from local.outputs import Outputs
from ops.desk import Desk
from ops.story import told

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("history.json")
FALLBACK = [sys.executable, "-m", "ops.cli"]


@dataclass(frozen=True)
class Figure:
    """One question, what was measured, and the bar; in the unit that the question names."""

    question: str
    median: float
    highest: float
    bar: float

    @property
    def holds(self) -> bool:
        """Whether the median is below the bar."""
        return self.median < self.bar


def fill(cloud: LocalCloud, outputs: Outputs, events: int, console: Console) -> str:
    """Write so many events and return the SID of a call among them."""
    retention, table = cloud.settings.retention, cloud.client("dynamodb")
    sid = ""
    lines = Past(cloud.settings, datetime.now(UTC)).lines(busy_month(events))
    for group in track(batched(lines, 100, strict=False), "writing", total=events / 100, console=console, transient=True):
        write(table, outputs.table, [item for line in group for item in items_of(line, retention.events, retention.originals)])
        sid = next((line["params"]["CallSid"] for line in group if line.get("step", "").count("/")), sid)
    return sid


def timed(question: str, bar: float, rounds: int, ask: Callable[[], object], unit: float = 1000) -> Figure:
    """Ask so often after once for the caches; in milliseconds."""
    ask()
    times = []
    for _ in track(range(rounds), question, console=Console(stderr=True), transient=True):
        began = time.perf_counter()
        ask()
        times.append((time.perf_counter() - began) * unit)
    return Figure(question, statistics.median(times), max(times), bar)


def command(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command of an engineer's. Raises CalledProcessError."""
    return subprocess.run([*FALLBACK, *words], env=environ, cwd=ROOT, capture_output=True, check=True)


@contextmanager
def console_of(environ: dict[str, str]) -> Iterator[httpx.Client]:
    """A browser at a console that was just started."""
    process = subprocess.Popen([*FALLBACK, "console", "--no-open"], env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        first = re.search(r"http://\S+", process.stdout.readline())
        assert first, "the console did not start"
        with httpx.Client(base_url=first[0].partition("/?")[0], timeout=60, trust_env=False) as browser:
            browser.get(first[0])  # leaves the cookie
            yield browser
    finally:
        process.terminate()
        process.wait()


def page(browser: httpx.Client, path: str) -> None:
    """Fetch a page, whole. Raises HTTPStatusError."""
    browser.get(path).raise_for_status()


def memory(environ: dict[str, str], since: str) -> tuple[float, int]:
    """The most memory, in MB, that exporting a period took, and how many events it had."""
    script = (
        "import resource, runpy, sys; sys.argv = ['fallback', 'export', '--jsonl', '--since', sys.argv[1]]\n"
        "try: runpy.run_module('ops.cli', run_name='__main__')\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    with tempfile.TemporaryFile() as lines:
        done = subprocess.run(
            [sys.executable, "-c", script, since], env=environ, cwd=ROOT, stdout=lines, stderr=subprocess.PIPE, check=True
        )
        lines.seek(0)
        return int(done.stderr.split()[-1]) / 1024, sum(1 for _ in lines)


def measured(cloud: LocalCloud, sid: str, rounds: int, console: Console) -> list[Figure]:
    """Every figure."""
    environ = {**cloud.environ, "PYTHONPATH": str(ROOT), "FALLBACK_ENVIRONMENT": "local"}
    os.environ.update(environ)
    desk = Desk.open("local")
    figures = [
        timed("story of a call, ms", 100, rounds, lambda: told(desk.history.story(sid))),
        timed("fallback errors --since 1h, ms", 1000, rounds, lambda: command(environ, "errors", "--since", "1h")),
    ]
    with console_of(environ) as browser:
        figures.append(timed("overview page, ms", 500, rounds, lambda: page(browser, "/")))
        figures.append(timed("story page, ms", 500, rounds, lambda: page(browser, f"/calls/{sid}")))
    (small, few), (large, many) = memory(environ, "2d"), memory(environ, "31d")
    console.print(f"exporting {few} events took {small:.0f} MB, exporting {many} took {large:.0f} MB")
    return [*figures, Figure("memory of exporting all over that of two days", large / small, large / small, 1.2)]


def shown(figures: list[Figure], events: int) -> Table:
    """The table."""
    table = Table(title=f"{events:,} events over 30 days in the local table")
    for heading in ("question", "median", "highest", "bar", ""):
        table.add_column(heading, justify="left" if heading == "question" else "right")
    for each in figures:
        digits = 0 if each.bar >= 10 else 2
        numbers = [f"{number:.{digits}f}" for number in (each.median, each.highest, each.bar)]
        table.add_row(each.question, *numbers, "holds" if each.holds else "DOES NOT HOLD")
    return table


def main() -> int:
    """Exit status 0 when every bar holds."""
    parser = argparse.ArgumentParser(prog="python -m bench.history", description=str(__doc__).partition("\n")[0])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as directory, LocalCloud(Path(directory), port=0) as cloud:
        sid = fill(cloud, cloud.deploy(), options.events, console)
        figures = measured(cloud, sid, options.rounds, console)
    console.print(shown(figures, options.events))
    results: dict[str, Any] = {"events": options.events, "figures": [asdict(each) | {"holds": each.holds} for each in figures]}
    options.output.write_text(json.dumps(results, indent=2) + "\n")
    return 0 if all(each.holds for each in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
