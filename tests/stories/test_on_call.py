"""A night at the terminal, from the first error to the last text handed back; and who may do what, with IAM enforced."""

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from local.twilio import audio
from local.twilio.primary import Fails, Says
from tests.stories.conftest import Deployed
from tests.stories.on_call import CALLER, LINE, environ, fallback, outage


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def probe(deployed: Deployed) -> None:
    """A test request now: the last one of the schedule may have met what another story had broken."""
    answer = deployed.cloud.client("lambda").invoke(FunctionName=deployed.outputs.probe_function)
    assert "FunctionError" not in answer, answer["Payload"].read()


def test_a_night(deployed: Deployed, tmp_path: Path) -> None:
    """What fails and what it means, one call's story, the voicemail, then the texts go back in order, each once, signed."""
    night = outage(deployed, "Is my order ready?", "STOP", "Hello?")
    probe(deployed)

    state = fallback(deployed)
    assert state.returncode == 0, state.stderr
    assert "OUTAGE" in state.stdout
    assert "Callers ARE being answered" in state.stdout, state.stdout

    found = lines(fallback(deployed, "errors", "--url", night.port, "--json").stdout)
    assert {each["code"] for each in found} == {"11202"}
    assert {each["sid"] for each in found} == {night.call.sid, *(text.sid for text in night.texts)}
    assert CALLER not in json.dumps(found)

    story = fallback(deployed, "call", night.call.sid).stdout
    assert story.index("the primary failed with 11202") < story.index("the caller pressed #") < story.index("Twilio reports the recording")
    assert re.search(r"by the rule at local\.toml:\d+", story)

    [recording] = night.call.recordings
    assert recording.sid in fallback(deployed, "voicemails", "list").stdout
    fallback(deployed, "voicemails", "play", recording.sid, "--save", str(tmp_path / "message.wav"))
    assert audio.seconds((tmp_path / "message.wav").read_bytes()) == pytest.approx(recording.seconds, abs=1)
    assert "acknowledged by Kim" in fallback(deployed, "voicemails", "ack", recording.sid, "--by", "Kim").stdout
    assert recording.sid not in fallback(deployed, "voicemails", "list").stdout

    replay = ("replay", "--since", "1h", "--url", night.port)
    early = fallback(deployed, *replay, "--no-dry-run")
    assert early.returncode == 1
    assert "the primary is not well yet" in early.stderr

    with night.over() as primary:
        assert "3  ready" in fallback(deployed, *replay).stdout
        assert primary.received == [], "a dry run sends nothing"
        done = fallback(deployed, *replay, "--no-dry-run", "--rate", "50")
        assert done.returncode == 0, done.stderr
        again = fallback(deployed, *replay, "--no-dry-run")
        assert again.returncode == 0, again.stderr
        posted = [received for received in primary.received if received.method == "POST"]
    stop, first, last = night.texts[1], night.texts[0], night.texts[2]
    assert [received.form["MessageSid"] for received in posted] == [stop.sid, first.sid, last.sid]
    validator = RequestValidator(deployed.outputs.auth_token)
    for received in posted:
        assert validator.validate(f"{night.address}/texts", received.form, received.headers["x-twilio-signature"])
        assert not {"ErrorCode", "ErrorUrl"} & received.form.keys()
    assert "3 of 3 handed back" in done.stderr
    assert "Handed back to the primary: delivered" in fallback(deployed, "call", first.sid).stdout


@pytest.mark.parametrize("behaviour", [Fails(500), Says(b"<html>Down for maintenance</html>", "text/html")])
def test_a_hand_back_stops_by_itself_when_the_primary_fails_again(deployed: Deployed, behaviour: Fails | Says) -> None:
    """The first failure ends it; what may have arrived goes again only when told, the rest with the same command."""
    night = outage(deployed, "One", "Two", "Three")
    replay = ("replay", "--since", "1h", "--url", night.port, "--no-dry-run", "--rate", "50")
    with night.over() as primary:
        primary.behaves("/texts", Says(b"<Response/>"), behaviour, Says(b"<Response/>"))
        stopped = fallback(deployed, *replay)
        assert stopped.returncode == 1
        assert "stopped, 1 not tried: the primary answered" in stopped.stderr
        assert "The same command goes on where this one stopped" in stopped.stderr

        rest = fallback(deployed, *replay)
        assert rest.returncode == 0, rest.stderr
        assert [received.form["Body"] for received in primary.received if received.method == "POST"] == ["One", "Two", "Three"]

        unknown = fallback(deployed, "replay", "--unknown", "--url", night.port)
        assert "1  unknown" in unknown.stdout
        assert fallback(deployed, *replay, "--again").returncode == 0
        assert [received.form["Body"] for received in primary.received if received.method == "POST"] == ["One", "Two", "Three", "Two"]


def test_the_history_and_the_call_back_list_leave_in_files(deployed: Deployed, tmp_path: Path) -> None:
    """A spreadsheet of whom to call, and a database that SQL can ask."""
    night = outage(deployed, "Hello")
    rows = lines(fallback(deployed, "voicemails", "call-back", "--since", "1h", "--json").stdout)
    assert ("left a message", LINE) in {(row["message"], row["called"]) for row in rows if row["number"] == CALLER}
    assert fallback(deployed, "export", "--sqlite", str(tmp_path / "night.db"), "--since", "1h").returncode == 0
    database = sqlite3.connect(tmp_path / "night.db")
    kinds = database.execute("SELECT kind FROM events WHERE sid = ? ORDER BY time", (night.call.sid,)).fetchall()
    database.close()
    assert {kind for (kind,) in kinds} == {"request", "recording", "voicemail"}


def test_a_person_is_forgotten(deployed: Deployed) -> None:
    """Table and bucket hold nothing of them any more, and the command says where something still is."""
    night = outage(deployed, "Forget me")
    [text] = night.texts
    number = "+12025550150"
    assert "would be erased" in fallback(deployed, "forget", "--number", number).stdout
    done = fallback(deployed, "forget", "--number", number, "--no-dry-run")
    assert done.returncode == 0, done.stderr
    assert "the journal log group: until" in done.stdout
    assert deployed.items(text.sid) == []
    assert deployed.items(night.call.sid), "other people's calls are kept"


# --- who may do what


class Person:
    """Somebody with one of the roles, and the keys of their own."""

    def __init__(self, deployed: Deployed, role: str) -> None:
        self.deployed = deployed
        iam = deployed.cloud.client("iam")
        document = fallback(deployed, "policies", role).stdout
        iam.create_user(UserName=role)
        iam.put_user_policy(UserName=role, PolicyName=role, PolicyDocument=document)
        made = iam.create_access_key(UserName=role)["AccessKey"]
        self.keys = {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}

    def may(self, *words: str) -> str:
        """Run a command that has to work; what it printed."""
        done = fallback(self.deployed, *words, keys=self.keys)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def may_not(self, *words: str) -> None:
        """Run a command that has to be refused, in a sentence."""
        done = fallback(self.deployed, *words, keys=self.keys)
        assert done.returncode == 1, f"{words}: {done.stdout}"
        assert "these credentials may not do that" in done.stderr, done.stderr


@pytest.fixture(scope="module")
def people(deployed: Deployed) -> dict[str, Person]:
    return {role: Person(deployed, role) for role in ("reader", "responder", "owner")}


def test_a_reader_sees_and_changes_nothing(deployed: Deployed, people: dict[str, Person], tmp_path: Path) -> None:
    """State, errors, stories and numbers, which the audit trail notes; no audio, no acknowledging, no hand-back, no erasing."""
    night, reader = outage(deployed, "Hello"), people["reader"]
    [recording] = night.call.recordings
    reader.may()
    reader.may("errors", "--since", "1h")
    assert CALLER in reader.may("call", night.call.sid, "--show-numbers")
    assert "reader" in fallback(deployed, "audit", "--since", "1h").stdout
    reader.may("voicemails", "list")
    reader.may("replay", "--since", "1h")
    reader.may_not("voicemails", "play", recording.sid, "--save", str(tmp_path / "a.wav"))
    reader.may_not("voicemails", "ack", recording.sid)
    reader.may_not("replay", "--since", "1h", "--url", night.port, "--no-dry-run")
    reader.may_not("forget", "--number", CALLER, "--no-dry-run")


def test_a_responder_hears_acknowledges_and_hands_back_and_erases_nothing(
    deployed: Deployed, people: dict[str, Person], tmp_path: Path
) -> None:
    """All of a reader's, and what the night needs; the Auth Tokens stay with the function."""
    night, responder = outage(deployed, "Hello"), people["responder"]
    [recording] = night.call.recordings
    responder.may("voicemails", "play", recording.sid, "--save", str(tmp_path / "a.wav"))
    responder.may("voicemails", "ack", recording.sid)
    with night.over() as primary:
        responder.may("replay", "--since", "1h", "--url", night.port, "--no-dry-run")
        assert [received.form["Body"] for received in primary.received if received.method == "POST"] == ["Hello"]
    responder.may_not("tokens", "list")
    responder.may_not("forget", "--number", CALLER, "--no-dry-run")


def test_an_owner_erases(deployed: Deployed, people: dict[str, Person]) -> None:
    """All of it."""
    night, owner = outage(deployed, "Hello"), people["owner"]
    owner.may("tokens", "list")
    owner.may("forget", "--number", CALLER, "--no-dry-run")
    assert deployed.items(night.call.sid) == []


def test_expired_credentials_are_a_sentence(deployed: Deployed) -> None:
    """Nobody reads a traceback at three in the morning."""
    done = fallback(deployed, "errors", keys={"AWS_ACCESS_KEY_ID": "AKIAGONE", "AWS_SECRET_ACCESS_KEY": "gone"})
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "sign in, for example with `aws sso login`" in done.stderr
    assert "AKIAGONE" not in environ(deployed).values()
