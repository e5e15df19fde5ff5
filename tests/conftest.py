"""What every test may use: the figures that tests record are printed at the end of the run."""

from pathlib import Path

import hypothesis
import pytest

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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that read data made by others: `-m shared` selects them."""
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker("shared")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of data made by others."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not here: data made by others, kept outside the project")
    return SHARED
