"""`fallback voicemails status | redrive | accept`: where every voicemail is on its way to the bucket, a push for those that are
stuck, and an end for what will not get better."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from lambdas.workers.events import Item
from lambdas.workers.tasks import NotATask, NotQueued, queue, task_in
from lambdas.workers.voicemails import COLLECT, HEAR, NEXT, OPEN, shown
from ops import audit, inbox
from ops.deployment import Deployment, OpsError, explained
from ops.desk import Desk
from ops.options import PRODUCTION, EnvironmentOption, JsonOption, RegionsOption, SinceOption
from ops.period import Period
from ops.screen import err, out
from ops.words import clock, count

DAY = timedelta(days=1)
LATE = timedelta(hours=1)
AT_ONCE = 10  #: messages of one request to SQS
MEANING = {
    "announced": "Twilio said that it is there; being fetched",
    "waiting": "Twilio does not have it yet; asked again",
    "failed": "could not be fetched or stored; tried again",
    "stored": "a verified copy is in the bucket; nobody has heard it",
    "elsewhere": "your account keeps it outside Twilio",
    "deleted at Twilio": "our verified copy is the only one",
    "heard": "somebody sees to it",
    "empty": "nothing was said",
    "given up": "somebody accepted that it never came",
}
DEPTHS = {"queued": "ApproximateNumberOfMessages", "under_way": "ApproximateNumberOfMessagesNotVisible"}


def status(
    since: SinceOption = None, as_json: JsonOption = False, environment: EnvironmentOption = PRODUCTION, region: RegionsOption = None
) -> None:
    """Where voicemails are, and what is stuck. How many in which state, what waits, and why.

    Everything that waits is shown however old it is; what is done, of the last day or since the time given.

    Examples:

        fallback voicemails status

        fallback voicemails status --since 7d --json
    """
    desk, now = Desk.open(environment, region), datetime.now(UTC)
    found = everything(desk, Period.of(since, None, None, now) if since else Period.last(DAY, now))
    queues = [{"region": each.region} | depths(each) for each in desk.deployments]
    stuck = sorted((item for item in found if item["state"] in OPEN), key=lambda item: str(item["announced_at"]))
    if as_json:
        print(json.dumps({"states": Counter(map(shown, found)), "queues": queues, "waiting": [told(item) for item in stuck]}))
        return
    out.print(states(found, desk.title))
    for each in queues:
        out.print(f"{each['region']}: {each['queued']} queued, {each['under_way']} under way, {each['dead']} dead letters")
    for item in stuck:
        out.print(escape(line(item, now)))
    for hint in hints(desk, stuck, queues, now):
        out.print(hint, soft_wrap=True)


def everything(desk: Desk, period: Period) -> list[Item]:
    """What waits, and what was done within a period; each once."""
    with explained("the voicemails"):
        found = [*desk.history.waiting(COLLECT), *desk.history.waiting(HEAR), *inbox.within(desk, period)]
    return list({(item["pk"], item["sk"]): item for item in found}.values())


def depths(deployment: Deployment) -> dict[str, int]:
    """How many messages the queue holds, how many are being worked on, and how many came to nothing."""
    client = deployment.client("sqs")
    with explained("the voicemail queues"):
        names: Any = list(DEPTHS.values())
        held = client.get_queue_attributes(QueueUrl=deployment["VoicemailQueueUrl"], AttributeNames=names)["Attributes"]
        dead = client.get_queue_attributes(QueueUrl=deployment["VoicemailDeadLettersUrl"], AttributeNames=names)["Attributes"]
    return {name: int(held[attribute]) for name, attribute in DEPTHS.items()} | {"dead": int(dead[DEPTHS["queued"]])}


def states(found: Sequence[Item], title: str) -> Table:
    """How many there are in each state."""
    counted = Counter(map(shown, found))
    table = Table("state", "voicemails and media", "which means", title=f"Voicemails of {title}", box=None, title_justify="left")
    for name, meaning in MEANING.items():
        if counted[name]:
            table.add_row(name, str(counted[name]), meaning)
    return table


def told(item: Item) -> dict[str, Any]:
    """One that is on its way, without numbers."""
    names = ("sid", "kind", "state", "announced_at", "attempts", "reason", NEXT, "region")
    return {name: item[name] for name in names if name in item} | {"belongs_to": item["pk"]}


def line(item: Item, now: datetime) -> str:
    """`RE… failed since 02:41:07, 3 attempts, next 02:56:07: Twilio answered 500`."""
    since, reason = clock(datetime.fromisoformat(item["announced_at"])), item.get("reason", "")
    following = f"next {clock(datetime.fromisoformat(item[NEXT]))}" if item.get(NEXT) else "given up after two weeks"
    late = " LATE" if now - datetime.fromisoformat(item["announced_at"]) > LATE else ""
    attempts = count(int(item["attempts"]), "attempt")
    return f"{item['sid']} {item['state']}{late} since {since}, {attempts}, {following}{f': {reason}' if reason else ''}"


def hints(desk: Desk, stuck: Sequence[Item], queues: Sequence[dict[str, Any]], now: datetime) -> Iterator[str]:
    """What to type next."""
    if any(each["dead"] for each in queues):
        yield f"Dead letters could not even be noted: `{desk.command('voicemails redrive')}` says what it would move back."
    if any(now - datetime.fromisoformat(item["announced_at"]) > LATE for item in stuck):
        redrive_all = desk.command("voicemails redrive --waiting --no-dry-run")
        yield f"Nothing is lost while Twilio has it. Fix the reason, then `{redrive_all}`."
        yield f"What will not come: `{desk.command('voicemails accept')}` explains it, and ends the waiting for one."


def redrive(
    waiting: Annotated[bool, typer.Option("--waiting", help="also try at once what waits for its next attempt")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run/--no-dry-run", help="only say what would be done")] = True,
    as_json: JsonOption = False,
    environment: EnvironmentOption = PRODUCTION,
    region: RegionsOption = None,
) -> None:
    """Collect again what came to nothing. Dead letters go back into the queue; a dry run unless told otherwise.

    Doing it twice does no harm: what is stored already is not fetched again.

    Examples:

        fallback voicemails redrive

        fallback voicemails redrive --waiting --no-dry-run
    """
    desk = Desk.open(environment, region)
    due = [item for item in desk.history.waiting(COLLECT) if item["state"] in OPEN] if waiting else []
    dead = sum(depths(each)["dead"] for each in desk.deployments)
    moved = unreadable = pushed = 0
    if not dry_run:
        moved, unreadable = moved_back(desk, dead)
        pushed = sum(push(desk.at(item), [item["task"]]) for item in track(due, "queueing", console=err, transient=True))
    if as_json:
        known = {"dead_letters": dead, "moved": moved, "unreadable": unreadable, "waiting": len(due), "queued": pushed}
        print(json.dumps(known | {"dry_run": dry_run}))
        return
    out.print(f"{count(dead, 'dead letter')}, {moved} moved back; {len(due)} waiting, {pushed} queued")
    if unreadable:
        out.print(f"{count(unreadable, 'dead letter')} moved back that no version of `collect` could read: look at the log of `collect`")
    if dry_run and (dead or due):
        out.print("This was a dry run; to do it add --no-dry-run")


def accept(
    sid: Annotated[str | None, typer.Argument(help="SID of the recording (RE…), its call (CA…) or a file (ME…)")] = None,
    note: Annotated[str, typer.Option(help="why, as in 'listened to it, it is all there'")] = "",
    since: SinceOption = None,
    as_json: JsonOption = False,
    environment: EnvironmentOption = PRODUCTION,
    region: RegionsOption = None,
) -> None:
    """Accept what is not as announced, or never came. Without a SID: explains which there are, of a month or since then.

    One that is stored but differs from what Twilio announced, or is encrypted, stays at Twilio; once accepted it is deleted there if the
    settings say so. One that could not be fetched is waited for no more; nothing is deleted.

    Examples:

        fallback voicemails accept

        fallback voicemails accept RE0123456789abcdef0123456789abcdef --note "all of it is there"
    """
    desk, now = Desk.open(environment, region), datetime.now(UTC)
    if sid:
        awaited = [item for item in desk.history.waiting(COLLECT) if item["sid"] == sid]
        accept_one(desk, awaited[0] if awaited else inbox.find(desk, sid), note, now)
        return
    found = everything(desk, Period.of(since, None, None, now) if since else Period.last(inbox.FAR_BACK, now))
    left = [(item, why) for item in found if (why := why_left(item, now))]
    if as_json:
        print(json.dumps([told(item) | {"why": why} for item, why in left]))
        return
    for item, why in left:
        out.print(escape(f"{item['sid']} {why}"), soft_wrap=True)
    out.print(f"{count(len(left), 'file')} left behind." + (f" `{desk.command('voicemails accept SID')}` accepts one." if left else ""))


def accept_one(desk: Desk, item: Item, note: str, now: datetime) -> None:
    """Accept what stays behind of one voicemail. Raises OpsError where nothing does."""
    why = why_left(item, now)
    if not why and item["state"] in OPEN:
        raise OpsError(f"{item['sid']} is still being fetched: an hour after it was announced it can be given up")
    inbox.accept(desk, item, audit.who(desk.at(item)), note)
    out.print(escape(f"{item['sid']} accepted" + (f": it {why}" if why else "")), soft_wrap=True)


def why_left(item: Item, now: datetime) -> str:
    """Why a voicemail stays behind, at Twilio or on the list of what is waited for; nothing for one that does not, or is accepted."""
    if item.get("accepted_at") or item.get("deleted_at"):
        return ""
    if item["state"] in OPEN and now - datetime.fromisoformat(item["announced_at"]) > LATE:
        return f"is {item['state']} since {clock(datetime.fromisoformat(item['announced_at']))}: {item.get('reason') or 'not fetched yet'}"
    if item.get("encryption"):
        return "is encrypted, so that nobody here could check it; it stays at Twilio"
    return f"differs: {item['differs']}; it is stored, and stays at Twilio" if item.get("differs") else ""


def moved_back(desk: Desk, expected: int) -> tuple[int, int]:
    """Move the dead letters of every region; how many there were, and how many of them are no tasks."""
    bodies = (body for deployment in desk.deployments for body in letters(deployment))
    found = list(track(bodies, "moving dead letters back", total=expected, console=err, transient=True))
    return len(found), sum(not readable(body) for body in found)


def letters(deployment: Deployment) -> Iterator[str]:
    """The dead letters of a region, each deleted once it is back in the queue; one that comes again while we are at it ends it."""
    client, url = deployment.client("sqs"), deployment["VoicemailDeadLettersUrl"]
    seen: set[str] = set()
    with explained("the dead letters"):
        while found := client.receive_message(QueueUrl=url, MaxNumberOfMessages=AT_ONCE, WaitTimeSeconds=1).get("Messages", []):
            if seen & {each["MessageId"] for each in found}:
                return
            seen |= {each["MessageId"] for each in found}
            push(deployment, [each["Body"] for each in found])
            entries: Any = [{"Id": str(index), "ReceiptHandle": each["ReceiptHandle"]} for index, each in enumerate(found)]
            client.delete_message_batch(QueueUrl=url, Entries=entries)
            yield from (each["Body"] for each in found)


def push(deployment: Deployment, bodies: list[str]) -> int:
    """Into the queue. Raises OpsError where SQS does not take them; nothing is deleted then."""
    try:
        with explained("the voicemail queue"):
            return queue(deployment.client("sqs"), deployment["VoicemailQueueUrl"], bodies)
    except NotQueued as error:
        raise OpsError(f"{error}; nothing is lost, try again") from error


def readable(body: str) -> bool:
    """Whether a message is a task."""
    try:
        task_in(body)
    except NotATask:
        return False
    return True
