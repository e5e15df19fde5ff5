"""`make faults`, first half: voicemails while everything around them fails, and none is lost.

Callers leave messages at the local cloud's real stack. Each recording has one fault of its own, at one step of its way: Twilio's answer,
S3, DynamoDB, SNS, the worker killed before or after any call, the callback lost, doubled or late. What is in the end in bucket, table,
topic and at Twilio is held against what was said.

    python -m bench.faults [--voicemails 500] [--port 0]

Exit status: 0 when every count of the table is zero, 1 when one is not.
"""

import argparse
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, cast

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.fates import AT_TWILIO, Case, Plan, cases, tells_again
from bench.mailbox import Mailbox
from bench.proxy import Proxy
from local.cloud import LocalCloud
from local.demo import rest_api
from local.outputs import Outputs
from local.twilio import Caller, StandInTwilio
from local.twilio.platform import Recording
from local.twilio.postman import Fate
from local.twilio.primary import refusing_url
from local.twilio.rest import RestApi

CALLER, LINE = "+15550100123", "+15550100199"
SERVICES = ("s3", "dynamodb", "sns")
PATIENCE = 600.0  #: seconds in which no voicemail comes to its end: none will any more
RECONCILE = 5.0  #: seconds between two runs of `reconcile`, which every quarter of an hour would do


@dataclass(frozen=True)
class Outcome:
    """What was found in the end. `met`: the fault did happen."""

    case: Case
    met: bool
    lost: bool
    twice: bool
    unverified: bool
    error_page: bool
    repeated: bool


class Run:
    """One run over a deployed local cloud."""

    def __init__(self, cloud: LocalCloud, outputs: Outputs, twilio: StandInTwilio, api: RestApi, seed: int = 1) -> None:
        self.cloud, self.outputs, self.twilio, self.api, self.dice = cloud, outputs, twilio, api, Random(seed)
        self.plan = Plan()
        self.s3, self.table = cloud.client("s3"), cloud.client("dynamodb")
        self.recordings: dict[str, Recording] = {}
        self.said: dict[str, bytes] = {}
        self.unverified: set[str] = set()
        self.items: dict[str, dict[str, Any]] = {}

    def leave(self, planned: list[Case]) -> None:
        """Callers leave messages, each with its fate; their callbacks arrive in an order that dice choose."""
        with refusing_url() as primary:
            line = self.twilio.number(LINE, voice_url=f"{primary}/voice", voice_fallback_url=self.outputs.voice_url)
            for case in planned:
                self.twilio.platform.postman.fates(cast(Fate, case.fault if case.step == "callback" else "late"))
                words = f"Message {len(self.said)}, please call me back"
                self.give(line.call(CALLER, Caller(says=words, ends_recording_with="#")).recordings[0], case)
        self.twilio.platform.postman.bring(self.dice)

    def give(self, recording: Recording, case: Case) -> None:
        """A recording gets its fate, before Twilio tells us of it."""
        self.recordings[recording.sid], self.said[recording.sid] = recording, recording.audio or b""
        self.plan.given[recording.sid] = case
        if case.step == "fetch":
            self.api.faults_of(recording.sid, *AT_TWILIO[case.fault])

    def check_copy(self, sid: str) -> None:
        """At the moment of a deletion: is the whole message in the bucket?"""
        if sid in self.said and self.objects(sid) != [self.said[sid]]:
            self.unverified.add(sid)

    def objects(self, sid: str) -> list[bytes]:
        """Every version of every object of a recording."""
        bucket, prefix = self.outputs.voicemail_bucket, f"voicemail/{self.outputs.account_sid}/{self.recordings[sid].call_sid}/"
        found = self.s3.list_object_versions(Bucket=bucket, Prefix=prefix).get("Versions", [])
        answers = [self.s3.get_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"]) for each in found]
        return [answer["Body"].read() for answer in answers]

    def wait(self, progress: Progress) -> None:
        """Until every voicemail is done, or none has been for minutes; meanwhile `reconcile` runs now and then."""
        bar = progress.add_task("collected", total=len(self.said))
        ends, again = time.monotonic() + PATIENCE, 0.0
        while len(self.items) < len(self.said) and time.monotonic() < ends:
            if self.read():
                ends = time.monotonic() + PATIENCE
            progress.update(bar, completed=len(self.items))
            if time.monotonic() > again:
                self.reconcile()
                again = time.monotonic() + RECONCILE
            time.sleep(0.5)

    def read(self) -> bool:
        """Take the items that are done since the last look; whether there were any."""
        before = len(self.items)
        left = [each for sid, each in self.recordings.items() if sid not in self.items]
        for some in itertools.batched(left, 100, strict=False):
            keys = [{"pk": {"S": each.call_sid}, "sk": {"S": f"voicemail#{each.sid}"}} for each in some]
            answer = self.table.batch_get_item(RequestItems={self.outputs.table: {"Keys": keys, "ConsistentRead": True}})
            for item in answer["Responses"][self.outputs.table]:
                if "deleted_at" in item and "next_attempt" not in item:
                    self.items[item["sid"]["S"]] = item
        return len(self.items) > before

    def reconcile(self) -> None:
        """What the schedule does every quarter of an hour."""
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 7200))
        self.cloud.client("lambda").invoke(
            FunctionName=self.outputs.reconcile_function, InvocationType="Event", Payload=json.dumps({"since": since}).encode()
        )

    def outcomes(self, ids: list[str]) -> list[Outcome]:
        """What became of each."""
        told = Counter(ids)
        return [self.outcome(sid, told[f"voicemail/{sid}"]) for sid in self.recordings]

    def outcome(self, sid: str, told: int) -> Outcome:
        """What became of one."""
        case, copies, said = self.plan.given[sid], self.objects(sid), self.said[sid]
        return Outcome(
            case=case,
            met=case.step in ("fetch", "callback") or sid in self.plan.met,
            lost=said not in copies or sid not in self.items or not told,
            twice=len(copies) > 1,
            unverified=sid in self.unverified,
            error_page=any(not copy.startswith(b"RIFF") for copy in copies),
            repeated=told > 1 and not tells_again(case),
        )


@contextmanager
def interposed(cloud: LocalCloud, outputs: Outputs, plan: Plan) -> Iterator[None]:
    """`collect` reaches S3, DynamoDB and SNS through proxies, and deletes at Twilio what it has stored."""
    client = cloud.client("lambda")
    known = client.get_function_configuration(FunctionName=outputs.collect_function)["Environment"]["Variables"]
    with ExitStack() as stack:
        proxies = [stack.enter_context(Proxy(service, cloud.endpoint, cloud.directory, plan.decide)) for service in SERVICES]
        ways = {f"AWS_ENDPOINT_URL_{proxy.service.upper()}": proxy.url for proxy in proxies}
        change = {**known, **ways, "DELETE_AT_TWILIO": "true"}
        client.update_function_configuration(FunctionName=outputs.collect_function, Environment={"Variables": change})
        yield
        client.update_function_configuration(FunctionName=outputs.collect_function, Environment={"Variables": known})


def run(
    cloud: LocalCloud,
    outputs: Outputs,
    twilio: StandInTwilio,
    api: RestApi,
    planned: list[Case],
    console: Console,
) -> list[Outcome]:
    """Leave a voicemail for each case and say what became of it."""
    this = Run(cloud, outputs, twilio, api)
    api.before_delete = this.check_copy
    with (
        closing(Mailbox(cloud, outputs.notification_topic)) as mailbox,
        interposed(cloud, outputs, this.plan),
        Progress(console=console, transient=True) as progress,
    ):
        bar = progress.add_task("messages left", total=len(planned))
        for some in itertools.batched(planned, 20, strict=False):
            this.leave(list(some))
            progress.advance(bar, len(some))
        this.wait(progress)
        api.before_delete = str
        return this.outcomes(mailbox.ids())


COUNTS = {
    "lost": "lost",
    "stored twice": "twice",
    "deleted unverified": "unverified",
    "error pages": "error_page",
    "told twice *": "repeated",
}


def table(outcomes: list[Outcome]) -> Table:
    """One row for each step and fault, and their sum."""
    shown = Table(title=f"{len(outcomes)} voicemails, each with a fault on its way")
    for heading in ("at", "fault", "voicemails", "met it", *COUNTS):
        shown.add_column(heading, justify="left" if heading in ("at", "fault") else "right")
    rows: dict[tuple[str, str], list[Outcome]] = {}
    for each in outcomes:
        rows.setdefault((each.case.step, each.case.fault), []).append(each)
    for (step, fault), some in rows.items():
        shown.add_row(step, fault, *figures(some))
    shown.add_section()
    shown.add_row("all", "", *figures(outcomes), style="bold")
    return shown


def figures(some: list[Outcome]) -> list[str]:
    """How many, how many met their fault, and every count."""
    return [str(len(some)), str(sum(each.met for each in some)), *(str(count(some, name)) for name in COUNTS.values())]


def count(some: list[Outcome], name: str) -> int:
    """How many of which this holds."""
    return sum(getattr(each, name) for each in some)


def broken(outcomes: list[Outcome]) -> int:
    """The sum of all counts that have to be zero."""
    return sum(count(outcomes, name) for name in COUNTS.values())


def main(arguments: list[str] | None = None) -> int:
    """Deploy, run, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=str(__doc__).partition("\n")[0])
    parser.add_argument("--voicemails", type=int, default=500, help="how many messages are left")
    parser.add_argument("--port", type=int, default=0, help="port of the local cloud on 127.0.0.1 (0: any that is free)")
    parser.add_argument("--directory", type=Path, default=Path(".local/faults"), help="where everything is written")
    options = parser.parse_args(arguments)
    console, began = Console(width=None if sys.stdout.isatty() else 170), time.monotonic()
    planned = list(itertools.islice(itertools.cycle(cases()), options.voicemails))
    with LocalCloud(options.directory, options.port) as cloud, rest_api(cloud) as (twilio, api):
        outputs = cloud.deploy()
        outcomes = run(cloud, outputs, twilio, api, planned, console)
    console.print(table(outcomes))
    console.print("* without a kill between telling people and noting it; after such a kill they are told again, with the same id")
    console.print(f"{time.monotonic() - began:.0f} s")
    return 1 if broken(outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
