"""Nothing is lost, stored twice, deleted unverified or told twice, whatever fails and wherever the worker dies."""

from types import ModuleType

import pytest
from botocore.awsrequest import AWSResponse

from local.twilio import platform as twilios
from tests.unit.boundary import Boundary, Fate, Killed, answered, cut, refused, silent
from tests.unit.voicemail_workers import Account, Clock

pytestmark = pytest.mark.slow

FAULTS = {
    "refused": refused,
    "silent": silent,
    "500": answered(500, "InternalError"),
    "503": answered(503, "SlowDown"),
    "throttled": answered(400, "ThrottlingException"),
    "denied": answered(403, "AccessDenied"),
    "cut in its headers": cut,
}
#: What a clean run asks AWS, each once or more.
AWS_CALLS = (
    "dynamodb.Query",
    "dynamodb.PutItem",
    "dynamodb.GetItem",
    "dynamodb.UpdateItem",
    "secrets-manager.GetSecretValue",
    "s3.PutObject",
    "s3.GetObject",
    "sns.Publish",
)


CALLS_OF_A_RUN = 18


class Scenes:
    """`collect`, and what happens between it and the world."""

    def __init__(self, made: Account) -> None:
        self.made, self.clock = made, Clock()
        self.collect: ModuleType = made.worker("collect", DELETE_AT_TWILIO=True)
        made.time_of(self.collect, self.clock)
        self.boundary = Boundary(made, self.collect)
        self.copies: dict[str, list[bytes]] = {}
        made.api.before_delete = lambda sid: self.copies.update({sid: [body for key, body in made.objects().items() if sid in key]})

    def begin(self, fate: Fate) -> "Scene":
        """A voicemail, with calls that meet this fate."""
        self.boundary.calls.clear()
        self.boundary.fate = fate
        self.made.worker("collect")  # which forgets the keys
        return Scene(self, self.made.recording())


class Scene:
    """One voicemail."""

    def __init__(self, scenes: Scenes, recording: twilios.Recording) -> None:
        self.scenes, self.content, self.task = scenes, recording.audio, scenes.made.task(recording)

    def deliver(self) -> bool:
        """The queue hands the task over, again, a minute later."""
        self.scenes.clock.pass_by(minutes=1)
        return self.scenes.made.deliver(self.scenes.collect, self.task)

    def recovered(self) -> None:
        """Nothing is spoiled any more: the task comes until it may leave the queue."""
        self.scenes.boundary.fate = lambda _number, _name, _when: None
        assert any(self.deliver() for _ in range(3))

    def whole(self, what: str, told: int = 1) -> None:
        """What must hold in the end: one copy, noted, people told so many times with one id, deleted after the copy was there."""
        made, item = self.scenes.made, self.scenes.made.item(self.task)
        assert [body for key, body in made.objects().items() if self.task.sid in key] == [self.content], what
        assert (item["state"], item["todo"], bool(item["notified_at"]), bool(item["deleted_at"])) == ("stored", "hear", True, True), what
        assert "next_attempt" not in item, what
        assert self.scenes.copies[self.task.sid] == [self.content], f"{what}: deleted without a verified copy"
        assert made.api.deleted.count(self.task.sid) == 1, what
        assert [each["MessageAttributes"]["id"]["Value"] for each in made.messages()] == [f"voicemail/{self.task.sid}"] * told, what


@pytest.mark.parametrize("call", AWS_CALLS)
def test_a_service_that_fails_costs_time_and_nothing_else(made: Account, call: str) -> None:
    scenes = Scenes(made)
    for fault, answer in FAULTS.items():
        hit: list[str] = []

        def spoiled(_number: int, name: str, when: str) -> AWSResponse | None:
            if when == "after" or name != call:
                return None
            hit.append(name)  # noqa: B023 - called before the loop goes on
            return answer(name)  # noqa: B023

        scene = scenes.begin(spoiled)
        scene.deliver()
        assert hit, f"{call} was never made"
        scene.recovered()
        scene.whole(f"{call} {fault}")


@pytest.mark.parametrize("fault", ["500", "throttled", "denied", "refused"])
def test_a_note_that_is_not_taken_tells_nobody_twice(made: Account, fault: str) -> None:
    """People were told; the table refuses the note of it for a while."""
    scenes, told, tries = Scenes(made), [], [0]

    def spoiled(_number: int, name: str, when: str) -> AWSResponse | None:
        told.extend([name] if (name, when) == ("sns.Publish", "after") else [])
        if not told or name != "dynamodb.UpdateItem" or when == "after" or tries[0] == 4:
            return None
        tries[0] += 1
        return FAULTS[fault](name)

    scene = scenes.begin(spoiled)
    scene.deliver()
    scene.recovered()
    scene.whole(fault)


def test_a_clean_run_makes_so_many_calls(made: Account) -> None:
    """The kills below cover all of them."""
    scenes = Scenes(made)
    scene = scenes.begin(lambda _number, _name, _when: None)
    assert scene.deliver()
    assert len(scenes.boundary.calls) == CALLS_OF_A_RUN, scenes.boundary.calls
    scene.whole("a clean run")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_killed_between_any_two_steps_loses_nothing(made: Account, when: str) -> None:
    """People are told twice only if the kill came between telling them and noting it."""
    scenes = Scenes(made)
    for number in range(CALLS_OF_A_RUN):

        def killed(at: int, _name: str, moment: str) -> None:
            if (at, moment) == (number, when):  # noqa: B023 - called before the loop goes on
                raise Killed

        scene = scenes.begin(killed)
        with pytest.raises(Killed):
            scene.deliver()
        calls = scenes.boundary.calls[:]
        scene.recovered()
        scene.whole(f"killed {when} {calls}", told=2 if told_but_not_noted(calls, when) else 1)


def told_but_not_noted(calls: list[str], when: str) -> bool:
    """Whether a worker that was killed at the last of these calls had told people, and not yet noted it, which is the call after that."""
    return (calls[-1] == "sns.Publish" and when == "after") or (calls[-2:-1] == ["sns.Publish"] and when == "before")
