"""Recordings that Twilio has and we have not: a status callback is best effort, and a forged one may have been a stale token's.

Windows of the event table's timeline say which calls we answered, verified or not; Twilio's list of the same window, a thousand at a time,
says which recordings there are; what is in both and has no item of its own is announced and queued. Never a request for each call.
How far this has come is noted after every window of every account and Region, so that a run that was cut short, or a week without one,
loses nothing.

A call of a trunk leaves no alert, so where its lines were lost nothing in the table tells of it. Therefore, where there are trunks, every
hour the recordings of a whole day are looked at, whoever caused them. The company's own application records too: only the call of a trunk
counts, and of a call about which there is a doubt only Twilio's own account of whom it asked (`lambdas.workers.call_events`).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lambdas.workers import calls, recordings
from lambdas.workers.call_events import CallEvents
from lambdas.workers.events import MISSED, STATUS
from lambdas.workers.progress import Progress
from lambdas.workers.tasks import FINAL, Recording
from lambdas.workers.timeline import Timeline
from lambdas.workers.transport import Deadline
from lambdas.workers.twilio_api import TwilioApi
from lambdas.workers.twilio_regions import Home
from lambdas.workers.voicemails import key_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBServiceResource
    from mypy_boto3_dynamodb.service_resource import Table

WINDOW = timedelta(hours=6)
#: A recording ends with its call at the latest; shorter than a window.
LONGEST_RECORDING = calls.LONGEST_CALL
#: A younger recording's callback is probably on its way.
SETTLED = timedelta(minutes=10)
KEYS_AT_ONCE = 100  #: the most that BatchGetItem takes
TRUNKS_EVERY, TRUNKS_BACK = timedelta(hours=1), timedelta(days=1)


class Missing:
    """Finds them, window by window."""

    def __init__(self, database: "DynamoDBServiceResource", table: "Table", api: TwilioApi, events: CallEvents) -> None:
        self.database = database
        self.table = table
        self.api = api
        self.events = events

    def progress(self, home: Home) -> Progress:
        """How far an account has come: one without a key must not keep the others from their recordings."""
        return Progress(self.table, f"recordings#{home.name}")

    def windows(self, home: Home, since: datetime | None, until: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The windows up to a moment, each noted once its recordings were handled.

        They begin as long before the end of the last run as a recording may take to be complete, or where we are told.
        """
        progress = self.progress(home)
        begin = since or progress.since(until) - LONGEST_RECORDING
        while begin < until:
            end = min(begin + WINDOW, until)
            yield begin, end
            progress.came_to(begin := end)

    def within(self, home: Home, since: datetime, until: datetime, deadline: Deadline) -> list[Recording]:
        """An account's recordings of a window that have no item; Twilio is asked only where we answered calls. Raises as `listed` does."""
        came, missed = self.calls(since - calls.LONGEST_CALL, until)
        if not came and not missed:
            return []
        made = recordings.listed(self.api, home, since, until, deadline)
        new = self.unknown([each for each in made if each.call in came | missed and each.status in FINAL])
        return [each for each in new if each.call in came or self.is_ours(each, deadline)]

    def calls(self, since: datetime, until: datetime) -> tuple[set[str], set[str]]:
        """The calls that came to us in a window, or of which somebody said so whom nobody could check; and those of which an alert tells
        and nothing else: their lines may be lost."""
        timeline = Timeline(self.table)
        claimed = {event["sid"] for event in timeline.strangers(since, until) if event.get("medium") != "sms"}
        events = [
            (event["pk"], event["kind"])
            for event in timeline.events(since, until)
            if event.get("medium") != "sms" and event["kind"] != STATUS
        ]
        came = claimed | {call for call, kind in events if kind != MISSED}
        return came, {call for call, _ in events} - came

    def is_ours(self, recording: Recording, deadline: Deadline) -> bool:
        """Whether the call of a recording came to us, by Twilio's own account."""
        return self.events.came_to_us(recordings.home_of(recording), recording.call, deadline)

    def trunks(self, home: Home) -> Progress:
        """How far an account's trunks were looked at."""
        return Progress(self.table, f"trunks#{home.name}")

    def trunks_since(self, home: Home, until: datetime) -> datetime | None:
        """Where to begin to look at an account's trunks; None where that was done within the hour."""
        noted = self.trunks(home).since(until)
        return noted - TRUNKS_BACK if until - noted >= TRUNKS_EVERY else None

    def by_trunk(self, home: Home, since: datetime, until: datetime, deadline: Deadline) -> list[tuple[Recording, Any]]:
        """An account's recordings of a window that have no item, of calls of trunks that came to us, each with its call as Twilio lists it.
        Raises as `listed` does."""
        made = recordings.listed(self.api, home, since, until, deadline)
        if not (new := self.unknown([each for each in made if each.status in FINAL])):
            return []
        known = calls.listed(self.api, home, since - calls.LONGEST_CALL, until, deadline)
        trunks = {call.sid: call for call in known if calls.is_trunks(call)}
        return [(each, trunks[each.call]) for each in new if each.call in trunks and self.is_ours(each, deadline)]

    def unknown(self, found: list[Recording]) -> list[Recording]:
        """Those without an item."""
        keys = {each.sid: key_of(each) for each in found}
        known = self.existing(list(keys.values()))
        return [each for each in found if (keys[each.sid]["pk"], keys[each.sid]["sk"]) not in known]

    def existing(self, keys: list[dict[str, Any]]) -> set[tuple[str, str]]:
        """Which of these keys have an item."""
        there: set[tuple[str, str]] = set()
        for start in range(0, len(keys), KEYS_AT_ONCE):
            asked: Any = {self.table.name: {"Keys": keys[start : start + KEYS_AT_ONCE], "ProjectionExpression": "pk, sk"}}
            while asked:
                answer = self.database.batch_get_item(RequestItems=asked)
                there |= {(str(item["pk"]), str(item["sk"])) for item in answer["Responses"].get(self.table.name, [])}
                asked = answer["UnprocessedKeys"]
        return there
