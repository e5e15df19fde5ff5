"""Amazon's commands of the pages, asked of the local cloud: with the stack's own names in the places of those in capitals."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jmespath  # type: ignore[import-untyped]
import pytest
from botocore.model import Shape, StructureShape

from tests.stories.conftest import Deployed
from tests.unit.page_commands import Command, operation
from tests.unit.page_runs import run, typed

#: What the pages call the log groups, by the start of the logical id in the template, and other names in capitals by the output.
GROUPS = {"VOICE_ACCESS_LOG": "VoiceAccessLog", "JOURNAL": "Journal", "RECORD_LOG": "RecordLog", "OUTAGE_LOG": "WatchOutageLog"}
GROUPS |= {"RECONCILE_LOG": "VoicemailReconcileLog", "PROBE_LOG": "WatchProbeLog", "INVENTORY_LOG": "WatchInventoryLog"}
NAMES = {"ANSWER": "AnswerFunctionName", "VOICE_API": "VoiceApiId", "EventTableName": "EventTableName"}


@pytest.fixture(scope="module")
def names(deployed: Deployed) -> dict[str, str]:
    """What each name of the pages is here."""
    cloudformation, stack = deployed.cloud.client("cloudformation"), deployed.outputs.stack
    outputs = {each["OutputKey"]: each["OutputValue"] for each in cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]}
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    made = {each["LogicalResourceId"]: each["PhysicalResourceId"] for page in pages for each in page["StackResourceSummaries"]}
    groups = {name: next(of for logical, of in made.items() if logical.startswith(begins)) for name, begins in GROUPS.items()}
    known = {name: outputs[output] for name, output in NAMES.items()}
    environment = {
        "fallback-ENV": stack,
        "fallback-staging": stack,
        "REGION": deployed.outputs.region,
        "us-west-2": deployed.outputs.region,
    }
    return groups | known | environment | {"DEAD": made["RecordDeadLetters"]}


def named(words: Sequence[str], names: Mapping[str, str]) -> Iterator[str]:
    """The words with what the names are here."""
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in sorted(names, key=len, reverse=True)))
    yield from (pattern.sub(lambda found: names[found[0]], word) for word in words)


def options(words: Sequence[str]) -> dict[str, list[str]]:
    """The options of a command line with their values."""
    found: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--"):
            found[word.removeprefix("--")] = values = []
        elif found:
            values.append(word)
    return found


def value(shape: Shape, texts: list[str]) -> Any:
    """A value as Amazon's command line makes it of words."""
    if texts and texts[0].startswith("{"):
        return json.loads(texts[0])
    match shape.type_name:
        case "list":
            return texts
        case "integer" | "long":
            return int(texts[0])
        case "boolean":
            return not texts or texts[0] == "true"
    return texts[0]


def ask(deployed: Deployed, words: Sequence[str]) -> Any:
    """The answer to a command, by way of its --query."""
    service, action, *rest = words
    given = options(rest)
    query = next(iter(given.pop("query", [])), "@")
    for each in ("region", "output"):
        given.pop(each, None)
    if (service, action) == ("logs", "tail"):
        [pattern] = given.get("filter-pattern", [""])
        return deployed.cloud.client("logs").filter_log_events(logGroupName=rest[0], filterPattern=pattern)["events"]
    model = operation(service, action)
    members = model.input_shape.members if isinstance(model.input_shape, StructureShape) else {}
    known = {re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower(): name for name in members}
    asked = {known[name]: value(members[known[name]], texts) for name, texts in given.items()}
    return jmespath.search(query, getattr(deployed.cloud.client(service), action.replace("-", "_"))(**asked))


@pytest.mark.parametrize("command", {typed(command): command for command in run("aws")}.values(), ids=typed)
def test_a_command_of_a_page_is_answered(deployed: Deployed, names: dict[str, str], command: Command) -> None:
    """What is asked is known, and what --query picks is there; where nothing is wrong, that may be an empty list, or no answer."""
    answer = ask(deployed, list(named(command.words[1:], names)))
    assert answer is not None or "get-function-concurrency" in command.words
