"""The subject of a message: ASCII without control characters, at most 99 of them.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html (Subject)
"""

import re

_FOREIGN = re.compile(r"[^ -~]")
_LONGEST = 99


def subject_of(text: str) -> str:
    """A text as SNS takes it for a subject; what it does not take is a question mark."""
    return _FOREIGN.sub("?", text)[:_LONGEST]
