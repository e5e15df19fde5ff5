"""docs/first_deployment.md: its commands are whole, and whatever a line breaks it puts back by the opposite call, and looks."""

import re

import pytest

from tests.unit.page_commands import ROOT, lines, split

PAGE = (ROOT / "docs" / "first_deployment.md").read_text()
#: An item of the checklist, with its blocks.
ITEMS = re.findall(r"^- \[ \] .*?(?=^- \[ \] |^#|\Z)", PAGE.partition("## What Twilio does not document")[0], re.MULTILINE | re.DOTALL)
#: What breaks something, and what puts it back.
OPPOSITES = {
    "aws lambda remove-permission": "aws lambda add-permission",
    "aws lambda put-function-concurrency": "aws lambda delete-function-concurrency",
    "aws apigateway update-stage": "aws apigateway update-stage",
    "aws lambda update-alias": "make cdk",
    "aws cloudwatch set-alarm-state": "",  # the next evaluation does it
}
#: What looks at how it is.
LOOKS = re.compile(r"aws \S+ (?:get|describe)-\S+|curl|fallback\b")
#: Calls that change what stands, by their names.
CHANGES = re.compile(r"aws \S+ (?:put|update|delete|remove|set|add|create|disable|stop|start)-\S+")


def typed(item: str) -> list[str]:
    """The commands of an item, one after the other."""
    blocks = "".join(re.findall(r"^ *```sh\n.*?^ *```\n", item, re.MULTILINE | re.DOTALL))
    return [" ".join(words) for line in lines(blocks) for words in split(line)]


@pytest.mark.parametrize("command", sorted({command for item in ITEMS for command in typed(item)}))
def test_a_command_names_environment_and_region(command: str) -> None:
    """It is copied as it stands, whatever the shell knows."""
    program, *words = command.split()
    if program == "aws":
        assert "--region us-west-2" in command
    if program == "fallback":
        assert "-e staging --region us-west-2" in command
    if program == "make":
        assert "-c environment=staging -c config=../acme" in command
    if program == "curl":
        assert any("$VoiceUrl" in word or "us-west-2" in word for word in words)


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item[6:50])
def test_what_is_broken_is_put_back_and_looked_at(item: str) -> None:
    commands = typed(item)
    for breaks, restores in OPPOSITES.items():
        broken = [index for index, command in enumerate(commands) if command.startswith(breaks)]
        if not broken:
            continue
        after = commands[broken[0] + 1 :]
        back = next((index for index, command in enumerate(after) if command.startswith(restores)), None)
        assert back is not None, f"nothing puts back what {breaks} did"
        assert any(LOOKS.match(command) for command in after[back + bool(restores) :]), f"nobody looks whether {restores} worked"
    named = {breaks for breaks in OPPOSITES if any(command.startswith(breaks) for command in commands)}
    named |= {OPPOSITES[breaks] for breaks in named}
    changing = {match[0] for command in commands if (match := CHANGES.match(command))}
    assert changing <= named, "what changes something is one of those whose opposite is known"


def test_no_line_relies_on_deploying_what_did_not_change() -> None:
    """CloudFormation passes over a template that did not change: only an edit, or the very first, is deployed to change something."""
    assert "eploy again" not in PAGE
    for item in ITEMS:
        deploys = [command for command in typed(item) if command.startswith("make cdk ARGS=deploy")]
        allowed = ("**Rights.**", "**Protection**", "**A bad release**")
        assert not deploys or any(name in item for name in allowed), item


def test_what_takes_hours_stands_apart() -> None:
    minutes, later = PAGE.split("## Come back")
    waits = re.compile(r"(?:[Aa]fter|within) (?:an hour|two hours|a day|a quarter of an hour)")
    assert not waits.search(minutes)
    assert len(waits.findall(later)) >= 3


def test_the_page_ends_its_drills_with_a_look_at_everything() -> None:
    drills = PAGE.split("## Break it, and put it back")[1].split("\n## ")[0]
    last = typed(drills[drills.rindex("- [ ]") :])
    assert last[0].startswith("make cdk ARGS=drift --fail")
    assert any("--state-value ALARM" in command for command in last)
