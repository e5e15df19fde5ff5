"""The copy of the cloud assembly that goes to the local cloud lacks what the emulator cannot make, says so, and still holds together."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.assembly import adapt

KNOWN = {"AWS::SNS::Topic", "AWS::CloudWatch::Alarm"}
TEMPLATE = {
    "Resources": {
        "Alarm": {"Type": "AWS::CloudWatch::Alarm", "DependsOn": ["Both", "Topic"], "Properties": {"AlarmActions": [{"Ref": "Topic"}]}},
        "Both": {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": {"AlarmRule": "ALARM(x)"}},
        "Topic": {
            "Type": "AWS::SNS::Topic",
            "DependsOn": "Both",
            "Properties": {
                "TopicName": {"Fn::Sub": "${AWS::StackName}-${Both}-${Both.Arn}-${Alarm}"},
                "DisplayName": {"Fn::Join": ["-", [{"Ref": "Both"}, {"Fn::GetAtt": ["Both", "Arn"]}, {"Fn::GetAtt": "Both.Arn"}]]},
                "Tags": [{"Key": "k", "Value": {"Fn::Sub": ["${Both}${x}", {"x": {"Ref": "Both"}}]}}],
            },
        },
        "Own": {"Type": "Custom::Thing", "Properties": {"ServiceToken": {"Fn::GetAtt": ["Topic", "TopicArn"]}}},
    },
    "Outputs": {"BothArn": {"Value": {"Fn::GetAtt": ["Both", "Arn"]}}, "TopicArn": {"Value": {"Ref": "Topic"}}},
}


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    source = tmp_path / "cdk.out"
    (source / "assembly-nested").mkdir(parents=True)
    (source / "manifest.json").write_text("{}")
    (source / "main.template.json").write_text(json.dumps(TEMPLATE))
    (source / "assembly-nested" / "other.template.json").write_text(json.dumps(TEMPLATE))
    return source


def adapted(source: Path, target: Path) -> Any:
    adapt(source, target, KNOWN)
    return json.loads((target / "main.template.json").read_text())


def test_unknown_types_are_dropped_and_each_is_told(assembly: Path, tmp_path: Path) -> None:
    dropped = adapt(assembly, tmp_path / "copy", KNOWN)
    assert [(each.template, each.logical_id) for each in dropped] == [("other", "Both"), ("main", "Both")]
    assert str(dropped[1]) == "AWS::CloudWatch::CompositeAlarm Both (main): unknown to the local cloud, left out of it"


def test_known_and_custom_types_stay(assembly: Path, tmp_path: Path) -> None:
    assert set(adapted(assembly, tmp_path / "copy")["Resources"]) == {"Alarm", "Topic", "Own"}


def test_nothing_points_at_what_was_dropped(assembly: Path, tmp_path: Path) -> None:
    template = adapted(assembly, tmp_path / "copy")
    topic = template["Resources"]["Topic"]["Properties"]
    assert topic["TopicName"] == {"Fn::Sub": "${AWS::StackName}-left-out-Both-left-out-Both-${Alarm}"}
    assert topic["DisplayName"] == {"Fn::Join": ["-", ["left-out-Both"] * 3]}
    assert topic["Tags"][0]["Value"] == {"Fn::Sub": ["left-out-Both${x}", {"x": "left-out-Both"}]}
    assert template["Outputs"]["BothArn"]["Value"] == "left-out-Both"
    assert template["Resources"]["Alarm"]["DependsOn"] == ["Topic"]
    assert template["Resources"]["Topic"]["DependsOn"] == []


def test_references_to_what_stays_are_untouched(assembly: Path, tmp_path: Path) -> None:
    template = adapted(assembly, tmp_path / "copy")
    assert template["Resources"]["Alarm"]["Properties"]["AlarmActions"] == [{"Ref": "Topic"}]
    assert template["Resources"]["Own"]["Properties"]["ServiceToken"] == {"Fn::GetAtt": ["Topic", "TopicArn"]}
    assert template["Outputs"]["TopicArn"]["Value"] == {"Ref": "Topic"}


def test_the_original_assembly_is_not_touched_and_an_old_copy_is_replaced(assembly: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "stale.template.json").write_text("{}")
    adapt(assembly, tmp_path / "copy", KNOWN)
    assert json.loads((assembly / "main.template.json").read_text()) == TEMPLATE
    assert not (tmp_path / "copy" / "stale.template.json").exists()
    assert (tmp_path / "copy" / "manifest.json").read_text() == "{}"


def test_a_template_without_unknown_types_is_copied_byte_for_byte(assembly: Path, tmp_path: Path) -> None:
    assert adapt(assembly, tmp_path / "copy", KNOWN | {"AWS::CloudWatch::CompositeAlarm"}) == []
    assert (tmp_path / "copy" / "main.template.json").read_bytes() == (assembly / "main.template.json").read_bytes()


def test_zips_take_no_room_twice_and_what_is_adapted_leaves_the_assembly_alone(assembly: Path, tmp_path: Path) -> None:
    (assembly / "asset.1.zip").write_bytes(b"zip")
    before = (assembly / "main.template.json").read_text()
    adapt(assembly, tmp_path / "adapted", KNOWN)
    assert (assembly / "asset.1.zip").samefile(tmp_path / "adapted" / "asset.1.zip")
    assert (assembly / "main.template.json").read_text() == before
