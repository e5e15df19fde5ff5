"""What callers are shown as: numbers masked, words left out, unless the engineer asks to see them, which the audit trail notes."""

import re
from dataclasses import dataclass
from typing import Any

#: A number wherever it stands: in E.164 in `sip:+1…@pbx`, in `whatsapp:+1…`, in a text; without its plus alone, or as a user of SIP.
NUMBER = re.compile(r"(?:\+|%2B)\d{7,15}|(?<=sip:)\d{7,15}|(?<=sips:)\d{7,15}|^\d{7,15}$")
HIDDEN = "(hidden)"
#: What callers said or typed, and what tells who or where they are.
WORDS = frozenset(
    """
    Body SpeechResult Digits CallerName ProfileName WaId Address Label Latitude Longitude ButtonText ButtonPayload ForwardedFrom
    form task
    """.split()
)


WHATSAPP = "whatsapp:"


def off_whatsapp(address: str) -> str:
    """The number of a person who writes or calls by WhatsApp: it is that of their telephone. Any other address as it is."""
    return address.removeprefix(WHATSAPP)


@dataclass(frozen=True)
class View:
    """How items are shown: as they are, or without what is private. The company's own numbers are not."""

    show: bool = False
    own: frozenset[str] = frozenset()

    def __call__(self, value: Any) -> Any:
        """An item, or any part of one, as it may be shown."""
        return value if self.show else self.hidden(value)

    def hidden(self, value: Any) -> Any:
        """The same without numbers and words of callers, all the way down."""
        match value:
            case str():
                return NUMBER.sub(lambda found: found[0] if self.is_own(found[0]) else mask(found[0]), value)
            case dict():
                return {name: HIDDEN if name in WORDS and tells(part) else self.hidden(part) for name, part in value.items()}
            case list():
                return [self.hidden(part) for part in value]
        return value

    def is_own(self, number: str) -> bool:
        """Whether it is one of the company's, however it is written."""
        return f"+{number.removeprefix('%2B').removeprefix('+')}" in self.own


def mask(number: str) -> str:
    """The beginning, which tells the country, and two digits by which people recognise their own."""
    head = 5 if len(number) > 9 else 2
    return number[:head] + "*" * (len(number) - head - 2) + number[-2:]


def tells(words: Any) -> bool:
    """Whether words could tell something: a key pressed in a menu does not."""
    return len(str(words)) > 2 and words != "hangup"
