"""Requests that Twilio never sends: answered all the same, nothing stored but a count, no exception in the log."""

import ssl
import urllib.request
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from answerbook import grammar
from local.emulator.controls import ANSWER
from tests.stories.conftest import Deployed
from tests.stories.test_whatever_happens import call

FORM = "application/x-www-form-urlencoded"
BODIES = {
    "no form": b'{"CallSid": "CA1"}',
    "nothing": b"",
    "a megabyte": b"From=" + b"1" * 1024 * 1024,
    "invalid UTF-8": b"From=\xff\xfe&CallSid=%ff",
    "ten thousand fields": b"&".join(b"F%d=1" % index for index in range(10_000)),
    "null bytes": b"From=%00&CallSid=CA\x00",
}


def post(deployed: Deployed, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, str]:
    """One raw request to the voice API: status, content type, body."""
    url = deployed.outputs.voice_url.removesuffix("/voice") + path
    request = urllib.request.Request(url, body, {"Content-Type": FORM} | headers)
    trust = ssl.create_default_context(cafile=deployed.outputs.ca_bundle)
    with urllib.request.urlopen(request, context=trust, timeout=ANSWER) as answer:
        return answer.status, answer.headers["Content-Type"], answer.read().decode()


def signed(deployed: Deployed, path: str, parameters: dict[str, str], **headers: str) -> tuple[int, str, str]:
    """The same, signed as Twilio would."""
    url = deployed.outputs.voice_url.removesuffix("/voice") + path
    signature = RequestValidator(deployed.outputs.auth_token).compute_signature(url, parameters)
    return post(deployed, path, urlencode(parameters).encode(), {"X-Twilio-Signature": signature} | headers)


def traces(deployed: Deployed) -> list[str]:
    """What in the journal's group is an exception, or a failure that the handler caught."""
    signs = ("Traceback", '"failed"', "[ERROR]", "Exception")
    return [line for line in deployed.log(deployed.outputs.journal_group) if any(sign in line for sign in signs)]


@pytest.mark.parametrize("kind", BODIES)
def test_what_is_no_request_of_twilios_is_answered_and_leaves_nothing(deployed: Deployed, kind: str) -> None:
    """Valid TwiML within the limits of time, whatever was sent."""
    before = traces(deployed)
    status, content_type, body = post(deployed, "/voice", BODIES[kind], {"X-Twilio-Signature": "nonsense"})
    assert (status, content_type, grammar.check(body, "voice")) == (200, "text/xml", [])
    assert traces(deployed) == before


def test_a_signed_request_without_a_call_is_answered_and_not_kept(deployed: Deployed) -> None:
    """Nothing that an event could belong to."""
    parameters = call(deployed.outputs)
    lost = parameters.pop("CallSid")
    status, _, body = signed(deployed, "/voice", parameters)
    assert (status, grammar.check(body, "voice")) == (200, [])
    assert not [line for line in deployed.log(deployed.outputs.journal_group) if lost in line]


@pytest.mark.parametrize("path", ["/voice/no_such_answer/no_step/9", "/voice/x", "/trunk/no_such_trunk"])
def test_a_path_that_names_nothing_is_answered(deployed: Deployed, path: str) -> None:
    """A step of an older book, a mistyped URL, a trunk that the settings do not know."""
    status, _, body = signed(deployed, path, call(deployed.outputs))
    assert (status, grammar.check(body, "voice")) == (200, [])


@pytest.mark.parametrize(
    "cookie", ["fallback=no/such/step:9999999999", "fallback=", "fallback=voicemail/recorded/1:notatime", ";;=", "\x7f"]
)
def test_a_cookie_that_names_nothing_is_passed_over(deployed: Deployed, cookie: str) -> None:
    """The entry's own rules answer."""
    status, _, body = signed(deployed, "/voice", call(deployed.outputs), Cookie=cookie)
    assert (status, "<Record" in body) == (200, True)
