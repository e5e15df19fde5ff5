"""A replay killed at any step of any item resumes, and nothing is delivered twice unless the engineer says so.

The function's own code, with the deployed function's settings, against the deployed table and secrets, in processes that can be killed.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from lambdas.answer.journal import MARK, VERSION, utc_now
from lambdas.workers.events import items_of, write
from local.twilio.platform import new_sid
from local.twilio.primary import Primary
from tests.stories.conftest import Deployed

ROOT = Path(__file__).parents[2]
TEXTS = 3
STEPS_OF_ONE = 14  #: before and after two reads, the secret, two notes, sending, and reading the answer's body

Wish = dict[str, Any]


class Function:
    """The function in processes that can be killed."""

    def __init__(self, deployed: Deployed) -> None:
        [name] = [each for each in functions(deployed) if each.startswith(f"{deployed.outputs.stack}-Replay")]
        found = deployed.cloud.client("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        module = [sys.executable, "-m", "tests.stories.killed_replay"]
        environ = {**deployed.cloud.environ, **found, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(module, env=environ, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, wishes: list[Wish], kill_at: int | None = None) -> list[Any] | None:
        """The outcomes and the number of steps; None after a kill."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"wishes": wishes, "kill_at": kill_at}) + "\n")
        self.process.stdin.flush()
        outcome: list[Any] | None = json.loads(self.process.stdout.readline())
        return outcome

    def __enter__(self) -> "Function":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()


def functions(deployed: Deployed) -> list[str]:
    return [each["FunctionName"] for each in deployed.cloud.client("lambda").list_functions()["Functions"]]


def missed(deployed: Deployed, url: str) -> list[Wish]:
    """New texts that the primary missed, in the table, and what an engineer asks for them."""
    wishes = []
    for number in range(TEXTS):
        sid = new_sid("SM")
        form = {"AccountSid": deployed.outputs.account_sid, "MessageSid": sid, "From": "+12025550123", "To": "+12025550106"}
        form |= {"Body": f"Text {number}", "ErrorCode": "11202", "ErrorUrl": url}
        line = {MARK: VERSION, "time": utc_now(), "request": sid, "medium": "sms", "entry": "sms", "trust": "verified"}
        event, original = items_of(line | {"params": form, "original": urlencode(form)}, 400, 30)
        write(deployed.table, deployed.outputs.table, [event, original])
        wishes.append({"pk": event["pk"], "sk": event["sk"], "by": "a story"})
    return wishes


def test_killed_at_every_step_of_every_item_nothing_is_delivered_twice(deployed: Deployed) -> None:
    with Function(deployed) as function, Primary() as primary:
        primary.answers("<Response/>")
        whole = function.run(missed(deployed, primary.url))
        assert whole
        assert whole[-1] == TEXTS * STEPS_OF_ONE
        unknown = sum(killed(function, primary, missed(deployed, primary.url), step) for step in range(TEXTS * STEPS_OF_ONE))
    assert unknown >= TEXTS, "kills between the two notes leave an item unknown"


def killed(function: Function, primary: Primary, wishes: list[Wish], step: int) -> int:
    """Kill a run at a step, resume it, then send again what is unknown; how many were unknown."""
    primary.received.clear()
    assert function.run(wishes, step) is None, f"step {step} was not killed"

    resumed = function.run(wishes)
    assert resumed
    assert set(arrivals(primary).values()) <= {1}, f"delivered twice after a kill at step {step}"
    unknown = sum("unknown: add --again" in outcome["reason"] for outcome in resumed[:TEXTS])
    assert unknown <= 1

    assert function.run([wish | {"again": True} for wish in wishes])
    arrived = arrivals(primary)
    assert set(arrived) == {wish["pk"] for wish in wishes}, f"lost after a kill at step {step}"
    assert arrived.total() - TEXTS <= unknown, "only what was unknown goes a second time"
    return unknown


def arrivals(primary: Primary) -> Counter[str]:
    """How often each text reached the primary."""
    return Counter(received.form["MessageSid"] for received in primary.received)
