"""Who may import whom: app, ops, local -> stacks, answerbook -> lambdas -> nothing; everybody -> config; stacks never -> answerbook."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"answerbook", "bench", "config", "lambdas", "local", "ops", "stacks", "tests"}
MAY_IMPORT = {
    "config": {"config"},
    "lambdas/answer": {"lambdas"},
    "lambdas/media": {"lambdas"},
    "lambdas/workers": {"lambdas"},
    "answerbook": {"answerbook", "config", "lambdas"},
    "stacks": {"stacks", "config", "lambdas"},
    "ops": {"ops", "answerbook", "stacks", "config", "lambdas"},
    "local/twilio": {"local"},
}


def imports(path: Path) -> Iterator[str]:
    """The modules of ours that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        yield from (name for name in names if name.split(".")[0] in PACKAGES)


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_go_one_way(folder: str) -> None:
    """A module knows what it is built on, never what is built on it."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for name in imports(path):
            assert name.split(".")[0] in MAY_IMPORT[folder], f"{path.relative_to(ROOT)} imports {name}"


def test_the_answer_imports_only_itself() -> None:
    """Every import is paid by a caller who waits."""
    for path in (ROOT / "lambdas/answer").glob("*.py"):
        assert [name for name in imports(path) if not name.startswith("lambdas.answer")] == [], path


def test_the_stand_in_shares_no_code_with_the_product() -> None:
    """One mistake in both would cancel itself out."""
    for path in (ROOT / "local/twilio").rglob("*.py"):
        assert [name for name in imports(path) if not name.startswith("local.twilio")] == [], path


def test_workers_take_formats_from_the_answer_and_never_its_handler() -> None:
    """The writer of a format owns its description; the handler would start an answer."""
    for path in (ROOT / "lambdas/workers").glob("*.py"):
        assert "lambdas.answer.handler" not in set(imports(path)), path
