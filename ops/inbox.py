"""Voicemails as the engineer has them: which there are, who has heard them, and their audio, for the terminal and the console alike."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from lambdas.answer.journal import is_sid
from lambdas.workers.events import Item
from lambdas.workers.voicemails import ELSEWHERE, FINISH, GIVEN_UP, HEAR, NEXT, OPEN, STORED, shown, stamp
from ops.deployment import OpsError, explained
from ops.desk import Desk
from ops.period import Period

KIND = "voicemail"
FAR_BACK = timedelta(days=31)  #: how far a recording is looked for by its SID alone; by its call it is found at once
CHUNK = 64 * 1024
NOT_FULFILLED = "ConditionalCheckFailedException"
GONE = ("NoSuchKey", "404", "NoSuchVersion")


def waiting(desk: Desk) -> list[Item]:
    """Those that nobody has heard, newest first."""
    found = [item for item in desk.history.waiting(HEAR) if item["kind"] == KIND]
    return sorted(found, key=lambda item: str(item["time"]), reverse=True)


def within(desk: Desk, period: Period) -> list[Item]:
    """All of a period, whatever became of them, newest first."""
    keys = [(event["pk"], event["sk"]) for event in desk.history.events(period) if event["kind"] == KIND]
    whole = desk.history.items(keys)
    return [whole[key] for key in keys if key in whole]


def find(desk: Desk, sid: str) -> Item:
    """One voicemail, by the SID of its recording or of its call. Raises OpsError."""
    if not is_sid(sid, "RE", "CA"):
        listed = desk.command("voicemails list")
        raise OpsError(f"{sid!r} is no SID of a recording or call: RE or CA and 32 hexadecimal digits, as `{listed}` shows them")
    found = of_call(desk, sid) if sid.startswith("CA") else by_recording(desk, sid)
    if not found:
        how = "give the SID of its call (CA…) if it is older than a month" if sid.startswith("RE") else "did that call leave one?"
        week = desk.command("voicemails list --since 7d")
        raise OpsError(f"there is no voicemail {sid} in {desk.title}: {how}; `{week}` shows those of a week")
    return found


def of_call(desk: Desk, call: str) -> Item | None:
    """The last voicemail of a call."""
    return max(desk.history.under(call, f"{KIND}#"), key=lambda item: str(item["time"]), default=None)


def by_recording(desk: Desk, sid: str) -> Item | None:
    """A voicemail by its recording: among those that wait, else along the timeline."""
    for item in waiting(desk):
        if item["sid"] == sid:
            return item
    everything = desk.history.events(Period.last(FAR_BACK, datetime.now(UTC)))
    key = next(((event["pk"], event["sk"]) for event in everything if event["kind"] == KIND and event["sk"] == f"{KIND}#{sid}"), None)
    return desk.history.items([key]).get(key) if key else None


def acknowledge(desk: Desk, item: Item, by: str, note: str = "") -> None:
    """Somebody has heard it and sees to it. Raises OpsError where there is nothing to hear yet, or somebody else sees to it already.

    What the machine has still to do, such as deleting it at Twilio, it goes on with."""
    values = {":at": stamp(datetime.now(UTC)), ":by": by, ":note": note, ":stored": STORED, ":elsewhere": ELSEWHERE}
    values |= {":finish": FINISH} if item.get(NEXT) else {}
    change(
        desk,
        item,
        "SET heard_at = :at, heard_by = :by, note = :note" + (", todo = :finish" if item.get(NEXT) else " REMOVE todo"),
        "#state IN (:stored, :elsewhere) AND (attribute_not_exists(heard_at) OR heard_by = :by)",
        values,
        taken(desk, item),
    )


def taken(desk: Desk, item: Item) -> str:
    """Why it cannot be acknowledged, as far as it was known when it was read."""
    if item["state"] in (STORED, ELSEWHERE):
        again = desk.command(f"voicemails unack {item['sid']}")
        return f"{item['sid']} is seen to by {item.get('heard_by') or 'somebody else'} already; `{again}` lets it wait again"
    return f"{item['sid']} is {item['state']}: there is nothing to hear"


def accept(desk: Desk, item: Item, by: str, note: str = "") -> None:
    """What there is of it is good enough: a file that nobody could check may be deleted at Twilio, one that never came is waited for no
    more. Raises OpsError where there is nothing to accept. `reconcile` queues a file once more; `collect` does what the settings say."""
    moment = stamp(datetime.now(UTC))
    values = {":at": moment, ":by": by, ":note": note}
    if item["state"] in OPEN:
        values |= {":up": GIVEN_UP} | dict(zip((":a", ":b", ":c"), OPEN, strict=True))
        update = "SET #state = :up, accepted_at = :at, accepted_by = :by, note = :note REMOVE todo, next_attempt"
        change(desk, item, update, "#state IN (:a, :b, :c)", values, f"{item['sid']} has come in the meantime")
        return
    values |= {":stored": STORED, ":finish": FINISH}
    update = "SET accepted_at = :at, accepted_by = :by, accepted_note = :note, next_attempt = :at, todo = if_not_exists(todo, :finish)"
    condition = "#state = :stored AND attribute_not_exists(deleted_at) AND (attribute_exists(differs) OR attribute_exists(encryption))"
    change(desk, item, update, condition, values, f"{item['sid']} is {shown(item)}, as Twilio announced it: there is nothing to accept")


def reopen(desk: Desk, item: Item) -> None:
    """It is to be heard again. Raises OpsError where nobody had heard it."""
    values = {":hear": HEAR, ":stored": STORED, ":elsewhere": ELSEWHERE}
    change(
        desk,
        item,
        "SET todo = :hear REMOVE heard_at, heard_by, note",
        "#state IN (:stored, :elsewhere) AND attribute_exists(heard_at)",
        values,
        f"{item['sid']} was not acknowledged",
    )


def change(desk: Desk, item: Item, update: str, condition: str, values: dict[str, str], otherwise: str) -> None:
    """One conditional write where the item lives. Raises OpsError with `otherwise` where the condition does not hold."""
    deployment = desk.at(item)
    with explained(f"the voicemail {item['sid']}"):
        try:
            deployment.client("dynamodb").update_item(
                TableName=deployment["EventTableName"],
                Key={"pk": {"S": item["pk"]}, "sk": {"S": item["sk"]}},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == NOT_FULFILLED:
                raise OpsError(otherwise) from error
            raise


def audio(desk: Desk, item: Item, start: int = 0, end: int | None = None) -> tuple[Iterator[bytes], str]:
    """The audio from a byte on, in chunks, and its content type. Raises OpsError, with the reason why there is none."""
    if not item.get("key"):
        why = item.get("reason") or item.get("why_empty") or item.get("media_url") or ""
        raise OpsError(f"{item['sid']} is {item['state']}: there is no file of it here{why and f'; {why}'}")
    deployment = desk.at(item)
    asked: dict[str, Any] = {"Bucket": deployment["VoicemailBucketName"], "Key": item["key"]}
    if start or end is not None:
        asked["Range"] = f"bytes={start}-{'' if end is None else end}"
    with explained(f"the audio of {item['sid']}"):
        try:
            answer = deployment.client("s3").get_object(**asked)
        except ClientError as error:
            if error.response["Error"]["Code"] in GONE:
                raise OpsError(f"the audio of {item['sid']} is gone: the bucket keeps files for [retention] voicemails days") from error
            raise
    return answer["Body"].iter_chunks(CHUNK), str(answer["ContentType"])
