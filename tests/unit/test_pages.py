"""What is generated is up to date, and the README keeps its promises of form."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer import Context
from typer.core import TyperGroup as Group
from typer.main import get_command

from local import questions
from ops import cost
from ops.cli import app
from stacks.alarms import PROBE, ROWS, unasked
from tests.unit.page_commands import PAGES

ROOT = Path(__file__).parents[2]


def test_the_first_deployment_asks_every_open_question() -> None:
    """Each switch of the stand-in Twilio is a line of the checklist."""
    page = questions.PAGE.read_text()
    assert questions.rendered(page) == page, "write it anew: python -m local.questions"


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    """Below 150 lines; every page that it names exists."""
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) < 150
    linked = {part.partition(")")[0] for part in text.split("](")[1:]}
    assert [page for page in linked if not page.startswith("http") and not (ROOT / page).exists()] == []


def test_every_alarm_has_its_section_in_the_runbook_and_every_command_there_exists() -> None:
    """What an alarm sends people to is there, and what the page tells them to type is a command."""
    page = (ROOT / "docs/runbook.md").read_text()
    sections = set(re.findall(r"^## (.+)$", page, re.MULTILINE))
    assert {row.section for row in (*ROWS, *PROBE, unasked("AC1"))} == sections
    shown = re.findall(r"^ *\$ (.+)$", page, re.MULTILINE)
    assert all(f"\n## {section}\n" in page and "$ " in page.split(f"\n## {section}\n")[1].partition("\n## ")[0] for section in sections)
    for words in [*(shlex.split(line)[1:] for line in shown if line.startswith("fallback")), *re.findall(r"`fallback ([a-z].*?)`", page)]:
        parsed(words if isinstance(words, list) else words.split())


def parsed(words: list[str]) -> None:
    """Read the words of a command as the command itself would, without running it. Raises what it would say."""
    command: Any = get_command(app)
    context = Context(command)
    while isinstance(command, Group) and words:
        name, command, words = command.resolve_command(context, words)
        assert command, name
        context = Context(command, parent=context, info_name=name)
    if not isinstance(command, Group):
        command.parse_args(context, words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_one_of_a_thing_is_no_plural(page: Path) -> None:
    """`1 alarms` is a program's English. What options and paths end in (`/1 answers with`, `--digits 1 --at`) is no number of things."""
    assert re.findall(r"(?<![\w/.,:-])1 [a-z]+s\b(?! to\b)", page.read_text()) == []


@pytest.mark.slow
def test_what_it_costs_is_computed_from_the_template() -> None:
    """A new alarm or secret changes the page."""
    assert cost.PAGE.read_text() == cost.page(), "write it anew: python -m ops.cost"
