"""`local/setup.sh`: what it takes for ready, and what it says where it cannot go on."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = "awk cat chmod cut dirname env find grep mkdir rm sed sh tail touch".split()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with what the script reads, and a PATH on which no Python is."""
    for name in ("local/setup.sh", "requirements.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    return tmp_path


def program(path: Path, script: str) -> None:
    """A program that does this."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def run(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": str(clone / "bin"), "HOME": str(clone / "home")}
    shell = shutil.which("sh", path=os.defpath) or "sh"
    return subprocess.run([shell, "local/setup.sh", *words], cwd=clone, env=environ, capture_output=True, text=True, check=False)


def made(clone: Path) -> None:
    """As if it had been set up."""
    program(clone / ".venv/bin/python", "exit 0")
    (clone / "node_modules/aws-cdk/bin").mkdir(parents=True)
    (clone / "node_modules/aws-cdk/bin/cdk").touch()
    (clone / ".venv/ready").write_text(f"{clone.resolve()}\n")


def test_what_was_set_up_here_is_ready(clone: Path) -> None:
    assert run(clone, "--check").returncode != 0
    made(clone)
    assert run(clone, "--check").returncode == 0


def test_a_moved_clone_is_not_ready(clone: Path) -> None:
    made(clone)
    moved = clone.rename(clone.with_name("moved"))
    assert run(moved, "--check").returncode != 0


def test_a_clone_whose_interpreter_is_gone_is_not_ready(clone: Path) -> None:
    made(clone)
    python = clone / ".venv/bin/python"
    python.unlink()
    python.symlink_to(clone / "uninstalled/python3.13")
    assert run(clone, "--check").returncode != 0


def test_a_clone_whose_cdk_is_gone_is_not_ready(clone: Path) -> None:
    made(clone)
    shutil.rmtree(clone / "node_modules")
    assert run(clone, "--check").returncode != 0


def test_without_any_python_it_says_where_one_comes_from(clone: Path) -> None:
    done = run(clone)
    assert done.returncode == 1
    for words in ("there is no Python 3.13 here, and none could be fetched", "apt install python3-venv", "brew install python@3.13", "uv"):
        assert words in done.stderr
    assert "python3.13-venv" not in done.stderr, "Debian 12 has no such package"


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("invalid peer certificate: UnknownIssuer", "export SSL_CERT_FILE=FILE PIP_CERT=FILE NODE_EXTRA_CA_CERTS=FILE"),
        ("npm error code SELF_SIGNED_CERT_IN_CHAIN", "export SSL_CERT_FILE=FILE PIP_CERT=FILE NODE_EXTRA_CA_CERTS=FILE"),
        ("failed to lookup address information: error resolving DNS", "the network is needed, once"),
        ("npm error code ECONNREFUSED", "export HTTPS_PROXY=http://HOST:PORT"),
        ("No space left on device", "make room"),
        ("ensurepip is not available", "apt install python3-venv"),
        ("something else", "make clean"),
    ],
)
def test_what_a_tool_said_is_shown_with_what_helps(clone: Path, words: str, remedy: str) -> None:
    program(clone / "bin/python3.13", f'case "$*" in *venv*) echo "{words}"; exit 1;; *version*) echo Python 3.13.9;; esac')
    done = run(clone)
    assert done.returncode == 1
    assert f"    {words}\n" in done.stderr
    assert remedy in done.stderr
    assert not (clone / ".venv/ready").exists()
