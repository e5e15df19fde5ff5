"""What a template may write and do has an end: a mistake, or somebody's joke, is refused with its line before it takes the machine."""

from functools import partial
from pathlib import Path

import pytest

from answerbook import limits, templates
from answerbook.compile import compile_book
from answerbook.limits import MOST, Budget, TooMuch, size
from answerbook.templates import Templates
from config.folders import Folders
from config.mistakes import ConfigError
from config.settings import parse
from tests.unit.books import refused, settings_text
from tests.unit.test_flows import desks

OWN = '[answer.own]\nflow = "own"\n'
WRITES = "this writes or repeats more than 200,000 characters, or loops too often: a document has at most 64 kB; correct the loop"
WIDTH = "a width in this format has seven digits or more, or comes from a value"
TWICE = "{% for i in range(99) %}{% set ns.it = TWO %}{% endfor %}{{ ns.it }}"
NAMED = "{% set ns = namespace(it='x', other='y') %}"
#: Each in line 2 of a document.
TOO_MUCH = [
    ('{{ "x" * 10**10 }}', WRITES),
    ('{{ 10**10 * "x" }}', WRITES),
    ("{{ ([1] * 10**10) | length }}", WRITES),
    ("{{ 7 ** (10 ** 9) }}", WRITES),
    ('{{ "%1000000000d" % 1 }}', WIDTH),
    ('{{ "%*d" % (1000000000, 1) }}', WIDTH),
    ('{{ "{:1000000000}".format(1) }}', WIDTH),
    ('{{ "{:{}}".format(1, 1000000000) }}', WIDTH),
    ('{{ "%1000000000d" | format(1) }}', WIDTH),
    ('{{ "x" | center(10**9) }}', WRITES),
    ('{{ "x".ljust(10**9) }}', WRITES),
    ('{{ "x\\n" | indent(10**9, true) }}', WRITES),
    ('{{ "\\t".expandtabs(10**9) }}', WRITES),
    ("{{ [1] | batch(10**9, 0) | list }}", WRITES),
    ("{{ range(100000) | join('x' * 1000) }}", WRITES),
    ("{{ ('x' * 100000) | replace('x', 'x' * 100000) }}", WRITES),
    ("{{ ('x' * 100000).replace('x', 'x' * 100000) }}", WRITES),
    ("{% for i in range(1000) %}{% for j in range(1000) %}{% endfor %}{% endfor %}", WRITES),
    ("{% for i in range(100000) %}" + "x" * 300 + "{% endfor %}", WRITES),
    (NAMED + TWICE.replace("TWO", "ns.it ~ ns.it"), WRITES),
    (NAMED + TWICE.replace("TWO", "ns.it + ns.it"), WRITES),
    (NAMED + TWICE.replace("TWO", "[ns.it, ns.it]"), WRITES),
    (NAMED + TWICE.replace("TWO", "{'a': ns.it, 'b': ns.it}"), WRITES),
    (NAMED + TWICE.replace("{% set ns.it = TWO %}", "{% set it %}{{ ns.it }}{{ ns.it }}{% endset %}{% set ns.it = it %}"), WRITES),
    ("{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}x{% endmacro %}{{ m(60) }}", WRITES),
    ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "it includes or calls itself without end; break the circle"),
    ('{% include "own/start.xml" %}', "it includes or calls itself without end; break the circle"),
    ("{% for i in range(10**9) %}{% endfor %}", "Range too big"),
    ("{{ lipsum(10**6) }}", "'lipsum' is undefined"),
]
UNREADABLE = [
    ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "brackets or blocks are nested hundreds of times; close them"),
    ("{% if 1 %}" * 5000 + "{% endif %}" * 5000, "brackets or blocks are nested hundreds of times; close them"),
    ("{{ " + "9" * 5000 + " }}", "this has a number that is too long"),
]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundredth of the budget, so that what spends it step by step is soon over."""
    monkeypatch.setattr(templates, "Budget", partial(Budget, MOST // 100))


def own(folder: Path, template: str, steps: str = "") -> Path:
    """Templates of a team's own."""
    (folder / "own").mkdir()
    (folder / "own/start.xml").write_text(f"<Response>\n{template}</Response>")
    (folder / "own/steps.toml").write_text(steps)
    return folder


@pytest.mark.parametrize(
    ("template", "says"), TOO_MUCH, ids=[f"{number} {template[-50:]}" for number, (template, _) in enumerate(TOO_MUCH)]
)
@pytest.mark.usefixtures("small")
def test_what_is_too_much_is_refused_with_its_line(tmp_path: Path, template: str, says: str) -> None:
    message = refused(OWN, own(tmp_path, template), voice="own")
    assert message.startswith(f"{tmp_path}/own/start.xml:2: ")
    assert says in message


@pytest.mark.parametrize(("template", "says"), UNREADABLE, ids=["brackets", "blocks", "digits"])
def test_what_cannot_be_read_is_a_sentence(tmp_path: Path, template: str, says: str) -> None:
    assert f"{tmp_path}/own/start.xml:1: {says}" in refused(OWN, own(tmp_path, template), voice="own")


def test_steps_have_the_same_end(tmp_path: Path) -> None:
    steps = '# steps\nturns = 1\n{{ "#" * 10**10 }}\n'
    says = WRITES.replace("200,000", "20,000,000")
    assert refused(OWN, own(tmp_path, "<Hangup/>", steps), voice="own").startswith(f"{tmp_path}/own/steps.toml:3: {says}")


def test_templates_that_take_minutes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the processor's time of all of them together: what is left over is not spent by the next one."""
    clock = iter(range(10**9))
    monkeypatch.setattr(limits, "process_time", lambda: float(next(clock)))
    own_templates = Templates(Folders(own(tmp_path, "{% for i in range(10000) %}{% endfor %}"), tmp_path))
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"own/start.xml:\d: the templates take more than 60 seconds to fill in"):
            own_templates.document("own", "start", {})


def test_large_settings_are_far_from_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """5,000 extensions take a tenth of what there is."""
    spent: list[int] = []
    monkeypatch.setattr(Budget, "end", lambda budget: spent.append(budget.spent))
    compile_book(parse("test", settings_text(desks(5000), twilio='trunks = ["main"]'), Path("test.toml")))
    assert 0 < max(spent) < MOST / 5


def test_a_budget_is_spent_once() -> None:
    budget = Budget(most=10)
    budget.spend(10)
    with pytest.raises(TooMuch, match="more than 10 characters"):
        budget.spend(1)
    budget.end()
    budget.begin()
    budget.spend(10)


def test_a_value_is_as_large_as_what_it_holds() -> None:
    assert size(["x" * 100] * 100) > 10_000
    twice: list[object] = []
    for _ in range(100):  # 2 ** 100 of them, none of which is written out
        twice = [twice, twice]
    counted = size(twice, most=1000)
    assert 1000 < counted < 1100
