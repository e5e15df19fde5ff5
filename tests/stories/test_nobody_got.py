"""What reached neither the primary nor the fallback is known in the end, because Twilio knows it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from local.disasters import MESSAGE
from local.twilio import Caller
from local.twilio.primary import Primary, refusing_url
from tests.stories.conftest import Deployed
from tests.stories.on_call import CALLER, LINE, fallback
from tests.stories.test_whatever_happens import FAULTS, Break, broken

__all__ = ["broken"]


@pytest.fixture(autouse=True)
def alone(deployed: Deployed) -> Iterator[None]:
    """While the function is broken the probe gets static answers too, and takes those of callers for its own where it is slow. And texts of
    another environment of the account, of which this one's table knows nothing, would explain them as well."""
    deployed.api.forget_the_past()
    with deployed.alone():
        yield


def test_texts_and_calls_that_nobody_got_are_found_and_the_texts_handed_back_once(deployed: Deployed, broken: Break) -> None:
    """The answer function is broken while the primary is down. One text's alert tells all, the other's never came; the trunk has none."""
    since, outputs, twilio = datetime.now(UTC) - timedelta(minutes=1), deployed.outputs, deployed.twilio()
    broken(FAULTS["raises"])
    with refusing_url() as address:
        number = twilio.number(LINE, sms_url=f"{address}/texts", sms_fallback_url=outputs.sms_url)
        alerted, silent = (number.text("+12025550160", body) for body in ("Is it ready?", "Hello?"))
    trunk = twilio.trunk("main", origination=["sip:127.0.0.1:9"], disaster_recovery_url=outputs.trunk_url, numbers=["+12065550110"])
    call = trunk.call("+12065550110", CALLER, Caller(says=MESSAGE))
    twilio.alerts[:] = [alert for alert in twilio.alerts if alert.resource_sid != silent.sid]
    assert (alerted.replies, silent.replies, call.recordings) == ([], [], [])

    client, event = deployed.cloud.client("lambda"), json.dumps({"since": since.isoformat()})
    for _ in range(2):
        assert "FunctionError" not in client.invoke(FunctionName=outputs.reconcile_function, Payload=event.encode())
    kinds = [{item["kind"]["S"] for item in deployed.items(sid) if "kind" in item} for sid in (alerted.sid, silent.sid, call.sid)]
    assert [kind - {"end"} for kind in kinds] == [{"missed"}, {"unheard"}, {"unheard"}]
    assert CALLER in fallback(deployed, "voicemails", "call-back", "--since", "1h").stdout
    assert "whether the primary has it is unknown" in fallback(deployed, "call", silent.sid).stdout

    port = urlsplit(address).port or 0
    replay = ("replay", "--since", "1h", "--url", f":{port}", "--no-dry-run", "--rate", "50")
    with Primary(port=port) as primary:
        primary.answers("<Response/>")
        for options in ([], ["--include-perhaps"], ["--include-perhaps"]):
            done = fallback(deployed, *replay, *options)
            assert done.returncode == 0, done.stderr
        posted = [received.form for received in primary.received if received.method == "POST"]
    assert [form["MessageSid"] for form in posted] == [alerted.sid, silent.sid], "what is unsure only when told"
    assert posted[1]["Body"] == "Hello?"
