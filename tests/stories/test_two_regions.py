"""One environment in two regions: whoever is on call reads both as one, and each message goes back from where it came in."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import HERE
from local.twilio import audio
from tests.stories.conftest import Deployed
from tests.stories.on_call import Outage, fallback, outage

BOTH = ("--region", "us-east-1", "--region", "us-west-2")


@pytest.fixture(scope="module")
def elsewhere(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The environment `local` in a second region: the same settings but for that line. It goes again, with all that runs there."""
    directory = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(HERE, directory / "config")
    settings = directory / "config" / "local.toml"
    settings.write_text(settings.read_text().replace("us-east-1", "us-west-2", 1))
    cloud = deployed.cloud.beside(directory / "cloud", directory / "config")
    yield Deployed(cloud, cloud.deploy(), deployed.api)
    cloudformation = cloud.client("cloudformation")
    cloudformation.delete_stack(StackName="fallback-local")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="fallback-local", WaiterConfig={"Delay": 1, "MaxAttempts": 600})


@pytest.fixture(scope="module")
def nights(deployed: Deployed, elsewhere: Deployed) -> tuple[Outage, Outage]:
    """The primary is down, and Twilio came to both."""
    return outage(deployed, "In the east"), outage(elsewhere, "In the west")


def sids(night: Outage) -> set[str]:
    return {night.call.sid, *(text.sid for text in night.texts)}


def test_what_failed_is_read_in_both_and_told_in_order(deployed: Deployed, nights: tuple[Outage, Outage]) -> None:
    east, west = nights
    found = [json.loads(line) for line in fallback(deployed, "errors", "--since", "1h", "--json", *BOTH).stdout.splitlines()]
    assert [each["time"] for each in found] == sorted((each["time"] for each in found), reverse=True)
    regions = {each["sid"]: each["region"] for each in found if each["sid"] in sids(east) | sids(west)}
    assert regions == dict.fromkeys(sids(east), "us-east-1") | dict.fromkeys(sids(west), "us-west-2")


def test_one_region_knows_nothing_of_the_other(deployed: Deployed, elsewhere: Deployed, nights: tuple[Outage, Outage]) -> None:
    east, west = nights
    assert (deployed.events_now(west.call.sid), elsewhere.events_now(east.call.sid)) == ([], [])
    assert "try --region" in fallback(deployed, "call", west.call.sid).stderr


def test_a_call_of_either_is_told_and_heard(deployed: Deployed, nights: tuple[Outage, Outage], tmp_path: Path) -> None:
    for night in nights:
        [recording] = night.call.recordings
        assert "the primary failed with 11202" in fallback(deployed, "call", night.call.sid, *BOTH).stdout
        assert recording.sid in fallback(deployed, "voicemails", "list", *BOTH).stdout
        saved = tmp_path / f"{recording.sid}.wav"
        heard = fallback(deployed, "voicemails", "play", recording.sid, "--save", str(saved), *BOTH)
        assert heard.returncode == 0, heard.stderr
        assert audio.seconds(saved.read_bytes()) == pytest.approx(recording.seconds, abs=1)


def test_each_text_goes_back_once_from_where_it_came_in(deployed: Deployed, nights: tuple[Outage, Outage]) -> None:
    for night in nights:
        with night.over() as primary:
            done = fallback(deployed, "replay", "--since", "1h", "--url", night.port, "--no-dry-run", *BOTH)
            assert done.returncode == 0, done.stderr
            posted = [received.form["MessageSid"] for received in primary.received if received.method == "POST"]
            assert posted == [text.sid for text in night.texts]
