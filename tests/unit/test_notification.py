"""What people read when a voicemail is there."""

import json
from typing import Any

from lambdas.workers.notification import facts_of, message, text

ITEM = {
    "pk": "CA" + "2" * 32,
    "sid": "RE" + "3" * 32,
    "state": "stored",
    "account": "AC" + "1" * 32,
    "from": "+12025550123",
    "to": "+12025550199",
    "time": "2026-11-21T02:41:07Z",
    "seconds": 77,
    "error_code": "11200",
    "error_url": "https://app.example.com/voice",
    "key": "voicemail/AC1/CA2/RE3.wav",
    "sha256": "abc",
}


def words(**facts: Any) -> str:
    """The e-mail of such an item, without what is None."""
    return text({name: value for name, value in (ITEM | facts).items() if value is not None}, "production")


def test_the_mail_says_who_how_long_when_why_and_what_plays_it() -> None:
    mail = words()
    for part in (
        "+12025550123 left a voicemail of 1 min 17 s for +12025550199",
        "on 21 November 2026 at 02:41:07 UTC",
        "The fallback answered because https://app.example.com/voice failed",
        "Twilio asked for the webhook and got no usable answer.\nTwilio error 11200: https://www.twilio.com/docs/api/errors/11200",
        f"Listen:    fallback voicemails play {ITEM['sid']} --environment production --region us-east-1",
        f"fallback call {ITEM['pk']} --environment production --region us-east-1",
        f"Id voicemail/{ITEM['sid']}",
    ):
        assert part in mail
    assert "http" not in mail.partition("Listen:")[2], "no link that ends within hours"


def test_the_mail_of_a_trunk_call_and_of_a_call_without_an_error() -> None:
    assert "no SIP server of trunk main took the call" in words(error_code=None, error_url=None, trunk="main")
    assert "it gave no error" in words(error_code=None, error_url=None)
    assert "the primary failed.\nTwilio error 99999: https://" in words(error_code="99999", error_url=None), "a code that nobody knows yet"


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    mail = words(**{"from": None, "to": None, "seconds": None})
    assert "an unknown caller left a voicemail of unknown length for an unknown number" in mail


def test_unusual_files_are_told_of() -> None:
    assert "https://recordings.example.com/1" in words(media_url="https://recordings.example.com/1")
    assert "encrypts its recordings" in words(encryption="{}")


def test_machines_get_json_and_filters() -> None:
    sent = message(ITEM, "production", "bucket")
    parts = json.loads(sent["Message"])
    assert json.loads(parts["https"]) == json.loads(parts["sqs"]) == facts_of(ITEM, "production", "bucket")
    assert json.loads(parts["https"])["bucket"] == "bucket"
    assert parts["default"] == parts["email"] == text(ITEM, "production")
    assert sent["MessageAttributes"]["seconds"] == {"DataType": "Number", "StringValue": "77"}


def test_the_subject_is_what_sns_takes() -> None:
    """ASCII, below 100 characters, no line break: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html."""
    subject = message(ITEM | {"to": "sip:zürich\r\nx\x07@" + "x" * 200}, "production", "bucket")["Subject"]
    assert subject.isascii()
    assert len(subject) < 100
    assert subject.isprintable()
