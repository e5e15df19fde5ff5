"""Twilio as it really is: Regions with numbers, tokens and keys of their own, rules that sign with a shared key, a rotation of tokens."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from local.demo import twilio_for
from local.disasters import MESSAGE
from local.twilio import Caller, StandInTwilio
from local.twilio.primary import Primary, refusing_url
from local.twilio.rules import Setting, SharedKey
from tests.stories.conftest import Deployed
from tests.stories.on_call import CALLER, LINE, fallback

DUBLIN = "token-of-dublin-01"
KEY_OF_DUBLIN = ("SK" + "d" * 32, "the-secret-of-dublin")


@pytest.fixture
def dublin(deployed: Deployed) -> Iterator[StandInTwilio]:
    """The account in Dublin, with its token and key added by the commands that people type; put back afterwards."""
    outputs, cloud = deployed.outputs, deployed.cloud
    twilio = twilio_for(cloud, region="ie1", auth_token=DUBLIN)
    deployed.api.serve(twilio.platform, dict([KEY_OF_DUBLIN]))
    name = f"{outputs.account_sid}@ie1"
    add(deployed, "tokens", "add", name, typed=DUBLIN)
    add(deployed, "key", name, KEY_OF_DUBLIN[0], typed=KEY_OF_DUBLIN[1])
    yield twilio
    add(deployed, "tokens", "remove", name)
    secrets = cloud.client("secretsmanager")
    kept = json.loads(secrets.get_secret_value(SecretId=outputs.keys_secret)["SecretString"])
    secrets.put_secret_value(SecretId=outputs.keys_secret, SecretString=json.dumps({each: kept[each] for each in kept if each != name}))


def add(deployed: Deployed, *words: str, typed: str = "") -> None:
    """A command that is given a secret."""
    done = fallback(deployed, *words, typed=typed)
    assert done.returncode == 0, done.stderr
    deployed.cloud.controls.recycle(deployed.outputs.answer_function)


def trust(deployed: Deployed, sid: str) -> str:
    """How far the first request of a call or text was believed."""
    return str(deployed.events(sid)[0]["trust"]["S"])


def test_a_call_in_dublin_is_verified_and_its_voicemail_fetched_there(deployed: Deployed, dublin: StandInTwilio) -> None:
    """Its number, signature and recording are of that Region; with the credentials of the United States all three would be strange."""
    with refusing_url() as address:
        number = dublin.number(LINE, voice_url=f"{address}/voice", voice_fallback_url=deployed.outputs.voice_url)
        made = number.call(CALLER, Caller(says=MESSAGE, ends_recording_with="#"))
    assert trust(deployed, made.sid) == "verified"
    [recording] = made.recordings
    assert recording.url.startswith("https://api.dublin.ie1.twilio.com/")

    def stored() -> bool:
        items = deployed.items(made.sid)
        return any(item["sk"]["S"] == f"voicemail#{recording.sid}" and item["state"]["S"] == "stored" for item in items)

    deployed.until(stored, "the voicemail of Dublin is stored")
    assert "every token is accepted" in fallback(deployed, "tokens", "check").stdout


def test_callers_of_a_rule_with_a_shared_key_are_no_strangers_once_it_is_added(deployed: Deployed) -> None:
    """The Auth Token signs nothing there: until the key is known, everybody is a stranger."""
    key, twilio = SharedKey(), deployed.twilio()
    twilio.rule("DEFAULT", Setting(key))
    number = twilio.number(LINE, voice_url=deployed.outputs.voice_url)
    assert deployed.stranger(number.call(CALLER).sid)["trust"]["S"] == "forged"
    add(deployed, "tokens", "add", key.id, typed=key.secret)
    assert trust(deployed, number.call(CALLER).sid) == "verified"
    add(deployed, "tokens", "remove", key.id)


def test_a_rotation_of_the_auth_token_drops_nobody(deployed: Deployed) -> None:
    """In the order of the page on rotation: a second token, added here, promoted at Twilio, pruned here."""
    outputs, twilio, new = deployed.outputs, deployed.twilio(), "the-token-that-comes-next"
    number = twilio.number(LINE, voice_url=outputs.voice_url)
    twilio.create_secondary_token(new)
    add(deployed, "tokens", "add", outputs.account_sid, typed=new)
    assert trust(deployed, number.call(CALLER).sid) == "verified"
    twilio.promote_secondary_token()
    assert trust(deployed, number.call(CALLER).sid) == "verified"
    deployed.cloud.put_tokens(outputs.tokens_secret, {outputs.account_sid: [outputs.auth_token]})
    deployed.cloud.controls.recycle(outputs.answer_function)


def test_a_reply_of_the_primary_goes_to_whoever_wrote(deployed: Deployed) -> None:
    """The one request of ours that writes to customers: from the number that was written to, and never the other way round."""
    twilio = deployed.twilio()
    with refusing_url() as address:
        text = twilio.number(LINE, sms_url=f"{address}/texts", sms_fallback_url=deployed.outputs.sms_url).text(CALLER, "Is it ready?")
    deployed.events(text.sid)
    port = urlsplit(address).port or 0
    with Primary(port=port) as primary:
        primary.answers("<Response><Message>It is.</Message></Response>")
        done = fallback(deployed, "replay", "--since", "1h", "--url", f":{port}", "--no-dry-run", "--rate", "50", "--send-replies")
    assert done.returncode == 0, done.stderr
    assert [(each.from_, each.to, each.body) for each in twilio.platform.sent] == [(LINE, CALLER, "It is.")]
