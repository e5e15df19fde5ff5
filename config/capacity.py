"""How many executions Lambda runs at once in an account, and how many of them each worker may have, so that callers find room.

    below 200   nothing can be reserved: AWS wants 100 left to everybody. What queues bring is capped, the rest is short by nature
    from 200    each worker has a share of its own, which is also the most that it gets; `answer` has all that is left

https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""

import math
from collections.abc import Mapping

from config.tables import Settings

UNRESERVED = 100  #: executions that AWS wants left to functions without a share of their own
SHARED_FROM = 200  #: the quota from which workers have shares: those of two environments leave 100
#: What Lambda takes as the most of a queue. https://docs.aws.amazon.com/lambda/latest/api/API_ScalingConfig.html
LEAST_OF_A_QUEUE, MOST_OF_A_QUEUE = 2, 1000
MOST_OF_COLLECT = 10  #: Twilio limits requests at a time
#: Who is invoked by the clock or by a person. The probe may hang for as long as the primary does, and is asked every minute.
SMALL_SHARES = {"reconcile": 2, "replay": 5, "probe": 5, "outage": 2, "auth_tokens": 2, "log_role": 1, "inventory": 1}
STARTING = 1.0  #: seconds that an answer takes at most while its function starts
#: Seconds that a running one counts for: an environment takes ten requests a second, however short they are.
RUNNING = 0.1


def collected_at_once(settings: Settings) -> int:
    """Recordings that are fetched at once."""
    return settings.voicemail.concurrency or min(MOST_OF_COLLECT, most_collected(settings))


def most_collected(settings: Settings) -> int:
    """The most that may be set: callers keep four fifths of a small account."""
    quota = settings.capacity.quota
    return max(LEAST_OF_A_QUEUE, quota // 5) if quota < SHARED_FROM else MOST_OF_A_QUEUE


def redelivered_at_once(settings: Settings) -> int:
    """Messages of its on-failure queue that `record` takes at once: a fraction of what it gets at first hand."""
    return max(LEAST_OF_A_QUEUE, min(_record(settings), settings.capacity.quota // 10, 4 * MOST_OF_A_QUEUE) // 4)


def shares(settings: Settings) -> Mapping[str, int]:
    """What is reserved for each worker; nothing in an account that is too small."""
    if settings.capacity.quota < SHARED_FROM:
        return {}
    return SMALL_SHARES | {"record": _record(settings), "collect": collected_at_once(settings) + LEAST_OF_A_QUEUE}


def most_reserved(settings: Settings) -> int:
    """What may be reserved for `answer`; below 1 nothing."""
    return settings.capacity.quota - UNRESERVED - sum(shares(settings).values())


def storm(settings: Settings) -> tuple[bool, str]:
    """Whether the account holds the storm of the settings, and what that needs, as a sentence."""
    asked, quota = settings.capacity.storm, settings.capacity.quota
    starting, running = math.ceil(asked * STARTING), math.ceil(asked * RUNNING)
    room = settings.function.reserved_concurrency or quota - _taken(settings)
    needs = f"{starting} executions at once while functions start ({STARTING:g} s each) and {running} afterwards ({RUNNING:g} s each)"
    has = f"of the account's {quota} ([capacity] quota) it finds {room} at the worst"
    sentence = f"a storm of {asked} requests a second ([capacity] storm) needs {needs}; {has}"
    return starting <= room, sentence


def _record(settings: Settings) -> int:
    return settings.capacity.record or max(20, settings.capacity.quota // 20)


def _taken(settings: Settings) -> int:
    """What workers hold at the worst: their shares, or what queues and the clock bring at once."""
    by_the_clock = ("reconcile", "probe", "outage")
    return sum(shares(settings).values()) or collected_at_once(settings) + redelivered_at_once(settings) + len(by_the_clock)
