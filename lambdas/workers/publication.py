"""What SNS takes for a subject and for the attributes by which subscriptions filter: the arguments of `publish` beside the message.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html (Subject, MessageAttributes)
"""

import re
from collections.abc import Mapping

_FOREIGN = re.compile(r"[^ -~]")
_LONGEST = 99


def subject_of(text: str) -> str:
    """A text as a subject, which is ASCII without control characters, at most 99 of them; what SNS does not take is a question mark."""
    return _FOREIGN.sub("?", text)[:_LONGEST]


def attributes_of(facts: Mapping[str, str | int]) -> dict[str, dict[str, str]]:
    """Facts as attributes: a text, or a whole number, by which a subscription can compare."""
    return {name: {"DataType": "Number" if isinstance(fact, int) else "String", "StringValue": str(fact)} for name, fact in facts.items()}
