"""What is to be collected at Twilio: the one description of a message of the voicemail queue.

`record` makes tasks from journal lines, `reconcile` from what Twilio lists; `collect` reads them. A task holds facts only, no phone number.
Recording status callback: https://www.twilio.com/docs/voice/twiml/record#attributes-recording-status-callback
Media of a text: https://www.twilio.com/docs/messaging/guides/webhook-request#media-related-parameters
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from itertools import batched
from typing import TYPE_CHECKING, Any

from lambdas.answer.journal import is_sid
from lambdas.answer.signature import VERIFIED

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MEDIA_URL = re.compile(r"https://[a-z0-9.-]+/[\w/.-]*/Media/(ME[0-9a-f]{32})")
#: Statuses after which nothing more comes of a recording; `in-progress` and the like are none of them.
FINAL = ("completed", "absent", "failed")
NO_ERROR = "0"  #: the ErrorCode of callbacks that tell no error
MOST_MEDIA = 10
AT_ONCE = 10  #: messages of one SendMessageBatch


class NotATask(ValueError):
    """A message that this queue's readers did not agree on."""


class NotQueued(RuntimeError):
    """SQS did not take every message; whoever sends them has to come again."""


@dataclass(frozen=True)
class Recording:
    """A recording at Twilio. `seconds` is Twilio's own figure; `started` a moment in UTC, empty where Twilio did not say."""

    account: str
    call: str
    sid: str
    url: str
    status: str
    seconds: int | None = None
    started: str = ""
    error_code: str = ""

    kind = "voicemail"

    @property
    def belongs_to(self) -> str:
        """The call: the key that its events bear too."""
        return self.call


@dataclass(frozen=True)
class Media:
    """A picture or other file that came with a text; `type` is the content type that Twilio announced."""

    account: str
    message: str
    sid: str
    url: str
    type: str

    kind = "media"
    started = ""

    @property
    def belongs_to(self) -> str:
        """The text: the key that its event bears too."""
        return self.message


Task = Recording | Media
KINDS: dict[str, type[Recording] | type[Media]] = {Recording.kind: Recording, Media.kind: Media}


def body_of(task: Task) -> str:
    """A task as the queue carries it."""
    return json.dumps({"kind": task.kind} | asdict(task))


def task_in(body: str) -> Task:
    """The task that a message of the queue holds. Raises NotATask."""
    try:
        fields = json.loads(body)
        task = KINDS[fields.pop("kind")](**fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotATask(f"no task: {type(error).__name__}") from error
    if not sound(task):
        raise NotATask("no task: a SID in it is none")
    return task


def sound(task: Task) -> bool:
    """Whether its SIDs are SIDs: they become keys and paths."""
    return all(isinstance(sid, str) and is_sid(sid) for sid in (task.account, task.belongs_to, task.sid))


def queue(client: "SQSClient", url: str, bodies: Iterable[str]) -> int:
    """Put messages into the queue, each once, and return how many. Raises NotQueued."""
    unique = list(dict.fromkeys(bodies))
    for some in batched(unique, AT_ONCE, strict=False):
        entries: Any = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(some)]
        if failed := client.send_message_batch(QueueUrl=url, Entries=entries).get("Failed"):
            raise NotQueued(f"messages not taken: {len(failed)}, {failed[0]['Code']}")
    return len(unique)


def tasks_of(line: Mapping[str, Any]) -> Iterator[Task]:
    """What a journal line gives to collect. Only verified requests do: what strangers claim, `reconcile` asks Twilio about."""
    if line.get("trust") != VERIFIED or line.get("probe"):
        return
    found = media_of(line["params"]) if line["medium"] == "sms" else recordings_of(line["medium"], line["params"])
    yield from (task for task in found if sound(task))


def recordings_of(medium: str, params: Mapping[str, str]) -> Iterator[Recording]:
    """The recording of a status callback that is its last."""
    if medium != "callback" or params.get("RecordingStatus") not in FINAL:
        return
    seconds, error = params.get("RecordingDuration", ""), params.get("ErrorCode", NO_ERROR)
    yield Recording(
        account=params.get("AccountSid", ""),
        call=params.get("CallSid", ""),
        sid=params.get("RecordingSid", ""),
        url=params.get("RecordingUrl", ""),
        status=params["RecordingStatus"],
        seconds=int(seconds) if re.fullmatch(r"[0-9]{1,6}", seconds) else None,
        started=utc(params.get("RecordingStartTime", "")),
        error_code="" if error == NO_ERROR else error,
    )


def media_of(params: Mapping[str, str]) -> Iterator[Media]:
    """The media of a text, in their order."""
    for index in range(MOST_MEDIA):
        url = params.get(f"MediaUrl{index}", "")
        if found := MEDIA_URL.fullmatch(url):
            kind = params.get(f"MediaContentType{index}", "")
            yield Media(params.get("AccountSid", ""), params.get("MessageSid", ""), found[1], url, kind)


def utc(moment: str) -> str:
    """A moment of RFC 2822 as `2026-11-21T02:41:07Z`; nothing for what is none."""
    try:
        return parsedate_to_datetime(moment).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        return ""
