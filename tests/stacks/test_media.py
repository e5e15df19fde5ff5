"""The stack where audio is played and employees call out."""

from typing import Any

from aws_cdk.assertions import Template

Json = dict[str, Any]


def resources(template: Json, kind: str) -> dict[str, Json]:
    return {name: resource["Properties"] for name, resource in template["Resources"].items() if resource["Type"] == kind}


def test_audio_has_an_api_of_its_own(playing: Json) -> None:
    """Binary answers would turn the forms of the other APIs into base64 and break their mocks."""
    apis = resources(playing, "AWS::ApiGateway::RestApi")
    assert [name for name, api in apis.items() if api.get("BinaryMediaTypes")] == ["MediaFilesApi"]
    methods = [
        method for method in resources(playing, "AWS::ApiGateway::Method").values() if method["RestApiId"] == {"Ref": "MediaFilesApi"}
    ]
    assert [(method["HttpMethod"], method["Integration"]["Type"]) for method in methods] == [("GET", "AWS_PROXY")]


def test_broken_audio_is_told_as_503(playing: Json) -> None:
    """So that Twilio asks for the words instead."""
    found = resources(playing, "AWS::ApiGateway::GatewayResponse").values()
    media = {response["ResponseType"]: response["StatusCode"] for response in found if response["RestApiId"] == {"Ref": "MediaFilesApi"}}
    assert {media[name] for name in ("DEFAULT_5XX", "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT", "THROTTLED")} == {"503"}


def test_the_answer_knows_where_the_audio_is(playing: Json) -> None:
    environment = playing["Resources"]["AnswerFunction"]["Properties"]["Environment"]["Variables"]
    assert {"Ref": "MediaFilesApi"} in environment["MEDIA_URL"]["Fn::Join"][1]


def test_employees_calls_are_served_only_where_they_are_answered(playing: Json, templates: dict[str, Template]) -> None:
    """`/sip/{domain}` has a rule here, `/app/{app}` has none."""
    paths = {resource["PathPart"] for resource in resources(playing, "AWS::ApiGateway::Resource").values()}
    assert "sip" in paths
    assert "app" not in paths
    assert not any(
        api.get("BinaryMediaTypes") for api in resources(dict(templates["local"].to_json()), "AWS::ApiGateway::RestApi").values()
    )
