"""A custom domain with base paths: behind it API Gateway hands requests over in another shape, and everything goes on as before."""

from collections.abc import Iterator

import pytest

from local.certificate import CUSTOM_DOMAIN
from local.twilio import Caller, StandInTwilio
from local.twilio.primary import refusing_url
from tests.stories.conftest import Deployed
from tests.stories.places import CALLER

VOICE = f"https://{CUSTOM_DOMAIN}/phone/voice"
#: A mapping that names no stage leaves it in the path.
SMS = f"https://{CUSTOM_DOMAIN}/text/v1/sms"
TRUNK = f"https://{CUSTOM_DOMAIN}/phone/trunk/main"
LINE = "+12025550101"


@pytest.fixture
def twilio(deployed: Deployed) -> Iterator[StandInTwilio]:
    """A stand-in Twilio for which the domain leads to the local cloud."""
    client = deployed.cloud.client("apigateway")
    apis = {api["name"].rpartition("-")[2]: api["id"] for api in client.get_rest_apis(limit=500)["items"] if "-local-" in api["name"]}
    client.create_domain_name(domainName=CUSTOM_DOMAIN, endpointConfiguration={"types": ["REGIONAL"]})
    client.create_base_path_mapping(domainName=CUSTOM_DOMAIN, basePath="phone", restApiId=apis["voice"], stage="v1")
    client.create_base_path_mapping(domainName=CUSTOM_DOMAIN, basePath="text", restApiId=apis["messaging"])
    yield deployed.twilio()
    client.delete_domain_name(domainName=CUSTOM_DOMAIN)


@pytest.fixture
def down() -> Iterator[str]:
    """The address of a primary that is down."""
    with refusing_url() as url:
        yield url


def test_a_call_goes_through_the_domain_to_its_end(deployed: Deployed, twilio: StandInTwilio, down: str) -> None:
    """The caller speaks, and the next address is asked by the same way in."""
    made = twilio.number(LINE, voice_url=down, voice_fallback_url=VOICE).call(
        CALLER, Caller(says="Please call me back about my order.", ends_recording_with="#")
    )
    assert len(made.errors) == 1
    assert [recording.status for recording in made.recordings] == ["completed"]
    asked = [exchange.url for exchange in made.exchanges if CUSTOM_DOMAIN in exchange.url]
    assert asked[0] == VOICE
    assert all(url.startswith(f"{VOICE}/") for url in asked[1:])
    assert len(asked) > 1
    events = deployed.events(made.sid, len(asked) + 1)  # and the recording that is ready
    assert {(event["trust"]["S"], event["medium"]["S"], event["entry"]["S"]) for event in events if event["kind"]["S"] == "request"} == {
        ("verified", "voice", "voice")
    }


def test_a_text_gets_a_reply_and_no_voice(deployed: Deployed, twilio: StandInTwilio, down: str) -> None:
    text = twilio.number(LINE, sms_url=down, sms_fallback_url=SMS).text(CALLER, "Hello?")
    assert len(text.bodies) == 1
    [event] = deployed.events(text.sid)
    assert (event["trust"]["S"], event["medium"]["S"], event["entry"]["S"]) == ("verified", "sms", "sms")


def test_a_trunk_call_keeps_the_name_of_its_trunk(deployed: Deployed, twilio: StandInTwilio) -> None:
    trunk = twilio.trunk("main", origination=["sip:127.0.0.1:9"], disaster_recovery_url=TRUNK, numbers=[LINE])
    made = trunk.call(LINE, CALLER, Caller(says="Please call me back about my order.", ends_recording_with="#"))
    assert (deployed.events(made.sid)[0]["trunk"]["S"], deployed.events(made.sid)[0]["trust"]["S"]) == ("main", "verified")
