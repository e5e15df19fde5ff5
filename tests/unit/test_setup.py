"""`local/setup.sh`: what it takes for ready, and what it says where it cannot go on."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = "awk cat chmod cut dirname env find grep mkdir rm sed sh sleep tail touch".split()


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


def started(clone: Path, *words: str) -> subprocess.Popen[str]:
    environ = {"PATH": str(clone / "bin"), "HOME": str(clone / "home")}
    shell = shutil.which("sh", path=os.defpath) or "sh"
    pipe = subprocess.PIPE
    return subprocess.Popen([shell, "local/setup.sh", *words], cwd=clone, env=environ, stdout=pipe, stderr=pipe, text=True)


def run(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    with started(clone, *words) as script:
        out, err = script.communicate()
    return subprocess.CompletedProcess(words, script.returncode, out, err)


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


def test_a_second_set_up_waits_for_the_first_and_uses_what_it_made(clone: Path) -> None:
    turn = clone / ".build/setup.pid"
    turn.parent.mkdir()
    turn.write_text(str(os.getpid()))
    with started(clone) as script:
        assert script.stdout
        assert f"waiting for the set-up of this clone that runs already (process {os.getpid()};" in script.stdout.readline()
        made(clone)
        turn.unlink()
        out, err = script.communicate()
    assert (script.returncode, out, err) == (0, "", "")
    assert not turn.exists()


def test_nobody_waits_for_a_set_up_that_was_killed(clone: Path) -> None:
    with subprocess.Popen(["true"]) as gone:
        pass
    turn = clone / ".build/setup.pid"
    turn.parent.mkdir()
    turn.write_text(str(gone.pid))
    done = run(clone)
    assert "waiting" not in done.stdout
    assert "there is no Python 3.13 here" in done.stderr
    assert not turn.exists()
