"""The stack where audio is played and employees call out."""

import wave
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from answerbook.compile import compile_book
from config.settings import parse
from stacks.fallback_stack import FallbackStack
from tests.unit.books import settings_text

Json = dict[str, Any]
OUTGOING = (
    '[answer.out]\nflow = "dial_through"\ncaller_id = "+12025550199"\nprefixes = ["+1"]\notherwise = "sorry"\n[[sip]]\nanswer = "out"\n'
)
PLAYING = '[answer.note]\nflow = "play"\nmessage = { audio = "note.wav", text = "Note." }\n'


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """An environment with a recorded message and a SIP domain."""
    templates = tmp_path_factory.mktemp("audio") / "templates"
    (templates / "play").mkdir(parents=True)
    with wave.open(str(templates / "play" / "note.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(1600))
    settings = parse("test", settings_text(PLAYING + OUTGOING, voice="note", twilio='sip_domains = ["office"]'), Path("test.toml"))
    return dict(Template.from_stack(FallbackStack(App(), settings, compile_book(settings, templates), templates)).to_json())


def resources(template: Json, kind: str) -> dict[str, Json]:
    return {name: resource["Properties"] for name, resource in template["Resources"].items() if resource["Type"] == kind}


def test_audio_has_an_api_of_its_own(template: Json) -> None:
    """Binary answers would turn the forms of the other APIs into base64 and break their mocks."""
    apis = resources(template, "AWS::ApiGateway::RestApi")
    assert [name for name, api in apis.items() if api.get("BinaryMediaTypes")] == ["MediaFilesApi"]
    methods = [
        method for method in resources(template, "AWS::ApiGateway::Method").values() if method["RestApiId"] == {"Ref": "MediaFilesApi"}
    ]
    assert [(method["HttpMethod"], method["Integration"]["Type"]) for method in methods] == [("GET", "AWS_PROXY")]


def test_broken_audio_is_told_as_503(template: Json) -> None:
    """So that Twilio asks for the words instead."""
    found = resources(template, "AWS::ApiGateway::GatewayResponse").values()
    media = {response["ResponseType"]: response["StatusCode"] for response in found if response["RestApiId"] == {"Ref": "MediaFilesApi"}}
    assert {media[name] for name in ("DEFAULT_5XX", "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT", "THROTTLED")} == {"503"}


def test_the_answer_knows_where_the_audio_is(template: Json) -> None:
    environment = template["Resources"]["AnswerFunction"]["Properties"]["Environment"]["Variables"]
    assert {"Ref": "MediaFilesApi"} in environment["MEDIA_URL"]["Fn::Join"][1]


def test_employees_calls_are_served_only_where_they_are_answered(template: Json, templates: dict[str, Template]) -> None:
    """`/sip/{domain}` has a rule here, `/app/{app}` has none."""
    paths = {resource["PathPart"] for resource in resources(template, "AWS::ApiGateway::Resource").values()}
    assert "sip" in paths
    assert "app" not in paths
    assert not any(
        api.get("BinaryMediaTypes") for api in resources(dict(templates["local"].to_json()), "AWS::ApiGateway::RestApi").values()
    )
