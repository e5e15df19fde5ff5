"""Whatever of the stack may vanish, an alarm goes off: the table names each thing of the template, and for each a test takes it away."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template

from ops.deploy_rights import resources
from ops.vanished import PAGE, page
from stacks.alarms import PROBE, ROWS
from stacks.vanished import ACCOUNT, GONE, RESOURCES, Loss, loss_of

TESTS = Path(__file__).parents[1]
INVENTORY = TESTS.parent / "lambdas" / "workers" / "inventory.py"
WATCHED = "stories/test_watched.py::"
#: By the first alarm of a row, or by the row where that is not enough: the test that takes such a thing away.
PROOFS = {
    "access-log-silent": WATCHED + "test_an_answer_that_may_not_be_asked_rings_where_no_access_log_is_written",
    "answer-throttles": WATCHED + "test_no_room_in_the_account_rings_its_own_alarm",
    "static-answers": WATCHED + "test_an_answer_that_may_not_be_asked_is_counted_by_the_access_log",
    "wrong-answer": "unit/test_probe.py::test_what_is_wrong_is_counted_by_its_kind",
    "tokens-unreadable": "unit/test_probe.py::test_without_its_token_the_probe_is_a_stranger_and_still_proves_that_callers_are_answered",
    "unrecorded": WATCHED + "test_a_probe_whose_item_never_came_says_so",
    "fallback-failed": WATCHED + "test_a_request_to_us_that_twilio_could_not_make_rings_its_own_alarm",
    "journal-undelivered": WATCHED + "test_a_record_that_may_not_be_invoked_rings_its_own_alarm",
    "record-fails": WATCHED + "test_a_broken_record_rings_its_own_alarm",
    "voicemails-late": "unit/test_reconcile.py::test_a_message_without_a_file_for_an_hour_is_reported",
    "reconcile-fails": "unit/test_reconcile.py::test_an_account_without_a_key_keeps_no_other_from_its_recordings",
    "outage-fails": WATCHED + "test_what_must_run_every_minute_rings_when_it_does_not",
    "probe-silent": WATCHED + "test_what_must_run_every_minute_rings_when_it_does_not",
    "worker-failed": WATCHED + "test_a_worker_that_nobody_waits_for_rings_when_it_fails_and_says_why",
    GONE: "unit/test_inventory.py::test_what_is_gone_is_named",
    "the event table": WATCHED + "test_a_table_that_is_down_is_told_as_what_it_is",
    "the Tokens secret": WATCHED + "test_secrets_manager_that_is_down_is_told_as_what_it_is",
    "the queue of its failed deliveries": WATCHED + "test_deliveries_that_fail_and_find_no_queue_ring",
}


@pytest.fixture(scope="module")
def everything(templates: dict[str, Template], playing: dict[str, Any]) -> dict[str, str]:
    """Every resource of every environment, of one with all that can be switched on, and of one with audio: type by logical id."""
    found = [resources(), playing["Resources"]]
    found += [template.to_json()["Resources"] for template in templates.values()]
    return {name: each["Type"] for part in found for name, each in part.items()}


def test_nothing_of_the_template_is_forgotten(everything: dict[str, str]) -> None:
    assert [f"{kind} {name}" for name, kind in everything.items() if loss_of(kind, name) is None] == []


def test_each_row_is_about_something_that_is_there(everything: dict[str, str]) -> None:
    used = {id(loss_of(kind, name)) for name, kind in everything.items()}
    assert [each.what for each in RESOURCES if id(each) not in used] == []


@pytest.mark.parametrize("loss", ACCOUNT + RESOURCES, ids=lambda loss: loss.what)
def test_an_alarm_goes_off_with_a_probe_and_without(loss: Loss) -> None:
    """Or it is said why none need do so."""
    assert set(loss.alarms) <= {each.name for each in ROWS + PROBE}
    if loss.reason:
        assert not loss.alarms
        return
    assert set(loss.alarms) - {each.name for each in PROBE}
    assert loss.after


def test_what_the_hourly_look_is_to_miss_it_looks_at(everything: dict[str, str]) -> None:
    """Read from its source, which cannot be imported here; a role's policies go with the role."""
    looks = set(re.findall(r'^    "(AWS::\w+::\w+)": ', INVENTORY.read_text(), re.MULTILINE)) | {"AWS::IAM::Policy"}
    missed = {kind for name, kind in everything.items() if (loss := loss_of(kind, name)) and GONE in loss.alarms}
    assert missed <= looks
    assert looks <= missed


@pytest.mark.parametrize("loss", [each for each in ACCOUNT + RESOURCES if each.alarms], ids=lambda loss: loss.what)
def test_a_test_takes_it_away(loss: Loss) -> None:
    file, _, name = (PROOFS.get(loss.what) or PROOFS[loss.alarms[0]]).partition("::")
    assert name in names_in(file)


@cache
def names_in(file: str) -> set[str]:
    """The names of the tests of a file."""
    return {node.name for node in ast.walk(ast.parse((TESTS / file).read_text())) if isinstance(node, ast.FunctionDef)}


def test_the_page_says_the_same() -> None:
    """`python -m ops.vanished` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == page()
