"""A company that keeps its settings in a folder of its own, in a region of its own: on-call has a clone of this project alone."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import HERE
from local.twilio.primary import Primary
from tests.stories.conftest import Deployed
from tests.stories.on_call import CALLER, LINE, Outage, fallback, outage

ACME = {"FALLBACK_ENVIRONMENT": "acme", "AWS_REGION": "us-west-2", "AWS_DEFAULT_REGION": "us-west-2"}


@pytest.fixture(scope="module")
def acme(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The environment `acme` in us-west-2, deployed from a folder that is gone afterwards."""
    directory = tmp_path_factory.mktemp("acme")
    config = directory / "config"
    config.mkdir()
    settings = (HERE / "local.toml").read_text().replace("us-east-1", "us-west-2", 1)
    settings = re.sub(r"^numbers = .*$", f'numbers = ["{LINE}"]', settings, count=1, flags=re.MULTILINE)
    (config / "acme.toml").write_text(f"{settings}\n[retention]\njournal = 3\n")
    cloud = deployed.cloud.beside(directory / "cloud", config, "acme")
    yield Deployed(cloud, cloud.deploy(), deployed.api)
    cloudformation = cloud.client("cloudformation")
    cloudformation.delete_stack(StackName="fallback-acme")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="fallback-acme", WaiterConfig={"Delay": 1, "MaxAttempts": 30})


@pytest.fixture(scope="module")
def night(acme: Deployed) -> Outage:
    """Its primary is down: two texts and a call with a message."""
    return outage(acme, "Is my order ready?", "Hello?")


def ask(acme: Deployed, *words: str) -> str:
    """What a command prints, of which nothing went wrong and nothing was said beside it but how far it has come."""
    done = fallback(acme, *words, keys=ACME)
    assert done.returncode == 0, done.stderr
    assert "differs" not in done.stderr
    return done.stdout


def test_on_call_sees_the_outage(acme: Deployed, night: Outage) -> None:
    state = ask(acme)
    assert "acme, us-west-2" in state
    assert "OUTAGE" in state
    assert "voicemails list -e acme --region us-west-2" in state
    found = [json.loads(line) for line in ask(acme, "errors", "--since", "1h", "--json").splitlines()]
    assert {each["sid"] for each in found} == {night.call.sid, *(text.sid for text in night.texts)}
    assert {each["to"] for each in found} == {LINE}, "the company's own number is not masked"
    assert CALLER not in json.dumps(found)


def test_on_call_hears_what_callers_left(acme: Deployed, night: Outage, tmp_path: Path) -> None:
    [recording] = night.call.recordings
    assert recording.sid in ask(acme, "voicemails", "list")
    ask(acme, "voicemails", "play", recording.sid, "--save", str(tmp_path / "message.wav"))
    assert (tmp_path / "message.wav").exists()
    assert "acknowledged by Kim" in ask(acme, "voicemails", "ack", recording.sid, "--by", "Kim")


def test_the_texts_go_back_to_the_primary(acme: Deployed, night: Outage) -> None:
    with night.over() as primary:
        assert "2  ready" in ask(acme, "replay", "--since", "1h", "--url", night.port)
        ask(acme, "replay", "--since", "1h", "--url", night.port, "--no-dry-run", "--rate", "50")
        assert posted(primary) == [text.sid for text in night.texts]


def posted(primary: Primary) -> list[str]:
    """The texts that a primary got."""
    return [received.form["MessageSid"] for received in primary.received if received.method == "POST"]


def test_events_are_rebuilt_with_the_deployed_expiry(acme: Deployed, night: Outage) -> None:
    assert json.loads(ask(acme, "rebuild", "--since", "1h", "--json"))["missing"] == 0


def test_a_person_is_forgotten_and_the_company_is_not(acme: Deployed, night: Outage) -> None:
    refused = fallback(acme, "forget", "--number", LINE, "--no-dry-run", keys=ACME)
    assert refused.returncode == 1
    assert "the company's own number" in refused.stderr
    assert "erased" in ask(acme, "forget", "--number", CALLER, "--no-dry-run")
    assert acme.items(night.call.sid) == []


def test_nobody_else_is_asked(acme: Deployed) -> None:
    """Without a region there is a sentence that names all that name one."""
    nowhere = {**ACME, "AWS_REGION": "", "AWS_DEFAULT_REGION": ""}
    lost = fallback(acme, "errors", keys=nowhere)
    assert lost.returncode == 1
    assert "FALLBACK_REGION" in lost.stderr
    assert fallback(acme, "errors", "--region", "us-west-2", keys=nowhere).returncode == 0
