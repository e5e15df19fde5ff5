"""What people are told of a voicemail: text for those who read it, JSON for machines, attributes to filter by.

No link that plays it: one signed with a role's credentials ends with them, within hours; the command works as long as the file is kept.
https://docs.aws.amazon.com/sns/latest/api/API_Publish.html (MessageStructure)
https://docs.aws.amazon.com/sns/latest/dg/sns-message-filtering.html
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lambdas.answer.addresses import is_withheld
from lambdas.workers.command import command_line
from lambdas.workers.error_codes import explain
from lambdas.workers.events import is_outbound, other_side_of, person_of
from lambdas.workers.publication import attributes_of, subject_of

MACHINES = ("email-json", "http", "https", "sqs", "lambda", "firehose")
UNKNOWN = "an unknown caller"

Item = Mapping[str, Any]


def message(item: Item, environment: str, bucket: str) -> dict[str, Any]:
    """The arguments of `publish` but for the topic."""
    facts = json.dumps(facts_of(item, environment, bucket))
    subject = f"Voicemail ({length(item)}) for {other_side_of(item) or 'an unknown number'} [{environment}]"
    words = text(item, environment)
    return {
        "Subject": subject_of(subject),
        "MessageStructure": "json",
        "Message": json.dumps({"default": words, "email": words, "sms": subject} | dict.fromkeys(MACHINES, facts)),
        "MessageAttributes": attributes(item, environment),
    }


def identity(item: Item) -> str:
    """The same for every notification of the same voicemail."""
    return f"voicemail/{item['sid']}"


def facts_of(item: Item, environment: str, bucket: str) -> dict[str, Any]:
    """What a machine needs; what is not known is left out."""
    kept = (
        "state",
        "account",
        "from",
        "to",
        "direction",
        "time",
        "answer",
        "error_code",
        "error_url",
        "trunk",
        "key",
        "sha256",
        "media_url",
        "differs",
    )
    facts: dict[str, Any] = {
        "id": identity(item),
        "kind": "voicemail",
        "environment": environment,
        "recording": item["sid"],
        "call": item["pk"],
    }
    facts |= {name: item[name] for name in kept if item.get(name)}
    facts |= {"seconds": int(item["seconds"])} if "seconds" in item else {}
    return facts | ({"bucket": bucket} if "key" in item else {}) | {"command": command(item, environment)}


def attributes(item: Item, environment: str) -> dict[str, Any]:
    """What subscriptions can filter by; no caller's number."""
    facts: dict[str, str | int] = {"kind": "voicemail", "id": identity(item), "environment": environment}
    facts |= {name: str(item[name]) for name in ("to", "answer", "error_code", "trunk") if item.get(name)}
    return attributes_of(facts | ({"seconds": int(item["seconds"])} if "seconds" in item else {}))


def text(item: Item, environment: str) -> str:
    """The e-mail."""
    return "\n".join(
        [
            f"{caller(item)} left a voicemail of {length(item)} for {other_side_of(item) or 'an unknown number'}",
            f"on {when(item)}.",
            *(["The company had called them."] if is_outbound(item) else []),
            "",
            f"The fallback answered because {reason(item)}",
            *where(item, environment),
            "",
            f"Listen:    {command(item, environment)}",
            f"The call:  {command_line(f'call {item["pk"]}', environment)}",
            "",
            f"Id {identity(item)}: should this message come twice, it is the same voicemail.",
        ]
    )


def caller(item: Item) -> str:
    """Who left it, as somebody can be called back: Twilio's words for a withheld number are no number to dial."""
    person = person_of(item)
    return UNKNOWN if is_withheld(person) else person or UNKNOWN


def where(item: Item, environment: str) -> list[str]:
    """What is unusual about the file."""
    if item.get("media_url"):
        return ["", "Your Twilio account keeps its recordings in a place of your own; this one is at", str(item["media_url"])]
    if item.get("encryption"):
        return ["", "Your Twilio account encrypts its recordings; the file in the bucket is as encrypted as Twilio delivered it."]
    if item.get("differs"):
        listen = "Listen whether it is all there; Twilio's copy stays until you accept this one:"
        return ["", f"The file is not as Twilio announced it: {item['differs']}.", listen, accept(item, environment)]
    return []


def reason(item: Item) -> str:
    """Why the call came to the fallback."""
    if item.get("error_code"):
        error = explain(str(item["error_code"]))
        return "\n".join(
            filter(None, [f"{item.get('error_url') or 'the primary'} failed.", error.meaning, f"Twilio error {error.code}: {error.page}"])
        )
    if item.get("trunk"):
        return f"no SIP server of trunk {item['trunk']} took the call."
    return "Twilio sent the call here; it gave no error."


def command(item: Item, environment: str) -> str:
    """What plays it."""
    return command_line(f"voicemails play {item['sid']}", environment)


def accept(item: Item, environment: str) -> str:
    """What says that the file is good as it is."""
    return command_line(f"voicemails accept {item['sid']}", environment)


def length(item: Item) -> str:
    """`1 min 17 s`."""
    if "seconds" not in item:
        return "unknown length"
    minutes, seconds = divmod(int(item["seconds"]), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def when(item: Item) -> str:
    """`21 November 2026 at 02:41:07 UTC`."""
    moment = datetime.fromisoformat(str(item["time"]))
    return f"{moment.day} {moment:%B %Y at %H:%M:%S} UTC"
