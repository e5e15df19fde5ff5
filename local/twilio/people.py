"""The people in a story: who calls, what they say and press, and how those behave whom Twilio calls for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answers:
    """Picks up after so many seconds, presses these digits (one entry a <Gather>), talks for so long, then hangs up."""

    after: float = 5.0
    presses: str | Sequence[str] = ()
    talks: float = 30.0
    hangs_up_in_whisper: bool = False


@dataclass(frozen=True)
class Mailbox:
    """A machine that picks up, presses nothing and records whatever it hears."""

    after: float = 15.0
    talks: float = 60.0


@dataclass(frozen=True)
class NoAnswer:
    """Lets it ring."""


@dataclass(frozen=True)
class Busy:
    """Is on another call."""


@dataclass(frozen=True)
class Unreachable:
    """Does not exist, or the network cannot get there."""


@dataclass(frozen=True)
class Agent:
    """A program behind a socket: talks for so long, then ends with this data, or its connection is cut off."""

    talks: float = 30.0
    handoff_data: str = ""
    is_cut_off: bool = False


type Callee = Answers | Mailbox | NoAnswer | Busy | Unreachable


@dataclass(frozen=True)
class Caller:
    """Who is on the line, as a script. The same caller can make many calls at once."""

    says: str = ""
    """The words spoken into every <Record> and every <Gather> that listens; "" is silence."""
    digits: Sequence[str] = ()
    """What is pressed at each <Gather> in turn; "" and whatever comes after the last entry: nothing."""
    ends_recording_with: str = ""
    """The key that ends a recording; "" waits for the silence to be noticed."""
    hangs_up_after: float | None = None
    """Seconds since the first ring."""
    hangs_up_during: str = ""
    """The verb half-way through which the caller is gone (the first of its kind): "Record"."""
    callees: Mapping[str, Callee] = field(default_factory=dict)
    """Who is behind the numbers, `sip:` and `client:` addresses that are dialled; the rest let it ring."""
    meets: Mapping[str, Answers] = field(default_factory=dict)
    """Who takes them out of a queue, or joins a conference, by its name; nobody in all others."""
    agents: Mapping[str, Agent] = field(default_factory=dict)
    """Who is behind the sockets that take the connection, by their URLs."""
