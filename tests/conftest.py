"""What every test may use, and how the tests are shared out among processes.

The figures that tests record are printed at the end of the run.
"""

import os
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

#: Data made by others, which lies beside the project where it is developed. The tests that read it bear the mark `shared`: they skip
#: where it is absent, and no other test knows whether it is there.
SHARED = Path(__file__).parents[2] / "shared"

# A run of the tests is the same wherever and however slowly it runs; `--hypothesis-profile=default` looks for new examples.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures of the run: corpus acceptance, mutations caught, items lost."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    figures = [value for report in reports for name, value in report.user_properties if name == "figure"]
    if figures:
        terminalreporter.section("figures")
        for figure in figures:
            terminalreporter.write_line(str(figure))


#: The stories from this one on have a cloud of their own, and so have those about call flows, which need an environment more.
HALF, FLOWS = "test_on_call", "test_flows_"
#: These deploy into a cloud that nobody else uses.
ALONE = ("test_fresh_account", "test_local_cloud")
#: What takes longest begins first; all else is spread around it.
FIRST = ("stories", HALF, FLOWS, *ALONE, "test_source", "stacks")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """As many processes as processors; two more with the stories, which wait much of their time."""
    without_stories = config.option.markexpr == "not slow"
    return (os.process_cpu_count() or 1) + (0 if without_stories else 2)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that read data made by others (`-m shared`), and put what takes longest first."""
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker("shared")
    items.sort(key=lambda item: FIRST.index(group) if (group := group_of(item.nodeid)) in FIRST else len(FIRST))


def group_of(nodeid: str) -> str:
    """What runs in one process: the stories share a cloud, the tests of stacks their templates, and those of a module its fixtures."""
    path = Path(nodeid.partition("::")[0])
    folder, module = path.parent.name, path.stem
    if folder != "stories" or module in ALONE:
        return folder if folder == "stacks" else module
    if module.startswith(FLOWS):
        return FLOWS
    return HALF if module >= HALF else folder


class Groups(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types for it
    """Hands whole groups to the processes, in their order."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    """Share the tests out by group."""
    return Groups(config, log)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of data made by others."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not here: data made by others, kept outside the project")
    return SHARED
