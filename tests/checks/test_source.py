"""The source itself: what ruff and mypy say of it, in the same summary as everything else."""

import subprocess
import sys
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
