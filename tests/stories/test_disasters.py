"""The disasters, as `make demo` plays them."""

from local.disasters import playable_with, read_back
from local.twilio import Caller
from tests.stories.conftest import Deployed

GREETING = "We are sorry, our phone system is down. Please leave a message after the tone, and press the pound key when you are done."
GOODBYE = "Thank you. We will call you back. Goodbye."


def test_every_disaster_has_answered_callers(deployed: Deployed) -> None:
    """A refused call, a failing text and a dead trunk are all answered as the settings say, 911 is put through, and
    each event is in the table."""
    twilio, settings = deployed.twilio(), deployed.cloud.settings
    plays, left_out = playable_with(settings)
    disasters = [disaster(twilio, deployed.outputs, settings) for disaster in plays]
    for disaster in disasters:
        read_back(deployed.cloud, deployed.outputs, disaster)
    assert [promise for disaster in disasters for promise in disaster.missing] == []
    assert left_out == []
    call, text, trunk, emergency = [disaster.received for disaster in disasters]
    assert call == trunk
    assert call[:2] == [GREETING, GOODBYE]
    assert emergency == ["(112 is called: completed)"]
    assert text == ["We have received your message, but our systems are down at the moment. We will answer as soon as we can."]


def test_a_text_within_the_quiet_period_gets_no_second_reply(deployed: Deployed) -> None:
    """One reply per sender; the second text within four hours is kept and not answered."""
    number = deployed.twilio().number("+15550100198", sms_url="http://127.0.0.1:9/", sms_fallback_url=deployed.outputs.sms_url)
    first, second = number.text("+15550100124", "Hello?"), number.text("+15550100124", "Anybody?")
    assert (len(first.bodies), len(second.bodies)) == (1, 0)
    assert deployed.events(second.sid)[0]["document"]["S"] == "reply/nothing/1"


def test_the_story_of_a_call_is_one_query_in_order(deployed: Deployed) -> None:
    """The fallback request, the end of the recording and its callback are one item each under the call's SID."""
    number = deployed.twilio().number("+15550100197", voice_url="http://127.0.0.1:9/", voice_fallback_url=deployed.outputs.voice_url)
    call = number.call("+15550100124", Caller(says="Please call me back", ends_recording_with="#"))
    story = deployed.events(call.sid, at_least=3)
    assert [event["entry"]["S"] for event in story] == ["voice", "voice", "recording"]
    assert [event.get("document", {}).get("S") for event in story] == ["voicemail/start/1", "voicemail/goodbye/1", None]
