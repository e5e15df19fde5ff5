"""Any request that reaches a TwiML stage gets status 200, the right medium and valid TwiML, whatever is broken behind it."""

import io
import json
import ssl
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from twilio.request_validator import RequestValidator

from answerbook import grammar
from local.emulator.controls import ANSWER
from local.outputs import Outputs
from tests.stories.conftest import Deployed

Answer = tuple[int, str, str]
HANDLER = "lambdas/answer/handler.py"


def ask(outputs: Outputs, url: str, parameters: dict[str, str], token: str | None = None, method: str = "POST") -> Answer:
    """One signed request: status, content type, body."""
    body = urlencode(parameters).encode()
    signature = RequestValidator(token or outputs.auth_token).compute_signature(url, parameters)
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    trust = ssl.create_default_context(cafile=outputs.ca_bundle)
    request = urllib.request.Request(url, body if method == "POST" else None, headers, method=method)
    try:
        with urllib.request.urlopen(request, context=trust, timeout=ANSWER) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers["Content-Type"], refused.read().decode()


def call(outputs: Outputs) -> dict[str, str]:
    """The parameters of a call that fell back."""
    sid = "CA" + uuid4().hex
    return {"AccountSid": outputs.account_sid, "CallSid": sid, "From": "+15550100123", "To": "+15550100199", "ErrorCode": "11200"}


def text(outputs: Outputs) -> dict[str, str]:
    """The parameters of a text that fell back."""
    sid = "SM" + uuid4().hex
    return {"AccountSid": outputs.account_sid, "MessageSid": sid, "From": "+15550100123", "To": "+15550100199", "Body": "Hi"}


Break = Callable[[str], None]


@pytest.fixture
def broken(deployed: Deployed) -> Iterator[Break]:
    """Replaces the answer function's handler by other code, and puts the alias back afterwards."""
    lambda_, name = deployed.cloud.client("lambda"), deployed.outputs.answer_function
    good = lambda_.get_alias(FunctionName=name, Name="live")["FunctionVersion"]

    def replace(source: str) -> None:
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr(HANDLER, source)
        version = lambda_.update_function_code(FunctionName=name, ZipFile=code.getvalue(), Publish=True)["Version"]
        lambda_.update_alias(FunctionName=name, Name="live", FunctionVersion=version)

    yield replace
    lambda_.update_alias(FunctionName=name, Name="live", FunctionVersion=good)


FAULTS = {
    "raises": "def handler(event, context):\n    raise RuntimeError('broken')\n",
    "does not import": "import no_such_module\n",
    "exits": "import os\ndef handler(event, context):\n    os._exit(3)\n",
    "hangs": "import time\ndef handler(event, context):\n    time.sleep(60)\n",
    "returns nonsense": "def handler(event, context):\n    return ['nonsense']\n",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_function_still_gives_the_caller_twiml(deployed: Deployed, broken: Break, fault: str) -> None:
    """Whatever the function does, the caller hears an apology and a text gets an empty document; a callback learns the truth."""
    broken(FAULTS[fault])
    outputs = deployed.outputs
    status, content_type, body = ask(outputs, outputs.voice_url, call(outputs))
    assert (status, content_type, grammar.check(body, "voice")) == (200, "text/xml", [])
    assert body.rstrip().endswith("<Hangup/></Response>")
    if fault != "hangs":  # one wait of five seconds is enough
        assert ask(outputs, outputs.sms_url, text(outputs)) == (200, "text/xml", "<Response/>\n")
        assert ask(outputs, outputs.recording_url, call(outputs))[0] == 503


def test_an_unknown_path_or_method_gets_the_static_answer(deployed: Deployed) -> None:
    """A mistyped URL in the Twilio console still answers callers."""
    outputs = deployed.outputs
    for url, method in ((outputs.voice_url + "x", "POST"), (outputs.voice_url, "PUT")):
        status, content_type, body = ask(outputs, url, call(outputs), method=method)
        assert (status, content_type) == (200, "text/xml")
        assert "<Hangup/>" in body


@pytest.mark.parametrize("path", ["health", "static"])
def test_api_gateway_alone_serves_the_health_check_and_the_last_resort(deployed: Deployed, broken: Break, path: str) -> None:
    """`/health` and `/static` need no function."""
    broken(FAULTS["raises"])
    url = deployed.outputs.voice_url.removesuffix("voice") + path
    status, _, body = ask(deployed.outputs, url, {}, method="GET")
    assert status == 200
    assert ("ok" if path == "health" else "<Hangup/>") in body


def test_a_forged_request_leaves_no_data(deployed: Deployed) -> None:
    """A wrong signature for an account that is not ours: the unverified answer, and nothing in the journal or the table but a count."""
    stranger = call(deployed.outputs) | {"AccountSid": "AC" + "f" * 32, "From": "+15550100666"}
    status, _, body = ask(deployed.outputs, deployed.outputs.voice_url, stranger, token="not the token")
    assert (status, grammar.check(body, "voice")) == (200, [])
    real = call(deployed.outputs)
    ask(deployed.outputs, deployed.outputs.voice_url, real)
    deployed.events(real["CallSid"])
    assert deployed.items(stranger["CallSid"]) == []
    assert not [line for line in deployed.log(deployed.outputs.journal_group) if stranger["From"] in line or stranger["CallSid"] in line]


def test_secrets_manager_down_at_a_cold_start_gives_the_unverified_answer_and_leaves_what_it_claims(deployed: Deployed) -> None:
    """No token could be read: the caller is answered; what the request claims is kept apart, so that Twilio can be asked."""
    deployed.cloud.controls.outage(secretsmanager="error")
    deployed.cloud.controls.recycle(deployed.outputs.answer_function)
    parameters = call(deployed.outputs)
    status, _, body = ask(deployed.outputs, deployed.outputs.voice_url, parameters)
    assert (status, "<Record" in body) == (200, True)
    claimed = deployed.stranger(parameters["CallSid"])
    assert (claimed["trust"]["S"], claimed["pk"]["S"].partition("#")[0]) == ("unverifiable", "stranger")
    assert deployed.items(parameters["CallSid"]) == []
    deployed.cloud.controls.outage()
    deployed.cloud.controls.recycle(deployed.outputs.answer_function)


def test_a_rotated_token_is_picked_up(deployed: Deployed) -> None:
    """A new token is accepted by environments that start after the rotation, and the old one as long as it is listed."""
    outputs, put = deployed.outputs, deployed.cloud.put_tokens
    put(outputs.tokens_secret, {outputs.account_sid: ["the new one", outputs.auth_token]})
    deployed.cloud.controls.recycle(outputs.answer_function)
    for token in ("the new one", outputs.auth_token):
        parameters = call(outputs)
        ask(outputs, outputs.voice_url, parameters, token=token)
        assert deployed.events(parameters["CallSid"])[0]["trust"]["S"] == "verified"
    put(outputs.tokens_secret, {outputs.account_sid: [outputs.auth_token]})


def test_every_answer_bears_the_line_of_the_settings_that_decided(deployed: Deployed) -> None:
    """From a line in the log to a line in the config."""
    parameters = call(deployed.outputs)
    ask(deployed.outputs, deployed.outputs.voice_url, parameters)
    at = deployed.events(parameters["CallSid"])[0]["at"]["S"]
    assert at.startswith("local.toml:")


def test_the_access_log_names_the_gateway_response(deployed: Deployed, broken: Break) -> None:
    """Status 200 hides a broken function from the API's own metrics; the access log does not."""
    broken(FAULTS["raises"])
    ask(deployed.outputs, deployed.outputs.voice_url, call(deployed.outputs))
    groups = deployed.cloud.client("logs").describe_log_groups()["logGroups"]
    group = next(group["logGroupName"] for group in groups if f"{deployed.outputs.stack}/VoiceAccessLog" in group["logGroupName"])

    def lines() -> list[Any]:
        return [json.loads(line) for line in deployed.log(group)]

    deployed.until(lambda: any(line["errorType"] not in ("-", "") and line["resource"] == "/voice" for line in lines()), "an error type")
