"""What can happen to a voicemail on its way: every fault at every step, and which voicemail meets which."""

import re
from collections import Counter
from dataclasses import dataclass, field
from threading import Lock
from typing import cast

from bench.proxy import Asked, Fault
from local.twilio import audio as sound
from local.twilio.faults import Cut, Elsewhere, NotYet
from local.twilio.faults import Fault as Spoiled
from local.twilio.postman import Fate
from local.twilio.rest import throttled
from local.twilio.server import Closes, Fails, Hangs, Says

ERROR_PAGE = b"<?xml version='1.0'?><TwilioResponse><RestException><Code>20404</Code></RestException></TwilioResponse>"
RECORDING = re.compile(rb"RE[0-9a-f]{32}")

#: What Twilio's media may do, one a request: an edge that fails is asked once more at the next one, so some fail at all three.
AT_TWILIO: dict[str, tuple[Spoiled, ...]] = {
    "refused": (Closes(b""),) * 3,
    "hanging": (Hangs(),),
    "truncated": (Cut(2000),) * 3,
    "cut in its headers": (Cut(inside_headers=True),) * 3,
    "an error page with status 200": (Says(ERROR_PAGE, "application/xml"),),
    "an error page that calls itself audio": (Says(ERROR_PAGE, "audio/x-wav"),),
    "another recording's body": (Says(sound.silence(20), "audio/x-wav"),),
    "half a file": (Says(sound.silence(5)[:9000], "audio/x-wav"),),
    "404 three times": (NotYet(),) * 3,
    "500 at every edge": (Fails(500),) * 3,
    "too many requests": (throttled(),) * 2,
    "redirected to plain HTTP": (Elsewhere("http://media.example.com/x"),),
}
#: Steps at AWS in the order of a run, how often each occurs in it, and the faults that are tried there.
AT_AWS: tuple[tuple[str, int, tuple[Fault, ...]], ...] = (
    ("dynamodb.PutItem", 1, ("throttled", "500", "refused", "killed before", "killed after")),
    ("s3.PutObject", 1, ("500", "slow", "cut, done", "cut, not done", "refused", "killed before", "killed after")),
    ("s3.GetObject", 2, ("500", "slow", "cut, done", "refused", "killed before", "killed after")),
    ("dynamodb.UpdateItem", 5, ("throttled", "killed before", "killed after")),
    ("dynamodb.GetItem", 1, ("throttled", "killed before", "killed after")),
    ("sns.Publish", 1, ("500", "killed before", "killed after")),
)
NOTED = 3  #: the UpdateItem of a run that notes that people were told: after `stored` and the claim, before `deleted` and the end
FATES: tuple[Fate, ...] = ("never", "twice", "late")
#: botocore tries twice by itself: a fault has to meet both.
TRIES = {"500": 2, "throttled": 2, "refused": 2}


@dataclass(frozen=True)
class Case:
    """What happens to one voicemail: at its n-th call of a step."""

    step: str
    fault: str
    number: int = 1

    def __str__(self) -> str:
        return f"{self.step}{f' ({self.number})' if self.number > 1 else ''}: {self.fault}"


def cases() -> list[Case]:
    """Every fault at every step."""
    at_twilio = [Case("fetch", fault) for fault in AT_TWILIO]
    at_aws = [Case(step, str(fault), number) for step, times, faults in AT_AWS for fault in faults for number in range(1, times + 1)]
    return at_twilio + at_aws + [Case("callback", fate) for fate in FATES]


@dataclass
class Plan:
    """Which recording meets what, and whether it did."""

    given: dict[str, Case] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)

    def decide(self, asked: Asked) -> Fault:
        """The fate of one call to AWS."""
        found = RECORDING.search(asked.path.encode() + b" " + asked.body)
        sid = found.group().decode() if found else ""
        with self.lock:
            case = self.given.get(sid)
            if not case or case.step != asked.step:
                return None
            self.asked[sid, asked.step] += 1
            number = self.asked[sid, asked.step]
            if not case.number <= number < case.number + TRIES.get(case.fault, 1):
                return None
            self.met.add(sid)
            return cast(Fault, case.fault)


def tells_again(case: Case) -> bool:
    """Whether the worker is killed between telling people and noting it: the only time when they may be told twice."""
    return (case.step, case.fault) == ("sns.Publish", "killed after") or (
        (case.step, case.number, case.fault) == ("dynamodb.UpdateItem", NOTED, "killed before")
    )
