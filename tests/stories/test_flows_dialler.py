"""The outbound dialler of the examples, deployed and walked: it fails at each of its webhooks while somebody is on the line."""

import pytest

from config.settings import HERE
from local.twilio import Call, Caller
from local.twilio.primary import Fails, Primary, Says
from tests.stories.conftest import Deployed
from tests.stories.places import Place, deploy
from tests.unit.test_dialler import PEOPLE, SETTINGS

pytestmark = pytest.mark.usefixtures("unrecorded")

HOST = "dialler.example.com"
WORDS = {
    "sorry_to_disturb": "we called you, and a technical problem",
    "thanks": "Thank you for your time.",
    "lost_agent": "we lost the connection to our colleague",
    "transfer_failed": "A colleague wanted to transfer a call to you",
    "agent_on_phone": "Please call in again in fifteen minutes.",
    "agent_in_browser": "Leave this page open",
}


@pytest.fixture(scope="module")
def dialler(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The example as it stands, in the one region that the local cloud has."""
    directory = tmp_path_factory.mktemp("dialler")
    text = (HERE / "examples" / "dialler.toml").read_text()
    here = f'region = "{deployed.outputs.region}"'
    regions = text.replace('regions = ["us-east-1"]', 'regions = ["us-west-2"]').replace('region = "us-west-2"', here, 1)
    (directory / "dialler.toml").write_text(regions)
    return deploy(deployed.cloud, "dialler", directory, directory)


def on_the_line(dialler: Place, application: Primary, path: str, person: dict[str, str]) -> Call:
    """A call that goes well until the dialler is asked at this path."""
    twilio = dialler.twilio({HOST: application.port})
    application.behaves("/begin", Says(f"<Response><Redirect>{path}</Redirect></Response>".encode()))
    begin, answers = f"http://{HOST}/begin", dialler.outputs.voice_url
    speaking = Caller(says="Please call me back.", ends_recording_with="#")
    if person["Direction"] != "inbound":
        return twilio.call(person["To"], person["From"], url=begin, fallback_url=answers, caller=speaking)
    if person["From"].startswith("client:"):
        app = twilio.application("agents", voice_url=begin, voice_fallback_url=answers)
        return app.call(person["From"].removeprefix("client:"), caller=speaking)
    return twilio.number(person["To"], voice_url=begin, voice_fallback_url=answers).call(person["From"], speaking)


@pytest.mark.parametrize(("path", "person", "answer"), PEOPLE)
def test_each_webhook_fails_once(dialler: Place, path: str, person: dict[str, str], answer: str) -> None:
    """The person called, the agent on a phone, the agent in a browser: each hears what fits, and the call ends."""
    real = path.replace(":call_id", "8121").replace(":caller_id", "77").replace(":id", "4711")
    with Primary() as application:
        application.behaves("", Fails(502))
        made = on_the_line(dialler, application, real, person)
    assert application.received[-1].path == ("/callin/create" if path == "/callin/create" else real)
    assert any(WORDS[answer] in words for words in made.words)
    assert made.ended_by == "hangup"
    assert len(made.recordings) == (answer == "lost_agent")


@pytest.mark.parametrize(("answered_by", "hears"), [("machine_end_beep", False), ("human", True)])
def test_an_answering_machine_hears_nothing(dialler: Place, answered_by: str, hears: bool) -> None:
    """Twilio says what picked up when it asks the fallback, too."""
    with Primary() as application:
        application.behaves("", Fails(502))
        twilio = dialler.twilio({HOST: application.port})
        failing, answers = f"http://{HOST}/calls/8121/incoming", dialler.outputs.voice_url
        made = twilio.call(
            "+12025550177", "+15005550006", url=failing, fallback_url=answers, caller=Caller(), answered_by="machine_end_beep"
        )
    assert made.words == []


def test_asynchronous_webhooks_have_no_fallback(dialler: Place) -> None:
    """Nobody is on the line: Twilio leaves an alert with what it wanted to say, and the settings list them for those who look."""
    with Primary() as application:
        application.behaves("/voice", Says(b"<Response><Hangup/></Response>"))
        application.behaves("", Fails(502))
        for path in SETTINGS.primary.asynchronous:
            twilio = dialler.twilio({HOST: application.port})
            address = f"http://{HOST}{path.replace(':call_id', '8121').replace(':id', '4711')}"
            made = twilio.call("+12025550177", "+15005550006", url=f"http://{HOST}/voice", status_callback=address)
            assert made.ended_by == "hangup"
            assert [alert.request_url for alert in twilio.alerts] == [address]
