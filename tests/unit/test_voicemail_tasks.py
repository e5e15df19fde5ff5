"""What a journal line gives to collect, and what the queue carries of it."""

from typing import Any

import boto3
import pytest
from moto import mock_aws

from lambdas.workers.tasks import Media, NotATask, NotQueued, Recording, body_of, queue, task_in, tasks_of

ACCOUNT, CALL, RECORDING, MESSAGE = ("AC" + "1" * 32, "CA" + "2" * 32, "RE" + "3" * 32, "MM" + "4" * 32)
URL = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Recordings/{RECORDING}"


def callback(**params: str) -> dict[str, Any]:
    """The line of a recording's status callback."""
    known = {
        "AccountSid": ACCOUNT,
        "CallSid": CALL,
        "RecordingSid": RECORDING,
        "RecordingUrl": URL,
        "RecordingStatus": "completed",
        "RecordingDuration": "12",
        "RecordingStartTime": "Sat, 21 Nov 2026 02:41:07 +0000",
        "ErrorCode": "0",
    }
    return {"medium": "callback", "trust": "verified", "params": known | params}


def text(*media: tuple[str, str]) -> dict[str, Any]:
    """The line of a text with media."""
    params = {"AccountSid": ACCOUNT, "MessageSid": MESSAGE, "NumMedia": str(len(media))}
    for index, (url, kind) in enumerate(media):
        params |= {f"MediaUrl{index}": url, f"MediaContentType{index}": kind}
    return {"medium": "sms", "trust": "verified", "params": params}


def test_a_recording_that_is_complete() -> None:
    [task] = tasks_of(callback())
    assert task == Recording(ACCOUNT, CALL, RECORDING, URL, "completed", 12, "2026-11-21T02:41:07Z", "")
    assert task_in(body_of(task)) == task


def test_a_recording_that_twilio_did_not_keep() -> None:
    """Error 0 means none; only a true one is a reason."""
    [task] = tasks_of(callback(RecordingStatus="absent", ErrorCode="16101", RecordingDuration=""))
    assert isinstance(task, Recording)
    assert (task.status, task.seconds, task.error_code) == ("absent", None, "16101")


def test_the_photos_of_a_text() -> None:
    sids = ["ME" + digit * 32 for digit in "56"]
    urls = [f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/{MESSAGE}/Media/{sid}" for sid in sids]
    tasks = list(tasks_of(text((urls[0], "image/jpeg"), (urls[1], "video/mp4"))))
    assert tasks == [Media(ACCOUNT, MESSAGE, sids[0], urls[0], "image/jpeg"), Media(ACCOUNT, MESSAGE, sids[1], urls[1], "video/mp4")]
    assert [task_in(body_of(task)) for task in tasks] == tasks


@pytest.mark.parametrize(
    "line",
    [
        callback() | {"trust": "forged"},
        callback() | {"trust": "unverifiable"},
        callback() | {"probe": True},
        callback() | {"medium": "voice"},
        callback(RecordingStatus="in-progress"),
        callback(RecordingSid="../../x"),
        callback(CallSid=""),
        text(),
        text(("https://example.com/photo.jpg", "image/jpeg")),
        text(("https://[::1/Media/ME" + "5" * 32, "image/jpeg")),
    ],
)
def test_nothing_to_collect(line: dict[str, Any]) -> None:
    """What strangers claim, what is not over, what is no SID: reconcile asks Twilio about the first, the others are nothing."""
    assert list(tasks_of(line)) == []


@pytest.mark.parametrize("body", ["", "{}", "[]", "null", '{"kind": "fax"}', '{"kind": "voicemail"}', '{"kind": "media", "sid": "x"}'])
def test_a_message_that_is_no_task_is_said_to_be_none(body: str) -> None:
    with pytest.raises(NotATask):
        task_in(body)


def test_a_moment_that_is_none_is_left_out() -> None:
    [task] = tasks_of(callback(RecordingStartTime="yesterday"))
    assert task.started == ""


def test_messages_go_ten_at_a_time_and_each_once() -> None:
    with mock_aws():
        client = boto3.client("sqs", region_name="us-east-1")
        url = client.create_queue(QueueName="q")["QueueUrl"]
        assert queue(client, url, [f"task {number % 23}" for number in range(40)]) == 23
        got = client.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
        assert got == {"ApproximateNumberOfMessages": "23"}


def test_a_message_that_sqs_does_not_take_is_not_forgotten() -> None:
    """Whoever sends it comes again: the whole delivery does."""

    class Full:
        def send_message_batch(self, **_: Any) -> dict[str, Any]:
            return {"Failed": [{"Id": "0", "Code": "InternalError"}]}

    with pytest.raises(NotQueued, match="InternalError"):
        queue(Full(), "url", ["task"])  # type: ignore[arg-type]
