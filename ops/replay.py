"""`fallback replay`: hands missed texts and lost callbacks back to the primary, by the function `replay`, one at a time.

A dry run unless told otherwise. The primary's health is asked first, and the first one that it does not take ends the run.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from botocore.config import Config
from rich.markup import escape
from rich.progress import track

from lambdas.workers.hand_back import DELIVERED, NOT_DELIVERED
from ops import audit
from ops.candidates import PERHAPS, REMEDIES, UNKNOWN, Allowed, Candidate, counts, plan, unfinished
from ops.deployment import Deployment, OpsError, explained
from ops.desk import Desk
from ops.options import PRODUCTION, EnvironmentOption, FromOption, JsonOption, RegionsOption, ShowOption, SinceOption, UntilOption
from ops.period import Period
from ops.screen import err, out
from ops.words import clock, count

#: The function is asked once: botocore's own retries would ask it again while it is sending.
ONCE = Config(read_timeout=70, retries={"total_max_attempts": 1})
REFUSED = "refused"
ON = "the same command goes on where this one stopped"
MOST_LISTED = 20
OPTIONS = {PERHAPS: "--include-perhaps", UNKNOWN: "--again"}  #: which option lets it go


Outcome = dict[str, Any]  #: what the function answers: state, reason, status, replies


def replay(
    since: SinceOption = None,
    begin: FromOption = None,
    until: UntilOption = None,
    unknown: Annotated[bool, typer.Option("--unknown", help="only hand-backs that were cut off or not taken, whenever that was")] = False,
    url: Annotated[str, typer.Option(help="only what failed at an address that contains this")] = "",
    include_perhaps: Annotated[bool, typer.Option(help="also what the primary may have processed: time-outs, 5xx, bad TwiML")] = False,
    again: Annotated[bool, typer.Option("--again", help="also what an earlier attempt may have delivered")] = False,
    send_replies: Annotated[bool, typer.Option("--send-replies", help="send the primary's replies on to those who wrote")] = False,
    rate: Annotated[float, typer.Option(min=0.1, max=50, help="how many a second")] = 2,
    dry_run: Annotated[bool, typer.Option("--dry-run/--no-dry-run", help="only say what would be done")] = True,
    as_json: JsonOption = False,
    show_numbers: ShowOption = False,
    environment: EnvironmentOption = PRODUCTION,
    region: RegionsOption = None,
) -> None:
    """Hand missed texts and lost callbacks back to the primary. A dry run unless told otherwise.

    Calls are never replayed: `fallback voicemails call-back` lists whom to call. docs/hand_back.md says what the primary needs.

    Examples:

        fallback replay --since 6h

        fallback replay --since 6h --no-dry-run

        fallback replay --since 6h --include-perhaps --send-replies --rate 5 --no-dry-run
    """
    if unknown and (since or begin or until):
        raise OpsError("--unknown lists what was cut off whenever that was: leave --since, --from and --until out")
    desk = Desk.open(environment, region, show_numbers, "numbers in a hand-back")
    period = None if unknown else Period.of(since or (None if begin else "1d"), begin, until, datetime.now(UTC))
    found = [candidate for candidate in missed(desk, period) if url in candidate.event.get("error_url", "")]
    allowed = Allowed(include_perhaps, again)
    if dry_run:
        show(desk, found, allowed, as_json)
        return
    going = [candidate for candidate in found if candidate.goes(allowed)]
    outcomes: list[Outcome] = []
    sent = send(desk, going, rate, wishes(allowed, send_replies))
    try:
        for candidate, outcome in track(sent, "handing back", len(going), console=err, transient=True):
            outcomes.append(outcome)
            tell(desk, candidate, outcome, as_json)
    except KeyboardInterrupt:
        unfinished = desk.command("replay --unknown")
        raise OpsError(f"stopped after {len(outcomes)} of {len(going)}; {ON}, `{unfinished}` shows what was cut off") from None
    conclude(going, outcomes)
    for line in held_back(found, going):
        err.print(line)


def missed(desk: Desk, period: Period | None) -> list[Candidate]:
    """What could be handed back: of a period, or what was not finished. Raises OpsError where hand-back is switched off."""
    if any(deployed.store == "masked" for deployed in desk.deployed):
        raise OpsError('hand-back is switched off: [privacy] store = "masked" keeps nothing that could be given back')
    hosts = {host for deployed in desk.deployed for host in deployed.primary_hosts}
    if not hosts:
        raise OpsError(f"the settings of {desk.title} name no primary: add its host names to [primary] hosts, and deploy")
    return plan(desk.history, period, hosts) if period else unfinished(desk.history, hosts)


def wishes(allowed: Allowed, send_replies: bool) -> dict[str, bool]:
    """What the function may do, as it is asked."""
    return {"include_perhaps": allowed.include_perhaps, "again": allowed.again, "send_replies": send_replies}


def send(desk: Desk, going: Sequence[Candidate], rate: float, allowed: dict[str, bool]) -> Iterator[tuple[Candidate, Outcome]]:
    """Hand each one back, at most so many a second, until the primary does not take one. Raises OpsError when it is not well before."""
    if not going:
        return
    check(desk, going)
    audit.note(desk.deployments[0], f"handed back {count(len(going), 'message')}")
    by = audit.who(desk.deployments[0])
    functions = {deployment.region: Function(deployment) for deployment in desk.deployments}
    for candidate in going:
        began = time.monotonic()
        event = candidate.event
        outcome = functions[event["region"]]({"pk": event["pk"], "sk": event["sk"], "by": by, **allowed})
        yield candidate, outcome
        if outcome["state"] not in (DELIVERED, REFUSED):
            return
        time.sleep(max(0.0, 1 / rate - (time.monotonic() - began)))


class Function:
    """The function `replay` of one region."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.name = deployment["ReplayFunctionName"]
        self.client = deployment.client("lambda", ONCE)

    def __call__(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Ask it, once. Raises OpsError when it breaks."""
        with explained("the replay function"):
            answer = self.client.invoke(FunctionName=self.name, Payload=json.dumps(payload).encode())
            said: Any = json.loads(answer["Payload"].read())
        if not isinstance(said, dict) or not {"state", "failing"} & said.keys():
            reason = said.get("errorType", "") if isinstance(said, dict) else ""
            unfinished = self.deployment.command("replay --unknown")
            raise OpsError(f"the replay function broke ({reason or 'no reason given'}): look into its log group, then at `{unfinished}`")
        return said


def check(desk: Desk, going: Sequence[Candidate]) -> None:
    """Ask the primary's health before anything is sent. Raises OpsError."""
    for deployment in desk.deployments:
        origins = sorted({candidate.origin for candidate in going if candidate.event["region"] == deployment.region})
        failing = Function(deployment)({"check": origins})["failing"] if origins else []
        if failing:
            raise OpsError(f"the primary is not well yet ({'; '.join(failing)}): nothing was sent; try again once it is")


def show(desk: Desk, found: list[Candidate], allowed: Allowed, as_json: bool) -> None:
    """What would be done."""
    if as_json:
        for candidate in found:
            print(json.dumps(desk.view(candidate.facts) | {"goes": candidate.goes(allowed)}))
        return
    out.print(f"[bold]{desk.title}[/]  the primary missed {count(len(found), 'message')} (texts and callbacks)\n")
    going = [candidate for candidate in found if candidate.goes(allowed)]
    for status, number in counts(found):
        option = f" ({OPTIONS[status]})" if status in OPTIONS else ""
        out.print(f"  {number:5}  [bold]{status}[/]: {escape(REMEDIES[status])}{option}")
    for candidate in going[:MOST_LISTED]:
        out.print(line(desk, candidate))
    if len(going) > MOST_LISTED:
        out.print(f"... and {len(going) - MOST_LISTED} more (--json lists all)")
    if going:
        out.print(f"\nThis was a dry run; to hand {count(len(going), 'message')} back add --no-dry-run")
    out.print(f"Calls cannot be handed back: `{desk.command('voicemails call-back')}` lists whom to call.", soft_wrap=True)


def line(desk: Desk, candidate: Candidate) -> str:
    """A candidate in one line."""
    event = desk.view(candidate.event)
    when = clock(datetime.fromisoformat(event["time"]))
    what = candidate.word.upper() or ("text" if candidate.is_text else "callback")
    where = escape(event.get("error_url", "").removeprefix("https://"))
    return f"{when}  {what:8} {event.get('error_code', '-'):6} {event.get('from') or event['pk']}  {where}"


def tell(desk: Desk, candidate: Candidate, outcome: Outcome, as_json: bool) -> None:
    """How one ended."""
    if as_json:
        print(json.dumps({"sid": candidate.event["pk"], **outcome}), flush=True)
        return
    said = ", ".join(str(outcome[name]) for name in ("reason", "replies") if outcome.get(name))
    out.print(f"{line(desk, candidate)}  [bold]{outcome['state']}[/] {escape(said)}")


def held_back(found: list[Candidate], going: list[Candidate]) -> Iterator[str]:
    """What was not let go, and what lets it."""
    for status, number in counts([each for each in found if each not in going and each.status != DELIVERED]):
        option = f" ({OPTIONS[status]})" if status in OPTIONS else ""
        yield f"{number} {'remains' if number == 1 else 'remain'}, {status}: {escape(REMEDIES[status])}{option}"


def conclude(going: list[Candidate], outcomes: list[Outcome]) -> None:
    """The sum of it. Raises OpsError when it ended early, so that the exit status says so."""
    states = Counter(outcome["state"] for outcome in outcomes)
    left = len(going) - len(outcomes)
    err.print(f"{states[DELIVERED]} of {len(going)} handed back")
    if outcomes and outcomes[-1]["state"] not in (DELIVERED, REFUSED):
        itself = "" if outcomes[-1]["state"] == NOT_DELIVERED else "; that message itself may have arrived and goes only with --again"
        raise OpsError(f"stopped, {left} not tried: {outcomes[-1]['reason']}. {ON.capitalize()}{itself}")
    if states[REFUSED]:
        raise OpsError(f"{count(states[REFUSED], 'message')} not sent, each for the reason beside it")
