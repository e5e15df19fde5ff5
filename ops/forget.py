"""`fallback forget`: erases what is kept of a person from table and bucket, all versions, and says until when the rest still holds it."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import batched
from typing import Annotated, Any

import typer
from rich.progress import track

from lambdas.answer.addresses import called, is_number, normal
from lambdas.answer.journal import OF_CALL_OR_MESSAGE, is_sid
from lambdas.workers.events import ASIDE, ASIDE_DAYS, BATCH, PERSON, SHARDS, STRANGER_DAYS, Item, strangers
from ops import audit
from ops.deployment import Deployment, OpsError, explained
from ops.desk import Desk
from ops.numbers import mask, off_whatsapp
from ops.options import PRODUCTION, EnvironmentOption, JsonOption, RegionsOption
from ops.period import Period
from ops.screen import err, out
from ops.words import count

BACKUPS = 35  #: days of DynamoDB's point-in-time recovery
AT_ONCE = 1000  #: events whose whole items are asked for together
#: By which WhatsApp and RCS know a person who does not show a number: https://www.twilio.com/docs/messaging/channels
CHANNEL_ID = re.compile(r"(?:whatsapp|rcs|messenger):[A-Za-z0-9][A-Za-z0-9._+-]*")
QUEUES = 14  #: days that a dead letter is kept
JOURNAL = "the journal log group"
#: Days that an expired item may still be there: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
LINGERING = 7


@dataclass
class Kept:
    """What is kept of a person: the keys of items and objects by region, and the day of their last call or text."""

    items: list[Item] = field(default_factory=list)
    last: str = ""

    @property
    def objects(self) -> list[Item]:
        """The items that have a file in the bucket."""
        return [item for item in self.items if item.get("key")]

    @property
    def calls(self) -> set[str]:
        """Their calls and texts; opt-outs, claims that nobody vouches for and lines put aside are none."""
        return {item["pk"] for item in self.items if is_sid(item["pk"], *OF_CALL_OR_MESSAGE)}


def forget(
    number: Annotated[str, typer.Option(help="the person's number in E.164, as in +12025550123")],
    dry_run: Annotated[bool, typer.Option("--dry-run/--no-dry-run", help="only say what would be erased")] = True,
    as_json: JsonOption = False,
    environment: EnvironmentOption = PRODUCTION,
    region: RegionsOption = None,
) -> None:
    """Erase a person from table and bucket. Every event, text, voicemail and file of a number; a dry run unless told otherwise.

    Examples:

        fallback forget --number +12025550123

        fallback forget --number +12025550123 --no-dry-run
    """
    number = checked(number)
    desk = Desk.open(environment, region)
    refuse_own(desk, number)
    kept = found(desk, number, datetime.now(UTC))
    if not dry_run:
        audit.note(desk.deployments[0], "erased a person", f"{count(len(kept.calls), 'call')} and texts")
        erase(desk, kept)
    remains = elsewhere(desk, kept, datetime.now(UTC))
    if as_json:
        facts = {"calls": len(kept.calls), "items": len(kept.items), "files": len(kept.objects), "erased": not dry_run}
        print(json.dumps(facts | {"remains": {what: day.isoformat() for what, day in remains}}))
        return
    tell(number, kept, remains, dry_run)


def checked(number: str) -> str:
    """A person's number in its normal form, or an address by which a channel knows somebody who hides theirs. Raises OpsError."""
    person = normal(off_whatsapp(number))
    if not is_number(person) and not CHANNEL_ID.fullmatch(number):
        raise OpsError(
            f"{number!r} is not a phone number: write it in E.164, as in +12025550123, or whole, as in whatsapp:US.13491208655302"
        )
    return person if is_number(person) else number


def refuse_own(desk: Desk, number: str) -> None:
    """Refuse the company's own number, as it is deployed. Raises OpsError."""
    if any(number in deployed.own_numbers for deployed in desk.deployed):
        raise OpsError(f"{number} is the company's own number: this would erase everybody who called it")


def found(desk: Desk, number: str, now: datetime) -> Kept:
    """Everything of a person in the table. The timeline is read as far back as events are kept: there is no index by number, on purpose."""
    kept, calls = Kept(), dict[str, None]()
    days = max(deployed.events_days for deployed in desk.deployed)
    everything = desk.history.events(Period.last(timedelta(days=days), now))
    for event in track(with_forwarding(desk, everything), "looking through all events", console=err, transient=True):
        if of_person(event, number):
            calls[event["pk"]] = None
            kept.last = max(kept.last, event["time"])
    for pk in (*calls, f"{PERSON}{number}", f"{PERSON}whatsapp:{number}"):
        kept.items += desk.history.under(pk)
    stray = [*claimed(desk, number, now), *put_aside(desk, number, now)]
    kept.items += stray
    kept.last = max([kept.last, *(item["time"] for item in stray)])
    return kept


def with_forwarding(desk: Desk, events: Iterable[Item]) -> Iterator[Item]:
    """The events with who forwarded a call to us, which the timeline does not carry."""
    for group in batched(events, AT_ONCE, strict=False):
        asked = [(event["pk"], event["sk"]) for event in group if event.get("kind") == "request" and event.get("medium") == "voice"]
        whole = desk.history.items(asked, "pk, sk, params.ForwardedFrom")
        for event in group:
            params = whole.get((event["pk"], event["sk"]), {}).get("params") or {}
            yield event | {"forwarded_from": params.get("ForwardedFrom", "")}


def claimed(desk: Desk, number: str, now: datetime) -> Iterator[Item]:
    """What requests said of the person that nobody vouches for. It is in no call's story, so it is looked for by the day."""
    for day in last_days(STRANGER_DAYS, now):
        for shard in range(SHARDS):
            yield from (item for item in desk.history.under(strangers(f"{day}#{shard}")) if of_person(item, number))


def put_aside(desk: Desk, number: str, now: datetime) -> Iterator[Item]:
    """Lines that could not become events and hold the number; what else their digits could mean is not asked."""
    for day in last_days(ASIDE_DAYS, now):
        yield from (item for item in desk.history.under(f"{ASIDE}#{day}") if number[1:] in f"{item.get('text')} {item.get('reason')}")


def last_days(days: int, now: datetime) -> Iterator[str]:
    """The days on which items of that life were written, if they are still there."""
    return ((now - timedelta(days=ago)).date().isoformat() for ago in range(days + LINGERING + 1))


def of_person(event: Item, number: str) -> bool:
    """Whether a person called, wrote or was called, by whichever kind of address (`sip:1…@pbx`, `whatsapp:+1…`), the plus or not."""
    addresses = [str(event.get(name) or "") for name in ("from", "to", "forwarded_from")]
    if not is_number(number):
        return number in addresses
    return any(number in (normal(address), called(address)) or number[1:] in re.findall(r"\d{7,}", address) for address in addresses)


def erase(desk: Desk, kept: Kept) -> None:
    """Files first: an item that is gone cannot name its file any more. Raises OpsError."""
    for deployment in desk.deployments:
        here = [item for item in kept.items if item["region"] == deployment.region]
        with explained("erasing"):
            erase_files(deployment, [item["key"] for item in here if item.get("key")])
            erase_items(deployment, here)


def erase_files(deployment: Deployment, keys: list[str]) -> None:
    """Every version of these objects, and the markers of those deleted before."""
    client, bucket = deployment.client("s3"), deployment["VoicemailBucketName"]
    for key in keys:
        for version in versions(client, bucket, key):
            client.delete_object(Bucket=bucket, Key=key, VersionId=version)


def versions(client: Any, bucket: str, key: str) -> Iterator[str]:
    """The versions of one object."""
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
        yield from (each["VersionId"] for kind in ("Versions", "DeleteMarkers") for each in page.get(kind, []) if each["Key"] == key)


def erase_items(deployment: Deployment, items: list[Item]) -> None:
    """These items; what DynamoDB leaves undone is asked for again."""
    client, table = deployment.client("dynamodb"), deployment["EventTableName"]
    for group in batched(items, BATCH, strict=False):
        left = {table: [{"DeleteRequest": {"Key": {"pk": {"S": item["pk"]}, "sk": {"S": item["sk"]}}}} for item in group]}
        while left:
            left = client.batch_write_item(RequestItems=left)["UnprocessedItems"]


def elsewhere(desk: Desk, kept: Kept, now: datetime) -> list[tuple[str, date]]:
    """Where the person's data still is, and until which day."""
    last = datetime.fromisoformat(kept.last) if kept.last else None
    days = max(deployed.journal_days for deployed in desk.deployed)
    journal = [(JOURNAL, (last + timedelta(days=days)).date())] if last else []
    backups = [("backups of the table (point-in-time recovery)", (now + timedelta(days=BACKUPS)).date())] if kept.items else []
    queues = [("dead letters of the queues, if there are any", (last + timedelta(days=QUEUES)).date())] if last else []
    return [(what, day) for what, day in (*journal, *backups, *queues) if day >= now.date()]


def tell(number: str, kept: Kept, remains: list[tuple[str, date]], dry_run: bool) -> None:
    """What was, or would be, erased, and what remains."""
    if not kept.items:
        out.print(f"Nothing is kept of {mask(number)}.")
        return
    verb = "would be erased" if dry_run else "erased"
    what = f"{count(len(kept.calls), 'call')} and texts in {count(len(kept.items), 'item')}, {count(len(kept.objects), 'file')}"
    out.print(f"{mask(number)}: {what} {verb}.")
    for place, day in remains:
        out.print(f"  {place}: until {day}")
    if any(place == JOURNAL for place, _ in remains):
        out.print("  Whoever rebuilds events before that day brings them back, and recordings still at Twilio: erase once more then.")
    out.print("  Twilio keeps its own records of calls, texts and recordings; e-mails and exports are wherever they were sent.")
    if dry_run:
        out.print("This was a dry run; to erase add --no-dry-run. It cannot be undone.")
