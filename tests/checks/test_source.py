"""The source itself: what ruff and mypy say of it, in the same summary as everything else."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _passes(*command: str) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(done.stdout + done.stderr, pytrace=False)


def test_mypy_finds_nothing() -> None:
    _passes("mypy")


def test_ruff_finds_nothing() -> None:
    _passes("ruff", "check", ".")


def test_everything_is_formatted() -> None:
    _passes("ruff", "format", "--check", ".")


def test_mypy_reads_every_module_of_the_cdk_that_is_imported() -> None:
    """What it does not read has no types, and nothing would be checked that is made of it."""
    overrides = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]["overrides"]
    read = {name for each in overrides if each.get("follow_imports") == "normal" for name in each["module"]}
    sources = [
        ROOT / "app.py",
        *(path for folder in ("stacks", "tests", "ops", "local", "bench") for path in (ROOT / folder).rglob("*.py")),
    ]
    found = {
        name for path in sources for name in re.findall(r"aws_cdk(?:\.| import )(aws_\w+|assertions)", path.read_text(encoding="utf-8"))
    }
    assert found
    assert {f"aws_cdk.{name}.*" for name in found} <= read
